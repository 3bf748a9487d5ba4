package sim

import (
	"strings"
	"testing"
	"time"

	"releve/health/alarm"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// episodes of a plain test run; the program plays as many as one likes.
const episodes = 400

func TestEpisodes(t *testing.T) {
	var r Report
	for seed := range uint64(episodes) {
		e := Episode(seed + 1)
		r.Add(e)
		if e.Violation != "" {
			t.Fatal(Explain(Case{Seed: e.Seed}))
		}
		if e.Calls < 20 || e.Faults < 1 || e.Simulated < 10*time.Minute {
			t.Errorf("seed %d is no episode: %d calls, %d faults, %v", e.Seed, e.Calls, e.Faults, e.Simulated)
		}
	}
	// The rarer goals are asked of the long runs.
	for _, g := range []goal{goalSwitchover, goalSwitchoverGray, goalProof, goalFence, goalRescued, goalDelivered, goalRequeued, goalReturn, goalBothDown, goalVerdicts + goal(router.VerdictBusy), goalTakenOver} {
		if !r.goals.reached(g) {
			t.Errorf("%d episodes never met: %s", episodes, g)
		}
	}
}

func TestSameSeedSameLog(t *testing.T) {
	hashes := map[uint64]bool{}
	for seed := uint64(1); seed <= 40; seed++ {
		first, second := Episode(seed), Episode(seed)
		if first != second {
			t.Errorf("seed %d played twice: %+v, then %+v", seed, first, second)
		}
		if traced := play(Case{Seed: seed}, true).result(); traced != first {
			t.Errorf("seed %d goes another way when it is watched", seed)
		}
		hashes[first.Hash] = true
	}
	if len(hashes) != 40 {
		t.Errorf("%d different logs of 40 seeds", len(hashes))
	}
}

// TestChecksCanFail breaks the world, not the product, and sees each check say so.
func TestChecksCanFail(t *testing.T) {
	tests := []struct {
		name, want string
		sabotage   func(*World)
		late       bool
	}{
		{"a second binding", "bound at once", func(w *World) {
			for x := range w.ipbxs[0].expiry {
				w.ipbxs[0].expiry[x] = w.end
			}
		}, false},
		{"a switch nobody confirmed", "switchover on 0 rounds", func(w *World) {
			n := w.nodes[0]
			row := n.state.Row().Role
			w.set.control.Role.Automatic, w.set.control.Role.Act = true, true
			n.watch.k, n.watch.solid = 0, 0
			moved := row
			moved.Phase, moved.Epoch, moved.Reason = router.Switching, row.Epoch+1, router.ReasonConfirmed
			n.watch.roleMoves(n, control.Event{}, row, moved)
		}, false},
		{"a return nobody asked for", "no operator asked for", func(w *World) {
			n := w.nodes[0]
			row := n.state.Row().Role
			moved := row
			moved.Phase, moved.Epoch = router.Returning, row.Epoch+1
			n.watch.roleMoves(n, control.Event{}, row, moved)
		}, false},
		{"a call that ends twice", "ended twice", func(w *World) {
			for _, c := range w.calls {
				if c.ended {
					c.finish(router.Answered, router.ReasonNone)
					return
				}
			}
		}, true},
		{"a binding that vanishes", "long after the faults the binding", func(w *World) {
			w.at(w.end-1, func() {
				w.ipbxs[0].expiry = [router.Servers]router.Instant{}
				w.check.registeredAtEnd(w.nodes[0].view.Active)
			})
		}, false},
	}
	for _, tt := range tests {
		w := newWorld(Case{Seed: seedWith(t, func(s *setting) bool { return s.policy.Mode == licence.Pair && s.control.Role.Act })}, false)
		when := firstFault - time.Second
		if tt.late {
			when = healAt - time.Second
		}
		w.at(router.Instant(when), func() { tt.sabotage(w) })
		w.run()
		if !strings.Contains(w.fail, tt.want) {
			t.Errorf("%s: %q", tt.name, w.fail)
		}
	}
}

// seedWith is the first seed whose site is as wanted.
func seedWith(t *testing.T, want func(*setting) bool) uint64 {
	t.Helper()
	for seed := uint64(1); seed < 1000; seed++ {
		w := newWorld(Case{Seed: seed}, false)
		if want(&w.set) {
			return seed
		}
	}
	t.Fatal("no such site")
	return 0
}

// Package control may not import package alarm; its numbers are alarm's.
func TestAlarmNumbers(t *testing.T) {
	for got, want := range map[uint16]alarm.Number{
		control.AlarmSilent: alarm.ServerSilent, control.AlarmMute: alarm.ServerMute, control.AlarmSlow: alarm.ServerSlow,
		control.AlarmNotReady: alarm.SecondaryNotReady, control.AlarmSelf: alarm.SelfSick, control.AlarmIPBXSilent: alarm.IPBXSilent,
	} {
		if got != uint16(want) {
			t.Errorf("control says %d, the catalogue %d", got, want)
		}
	}
}
