package procedure

import (
	"context"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/db"
)

// TestWhatBreaksADrillOff: the first lost call, and whatever else is not normal
// while the secondary serves.
func TestWhatBreaksADrillOff(t *testing.T) {
	on := func() Facts {
		f := site()
		f.Status.Active, f.Status.Phase = secondary, "on-secondary"
		f.Status.Servers[1].State, f.Status.Servers[1].Lines = admin.StateActive, 30
		f.Status.Counters = admin.Counters{Offered: 100, Answered: 90, Lost: 3, Failed: 2}
		return f
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		change func(*admin.Status)
		want   string
	}{
		{"all well", nil, func(*admin.Status) {}, ""},
		{"more calls", nil, func(s *admin.Status) { s.Counters.Answered, s.Counters.Cancelled = 95, 2 }, ""},
		{"sent away, and far from full", nil, func(s *admin.Status) { s.Counters.Dissuaded++ }, "lost-call"},
		{"sent away in a rush", nil, func(s *admin.Status) { s.Counters.Dissuaded++; s.Servers[1].Reserved = 8 }, ""},
		{"a lost call", nil, func(s *admin.Status) { s.Counters.Lost++ }, "lost-call"},
		{"a failed call", nil, func(s *admin.Status) { s.Counters.Failed++ }, "lost-call"},
		{"a dead server", nil, func(s *admin.Status) { s.Servers[1].Verdict = "DEAD_APP" }, "dead-server"},
		{"an alarm that stood before", nil, func(s *admin.Status) { s.Alarms = []db.Alarm{{Number: 1018, Object: "x", Severity: "major"}} }, ""},
		{"the same alarm about another", nil, func(s *admin.Status) { s.Alarms = []db.Alarm{{Number: 1018, Object: "y", Severity: "major"}} }, "alarm=1018"},
		{"an alarm that ended", nil, func(s *admin.Status) {
			s.Alarms = []db.Alarm{{Number: 1001, Severity: "major", Cleared: s.Now}}
		}, ""},
		{"a warning", nil, func(s *admin.Status) { s.Alarms = []db.Alarm{{Number: 1060, Severity: "warning"}} }, ""},
		{"somebody returned", nil, func(s *admin.Status) { s.Active = primary }, "moved"},
		{"both down", nil, func(s *admin.Status) { s.Phase = "both-down" }, "moved"},
		{"the node was restarted", nil, func(s *admin.Status) { s.Started = s.Started.Add(time.Hour); s.Counters = admin.Counters{} }, "node-silent"},
		{"Ctrl-C", gone, func(*admin.Status) {}, "interrupted"},
	} {
		f := on()
		before := f.Status
		before.Alarms = []db.Alarm{{Number: 1018, Object: "x", Severity: "major"}}
		c.change(&f.Status)
		x := &drill{performer: &performer{facts: f}, before: before}
		ctx := c.ctx
		if ctx == nil {
			ctx = t.Context()
		}
		if got := x.broken(ctx); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
