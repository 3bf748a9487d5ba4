package licence

import (
	"time"

	"releve/router"
)

// Another configuration while this one runs. What moves nothing (a time, a
// password) holds from the next request on. What is bound under a registrar, a
// user or a Contact that changes is removed first, while it can be asked:
//
//	Leave ─► un-REGISTER ─► Left, or the caller's patience ends ─► Reconfigure
//
// What was not proven gone by then is Elsewhere, as after a restart: its fence
// holds the other server off, and this one, too, when it is another user's
// (Row.Former).

// Leave removes what is bound at these registrars and binds nothing there, until
// Reconfigure.
func (s *State) Leave(now router.Clock, places [MaxIPBX]bool, out []Effect) []Effect {
	s.leave = places
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range s.line[x] {
			if !places[i] {
				continue
			}
			s.drop(x, i)
			l := &s.line[x][i]
			l.next, l.tries, l.fails, l.refusals, l.auth = now.Mono, 0, 0, 0, false
		}
	}
	return s.Step(now, Event{Kind: Tick}, out)
}

// Left says that nothing can be bound where Leave was asked for, or nothing that
// we could remove.
func (s *State) Left() bool {
	for x := range s.r.Possible {
		for i, leaves := range s.leave {
			if leaves && s.r.Possible[x][i] && !s.p.NoPassword[x] {
				return false
			}
		}
	}
	return true
}

// Moves says at which registrars p finds something bound that Leave would
// remove.
func (s *State) Moves(p Policy) (places [MaxIPBX]bool) {
	for i := range places {
		places[i] = s.p.Mode != Trunk && (s.p.Site[i] != p.Site[i] || s.p.User != p.User)
	}
	return places
}

// Reconfigure goes on under p. again: the password of this user is another one,
// which is tried at once. A fence in force is never shortened.
func (s *State) Reconfigure(now router.Clock, p Policy, again [router.Servers]bool, out []Effect) []Effect {
	p = p.normal()
	before := s.p
	s.p, s.leave = p, [MaxIPBX]bool{}
	soft := before
	soft.Grants = p.Grants
	soft.Expires, soft.MaxGrant, soft.Slack, soft.NoFetch, soft.Learn, soft.Reserve, soft.Seed = p.Expires, p.MaxGrant, p.Slack, p.NoFetch, p.Learn, p.Reserve, p.Seed
	if soft != p {
		if s.acts {
			s.leaseWon(now, Row{}) // as after a restart: every fence in full
		}
	} else {
		s.refence(now, before)
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range s.line[x] {
			l := &s.line[x][i]
			if again[x] {
				l.next, l.fails, l.refusals, l.wrongs, l.auth = now.Mono, 0, 0, 0, false
			}
			if p.Expires != before.Expires && x == s.subject() {
				l.next = min(l.next, max(now.Mono, l.waits(now)))
			}
		}
	}
	return s.Step(now, Event{Kind: Tick}, out)
}

// waits is how long a line backs off that another expiry does not hurry: a wrong
// password, or a refusal.
func (l *line) waits(now router.Clock) router.Instant {
	if l.wrongs > 0 || l.refusals > 0 {
		return l.next
	}
	return now.Mono
}

// refence: an IPBX that grants longer than it was said to may have done so to
// what is bound already.
func (s *State) refence(now router.Clock, before Policy) {
	was := State{p: before, r: s.r, asks: s.asks}
	for x := range s.line {
		for i := range s.line[x] {
			if s.cover(i) <= was.cover(i) {
				continue
			}
			s.r.Reckoned[i] = max(s.r.Reckoned[i], s.cover(i))
			if s.r.Possible[x][i] {
				s.line[x][i].bound = max(s.line[x][i].bound, now.Mono.Add(s.full(i)))
			}
			if s.r.Elsewhere[x][i] {
				s.line[x][i].elsewhere = max(s.line[x][i].elsewhere, now.Mono.Add(s.full(i)))
			}
		}
	}
}

// normal holds any Policy to what State can follow.
func (p Policy) normal() Policy {
	p.IPBXs = min(max(p.IPBXs, 1), MaxIPBX)
	if p.Reserve == 0 {
		p.Reserve = reserve
	}
	if p.Mode != Gate {
		p.NoPassword = [router.Servers]bool{}
	}
	return p
}

// former says that a user that x had before may still be bound: two users of one
// server are two.
func (s *State) former(x router.Server) bool { return s.r.Former[x] != [MaxIPBX]bool{} }

// formerFence is until when; 0: no former user.
func (s *State) formerFence(now router.Clock, x router.Server) (d time.Duration) {
	for i, on := range s.r.Former[x] {
		if on {
			d = max(d, time.Duration(rebase(s.line[x][i].elsewhere, now)))
		}
	}
	return d
}
