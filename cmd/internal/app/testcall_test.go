package app

import (
	"context"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// callPattern is the usual site with a test call; the rest of it is %s.
func callPattern(check, verification string) string {
	p := strings.Replace(sitePattern, "rescue:", "checks: [{type: options}, {type: call, number: \"2999\", "+check+"}]\nrescue:", 1)
	return strings.Replace(p, "idle_interval: 1s}", "idle_interval: 1s, "+verification+"}", 1)
}

// testCall asks for a test call now and returns what it met.
func (s *site) testCall(name string) admin.ProbeCheck {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		before, _ := s.node.lastCall(1)
		p, err := s.node.Probe(ctx, name)
		s.must(err)
		for _, k := range p.Checks {
			if k.Type == "call" && k.Call != nil && k.At.After(before.At) {
				return k
			}
		}
	}
	s.t.Fatal("no test call ended")
	return admin.ProbeCheck{}
}

// What a server does with a test call, as the screens tell it. Whatever it does, no
// call and no line is left.
func TestTestCallSeesWhatCallersHear(t *testing.T) {
	t.Parallel()
	s := preparedWith(t, callPattern("every: 1h, suspect: 5m, within: 1s", "lasting: 10m"), nil)
	s.start()
	s.ready()
	s.until("a test call is good", func() bool { return s.testCall("principal").State == "ok" })
	if k, _ := s.node.lastCall(1); k.Call.Packets < 15 || k.Call.Lost > 5 || k.Call.Level < -30 {
		t.Errorf("%+v %+v", k, k.Call)
	}
	for _, x := range []struct {
		mode         server.Mode
		cause, state string
	}{
		{server.Mode{Kind: server.Mute}, text.TestNoPackets, "failed"},
		{server.Mode{Kind: server.Hushed}, text.TestMute, "failed"},
		{server.Mode{Kind: server.NoAnswer}, text.TestNoAnswer, "failed"},
		{server.Mode{Kind: server.OptionsOnly}, text.TestSilence, "failed"},
		{server.Mode{Kind: server.ServerError, Status: 500}, text.TestFailed, "failed"},
		{server.Mode{Kind: server.ServerError, Status: 503, RetryAfter: time.Second}, text.TestBusy, "warning"},
		{server.Mode{Kind: server.AllBusy}, text.TestBusy, "warning"},
		{server.Mode{Kind: server.ServerError, Status: 404}, text.TestNotAccepted, "unknown"},
		{server.Mode{Kind: server.Healthy}, text.TestAudible, "ok"},
	} {
		s.must(s.primary.SetMode(x.mode))
		if k := s.testCall("principal"); k.Call.Cause != x.cause || k.State != x.state {
			t.Errorf("%+v: %s %+v, want %s %s", x.mode, k.State, k.Call, x.state, x.cause)
		}
	}
	if got := text.For(text.French).RoundChecks("a ok, 3 ms; " + s.node.callLine(1)); !strings.Contains(got, "call 2999 ok") || !strings.HasSuffix(got, "répond et on l'entend") {
		t.Errorf("in a round: %s", got)
	}
	s.until("nothing is left", func() bool {
		st := s.primary.Stats()
		reserved, _, _ := s.node.proxy.Dialogs.Lines(1)
		return st.Open == 0 && st.Lines == 0 && st.NeverACKed == 0 && reserved == 0
	})
	if s.node.proxy.Stats.Outcomes[0].Load() != 0 || s.node.Status(t.Context()).Counters.Offered != 0 {
		t.Error("a test call is counted as a caller's")
	}
}

// No line is taken from a caller.
func TestNoTestCallWithoutAFreeLine(t *testing.T) {
	t.Parallel()
	s := preparedWith(t, callPattern("every: 1h, suspect: 5m, within: 1s", "lasting: 10m"), nil)
	s.start()
	s.ready()
	s.until("a test call is good", func() bool { return s.testCall("principal").State == "ok" })
	for range 4 { // lines
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "100", To: "5000"})
		s.must(err)
		_, err = c.Answered(ctx)
		s.must(err)
	}
	invites := s.primary.Stats().Invites
	if k := s.testCall("principal"); k.Call.Cause != text.TestNoLine || s.primary.Stats().Invites != invites {
		t.Errorf("%+v, %d INVITEs", k.Call, s.primary.Stats().Invites-invites)
	}
}

// Answers OPTIONS and calls, and nobody hears a thing: GRAY, and a switchover once
// that has lasted, if switch_on says so.
func TestMuteServerIsLeftOnceItLasts(t *testing.T) {
	for _, on := range []string{"[dead, gray]", "[dead]"} {
		t.Run(map[bool]string{true: "gray", false: "dead"}[strings.Contains(on, "gray")], func(t *testing.T) { t.Parallel(); muteServer(t, on) })
	}
}

func muteServer(t *testing.T, on string) {
	s := preparedWith(t, callPattern("every: 5s, suspect: 2s, within: 1s", "lasting: 5s, switch_on: "+on), nil)
	s.start()
	s.ready()
	s.until("the test call is good", func() bool { k, _ := s.node.lastCall(1); return k.State == "ok" })
	s.must(s.primary.SetMode(server.Mode{Kind: server.Hushed}))
	verdict := func() string { return s.node.Status(t.Context()).Servers[0].Verdict }
	s.until("GRAY", func() bool { return verdict() == "GRAY" })
	if on == "[dead]" {
		s.until("it lasts", func() bool {
			for _, a := range s.node.Alarms(t.Context()) {
				if a.Number == 1003 {
					return true
				}
			}
			return false
		})
		if st := s.node.Status(t.Context()); st.Active != "primary" {
			t.Fatalf("%s: %+v", on, st)
		}
		return
	}
	s.until("the secondary serves, after one switchover", func() bool {
		st := s.node.Status(t.Context())
		return st.Active == "secondary" && st.Counters.Switchovers == 1
	})
	events, err := s.node.Events(t.Context(), time.Time{}, 100)
	s.must(err)
	told := 0
	for _, e := range events {
		if e.Code == text.EventTestCall {
			told++
		}
	}
	if calls := s.primary.Stats().Invites + s.secondary.Stats().Invites; told < 2 || told >= calls {
		t.Errorf("%d lines of the journal about %d test calls: one for each change", told, calls)
	}
}
