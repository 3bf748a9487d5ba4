package lease

import (
	"time"

	"releve/router"
)

// mode says what this node may do.
type mode uint8

const (
	out mode = iota
	holding
	keeping
)

// State is the lease of one node. The zero State holds nothing; make one with
// New. Not safe for concurrent use.
type State struct {
	p    Policy
	mode mode
	left bool // yielded

	epoch uint64         // of the last grant
	until router.Instant // High: the permission of the last grant ends

	address bool
	seen    router.Instant // High of the last confirmation of the address

	open  bool // an Ask has no outcome yet
	verb  Verb
	ask   uint32         // its number
	asked router.Instant // High at which it left
	by    router.Instant // Mono: its outcome counts as unknown then
	next  router.Instant // Mono: no Ask before
}

var _ map[State]struct{} // comparable: the explorer hashes it

// New returns a lease that is not held.
func New(p Policy) State { return State{p: p} }

// Step takes one event and appends what is to be done, in order. Time is looked
// at first, whatever the event is: a permission that ended gives nothing.
func (s *State) Step(now router.Clock, e Event, fx []Effect) []Effect {
	fx = s.expire(now, fx)
	switch e.Kind {
	case Boot:
		fx = s.boot(now, fx)
	case Address:
		fx = s.addressed(now, e.On, fx)
	case Done:
		fx = s.done(now, e, fx)
	case Yield:
		s.left = true
		fx = s.giveBack(now, fx)
	case Tick:
	}
	return s.plan(now, fx)
}

func (s *State) boot(now router.Clock, fx []Effect) []Effect {
	s.next = now.Mono
	if s.p.Shared {
		return fx
	}
	s.mode, s.until = holding, router.Never
	return append(fx, Effect{Kind: Won})
}

// expire ends what time has ended.
func (s *State) expire(now router.Clock, fx []Effect) []Effect {
	if s.open && s.by <= now.Mono {
		s.open = false
	}
	if mutant == 6 {
		return fx
	}
	if s.mode == holding && s.until <= now.High {
		s.mode = keeping
		if s.addressGood(now) {
			return append(fx, Effect{Kind: Kept})
		}
		s.mode = holding
		return s.lose(fx)
	}
	if s.mode == keeping && !s.addressGood(now) {
		return s.lose(fx)
	}
	return fx
}

// addressGood: this node had the address less than Guard ago.
func (s *State) addressGood(now router.Clock) bool {
	return s.address && now.High < s.seen.Add(s.p.Guard)
}

func (s *State) lose(fx []Effect) []Effect {
	if s.mode == out {
		return fx
	}
	s.mode = out
	return append(fx, Effect{Kind: Lost})
}

func (s *State) addressed(now router.Clock, on bool, fx []Effect) []Effect {
	if mutant == 14 && s.mode == keeping || mutant == 6 && s.mode == holding {
		on = true
	}
	if on {
		if !s.address {
			s.next = now.Mono
		}
		s.address, s.seen = true, now.High
		return fx
	}
	s.address = false
	return s.giveBack(now, fx)
}

// giveBack stops acting and tells the store, so that the other node need not
// wait.
func (s *State) giveBack(now router.Clock, fx []Effect) []Effect {
	if !s.p.Shared || s.mode == out {
		return fx
	}
	fx = s.lose(fx)
	return s.say(now, Release, fx)
}

func (s *State) done(now router.Clock, e Event, fx []Effect) []Effect {
	if !s.open || e.Ask != s.ask {
		return fx
	}
	s.open = false
	switch {
	case s.verb == Release || s.verb == Look:
	case e.Outcome == Granted:
		return s.granted(now, e, fx)
	case e.Outcome == Refused:
		return s.lose(fx)
	}
	return fx
}

