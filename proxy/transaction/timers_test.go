package transaction

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"releve/router"
)

// TestTransmissions checks the exact instants of every transmission of a
// machine that nobody answers (T01, T02, T04, T05 of our checklist).
func TestTransmissions(t *testing.T) {
	for _, c := range []struct {
		name     string
		kind     Kind
		reliable bool
		first    func(s *State) Actions // at 0, after New
		want     []time.Duration        // transmissions
		end      time.Duration
		last     Actions
	}{
		{"17.1.1.2 Timers A and B", InviteClient, false, nil, []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms, 7500 * ms, 15500 * ms, 31500 * ms}, 32 * time.Second, PassTimeout | Terminate},
		{"17.1.1.2 reliable: Timer B alone", InviteClient, true, nil, []time.Duration{0}, 32 * time.Second, PassTimeout | Terminate},
		{"17.1.2.2 Timers E and F", Client, false, nil, every(0, 500*ms, 1500*ms, 3500*ms, 7500*ms), 32 * time.Second, PassTimeout | Terminate},
		{"17.1.2.2 reliable: Timer F alone", Client, true, nil, []time.Duration{0}, 32 * time.Second, PassTimeout | Terminate},
		{"17.1.2.2 Timer E after a provisional is T2", Client, false, func(s *State) Actions { return s.Step(0, Response, 100) &^ Pass }, every(0, 500*ms, 4500*ms), 32 * time.Second, PassTimeout | Terminate},
		{"17.2.1 Timers G and H", InviteServer, false, func(s *State) Actions { return s.Step(0, Send, 486) }, every(0, 500*ms, 1500*ms, 3500*ms, 7500*ms), 32 * time.Second, PassTimeout | Terminate},
		{"17.2.1 reliable: Timer H alone", InviteServer, true, func(s *State) Actions { return s.Step(0, Send, 486) }, []time.Duration{0}, 32 * time.Second, PassTimeout | Terminate},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, a := New(c.kind, c.reliable, 0)
			if c.first != nil {
				a |= c.first(&s)
			}
			var got []time.Duration
			now := router.Instant(0)
			for ; a&Terminate == 0; a = s.Step(now, Timer, 0) {
				if a&Transmit != 0 {
					got = append(got, time.Duration(now))
				}
				now = s.Next()
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("sent at %v, want %v", got, c.want)
			}
			if time.Duration(now) != c.end || a != c.last {
				t.Errorf("ended at %v with %b, want %v with %b", time.Duration(now), a, c.end, c.last)
			}
		})
	}
}

// every extends the given instants by T2 up to 31.5 s.
func every(first ...time.Duration) []time.Duration {
	for last := first[len(first)-1]; last+T2 < wholeLife; {
		last += T2
		first = append(first, last)
	}
	return first
}

// TestSweep gives every sequence of three events with every kind of status to
// every machine: none panics, an action set never both keeps and frees, and a
// machine that had its final ends by its timers alone within the longest tail.
func TestSweep(t *testing.T) {
	statuses := []uint16{0, 99, 100, 180, 199, 200, 299, 300, 408, 486, 503, 699, 700}
	type input struct {
		event  Event
		status uint16
	}
	var inputs []input
	for e := Start; e <= Stop; e++ {
		for _, s := range statuses {
			if e == Response || e == Send || s == 0 {
				inputs = append(inputs, input{e, s})
			}
		}
	}
	for k := InviteClient; k <= Server; k++ {
		for _, reliable := range []bool{false, true} {
			for i := range len(inputs) * len(inputs) * len(inputs) {
				s, a := New(k, reliable, 0)
				final := false
				at := router.Instant(0)
				for _, in := range []input{inputs[i%len(inputs)], inputs[i/len(inputs)%len(inputs)], inputs[i/len(inputs)/len(inputs)]} {
					at = at.Add(700 * ms)
					a |= s.Step(at, in.event, in.status)
					final = final || (in.event == Response || in.event == Send) && in.status >= 200 && (k < InviteServer) == (in.event == Response)
				}
				if err := ends(s, a, at, final); err != nil {
					t.Fatalf("kind %d reliable %v inputs %d %v %v %v: %v", k, reliable, i, inputs[i%len(inputs)], inputs[i/len(inputs)%len(inputs)], inputs[i/len(inputs)/len(inputs)], err)
				}
			}
		}
	}
}

// ends runs the timers of s and reports what is wrong with its end.
func ends(s State, a Actions, at router.Instant, final bool) error {
	// Only an INVITE whose user has not decided may wait without a timer.
	patient := s.Phase == Proceeding && !final && (s.Kind == InviteClient || s.Kind == InviteServer)
	limit := at.Add(wholeLife + T4)
	for range 100 {
		if s.Phase == Terminated {
			if s.Next() != router.Never || s.Step(limit, Timer, 0) != 0 {
				return fmt.Errorf("acts after its end")
			}
			if a&Terminate == 0 {
				return fmt.Errorf("terminated without saying so")
			}
			return nil
		}
		if s.Next() == router.Never {
			if patient {
				return nil
			}
			return fmt.Errorf("phase %d has no timer", s.Phase)
		}
		at = s.Next()
		if at > limit && !patient {
			return fmt.Errorf("phase %d still waits for %v", s.Phase, time.Duration(at))
		}
		before := s
		a |= s.Step(at, Timer, 0)
		if s == before {
			return fmt.Errorf("a due timer changed nothing in phase %d", s.Phase)
		}
	}
	return fmt.Errorf("more than 100 timers")
}

func TestStepAllocatesNothing(t *testing.T) {
	var s State
	if n := testing.AllocsPerRun(100, func() {
		s, _ = New(InviteClient, false, 0)
		s.Step(1, Timer, 0)
		s.Step(2, Response, 180)
		s.Step(3, Response, 486)
		s.Step(s.Next(), Timer, 0)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
