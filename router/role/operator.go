package role

import "releve/router"

// operator takes or refuses a command. A command taken shows in the journal
// when it is done, not before.
func (s *State) operator(now router.Clock, e Event, out []Effect) []Effect {
	if reason := s.refusal(now, e); reason != router.ReasonNone {
		return append(out, Effect{Kind: Refuse, Command: e.Command, Reason: reason})
	}
	switch e.Command {
	case Switchover:
		return s.order(now, router.Switching, out)
	case Return:
		return s.order(now, router.Returning, out)
	case MaintenanceStart, MaintenanceStop:
		r := s.rest
		r.Maintenance = e.Command == MaintenanceStart
		return s.save(freeze, r, out)
	case Verify:
		if !s.verifying {
			return s.startVerification(now, out)
		}
	}
	return out
}

// order begins a change of role for as long as an operator waits for it.
func (s *State) order(now router.Clock, phase router.Phase, out []Effect) []Effect {
	s.orderBy = now.High.Add(OrderFor)
	return s.begin(phase, router.ReasonOperator, out)
}

// ordered: an operator's order is being stored.
func (s *State) ordered() bool { return s.intent == begin && s.want.Reason == router.ReasonOperator }

// tooLate: the order whose intent is durable now was not stored in time. A store
// that was away, or a machine that slept, carries out nothing that was meant for
// another moment.
func (s *State) tooLate(now router.Clock) bool {
	return s.row.Reason == router.ReasonOperator && now.High >= s.orderBy && mutant != 25
}

// withdraw takes an intent back of which nothing was begun.
func (s *State) withdraw(out []Effect) []Effect {
	if s.row.Reason == router.ReasonOperator {
		out = append(out, s.record(router.ReasonOrderLate, s.active.Other()))
	}
	return s.save(undo, s.restAs(s.row.Epoch+1), out)
}

// refusal says why a command cannot be taken now; ReasonNone: it can.
func (s *State) refusal(now router.Clock, e Event) router.Reason {
	switch {
	case s.phase == router.Switching || s.phase == router.Returning:
		return router.ReasonWrongPhase
	case e.Command != Verify && s.unsure:
		return router.ReasonStoreDown
	case e.Command != Verify && s.intent != none:
		return router.ReasonWrongPhase // another change is being saved
	case e.Command != MaintenanceStop && s.row.Maintenance:
		return router.ReasonMaintenance
	}
	switch e.Command {
	case Switchover:
		return s.refuseSwitchover(e.Force)
	case Return:
		return s.refuseReturn(now, e.Force)
	case MaintenanceStart:
		return router.ReasonNone
	case MaintenanceStop:
		if s.row.Maintenance {
			return router.ReasonNone
		}
	case Verify:
		if s.atRest() {
			return router.ReasonNone
		}
	}
	return router.ReasonWrongPhase
}

func (s *State) refuseSwitchover(force bool) router.Reason {
	switch {
	case s.active != router.Primary:
		return router.ReasonWrongPhase
	case !s.ready && !force:
		return router.ReasonNotReady
	}
	return router.ReasonNone
}

// refuseReturn: five good rounds, and 15 minutes since the primary failed. When
// the secondary fails, a ready primary is enough.
func (s *State) refuseReturn(now router.Clock, force bool) router.Reason {
	switch {
	case s.active != router.Secondary:
		return router.ReasonWrongPhase
	case force:
		return router.ReasonNone
	case s.phase == router.BothDown:
		if s.ready {
			return router.ReasonNone
		}
		return router.ReasonNotReady
	case !s.healthy:
		return router.ReasonNotStable
	case now.Mono < s.mayReturnAt():
		return router.ReasonReturnTooEarly
	}
	return router.ReasonNone
}

// frozen: maintenance began or ended, and that is durable. Beginning ends what
// ran; calls that waited go back.
func (s *State) frozen(now router.Clock, out []Effect) []Effect {
	reason := router.ReasonOperator
	if s.row.Maintenance {
		reason = router.ReasonMaintenance
		s.verdict, s.inRound, s.k, s.solid = router.VerdictUnknown, false, 0, 0
		out = s.clearNobody(out)
		s.rule(router.RuleDissuade, now.Mono)
	}
	s.rest = s.row
	return append(out, Effect{Kind: Rule}, Effect{Kind: Record, Reason: reason, Server: s.active, Epoch: s.row.Epoch})
}
