package licence

import (
	"time"

	"releve/router"
)

// Ranked is a canonical s for an explorer in which time passes in multiples of
// tick, for every clock, and which looks at no alarm and no MoveBy. It is
// without what only those know, without what nothing reads before it is set
// anew, and every instant is the multiple of tick at which it is first noticed.
// What s does for ever is what Ranked does: instants are only compared with now,
// the later one is kept, and T4 taken from them, which tick must divide.
func (s State) Ranked(tick time.Duration) State {
	if s.open || s.unsaved > 0 {
		s.saveBy = later(s.saveBy, tick)
	}
	if s.unsaved > 0 {
		s.unsaved = sameWait(s.unsaved, 1, func(n uint8) router.Instant {
			return later(router.Instant(min(saveAgain, time.Second<<n)), tick)
		})
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		s.own[x].until = later(s.own[x].until, tick)
		for i := range s.line[x] {
			s.line[x][i] = s.rankedLine(x, i, tick)
		}
	}
	return s
}

func (s *State) rankedLine(x router.Server, i int, tick time.Duration) line {
	l := s.line[x][i]
	if i >= int(s.p.IPBXs) && !s.r.Possible[x][i] && !s.r.Elsewhere[x][i] && l.state == free && !l.pass.open {
		return line{} // no such IPBX
	}
	l.refused, l.lapsing, l.overlap, l.lost, l.longer, l.lapse, l.since, l.foreign = 0, 0, 0, 0, 0, 0, 0, 0
	l.by, l.next, l.dead = later(l.by, tick), later(l.next, tick), later(l.dead, tick)
	l.bound, l.upUntil, l.elsewhere, l.pass.by = later(l.bound, tick), later(l.upUntil, tick), later(l.elsewhere, tick), later(l.pass.by, tick)
	l.look = later(l.look, tick)
	if !s.fetches(x) {
		l.look, l.checked = 0, false
	}
	if !s.passes(x) {
		l.granted = 0 // only a server of mode gate is told
	}
	if l.state != sent || l.req != Unregister {
		l.provable = false
	}
	if l.state == free && !l.auth {
		l.auths = 0
	}
	l.tries = min(l.tries, unregFast)
	l.fails = sameWait(l.fails, 0, func(n uint8) router.Instant {
		return later(router.Instant(max(time.Second, min(time.Second<<n, s.expires(i)/4))), tick)
	})
	if s.exclusive() && !s.fetches(x) && x != s.subject() && l.state == free && !s.r.Possible[x][i] && !l.stray {
		l.next, l.fails, l.refusals, l.tries = 0, 0, 0, 0 // a Move sets them
	}
	return l
}

// LowestCSeq is the lowest CSeq of user x that s still reckons with: of a request
// that is planned or open, or the one used last.
func (s *State) LowestCSeq(x router.Server) uint32 {
	low := s.used[x]
	for _, l := range s.line[x] {
		if l.state != free {
			low = min(low, l.cseq)
		}
	}
	return low
}

// sameWait is the lowest count from floor on whose wait, and that of every one
// after it, is the same as from n on.
func sameWait(n, floor uint8, wait func(uint8) router.Instant) uint8 {
	for n > floor && wait(n-1) == wait(maxFails) {
		n--
	}
	return n
}

// later is when t, an instant after zero, is noticed.
func later(t router.Instant, tick time.Duration) router.Instant {
	if t <= 0 || t == router.Never {
		return t
	}
	d := router.Instant(tick)
	return (t + d - 1) / d * d
}
