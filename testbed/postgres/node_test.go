package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/node"
	"releve/testbed/postgres"
	"releve/testbed/server"
)

// The built binary with its store in a PostgreSQL that fails in every way.

const configuration = `site: store
language: en
level: high-availability
wel_licences: [high-availability]
listen:
  - {address: "udp://%[1]s"}
keys: {file: %[2]s/keys}
ipbx:
  - {name: ipbx, address: "sip:%[3]s", no_answer: 60s, max_grant: 60s}
servers:
  - {name: principal, role: primary, address: "sip:%[4]s", lines: 60, version: 5.3.6}
  - {name: secours, role: secondary, address: "sip:%[5]s", lines: 60, version: 5.3.6}
service_numbers: ["5000"]
registration:
  mode: pair
  expires: 30s
  users:
    principal: {aor: "sip:5001@%[6]s", username: "5001", password_file: %[2]s/5001}
    secours: {aor: "sip:5002@%[6]s", username: "5002", password_file: %[2]s/5002}
overflow: {progress_timeout: 1s, answer_timeout: 3s, hold_budget: 8s}
verification: {count: 3, spacing: 1s, timeout: 900ms, idle_interval: 1s}
store: {path: %[2]s/store, postgres: "%[7]s", password_file: %[2]s/store-password%[8]s}
admin: {socket: %[2]s/admin.sock, listen: "%[9]s:8460"}
`

// site is an installation under test.
type site struct {
	t       *testing.T
	dir     string
	db      *postgres.Server
	ipbx    *ipbx.IPBX
	servers [2]*server.Server
	releve  netip.AddrPort
	node    *node.Node
}

// binary is the program under test; err: it could not be built.
var binary struct {
	path string
	err  error
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "releve-store-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary.path = filepath.Join(dir, "releve")
	if out, err := exec.Command("go", "build", "-o", binary.path, "releve/cmd/releve").CombinedOutput(); err != nil {
		binary.err = fmt.Errorf("build releve: %w\n%s", err, out)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// newSite has a database and everybody but the node. net makes its addresses its own.
func newSite(t *testing.T, net int) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.must(binary.err)
	var err error
	s.db, err = postgres.Start(t.Context())
	s.must(err)
	t.Cleanup(s.db.Stop)
	host := func(n int) string { return fmt.Sprintf("127.%d.%d.%d", 110+net, os.Getpid()%250+1, n) }
	s.releve = netip.AddrPortFrom(netip.MustParseAddr(host(9)), 5060)
	for name, secret := range map[string]string{"5001": "un", "5002": "deux", "store-password": s.db.Password} {
		s.must(os.WriteFile(filepath.Join(s.dir, name), []byte(secret), 0o600))
	}
	s.ipbx, err = ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: host(1) + ":5060", Releve: s.releve,
		Registrar: ipbx.Registrar{Realm: "store", Users: map[string]string{"5001": "un", "5002": "deux"}},
	})
	s.must(err)
	t.Cleanup(func() { _ = s.ipbx.Close() })
	for i, name := range []string{"principal", "secours"} {
		s.servers[i], err = server.Start(server.Config{Name: name, Addr: host(2+i) + ":5060", Lines: 60, Releve: s.releve, User: "5000"})
		s.must(err)
		t.Cleanup(func() { _ = s.servers[i].Close() })
	}
	t.Cleanup(func() {
		if s.node != nil {
			_ = s.node.Kill() // where the test has not ended it
		}
	})
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		if s.node != nil {
			s.t.Log(s.node.Log())
		}
		s.t.Fatal(err)
	}
}

func (s *site) yaml(more string) string {
	return fmt.Sprintf(configuration, s.releve, s.dir, s.ipbx.Addr(), s.servers[0].Addr(), s.servers[1].Addr(),
		s.ipbx.Addr().Addr(), s.db.URL("127.0.0.1", "postgres"), more, s.releve.Addr())
}

// launch starts the node and waits for nothing.
func (s *site) launch(more string) {
	s.t.Helper()
	n, err := node.Launch(binary.path, s.dir, s.yaml(more))
	s.must(err)
	s.node = n
}

func (s *site) stop() {
	s.t.Helper()
	s.must(s.node.Stop())
}

// until polls, with a deadline that only what never comes meets.
func (s *site) until(what string, so func() bool) {
	s.t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("waited for: %s; %+v\n%s", what, s.status(), s.node.Log())
		}
	}
}

