package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// guidedSite is an IPBX, two servers, and Relève in a process of its own, at which
// an operator runs procedures.
type guidedSite struct {
	t       *testing.T
	dir     string
	path    string
	ipbx    *ipbx.IPBX
	servers [2]*server.Server
	addrs   [2]string
	us      *net.UDPAddr
	process *osexec.Cmd
}

const guidedFile = `
site: "test"
level: %[6]s
wel_licences: [%[6]s]
listen: [{address: "udp://%[1]s"}]
keys: {file: %[2]s/keys}
ipbx:
  - {name: ipbx, address: "sip:%[3]s", no_answer: 60s, max_grant: 30s}
%[7]s
servers:
  - {name: principal, role: primary, address: "sip:%[4]s", lines: 8, version: 5.3.6}
  - {name: secours, role: secondary, address: "sip:%[5]s", lines: 8, version: 5.3.6}
service_numbers: ["5000"]
registration:
  mode: pair
  expires: 30s
  users:
    principal: {aor: "sip:5001@%[8]s", username: "5001", password_file: %[2]s/5001}
    secours: {aor: "sip:5002@%[8]s", username: "5002", password_file: %[2]s/5002}
overflow: {hold_budget: 2s}
verification: {count: 3, spacing: 500ms, timeout: 300ms, idle_interval: 1s}
store: {path: %[2]s}
admin: {socket: %[2]s/admin.sock}
`

// newGuidedSite is the nth of this process, on addresses of its own; at level
// backup the secondary is away at first, and a gateway stands beside the IPBX.
func newGuidedSite(t *testing.T, n int, level string) *guidedSite {
	t.Helper()
	host := func(party int) string { return fmt.Sprintf("127.0.48.%d", 10*n+party) }
	s := &guidedSite{t: t, dir: t.TempDir()}
	free, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host(9))})
	s.must(err)
	s.us = free.LocalAddr().(*net.UDPAddr)
	s.must(free.Close())
	s.ipbx, err = ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: host(1) + ":0", Releve: s.us.AddrPort(),
		Registrar: ipbx.Registrar{Users: map[string]string{"5001": "secret5001", "5002": "secret5002"}, Realm: "test"},
	})
	s.must(err)
	t.Cleanup(func() { _ = s.ipbx.Close() })
	for i := range s.servers {
		s.addrs[i] = host(i+2) + ":0"
		s.startServer(i)
		user := fmt.Sprint(5001 + i)
		s.must(os.WriteFile(filepath.Join(s.dir, user), []byte("secret"+user), 0o600))
	}
	more := ""
	if level == "backup" {
		s.must(s.servers[1].Close())
		more = `  - {name: passerelle, kind: gateway, address: "sip:` + host(4) + `:5060", no_answer: 60s}`
	}
	s.path = filepath.Join(s.dir, "releve.yaml")
	body := fmt.Sprintf(guidedFile, s.us, s.dir, s.ipbx.Addr(), s.addrs[0], s.addrs[1], level, more, host(1))
	if level == "backup" {
		body += "backup_data: {max_age: 24h}\n"
	}
	s.must(os.WriteFile(s.path, []byte(body), 0o600))
	t.Cleanup(func() { s.end(syscall.SIGTERM) })
	s.serve()
	return s
}

func (s *guidedSite) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// startServer starts server i; a restart keeps its address.
func (s *guidedSite) startServer(i int) {
	s.t.Helper()
	x, err := server.Start(server.Config{Name: []string{"principal", "secours"}[i], Addr: s.addrs[i], Lines: 8, Releve: s.us.AddrPort(), User: "5000"})
	s.must(err)
	s.servers[i], s.addrs[i] = x, x.Addr().String()
	s.t.Cleanup(func() { _ = x.Close() })
}

func (s *guidedSite) serve() {
	s.t.Helper()
	s.process = osexec.Command(os.Args[0], "serve", "-c", s.path)
	s.process.Env = append(os.Environ(), asReleve+"=1")
	s.must(s.process.Start())
	s.until("the primary serves", func(st admin.Status) bool {
		return st.Headline == "answering" && st.Registration.Phase == "bound" && !st.Registration.Until.IsZero()
	})
}

func (s *guidedSite) end(with os.Signal) {
	if s.process != nil {
		_ = s.process.Process.Signal(with)
		_ = s.process.Wait()
		s.process = nil
	}
}

