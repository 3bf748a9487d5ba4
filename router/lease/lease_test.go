package lease

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"releve/router"
)

var policy = Policy{Shared: true, TTL: 6 * time.Second, Renew: 1500 * time.Millisecond, Guard: 2 * time.Second}

func at(d time.Duration) router.Clock {
	return router.Clock{Mono: router.Instant(d), High: router.Instant(d)}
}

func text(fx []Effect) string {
	t := ""
	for _, f := range fx {
		switch f.Kind {
		case Ask:
			t += fmt.Sprintf("%s(%d) ", [...]string{Take: "take", Renew: "renew", Release: "release", Look: "look"}[f.Verb], f.Epoch)
		case Won:
			t += fmt.Sprintf("won(%d,%v) ", f.Epoch, f.Fresh)
		case Kept:
			t += "kept "
		case Lost:
			t += "lost "
		}
	}
	return t
}

// step is one event after so many milliseconds, and what must come of it.
type step struct {
	ms   int
	e    Event
	want string
}

func TestSteps(t *testing.T) {
	boot, tick := Event{Kind: Boot}, Event{Kind: Tick}
	has, hasNot := Event{Kind: Address, On: true}, Event{Kind: Address}
	granted := func(ask uint32, epoch uint64) Event {
		return Event{Kind: Done, Ask: ask, Outcome: Granted, Epoch: epoch}
	}
	ended := func(ask uint32, o Outcome) Event { return Event{Kind: Done, Ask: ask, Outcome: o} }
	for name, steps := range map[string][]step{
		"without the address it looks and takes nothing": {
			{0, boot, "look(0) "}, {10, ended(1, Refused), ""}, {1500, tick, "look(0) "},
		},
		"with the address it takes, and renews": {
			{0, boot, "look(0) "},
			{5, ended(1, Refused), ""},
			{10, has, "take(0) "},
			{20, granted(2, 7), "won(7,true) "},
			{1600, tick, "renew(7) "},
			{1610, granted(3, 7), ""},
			{5000, has, "renew(7) "},
			{5011, has, ""},
		},
		"another one holds it": {
			{0, boot, "look(0) "}, {5, ended(1, Refused), ""}, {10, has, "take(0) "}, {20, ended(2, Refused), ""}, {1600, tick, "take(0) "},
		},
		"a renewal refused: another one took it": {
			{0, boot, "look(0) "},
			{5, ended(1, Refused), ""},
			{10, has, "take(0) "},
			{20, granted(2, 7), "won(7,true) "},
			{1600, tick, "renew(7) "},
			{1610, ended(3, Refused), "lost "},
			{3200, tick, "take(7) "},
		},
		"the store is silent and the address is there: kept, then back": {
			{0, boot, "look(0) "},
			{5, ended(1, Refused), ""},
			{10, has, "take(0) "},
			{20, granted(2, 7), "won(7,true) "},
			{1600, has, "renew(7) "},
			{3200, has, "renew(7) "},
			{4011, has, "kept "},
			{4800, has, "renew(7) "},
			{4900, granted(5, 7), "won(7,false) "},
		},
		"kept, and the address is not confirmed": {
			{0, boot, "look(0) "},
			{5, ended(1, Refused), ""},
			{10, has, "take(0) "},
			{20, granted(2, 7), "won(7,true) "},
			{1600, has, "renew(7) "},
			{3200, has, "renew(7) "},
			{4011, tick, "kept "},
			{5199, tick, "renew(7) "},
			{5200, tick, "lost "},
		},
		"kept, and the address goes": {
			{0, boot, "look(0) "},
			{5, ended(1, Refused), ""},
			{10, has, "take(0) "},
			{20, granted(2, 7), "won(7,true) "},
			{1600, has, "renew(7) "},
			{3200, has, "renew(7) "},
			{4011, has, "kept "},
			{4100, hasNot, "lost release(7) "},
			{4200, has, ""},
			{5700, has, "take(7) "},
		},
		"the address goes: handed over at once": {
			{0, boot, "look(0) "},
			{5, ended(1, Refused), ""},
			{10, has, "take(0) "},
			{20, granted(2, 7), "won(7,true) "},
			{100, hasNot, "lost release(7) "},
			{120, ended(3, Refused), ""},
			{1700, tick, "look(7) "},
		},
		"an answer that comes too late gives nothing": {
			{0, boot, "look(0) "},
			{5, ended(1, Refused), ""},
			{10, has, "take(0) "},
			{1510, tick, "take(0) "},
			{1520, granted(2, 7), ""},
			{1530, granted(3, 8), "won(8,true) "},
		},
		"a clean stop hands over for good": {
			{0, boot, "look(0) "},
			{5, ended(1, Refused), ""},
			{10, has, "take(0) "},
			{20, granted(2, 7), "won(7,true) "},
			{100, Event{Kind: Yield}, "lost release(7) "},
			{2000, tick, ""},
			{9000, has, ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(policy)
			for _, c := range steps {
				now := at(time.Duration(c.ms) * time.Millisecond)
				if got := text(s.Step(now, c.e, nil)); got != c.want {
					t.Fatalf("at %d ms: %q, want %q", c.ms, got, c.want)
				}
				if got, want := s.Holds(now), s.mode == holding; got != want {
					t.Fatalf("at %d ms: holds %v, mode %d", c.ms, got, s.mode)
				}
			}
		})
	}
}

