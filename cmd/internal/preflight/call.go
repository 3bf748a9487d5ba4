package preflight

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"releve/proxy/message"
	"releve/proxy/transport"
)

// placing is a call to place.
type placing struct {
	uri, from string // from: a URI
	to        transport.Flow
	sdp       []byte
	extra     [][]byte
	login     *login // answers challenges; nil: nobody does
	limit     time.Duration
	route     bool // our own hop stands in Record-Route
}

// call is a call that the study places. Its goroutine treats every response: ACK, PRACK
// and the credentials; a probe waits for what it wants to see.
type call struct {
	s     *station
	q     placing
	d     *dialog
	began time.Time

	mu       sync.Mutex // guards what follows
	got      []*heard   // responses, the oldest first
	final    *heard
	failed   bool // the way there failed
	refused  bool
	given    bool // CANCEL went out, or is due
	invite   []byte
	branch   string
	cseq     uint32
	progress bool
	pracked  []answered
	tags     map[string]bool // To tags of provisionals
	lateTags map[string]bool
	changed  chan struct{}
	quit     chan struct{}
	done     chan struct{}
	once     sync.Once

	begun sync.WaitGroup // what run began: requests in this and in other callees' dialogs
}

// place sends the INVITE and returns at once.
func (s *station) place(ctx context.Context, q placing) *call {
	c := &call{
		s: s, q: q, cseq: 1, began: time.Now(), changed: make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{}),
		tags: map[string]bool{}, lateTags: map[string]bool{},
	}
	tag := newTag()
	c.d = newDialog(s, rand.Text(), q.to)
	c.d.ends = ends{local: "<" + q.from + ">;tag=" + tag, remote: "<" + q.uri + ">", target: q.uri}
	c.d.sdp, c.d.login = q.sdp, q.login
	s.know(c.d, tag)
	s.remember(c)
	go c.run(ctx)
	return c
}

// build makes the INVITE with a branch of its own.
func (c *call) build(credentials []byte) bool {
	extra := append([][]byte{line("Allow", allow)}, c.q.extra...)
	if c.q.route {
		extra = append(extra, line("Record-Route", c.s.hopRoute(c.q.to.Network, calling)))
	}
	if credentials != nil {
		extra = append(extra, credentials)
	}
	branch, e := newBranch(), c.d.known()
	raw := message.AppendRequest(nil, &message.Request{
		Method: "INVITE", URI: c.q.uri, Via: c.s.via(c.q.to, branch), From: e.local, To: e.remote, CallID: c.d.callID,
		CSeq: c.cseq, Contact: c.s.contact(c.q.to), Extra: extra, Body: c.q.sdp, ContentType: "application/sdp",
	})
	c.mu.Lock()
	c.invite, c.branch, c.progress = raw, branch, false
	c.mu.Unlock()
	return len(raw) > 0
}

// run lives as long as responses may come: until the call is over and done with.
func (c *call) run(ctx context.Context) {
	defer close(c.done)
	defer c.begun.Wait() // the sockets may be closed next: a BYE leaves before
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	credentials := []byte(nil)
	for range 2 {
		if !c.build(credentials) {
			c.note(nil, true, false)
			return
		}
		again := c.attempt(ctx)
		if again == nil {
			return
		}
		credentials = again
		c.cseq++
		c.d.mu.Lock()
		c.d.cseq = c.cseq
		c.d.mu.Unlock()
	}
}

// attempt sends one INVITE and treats its responses; credentials come back when it
// shall be sent again with them.
func (c *call) attempt(ctx context.Context) (again []byte) {
	ch, ok := c.s.await(c.branch)
	if !ok {
		c.note(nil, true, false)
		return nil
	}
	defer c.s.forget(c.branch)
	repeat := time.NewTimer(t1)
	defer repeat.Stop()
	limit := time.NewTimer(c.q.limit)
	defer limit.Stop()
	wait := t1
	c.s.send(c.q.to, c.invite)
	over := ctx.Done()
	for {
		select {
		case m := <-ch:
			if again := c.response(ctx, m); again != nil {
				return again
			}
		case <-repeat.C:
			if c.silent() {
				c.s.send(c.q.to, c.invite)
				wait *= 2
				repeat.Reset(wait)
			}
		case <-limit.C:
			c.cancel()
		case <-over:
			over = nil
			c.cancel()
		case <-c.quit:
			return nil
		}
	}
}

// silent says that nothing came yet on an unreliable transport: the INVITE is
// repeated.
func (c *call) silent() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.progress && c.final == nil && !c.given && c.q.to.Network == transport.UDP
}

// note keeps what came and wakes who waits.
func (c *call) note(m *heard, failed, refused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m != nil && len(c.got) < maxLog {
		c.got = append(c.got, m)
	}
	c.failed, c.refused = c.failed || failed, c.refused || refused
	close(c.changed)
	c.changed = make(chan struct{})
}

