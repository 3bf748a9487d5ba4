package proxy

import (
	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/router"
)

// event prepares a fork event with what the call path knows now.
func (c *context) event(now router.Instant, k fork.EventKind) fork.Event {
	v := c.s.p.View()
	ev := fork.Event{Kind: k, View: v}
	if c.call != nil {
		ev.Entry = c.call.entry
		ev.ServiceNumber = c.call.service
		ev.Reliable18x = c.call.reliable
		if !c.call.outgoing {
			ev.Occupancy = c.s.p.Dialogs.Occupancy(v.Active, c.linesCounted(v.Active))
			ev.AnsweredLately = c.s.p.answeredLately(v.Active, now)
			ev.NotBefore = c.s.p.sparedUntil(now, v.Active)
		}
	}
	return ev
}

// linesHeld is the number of lines of s that this call's own branches hold.
func (c *context) linesHeld(s router.Server) int {
	n := 0
	for i := range c.branches {
		if c.branches[i].line == s {
			n++
		}
	}
	return n
}

// linesCounted is linesHeld without those that are doubted.
func (c *context) linesCounted(s router.Server) int {
	n := 0
	for i := range c.branches {
		if b := &c.branches[i]; b.line == s && !b.doubted {
			n++
		}
	}
	return n
}

// doubt: the call overflowed; the lines that its branches keep explain nothing.
func (c *context) doubt() {
	for i := range c.branches {
		if b := &c.branches[i]; b.line != router.NoServer && !b.doubted {
			b.doubted = true
			c.s.p.Dialogs.Doubt(b.line)
		}
	}
}

// trust takes the doubt about a branch's line back.
func (c *context) trust(b *branch) {
	if b.doubted {
		b.doubted = false
		c.s.p.Dialogs.Trust(b.line)
	}
}

// maxSteps bounds the events that one event may lead to within a context; each
// branch adds a few at most.
const maxSteps = 8 * fork.MaxBranches

// step feeds the fork and performs what it decides, until it wants no more.
// raw and h are the response in hand, if any.
func (c *context) step(now router.Instant, ev fork.Event, raw []byte, h *message.Head) {
	policy := c.s.p.policyOf(c.from)
	queue := [8]fork.Event{ev}
	pending := queue[:1]
	room := c.s.effects[:0] // of the shard: a step never runs within another
	for n := 0; len(pending) > 0 && n < maxSteps; n++ {
		e := pending[0]
		pending = pending[1:]
		if e.Kind == fork.Ruled {
			e.View = c.s.p.View()
		}
		effects := c.fork.Step(now, &e, policy, room)
		for i := range effects {
			pending = c.perform(now, &effects[i], pending, inHand{ev.Branch, raw, h})
		}
		raw, h = nil, nil // only the first event has it in hand
	}
	if len(pending) > 0 {
		c.s.p.Stats.Runaway.Add(1)
	}
	if c.fork.Kept() {
		c.s.byID[c.id] = c // a new view matters to it
	}
}

// inHand is the response that a step began with, nil when none.
type inHand struct {
	branch uint8
	raw    []byte
	h      *message.Head
}

// perform does one effect; what follows from it at once is appended to pending.
func (c *context) perform(now router.Instant, e *fork.Effect, pending []fork.Event, in inHand) []fork.Event {
	p := c.s.p
	switch e.Kind {
	case fork.Start:
		if ev, failed := c.start(now, e); failed {
			pending = append(pending, ev)
		}
	case fork.Cancel:
		c.cancel(now, e.Branch)
	case fork.Abandon:
		c.abandon(now, e.Branch)
	case fork.Relay:
		if in.branch != e.Branch {
			in = inHand{} // the best response is another branch's (RFC 3261 §16.7(6))
		}
		c.relay(now, e.Branch, in.raw, in.h)
	case fork.Reply:
		if e.Signal {
			c.signal(now, e.Status)
			break
		}
		c.reply(now, e.Status, e.Reason)
	case fork.Hold:
		if !p.roomToHold() {
			return append(pending, c.event(now, fork.NoTurn))
		}
		p.Stats.Held.Add(1)
		c.doubt()
		c.call.heldAt = max(now, 1)
		if p.hooks.Overflow != nil {
			p.hooks.Overflow(p.View().Active)
		}
		// The View is read again after the overflow was handed over: a ruling
		// published in between is not lost.
		pending = append(pending, c.event(now, fork.Ruled))
	case fork.Unhold:
		c.unhold(now)
	case fork.Wait:
		s := serverOf(e.Target)
		if !p.Dialogs.Wait(c.waiter(), s, e.NotBefore) {
			return append(pending, c.event(now, fork.NoTurn))
		}
		c.waitFor, c.waitAt = s, max(e.NotBefore, now, 1)
	case fork.Leave:
		c.waitAt = 0
		p.Dialogs.Leave(c.waiter())
	case fork.Pace:
		ev := c.event(now, fork.Turn)
		ev.NotBefore = p.Dialogs.Pace(serverOf(e.Target), now)
		pending = append(pending, ev)
	case fork.Release:
		c.dismiss(now, e.Branch, in)
	case fork.Report:
		if s := serverOf(e.Target); s != router.NoServer && !(c.unsent && e.Evidence == router.Silent) {
			p.Stats.Evidence[s][e.Evidence].Add(1)
			if e.Evidence == router.Busy && in.raw != nil { // its own word, not our count
				p.Dialogs.Busy(s, c.linesHeld(s))
				p.Stats.ServedAt[s].Store(max(int64(now), 1)) // busy is alive
			}
		}
	case fork.Done:
		if c.call != nil {
			c.call.record.WouldHave = e.Would
			c.finish(now, e.Outcome, e.Reason)
		}
		c.over = true
	}
	return pending
}

