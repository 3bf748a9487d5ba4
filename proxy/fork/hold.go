package fork

import "releve/router"

// overflow: the active server did not take the call on branch i, which may
// still be pending.
func (c *step) overflow(i uint8, reason router.Reason) {
	s, v := c.s, &c.e.View
	b := &s.branches[i]
	s.why = causeOf(reason)
	switch {
	case b.role == toOther || v.Phase == router.BothDown:
		c.desk(500, router.Failed, router.ReasonBothDown)
		return
	case s.stage == held:
		return // a pending branch ended during the verification: the ruling decides
	}
	if s.budget == router.Never {
		s.budget = c.after(c.p.HoldBudget)
	}
	switch {
	case c.now >= s.budget:
		c.spent()
	case !moving(v) && v.Active != router.NoServer && Target(v.Active) != b.target:
		c.deliver() // the roles changed while it was offered
	default:
		c.hold()
	}
}

// hold keeps the call for a ruling, or reuses one younger than a round. The
// shell tells control and then re-reads the View, so that no ruling is lost.
func (c *step) hold() {
	s, v := c.s, &c.e.View
	c.stopClocks()
	young := !moving(v) && !v.Verifying && v.Ruling == router.RuleDissuade && c.now.Sub(v.RuledAt) < c.p.Round
	if young {
		// The server may have failed since: what is offered again after that
		// round can be verified anew (our choice). Offered at once, a call that a
		// closed port refuses would spend its branches within milliseconds.
		c.dissuade(verdictReason(v.Verdict), v.RuledAt.Add(c.p.Round))
		return
	}
	c.keep(moving(v))
	s.accept = acceptable(v)
	if s.moving {
		s.accept = v.Verification // the ruling behind this move counts
	}
	c.signal()
}

// keep enters the hold.
func (c *step) keep(untilMoved bool) {
	s := c.s
	c.leave()
	s.stage, s.moving, s.leaving = held, untilMoved, c.e.View.Active
	c.do(Effect{Kind: Hold, Target: Target(c.e.View.Active), Reason: s.why.reason()})
}

// moving: the licence is on its way; no ruling but RuleSwitching is current.
func moving(v *router.View) bool { return v.Phase == router.Switching || v.Phase == router.Returning }

// acceptable is the verification whose ruling a call held now may use.
func acceptable(v *router.View) uint64 {
	if v.Verifying {
		return v.Verification
	}
	return v.Verification + 1
}

// signal sends the hold signal once. Nothing but 100 when the caller requires
// reliable provisionals.
func (c *step) signal() {
	s := c.s
	if c.p.HoldSignal == 0 && !c.p.Prompt || s.signalled || s.reliable18x {
		return
	}
	s.signalled = true
	c.do(Effect{Kind: Reply, Status: c.p.HoldSignal, Signal: true, Reason: s.why.reason()})
}

// ruled: the View changed.
func (c *step) ruled() {
	s, v := c.s, &c.e.View
	if s.cancelled || !s.Kept() {
		return
	}
	valid := v.Ruling != router.NoRuling && !v.Verifying && v.Verification >= s.accept
	switch {
	case moving(v):
		c.ruledMoving(valid && v.Ruling == router.RuleSwitching && v.Verdict.Switchable())
	case s.stage == held && s.moving:
		c.ruledMoved(valid)
	case s.stage == queued:
		c.ruledQueued()
	case valid:
		c.ruling()
	}
}

// ruledQueued: a call that awaits its delivery follows the active server.
func (c *step) ruledQueued() {
	switch v := &c.e.View; {
	case v.Phase == router.BothDown:
		c.desk(500, router.Failed, router.ReasonBothDown)
	case Target(v.Active) != c.s.waitFor:
		c.deliver()
	}
}

// ruledMoving: the licence is on its way. Confirmed dysfunction gives the
// branch at the failed server up; an operator's move leaves it, for a server
// that works may still answer it (our choice).
func (c *step) ruledMoving(confirmed bool) {
	s := c.s
	if confirmed {
		c.giveUpAll()
	}
	switch {
	case s.stage == held && s.budget != router.Never && c.e.View.MoveBy > s.budget:
		// The fence outlasts what this caller may be kept: a human answers now.
		c.desk(480, router.Failed, router.ReasonHoldBudget)
	case s.stage == held:
		s.moving = true
	case s.stage == waiting || s.stage == queued || confirmed:
		s.accept = c.e.View.Verification
		c.keep(true)
	}
}

// ruledMoved: the move has ended, one way or the other.
func (c *step) ruledMoved(valid bool) {
	s, v := c.s, &c.e.View
	switch {
	case v.Phase == router.BothDown:
		c.desk(500, router.Failed, router.ReasonBothDown)
	case v.Active != s.leaving || valid && v.Ruling == router.RuleDeliver:
		c.deliver()
	case valid && v.Ruling == router.RuleSwitching: // published before the phase
	case v.Verifying: // the next verification decides
		s.moving = false
		s.accept = v.Verification
	case valid && v.Ruling == router.RuleRescue:
		c.ruling()
	default:
		// The move was given up. What is left is the server that was active.
		c.dissuade(verdictReason(v.Verdict), c.now)
	}
}

// ruling performs a ruling that counts for this call.
func (c *step) ruling() {
	s, v := c.s, &c.e.View
	switch v.Ruling {
	case router.RuleDissuade:
		if s.stage == held {
			c.dissuade(verdictReason(v.Verdict), c.now)
		}
	case router.RuleSwitching:
		c.ruledMoving(v.Verdict.Switchable())
	case router.RuleDeliver:
		c.deliver()
	case router.RuleRescue:
		if v.Phase == router.BothDown {
			c.desk(500, router.Failed, router.ReasonBothDown)
			return
		}
		c.desk(480, router.Failed, s.why.reason())
	}
}

