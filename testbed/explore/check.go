package explore

import (
	"fmt"
	"time"

	"releve/router"
	"releve/router/licence"
)

// Goal: a node decides, its roles rest, and exactly one server's user is bound:
// that of the active server, which is well (mode hold: the one user there is).
func (s *Space) goal(w *World) bool {
	n, ok := s.acting(w)
	if !ok {
		return false
	}
	row := s.mind.about.at(w.node[n].id).role
	if row.Phase != router.Normal && row.Phase != router.OnSecondary || w.server[row.Active] != well {
		return false
	}
	subject := row.Active
	if s.Policy.Licence.Mode == licence.Hold {
		subject = router.Primary
	}
	return w.bound(subject) && !w.bound(subject.Other())
}

func (w *World) bound(x router.Server) bool { return w.ipbx[0].ttl[x] > 0 || w.ipbx[1].ttl[x] > 0 }

// Check is S1 to S4 in every state: two servers' users are never bound, of two
// nodes only one may decide, who is bound or may become so is possible by the
// stored row and inside the fence of the node that decides, and the row never
// holds two users possible.
func (s *Space) check(w *World) string {
	if w.bound(router.Primary) && w.bound(router.Secondary) {
		return "S1: two servers' users are bound"
	}
	if s.OnlyS1 {
		return ""
	}
	if s.Nodes == 2 && !w.jumped && s.may(w, 0) && s.may(w, 1) {
		return "S2: two nodes may decide"
	}
	return s.covered(w)
}

// may says that node n would decide if it looked now.
func (s *Space) may(w *World, n int) bool {
	v := &w.node[n]
	if !v.up || !s.mind.about.at(v.id).holds {
		return false
	}
	state := s.mind.states.at(v.id)
	return state.Holds(router.Clock{High: router.Instant(time.Duration(v.pending) * Tick)})
}

func (s *Space) covered(w *World) string {
	l := &s.mind.shapes.at(w.store.row.shape).Licence
	n, acts := s.acting(w)
	for x := router.Primary; x <= router.Secondary; x++ {
		if l.Possible[x] != ([licence.MaxIPBX]bool{}) && l.Possible[x.Other()] != ([licence.MaxIPBX]bool{}) {
			return "S4: the stored row claims one user while the other is possible"
		}
		for i := range int(s.Policy.IPBXs) {
			last := s.expiry(w, x, i)
			if last == 0 {
				continue
			}
			if !l.Possible[x][i] && !l.Elsewhere[x][i] {
				return fmt.Sprintf("S3: %v may be bound at IPBX %d, the stored row says it cannot", x, i)
			}
			if !acts || w.node[n].pending > 0 {
				continue
			}
			if fence := s.mind.about.at(w.node[n].id).fence[x][i]; fence < last {
				return fmt.Sprintf("S3: %v may be bound at IPBX %d for %v, node %d reckons with %v", x, i, last, n, fence)
			}
		}
	}
	return ""
}

// expiry is the latest end of a binding of x at i that exists or that a request
// in flight can still cause; 0 for none.
func (s *Space) expiry(w *World, x router.Server, i int) time.Duration {
	last := time.Duration(w.ipbx[i].ttl[x]) * Tick
	for _, m := range w.net[:w.n] {
		if m.user == x && int(m.ipbx) == i && m.req == licence.Register && !m.reply && !m.served && (m.signed || !s.Auth) {
			granted := s.Policy.Licence.Expires
			if s.Longer {
				granted = s.Policy.Licence.MaxGrant
			}
			last = max(last, time.Duration(m.life-1)*Tick+granted)
		}
	}
	return last
}
