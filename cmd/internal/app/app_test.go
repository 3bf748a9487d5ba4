package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/router"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// site is a whole installation on loopback: IPBX, two servers, a real node.
type site struct {
	t         *testing.T
	dir       string
	file      string
	ipbx      *ipbx.IPBX
	primary   *server.Server
	secondary *server.Server
	node      *App
	address   netip.AddrPort
}

// freePort asks the kernel for a port that is free for UDP on host.
func freePort(t *testing.T, host string) netip.AddrPort {
	t.Helper()
	c, err := net.ListenPacket("udp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return netip.MustParseAddrPort(c.LocalAddr().String())
}

const sitePattern = `
site: "test"
language: en
level: high-availability
wel_licences: [high-availability]
listen:
  - {address: "udp://%[1]s"}
keys: {file: %[2]s/keys}
ipbx:
  - {name: ipbx, address: "sip:%[3]s", no_answer: 60s, max_grant: 60s}
servers:
  - {name: principal, role: primary, address: "sip:%[4]s", lines: 4, version: 5.3.6}
  - {name: secours, role: secondary, address: "sip:%[5]s", lines: 4, version: 5.3.6}
service_numbers: ["5000"]
registration:
  mode: pair
  users:
    principal: {aor: "sip:5001@127.0.40.1", username: "5001", password_file: %[2]s/5001}
    secours: {aor: "sip:5002@127.0.40.1", username: "5002", password_file: %[2]s/5002}
overflow: {progress_timeout: 1s, answer_timeout: 3s, hold_budget: 15s}
verification: {count: 3, spacing: 500ms, timeout: 300ms, idle_interval: 1s}
rescue: "sip:9@%[3]s"
store: {path: %[2]s}
admin: {socket: %[2]s/admin.sock}
`

// newSite is a site that serves.
func newSite(t *testing.T) *site {
	t.Helper()
	s := prepared(t)
	s.start()
	return s
}

// prepared is a site whose node is not started yet.
func prepared(t *testing.T) *site { return preparedWith(t, sitePattern, nil) }

// preparedWith has another file, and servers that register as own says.
func preparedWith(t *testing.T, pattern string, own func(user string) server.Register) *site {
	t.Helper()
	if own == nil {
		own = func(string) server.Register { return server.Register{} }
	}
	s := &site{t: t, dir: t.TempDir()}
	for _, u := range []string{"5001", "5002"} {
		if err := os.WriteFile(filepath.Join(s.dir, u), []byte("secret"+u), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.address = freePort(t, "127.0.40.9")
	var err error
	s.ipbx, err = ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: "127.0.40.1:0", Releve: s.address, RTP: true,
		Registrar: ipbx.Registrar{Users: map[string]string{"5001": "secret5001", "5002": "secret5002"}, Realm: "test"},
	})
	s.must(err)
	t.Cleanup(func() { _ = s.ipbx.Close() })
	s.primary, err = server.Start(server.Config{Name: "principal", Addr: "127.0.40.2:0", Lines: 4, Releve: s.address, User: "5000", RTP: true, Register: own("5001")})
	s.must(err)
	t.Cleanup(func() { _ = s.primary.Close() })
	s.secondary, err = server.Start(server.Config{Name: "secours", Addr: "127.0.40.3:0", Lines: 4, Releve: s.address, User: "5000", RTP: true, Register: own("5002")})
	s.must(err)
	t.Cleanup(func() { _ = s.secondary.Close() })
	s.file = filepath.Join(s.dir, "releve.yaml")
	body := fmt.Sprintf(pattern, s.address, s.dir, s.ipbx.Addr(), s.primary.Addr(), s.secondary.Addr())
	s.must(os.WriteFile(s.file, []byte(body), 0o600))
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) start() {
	s.t.Helper()
	cfg, problems, err := config.Load(s.file, text.English)
	if err != nil || config.Faulty(problems) {
		s.t.Fatal(err, problems)
	}
	log := slog.New(slog.NewTextHandler(s.t.Output(), nil))
	n, err := New(cfg, Options{Version: "test", Log: log, retry: 100 * time.Millisecond})
	s.must(err)
	s.node = n
	s.must(s.node.Start(s.t.Context()))
	s.t.Cleanup(func() { s.node.Stop() })
}

// until polls cond with a deadline that no fence of these files reaches, even on a
// machine so slow that a REGISTER is repeated.
func (s *site) until(what string, cond func() bool) {
	s.t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline:
			s.t.Fatalf("%s: not within a minute; status %+v", what, s.node.Status(s.t.Context()))
		case <-tick.C:
		}
	}
}