// granted: the permission counts from the ask. One that is over already, and
// one that comes when the address is gone, is none; nor is one renewed that was
// lost meanwhile: what this node forgot then only a Take brings back.
func (s *State) granted(now router.Clock, e Event, fx []Effect) []Effect {
	from := s.asked
	if mutant == 13 {
		from = now.High
	}
	until := from.Add(s.p.TTL - s.p.Guard)
	s.epoch = e.Epoch
	if s.left || !s.address || until <= now.High || s.mode == out && s.verb != Take {
		s.next = now.Mono
		return fx
	}
	s.until = max(s.until, until)
	if s.verb == Take {
		s.until = until
	}
	if s.mode == holding {
		return fx
	}
	s.mode = holding
	return append(fx, Effect{Kind: Won, Epoch: s.epoch, Fresh: s.verb == Take})
}

// plan asks when it is time: to take, to renew, or, without the address, what
// the other node has stored.
func (s *State) plan(now router.Clock, fx []Effect) []Effect {
	if !s.p.Shared || s.open || s.left || s.next > now.Mono {
		return fx
	}
	switch {
	case s.mode != out:
		return s.say(now, Renew, fx)
	case s.address:
		return s.say(now, Take, fx)
	}
	return s.say(now, Look, fx)
}

// say asks the store; one that is open is forgotten.
func (s *State) say(now router.Clock, v Verb, fx []Effect) []Effect {
	s.ask++
	s.open, s.verb, s.asked = true, v, now.High
	s.by, s.next = now.Mono.Add(s.p.Renew), now.Mono.Add(s.p.Renew)
	return append(fx, Effect{Kind: Ask, Verb: v, Epoch: s.epoch, Ask: s.ask})
}

// Until is the High instant at which whatever this node may do ends: nothing is
// sent or stored from then on. Zero: it may do nothing.
func (s *State) Until() router.Instant {
	switch {
	case mutant == 6 && s.mode != out:
		return router.Never
	case s.mode == holding:
		return s.until
	case s.mode == keeping:
		return s.seen.Add(s.p.Guard)
	}
	return 0
}

// Holds reports whether this node may decide at now.
func (s *State) Holds(now router.Clock) bool { return s.mode == holding && now.High < s.Until() }

// Awaits reports whether ask is the open Ask: what another one brings is old.
func (s *State) Awaits(ask uint32) bool { return s.open && s.ask == ask }

// Epoch is that of the last grant: the fencing token of what is stored.
func (s *State) Epoch() uint64 { return s.epoch }

// Next returns the Mono instant of the next Tick; false when only an event can
// change anything. Permissions end by High and are looked at with every event.
func (s *State) Next() (router.Instant, bool) {
	switch {
	case !s.p.Shared:
		return 0, false
	case s.open:
		return s.by, true
	case s.left:
		return 0, false
	}
	return s.next, true
}

// What the epoch and the number of an open Ask become in a canonical State.
const (
	CanonEpoch = 1 << 8
	CanonAsk   = 1
)

// Base is what Canon takes out of the epoch.
func (s *State) Base() uint64 { return s.epoch - CanonEpoch }

// Canon returns the State that behaves as s does at now, with now at zero and
// the numbers that only rise set to fixed ones.
func (s State) Canon(now router.Clock) State {
	s.epoch = CanonEpoch
	high := func(on bool, at router.Instant) router.Instant {
		if !on || at == router.Never {
			return at * boolOf(on)
		}
		return at - now.High
	}
	s.until = max(high(s.mode == holding, s.until), 0)
	s.seen = max(high(s.address, s.seen), -router.Instant(s.p.Guard))
	s.asked = high(s.open, s.asked)
	s.by, s.next = max(s.by-now.Mono, 0), max(s.next-now.Mono, 0)
	s.ask = CanonAsk
	if !s.open {
		s.by, s.verb = 0, 0
	}
	return s
}

// Ranked is a canonical s for an explorer in which time passes in multiples of
// tick: waits end when they are first noticed, and of an Ask that grants nothing
// it does not matter when it left.
func (s State) Ranked(tick time.Duration) State {
	d := router.Instant(tick)
	s.by, s.next = (s.by+d-1)/d*d, (s.next+d-1)/d*d
	if !s.open || s.verb == Release || s.verb == Look {
		s.asked = 0
	}
	return s
}

func boolOf(on bool) router.Instant {
	if on {
		return 1
	}
	return 0
}