// A paused machine whose monotonic clock stood still knows by High that its
// time is over, before anything else happens.
func TestPauseEndsThePermission(t *testing.T) {
	s := New(policy)
	s.Step(at(0), Event{Kind: Boot}, nil)
	s.Step(at(0), Event{Kind: Done, Ask: 1}, nil)
	s.Step(at(0), Event{Kind: Address, On: true}, nil)
	s.Step(at(0), Event{Kind: Done, Ask: 2, Outcome: Granted, Epoch: 3}, nil)
	late := router.Clock{Mono: router.Instant(time.Millisecond), High: router.Instant(20 * time.Second)}
	if got := text(s.Step(late, Event{Kind: Tick}, nil)); got != "lost " {
		t.Fatalf("%q", got)
	}
}

func TestASingleNodeHoldsForEver(t *testing.T) {
	s := New(Policy{})
	if got := text(s.Step(at(0), Event{Kind: Boot}, nil)); got != "won(0,false) " {
		t.Fatalf("%q", got)
	}
	if _, due := s.Next(); due || !s.Holds(at(1000*time.Hour)) || s.Until() != router.Never {
		t.Fatalf("%+v", s)
	}
}

// TestNeverBoth plays two nodes, whose clocks drift and whose machines pause,
// against one row, over a network that loses and delays: never may both decide.
func TestNeverBoth(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var node [2]State
		var rate, high [2]float64 // of the node's clocks
		var epoch uint64
		holder, until := -1, time.Duration(0)
		wins, address := 0, rng.IntN(2)
		type late struct {
			n  int
			e  Event
			at time.Duration
		}
		var coming []late
		for n := range node {
			node[n] = New(policy)
			rate[n] = 1 + (rng.Float64()-0.5)/1000
		}
		now := time.Duration(0)
		var asleep [2]time.Duration
		clock := func(n int) router.Clock {
			d := router.Instant(float64(now)*rate[n] + high[n])
			return router.Clock{Mono: d, High: d}
		}
		perform := func(n int, fx []Effect) {
			for _, f := range fx {
				if f.Kind == Won {
					wins++
				}
				if f.Kind != Ask || rng.IntN(10) == 0 {
					continue
				}
				e := Event{Kind: Done, Ask: f.Ask, Outcome: Refused}
				switch {
				case f.Verb == Take && (until < now || holder == n):
					epoch, holder, until = epoch+1, n, now+policy.TTL
					e.Outcome, e.Epoch = Granted, epoch
				case f.Verb == Renew && holder == n && f.Epoch == epoch:
					until, e.Outcome, e.Epoch = now+policy.TTL, Granted, epoch
				case f.Verb == Release && holder == n && f.Epoch == epoch:
					until = 0
				}
				if rng.IntN(10) > 0 {
					coming = append(coming, late{n, e, now + time.Duration(rng.IntN(int(2*time.Second)))})
				}
			}
		}
		perform(0, node[0].Step(clock(0), Event{Kind: Boot}, nil))
		perform(1, node[1].Step(clock(1), Event{Kind: Boot}, nil))
		for range 1200 {
			now += 100 * time.Millisecond
			if rng.IntN(100) == 0 {
				address = 1 - address
			}
			if n := rng.IntN(2); rng.IntN(100) == 0 {
				asleep[n] = now + time.Duration(rng.IntN(int(20*time.Second)))
			}
			for i := 0; i < len(coming); i++ {
				if c := coming[i]; c.at <= now && asleep[c.n] < now {
					coming = append(coming[:i], coming[i+1:]...)
					perform(c.n, node[c.n].Step(clock(c.n), c.e, nil))
					i--
				}
			}
			for n := range node {
				if asleep[n] < now {
					perform(n, node[n].Step(clock(n), Event{Kind: Address, On: address == n}, nil))
				}
			}
			if node[0].Holds(clock(0)) && node[1].Holds(clock(1)) {
				t.Fatalf("seed %d: at %v both may decide", seed, now)
			}
		}
		if wins < 2 {
			t.Errorf("seed %d: %d grants: too tame", seed, wins)
		}
	}
}

// Two leases with the same past at other instants have one Canon, and it goes
// the same way.
func TestCanon(t *testing.T) {
	life := func(begin time.Duration, epoch uint64) (State, router.Clock) {
		s := New(policy)
		s.Step(at(begin), Event{Kind: Boot}, nil)
		s.Step(at(begin), Event{Kind: Done, Ask: 1}, nil)
		s.Step(at(begin), Event{Kind: Address, On: true}, nil)
		s.Step(at(begin), Event{Kind: Done, Ask: 2, Outcome: Granted, Epoch: epoch}, nil)
		s.Step(at(begin+1600*time.Millisecond), Event{Kind: Address, On: true}, nil)
		return s, at(begin + 1700*time.Millisecond)
	}
	a, atA := life(0, 5)
	b, atB := life(time.Hour, 77)
	if a.Canon(atA) != b.Canon(atB) {
		t.Fatalf("%+v\n%+v", a.Canon(atA), b.Canon(atB))
	}
	twin := a.Canon(atA)
	later := atA
	later.Mono, later.High = later.Mono.Add(3*time.Second), later.High.Add(3*time.Second)
	got, want := text(twin.Step(at(3*time.Second), Event{Kind: Tick}, nil)), text(a.Step(later, Event{Kind: Tick}, nil))
	if twin.Canon(at(3*time.Second)) != a.Canon(later) || len(got) == 0 || len(want) == 0 {
		t.Fatalf("%q %q", got, want)
	}
}