func (s *site) ready() {
	s.t.Helper()
	s.until("the secondary is ready and the primary's user bound", func() bool {
		st := s.node.Status(s.t.Context())
		return st.Registration.Phase == "bound" && st.Servers[1].Ready
	})
}

// served places a call and returns who answered.
func (s *site) served(from string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 25*time.Second)
	defer cancel()
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: from, To: "5000", RTP: true})
	s.must(err)
	r, err := c.Answered(ctx)
	if err != nil {
		s.t.Fatalf("call from %s: %v; %+v", from, err, c.History())
	}
	if _, err := c.Heard(ctx); err != nil {
		s.t.Fatalf("nothing audible: %v", err)
	}
	c.Hangup()
	_, err = c.Wait(ctx)
	s.must(err)
	return r.AnsweredBy
}

// theMainJob is a site from its start to the return, its users registered.
func theMainJob(t *testing.T) {
	s := newSite(t)
	s.ready()
	if by := s.served("100"); by != "principal" {
		t.Fatalf("answered by %q", by)
	}
	s.must(s.primary.SetMode(server.Mode{Kind: server.Killed}))
	if by := s.served("101"); by != "secours" {
		t.Fatalf("after the primary's death answered by %q", by)
	}
	st := s.node.Status(t.Context())
	if st.Active != "secondary" || st.Phase != "on-secondary" || st.Counters.Switchovers != 1 {
		t.Fatalf("%+v", st)
	}
	if n := s.ipbx.MaxBindingsAtOnce("5001", "5002"); n != 1 {
		t.Fatalf("%d bindings at once", n)
	}
	// Outgoing from the active server, then the return by the operator.
	out, err := s.secondary.Place(server.PlaceSpec{To: "2001"})
	s.must(err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s.must(out.Answered(ctx))
	out.Hangup()
	s.must(s.primary.SetMode(server.Mode{Kind: server.Healthy}))
	s.until("the primary is stable", func() bool { return s.node.Status(t.Context()).Servers[0].Stability.K == 5 })
	if r, err := s.node.Command(t.Context(), admin.Command{Name: admin.Return}); err != nil || r.Accepted {
		t.Fatalf("a return minutes after the failure wants force: %+v %v", r, err)
	}
	r, err := s.node.Command(t.Context(), admin.Command{Name: admin.Return, Force: true, Reason: "test"})
	if err != nil || !r.Accepted {
		t.Fatalf("%+v %v", r, err)
	}
	s.until("back to normal", func() bool { return s.node.Status(t.Context()).Phase == "normal" })
	if by := s.served("102"); by != "principal" {
		t.Fatalf("after the return answered by %q", by)
	}
	if n := s.ipbx.MaxBindingsAtOnce("5001", "5002"); n != 1 {
		t.Fatalf("%d bindings at once", n)
	}
	s.told(
		"started", "state-restored", "server-ready", "verification-start", "round", "round", "round", "switchover-begun",
		"licence-moved", "switchover-done", "command-refused", "return-begun", "licence-moved", "return-done",
	)
}

func TestRestartInMidCall(t *testing.T) {
	s := newSite(t)
	s.ready()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "100", To: "5000", RTP: true})
	s.must(err)
	_, err = c.Answered(ctx)
	s.must(err)
	s.until("the server has the ACK", func() bool { calls, _ := s.primary.Calls(); return calls[0].ACKed })
	s.node.Stop()
	s.start()
	if status, err := c.ReInvite(ctx, "sendonly"); err != nil || status != 200 {
		t.Fatalf("re-INVITE after the restart: %d %v", status, err)
	}
	c.Hangup()
	_, err = c.Wait(ctx)
	s.must(err)
	s.until("the server saw the BYE", func() bool { calls, _ := s.primary.Calls(); return calls[0].Ended != "" })
	if calls, _ := s.primary.Calls(); calls[0].Ended != "bye-received" {
		t.Fatalf("%+v", calls[0])
	}
	if v := s.node.proxy.View(); v.Active != router.Primary {
		t.Fatalf("%+v", v)
	}
}

