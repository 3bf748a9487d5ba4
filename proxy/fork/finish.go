package fork

import "releve/router"

// giveUpAll cancels what is pending: by CANCEL when the branch has spoken, else
// by abandoning it (no retransmission; a late provisional is answered by
// CANCEL, RFC 3261 §9.1). Only an INVITE can be cancelled.
func (c *step) giveUpAll() {
	s := c.s
	if !s.invite {
		return
	}
	for i := range s.n {
		b := &s.branches[i]
		if b.progress == ended || b.given {
			continue
		}
		b.given = true
		b.until = c.after(wholeLife)
		kind := Cancel
		if b.progress == calling {
			kind = Abandon
		}
		c.do(Effect{Kind: kind, Branch: i, Target: b.target})
	}
}

// callerCancelled: nothing is left on any server, and nothing new begins. A
// call that we keep ends at once; one that a server has ends by that server's
// answer, or by ours when the server says nothing.
func (c *step) callerCancelled() {
	s := c.s
	if !s.invite || s.cancelled || s.stage == fresh || s.stage == closed {
		return
	}
	if mutant == 42 && s.stage == held {
		return
	}
	s.cancelled = true
	c.stopClocks()
	kept := s.stage == held || s.stage == waiting || s.stage == queued
	spoke, any := false, false
	for i := range s.n {
		b := &s.branches[i]
		if b.progress == ended || b.given {
			continue
		}
		b.given, b.awaited = true, true
		b.until = c.after(wholeLife)
		spoke, any = spoke || b.progress == proceeding, true
		c.do(Effect{Kind: Cancel, Branch: i, Target: b.target, Reason: router.ReasonCallerCancelled})
	}
	switch {
	case kept || !any:
		c.reply(487, router.Cancelled, router.ReasonCallerCancelled)
	case spoke:
		s.cancelBy = c.after(wholeLife) // RFC 3261 §9.1
	default:
		s.cancelBy = c.after(c.p.ProgressTimeout)
	}
}

// best chooses among the finals received (RFC 3261 §16.7(6)): a 6xx, else the
// lowest class; within 4xx one that tells the caller how to try again; of
// equals the newest. Branches that we gave up ourselves do not count.
func (s *State) best() uint8 {
	best := uint8(none)
	rank := 0
	for i := range s.n {
		b := &s.branches[i]
		if b.status == 0 || b.given && !b.awaited {
			continue
		}
		if r := rankOf(b.status); best == none || r <= rank {
			best, rank = i, r
		}
	}
	return best
}

func rankOf(status uint16) int {
	switch status {
	case 401, 407, 415, 420, 484:
		return 39
	}
	if status >= 600 {
		return 0
	}
	return int(status/100) * 10
}

// relayBest sends the best response up. A 503 would make the IPBX avoid us for
// every call: it goes up as 500 (RFC 3261 §16.7(6)).
func (c *step) relayBest(o router.Outcome, reason router.Reason) {
	s := c.s
	i := s.best()
	if i == none {
		c.reply(500, router.Failed, reason)
		return
	}
	b := &s.branches[i]
	if b.status == 503 {
		c.reply(500, o, reason)
		return
	}
	c.leave()
	c.giveUpAll()
	s.final = b.status
	c.do(Effect{Kind: Relay, Branch: i, Target: b.target, Status: b.status, Reason: reason})
	if b.status/100 == 2 {
		s.winner = i
		o = router.Answered
	}
	c.done(o, reason)
}

// reply ends the request with a final of our own.
func (c *step) reply(status uint16, o router.Outcome, reason router.Reason) {
	c.leave()
	c.giveUpAll()
	c.s.final = status
	c.do(Effect{Kind: Reply, Status: status, Reason: reason})
	c.done(o, reason)
}

// done closes the context; it happens once.
func (c *step) done(o router.Outcome, reason router.Reason) {
	s := c.s
	c.stopClocks()
	s.stage = closed
	f := Effect{Kind: Done, Branch: s.winner, Target: ToNone, Status: s.final, Outcome: o, Reason: reason, Would: s.would.reason()}
	if s.winner != none {
		f.Target = s.branches[s.winner].target
	}
	c.do(f)
}

// tick performs the clocks that are due, the caller's first.
func (c *step) tick() {
	s := c.s
	switch {
	case s.stage == closed:
		return
	case c.now >= s.cancelBy:
		s.cancelBy = router.Never
		c.reply(487, router.Cancelled, router.ReasonCallerCancelled)
		return
	case s.budgeted() && c.now >= s.budget:
		c.spent()
	case s.stage == queued && c.now >= s.slot:
		c.hand()
	}
	if c.now >= s.noProgress {
		c.clockFired(router.NoProgress)
	}
	if c.now >= s.noAnswer {
		c.clockFired(router.NoAnswer)
	}
	for i := uint8(0); i < s.n && s.stage != closed; i++ {
		if s.branches[i].progress != ended && c.now >= s.branches[i].until {
			c.branchDue(i)
		}
	}
}

// clockFired: the active server was given its time. Its branch stays pending.
func (c *step) clockFired(h router.Happening) {
	s, i := c.s, c.s.clocked
	b := &s.branches[i]
	if h == router.NoProgress {
		s.noProgress = router.Never
	} else {
		s.noAnswer = router.Never
	}
	if s.mode == Outgoing {
		c.giveUpAll() // silent: a late answer of it is treated as any late answer
		c.nextIPBX()
		return
	}
	if h == router.NoAnswer && b.progress == calling {
		return // observation: its silence was reported
	}
	t := router.Classify(c.observe(h, 0, router.ClassNone))
	if b.role == toOther && !c.p.Rescue && !c.manual() {
		// Nobody is left to give it to: it may still answer until Timer B.
		b.silent = true
		c.report(b.target, t.Evidence)
		return
	}
	c.judge(i, t)
}

// branchDue: Timer C, or a cancelled branch that never ended.
func (c *step) branchDue(i uint8) {
	b := &c.s.branches[i]
	if b.given || b.progress == calling {
		c.fail(i, router.NoProgress, true)
		return
	}
	b.given, b.awaited = true, true // RFC 3261 §16.8
	b.until = c.after(wholeLife)
	c.do(Effect{Kind: Cancel, Branch: i, Target: b.target})
}
