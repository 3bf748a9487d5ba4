package server_test

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

func set(t *testing.T, s *server.Server, m server.Mode) {
	t.Helper()
	if err := s.SetMode(m); err != nil {
		t.Fatal(err)
	}
}

// TestModes lists what a caller without Relève gets in each mode, and that
// healthy after it serves again.
func TestModes(t *testing.T) {
	t.Parallel()
	type (
		result = ipbx.Result
		stats  = server.Stats
	)
	always := func(result, stats) bool { return true }
	cases := []struct {
		mode    server.Mode
		giveUp  func(result, stats) bool // when the caller does; nil: he waits for his final
		outcome string
		status  int
		check   func(result, stats) bool
	}{
		{server.Mode{Kind: server.AllBusy}, nil, "refused", 486, func(_ result, s stats) bool { return s.Busy == 1 }},
		{
			server.Mode{Kind: server.NoAnswer},
			func(r result, _ stats) bool { return r.Ringing > 0 }, "cancelled", 487,
			func(_ result, s stats) bool { return s.Cancels == 1 },
		},
		{
			server.Mode{Kind: server.Hundred},
			func(r result, s stats) bool { return r.Trying > 0 && s.Ignored == 1 }, "cancelled", 0,
			func(r result, s stats) bool { return r.Ringing == 0 && s.Ignored == 1 },
		},
		{
			server.Mode{Kind: server.OptionsOnly},
			func(_ result, s stats) bool { return s.Ignored == 1 }, "cancelled", 0,
			func(r result, s stats) bool { return r.Trying == 0 && s.Ignored == 1 },
		},
		{server.Mode{Kind: server.ServerError, Status: 503, RetryAfter: 7 * time.Second}, nil, "refused", 503, func(_ result, s stats) bool { return s.Errors == 1 }},
		{server.Mode{Kind: server.ServerError, Status: 500}, nil, "refused", 500, func(_ result, s stats) bool { return s.Errors == 1 }},
		{
			server.Mode{Kind: server.Silent},
			func(_ result, s stats) bool { return s.Dropped > 0 }, "cancelled", 0,
			func(_ result, s stats) bool { return s.Invites == 0 },
		},
		{server.Mode{Kind: server.Refuse}, always, "cancelled", 0, func(_ result, s stats) bool { return s.Invites == 0 }},
		{server.Mode{Kind: server.Killed}, always, "cancelled", 0, func(_ result, s stats) bool { return s.Invites == 0 }},
	}
	for _, tt := range cases {
		t.Run(string(tt.mode.Kind), func(t *testing.T) {
			t.Parallel()
			s := startServer(t, server.Config{T1: 10 * t1}) // it knows a call for longer than the caller repeats itself
			x := startIPBX(t, s.Addr(), nil)
			set(t, s, tt.mode)
			c := call(t, x, ipbx.CallSpec{})
			if tt.giveUp != nil {
				eventually(t, "the caller gives up", func() bool { return tt.giveUp(c.Result(), s.Stats()) })
				c.Hangup()
			}
			r := ended(t, c)
			if r.Outcome != tt.outcome || (tt.status != 0 && r.Status != tt.status) || !tt.check(r, s.Stats()) {
				t.Errorf("result %+v, server saw %+v", r, s.Stats())
			}
			set(t, s, server.Mode{Kind: server.Healthy})
			again := call(t, x, ipbx.CallSpec{})
			answered(t, again)
			again.Hangup()
			ended(t, again)
		})
	}
}

func TestOptionsOnlyAnswersOptions(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{})
	x := startIPBX(t, s.Addr(), nil)
	set(t, s, server.Mode{Kind: server.OptionsOnly})
	x.StartOptions(time.Millisecond)
	eventually(t, "OPTIONS is answered", func() bool { return x.Stats().OptionsAnswered > 1 })
	x.StopOptions()
	eventually(t, "none is under way", func() bool { return x.Stats().OptionsAnswered == x.Stats().OptionsSent })
	set(t, s, server.Mode{Kind: server.ServerError, Status: 503, OptionsToo: true})
	before := x.Stats().OptionsAnswered
	x.StartOptions(time.Millisecond)
	eventually(t, "OPTIONS reaches the server", func() bool { return s.Stats().Options > before+3 })
	x.StopOptions()
	if got := x.Stats(); got.OptionsAnswered > before {
		t.Errorf("OPTIONS is answered 200 in mode server-error: %+v", got)
	}
}

