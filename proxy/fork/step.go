package fork

import (
	"time"

	"releve/router"
)

// step is one call of Step: the state, its input and the effects so far.
type step struct {
	s   *State
	now router.Instant
	e   Event // a copy: the caller's may live on its stack
	p   *Policy
	out []Effect
}

// Step tells the context what happened at now and appends what to do to out, in
// order. It allocates only when out must grow (16 entries always suffice).
// Events about branches that were never started, and events that mean nothing
// any more, append nothing; after Done only Relay, Release and Report of a late
// 2xx and Leave (a line reserved in vain) still come.
func (s *State) Step(now router.Instant, e *Event, p *Policy, out []Effect) []Effect {
	c := step{s: s, now: now, e: *e, p: p, out: out}
	switch e.Kind {
	case Arrive:
		c.arrive()
	case Response:
		c.response()
	case TransportFailed:
		c.failed(e.Happening, false)
	case TimedOut:
		c.failed(router.NoProgress, true)
	case Ruled:
		c.ruled()
	case Turn:
		c.turn()
	case NoTurn:
		switch s.stage {
		case held: // no room: a human answers, or nobody (our choice)
			c.desk(c.rejectStatus(), router.Dissuaded, router.ReasonOverloaded)
		case waiting:
			s.stage = offered // the list refused it, so there is nothing to leave
			c.reply(c.rejectStatus(), router.Dissuaded, router.ReasonWaitingFull)
		}
	case Cancelled:
		c.callerCancelled()
	case Tick:
		c.tick()
	}
	return c.out
}

func (c *step) do(f Effect) { c.out = append(c.out, f) }

// arrive performs the decision of router.Route.
func (c *step) arrive() {
	s, e := c.s, &c.e
	if s.stage != fresh {
		return
	}
	s.viaEntry, s.service, s.reliable18x = e.Entry, e.ServiceNumber, e.Reliable18x
	s.why = causeOf(e.Decision.Reason)
	switch {
	case s.mode == Outgoing:
		c.arriveOutgoing()
		return
	case s.mode == Single:
		s.stage = relayed
		c.begin(orElse(e.First, ToRoute), plain)
		return
	}
	d := e.Decision
	switch d.Action {
	case router.Offer:
		c.offer(d)
	case router.Relay:
		s.stage = relayed
		c.begin(orElse(Target(d.Target), ToPrimary), plain)
	case router.Keep:
		s.entry = e.Entry == router.OverflowEntry && e.View.Active != router.Secondary
		s.stage = offered
		s.budget = c.after(c.p.HoldBudget)
		c.hold()
	case router.Refuse:
		if d.Reason == router.ReasonObservation {
			s.would = causeOf(router.ReasonNoAnswer)
		}
		c.reply(orStatus(d.Status, c.rejectStatus()), router.Dissuaded, d.Reason)
	case router.Desk:
		c.desk(orStatus(d.Status, 480), router.Failed, d.Reason)
	case router.Place: // an outgoing call is Mode Outgoing; here it has no route
		c.reply(480, router.Failed, router.ReasonNoRoute)
	}
}

// offer gives the call to the active server, or dissuades it unsent when our
// own count has no line for it.
func (c *step) offer(d router.Decision) {
	s := c.s
	s.stage = offered
	if d.Reason == router.ReasonLinesFull {
		t := router.Classify(c.observe(router.NoFreeLine, 0, router.ClassNone))
		switch {
		case t.Act == router.ActRelay: // not proven: it is offered
		case c.manual():
			s.would = causeOf(t.Reason)
		default:
			c.report(Target(d.Target), t.Evidence)
			c.dissuade(t.Reason, c.now)
			return
		}
	}
	if d.Reason == router.ReasonSpared {
		if !c.manual() {
			c.dissuade(d.Reason, c.now)
			return
		}
		// Our choice: where nothing is held it is offered all the same, and the
		// server's own answer goes up.
		s.would = causeOf(d.Reason)
	}
	if d.Target == router.NoServer {
		c.desk(500, router.Failed, router.ReasonBothDown)
		return
	}
	b := c.begin(Target(d.Target), first)
	s.clocked = b
	s.noProgress = c.clock(c.p.ProgressTimeout)
	s.noAnswer = c.clock(c.p.AnswerTimeout)
}

// begin starts a branch; the caller made sure that one is left.
func (c *step) begin(t Target, r role) uint8 {
	s := c.s
	b := s.n
	s.n++
	s.branches[b] = branch{target: t, role: r, until: router.Never}
	if s.invite {
		s.branches[b].until = c.clock(c.p.TimerC) // RFC 3261 §16.6(11)
	}
	c.do(Effect{Kind: Start, Branch: b, Target: t, Reason: s.why.reason(), Overflown: r == toOther || r == toDesk})
	return b
}

// manual: nothing is held. The level has no automatic switchover, an operator
// observes, or (our choice) maintenance freezes the roles: no ruling would come.
func (c *step) manual() bool {
	v := &c.e.View
	return !c.p.Automatic || !v.Act || v.Phase == router.Maintenance
}

// observe gathers what Classify looks at.
func (c *step) observe(h router.Happening, status uint16, override router.Class) router.Observation {
	return router.Observation{
		Happening: h, Status: status, RetryAfter: c.e.RetryAfter, ServiceNumber: c.s.service,
		AnsweredLately: c.e.AnsweredLately, Occupancy: c.e.Occupancy, Entry: c.s.viaEntry, Override: override,
	}
}

func (c *step) report(t Target, ev router.Evidence) {
	if ev != router.NoEvidence {
		c.do(Effect{Kind: Report, Target: t, Evidence: ev})
	}
}

// after is the instant d from now.
func (c *step) after(d time.Duration) router.Instant { return c.now.Add(d) }

// clock is after, but a duration of 0 is a clock that does not run.
func (c *step) clock(d time.Duration) router.Instant {
	if d <= 0 {
		return router.Never
	}
	return c.now.Add(d)
}

func (c *step) rejectStatus() uint16 { return orStatus(c.p.RejectStatus, 486) }

func orElse(t, other Target) Target {
	if t == ToNone {
		return other
	}
	return t
}

func orStatus(status, other uint16) uint16 {
	if status == 0 {
		return other
	}
	return status
}
