package main

import (
	"context"
	"time"

	"releve/cmd/internal/admin"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// tooEarly: after an automatic switchover the return waits for its 15 minutes,
// unless it is forced with a reason.
func (s *guidedSite) tooEarly() {
	s.t.Helper()
	s.want(exitDone, []string{"asked"}, "procedure", "miroir", "-y", "--answers",
		s.answers("main-stopped: yes\nplan: yes\npromoted: yes\nwelsuite-pointed: yes\nreplica-made: yes\nconfig-updated: yes\n"))
	s.must(s.servers[0].Close())
	s.until("the secondary takes over", func(st admin.Status) bool { return st.Active == "secondary" && st.Phase == "on-secondary" })
	s.startServer(0)
	s.settled(0)
	heard := s.answers("heard: yes\n")
	s.want(exitNo, []string{"less than 15 minutes", "refused, nothing was changed"}, "procedure", "return", "-y", "--reason", "now", "--answers", heard, "--wait-call", "0s")
	s.want(exitDone, nil, "procedure", "return", "-y", "--reason", "tonight", "--force", "--answers", heard, "--wait-call", "0s")
	if run := s.records()[0]; !run.Forced || run.Reason != "tonight" || line(run, "return-time").Result != admin.StepForced || s.status().Active != "primary" {
		s.t.Fatalf("%+v", run)
	}
	s.until("its alarms end", func(st admin.Status) bool { return !stands(st, 1001) && !stands(st, 1005) })
}

// lostCall: one caller who is sent away ends an exercise.
func (s *guidedSite) lostCall() {
	s.t.Helper()
	s.settled(1)
	done := make(chan result, 1)
	go func() { done <- s.run(s.t.Context(), "drill", "-y", "--hold", "10m", "--max-calls", "8") }()
	s.until("the secondary serves in an exercise", func(st admin.Status) bool { return st.Active == "secondary" && st.Exercise != nil })
	s.must(s.servers[1].SetMode(server.Mode{Kind: server.ServerError, Status: 500}))
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "300", To: "5000"})
	s.must(err)
	select {
	case r := <-done:
		if run := s.records()[0]; r.code != exitNo || run.Outcome != admin.OutcomeAborted || run.Drill.Cause != "lost-call" || s.status().Active != "primary" {
			s.t.Fatalf("exit %d: %s%s\n%+v %+v", r.code, r.out, r.err, run, run.Drill)
		}
	case <-ctx.Done():
		s.t.Fatalf("the exercise goes on; the caller: %+v", c.Result())
	}
	s.must(s.servers[1].SetMode(server.Mode{Kind: server.Healthy}))
}

// interrupted: Ctrl-C in the middle of an exercise returns first.
func (s *guidedSite) interrupted() {
	s.t.Helper()
	s.settled(1)
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	done := make(chan result, 1)
	go func() { done <- s.run(ctx, "drill", "-y", "--hold", "10m", "--max-calls", "8") }()
	s.until("the secondary serves in an exercise", func(st admin.Status) bool { return st.Active == "secondary" && st.Exercise != nil })
	cancel()
	select {
	case r := <-done:
		if run := s.records()[0]; r.code != exitNo || run.Outcome != admin.OutcomeAborted || run.Drill.Cause != "interrupted" || s.status().Active != "primary" {
			s.t.Fatalf("exit %d: %s%s\n%+v", r.code, r.out, r.err, run)
		}
	case <-time.After(time.Minute):
		s.t.Fatal("the exercise goes on")
	}
}

// brokenOff: the secondary dies during an exercise; it ends at once on the
// primary, and says why.
func (s *guidedSite) brokenOff() {
	s.t.Helper()
	s.settled(1)
	done := make(chan result, 1)
	go func() { done <- s.run(s.t.Context(), "drill", "-y", "--hold", "10m", "--max-calls", "8") }()
	s.until("the secondary serves in an exercise", func(st admin.Status) bool {
		return st.Active == "secondary" && st.Phase == "on-secondary" && st.Exercise != nil
	})
	s.want(exitNo, []string{"no — secours", "nothing was changed"}, "drill", "-y", "--max-calls", "8", "--wait", "0s", "--hold", "1s")
	s.must(s.servers[1].Close())
	var r result
	select {
	case r = <-done:
	case <-time.After(time.Minute):
		s.t.Fatal("the exercise goes on")
	}
	run := s.records()[0]
	if r.code != exitNo || run.Outcome != admin.OutcomeAborted || run.Drill == nil || run.Drill.Cause == "" || run.Drill.OnSecondary || s.status().Active != "primary" {
		s.t.Fatalf("exit %d: %s%s\n%+v %+v", r.code, r.out, r.err, run, run.Drill)
	}
	s.want(exitDown, []string{"1081"}, "alarms")
}