func TestSlowAnswersLate(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{})
	x := startIPBX(t, s.Addr(), nil)
	set(t, s, server.Mode{Kind: server.Slow, Least: 30 * time.Millisecond, Most: 40 * time.Millisecond})
	c := call(t, x, ipbx.CallSpec{})
	if r := answered(t, c); r.Setup < 30*time.Millisecond {
		t.Errorf("answered after %v", r.Setup)
	}
	c.Hangup()
	ended(t, c)
}

func TestMuteSendsNoMedia(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{RTP: true})
	x := startIPBX(t, s.Addr(), nil)
	set(t, s, server.Mode{Kind: server.Mute})
	c := call(t, x, ipbx.CallSpec{RTP: true})
	answered(t, c)
	eventually(t, "the caller is heard", func() bool { return s.Stats().Heard == 1 })
	c.Hangup()
	if r := ended(t, c); r.Packets != 0 {
		t.Errorf("a mute server sent %d packets", r.Packets)
	}
}

func TestKilledServerKnowsNoCall(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{})
	x := startIPBX(t, s.Addr(), nil)
	c := call(t, x, ipbx.CallSpec{})
	answered(t, c)
	eventually(t, "the ACK came", func() bool { return s.Stats().ACKed == 1 })
	set(t, s, server.Mode{Kind: server.Killed})
	set(t, s, server.Mode{Kind: server.Healthy})
	if status, err := c.Hold(within(t)); status != 481 || err != nil {
		t.Errorf("re-INVITE after a restart: %d, %v", status, err)
	}
	if r := ended(t, c); r.Cause != "no-dialog" {
		t.Errorf("result %+v", r)
	}
	if got := s.Stats(); got.Lost != 1 || got.NoDialog != 1 || got.Lines != 0 {
		t.Errorf("server saw %+v", got)
	}
}

func TestClosedAndStartedAgain(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{})
	x := startIPBX(t, s.Addr(), nil)
	c := call(t, x, ipbx.CallSpec{})
	answered(t, c)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := server.Start(server.Config{Name: "principal", Addr: s.Addr().String(), Lines: 1, T1: t1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = next.Close() }()
	if status, err := c.Resume(within(t)); status != 481 || err != nil {
		t.Errorf("re-INVITE after a restart: %d, %v", status, err)
	}
}

// TestGhostIsCounted: the caller dies between the server's 200 and its ACK.
func TestGhostIsCounted(t *testing.T) {
	t.Parallel()
	var caller atomic.Pointer[ipbx.IPBX]
	s := startServer(t, server.Config{OnEvent: func(e server.Event) {
		if e.Kind != "invite" { // which is treated next: no answer has left
			return
		}
		if err := caller.Load().SetFault(ipbx.Silent, 0); err != nil {
			t.Error(err)
		}
	}})
	caller.Store(startIPBX(t, s.Addr(), nil))
	call(t, caller.Load(), ipbx.CallSpec{})
	eventually(t, "the 200 is given up", func() bool { return s.Stats().NeverACKed == 1 })
	if got := s.Stats(); got.Answered != 1 || got.ACKed != 0 || got.Lines != 0 {
		t.Errorf("server saw %+v", got)
	}
}

func TestBadModesAreRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{})
	for _, m := range []server.Mode{{}, {Kind: "tired"}, {Kind: server.ServerError}, {Kind: server.Slow, Least: 2, Most: 1}} {
		if s.SetMode(m) == nil {
			t.Errorf("mode %+v was taken", m)
		}
	}
}

func TestServerRegisters(t *testing.T) {
	t.Parallel()
	x := startIPBX(t, netip.AddrPort{}, func(c *ipbx.Config) {
		c.Registrar = ipbx.Registrar{
			Users: map[string]string{"5001": "secret"}, Algorithms: []string{"SHA-256", "MD5"},
			NonceLife: 50 * time.Millisecond,
		}
	})
	s := startServer(t, server.Config{
		Releve: x.Addr(), User: "5001",
		Register: server.Register{
			AOR: "sip:5001@" + x.Addr().Addr().String(), Username: "5001", Password: "secret",
			Expires: time.Minute, Every: 20 * time.Millisecond,
		},
	})
	eventually(t, "registered and refreshed over a stale nonce", func() bool { return s.Stats().Registered > 4 && s.Stats().Registers > s.Stats().Registered+1 })
	if got := x.MaxBindingsAtOnce("5001", "5002"); got != 1 {
		t.Errorf("%d bindings at once", got)
	}
	x.SetRegistrar(func(r *ipbx.Registrar) { r.NonceLife = 0 })
	s.Unregister()
	eventually(t, "a removal is in the log", func() bool {
		log, err := x.Log()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range log {
			if e.Kind == "removed" {
				return true
			}
		}
		return false
	})
}
