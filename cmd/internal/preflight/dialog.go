package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"releve/proxy/message"
	"releve/proxy/transport"
)

// dialog is one dialog of a call of the study, of either direction. Requests of the
// far end are answered as they come and kept, for the probe that looks for them.
type dialog struct {
	s      *station
	callID string
	flow   transport.Flow // by which the far end is heard
	login  *login

	mu      sync.Mutex // guards what follows
	ends    ends
	sdp     []byte // ours
	cseq    uint32
	got     []*heard // requests, the oldest first; maxLog
	over    bool     // a BYE went either way
	changed chan struct{}
}

// ends are the parts of a dialog's state that its requests carry (RFC 3261 §12). An
// answer that comes while the study hangs up changes them, so they are read as one.
type ends struct {
	local, remote string // header values with tags, as in our requests
	target        string
	routes        []string
}

func (d *dialog) known() ends {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ends
}

func newDialog(s *station, callID string, f transport.Flow) *dialog {
	return &dialog{s: s, callID: callID, flow: f, cseq: 1, changed: make(chan struct{})}
}

// request takes a request of the far end, repeats left out.
func (d *dialog) request(m *heard) {
	d.mu.Lock()
	if len(d.got) < maxLog {
		d.got = append(d.got, m)
	}
	close(d.changed)
	d.changed = make(chan struct{})
	if m.head.Method == message.BYE {
		d.over = true
	}
	sdp := d.sdp
	d.mu.Unlock()
	switch m.head.Method {
	case message.ACK:
	case message.INVITE, message.UPDATE:
		var body []byte
		if m.head.Body < m.head.End || m.head.Method == message.INVITE {
			body = sdp
		}
		d.s.answer(m, 200, "", body)
	case message.REFER:
		d.s.answer(m, 603, "", nil) // nobody is rung
	default:
		d.s.answer(m, 200, "", nil)
	}
}

// wait returns the first request that fits, which may have come already; nil: none
// came before ctx ended.
func (d *dialog) wait(ctx context.Context, fits func(*heard) bool) *heard {
	for {
		d.mu.Lock()
		i := slices.IndexFunc(d.got, fits)
		changed := d.changed
		var m *heard
		if i >= 0 {
			m = d.got[i]
		}
		d.mu.Unlock()
		if m != nil {
			return m
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func isMethod(method message.Method) func(*heard) bool {
	return func(m *heard) bool { return m.head.Method == method }
}

// within bounds a wait.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func (d *dialog) ended() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

// inside is one request of ours in a dialog.
type inside struct {
	method string
	extra  [][]byte
	body   []byte
	kind   string // content type
	limit  time.Duration
}

// glarePause is how long a request that crossed one of the far end's (491) waits until it
// is sent again, our choice within RFC 3261 §14.1; glares is how often.
const (
	glarePause = 700 * time.Millisecond
	glares     = 3
)

// ask sends a request and waits for its final; a challenge is answered once, and what
// crossed a request of the far end is sent again.
func (d *dialog) ask(ctx context.Context, q inside) (a answered) {
	for n := 0; ; n++ {
		a = d.once(ctx, q)
		if a.final.status() != 491 || n == glares {
			return a
		}
		pause(ctx, glarePause)
	}
}

func (d *dialog) once(ctx context.Context, q inside) answered {
	a := d.s.ask(ctx, d.asking(q, nil))
	if l, ok := d.challenged(a, q); ok {
		if q.method == "INVITE" {
			d.acknowledge(a)
		}
		a = d.s.ask(ctx, d.asking(q, l))
	}
	if a.final != nil && q.method == "INVITE" {
		d.acknowledge(a)
	}
	return a
}

func (d *dialog) challenged(a answered, q inside) ([]byte, bool) {
	if s := a.final.status(); s != 401 && s != 407 {
		return nil, false
	}
	return d.login.credentials(a.final, q.method, d.known().target, q.body)
}

func (d *dialog) asking(q inside, credentials []byte) asking {
	d.mu.Lock()
	d.cseq++
	n, e := d.cseq, d.ends
	d.mu.Unlock()
	extra := q.extra
	if credentials != nil {
		extra = append(slices.Clone(extra), credentials)
	}
	to := d.next(e)
	return asking{to: to, limit: q.limit, req: message.Request{
		Method: q.method, URI: e.target, From: e.local, To: e.remote, CallID: d.callID, CSeq: n, Contact: d.s.contact(to),
		Routes: e.routes, Extra: extra, Body: q.body, ContentType: q.kind,
	}}
}

// acknowledge sends the ACK of a re-INVITE's final.
func (d *dialog) acknowledge(a answered) {
	var sent message.Head
	raw, r, _ := message.Scan(a.sent, &sent)
	if r != message.OK {
		return
	}
	if a.final.head.Status >= 300 {
		d.s.send(d.next(d.known()), message.AppendACK(nil, raw, &sent, a.final.raw, &a.final.head))
		return
	}
	d.ack(a.final.head.CSeq)
}

// ack acknowledges a 2xx (RFC 3261 §13.2.2.4).
func (d *dialog) ack(cseq uint32) {
	e := d.known()
	to := d.next(e)
	d.s.send(to, message.AppendRequest(nil, &message.Request{
		Method: "ACK", URI: e.target, Via: d.s.via(to, newBranch()), From: e.local, To: e.remote, CallID: d.callID, CSeq: cseq,
		Routes: e.routes,
	}))
}

// next is the way of a request in the dialog: the first Route, else the remote
// target, where they name an address; else where the far end is heard.
func (d *dialog) next(e ends) transport.Flow {
	uri := e.target
	if len(e.routes) > 0 {
		uri = uriOf(e.routes[0])
	}
	f := d.flow
	if at, ok := hostOf(uri); ok && f.Network == transport.UDP && !transportOf(uri, "tcp") {
		f.Remote = at
	}
	return f
}

// bye ends the dialog, once.
func (d *dialog) bye(ctx context.Context) answered {
	d.mu.Lock()
	was := d.over
	d.over = true
	d.mu.Unlock()
	if was {
		return answered{}
	}
	return d.ask(ctx, inside{method: "BYE", limit: cleanLimit})
}

// end is bye, whatever ended the study.
func (d *dialog) end() {
	ctx, cancel := context.WithTimeout(context.Background(), cleanLimit)
	defer cancel()
	d.bye(ctx)
}

// prack acknowledges a reliable provisional (RFC 3262 §4).
func (d *dialog) prack(ctx context.Context, m *heard, invite uint32) answered {
	return d.ask(ctx, inside{
		method: "PRACK", limit: 2 * time.Second,
		extra: lines("RAck", fmt.Sprintf("%s %d INVITE", m.get("RSeq"), invite)),
	})
}

// uriOf is the URI of a name-addr or addr-spec value.
func uriOf(value string) string {
	if _, rest, ok := strings.Cut(value, "<"); ok {
		uri, _, _ := strings.Cut(rest, ">")
		return uri
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}
