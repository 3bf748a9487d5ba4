package agent

import (
	"slices"
	"strings"

	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/router"
)

// verdict is what a response leads to, outside the mutex.
type verdict struct {
	send      []byte
	report    bool // it is the answer
	dismissed bool // a 2xx that nobody wants
	again     bool // and not for the first time
}

// invited takes a response to an INVITE of ours, or to its CANCEL.
func (c *Call) invited(raw []byte, h *message.Head) {
	defer c.survive()
	v := c.heard(raw, h)
	if len(v.send) > 0 {
		_ = c.a.wire.Send(c.q.Flow, v.send) // the response comes again when this is lost
	}
	if v.dismissed {
		c.a.Dismiss(c.q.Flow, c.raw, raw, v.again, c.ours, nil)
		c.tell(Answer{Result: Result{Failure: TimedOut}}) // told already, but for a Hangup that it crossed
	}
	if v.report {
		c.tell(Answer{Result: Result{Status: h.Status, RetryAfter: h.RetryAfter, Raw: raw, Head: h}})
	}
}

// heard moves c on.
func (c *Call) heard(raw []byte, h *message.Head) (v verdict) {
	now := c.a.now()
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	defer c.arm(now)
	if h.Method == message.CANCEL {
		if c.cancel != nil {
			c.quit.Step(now, transaction.Response, h.Status)
		}
		return v
	}
	act := c.tx.Step(now, transaction.Response, h.Status)
	switch {
	case h.Status < 200:
		c.rang = max(c.rang, h.Status)
		v.send = c.cancelNow(now)
	case act&transaction.SendAck != 0: // a final of no success, or its repeat
		v.send, v.report = c.refusalAck(raw, h), act&transaction.Pass != 0
		c.stage = over
	case act&transaction.Pass == 0:
	case c.accept(raw, h):
		v.send, v.report = c.ack, !c.told
	default:
		v.dismissed, v.again = true, c.dismissedBefore(string(h.ToTag.Of(raw)))
		if c.stage != talking {
			c.stage = over
		}
	}
	return v
}

// refusalAck is the ACK of a final that is no success (RFC 3261 §17.1.1.3).
func (c *Call) refusalAck(raw []byte, h *message.Head) []byte {
	var sent message.Head
	invite, r, _ := message.Scan(c.raw, &sent)
	if r != message.OK {
		return nil
	}
	return message.AppendACK(nil, invite, &sent, raw, h)
}

// accept makes the dialog of the first 2xx, or knows its repeat; false: nobody wants
// this one. mu is held.
func (c *Call) accept(raw []byte, h *message.Head) bool {
	tag := string(h.ToTag.Of(raw))
	switch {
	case c.ack != nil:
		return tag == c.theirs
	case c.stage != inviting:
		return false
	}
	uri := string(h.ContactURI.Of(raw))
	if uri == "" {
		uri = c.q.URI // no Contact: our choice, rather than a call that nobody can end
	}
	c.stage, c.theirs = talking, tag
	c.base = message.Request{
		URI: uri, From: c.q.From + ";tag=" + c.tag, To: string(h.To.Of(raw)), CallID: c.callID, CSeq: 1,
		Routes: message.RouteSet(raw, h, c.ours),
	}
	ack := c.base
	ack.Method, ack.Via = "ACK", c.a.via(c.q.Flow, newBranch())
	c.ack = message.AppendRequest(nil, &ack)
	return true
}

func (c *Call) ours(value []byte) bool { return c.q.Ours != nil && c.q.Ours(value) }

// maxStrangers bounds the callees remembered that were dismissed; of one more each
// repeat gets a BYE.
const maxStrangers = 16

func (c *Call) dismissedBefore(tag string) bool {
	if slices.Contains(c.strange, tag) {
		return true
	}
	if len(c.strange) < maxStrangers {
		c.strange = append(c.strange, tag)
	}
	return false
}

// Request takes a request with our tag in To, and returns the status that answers
// it: 481 when no call of ours is meant. It sends nothing and does not block. A BYE
// ends the call; a new offer is refused, and the call goes on as it is (RFC 3261
// §14.2).
func (a *Agent) Request(raw []byte, h *message.Head) int {
	c := a.callOf(string(h.CallID.Of(raw)), string(h.ToTag.Of(raw)))
	if c == nil {
		return 481
	}
	switch h.Method {
	case message.BYE:
		c.left()
		return 200
	case message.INVITE, message.UPDATE:
		if h.Body < h.End {
			return 488
		}
	}
	return 200
}

// callOf finds an answered call of ours; one that is over stands for as long as its
// INVITE's repeats.
func (a *Agent) callOf(callID, tag string) *Call {
	if !strings.HasPrefix(tag, OwnTag) {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.calls {
		if c.tag == tag && c.callID == callID && c.ack != nil {
			return c
		}
	}
	return nil
}

// left: the far end hung up.
func (c *Call) left() {
	c.a.mu.Lock()
	was := c.stage
	c.stage = over
	c.arm(c.a.now())
	c.a.mu.Unlock()
	if was == talking && c.q.Ended != nil {
		c.q.Ended()
	}
}

// drop ends the timers of the calls; mu is held.
func (a *Agent) drop() {
	for _, c := range a.calls {
		if c.timer != nil {
			c.timer.Stop()
		}
		c.tx.Phase, c.limit = transaction.Terminated, router.Never
	}
	clear(a.calls)
}

// Calls is the number of calls of our own that are not over and done with.
func (a *Agent) Calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.calls)
}
