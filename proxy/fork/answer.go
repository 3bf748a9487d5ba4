package fork

import "releve/router"

// response treats what a client transaction passed up (RFC 3261 §16.7).
func (c *step) response() {
	if c.e.Branch >= c.s.n {
		return
	}
	switch {
	case c.e.Status < 100 || c.e.Status > 699:
	case c.e.Status < 200:
		c.provisional(c.e.Branch)
	case c.e.Status < 300 && c.s.invite:
		c.accepted(c.e.Branch)
	default:
		c.final(c.e.Branch)
	}
}

// provisional: 100 stays here, the rest goes up at once (RFC 3261 §16.7(5))
// unless the branch was given up or the caller is being kept (our choices: the
// IPBX would mix early dialogs; while held it hears nothing new).
func (c *step) provisional(i uint8) {
	s, b := c.s, &c.s.branches[i]
	if b.progress == ended {
		return
	}
	if b.progress == calling {
		b.progress = proceeding
		if b.given {
			b.until = c.after(wholeLife) // its CANCEL goes out now
		}
		if b.awaited && s.cancelBy != router.Never {
			s.cancelBy = c.after(wholeLife)
		}
	}
	if i == s.clocked {
		s.noProgress = router.Never
	}
	if b.given || c.e.Status == 100 || !s.invite {
		return // no provisional but 100 to a non-INVITE (RFC 4320 §4.1)
	}
	b.until = c.clock(c.p.TimerC) // RFC 3261 §16.7(2)
	if s.final == 0 && s.stage != held && s.stage != waiting {
		c.do(Effect{Kind: Relay, Branch: i, Target: b.target, Status: c.e.Status})
	}
}

// accepted is a 2xx to INVITE, never dropped: the first goes up and wins, what
// comes when another 2xx is up is the policy's business, and what comes when a
// refusal is up is acknowledged and released.
func (c *step) accepted(i uint8) {
	s, b := c.s, &c.s.branches[i]
	news := b.status/100 != 2
	b.progress, b.status, b.until = ended, c.e.Status, router.Never
	if news && b.role <= toOther {
		c.report(b.target, router.OK)
	}
	relay := Effect{Kind: Relay, Branch: i, Target: b.target, Status: c.e.Status}
	switch {
	case s.final == 0:
		outcome, reason := c.served(b)
		c.leave()
		c.giveUpAll()
		s.final, s.winner = c.e.Status, i
		c.do(relay)
		c.done(outcome, reason)
	case s.final/100 == 2 && (s.winner == i || c.p.Late == ForwardLate):
		c.do(relay)
	case mutant == 40:
	case mutant == 43:
		c.do(relay)
	default:
		c.do(Effect{Kind: Release, Branch: i, Target: b.target, Status: c.e.Status})
	}
}

// served names how a 2xx came about.
func (c *step) served(b *branch) (router.Outcome, router.Reason) {
	switch b.role {
	case toDesk:
		return router.Rescued, c.s.why.reason()
	case toOther:
		if b.target == ToPrimary { // after a return
			return router.Answered, router.ReasonActiveServes
		}
		return router.Answered, router.ReasonDelivered
	case reoffered:
		return router.Answered, router.ReasonRequeued
	case plain:
		return router.Answered, c.s.why.reason()
	}
	switch c.s.stage {
	case offered:
		return router.Answered, router.ReasonActiveServes
	case staying:
		return router.Answered, router.ReasonRequeued
	}
	return router.Answered, router.ReasonAnsweredWhileHeld
}

// final is a final that is no 2xx to INVITE.
func (c *step) final(i uint8) {
	s, b := c.s, &c.s.branches[i]
	if b.progress == ended {
		return
	}
	b.progress, b.status, b.until = ended, c.e.Status, router.Never
	if b.target == ToPrimary || b.target == ToSecondary {
		s.lastFinal = c.now
	}
	if s.final != 0 || c.settled(b) {
		return
	}
	switch {
	case b.role == toDesk:
		c.relayBest(router.RefusedByPeer, s.why.reason())
	case s.mode == Outgoing && c.e.Status == 503:
		c.nextIPBX()
	case b.role == plain:
		c.relayBest(router.RefusedByPeer, s.why.reason())
	default:
		var override router.Class
		if read := c.p.Overrides[b.target]; read != nil {
			override = read(c.e.Status)
		}
		c.judge(i, router.Classify(c.observe(router.GotFinal, c.e.Status, override)))
	}
}

