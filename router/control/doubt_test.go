package control

import (
	"testing"
	"time"

	"releve/health"
	"releve/router"
	"releve/router/role"
)

// paused is a mind that was told good things of both servers and the IPBX, and a
// verification of the primary with k failed rounds behind it and one running.
func paused(t *testing.T, k int) (*State, *time.Duration) {
	t.Helper()
	p := Policy{
		Role:   role.Policy{Count: 3, AloneExtra: 2, Spacing: 2 * time.Second, Dead: true, Act: true, Automatic: true, Stable: 5},
		Health: health.Policy{Interval: 5 * time.Second, Lasting: time.Minute}, Secondary: true, IPBXs: 1,
	}
	s := New(p, 1)
	at := new(time.Duration)
	feed := func(e Event) { feedAt(&s, *at, e) }
	feed(Event{Kind: Boot, On: true})
	feed(Event{Kind: Saved, Version: 1})
	for range 6 {
		*at += time.Second
		feed(Event{Kind: ProbeDone, Server: router.Primary, Evidence: router.OK, RTT: time.Millisecond})
		feed(Event{Kind: ProbeDone, Server: router.Secondary, Evidence: router.OK, RTT: time.Millisecond})
		feed(Event{Kind: IPBXProbe, Evidence: router.OK})
		feed(Event{Kind: Host, Server: router.Primary, Host: health.Up})
		for v := uint64(2); v < 5; v++ {
			feed(Event{Kind: Saved, Version: v})
		}
	}
	feed(Event{Kind: Overflow, Server: router.Primary})
	for range k {
		*at += time.Second
		round := s.round.number
		feed(Event{Kind: ProbeDone, Server: router.Secondary, Round: round, Evidence: router.OK, RTT: time.Millisecond})
		feed(Event{Kind: IPBXProbe, Round: round, Evidence: router.OK})
		feed(Event{Kind: ProbeDone, Server: router.Primary, Round: round, Evidence: router.Silent, RTT: time.Second, Host: health.Up})
		*at += time.Second
		feed(Event{Kind: Tick})
	}
	if v := s.View(); !v.Verifying || int(v.Round) != k || s.round.number == 0 {
		t.Fatalf("%+v", v)
	}
	return &s, at
}

func feedAt(s *State, at time.Duration, e Event) []Effect {
	now := router.Clock{Mono: router.Instant(at), High: router.Instant(at)}
	return s.Step(now, e, nil)
}

// Two rounds had failed when the machine stopped in the third: whatever is
// overdue when it goes on, in whatever order, confirms nothing.
func TestARoundAcrossAPauseIsVoid(t *testing.T) {
	for _, pause := range []time.Duration{time.Second, 3 * time.Second, 8 * time.Second, 30 * time.Second, 2 * time.Minute} {
		s, at := paused(t, 2)
		number := s.round.number
		*at += pause
		overdue := []Event{
			{Kind: Tick},
			{Kind: ProbeDone, Server: router.Primary, Round: number, Evidence: router.Silent, RTT: pause},
			{Kind: ProbeDone, Server: router.Secondary, Round: number, Evidence: router.Silent, RTT: pause},
			{Kind: IPBXProbe, Round: number, Evidence: router.Silent, RTT: pause},
			{Kind: Evidence, Server: router.Primary, Evidence: router.Silent},
			{Kind: Host, Server: router.Primary, Host: health.Down},
			{Kind: Tick},
		}
		for shift := range overdue {
			s := *s
			feedAt(&s, *at, Event{Kind: Self, On: true})
			for i := range overdue {
				for _, f := range feedAt(&s, *at, overdue[(i+shift)%len(overdue)]) {
					if f.Kind == Register || f.Kind == Publish && f.View.Phase == router.Switching {
						t.Fatalf("%v, order %d: %+v", pause, shift, f)
					}
				}
			}
			if v := s.View(); v.Verdict.Dead() || v.Phase == router.Switching || v.Phase == router.BothDown || v.Round != 0 {
				t.Errorf("%v, order %d: %+v", pause, shift, v)
			}
			if verdict, _ := s.Judged(router.Clock{Mono: router.Instant(*at)}, router.Primary); verdict != router.VerdictSelfSick {
				t.Errorf("%v: judged %v", pause, verdict)
			}
		}
	}
}