type status struct {
	Active string `json:"active"`
	Phase  string `json:"phase"`
	Epoch  uint64 `json:"epoch"`
}

func (s *site) status() (st status) {
	_ = s.node.JSON(s.t.Context(), "/api/v1/status", &st) // asked again
	return st
}

// answer reads a page, once there is somebody to ask.
func (s *site) answer(path string, v any) error {
	err := s.node.JSON(s.t.Context(), path, v)
	for errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		time.Sleep(20 * time.Millisecond)
		err = s.node.JSON(s.t.Context(), path, v)
	}
	return err
}

func (s *site) storeAlarm() bool {
	var active []struct {
		Number int `json:"number"`
	}
	s.must(s.answer("/api/v1/alarms", &active))
	for _, a := range active {
		if a.Number == 1021 {
			return true
		}
	}
	return false
}

func (s *site) bound(user string) bool {
	b := s.ipbx.Bindings()
	return len(b) == 1 && b[0].User == user
}

// serving waits for a node that has its store and the licence.
func (s *site) serving(user string) {
	s.t.Helper()
	s.until(user+" is registered", func() bool { return s.bound(user) })
	s.until("both servers are ready", func() bool {
		var st struct {
			Servers []struct {
				Stability struct{ K int }
			}
		}
		return s.node.JSON(s.t.Context(), "/api/v1/status", &st) == nil && len(st.Servers) == 2 &&
			st.Servers[0].Stability.K >= 2 && st.Servers[1].Stability.K >= 2
	})
}

func (s *site) call(from string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: from, To: "5000", Duration: 50 * time.Millisecond})
	s.must(err)
	r, err := c.Wait(ctx)
	s.must(err)
	return r.AnsweredBy
}

// refused asks for a switchover that must not be taken.
func (s *site) refused() {
	s.t.Helper()
	before := s.status()
	out, err := s.node.Verb(s.t.Context(), "switchover", "--yes", "--reason", "test", "--lang", "en")
	if err == nil || !strings.Contains(string(out), "cannot write its data") {
		s.t.Errorf("a switchover without a store: %s %v", out, err)
	}
	if now := s.status(); now != before {
		s.t.Errorf("%+v after a refused switchover, %+v before", now, before)
	}
}

// Calls are placed all the time, while the database dies, comes back, and hangs.
func TestOutageOfTheStore(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	s.launch("")
	s.serving("5001")

	loading, enough := context.WithCancel(t.Context())
	defer enough()
	done := make(chan map[string]int, 1)
	go func() { done <- s.load(loading) }()

	s.db.Kill()
	s.until("the alarm of a dead database", s.storeAlarm)
	s.refused()
	s.must(s.db.Restart(t.Context()))
	s.until("the end of the alarm", func() bool { return !s.storeAlarm() })

	thaw := s.db.Freeze()
	s.until("the alarm of a hung database", s.storeAlarm)
	s.refused()
	if out, _ := s.node.Verb(t.Context(), "calls", "--lang", "en"); !strings.Contains(string(out), "cannot be read at present") {
		t.Errorf("calls: %s", out)
	}
	if out, _ := s.node.Verb(t.Context(), "status"); !strings.Contains(string(out), "1021") { // exit 1: an alarm
		t.Errorf("status: %s", out)
	}
	thaw()
	s.until("the end of the alarm", func() bool { return !s.storeAlarm() })

	enough()
	placed := <-done
	s.counted(placed)
	_, err := s.node.Verb(t.Context(), "switchover", "--yes", "--reason", "test")
	s.must(err)
	if by := s.call("1"); by != "secours" {
		t.Errorf("after the switchover answered by %q", by)
	}

	// It ends and starts beside a database that hangs.
	thaw = s.db.Freeze()
	s.stop()
	s.launch("")
	s.until("a call is served", func() bool { return s.call("2") == "principal" })
	thaw()
	s.until("what is stored is in force", func() bool { return s.status().Active == "secondary" })
	s.until("the secondary's user is registered", func() bool { return s.bound("5002") })
	if n := s.ipbx.MaxBindingsAtOnce("5001", "5002"); n != 1 {
		t.Errorf("%d bindings at once", n)
	}
	s.stop()
	s.node = nil
}