func verdictReason(v router.Verdict) router.Reason {
	switch {
	case v == router.VerdictBusy:
		return router.ReasonVerdictBusy
	case v.Functional():
		return router.ReasonVerdictFunctional
	}
	return router.ReasonVerdictUnknown
}

// dissuade refuses the take-over. On the overflow entry that is a reject;
// inline the call goes back to the active server: a pending branch stays, an
// ended one waits for a line, and until notBefore.
func (c *step) dissuade(reason router.Reason, notBefore router.Instant) {
	s, v := c.s, &c.e.View
	c.leave()
	c.stopClocks()
	s.why = causeOf(reason)
	s.accept = acceptable(v)
	if s.budget == router.Never {
		s.budget = c.after(c.p.HoldBudget)
	}
	notBefore = max(c.now, notBefore, c.e.NotBefore)
	if s.lastFinal != router.Never {
		notBefore = max(notBefore, s.lastFinal.Add(t4))
	}
	switch {
	case s.entry:
		c.reply(c.rejectStatus(), router.Dissuaded, reason)
	case s.pending():
		s.stage = staying
	case !c.p.Requeue:
		c.reply(c.rejectStatus(), router.Dissuaded, reason)
	case c.e.NotBefore >= s.budget: // it asked for a pause that outlasts this caller's
		c.desk(c.rejectStatus(), router.Dissuaded, reason)
	case v.Active == router.NoServer || s.n >= MaxBranches-reserved || notBefore >= s.budget:
		c.spent() // no turn can come in time
	default:
		s.stage, s.waitFor = waiting, Target(v.Active)
		c.do(Effect{Kind: Wait, Target: s.waitFor, NotBefore: notBefore, Reason: reason})
		c.signal()
	}
}

// turn re-offers the call on the line reserved for it, with what is left of the
// budget. A turn that comes too late gives the line back.
func (c *step) turn() {
	s, v := c.s, &c.e.View
	if s.stage == queued {
		c.allotted()
		return
	}
	if s.stage != waiting {
		c.do(Effect{Kind: Leave, Target: s.waitFor})
		return
	}
	if Target(v.Active) != s.waitFor {
		c.deliver() // leaves the list, and with it the line
		return
	}
	if c.e.NotBefore > c.now { // asked for while this call waited
		c.dissuade(s.why.reason(), c.now)
		return
	}
	s.stage = offered
	s.clocked = c.begin(s.waitFor, reoffered)
	s.noProgress = min(c.clock(c.p.ProgressTimeout), s.budget)
	s.noAnswer = min(c.clock(c.p.AnswerTimeout), s.budget)
}

// deliver gives the call to the server that is active now, in its turn: a
// server that has just become active is not given all that was held at once.
func (c *step) deliver() {
	s, v := c.s, &c.e.View
	c.giveUpAll()
	if v.Active == router.NoServer || s.noBranch || s.n > MaxBranches-reserved {
		c.desk(480, router.Failed, s.why.reason())
		return
	}
	c.leave()
	c.stopClocks()
	s.stage, s.entry, s.waitFor = queued, false, Target(v.Active)
	c.do(Effect{Kind: Pace, Target: s.waitFor, Reason: s.why.reason()})
}

// allotted: the slot of this delivery is known. One that lies beyond what the
// caller may be kept sends him to the desk now.
func (c *step) allotted() {
	s := c.s
	switch {
	case c.e.NotBefore <= c.now:
		c.hand()
	case c.e.NotBefore >= s.budget:
		c.spent()
	default:
		s.slot = c.e.NotBefore
		c.signal()
	}
}

// hand begins the delivery. Its answer has no clock, but a server that says
// nothing at all has failed: our choice, so that the desk hears a caller whom
// both servers left in silence.
func (c *step) hand() {
	s := c.s
	s.stage, s.slot = delivered, router.Never
	s.clocked = c.begin(s.waitFor, toOther)
	s.noProgress = c.clock(c.p.ProgressTimeout)
}

// desk gives the call to the operators; without them status goes up.
func (c *step) desk(status uint16, o router.Outcome, reason router.Reason) {
	s := c.s
	if !c.p.Rescue || s.noBranch || s.stage == atDesk || s.n >= MaxBranches {
		c.reply(status, o, reason)
		return
	}
	c.leave()
	c.giveUpAll()
	c.stopClocks()
	if c.p.Redirect {
		s.why = causeOf(reason)
		c.reply(302, router.Rescued, reason)
		return
	}
	s.stage, s.why, s.fallback = atDesk, causeOf(reason), status
	c.begin(ToRescue, toDesk)
}

// spent: the hold budget is at its end.
func (c *step) spent() { c.desk(c.rejectStatus(), router.Dissuaded, router.ReasonHoldBudget) }

// leave ends the hold or the wait.
func (c *step) leave() {
	s := c.s
	switch s.stage {
	case held:
		c.do(Effect{Kind: Unhold, Target: Target(s.leaving)})
	case waiting:
		c.do(Effect{Kind: Leave, Target: s.waitFor})
	case queued:
		s.slot = router.Never
	default:
		return
	}
	s.stage, s.moving = offered, false
}

func (c *step) stopClocks() {
	c.s.clocked, c.s.noProgress, c.s.noAnswer = none, router.Never, router.Never
}

// pending reports whether a branch may still bring what the caller waits for.
func (s *State) pending() bool {
	for i := range s.n {
		if b := &s.branches[i]; b.progress != ended && !b.given {
			return true
		}
	}
	return false
}