// failed ends a branch without a response: a transport error counts as 503
// (RFC 3261 §16.9), Timers B, C and F as 408 (§16.7, §16.8).
func (c *step) failed(h router.Happening, timedOut bool) {
	if c.e.Branch < c.s.n {
		c.fail(c.e.Branch, h, timedOut)
	}
}

func (c *step) fail(i uint8, h router.Happening, timedOut bool) {
	s, b := c.s, &c.s.branches[i]
	if b.progress == ended {
		return
	}
	spoke := b.progress == proceeding
	b.progress, b.timedOut, b.until = ended, timedOut, router.Never
	if spoke && s.invite && !b.given && !timedOut {
		// A connection broke on a ringing server: it must not ring on.
		c.do(Effect{Kind: Cancel, Branch: i, Target: b.target})
	}
	if s.final != 0 || c.settled(b) {
		return
	}
	switch {
	case s.stage == closed: // a non-INVITE that ended in silence
	case b.role == toDesk:
		c.reply(s.fallback, router.Failed, s.why.reason())
	case s.mode == Outgoing:
		c.nextIPBX()
	case b.role == plain:
		c.failPlain(h, timedOut)
	default:
		if timedOut && spoke {
			h = router.NoAnswer
		}
		c.judge(i, router.Classify(c.observe(h, 0, router.ClassNone)))
	}
}

// settled treats the end of a branch that was given up: nothing follows, or,
// when the caller or Timer C cancelled it, the last one to end answers.
func (c *step) settled(b *branch) bool {
	if b.given && !b.awaited {
		return true
	}
	if !c.s.cancelled && !b.awaited {
		return false
	}
	c.settle()
	return true
}

// settle answers after a CANCEL once no awaited branch is left: with the best
// response, or with the truth where that would be a 408 or 5xx of ours.
func (c *step) settle() {
	s := c.s
	for i := range s.n {
		if b := &s.branches[i]; b.awaited && b.progress != ended {
			return
		}
	}
	outcome, reason, status := router.Failed, router.ReasonNoAnswer, uint16(408) // Timer C: RFC 3261 §16.8
	if s.cancelled {
		outcome, reason, status = router.Cancelled, router.ReasonCallerCancelled, 487
	}
	if b := s.best(); b != none && s.branches[b].status/100 != 5 {
		c.relayBest(outcome, reason)
		return
	}
	c.reply(status, outcome, reason)
}

// judge does what the row of the table says.
func (c *step) judge(i uint8, t router.Treatment) {
	s, b := c.s, &c.s.branches[i]
	if t.Class != router.ClassSilent || !b.silent {
		c.report(b.target, t.Evidence)
	}
	b.silent = b.silent || t.Class == router.ClassSilent
	s.noBranch = s.noBranch || t.NoBranch // RFC 3261 §16.7(5)
	if i == s.clocked && b.progress == ended {
		c.stopClocks()
	}
	switch {
	case t.Act == router.ActRelay:
		c.relayBest(router.RefusedByPeer, t.Reason)
	case c.manual():
		c.observed(i, t)
	case t.Act == router.ActDissuade:
		c.dissuade(t.Reason, c.now)
	default:
		c.overflow(i, t.Reason)
	}
}

// observed: nothing is held. What the server does goes up, with what would have
// been decided; the desk still serves a call that nobody took.
func (c *step) observed(i uint8, t router.Treatment) {
	s, b := c.s, &c.s.branches[i]
	s.would = causeOf(t.Reason)
	untaken := t.Class == router.ClassFailed || t.Class == router.ClassRefused || t.Class == router.ClassSilent ||
		t.Class == router.ClassConfig || t.Class == router.ClassNoAnswer
	switch {
	case untaken && c.p.Rescue && !s.noBranch:
		c.desk(480, router.Failed, t.Reason)
	case b.progress != ended: // a clock fired: what comes is relayed
	case b.status != 0:
		c.relayBest(router.RefusedByPeer, t.Reason)
	case b.timedOut:
		c.reply(408, router.Failed, t.Reason)
	default:
		c.reply(500, router.Failed, t.Reason) // a 503 of ours (RFC 3261 §16.9) goes up as 500 (§16.7(6))
	}
}
