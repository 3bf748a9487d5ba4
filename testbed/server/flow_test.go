package server_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/phone"
	"releve/testbed/server"
)

// t1 makes 64 × T1 short enough for tests that wait a transaction out.
const t1 = 50 * time.Millisecond

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func startServer(t *testing.T, cfg server.Config) *server.Server {
	t.Helper()
	cfg.Addr = "127.0.31.1:0"
	if cfg.T1 == 0 {
		cfg.T1 = t1
	}
	if cfg.Name == "" {
		cfg.Name = "principal"
	}
	if cfg.Lines == 0 {
		cfg.Lines = 4
	}
	s, err := server.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// startIPBX starts one whose Relève is the server itself: no hop between.
func startIPBX(t *testing.T, to netip.AddrPort, edit func(*ipbx.Config)) *ipbx.IPBX {
	t.Helper()
	cfg := ipbx.Config{Name: "oxe", Addr: "127.0.31.2:0", Releve: to, T1: t1}
	if edit != nil {
		edit(&cfg)
	}
	x, err := ipbx.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func call(t *testing.T, x *ipbx.IPBX, spec ipbx.CallSpec) *ipbx.Call {
	t.Helper()
	if spec.To == "" {
		spec.To = "5000"
	}
	spec.From = "0145000001"
	c, err := x.Call(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ended(t *testing.T, c *ipbx.Call) ipbx.Result {
	t.Helper()
	r, err := c.Wait(within(t))
	if err != nil {
		t.Fatalf("%v\nhistory: %+v", err, c.History())
	}
	return r
}

func answered(t *testing.T, c *ipbx.Call) ipbx.Result {
	t.Helper()
	r, err := c.Answered(within(t))
	if err != nil {
		t.Fatalf("%v\nhistory: %+v", err, c.History())
	}
	return r
}

// eventually polls until ok, for what the server learns after the IPBX.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func TestCallIsAnsweredAndBothHear(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{RTP: true})
	x := startIPBX(t, s.Addr(), nil)
	c := call(t, x, ipbx.CallSpec{RTP: true})
	answered(t, c)
	if _, err := c.Heard(within(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server hears the caller", func() bool { return s.Stats().Heard == 1 })
	c.Hangup()
	r := ended(t, c)
	if r.Outcome != "answered" || r.AnsweredBy != "principal" || r.Audible == 0 || r.Trying == 0 || r.Ringing == 0 {
		t.Errorf("result %+v", r)
	}
	eventually(t, "the line is free", func() bool { return s.Stats().Lines == 0 })
	if got := s.Stats(); got.Answered != 1 || got.ACKed != 1 || got.OpenACKed != 0 || got.NeverACKed != 0 {
		t.Errorf("server saw %+v", got)
	}
}

func TestServerEndsTheCall(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{Talk: 10 * time.Millisecond})
	x := startIPBX(t, s.Addr(), nil)
	if r := ended(t, call(t, x, ipbx.CallSpec{})); r.Cause != "bye-received" {
		t.Errorf("result %+v", r)
	}
}

func TestLinesAreEnforced(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{Lines: 1})
	x := startIPBX(t, s.Addr(), nil)
	first := call(t, x, ipbx.CallSpec{})
	answered(t, first)
	if r := ended(t, call(t, x, ipbx.CallSpec{})); r.Status != 486 || r.Outcome != "refused" {
		t.Errorf("second call: %+v", r)
	}
	first.Hangup()
	ended(t, first)
	eventually(t, "the line is free", func() bool { return s.Stats().Lines == 0 })
	third := call(t, x, ipbx.CallSpec{})
	answered(t, third)
	third.Hangup()
	ended(t, third)
	if got := s.Stats(); got.Busy != 1 || got.MostBusy != 1 {
		t.Errorf("server saw %+v", got)
	}
}

func TestCallerCancels(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{WelcomeDelay: time.Minute})
	x := startIPBX(t, s.Addr(), nil)
	c := call(t, x, ipbx.CallSpec{CancelAfter: 20 * time.Millisecond})
	if r := ended(t, c); r.Outcome != "cancelled" || r.Status != 487 {
		t.Errorf("result %+v", r)
	}
	eventually(t, "the server saw the CANCEL", func() bool { return s.Stats().Cancels == 1 })
	if got := s.Stats(); got.Open != 0 || got.Lines != 0 || got.Answered != 0 {
		t.Errorf("something is left: %+v", got)
	}
}

func TestHoldResumeUpdateInfo(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{RTP: true})
	x := startIPBX(t, s.Addr(), nil)
	c := call(t, x, ipbx.CallSpec{RTP: true})
	answered(t, c)
	steps := []struct {
		name string
		do   func() (int, error)
	}{
		{"hold", func() (int, error) { return c.Hold(within(t)) }},
		{"resume", func() (int, error) { return c.Resume(within(t)) }},
		{"update", func() (int, error) { return c.Update(within(t), phone.SendRecv) }},
		{"info", func() (int, error) { return c.Info(within(t), "application/dtmf-relay", "Signal=1\r\n") }},
	}
	for _, step := range steps {
		if status, err := step.do(); status != 200 || err != nil {
			t.Errorf("%s: %d, %v", step.name, status, err)
		}
	}
	c.Hangup()
	ended(t, c)
}

func TestHoldStopsTheMedia(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{RTP: true})
	x := startIPBX(t, s.Addr(), nil)
	c := call(t, x, ipbx.CallSpec{RTP: true})
	if _, err := c.Heard(within(t)); err != nil {
		t.Fatal(err)
	}
	if status, err := c.Hold(within(t)); status != 200 || err != nil {
		t.Fatal(status, err)
	}
	// We go on sending: ten more packets of ours are 200 ms in which the server
	// would have sent ten; a few may have been under way.
	before, sent := c.Result().Packets, heardBy(s)
	eventually(t, "the server hears ten packets more", func() bool { return heardBy(s) >= sent+10 })
	if after := c.Result().Packets; after > before+4 {
		t.Errorf("%d packets came during the hold", after-before)
	}
	c.Hangup()
	ended(t, c)
}

