package control

import (
	"releve/router"
	"releve/router/licence"
)

// Another Policy while the mind runs, in two steps of its owner's:
//
//	Leave ─► un-REGISTERs ─► Left, or 5 s ─► (owner: registrars, addresses) ─► Reconfigure
//
// The lease's policy, the level's and the number of IPBXs stay.

// Leave removes what is bound where p registers otherwise than now; false: there
// is nothing to remove, and Reconfigure may follow at once.
func (s *State) Leave(now router.Clock, p Policy, out []Effect) ([]Effect, bool) {
	if !s.booted || !s.lease {
		return out, false
	}
	places := s.licence.Moves(p.Licence)
	if places == [licence.MaxIPBX]bool{} {
		return out, false
	}
	var room [8]licence.Effect
	out = s.licenceEffects(now, s.licence.Leave(now, places, room[:0]), out)
	return s.settle(now, out), !s.licence.Left()
}

// Left says that Leave has nothing more to wait for.
func (s *State) Left() bool { return s.licence.Left() }

// Moving: a switchover or a return is under way.
func (s *State) Moving() bool {
	phase := s.role.View().Phase
	return phase == router.Switching || phase == router.Returning
}

// Reconfigure goes on under p. again: the password of this server's user is
// another one. A server at another place (Policy.Site) has yet to prove itself:
// nothing that was seen of the former one counts for or against it.
func (s *State) Reconfigure(now router.Clock, p Policy, again [router.Servers]bool, out []Effect) []Effect {
	p.Lease, p.Peer = s.policy.Lease, s.policy.Peer
	p.IPBXs, p.Secondary, p.Absent = s.policy.IPBXs, s.policy.Secondary, s.policy.Absent
	p.Licence.Grace = p.Lease.Grace()
	before := s.policy
	if s.policy = p; !p.Mirror {
		s.copy = CopyUnknown
	}
	if !s.booted {
		return out
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		if p.Site[x] != before.Site[x] {
			s.board.Forget(x)
		}
	}
	for i := range p.SiteIPBX {
		if p.SiteIPBX[i] != before.SiteIPBX[i] {
			s.board.ForgetIPBX(uint8(i))
		}
	}
	s.want.Site = p.Site
	s.role.Reconfigure(p.Role)
	var room [8]licence.Effect
	out = s.licenceEffects(now, s.licence.Reconfigure(now, p.Licence, again, room[:0]), out)
	for i := range s.idle {
		s.idle[i].at = min(s.idle[i].at, now.Mono.Add(p.Health.Interval))
	}
	for i := range s.calls.server {
		s.calls.server[i].next = min(s.calls.server[i].next, now.Mono.Add(p.Calls.Every))
	}
	return s.settle(now, out)
}

// Relocates says that p registers elsewhere than now.
func (s *State) Relocates(p Policy) bool {
	return s.licence.Moves(p.Licence) != [licence.MaxIPBX]bool{}
}