// turn starts the re-offer of a waiting call: a line of s is reserved for it.
func (c *context) turn(now router.Instant, s router.Server) {
	c.s.current = c
	c.waitAt = 0
	c.step(now, c.event(now, fork.Turn), nil, nil)
	// The new branch reserved a line of its own, or none was wanted: either way
	// the granted one is free again.
	c.s.p.give(c.s.p.Dialogs.Release(s, now))
	c.arm()
}

// ruled shows the present View to a held or waiting call.
func (c *context) ruled(now router.Instant) {
	if !c.fork.Kept() {
		delete(c.s.byID, c.id)
		return
	}
	c.s.current = c
	c.step(now, c.event(now, fork.Ruled), nil, nil)
	c.arm()
}

// start opens a branch (RFC 3261 §16.6). It returns the event of a failure
// that is known at once.
func (c *context) start(now router.Instant, e *fork.Effect) (fork.Event, bool) {
	p := c.s.p
	i := uint8(len(c.branches))
	c.branches = append(c.branches, branch{target: e.Target, epoch: p.View().Epoch})
	b := &c.branches[i]
	failed := c.event(now, fork.TransportFailed)
	failed.Branch, failed.Happening = i, router.Unreachable
	hop, ok := p.hop(c, e.Target)
	if !ok {
		// A machine that ended, with no deadline: the zero value is always due.
		b.tx, _ = transaction.New(transaction.Client, true, now)
		b.tx.Step(now, transaction.Failed, 0)
		b.ended = true
		return failed, true
	}
	if c.call != nil {
		c.mark(&hop, e)
		c.call.record.Attempts++
		c.reserve(b, e.Target)
	}
	why, sent := c.open(now, i, &hop)
	if sent {
		return failed, false
	}
	c.branchEnded(now, i)
	failed.Happening = why
	return failed, true
}

// reserve takes the line that a branch of an initial INVITE occupies.
func (c *context) reserve(b *branch, t fork.Target) {
	d := c.s.p.Dialogs
	switch s := serverOf(t); {
	case s != router.NoServer:
		c.call.server = s
		if !c.call.replaces {
			d.Reserve(s)
			b.line = s
		}
	case c.call.outgoing:
		d.Reserve(c.call.server)
		b.line = c.call.server
	}
}

// cancel sends CANCEL on a branch, or remembers to until its first provisional
// (RFC 3261 §9.1).
func (c *context) cancel(now router.Instant, i uint8) { c.cancelAttempt(now, i) }

// cancelAttempt does so for the attempt numbered n, a present or a former one.
func (c *context) cancelAttempt(now router.Instant, n uint8) {
	r := ref{c, n}
	a := r.attempt()
	if a.cancelling == cancelSent || a.tx.Phase > transaction.Proceeding || len(a.sent) == 0 || c.head.Method != message.INVITE {
		return
	}
	a.cancelling = cancelWanted
	if !a.provisional {
		return
	}
	h, ok := a.head()
	if !ok {
		return
	}
	a.cancelled = message.AppendCancel(c.s.buffer(), a.sent, &h, c.cancelReason())
	a.cancelling = cancelSent
	a.cancel, _ = transaction.New(transaction.Client, a.flow.Network.Reliable(), now)
	c.s.clients[^a.key] = r
	_ = c.s.send(a.flow, a.cancelled)
	a.tx.Step(now, transaction.Stop, 0) // gone 64*T1 later, answered or not (RFC 3261 §9.1)
}

// cancelReason says why a branch is cancelled: as the caller's CANCEL did, or
// because another branch answered (RFC 3326 §2).
func (c *context) cancelReason() []byte {
	switch {
	case c.reason != nil:
		return c.reason
	case c.fork.Status()/100 == 2: // its 2xx goes up right after
		return []byte("SIP;cause=200;text=\"Call completed elsewhere\"")
	}
	return nil
}

// abandon stops retransmitting to a server that is confirmed dead; a late
// provisional is answered by CANCEL.
func (c *context) abandon(now router.Instant, i uint8) {
	b := &c.branches[i]
	if b.tx.Phase == transaction.Calling {
		b.tx.Step(now, transaction.Stop, 0)
	}
	c.cancel(now, i)
	c.freeLine(now, b)
}

// dismiss ACKs and BYEs a 2xx that nobody wants (our choice: late_answer
// release). Its repeats are ACKed alone (RFC 3261 §13.2.2.4); a 2xx with another
// To tag is another callee, behind a proxy that forked.
func (c *context) dismiss(now router.Instant, i uint8, in inHand) {
	b := &c.branches[i]
	c.freeLine(now, b)
	if in.raw == nil {
		return // Release comes with the 2xx in hand only
	}
	callee := max(c.s.p.hash(in.h.ToTag.Of(in.raw)), 1)
	// Of a re-INVITE it is acknowledged alone: the call in progress goes on.
	again := b.gone == callee || !c.head.ToTag.Empty()
	b.gone = callee
	if !again {
		c.s.p.Stats.Dismissed.Add(1)
	}
	if c.s.p.hooks.Dismiss != nil {
		c.s.p.hooks.Dismiss(b.flow, c.raw, in.raw, again)
	}
}

func serverOf(t fork.Target) router.Server {
	switch t {
	case fork.ToPrimary:
		return router.Primary
	case fork.ToSecondary:
		return router.Secondary
	}
	return router.NoServer
}