// run types a command.
func (s *guidedSite) run(ctx context.Context, args ...string) result {
	var out, fail bytes.Buffer
	args = append(args, "-c", s.path, "--lang", "en")
	c := newCLI(args, terminal{in: strings.NewReader(""), out: &out, err: &fail, env: func(string) string { return "" }})
	code := c.run(ctx, args)
	return result{code, out.String(), fail.String()}
}

// want types a command and fails unless it ends with code and says all of said.
func (s *guidedSite) want(code int, said []string, args ...string) result {
	s.t.Helper()
	r := s.run(s.t.Context(), args...)
	if r.code != code {
		s.t.Fatalf("%v: exit %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
	}
	for _, w := range said {
		if !strings.Contains(r.out+r.err, w) {
			s.t.Fatalf("%v does not say %q:\n%s%s", args, w, r.out, r.err)
		}
	}
	return r
}

func (s *guidedSite) status() (st admin.Status) {
	_ = json.Unmarshal([]byte(s.run(s.t.Context(), "status", "-o", "json").out), &st) // not there: zero
	return st
}

func (s *guidedSite) until(what string, cond func(admin.Status) bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; pause(20 * time.Millisecond) {
		st := s.status()
		if len(st.Servers) == 2 && cond(st) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within a minute: %+v", what, st)
		}
	}
}

// answers writes a file of answers.
func (s *guidedSite) answers(body string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, "answers.yaml")
	s.must(os.WriteFile(path, []byte(body), 0o600))
	return path
}

// traffic offers short calls until the returned function ends it.
func (s *guidedSite) traffic() (end func() ipbx.Summary) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var sum ipbx.Summary
	var wait sync.WaitGroup
	wait.Go(func() {
		sum, _ = s.ipbx.Load(ctx, ipbx.LoadSpec{Call: ipbx.CallSpec{From: "anonymous", To: "5000", Duration: 200 * time.Millisecond}, Rate: 10, Count: 10_000})
	})
	stop := sync.OnceFunc(func() { cancel(); wait.Wait() })
	s.t.Cleanup(stop)
	return func() ipbx.Summary { stop(); return sum }
}

// records are the past runs, newest first.
func (s *guidedSite) records() (runs []admin.Procedure) {
	s.t.Helper()
	s.must(json.Unmarshal([]byte(s.want(exitDone, nil, "procedure", "history", "-o", "json").out), &runs))
	return runs
}

func line(p admin.Procedure, id string) (found admin.ProcedureStep) {
	for _, x := range p.Steps {
		if x.ID == id {
			found = x
		}
	}
	return found
}

// settled makes a server as ready and stable as five good rounds do.
func (s *guidedSite) settled(i int) {
	s.t.Helper()
	s.until("the server is stable", func(st admin.Status) bool {
		x := st.Servers[i]
		if x.Stability.K < x.Stability.N {
			s.run(s.t.Context(), "probe", x.Name)
		}
		return x.Stability.K == x.Stability.N && (x.Ready || st.Active == x.Role || x.Drained != nil)
	})
}

