package role

import "releve/router"

// Step takes one event and appends what is to be done, in order. Total: an
// event that means nothing in the present state does nothing.
func (s *State) Step(now router.Clock, e Event, out []Effect) []Effect {
	switch {
	case e.Kind == LeaseWon:
		out = s.leaseWon(now, e, out)
	case e.Kind == LeaseLost:
		out = s.leaseLost(now, out)
	case e.Kind == Follow && !s.lease:
		s.adopt(e.Row)
		out = append(out, Effect{Kind: Rule})
	case e.Kind == Ready:
		s.ready, s.healthy = e.Ready, e.Healthy
	}
	if !s.lease {
		if e.Kind == Operator {
			out = append(out, Effect{Kind: Refuse, Command: e.Command, Reason: router.ReasonLeaseLost})
		}
		return out
	}
	out = s.handle(now, e, out)
	out = s.tick(now, out)
	return s.markReturn(now, out)
}

func (s *State) handle(now router.Clock, e Event, out []Effect) []Effect {
	switch e.Kind {
	case Overflow:
		return s.overflow(now, out)
	case RoundDone:
		return s.roundDone(now, e, out)
	case Alive:
		return s.alive(now, e, out)
	case Ready:
		s.retrySwitch(now)
	case Operator:
		return s.operator(now, e, out)
	case Bound:
		return s.bound(e.Server, out)
	case MoveFailed:
		return s.moveFailed(out)
	case Saved:
		return s.saved(now, e.Row, out)
	case SaveUnknown:
		return s.saveUnknown(now, out)
	}
	return out
}

// tick does what has become due. It runs after every event: a late Tick loses
// nothing.
func (s *State) tick(now router.Clock, out []Effect) []Effect {
	if s.saveDue && now.Mono >= s.saveAt {
		s.saveDue = false
		out = append(out, Effect{Kind: Save, Row: s.want})
	}
	if s.roundWanted() && now.Mono >= s.nextRound {
		out = s.startRound(now, out)
	}
	return out
}

// markReturn raises or clears the advice that a return is possible.
func (s *State) markReturn(now router.Clock, out []Effect) []Effect {
	possible := s.stable() && now.Mono >= s.mayReturnAt()
	if possible == s.returnable {
		return out
	}
	s.returnable = possible
	if mutant == 23 && possible {
		out = s.begin(router.Returning, router.ReasonServerBack, out)
	}
	return append(out, Effect{Kind: Alarm, Alarm: alarmReturn, On: possible, Server: router.Primary})
}

// leaseWon begins to decide, from the stored row. The licence is told whose it
// is, or is to become: it answers Bound at once when nothing is to be done.
//
// An intent that is stored, and nothing of it begun, is taken back, our choice:
// whoever begins anew does not know how old an order is, nor whether the ground of
// a confirmed switchover still holds, and sees for itself.
func (s *State) leaseWon(now router.Clock, e Event, out []Effect) []Effect {
	if s.lease {
		return out
	}
	stored := e.Row
	if stored == (Row{}) {
		stored = s.row
	}
	s.adopt(stored)
	s.lease, s.intent, s.saveDue, s.unsure, s.returnable = true, none, false, false, false
	for _, a := range formerAlarms {
		out = append(out, a)
	}
	to := s.active
	switch {
	case s.atRest():
	case e.Unbegun && mutant != 25:
		s.phase = s.rest.Phase
		out = s.withdraw(out)
	default:
		to = to.Other()
		s.rule(router.RuleSwitching, now.Mono)
	}
	return append(out, Effect{Kind: Rule}, Effect{Kind: MoveLicence, Server: to, Epoch: s.row.Epoch})
}

// formerAlarms are those that a former holder of the lease, or a former life,
// may have raised, each about the server that it named. What still holds is told
// anew.
var formerAlarms = [...]Effect{
	{Kind: Alarm, Alarm: alarmNobody, Server: router.Primary},
	{Kind: Alarm, Alarm: alarmNobody, Server: router.Secondary},
	{Kind: Alarm, Alarm: alarmReturn, Server: router.Primary},
	{Kind: Alarm, Alarm: alarmStore},
}

// leaseLost stops deciding. Held calls are told to go back: nothing was proven.
func (s *State) leaseLost(now router.Clock, out []Effect) []Effect {
	if !s.lease {
		return out
	}
	wasVerifying := s.verifying
	s.lease, s.inRound, s.intent, s.saveDue = false, false, none, false
	s.k, s.solid = 0, 0
	if wasVerifying {
		s.verdict = router.VerdictUnknown
		s.rule(router.RuleDissuade, now.Mono)
		out = append(out, Effect{Kind: Rule})
	}
	return append(out, Effect{Kind: Record, Reason: router.ReasonLeaseLost, Server: s.active, Epoch: s.row.Epoch})
}

// rule ends the running verification, or numbers a ruling for which none ran.
func (s *State) rule(r router.Ruling, at router.Instant) {
	if !s.verifying {
		s.verification++
	}
	s.verifying, s.ruling, s.ruledAt = false, r, at
}