func heardBy(s *server.Server) int {
	calls, _ := s.Calls()
	return calls[0].Packets
}

func TestOfferlessInvite(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{RTP: true})
	x := startIPBX(t, s.Addr(), nil)
	c := call(t, x, ipbx.CallSpec{RTP: true, NoOffer: true})
	if _, err := c.Heard(within(t)); err != nil {
		t.Fatalf("%v: %+v", err, c.History())
	}
	eventually(t, "the server hears the caller", func() bool { return s.Stats().Heard == 1 })
	c.Hangup()
	ended(t, c)
}

func TestReliableRinging(t *testing.T) {
	t.Parallel()
	for _, require := range []bool{false, true} {
		s := startServer(t, server.Config{Reliable: true})
		x := startIPBX(t, s.Addr(), nil)
		c := call(t, x, ipbx.CallSpec{Reliable: true, Require: require})
		answered(t, c)
		if !did(c, "sent PRACK") || !did(c, "got 200 to PRACK") {
			t.Errorf("require %v: no PRACK: %+v", require, c.History())
		}
		c.Hangup()
		ended(t, c)
		eventually(t, "the server saw one answered call", func() bool {
			got := s.Stats()
			return got.Answered == 1 && got.ACKed == 1 && got.Open == 0
		})
	}
}

func did(c *ipbx.Call, what string) bool {
	for _, s := range c.History() {
		if s.What == what {
			return true
		}
	}
	return false
}