// load places short calls until ctx ends and counts them by their Call-ID: how
// often each was answered.
func (s *site) load(ctx context.Context) map[string]int {
	calls := make([]*ipbx.Call, 0, 2000)
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ctx.Err() == nil && len(calls) < cap(calls); i++ {
		c, err := s.ipbx.Call(context.WithoutCancel(ctx), ipbx.CallSpec{From: fmt.Sprint(1000 + i), To: "5000", Duration: 200 * time.Millisecond})
		if err != nil {
			s.t.Error(err)
			break
		}
		calls = append(calls, c)
		<-tick.C
	}
	placed := make(map[string]int)
	for _, c := range calls {
		<-c.Done()
		r := c.Result()
		placed[r.CallID] = 0
		if r.AnsweredBy == "principal" {
			placed[r.CallID] = 1
		}
	}
	return placed
}

// counted: every call was answered, and each is in the database exactly once.
func (s *site) counted(placed map[string]int) {
	s.t.Helper()
	unanswered := 0
	for _, n := range placed {
		unanswered += 1 - n
	}
	if unanswered > 0 || len(placed) < 50 {
		s.t.Errorf("%d of %d calls were not answered by the active server", unanswered, len(placed))
	}
	ask := func(q string) string {
		got, err := s.db.Ask(s.t.Context(), q)
		s.must(err)
		return got
	}
	want := fmt.Sprint(len(placed))
	s.until("every record is stored", func() bool { return ask("select count(*) from releve.calls") >= want })
	if n, different := ask("select count(*) from releve.calls"), ask("select count(distinct call_id) from releve.calls"); n != want || different != want {
		s.t.Errorf("%s records of %s calls; %s were placed", n, different, want)
	}
	if lines := strings.Fields(ask("select string_agg(encode(call_id, 'escape'), ' ') from releve.calls")); len(lines) == len(placed) {
		for _, id := range lines {
			if _, ok := placed[id]; !ok {
				s.t.Errorf("the record of a call that nobody placed: %s", id)
			}
		}
	}
}

// A node was killed while its save was under way, and the database carries it out
// after the next life of the node has read the row.
func TestSaveOfAKilledNodeLandsLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.launch("")
	s.serving("5001")
	s.must(s.node.Kill())

	// What the former life had sent, and no backend has carried out yet.
	late, err := s.db.Begin(t.Context(), `update releve.state set version = version + 1,
		stored = convert_to(jsonb_set(convert_from(stored, 'UTF8')::jsonb, '{row,Role,Epoch}', '4711')::text, 'UTF8')`)
	s.must(err)
	s.launch("")
	s.until("the save of the new life waits", func() bool {
		n, err := s.db.Ask(t.Context(), "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'releve %'")
		return err == nil && n == "1"
	})
	s.must(late(t.Context()))
	s.until("what landed is in force", func() bool { return s.status().Epoch == 4711 })
	s.serving("5001")
	_, err = s.node.Verb(t.Context(), "switchover", "--yes", "--reason", "test")
	s.must(err)
	if st := s.status(); st.Active != "secondary" || st.Epoch <= 4711 {
		t.Errorf("%+v", st)
	}
	if n := s.ipbx.MaxBindingsAtOnce("5001", "5002"); n != 1 {
		t.Errorf("%d bindings at once", n)
	}

	// The machine is replaced: another name, and nothing is decided until it is told
	// whose store that is.
	s.stop()
	name, err := os.ReadFile(filepath.Join(s.dir, "store", "node"))
	s.must(errors.Join(err, os.Remove(filepath.Join(s.dir, "store", "node"))))
	registers := s.ipbx.Registers()
	s.launch("")
	s.until("the alarm", s.storeAlarm)
	if out, _ := s.node.Verb(t.Context(), "alarms"); !strings.Contains(string(out), "take_over") {
		t.Errorf("the alarm does not say what to do:\n%s", out)
	}
	if by := s.call("1"); by != "principal" || s.ipbx.Registers() != registers {
		t.Errorf("a node that has no store: call answered by %q, %d REGISTERs", by, s.ipbx.Registers()-registers)
	}
	s.stop()
	if !strings.Contains(s.node.Log(), "take_over") {
		t.Errorf("it does not say what to do:\n%s", s.node.Log())
	}
	s.launch(fmt.Sprintf(", take_over: %q", strings.TrimSpace(string(name))))
	s.until("what is stored is in force", func() bool { return s.status().Active == "secondary" })
	s.until("the licence is in its hands", func() bool { return s.ipbx.Registers() > registers })
	s.stop()
	s.node = nil
}