// TestProceduresAtHighAvailability is a day of an operator: drain, switchover by
// the checklist with calls flowing, reinstatement, return, an exercise that goes
// well and one that is broken off.
func TestProceduresAtHighAvailability(t *testing.T) {
	s := newGuidedSite(t, 1, "high-availability")
	s.settled(1)

	// Drained, the secondary takes nothing over.
	s.want(exitNo, []string{"This server is active"}, "drain", "principal", "--reason", "test")
	s.want(exitDone, []string{"it holds none"}, "drain", "--reason", "disk", "--wait", "5s")
	s.want(exitNo, []string{"drain stop"}, "switchover", "-y", "--force", "--reason", "test")
	s.want(exitNo, []string{"drained by an operator", "refused, nothing was changed"}, "procedure", "switchover", "-y", "--reason", "test", "--wait", "0s")
	s.want(exitDone, []string{"may receive calls again"}, "drain", "stop")

	// By the checklist, while calls flow and one goes on.
	end := s.traffic()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	long, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "200", To: "5000"})
	s.must(err)
	if r, err := long.Answered(ctx); err != nil || r.AnsweredBy != "principal" {
		t.Fatalf("%+v %v", r, err)
	}
	s.want(exitDone, []string{"✔"}, "procedure", "bascule", "-y", "--reason", "disk", "--wait-call", "20s")
	run := s.records()[0]
	if run.Outcome != admin.OutcomeDone || run.Forced || !run.Intact || run.Actor == "" || run.Reason != "disk" ||
		line(run, "first-call").Result != admin.StepOK || line(run, "binding").Result != admin.StepOK || s.status().Active != "secondary" {
		t.Fatalf("%+v", run)
	}
	s.want(exitDone, []string{`Procedure "switchover to the secondary": done`, "Reason given: disk"}, "events")
	s.want(exitDone, []string{"Seal verified", "Switchover to \"secours\""}, "procedure", "report")

	// The call stays with its server; drained, it is let end.
	s.want(exitNo, []string{"calls still in progress: 1"}, "drain", "principal", "--reason", "repair", "--wait", "100ms")
	long.Hangup()
	s.want(exitDone, []string{"it holds none"}, "drain", "principal", "--reason", "repair", "--wait", "20s")

	// Reinstated: refused without answers, overridden with a reason, lifts the drain.
	s.want(exitNo, []string{"no answer in the file", "--force"}, "procedure", "reinstate", "-y")
	s.want(exitUsage, []string{"--reason"}, "procedure", "reinstate", "-y", "--force")
	s.settled(0)
	answers := s.answers("repaired: {answer: oui, comment: new disk}\nsame-version: oui\nown-switchover-off: oui\nnetwork: oui\n")
	s.want(exitNo, []string{"resynchronised"}, "procedure", "reinstate", "-y", "--answers", answers)
	s.want(exitDone, nil, "procedure", "reinstate", "-y", "--answers", answers, "--force", "--reason", "no database there")
	run = s.records()[0]
	if !run.Forced || line(run, "database-restored").Result != admin.StepForced || line(run, "repaired").Comment != "new disk" || line(run, "undrain").Result != admin.StepOK {
		t.Fatalf("%+v", run)
	}

	// Returned, and the old calls have ended.
	s.settled(0)
	s.want(exitDone, nil, "procedure", "return", "-y", "--reason", "repaired", "--wait-calls", "20s", "--wait-call", "20s")
	if run = s.records()[0]; line(run, "old-calls").Result != admin.StepOK || s.status().Active != "primary" {
		t.Fatalf("%+v", run)
	}

	// An exercise with calls flowing loses none.
	s.settled(1)
	s.want(exitNo, []string{"refused"}, "drill", "-y", "--window", time.Now().Add(-2*time.Hour).Format("15:04")+"-"+time.Now().Add(-time.Hour).Format("15:04"))
	page := filepath.Join(s.dir, "drill.html")
	s.want(exitDone, nil, "drill", "-y", "--hold", "1500ms", "--report", page, "--max-calls", "8")
	run = s.records()[0]
	if d := run.Drill; run.Name != admin.ProcedureDrill || run.Outcome != admin.OutcomeDone || d == nil || d.Lost+d.Failed != 0 || d.BySecondary == 0 || d.LicenceMS <= 0 || d.OnSecondary {
		t.Fatalf("%+v %+v", run, run.Drill)
	}
	raw, err := os.ReadFile(page)
	if s.must(err); !strings.Contains(string(raw), run.Seal) || !strings.Contains(string(raw), "0 lost") {
		t.Fatalf("%s", raw)
	}
	if st := s.status(); st.Active != "primary" || st.Exercise != nil {
		t.Fatalf("%+v", st)
	}
	sum := end()
	if sum.Offered < 20 || sum.Outcomes["answered"] != sum.Offered-sum.Outcomes["cancelled"] {
		t.Errorf("what the callers saw: %+v", sum)
	}
	s.tooEarly()
	s.interrupted()
	s.lostCall()
	s.brokenOff()

	// The mark of a drain outlives a crash.
	s.want(exitDone, nil, "drain", "secours", "--reason", "burnt")
	s.end(syscall.SIGKILL)
	s.serve()
	if st := s.status(); st.Servers[1].Drained == nil || st.Servers[1].Drained.Note != "burnt" || st.Servers[1].Drained.By == "" || st.Servers[1].Ready {
		t.Fatalf("after a crash: %+v", st.Servers[1])
	}
	if n := s.ipbx.MaxBindingsAtOnce("5001", "5002"); n != 1 {
		t.Errorf("%d bindings at once", n)
	}
}

