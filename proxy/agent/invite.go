package agent

import (
	"crypto/rand"
	"strings"
	"time"

	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// OwnTag begins our tag in the calls that we place: a request with it in To is for
// Request.
const OwnTag = "rlv-"

// maxCalls bounds the calls of our own that are not over; more end with Overload.
const maxCalls = 64

// Invitation is a call of our own.
type Invitation struct {
	URI, From, To string // From without a tag
	Contact       string // header value
	Offer         []byte // SDP
	Extra         [][]byte
	Flow          transport.Flow
	Limit         time.Duration           // for the answer; then it is cancelled. More than 0
	Ours          func(value []byte) bool // our own Record-Route values; as in Dismiss
	// Ended is called when the far end hangs up an answered call; it must not block
	// nor call back. nil: nobody is told.
	Ended func()
}

// Answer is how an Invitation was answered. Rang is the highest provisional that
// came; 0: none. Of a 2xx the dialog stands until Hangup, and Raw and Head are valid
// until the callback returns.
type Answer struct {
	Result
	Rang uint16
}

// stage of a call of ours.
type stage uint8

const (
	inviting stage = iota
	leaving        // given up: a CANCEL went out, or waits for the first provisional
	talking
	over
)

// Call is a call of our own. What changes is guarded by the agent's mutex.
//
//	inviting ── 2xx: ACK ──────────► talking ── BYE, theirs or ours ──► over
//	    │  └─── other final: ACK ──► over
//	    └────── limit, Hangup: CANCEL ─► leaving ── final ────────────► over
//	                                        └────── 2xx: ACK and BYE ─► over
//
// A 2xx of another callee (RFC 3261 §13.2.2.4) is dismissed in every stage.
type Call struct {
	a      *Agent
	q      Invitation
	branch string
	tag    string // ours
	callID string
	raw    []byte // the INVITE
	sentAt time.Time
	done   func(Answer)

	stage   stage
	told    bool
	rang    uint16
	limit   router.Instant
	tx      transaction.State
	timer   *time.Timer
	quit    transaction.State // the CANCEL's
	cancel  []byte            // as sent; nil: not yet
	theirs  string            // tag of the callee that answered
	ack     []byte            // of its 2xx
	base    message.Request   // the dialog
	strange []string          // tags of callees that were dismissed
}

// Invite places a call. done is called exactly once, unless the agent is closed
// first: with a final response, or with the failure that stands for it. What comes
// after that is treated here: a late 2xx gets its ACK and its BYE.
func (a *Agent) Invite(q Invitation, done func(Answer)) *Call {
	c := &Call{
		a: a, q: q, branch: newBranch(), tag: OwnTag + strings.ToLower(rand.Text()[:16]), callID: rand.Text(),
		sentAt: time.Now(), done: done,
	}
	c.raw = message.AppendRequest(nil, &message.Request{
		Method: "INVITE", URI: q.URI, Via: a.via(q.Flow, c.branch), From: q.From + ";tag=" + c.tag, To: q.To, CallID: c.callID,
		CSeq: 1, Contact: q.Contact, Extra: q.Extra, Body: q.Offer, ContentType: "application/sdp",
	})
	defer c.survive()
	if len(c.raw) == 0 || !a.place(c) {
		c.tell(Answer{Result: Result{Failure: Overload}})
		return c
	}
	if failure := sent(a.wire.Send(q.Flow, c.raw)); failure != NoFailure {
		c.broken(failure)
	}
	return c
}

// place makes c known; false when there is no room, or no agent any more.
func (a *Agent) place(c *Call) bool {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || len(a.calls) >= maxCalls {
		a.shed++
		c.stage, c.tx.Phase = over, transaction.Terminated
		return false
	}
	c.tx, _ = transaction.New(transaction.InviteClient, c.q.Flow.Network.Reliable(), now)
	c.limit = now.Add(c.q.Limit)
	a.calls[c.branch] = c
	c.arm(now)
	return true
}

// survive, deferred, keeps a panic from ending more than c.
func (c *Call) survive() {
	if r := recover(); r != nil {
		c.a.caught(r)
		c.tell(Answer{Result: Result{Failure: Overload}})
	}
}

// tell reports once.
func (c *Call) tell(r Answer) {
	c.a.mu.Lock()
	told := c.told || c.a.closed
	c.told, c.limit = true, router.Never
	r.Rang = c.rang
	c.a.mu.Unlock()
	if told || c.done == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			c.a.caught(r)
		}
	}()
	r.Took = time.Since(c.sentAt)
	c.done(r)
}

