package fork

import (
	"testing"
	"unsafe"

	"releve/router"
)

// TestBest: RFC 3261 §16.7(6), finals in the order they came.
func TestBest(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []uint16
		want uint16
	}{
		{"a 6xx before all", []uint16{404, 603, 302}, 603},
		{"else the lowest class", []uint16{500, 486, 503}, 486},
		{"3xx before 4xx", []uint16{486, 302, 500}, 302},
		{"401 before other 4xx", []uint16{401, 486, 404}, 401},
		{"407 likewise", []uint16{486, 407, 404}, 407},
		{"415 likewise", []uint16{415, 486}, 415},
		{"420 likewise", []uint16{420, 486}, 420},
		{"484 likewise", []uint16{484, 486}, 484},
		{"of equals the newest (our choice)", []uint16{486, 480}, 480},
		{"any 5xx but a 503 that is not alone", []uint16{503, 500}, 500},
		{"branches without a final do not count", []uint16{0, 404, 0}, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(nil, Incoming, true, 0)
			for _, status := range c.got {
				s.branches[s.n] = branch{status: status, progress: ended}
				s.n++
			}
			if got := s.branches[s.best()].status; got != c.want {
				t.Errorf("best of %v is %d, want %d", c.got, got, c.want)
			}
			s.branches[s.best()].given = true
			if got := s.best(); got != none && s.branches[got].status == c.want && c.want != 404 {
				t.Errorf("a branch that we gave up counts")
			}
		})
	}
}

// TestTimerCInCalling: a branch in Calling at Timer C is treated as if a
// 408 had come (RFC 3261 §16.8).
func TestTimerCInCalling(t *testing.T) {
	p := defaults()
	s := New(&p, Single, true, 0)
	e := Event{Kind: Arrive, View: normal}
	s.Step(0, &e, &p, nil)
	if s.Next() != router.Instant(p.TimerC) {
		t.Fatalf("Next is %v, want Timer C", s.Next())
	}
	fx := s.Step(s.Next(), &Event{Kind: Tick, View: normal}, &p, nil)
	if len(fx) != 2 || fx[0].Kind != Reply || fx[0].Status != 408 || fx[1].Kind != Done {
		t.Errorf("effects %v, want 408 and done", fx)
	}
}

// TestCauses: every reason that Classify, Route and this package give survives
// being stored as a number.
func TestCauses(t *testing.T) {
	seen := map[router.Reason]bool{}
	for h := router.Happening(0); h < router.Happenings; h++ {
		for status := uint16(200); status < 700; status++ {
			for o := range router.Occupancy(router.Occupancies) {
				for _, on := range []bool{false, true} {
					seen[router.Classify(router.Observation{Happening: h, Status: status, Occupancy: o, RetryAfter: on, ServiceNumber: on, AnsweredLately: on}).Reason] = true
				}
			}
		}
	}
	for phase := router.Normal; phase <= router.Maintenance; phase++ {
		for bits := range 1 << 8 {
			on := func(i int) bool { return bits>>i&1 == 1 }
			call := router.Call{
				Replaces: on(0), Looped: on(1), AnsweredLately: on(2), HeldByPassive: on(3), Manual: on(4),
				Entry: router.Entry(bits >> 5 & 1), Occupancy: router.Full, From: router.Server(bits >> 6 & 1),
			}
			v := router.View{Phase: phase, Active: router.Server(1 + bits>>7&1), Act: on(3), Verdict: router.Verdict(bits % 13)}
			seen[router.Route(call, v).Reason] = true
		}
	}
	for v := router.VerdictUnknown; v <= router.VerdictSelfSick; v++ {
		seen[verdictReason(v)] = true
	}
	if len(seen) < 20 {
		t.Fatalf("only %d reasons seen", len(seen))
	}
	for r := range seen {
		if causeOf(r).reason() != r {
			t.Errorf("reason %q is lost", r)
		}
	}
}

func TestStateIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(State{}); size >= 512 {
		t.Errorf("a State has %d bytes, want less than 512", size)
	} else {
		t.Logf("a State has %d bytes", size)
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	p := defaults()
	p.Rescue = true
	out := make([]Effect, 0, 16)
	s := new(State)
	if n := testing.AllocsPerRun(100, func() {
		arrive := Event{Kind: Arrive, View: normal, Decision: router.Decision{Action: router.Offer, Target: router.Primary}}
		ring := Event{Kind: Response, Status: 180, View: normal}
		tick := Event{Kind: Tick, View: normal}
		answer := Event{Kind: Response, Status: 200, Branch: 1, View: normal}
		*s = New(&p, Incoming, true, 0)
		s.Step(0, &arrive, &p, out[:0])
		s.Step(1, &ring, &p, out[:0])
		for s.Branches() < 2 {
			s.Step(s.Next(), &tick, &p, out[:0])
		}
		s.Step(s.Next(), &answer, &p, out[:0])
		if !s.Finished() {
			t.Fatal("the desk's answer did not end the call")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