// Once it is well again, a server that is really gone is found, by N new rounds.
func TestAfterAPauseADeadServerIsFound(t *testing.T) {
	s, at := paused(t, 2)
	*at += 10 * time.Second
	feedAt(s, *at, Event{Kind: Self, On: true})
	feedAt(s, *at, Event{Kind: Tick})
	*at += 5 * time.Second
	feedAt(s, *at, Event{Kind: Self})
	for range 2 {
		feedAt(s, *at, Event{Kind: ProbeDone, Server: router.Secondary, Evidence: router.OK, RTT: time.Millisecond})
	}
	rounds := 0
	feedAt(s, *at, Event{Kind: Overflow, Server: router.Primary})
	for range 20 {
		if s.round.number != 0 {
			number := s.round.number
			*at += time.Second
			feedAt(s, *at, Event{Kind: IPBXProbe, Round: number, Evidence: router.OK})
			feedAt(s, *at, Event{Kind: ProbeDone, Server: router.Secondary, Round: number, Evidence: router.OK, RTT: time.Millisecond})
			feedAt(s, *at, Event{Kind: ProbeDone, Server: router.Primary, Round: number, Evidence: router.Silent, RTT: time.Second, Host: health.Up})
			rounds++
		}
		if s.View().Verdict == router.VerdictDeadApp {
			break
		}
		*at += time.Second
		feedAt(s, *at, Event{Kind: Tick})
	}
	if rounds != 3 {
		t.Errorf("found after %d new rounds", rounds)
	}
}

// An answer that came across the pause speaks for the server; the time it took
// says nothing of it.
func TestAnAnswerAcrossAPauseCounts(t *testing.T) {
	s, at := paused(t, 0)
	for range 10 {
		*at += time.Second
		feedAt(s, *at, Event{Kind: ProbeDone, Server: router.Primary, Evidence: router.OK, RTT: time.Millisecond})
	}
	*at += 30 * time.Second
	feedAt(s, *at, Event{Kind: Self, On: true})
	feedAt(s, *at, Event{Kind: ProbeDone, Server: router.Primary, Evidence: router.OK, RTT: 30 * time.Second})
	feedAt(s, *at, Event{Kind: Self})
	if verdict, rule := s.Judged(router.Clock{Mono: router.Instant(*at)}, router.Primary); verdict != router.VerdictHealthy {
		t.Errorf("%v R%d", verdict, rule)
	}
}

// What our own side could not send is no silence of the server's, and never
// confirms.
func TestOurOwnNetworkNeverConfirms(t *testing.T) {
	s, at := paused(t, 2)
	for range 10 {
		number := s.round.number
		*at += time.Second
		feedAt(s, *at, Event{Kind: IPBXProbe, Round: number, Evidence: router.OK})
		feedAt(s, *at, Event{Kind: ProbeDone, Server: router.Secondary, Round: number, Evidence: router.OK, RTT: time.Millisecond})
		feedAt(s, *at, Event{Kind: ProbeDone, Server: router.Primary, Round: number, On: true})
		if v := s.View(); v.Phase == router.Switching || v.Verdict.Switchable() {
			t.Fatalf("%+v", v)
		}
		if verdict, rule := s.Judged(router.Clock{Mono: router.Instant(*at)}, router.Primary); verdict != router.VerdictSelfSick || rule != 0 {
			t.Fatalf("%v R%d", verdict, rule)
		}
		*at += time.Second
		feedAt(s, *at, Event{Kind: Tick})
		feedAt(s, *at, Event{Kind: Overflow, Server: router.Primary})
	}
	feedAt(s, *at, Event{Kind: ProbeDone, Server: router.Primary, Evidence: router.OK, RTT: time.Millisecond})
	if verdict, _ := s.Judged(router.Clock{Mono: router.Instant(*at)}, router.Primary); verdict != router.VerdictHealthy {
		t.Errorf("mended, and judged %v", verdict)
	}
}
