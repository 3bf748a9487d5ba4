package phone

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// State is where a call stands.
type State uint8

// Trying: INVITE sent or received. Ringing: an 18x passed. Answered: a 2xx
// passed. Confirmed: its ACK passed. Ended: over.
const (
	Trying State = iota
	Ringing
	Answered
	Confirmed
	Ended
)

func (s State) String() string {
	return [...]string{"trying", "ringing", "answered", "confirmed", "ended"}[s]
}

// maxSteps bounds the history of one call; later steps are counted only.
const maxSteps = 64

// Step is one line of a call's history.
type Step struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`             // "sent INVITE", "got 180", …
	Status int       `json:"status,omitempty"` // of a response
	Server string    `json:"server,omitempty"` // Server header of a response
}

// Call is one call, placed or received. Fields set by the user: the callbacks
// and Data. All methods but Wait need the Phone's lock.
type Call struct {
	Incoming bool
	Invite   *Message // the initial INVITE
	Peer     netip.AddrPort
	Replaces *Call // INVITE with Replaces: the call that is replaced when this one is answered
	Data     any

	OnProvisional func(*Message) // call placed: each 1xx
	OnAnswer      func(*Message) // call placed: the 2xx that made the call; received: our 200 went out (nil)
	OnFail        func(status int, m *Message)
	OnAck         func()
	OnEnd         func(cause string)
	OnRefer       func(r *Inbound)      // must Reply; nil: 603
	OnNotify      func(status int)      // sipfrag status of a REFER of ours
	OnReinvite    func(r *Inbound) bool // false: refused by the callback (it replied)
	OnAudio       func()                // first audible packet

	p       *Phone
	tag     string // ours
	state   State
	cause   string // why it ended
	status  int    // final status of the initial INVITE; 0: none yet
	server  string // Server header of the answer
	steps   []Step
	skipped int
	changed chan struct{}

	txn          *client  // call placed
	in           *Inbound // call received, and re-INVITEs: the INVITE whose 2xx awaits its ACK
	dialog       *Dialog
	early        map[string]*Dialog // by To tag
	late         map[string]bool    // To tags of 2xx that were released
	acks         int
	extra        int // 2xx of other forks, released
	refusedPrack int
	byeWanted    bool
	reinviting   bool
	pendingRel   *reliable

	wantMedia bool
	mute      bool
	audio     []byte
	media     *stream
	heardLast Heard
	sdpID     uint64
	sdpVer    uint64
	agreed    bool // offer and answer of the initial INVITE are through
	offered   bool // our offer is out and awaits its answer
	direction Direction
	remote    remoteMedia
	codecs    []codec // agreed on, or offered
	otherTag  string  // of the second early dialog (Manners.SecondEarly)
}

// Key names the call within its Phone.
func (c *Call) Key() string { return c.Invite.CallID() + " " + c.tag }

// State returns where the call stands.
func (c *Call) State() State { return c.state }

// Cause says why the call ended: bye-received, bye-sent, cancelled, refused,
// timeout, ack-lost, lost, replaced or no-dialog.
func (c *Call) Cause() string { return c.cause }

// Status is the final status of the initial INVITE, 0 before there is one.
func (c *Call) Status() int { return c.status }

// AnsweredBy is the Server header of the 2xx.
func (c *Call) AnsweredBy() string { return c.server }

// ACKs counts ACKs received (call received) or 2xx acknowledged (call placed).
func (c *Call) ACKs() int { return c.acks }

// ExtraAnswers counts 2xx of other forks that were acknowledged and released.
func (c *Call) ExtraAnswers() int { return c.extra }

// History returns a copy of what happened, oldest first.
func (c *Call) History() []Step { return append([]Step(nil), c.steps...) }

// Heard returns what the call's media socket received, also after the end.
func (c *Call) Heard() Heard {
	if c.media != nil {
		return c.media.heard()
	}
	return c.heardLast
}

// Direction is our side's media direction now.
func (c *Call) Direction() Direction { return c.direction }

// Number is the user part of the Request-URI.
func (c *Call) Number() string { return userOf(c.Invite.URI) }

func (p *Phone) newCall(invite *Message, tag string) *Call {
	p.serial++
	c := &Call{
		p: p, Invite: invite, tag: tag, changed: make(chan struct{}), early: map[string]*Dialog{}, late: map[string]bool{},
		sdpID: p.serial, sdpVer: p.serial, direction: SendRecv,
	}
	p.calls[c.Key()] = c
	return c
}

func (c *Call) step(what string, m *Message) {
	defer c.notify()
	if len(c.steps) >= maxSteps {
		c.skipped++
		return
	}
	s := Step{At: time.Now(), What: what}
	if m != nil {
		s.Status, s.Server = m.Status, m.Get("Server")
	}
	c.steps = append(c.steps, s)
}

// notify wakes every Wait.
func (c *Call) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Wait blocks until ok is true of the call, or ctx ends. ok runs with the lock
// held and is asked again at each change. Callable from anywhere but a callback.
func (c *Call) Wait(ctx context.Context, ok func(*Call) bool) error {
	for {
		c.p.mu.Lock()
		done, changed, state := ok(c), c.changed, c.state
		c.p.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for call in state %s: %w", state, context.Cause(ctx))
		}
	}
}

// finish ends the call once.
func (c *Call) finish(cause string) {
	if c.state == Ended {
		return
	}
	c.drop()
	c.cause = cause
	c.step("ended: "+cause, nil)
	delete(c.p.calls, c.Key())
	if c.OnEnd != nil {
		c.OnEnd(cause)
	}
}

// lost is finish when the whole Phone forgets.
func (c *Call) lost() {
	c.drop()
	c.cause = "lost"
	if c.OnEnd != nil {
		c.OnEnd("lost")
	}
}

// drop ends everything that runs for the call.
func (c *Call) drop() {
	c.state = Ended
	c.pendingRel.stop()
	if c.media != nil {
		c.p.closeMedia(c.media)
		c.heardLast, c.media = c.media.heard(), nil
	}
	c.notify()
}

// send starts a transaction in the call's dialog. A 481 or 408, or no answer
// at all, ends the call (RFC 3261 §12.2.1.2).
func (c *Call) send(method string, edit func(*Message), done func(*Message)) {
	if c.dialog == nil || c.state == Ended {
		return
	}
	m := c.dialog.request(method)
	if edit != nil {
		edit(m)
	}
	c.step("sent "+method, nil)
	c.dialog.transact(m, func(r *Message) {
		if r != nil {
			c.step(fmt.Sprintf("got %d to %s", r.Status, method), r)
		} else {
			c.step("no answer to "+method, nil)
		}
		if done != nil {
			done(r)
		}
		if method != "BYE" && (r == nil || r.Status == 481 || r.Status == 408) {
			c.finish("no-dialog")
		}
	})
}

// Hangup ends the call in the way its state asks for: CANCEL, a refusal, or
// BYE (after the ACK, RFC 3261 §15).
func (c *Call) Hangup() {
	switch {
	case c.state == Ended:
	case !c.Incoming && c.state < Answered:
		c.Cancel()
	case c.Incoming && c.state < Answered:
		c.Reject(480)
	case c.state == Answered:
		c.byeWanted = true
	default:
		c.send("BYE", nil, nil)
		c.finish("bye-sent")
	}
}

// Info sends an INFO with the given body.
func (c *Call) Info(contentType, body string, done func(*Message)) {
	c.send("INFO", func(m *Message) {
		m.Add("Content-Type", contentType)
		m.Body = []byte(body)
	}, done)
}

// Phone returns the Phone that the call belongs to.
func (c *Call) Phone() *Phone { return c.p }
