package role

import "releve/router"

// overflow: a call the active server did not take, or idle probing that failed.
func (s *State) overflow(now router.Clock, out []Effect) []Effect {
	switch {
	case s.phase == router.Switching || s.phase == router.Returning:
		return out // the ruling that ends the move is for this call, too
	case s.row.Maintenance:
		s.verdict = router.VerdictUnknown
		s.rule(router.RuleDissuade, now.Mono)
		return append(out, Effect{Kind: Rule})
	case s.phase == router.BothDown:
		s.rule(router.RuleRescue, now.Mono)
		return append(out, Effect{Kind: Rule})
	case s.verifying:
		return out // joins
	case s.ruling == router.RuleDissuade && now.Mono.Sub(s.ruledAt) < s.policy.Spacing:
		s.rule(router.RuleDissuade, s.ruledAt) // reused; it does not grow younger
		return append(out, Effect{Kind: Rule})
	}
	return s.startVerification(now, out)
}

func (s *State) startVerification(now router.Clock, out []Effect) []Effect {
	s.verification++
	s.began = now.Mono
	s.verifying, s.ruling, s.verdict = true, router.NoRuling, router.VerdictUnknown
	if mutant != 20 {
		s.k, s.solid = 0, 0
	}
	s.of = s.policy.Count
	return s.startRound(now, out)
}

func (s *State) startRound(now router.Clock, out []Effect) []Effect {
	s.round++
	s.inRound = true
	spacing := s.policy.Spacing
	if s.phase == router.BothDown {
		spacing = retryRound
	}
	s.nextRound = now.Mono.Add(spacing)
	out = append(out, Effect{Kind: StartRound, Server: s.active, Round: s.round, K: s.shown(), N: s.of})
	return append(out, Effect{Kind: Rule})
}

// roundDone: the result of a round that was given up is no evidence for the
// next verification.
func (s *State) roundDone(now router.Clock, e Event, out []Effect) []Effect {
	if !s.inRound || e.Round != s.round {
		return out
	}
	s.inRound = false
	s.nextRound = max(s.nextRound, now.Mono)
	switch {
	case s.row.Maintenance || !s.verifying && s.phase != router.BothDown:
		return out
	case s.counts(e.Verdict, e.Lasting):
		s.count(e.Verdict)
	case e.Verdict.Functional() || s.phase != router.BothDown:
		return s.dissuade(now, e.Verdict, out)
	default:
		s.k, s.solid = 0, 0 // nothing proven: both stay down, and nothing is confirmed any more
	}
	if !s.confirmed() {
		return append(out, Effect{Kind: Rule})
	}
	return s.confirm(now, out)
}

// counts reports whether a verdict confirms: the policy names it, and a gray or
// degraded server has been so for long enough.
func (s *State) counts(v router.Verdict, lasting bool) bool {
	switch {
	case v.Dead():
		return s.policy.Dead
	case v == router.VerdictGray:
		return s.policy.Gray && lasting
	case v == router.VerdictDegraded:
		return s.policy.Degraded && lasting
	}
	return false
}

// count enters a switchable round. Without a second vantage point more are
// needed, unless Count of them had one.
func (s *State) count(v router.Verdict) {
	s.latest = v
	s.k = min(s.k+1, roundsMax)
	if v != router.VerdictDeadAlone {
		s.solid = min(s.solid+1, roundsMax)
	}
	s.of = s.policy.Count
	if s.solid < s.k {
		s.of += s.policy.AloneExtra
	}
}

func (s *State) confirmed() bool {
	if mutant == 21 {
		return s.k > 0 && (s.solid+1 >= s.policy.Count || s.k+1 >= s.policy.Count+s.policy.AloneExtra)
	}
	return s.k > 0 && (s.solid >= s.policy.Count || s.k >= s.policy.Count+s.policy.AloneExtra)
}

