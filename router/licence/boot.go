package licence

import "releve/router"

// boot takes over the stored row: whatever it says possible may be bound for
// the longest grant, and a REGISTER of a former life may still arrive.
func (s *State) boot(now router.Clock, r Row) {
	s.r, s.sure, s.asked = r, r, Row{}
	s.open, s.doubt, s.unsaved = false, false, 0
	for x := range s.used {
		s.used[x] = max(r.CSeq[x], s.p.FirstCSeq)
	}
	if mutant == 10 {
		s.used = [router.Servers]uint32{}
	}
	s.rearm(now)
}

func (s *State) rearm(now router.Clock) {
	s.acts, s.keep = true, false
	s.saveBy = now.Mono
	s.relocate()
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range s.line[x] {
			l := line{next: now.Mono, dead: now.Mono, bound: now.Mono, by: now.Mono, look: router.Never, pass: s.line[x][i].pass}
			full := s.full(i) + max(s.r.Reckoned[i]-s.cover(i), 0) + max(s.p.Grace-s.p.Txn, 0)
			if s.r.Possible[x][i] {
				l.bound = now.Mono.Add(full)
				l.dead = now.Mono.Add(max(s.p.Txn, s.p.Grace) + t4)
				if mutant == 5 {
					l.dead = now.Mono
				}
			}
			if s.r.Elsewhere[x][i] {
				l.elsewhere = now.Mono.Add(full)
			}
			s.line[x][i] = l
		}
	}
	s.mend()
	// A move that was complete is announced again only when it is asked for
	// again: the role machine may want another user by now.
	s.announced = s.r.Phase == Bound || s.r.Phase == Confirm
}

// relocate finds what was bound at a registrar that the configuration no longer
// names: Elsewhere, and here nothing has been listed yet.
func (s *State) relocate() {
	for i, site := range s.p.Site {
		moved := s.r.Site[i] != site
		for x := range s.r.Possible {
			another := s.r.User[x] != 0 && s.r.User[x] != s.p.User[x]
			if (moved && s.r.Site[i] != 0 || another) && s.r.Possible[x][i] {
				s.r.Elsewhere[x][i] = true
			}
			if another && s.r.Elsewhere[x][i] {
				s.r.Former[x][i] = true
			}
			s.r.Shown[x][i] = s.r.Shown[x][i] && !moved && !another
		}
		if moved && s.r.Site[i] != 0 {
			s.r.Member[i] = 0 // of a former registrar
			s.r.Grant[i] = -1
		}
		s.r.Site[i] = site
	}
	s.r.User = s.p.User
}

// mend makes a row that was written under another mode fit this one.
func (s *State) mend() {
	other := s.r.Holder.Other()
	switch {
	case s.r.Holder == router.NoServer:
		s.r.Phase, s.r.Leaving = Idle, router.NoServer
	case !s.exclusive():
		s.r.Phase, s.r.Leaving = Bound, router.NoServer
	case !s.absent(other) && !leaving(s.r.Phase):
		s.r.Phase, s.r.Leaving = Unreg, other
	case leaving(s.r.Phase):
		s.r.Leaving = other
	case s.r.Phase == Idle:
		s.r.Phase = Claim
	}
}

func (s *State) leaseWon(now router.Clock, r Row) {
	if r != (Row{}) {
		s.boot(now, r)
		return
	}
	s.doubt = s.doubt || s.open
	s.open, s.asked = false, Row{}
	s.rearm(now)
}

// leaseLost forgets what was planned and sent; LeaseWon takes both as alive.
func (s *State) leaseLost(out []Effect) []Effect {
	s.acts, s.keep = false, false
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range s.line[x] {
			l := &s.line[x][i]
			l.state = free
			if l.pass.open {
				out = append(out, l.pass.reply(x, i, 503, retryHere))
				l.pass = pass{}
			}
		}
	}
	return out
}

// keeps: the store does not answer, and this node may go on only with what is
// bound.
func (s *State) keeps() {
	if !s.acts {
		return
	}
	s.keep = true
	s.doubt = s.doubt || s.open
	s.open, s.asked = false, Row{}
}