// response treats one.
func (c *call) response(ctx context.Context, m *heard) (again []byte) {
	switch {
	case m.garbage:
		return nil
	case m.broken:
		if m.flow.Remote == c.q.to.Remote && m.flow.Network == c.q.to.Network {
			c.note(nil, true, m.failed == transport.PortUnreachable)
		}
		return nil
	case m.head.Method == message.CANCEL:
		c.note(m, false, false)
		return nil
	case m.head.Status < 200:
		c.provisional(ctx, m)
		return nil
	case m.head.Status < 300:
		c.success(m)
		return nil
	}
	c.ackRefusal(m)
	if m.head.Status == 401 || m.head.Status == 407 {
		if l, ok := c.q.login.credentials(m, "INVITE", c.q.uri, c.q.sdp); ok && c.cseq == 1 && !c.givenUp() {
			return l
		}
	}
	c.mu.Lock()
	first := c.final == nil
	if first {
		c.final = m
	}
	c.mu.Unlock()
	if first {
		c.note(m, false, false)
	}
	return nil
}

func (c *call) givenUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.given
}

func (c *call) ackRefusal(m *heard) {
	var sent message.Head
	if raw, r, _ := message.Scan(c.invite, &sent); r == message.OK {
		c.s.send(c.q.to, message.AppendACK(nil, raw, &sent, m.raw, &m.head))
	}
}

// provisional keeps one; a reliable one gets its PRACK.
func (c *call) provisional(ctx context.Context, m *heard) {
	c.mu.Lock()
	due := c.given && !c.progress // a CANCEL waits for the first one (RFC 3261 §9.1)
	c.progress = true
	tag := string(m.head.ToTag.Of(m.raw))
	fresh := len(c.tags) < 16 && tag != "" && m.head.RSeq
	seen := c.tags[tag+" "+m.get("RSeq")]
	if fresh {
		c.tags[tag+" "+m.get("RSeq")] = true
	}
	c.mu.Unlock()
	c.note(m, false, false)
	if due {
		c.sendCancel()
	}
	if fresh && !seen {
		early := c.early(m)
		c.begun.Go(func() {
			a := early.prack(ctx, m, m.head.CSeq)
			c.mu.Lock()
			c.pracked = append(c.pracked, a)
			c.d.mu.Lock()
			c.d.cseq = max(c.d.cseq, early.cseq)
			c.d.mu.Unlock()
			c.mu.Unlock()
			c.note(nil, false, false)
		})
	}
}

// early is the dialog of a provisional, for its PRACK.
func (c *call) early(m *heard) *dialog {
	d := newDialog(c.s, c.d.callID, c.q.to)
	d.ends, d.cseq = ends{local: c.d.known().local, target: c.q.uri}, m.head.CSeq
	d.learn(m)
	return d
}

// learn takes remote tag, remote target and Route set from a response (RFC 3261
// §12.1.2).
func (d *dialog) learn(m *heard) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ends.remote = m.rawValue("To")
	if c := m.head.ContactURI.Of(m.raw); len(c) > 0 {
		d.ends.target = string(c)
	}
	d.ends.routes = message.RouteSet(m.raw, &m.head, d.s.isHop(calling))
}

// rawValue is a header's value as it came.
func (m *heard) rawValue(name string) string {
	v, _ := message.HeaderValue(m.raw, &m.head, name)
	return strings.TrimSpace(string(v))
}

// success makes the dialog of the first 2xx; another callee's is ended.
func (c *call) success(m *heard) {
	c.mu.Lock()
	first := c.final == nil
	mine := first || c.final.head.ToTag.Of(c.final.raw) != nil && string(c.final.head.ToTag.Of(c.final.raw)) == string(m.head.ToTag.Of(m.raw))
	if first { // who sees the final may hang up at once: the dialog is known by then
		c.d.learn(m)
		c.final = m
	}
	given := c.given
	c.mu.Unlock()
	if !mine {
		c.note(m, false, false)
		c.dismiss(m)
		return
	}
	c.d.ack(m.head.CSeq)
	if first {
		c.note(m, false, false)
	}
	if first && given { // our CANCEL crossed it
		c.begun.Go(c.d.end)
	}
}

// dismiss ends the dialog of a second callee.
func (c *call) dismiss(m *heard) {
	d := c.early(m)
	d.ack(m.head.CSeq)
	tag := string(m.head.ToTag.Of(m.raw))
	c.mu.Lock()
	again := c.lateTags[tag] || len(c.lateTags) >= 16
	c.lateTags[tag] = true
	c.mu.Unlock()
	if !again {
		c.begun.Go(d.end)
	}
}

// wait returns the first response that fits; nil: none came before ctx ended, or
// the way there failed.
func (c *call) wait(ctx context.Context, fits func(*heard) bool) *heard {
	for {
		c.mu.Lock()
		var found *heard
		for _, m := range c.got {
			if fits(m) {
				found = m
				break
			}
		}
		failed, changed := c.failed, c.changed
		c.mu.Unlock()
		if found != nil || failed {
			return found
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func isFinal(m *heard) bool   { return m.head.Status >= 200 && m.head.Method == message.INVITE }
func isRinging(m *heard) bool { return m.head.Status > 100 && m.head.Method == message.INVITE }

// sign is what the call said so far: the highest status, 0 for nothing.
func (c *call) sign() (status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.final != nil {
		return c.final.status()
	}
	for _, m := range c.got {
		status = max(status, m.status())
	}
	return status
}