func TestServerPlacesCalls(t *testing.T) {
	t.Parallel()
	x := startIPBX(t, netip.AddrPort{}, func(c *ipbx.Config) {
		c.RTP = true
		c.Extensions = []ipbx.Extension{
			{Pattern: "20??", Ring: 5 * time.Millisecond},
			{Pattern: "2100", Answer: "busy"},
			{Pattern: "9"},
		}
	})
	s := startServer(t, server.Config{Releve: x.Addr(), User: "5001", RTP: true})
	c, err := s.Place(server.PlaceSpec{To: "2001"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Answered(within(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the extension is heard", func() bool { return c.Heard().Audible > 0 })
	c.Hangup()
	if cause, err := c.Ended(within(t)); cause != "bye-sent" || err != nil {
		t.Error(cause, err)
	}
	for to, want := range map[string]int{"2100": 486, "7777": 404, "9": 200} {
		c, err := s.Place(server.PlaceSpec{To: to, Duration: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Ended(within(t)); err != nil || c.Status() != want {
			t.Errorf("%s: %d, want %d (%v)", to, c.Status(), want, err)
		}
	}
	eventually(t, "the ipbx saw two answered calls, one at the desk", func() bool {
		got := x.Stats()
		return got.Rescued == 1 && got.IncomingAnswered == 2
	})
}

func TestTransfers(t *testing.T) {
	t.Parallel()
	for _, attended := range []bool{false, true} {
		x := startIPBX(t, netip.AddrPort{}, func(c *ipbx.Config) { c.RTP = true })
		s := startServer(t, server.Config{
			Releve: x.Addr(), User: "5001", RTP: true,
			Transfer: server.Transfer{To: "sip:2001@" + x.Addr().String(), Attended: attended},
		})
		c := call(t, x, ipbx.CallSpec{RTP: true, Dest: s.Addr()})
		r, err := c.Until(within(t), func(r ipbx.Result) bool {
			return len(r.Transfers) == 1 && r.Transfers[0].Status != 0
		})
		if err != nil {
			t.Fatalf("attended %v: %v: %+v %+v", attended, err, r, c.History())
		}
		want := ipbx.Transfer{To: "2001", Attended: attended, Status: 200, Server: "oxe"}
		if r.Transfers[0] != want {
			t.Errorf("transfer %+v, want %+v", r.Transfers[0], want)
		}
		eventually(t, "the server is out of the call", func() bool {
			got := s.Stats()
			return got.TransfersDone == 1 && got.Lines == 0 && got.Open == 0
		})
		c.Hangup()
		ended(t, c)
		eventually(t, "nothing is left at the ipbx", func() bool { return x.Stats().Open == 0 })
		if got := s.Stats(); got.TransfersFailed != 0 {
			t.Errorf("server saw %+v", got)
		}
	}
}

func TestRefusedTransferGivesTheCallerBack(t *testing.T) {
	t.Parallel()
	x := startIPBX(t, netip.AddrPort{}, func(c *ipbx.Config) {
		c.Extensions = []ipbx.Extension{{Pattern: "2001", Answer: "busy"}}
	})
	s := startServer(t, server.Config{Transfer: server.Transfer{To: "sip:2001@" + x.Addr().String()}})
	c := call(t, x, ipbx.CallSpec{Dest: s.Addr()})
	eventually(t, "the transfer failed", func() bool { return s.Stats().TransfersFailed == 1 })
	if got := s.Stats(); got.Lines != 1 {
		t.Errorf("the caller is gone: %+v", got)
	}
	c.Hangup()
	if r := ended(t, c); r.Cause != "bye-sent" || r.Transfers[0].Status != 486 {
		t.Errorf("result %+v", r)
	}
}

func TestLoadOfManyCalls(t *testing.T) {
	t.Parallel()
	// 64 × t1 is shorter than what a busy machine may keep 300 calls waiting.
	const patient = 500 * time.Millisecond
	s := startServer(t, server.Config{Lines: 1000, T1: patient})
	x := startIPBX(t, s.Addr(), func(c *ipbx.Config) { c.T1 = patient })
	sum, err := x.Load(within(t), ipbx.LoadSpec{
		Call: ipbx.CallSpec{From: "1", To: "5000", Duration: 5 * time.Millisecond}, Rate: 500, Count: 300,
	})
	if err != nil || sum.Outcomes["answered"] != 300 || sum.Servers["principal"] != 300 {
		t.Errorf("%+v, %v", sum, err)
	}
	eventually(t, "nothing is left", func() bool { return s.Stats().Open == 0 && x.Stats().Open == 0 })
	if got := s.Stats(); got.NeverACKed != 0 || got.ACKed != 300 {
		t.Errorf("server saw %+v", got)
	}
}