// next is the earliest deadline; mu is held.
func (c *Call) next() router.Instant {
	d := c.tx.Next()
	if !c.told {
		d = min(d, c.limit)
	}
	if c.cancel != nil {
		d = min(d, c.quit.Next())
	}
	return d
}

// arm sets the timer, or lets c go when nothing is left of it; mu is held.
func (c *Call) arm(now router.Instant) {
	d := c.next()
	if d == router.Never && c.stage == over {
		delete(c.a.calls, c.branch)
		if c.timer != nil {
			c.timer.Stop()
		}
		return
	}
	if d == router.Never {
		return
	}
	wait := max(d.Sub(now), 0)
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.tick)
		return
	}
	c.timer.Reset(wait)
}

// tick does what is due.
func (c *Call) tick() {
	defer c.survive()
	invite, cancel, timedOut, late := c.due()
	for _, raw := range [...][]byte{invite, cancel} {
		if raw != nil {
			_ = c.a.wire.Send(c.q.Flow, raw) // a lost repeat is what repeats are for
		}
	}
	if timedOut || late { // before the CANCEL: its 487 may come at once, and is no answer
		c.tell(Answer{Result: Result{Failure: TimedOut}})
	}
	if late {
		c.giveUp()
	}
}

// due moves c on to now. late: the answer did not come in time.
func (c *Call) due() (invite, cancel []byte, timedOut, late bool) {
	now := c.a.now()
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	if c.a.closed {
		return nil, nil, false, false
	}
	if late = !c.told && c.limit <= now; late {
		c.limit = router.Never
	}
	if c.tx.Next() <= now {
		act := c.tx.Step(now, transaction.Timer, 0)
		if act&transaction.Transmit != 0 && c.stage == inviting {
			invite = c.raw
		}
		if timedOut = act&transaction.PassTimeout != 0; timedOut {
			c.stage = over
		}
	}
	if c.cancel != nil && c.quit.Next() <= now && c.quit.Step(now, transaction.Timer, 0)&transaction.Transmit != 0 {
		cancel = c.cancel
	}
	c.arm(now)
	return invite, cancel, timedOut, late
}

// Hangup ends the call whatever became of it: CANCEL, or BYE. Once is enough.
func (c *Call) Hangup() {
	c.giveUp()
	c.a.mu.Lock()
	bye, base := c.stage == talking, c.base
	if bye {
		c.stage = over
	}
	c.arm(c.a.now())
	c.a.mu.Unlock()
	if bye {
		c.a.Do(Request{
			Method: "BYE", URI: base.URI, From: base.From, To: base.To, CallID: base.CallID, CSeq: base.CSeq + 1,
			Routes: base.Routes, Flow: c.q.Flow,
		}, nil)
	}
}

// giveUp cancels a call that was not answered: at once when something came, else
// with the first provisional (RFC 3261 §9.1).
func (c *Call) giveUp() {
	if raw := c.leave(); raw != nil {
		_ = c.a.wire.Send(c.q.Flow, raw)
	}
}

func (c *Call) leave() []byte {
	now := c.a.now()
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	defer c.arm(now)
	if c.stage == inviting {
		c.stage = leaving
		if c.rang == 0 {
			c.tx.Step(now, transaction.Stop, 0) // silence is not repeated to
		}
	}
	return c.cancelNow(now)
}

// cancelNow is the CANCEL that is due, nil: none; mu is held.
func (c *Call) cancelNow(now router.Instant) []byte {
	if c.stage != leaving || c.rang == 0 || c.cancel != nil || c.tx.Phase > transaction.Proceeding {
		return nil
	}
	var h message.Head
	raw, r, _ := message.Scan(c.raw, &h)
	if r != message.OK {
		return nil
	}
	c.cancel = message.AppendCancel(nil, raw, &h, nil)
	c.quit, _ = transaction.New(transaction.Client, c.q.Flow.Network.Reliable(), now)
	c.tx.Step(now, transaction.Stop, 0) // gone 64*T1 later, answered or not
	return c.cancel
}

// broken ends a call that no message reaches.
func (c *Call) broken(why Failure) {
	now := c.a.now()
	c.a.mu.Lock()
	passed := c.tx.Step(now, transaction.Failed, 0)&transaction.PassFailed != 0
	if passed && c.tx.Phase == transaction.Terminated {
		c.stage = over
	}
	c.arm(now)
	c.a.mu.Unlock()
	if passed {
		c.tell(Answer{Result: Result{Failure: why}})
	}
}
