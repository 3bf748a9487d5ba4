package licence

import "releve/router"

// Next returns the Mono instant of the next Tick, false when only an event can
// change anything. Everything here is a wait; the one permission, NotAfter,
// is High and checked by whoever transmits.
func (s *State) Next() (router.Instant, bool) {
	if !s.acts {
		return 0, false
	}
	at := router.Never
	if s.keep {
		at = router.Never
	} else if s.open || s.unsaved > 0 && (s.doubt || s.r != s.sure) {
		at = s.saveBy
	}
	subject := s.subject()
	for x := router.Primary; x <= router.Secondary; x++ {
		if s.own[x].on {
			at = min(at, s.own[x].until)
		}
		for i := range s.line[x] {
			at = min(at, s.due(x, i, subject))
		}
	}
	return at, at != router.Never
}

// due is the next instant at which (x, i) does something by itself.
func (s *State) due(x router.Server, i int, subject router.Server) router.Instant {
	l := &s.line[x][i]
	at := router.Never
	switch l.state {
	case sent:
		at = l.by
	case free:
		if _, ok := s.wanted(x, i); ok {
			at = l.next
		}
		if s.looks(x, i) {
			at = min(at, l.look)
		}
	}
	if l.pass.open {
		at = min(at, l.pass.by)
	}
	if s.r.Elsewhere[x][i] {
		at = min(at, l.elsewhere)
	}
	if (x != subject || s.leave[i]) && s.r.Possible[x][i] {
		at = min(at, l.bound)
	}
	if x == subject && l.granted > 0 && l.lapsing != raised {
		at = min(at, l.lapse)
	}
	if l.up {
		at = min(at, l.upUntil)
	}
	return at
}

// Base is what Canon takes out of the numbers that only rise: an explorer
// takes the same out of the rows and messages beside a State.
type Base struct {
	Epoch uint64
	CSeq  [router.Servers]uint32
}

// What the epoch and the CSeq in use become in a canonical State.
const (
	CanonEpoch = 1 << 10
	CanonCSeq  = 1 << 12
)

// Base returns the base of s.
func (s *State) Base() Base {
	b := Base{Epoch: s.r.Epoch - CanonEpoch}
	for x := range b.CSeq {
		b.CSeq[x] = s.used[x] - CanonCSeq
	}
	return b
}

// Row returns r relative to b. A CSeq of long before b allows nothing, like 0.
func (b Base) Row(r Row) Row {
	r.Epoch -= b.Epoch
	for x := range r.CSeq {
		r.CSeq[x] = uint32(max(int32(r.CSeq[x]-b.CSeq[x]), 0))
	}
	return r
}

// Canon returns the State that behaves as s does at now, with now moved to
// zero, past instants to now, and epoch and CSeq to CanonEpoch and CanonCSeq.
// Two States with one Canon are the same to every future.
func (s State) Canon(now router.Clock) State { return s.Relative(now, s.Base()) }

// Relative is Canon with the numbers that only rise taken relative to b.
func (s State) Relative(now router.Clock, b Base) State {
	s.r, s.sure = b.Row(s.r), b.Row(s.sure)
	if s.open {
		s.asked = b.Row(s.asked)
	}
	for x := range s.used {
		s.used[x] -= b.CSeq[x]
	}
	s.saveBy = rebase(s.saveBy, now)
	if !s.open && s.unsaved == 0 {
		s.saveBy = 0
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		s.own[x].until = rebase(s.own[x].until, now)
		for i := range s.line[x] {
			s.line[x][i] = s.line[x][i].canon(now, b.CSeq[x], s.r.Possible[x][i], s.r.Elsewhere[x][i])
		}
	}
	return s
}

func (l line) canon(now router.Clock, base uint32, possible, elsewhere bool) line {
	l.pass.by, l.elsewhere = rebase(l.pass.by, now), rebase(l.elsewhere, now)
	if l.look != router.Never {
		l.look = rebase(l.look, now)
	}
	if !elsewhere {
		l.elsewhere = 0
	}
	l.since = 0 // only tells how long
	l.by, l.next, l.dead = rebase(l.by, now), rebase(l.next, now), rebase(l.dead, now)
	l.bound, l.upUntil, l.lapse = rebase(l.bound, now), rebase(l.upUntil, now), rebase(l.lapse, now)
	if l.state != free {
		l.cseq -= base
	} else {
		l.cseq, l.provable, l.req = 0, false, 0
	}
	if l.state != sent {
		l.by, l.provable = 0, false
	}
	if !possible {
		l.bound, l.clean = 0, false
	}
	if !l.up {
		l.upUntil = 0
	}
	if l.granted == 0 {
		l.lapse = 0
	}
	return l
}

func rebase(t router.Instant, now router.Clock) router.Instant {
	return max(t-now.Mono, 0)
}
