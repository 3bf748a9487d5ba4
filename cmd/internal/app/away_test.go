package app

import (
	"testing"
	"time"

	"releve/router"
	"releve/router/control"
)

func TestAwake(t *testing.T) {
	base := time.Now()
	mono := router.Instant(time.Hour)
	for name, tt := range map[string]struct {
		slept time.Duration // since the newest turn
		due   time.Duration // of what was slept for, after that turn; negative: nothing
		tick  time.Duration // the tick that woke it was due then, after that turn; negative: none did
		wall  time.Duration // how much further the wall clock went
		away  bool
	}{
		"woke for a result":           {300 * time.Millisecond, 800 * time.Millisecond, -1, 0, false},
		"woke for a deadline":         {310 * time.Millisecond, 300 * time.Millisecond, -1, 0, false},
		"a busy scheduler":            {700 * time.Millisecond, 300 * time.Millisecond, -1, 0, false},
		"a deadline long overdue":     {900 * time.Millisecond, 300 * time.Millisecond, -1, 0, true},
		"a tick long overdue":         {900 * time.Millisecond, 5 * time.Second, 350 * time.Millisecond, 0, true},
		"a tick in time":              {900 * time.Millisecond, 5 * time.Second, 890 * time.Millisecond, 0, false},
		"woke by a result, much late": {1600 * time.Millisecond, 5 * time.Second, -1, 0, true},
		"a minute":                    {time.Minute, 5 * time.Second, 1000 * time.Millisecond, 0, true},
		"the guest's clock stood":     {100 * time.Millisecond, 5 * time.Second, -1, time.Minute, true},
		"the clock drifts":            {900 * time.Millisecond, 5 * time.Second, -1, 20 * time.Millisecond, false},
		"the clock is set back":       {100 * time.Millisecond, 5 * time.Second, -1, -time.Hour, false},
	} {
		a := awake{at: base.Add(-tt.slept), ahead: -tt.wall, due: router.Never}
		now := mono.Add(tt.slept)
		if tt.due >= 0 {
			a.due = mono.Add(tt.due)
		}
		var tick time.Time
		if tt.tick >= 0 {
			tick = a.at.Add(tt.tick)
		}
		if got := a.away(base, 0, now, tick); got != tt.away {
			t.Errorf("%s: %v", name, got)
		}
	}
	var first awake
	if first.away(base, 0, mono, time.Time{}) {
		t.Error("the first turn was preceded by nothing")
	}
}

// turnAfter is a turn of the loop by hand, slept later than the last.
func (s *site) turnAfter(slept time.Duration) {
	m := s.node.mind
	m.awake.at = time.Now().Add(-slept)
	m.awake.due = router.Never
	m.doubt(time.Time{})
	m.turn(request{}, true)
}

// After a pause nothing that was overdue is judged before the doubt is told:
// whatever lies in the list of results, the order in which it was put there
// changes nothing.
func TestWhatWasOverdueAfterAPauseAccusesNobody(t *testing.T) {
	s := still(t)
	m := s.boot()
	ok := func(x router.Server) control.Event {
		return control.Event{Kind: control.ProbeDone, Server: x, Evidence: router.OK, RTT: time.Millisecond}
	}
	for range 3 {
		m.step(ok(router.Primary))
		m.step(ok(router.Secondary))
	}
	m.step(control.Event{Kind: control.Overflow, Server: router.Primary})
	v := m.state.View()
	if !v.Verifying {
		t.Fatal("no verification runs")
	}
	// Paused here, within the first round; its time-outs wait in the list.
	for _, x := range []router.Server{router.Primary, router.Secondary} {
		m.results.add(control.Event{Kind: control.ProbeDone, Server: x, Round: 1, Evidence: router.Silent, RTT: 8 * time.Second})
	}
	s.node.proxy.Stats.Evidence[router.Primary][router.Silent].Add(5)
	m.flags.overflow[router.Primary].Store(true)
	s.turnAfter(8 * time.Second)
	if v = m.state.View(); v.Verdict.Dead() || v.Phase != router.Normal && v.Phase != router.Verifying {
		t.Errorf("after the pause: %+v", v)
	}
	if verdict, _ := m.state.Judged(m.clock.now(), router.Primary); verdict != router.VerdictSelfSick {
		t.Errorf("judged %v", verdict)
	}
	m.awake.till = time.Now()
	s.turnAfter(0)
	if verdict, _ := m.state.Judged(m.clock.now(), router.Primary); verdict != router.VerdictHealthy {
		t.Errorf("well again, and judged %v: what came of the pause was kept", verdict)
	}
}

// A pause within a turn is seen by the step that comes after it.
func TestAPauseWithinATurnIsSeen(t *testing.T) {
	s := still(t)
	m := s.boot()
	m.step(control.Event{Kind: control.ProbeDone, Server: router.Primary, Evidence: router.OK, RTT: time.Millisecond})
	m.awake.at = time.Now().Add(-3 * time.Second) // the turn began before the pause
	m.step(control.Event{Kind: control.ProbeDone, Server: router.Primary, Evidence: router.Silent, RTT: 3 * time.Second})
	if !m.awake.told {
		t.Error("not told")
	}
	m.awake.till = time.Now()
	m.doubt(time.Time{})
	if verdict, _ := m.state.Judged(m.clock.now(), router.Primary); verdict != router.VerdictHealthy {
		t.Errorf("judged %v", verdict)
	}
}