func TestAllLinesBusyIsDissuadedAndNothingSwitches(t *testing.T) {
	s := newSite(t)
	s.ready()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var talking []*ipbx.Call
	for i := range 4 {
		c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: fmt.Sprint(100 + i), To: "5000"})
		s.must(err)
		_, err = c.Answered(ctx)
		s.must(err)
		talking = append(talking, c)
	}
	fifth, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "200", To: "5000"})
	s.must(err)
	s.until("the fifth call waits for a line", func() bool { return s.node.proxy.Dialogs.Waiting(router.Primary) == 1 })
	talking[0].Hangup()
	r, err := fifth.Answered(ctx)
	if err != nil || r.AnsweredBy != "principal" {
		t.Fatalf("the waiting call: %+v %v", r, err)
	}
	st := s.node.Status(t.Context())
	if st.Active != "primary" || st.Counters.Switchovers != 0 {
		t.Fatalf("busy moved the role: %+v", st)
	}
	fifth.Hangup()
	for _, c := range talking[1:] {
		c.Hangup()
	}
	s.until("every line is free again", func() bool { n, _, _ := s.node.proxy.Dialogs.Lines(router.Primary); return n == 0 })
}

func TestUnreadableDatabaseHoldsUpNoCall(t *testing.T) {
	s := newSite(t)
	s.ready()
	s.node.Stop()
	state := filepath.Join(s.dir, "state.db")
	whole, err := os.ReadFile(state)
	s.must(err)
	s.must(os.WriteFile(state, []byte("this is not a database, whatever its name says"), 0o600))
	for _, side := range []string{"-wal", "-shm"} {
		_ = os.Remove(state + side)
	}
	s.start()
	if by := s.served("100"); by != "principal" {
		t.Fatalf("answered by %q", by)
	}
	if a := s.node.Alarms(t.Context()); len(a) == 0 || a[0].Number != 1021 {
		t.Fatalf("no alarm says that the store cannot be read: %+v", a)
	}
	if kept, err := os.ReadFile(state); err != nil || string(kept[:4]) != "this" {
		t.Fatal("the unreadable file was written over")
	}
	s.must(os.WriteFile(state, whole, 0o600))
	s.until("it goes on from the store", func() bool { return s.node.Status(t.Context()).Registration.Phase == "bound" })
}

func TestCallsOfADeadServerAreReleased(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "100", To: "5000", RTP: true})
	s.must(err)
	_, err = c.Answered(ctx)
	s.must(err)
	s.must(s.primary.SetMode(server.Mode{Kind: server.Killed}))
	r, err := c.Wait(ctx)
	if err != nil || r.Cause != "bye-received" {
		t.Fatalf("the IPBX keeps a call that nobody holds: %+v %v", r, err)
	}
	if n, _, _ := s.node.proxy.Dialogs.Lines(router.Primary); n != 0 {
		t.Fatalf("%d lines are still held by the dead server", n)
	}
	var calls []admin.CallInfo
	s.until("the record says why", func() bool {
		calls, err = s.node.Calls(ctx, "", 10)
		return err == nil && len(calls) == 1 && !calls[0].Live
	})
	if calls[0].Reason != router.ReasonServerDead || calls[0].EndedBy != "relève" {
		t.Fatalf("%+v", calls[0])
	}
}
