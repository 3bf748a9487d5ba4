package role

import "releve/router"

// begin saves the intent to move; nothing else happens before Saved.
func (s *State) begin(phase router.Phase, reason router.Reason, out []Effect) []Effect {
	if reason == router.ReasonConfirmed && (!s.latest.Switchable() || !s.confirmed()) {
		panic("role: a switchover that nothing confirms: " + s.latest.String())
	}
	if mutant == 22 {
		out = append(out, Effect{Kind: MoveLicence, Server: s.active.Other(), Epoch: s.row.Epoch + 1})
	}
	return s.save(begin, Row{Phase: phase, Active: s.active, Epoch: s.row.Epoch + 1, Reason: reason}, out)
}

func (s *State) save(i intent, r Row, out []Effect) []Effect {
	s.intent, s.want, s.saveDue = i, r, false
	return append(out, Effect{Kind: Save, Row: r})
}

// saved: the row is durable; what it was saved for may now be done. An answer
// to another save is nobody's.
func (s *State) saved(now router.Clock, r Row, out []Effect) []Effect {
	if s.intent == none || r != s.want {
		return out
	}
	done := s.intent
	s.intent, s.saveDue, s.row = none, false, r
	if s.unsure {
		s.unsure = false
		out = append(out, Effect{Kind: Alarm, Alarm: alarmStore})
	}
	switch done {
	case begin:
		out = s.move(now, out)
	case finish:
		out = s.arrive(now, out)
	case undo:
		out = s.back(now, out)
	case freeze:
		out = s.frozen(now, out)
	}
	s.retrySwitch(now)
	return out
}

// move begins the licence's move, unless the ground for it went away while the
// row was being saved. An operator's command stands, for as long as OrderFor.
func (s *State) move(now router.Clock, out []Effect) []Effect {
	if s.tooLate(now) {
		return s.withdraw(out)
	}
	if s.row.Reason == router.ReasonConfirmed && !(s.confirmed() && (s.ready || mutant == 24)) {
		out = s.save(undo, s.restAs(s.row.Epoch+1), out)
		if s.verifying && s.confirmed() {
			return s.bothDown(now, router.ReasonNotReady, out)
		}
		return out
	}
	verdict := s.latest
	if s.row.Reason != router.ReasonConfirmed {
		verdict, s.k, s.solid, s.of = router.VerdictUnknown, 0, 0, 0 // a command, not rounds
	}
	if s.phase == router.BothDown {
		out = append(out, Effect{Kind: Alarm, Alarm: alarmNobody, Server: s.active})
	}
	to := s.active.Other()
	s.phase, s.inRound, s.verdict = s.row.Phase, false, verdict
	s.rule(router.RuleSwitching, now.Mono)
	return append(out, Effect{Kind: Rule}, Effect{Kind: MoveLicence, Server: to, Epoch: s.row.Epoch},
		s.record(s.row.Reason, to))
}

// restAs is the resting row once more, under a newer epoch.
func (s *State) restAs(epoch uint64) Row {
	r := s.rest
	r.Epoch = epoch
	return r
}

// bound: the licence is with the server the move is for.
func (s *State) bound(server router.Server, out []Effect) []Effect {
	if s.atRest() || s.phase == router.BothDown || s.intent != none || server != s.active.Other() {
		return out
	}
	return s.save(finish, Row{Phase: resting(server), Active: server, Epoch: s.row.Epoch, Reason: s.row.Reason}, out)
}

// arrive: the other server is active. Runs on Saved, and when the outcome of
// that save is not known: the intent is durable and the licence has moved, so
// calls need not wait for the store.
func (s *State) arrive(now router.Clock, out []Effect) []Effect {
	if s.phase != router.Switching && s.phase != router.Returning {
		return out // done when the save was unsure; both may be down since
	}
	r := s.row
	if s.intent == finish {
		r = s.want
	}
	s.phase, s.active, s.rest = r.Phase, r.Active, r
	s.told = false
	s.failed = s.active == router.Secondary && (s.failed || r.Reason == router.ReasonConfirmed)
	s.rule(router.RuleDeliver, now.Mono)
	out = append(out, Effect{Kind: Rule}, s.record(r.Reason, s.active))
	s.k, s.solid = 0, 0
	switch {
	case s.active == router.Primary:
		out = append(out, Effect{Kind: Alarm, Alarm: alarmSwitched, Server: router.Secondary})
	case r.Reason == router.ReasonConfirmed:
		out = append(out, Effect{Kind: Alarm, Alarm: alarmSwitched, On: true, Server: router.Secondary})
	}
	return out
}

// moveFailed: the move was given up before the claim; the licence goes back.
func (s *State) moveFailed(out []Effect) []Effect {
	if s.atRest() || s.phase == router.BothDown || s.intent != none {
		return out
	}
	return s.save(undo, s.restAs(s.row.Epoch+1), out)
}

// back: the resting row is durable again. After a move that had begun, the
// licence is told; a server that was confirmed dead is not taken for alive.
func (s *State) back(now router.Clock, out []Effect) []Effect {
	s.rest = s.row
	if s.phase != router.Switching && s.phase != router.Returning {
		return append(out, Effect{Kind: Rule}) // never begun: the epoch is all that changed
	}
	confirmed := s.phase == router.Switching && s.verdict.Switchable()
	s.phase, s.k, s.solid = resting(s.active), 0, 0
	out = append(out, Effect{Kind: MoveLicence, Server: s.active, Epoch: s.row.Epoch})
	if confirmed {
		return s.bothDown(now, router.ReasonMoveFailed, out)
	}
	s.verdict = router.VerdictUnknown
	s.rule(router.RuleDissuade, now.Mono)
	return append(out, Effect{Kind: Rule}, s.record(router.ReasonMoveFailed, s.active))
}

// saveUnknown: the row is durable, or not. It is saved again until the store
// says so; meanwhile no role changes, and rounds go on.
func (s *State) saveUnknown(now router.Clock, out []Effect) []Effect {
	if s.intent == none || s.saveDue {
		return out
	}
	s.saveDue, s.saveAt = true, now.Mono.Add(retrySave)
	if !s.unsure {
		s.unsure = true
		out = append(out, Effect{Kind: Alarm, Alarm: alarmStore, On: true},
			Effect{Kind: Record, Reason: router.ReasonStoreDown, Server: s.active, Epoch: s.row.Epoch})
	}
	switch {
	case s.intent == finish:
		return s.arrive(now, out)
	case s.intent == begin && s.verifying && s.confirmed():
		return s.bothDown(now, router.ReasonStoreDown, out)
	}
	return out
}
