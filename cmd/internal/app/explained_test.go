package app

import (
	"context"
	"errors"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/router"
	"releve/testbed/server"
)

// TestExplainAVerification: the rounds of a real switchover, their rules, and
// what other settings would have decided on the same evidence.
func TestExplainAVerification(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var none *admin.Fault
	if _, err := s.node.Explain(ctx, time.Now(), nil); !errors.As(err, &none) || none.Code != text.FaultNoVerification {
		t.Fatalf("before any verification: %v", err)
	}
	s.must(s.primary.SetMode(server.Mode{Kind: server.Killed}))
	if by := s.served("101"); by != "secours" {
		t.Fatalf("answered by %q", by)
	}
	n := s.node.cfg().Verification.Count
	x, err := s.node.Explain(ctx, time.Now(), &admin.Settings{Count: n + 1})
	s.must(err)
	if len(x.Rounds) < n || x.Server != "primary" || x.Verdict != router.VerdictDeadApp.String() || x.Ended.Before(x.Began) {
		t.Fatalf("%+v", x)
	}
	last := x.Rounds[len(x.Rounds)-1]
	if last.Rule != 3 || last.K != n || last.N != n || last.RTT != 0 {
		t.Errorf("the last round: %+v", last)
	}
	if len(x.After) == 0 || x.After[0].Code != text.EventSwitchoverBegun {
		t.Errorf("what followed: %+v", x.After)
	}
	if x.Replay.Outcome != "open" || len(x.Replay.Rounds) != len(x.Rounds) || x.Replay.Settings.Count != n+1 {
		t.Errorf("one round more: %+v", x.Replay)
	}
	x, err = s.node.Explain(ctx, time.Now(), &admin.Settings{Count: 1})
	s.must(err)
	if x.Replay.Outcome != "confirmed" || len(x.Replay.Rounds) > len(x.Rounds)-n+1 {
		t.Errorf("one round: %+v", x.Replay)
	}
	x, err = s.node.Explain(ctx, time.Now(), &admin.Settings{SwitchOn: []string{"gray"}})
	s.must(err)
	if x.Replay.Outcome != "refused" {
		t.Errorf("switch_on without dead: %+v", x.Replay)
	}

	var r admin.Report
	s.until("the call is recorded", func() bool {
		r, err = s.node.Report(ctx, time.Now().Add(-time.Hour))
		s.must(err)
		return len(r.Calls) > 0
	})
	if r.Verified == 0 || len(r.Calls) == 0 || len(r.Events) == 0 || r.ByResult[0].Name != router.VerdictDeadApp.String() {
		t.Errorf("report %+v", r)
	}
}
