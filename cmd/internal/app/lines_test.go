package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/router"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// askNow asks after every call of a server at once and waits for both ends'
// answers.
func (s *site) askNow(x router.Server) {
	s.t.Helper()
	p := s.node.proxy
	before := p.Stats.Asked.Load()
	p.Dialogs.Suspect(x, router.Never, p.Now())
	s.node.askCalls()
	s.until("both ends answered", func() bool { return p.Stats.Asked.Load() >= before+2 })
}

// knownAtBothEnds asks after the one call in progress.
func (s *site) knownAtBothEnds(x router.Server) {
	s.t.Helper()
	s.askNow(x)
	far, servers := s.node.proxy.Dialogs.Known(s.node.proxy.Dialogs.Live()[0].Key)
	if !far || !servers[x] {
		s.t.Fatalf("known at the IPBX %v, at the servers %v", far, servers)
	}
}

// talking is an answered call from the IPBX.
func (s *site) talking(ctx context.Context) *ipbx.Call {
	s.t.Helper()
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "100", To: "5000", RTP: true})
	s.must(err)
	_, err = c.Answered(ctx)
	s.must(err)
	s.until("the server has the ACK", func() bool { calls, _ := s.primary.Calls(); return calls[len(calls)-1].ACKed })
	return c
}

func (s *site) lines() (reserved int, exact bool) {
	reserved, _, exact = s.node.proxy.Dialogs.Lines(router.Primary)
	return reserved, exact
}

// lastCall is the newest record.
func (s *site) lastCall(ctx context.Context) admin.CallInfo {
	s.t.Helper()
	var calls []admin.CallInfo
	s.until("the call is recorded", func() bool {
		var err error
		calls, err = s.node.Calls(ctx, "", 10)
		return err == nil && len(calls) > 0 && !calls[0].Live
	})
	return calls[0]
}

// TestServerThatForgotACall: its line is free, the caller is told, and the record
// says why. A call that both ends know goes on.
func TestServerThatForgotACall(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := s.talking(ctx)
	s.knownAtBothEnds(router.Primary)
	s.askNow(router.Primary)
	if n, exact := s.lines(); n != 1 || !exact {
		t.Fatalf("%d lines, exact %v: a call in progress was taken for lost", n, exact)
	}
	s.must(s.primary.SetMode(server.Mode{Kind: server.Killed}))
	s.must(s.primary.SetMode(server.Mode{Kind: server.Healthy}))
	s.askNow(router.Primary)
	if n, _ := s.lines(); n != 1 {
		t.Fatal("one denial ended the call")
	}
	s.askNow(router.Primary)
	r, err := c.Wait(ctx)
	if err != nil || r.Cause != "bye-received" {
		t.Fatalf("the caller talks to nobody: %+v %v", r, err)
	}
	if n, _ := s.lines(); n != 0 {
		t.Fatalf("%d lines held by calls that the server does not know", n)
	}
	if last := s.lastCall(ctx); last.Reason != router.ReasonServerForgot || last.EndedBy != "relève" {
		t.Fatalf("%+v", last)
	}
	if s.node.proxy.View().Active != router.Primary {
		t.Fatal("the role changed")
	}
}

// TestLinesAreKnownAfterARestart: a clean stop loses no count; after a crash it is
// doubted.
func TestLinesAreKnownAfterARestart(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := s.talking(ctx)
	s.node.Stop()
	s.start()
	if n, exact := s.lines(); n != 1 || !exact {
		t.Fatalf("after a clean stop: %d lines, exact %v", n, exact)
	}
	s.until("both ends were asked after it", func() bool { return s.node.proxy.Stats.Asked.Load() >= 2 })

	file := filepath.Join(s.dir, inProgressFile)
	crashed, err := os.ReadFile(file)
	s.must(err)
	s.node.Stop()
	s.must(os.WriteFile(file, crashed, 0o600)) // as kill -9 would have left it
	s.start()
	if n, exact := s.lines(); n != 1 || exact {
		t.Fatalf("after a crash: %d lines, exact %v", n, exact)
	}
	c.Hangup()
	_, err = c.Wait(ctx)
	s.must(err)
	s.until("the line is free", func() bool { n, _ := s.lines(); return n == 0 })
	if last := s.lastCall(ctx); last.Reason != router.ReasonActiveServes || last.EndedBy != "caller" || last.Duration <= 0 {
		t.Fatalf("%+v", last)
	}
}

// TestCallThatEndedJustBeforeACrash: the file still holds it; nobody knows it, so its
// line is free soon after the start, and it is not recorded twice.
func TestCallThatEndedJustBeforeACrash(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := s.talking(ctx)
	file := filepath.Join(s.dir, inProgressFile)
	var before []byte
	s.until("the file holds the call", func() bool {
		var err error
		before, err = os.ReadFile(file)
		return err == nil && strings.Contains(string(before), `"call":`)
	})
	c.Hangup()
	_, err := c.Wait(ctx)
	s.must(err)
	s.lastCall(ctx)
	s.node.Stop()
	s.must(os.WriteFile(file, before, 0o600))
	s.start()
	s.until("the line is free", func() bool { n, _ := s.lines(); return n == 0 })
	if calls, err := s.node.Calls(ctx, "", 10); err != nil || len(calls) != 1 {
		t.Errorf("%d records of one call: %v", len(calls), err)
	}
}

// TestServerThatForgotACallWhileWeWereStopped: a clean stop has recorded nothing of the
// call. Its server alone can be asked, and denies it: it is recorded now, once, and the
// caller is told.
func TestServerThatForgotACallWhileWeWereStopped(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := s.talking(ctx)
	s.knownAtBothEnds(router.Primary)
	s.node.Stop()
	s.must(s.primary.SetMode(server.Mode{Kind: server.Killed}))
	s.must(s.primary.SetMode(server.Mode{Kind: server.Healthy}))
	s.must(s.ipbx.SetFault(ipbx.Silent, 0))
	s.start()
	s.until("the line is free", func() bool { n, _ := s.lines(); return n == 0 })
	s.must(s.ipbx.SetFault(ipbx.Healthy, 0)) // the BYE is repeated
	if r, err := c.Wait(ctx); err != nil || r.Cause != "bye-received" {
		t.Fatalf("the caller talks to nobody: %+v %v", r, err)
	}
	if last := s.lastCall(ctx); last.Reason != router.ReasonServerForgot || last.EndedBy != "relève" {
		t.Errorf("%+v", last)
	}
	if calls, err := s.node.Calls(ctx, "", 10); err != nil || len(calls) != 1 {
		t.Errorf("%d records of one call: %v", len(calls), err)
	}
}

// TestUnreadableCallsHoldUpNoStart.
func TestUnreadableCallsHoldUpNoStart(t *testing.T) {
	s := newSite(t)
	s.ready()
	s.node.Stop()
	s.must(os.WriteFile(filepath.Join(s.dir, inProgressFile), []byte(`{"calls":[{"call":7`), 0o600))
	s.start()
	if by := s.served("100"); by != "principal" {
		t.Fatalf("answered by %q", by)
	}
	if _, exact := s.lines(); exact {
		t.Error("the count of lines is taken for exact")
	}
}
