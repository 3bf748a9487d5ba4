package app

import (
	"context"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/router"
	"releve/testbed/ipbx"
	"releve/testbed/phone"
	"releve/testbed/server"
)

func TestLosses(t *testing.T) {
	base := time.Now()
	var l losses
	for i, tt := range []struct {
		at   time.Duration
		n    uint64
		want bool
	}{
		{0, 0, false},
		{time.Second, 1, false},
		{2 * time.Second, 2, false},
		{20 * time.Second, 3, false}, // the first two are too old
		{21 * time.Second, 5, true},
		{22 * time.Second, 6, false}, // told once
		{23 * time.Second, 7, false},
		{24 * time.Second, 8, true}, // and again
		{40 * time.Second, 8, false},
		{41 * time.Second, 900, true}, // a whole house at once
	} {
		if got := l.add(base.Add(tt.at), tt.n); got != tt.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

// A server that is killed and started again answers OPTIONS and new calls, and
// 481 within the calls that it had: that is told, its lines are free, and nothing
// switches for it.
func TestServerThatLostItsCalls(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	var calls []*ipbx.Call
	for _, from := range []string{"0101", "0102", "0103", "0104"} {
		c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: from, To: "5000"})
		s.must(err)
		if r, err := c.Answered(ctx); err != nil || r.AnsweredBy != "principal" {
			t.Fatalf("%+v %v", r, err)
		}
		calls = append(calls, c)
	}
	s.must(s.primary.SetMode(server.Mode{Kind: server.Killed}))
	s.must(s.primary.SetMode(server.Mode{Kind: server.Healthy}))
	for _, c := range calls[:2] {
		if status, err := c.ReInvite(ctx, phone.SendRecv); err != nil || status != 481 {
			t.Fatalf("re-INVITE: %d %v", status, err)
		}
	}
	calls[2].Hangup()
	s.until("the verdict", func() bool { return s.node.Status(ctx).Servers[0].Verdict == router.VerdictDegraded.String() })
	s.told(text.EventServerRestarted)
	s.until("two are recorded as lost", func() bool {
		lost := 0
		all, err := s.node.Calls(ctx, "", 10)
		for _, c := range all {
			if c.Reason == router.ReasonServerForgot {
				lost++
			}
		}
		return err == nil && lost == 2
	})
	calls[3].Hangup()
	s.until("no line is held", func() bool { n, _, _ := s.node.proxy.Dialogs.Lines(router.Primary); return n == 0 })
	if by := s.served("0105"); by != "principal" {
		t.Errorf("a new call is served by %s", by)
	}
	s.until("a call was answered: well again", func() bool { return s.node.Status(ctx).Servers[0].Verdict == router.VerdictHealthy.String() })
	if st := s.node.Status(ctx); st.Counters.Switchovers != 0 || st.Active != "primary" {
		t.Errorf("%+v", st)
	}
}