// confirm: the active server does not serve, N rounds say so.
func (s *State) confirm(now router.Clock, out []Effect) []Effect {
	if s.active == router.Primary && !s.failed {
		s.failed, s.failedAt = true, now.Mono
	}
	reason := s.obstacle()
	switch {
	case s.intent == begin && !s.unsure:
		return append(out, Effect{Kind: Rule}) // an operator was quicker
	case reason == router.ReasonNone:
		return s.begin(router.Switching, router.ReasonConfirmed, out)
	case reason == router.ReasonLevel || reason == router.ReasonObservation:
		return s.wouldHave(now, reason, out)
	case s.phase == router.BothDown:
		return append(out, Effect{Kind: Rule})
	}
	return s.bothDown(now, reason, out)
}

// obstacle says why a confirmed dysfunction leads to no switchover.
func (s *State) obstacle() router.Reason {
	switch {
	case s.active == router.Secondary:
		return router.ReasonBothDown // a return is an operator's act, at every level
	case !s.policy.Automatic && mutant != 26:
		return router.ReasonLevel
	case !s.policy.Act:
		return router.ReasonObservation
	case s.intent != none || s.unsure:
		return router.ReasonStoreDown
	case !s.ready && mutant != 24:
		return router.ReasonNotReady
	}
	return router.ReasonNone
}

// wouldHave: nothing is held and nothing is moved; the journal says once what
// would have been done.
func (s *State) wouldHave(now router.Clock, reason router.Reason, out []Effect) []Effect {
	s.verdict = s.latest
	if !s.told {
		s.told = true
		out = append(out, s.record(reason, s.active.Other()))
	}
	s.rule(router.RuleDissuade, now.Mono)
	s.k, s.solid = 0, 0
	return append(out, Effect{Kind: Rule})
}

// bothDown: neither server serves. Calls are still offered, the desk comes
// after; rounds go on.
func (s *State) bothDown(now router.Clock, reason router.Reason, out []Effect) []Effect {
	s.phase, s.verdict = router.BothDown, s.latest
	s.nextRound = now.Mono.Add(retryRound)
	s.rule(router.RuleRescue, now.Mono)
	return append(out, Effect{Kind: Rule},
		Effect{Kind: Alarm, Alarm: alarmNobody, On: true, Server: s.active}, s.record(reason, s.active))
}

// retrySwitch: while both are down, the passive server may become ready, or the
// store come back. What brought that may have brought the active server back,
// too: the next round comes at once, and confirms once more or not.
func (s *State) retrySwitch(now router.Clock) {
	if s.phase == router.BothDown && s.confirmed() && s.obstacle() == router.ReasonNone {
		s.nextRound = min(s.nextRound, now.Mono)
	}
}

// dissuade: the take-over is refused, whatever the verdict is.
func (s *State) dissuade(now router.Clock, v router.Verdict, out []Effect) []Effect {
	if v.Functional() {
		s.recovered()
	}
	s.verdict, s.inRound = v, false
	if mutant != 20 {
		s.k, s.solid = 0, 0
	}
	out = s.clearNobody(out)
	s.rule(router.RuleDissuade, now.Mono)
	return append(out, Effect{Kind: Rule})
}

// alive: the active server answered a call or a probe.
// An answer older than the verification may be the last one before the failure.
func (s *State) alive(now router.Clock, e Event, out []Effect) []Effect {
	if e.Server != s.active && e.Server != router.NoServer {
		return out
	}
	if s.verifying && e.At != 0 && e.At < s.began {
		return out
	}
	s.recovered()
	if s.verifying || s.phase == router.BothDown {
		return s.dissuade(now, router.VerdictHealthy, out)
	}
	return out
}

// recovered: the active server was seen to serve.
func (s *State) recovered() {
	s.told = false
	if s.active == router.Primary {
		s.failed = false
	}
}

// clearNobody leaves BothDown for the resting phase.
func (s *State) clearNobody(out []Effect) []Effect {
	if s.phase != router.BothDown {
		return out
	}
	s.phase = resting(s.active)
	return append(out, Effect{Kind: Alarm, Alarm: alarmNobody, Server: s.active}, s.record(router.ReasonServerBack, s.active))
}

// shown is k of N, never more than N: rounds go on while both are down.
func (s *State) shown() uint8 { return min(s.k, s.of) }

func (s *State) record(r router.Reason, server router.Server) Effect {
	return Effect{Kind: Record, Reason: r, Server: server, Verdict: s.verdict, K: s.shown(), N: s.of, Epoch: s.row.Epoch}
}
