package control

import (
	"releve/router"
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
	return s.settle(now, s.leased(now, e, out))
}

// adopt takes the stored row for the truth.
func (s *State) adopt(row Row, version uint64) {
	s.version, s.durable = version, row
	if version == 0 {
		row.Role = role.Row{Phase: router.Normal, Active: router.Primary, Epoch: 1}
	}
	for x := range row.Known {
		row.Known[x] = row.Known[x] || s.board.Known[x]
	}
	s.want, s.board.Known, s.bindTo = row, row.Known, row.Licence.Holder
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
	return s.roleStep(now, role.Event{Kind: role.LeaseWon, Row: s.want.Role}, out)
}
