package control

import "releve/router"

// Canon returns the state with instants rebased to now and counters ranked:
// states that behave alike from now on become equal. It is for keeping states
// in sets; it is not to be stepped on.
func (s State) Canon(now router.Clock) State {
	future := func(at router.Instant) router.Instant { return max(at-now.Mono, 0) }
	base, licence := s.licence.Base(), s.licence.Canon(now)
	epoch := s.want.Role.Epoch
	ranked := func(r Row) Row {
		r.Licence = base.Row(r.Licence)
		r.Role.Epoch -= epoch // wraps: only equality counts
		return r
	}
	s.role, s.licence = s.role.Canon(now), licence
	s.board = s.board.Canon(now.Mono, s.policy.Health)
	s.durable, s.want = ranked(s.durable), ranked(s.want)
	if s.saving {
		s.inflight = ranked(s.inflight)
	} else {
		s.inflight = Row{}
	}
	if s.version = min(s.version, 1); s.retryAt != 0 {
		s.retryAt = future(s.retryAt)
	}
	if s.round.number != 0 {
		s.round.number, s.round.by = 1, future(s.round.by)
	}
	for i := range s.idle {
		s.idle[i].at, s.idle[i].cadence.Seed = future(s.idle[i].at), 0
	}
	if s.alarms.unreadyOn {
		s.alarms.unready = max(s.alarms.unready-now.Mono, -router.Instant(notReadyAfter*s.policy.Health.Interval))
	}
	s.view = router.View{} // follows from the rest
	return s
}
