package control

import (
	"releve/router"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// boot starts from what was stored.
func (s *State) boot(now router.Clock, e Event, out []Effect) []Effect {
	s.booted = true
	for i := range s.idle {
		s.idle[i].at = now.Mono
	}
	s.adopt(e.Row, e.Version)
	s.role = role.New(s.policy.Role, s.want.Role)
	s.licence = licence.New(s.policy.Licence, s.want.Licence)
	if s.policy.Lease.Shared {
		return s.settle(now, s.leaseStep(now, lease.Event{Kind: lease.Boot}, e, out))
	}
	return s.settle(now, s.leased(now, e, out))
}

// leaseEvent is what the lease machine is told of e: that time has passed, if
// nothing else.
func leaseEvent(e Event) lease.Event {
	switch e.Kind {
	case LeaseDone:
		return e.Lease
	case Address:
		return lease.Event{Kind: lease.Address, On: e.On}
	case Yield:
		return lease.Event{Kind: lease.Yield}
	}
	return lease.Event{Kind: lease.Tick}
}

// leaseStep feeds the lease machine and performs its effects.
func (s *State) leaseStep(now router.Clock, le lease.Event, e Event, out []Effect) []Effect {
	awaited := le.Kind == lease.Done && s.hold.Awaits(le.Ask)
	var room [4]lease.Effect
	for _, f := range s.hold.Step(now, le, room[:0]) {
		switch f.Kind {
		case lease.Ask:
			out = append(out, Effect{Kind: AskLease, Lease: f})
		case lease.Won:
			out = s.won(now, f.Fresh, e, out)
		case lease.Kept:
			s.lease, s.winning = false, false
			out = s.licenceStep(now, licence.Event{Kind: licence.Keep}, out)
			out = s.roleStep(now, role.Event{Kind: role.LeaseLost}, out)
		case lease.Lost:
			out = s.lost(now, out)
		}
	}
	if awaited && e.Version > 0 && !s.lease && !s.winning && s.hold.Until() == 0 {
		s.adopt(e.Row, e.Version)
		out = s.roleStep(now, role.Event{Kind: role.Follow, Row: s.want.Role}, out)
	}
	return out
}

// won: this node may decide. After a Take what is stored is the truth, and no
// save of an earlier epoch can land any more; after a Renew nobody else wrote.
func (s *State) won(now router.Clock, fresh bool, e Event, out []Effect) []Effect {
	if !fresh {
		return s.leased(now, Event{On: true}, out)
	}
	s.saving, s.retryAt = false, 0
	s.adopt(e.Row, e.Version)
	s.lease, s.winning = true, false
	s.alarms.retell()
	s.licence = licence.New(s.policy.Licence, s.want.Licence)
	out = s.licenceStep(now, licence.Event{Kind: licence.Boot, Row: s.want.Licence}, out)
	return s.decides(now, out)
}

// decides: the role machine goes on from what is stored. A move whose epoch the
// stored licence does not know was never begun: what it sends is stored before.
func (s *State) decides(now router.Clock, out []Effect) []Effect {
	unbegun := s.want.Licence.Epoch < s.want.Role.Epoch
	return s.roleStep(now, role.Event{Kind: role.LeaseWon, Row: s.want.Role, Unbegun: unbegun}, out)
}

// lost: this node decides and sends no more, and forgets what only a holder
// knows: it will be told anew.
func (s *State) lost(now router.Clock, out []Effect) []Effect {
	s.lease, s.winning, s.saving, s.retryAt = false, false, false, 0
	out = s.licenceStep(now, licence.Event{Kind: licence.LeaseLost}, out)
	s.licence = licence.New(s.policy.Licence, licence.Row{})
	s.want = s.durable
	s.asked = asked{}
	return s.roleStep(now, role.Event{Kind: role.LeaseLost}, out)
}

// adopt takes the stored row for the truth.
func (s *State) adopt(row Row, version uint64) {
	s.version, s.durable = version, row
	if version == 0 {
		row.Role = role.Row{Phase: router.Normal, Active: router.Primary, Epoch: 1}
	}
	for x, site := range s.policy.Site {
		if row.Site[x] != site && row.Site[x] != 0 {
			row.Known[x], row.Heard[x], row.HostKnown[x] = false, false, false
		}
		row.Known[x] = row.Known[x] || s.board.Known[x]
		row.Heard[x] = row.Heard[x] || s.board.Heard[x]
		row.HostKnown[x] = row.HostKnown[x] || s.board.HostKnown[x]
	}
	if !s.policy.Mirror {
		row.Copy = CopyUnknown
	} else if s.copy != CopyUnknown {
		row.Copy = s.copy
	}
	row.Site, s.copy = s.policy.Site, row.Copy
	s.want, s.bindTo = row, row.Licence.Holder
	s.board.Known, s.board.Heard, s.board.HostKnown = row.Known, row.Heard, row.HostKnown
	s.asked = asked{}
}

// leased: this node may decide, or no longer. A save of a former lease that is
// still under way ends first, unless another node has written since: then it
// can land no more.
func (s *State) leased(now router.Clock, e Event, out []Effect) []Effect {
	if !e.On {
		s.lease, s.winning = false, false
		out = s.licenceStep(now, licence.Event{Kind: licence.LeaseLost}, out)
		return s.roleStep(now, role.Event{Kind: role.LeaseLost}, out)
	}
	known := e.Version == 0 || e.Version == s.version
	switch {
	case s.lease:
		return out
	case known && s.saving:
		s.winning = true // when that save has ended
		return out
	case known:
		s.adopt(s.durable, s.version)
	default:
		s.saving, s.retryAt = false, 0
		s.adopt(e.Row, e.Version)
	}
	s.lease, s.winning = true, false
	out = s.licenceStep(now, licence.Event{Kind: licence.LeaseWon, Row: s.want.Licence}, out)
	return s.decides(now, out)
}