// TestProceduresAtBackup: the secondary is off the network until it is needed,
// its data are a copy made by hand, and a gateway asks for recabling.
// hungUp: the operator's connection to the machine breaks at a question. The process
// ends, nothing was done, and the record is kept.
func (s *guidedSite) hungUp() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	verb := osexec.CommandContext(ctx, os.Args[0], "procedure", "copy", "-c", s.path, "--lang", "en")
	verb.Env = append(os.Environ(), asReleve+"=1")
	keyboard, err := verb.StdinPipe()
	s.must(err)
	defer keyboard.Close()
	said, err := verb.StderrPipe()
	s.must(err)
	s.must(verb.Start())
	_, err = said.Read(make([]byte, 1)) // the question
	s.must(err)
	s.must(verb.Process.Signal(syscall.SIGHUP))
	go func() { _, _ = io.Copy(io.Discard, said) }()
	_ = verb.Wait()
	if run := s.records()[0]; verb.ProcessState.ExitCode() != exitNo || run.Name != admin.ProcedureCopy || run.Outcome != admin.OutcomeAbandoned {
		s.t.Fatalf("%v; %+v", verb.ProcessState, run)
	}
}

func TestProceduresAtBackup(t *testing.T) {
	s := newGuidedSite(t, 2, "backup")
	s.until("the copy's age is an alarm", func(st admin.Status) bool {
		return st.Data != nil && st.Data.CopiedAt.IsZero() && stands(st, 1032)
	})
	s.want(exitNo, []string{"age unknown"}, "status")
	s.want(exitUsage, []string{"past time"}, "procedure", "copy", "-y", "--at", "tomorrow")
	s.want(exitDone, nil, "procedure", "copie", "-y", "--at", "76h", "--answers", s.answers("complete: oui\n"))
	s.want(exitNo, []string{"copied 3 d 04 h ago"}, "status")
	if st := s.status(); !stands(st, 1032) {
		t.Fatalf("a copy of three days: %+v", st.Alarms)
	}
	s.want(exitDone, nil, "procedure", "copy", "-y", "--answers", s.answers("complete: {answer: yes, comment: whole}\ncopy-verified: yes\n"))
	s.until("the alarm ends", func(st admin.Status) bool { return !stands(st, 1032) })

	s.hungUp()

	// The primary dies; the secondary is not there yet.
	s.must(s.servers[0].Close())
	s.want(exitNo, []string{"Put \"secours\" on the network", "no answer in the file"}, "procedure", "switchover", "-y", "--reason", "fire", "--wait", "0s")
	s.startServer(1)
	answers := "bring-on: yes\ndata-accepted: yes\nrecable: {answer: yes, comment: line 3}\n"
	end := s.traffic()
	s.until("it is noticed", func(st admin.Status) bool { return strings.HasPrefix(st.Servers[0].Verdict, "DEAD") })
	s.want(exitDone, []string{"passerelle"}, "procedure", "switchover", "-y", "--reason", "fire", "--answers", s.answers(answers), "--wait", "30s")
	run := s.records()[0]
	if line(run, "data-age").Result != admin.StepOK || line(run, "recable").Comment != "line 3" || line(run, "first-call").Result != admin.StepOK || s.status().Active != "secondary" {
		t.Fatalf("%+v", run)
	}
	end()

	// Repaired, reinstated, and returned to by the other checklist.
	s.startServer(0)
	s.settled(0)
	answers = "repaired: yes\nsame-version: yes\nown-switchover-off: yes\ndatabase-restored: yes\nnetwork: yes\n"
	s.want(exitDone, []string{"1019"}, "procedure", "remise-en-service", "-y", "--answers", s.answers(answers))
	s.want(exitNo, []string{"carried over"}, "procedure", "retour", "-y", "--reason", "repaired")
	s.want(exitDone, nil, "procedure", "retour", "-y", "--reason", "repaired", "--quiet", "0", "--wait-call", "0s",
		"--answers", s.answers("data-back: yes\nrecable: yes\nheard: yes\ntake-off: yes\n"))
	if st := s.status(); st.Active != "primary" {
		t.Fatalf("%+v", st)
	}
	if n := s.ipbx.MaxBindingsAtOnce("5001", "5002"); n != 1 {
		t.Errorf("%d bindings at once", n)
	}
}

func stands(st admin.Status, number uint16) bool {
	for _, a := range st.Alarms {
		if a.Number == number && a.Cleared.IsZero() {
			return true
		}
	}
	return false
}
