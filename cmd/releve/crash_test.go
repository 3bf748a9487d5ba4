package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// crashSite is an IPBX and two servers in this process, and Relève in one of its
// own, which dies and comes back.
type crashSite struct {
	t       *testing.T
	ipbx    *ipbx.IPBX
	path    string
	process *osexec.Cmd
}

const crashFile = `
site: "test"
level: high-availability
wel_licences: [high-availability]
listen: [{address: "udp://%[1]s"}]
keys: {file: %[2]s/keys}
ipbx: [{name: ipbx, address: "sip:%[3]s", no_answer: 60s, max_grant: 30s}]
servers:
  - {name: principal, role: primary, address: "sip:%[4]s", lines: 4, version: 5.3.6}
  - {name: secours, role: secondary, address: "sip:%[5]s", lines: 4, version: 5.3.6}
service_numbers: ["5000"]
registration:
  mode: pair
  expires: 30s
  users:
    principal: {aor: "sip:5001@127.0.47.1", username: "5001", password_file: %[2]s/5001}
    secours: {aor: "sip:5002@127.0.47.1", username: "5002", password_file: %[2]s/5002}
verification: {count: 3, spacing: 500ms, timeout: 300ms, idle_interval: 1s}
store: {path: %[2]s}
admin: {socket: %[2]s/admin.sock}
`

// newCrashSite is the nth site of this process: it has addresses of its own.
func newCrashSite(t *testing.T, n int) *crashSite {
	t.Helper()
	host := func(party int) string { return fmt.Sprintf("127.0.47.%d", 10*n+party) }
	s := &crashSite{t: t}
	dir := t.TempDir()
	free, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host(9))})
	s.must(err)
	us := free.LocalAddr().(*net.UDPAddr).AddrPort()
	s.must(free.Close())
	s.ipbx, err = ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: host(1) + ":0", Releve: us,
		Registrar: ipbx.Registrar{Users: map[string]string{"5001": "secret5001", "5002": "secret5002"}, Realm: "test"},
	})
	s.must(err)
	t.Cleanup(func() { _ = s.ipbx.Close() })
	var servers [2]*server.Server
	for i, name := range []string{"principal", "secours"} {
		servers[i], err = server.Start(server.Config{Name: name, Addr: host(i+2) + ":0", Lines: 4, Releve: us, User: "5000"})
		s.must(err)
		t.Cleanup(func() { _ = servers[i].Close() })
		user := fmt.Sprint(5001 + i)
		s.must(os.WriteFile(filepath.Join(dir, user), []byte("secret"+user), 0o600))
	}
	s.path = filepath.Join(dir, "releve.yaml")
	body := fmt.Sprintf(crashFile, us, dir, s.ipbx.Addr(), servers[0].Addr(), servers[1].Addr())
	s.must(os.WriteFile(s.path, []byte(body), 0o600))
	t.Cleanup(func() { s.end(syscall.SIGKILL) })
	s.serve()
	return s
}

func (s *crashSite) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *crashSite) serve() {
	s.t.Helper()
	s.process = osexec.Command(os.Args[0], "serve", "-c", s.path)
	s.process.Env = append(os.Environ(), asReleve+"=1")
	s.process.Stderr = s.t.Output()
	s.must(s.process.Start())
	s.until("the secondary is ready", func() bool {
		st := s.status()
		return len(st.Servers) == 2 && (st.Servers[1].Ready || st.Active == "secondary")
	})
}

// end signals the process and waits until it is gone.
func (s *crashSite) end(with os.Signal) {
	if s.process != nil {
		_ = s.process.Process.Signal(with)
		_ = s.process.Wait()
		s.process = nil
	}
}

func (s *crashSite) status() (st admin.Status) {
	_ = json.Unmarshal([]byte(exec(s.t, "en", "", "status", "-c", s.path, "-o", "json").out), &st) // not there: zero
	return st
}

func (s *crashSite) licence() (l admin.Licence) {
	_ = json.Unmarshal([]byte(exec(s.t, "en", "", "licence", "-c", s.path, "-o", "json").out), &l)
	return l
}

func (s *crashSite) until(what string, cond func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !cond(); pause(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			log, _ := s.ipbx.Log()
			s.t.Fatalf("%s: not within 2 min; %+v; bound %+v; seen %+v", what, s.licence(), s.ipbx.Bindings(), log)
		}
	}
}

// seen waits until the IPBX has seen user bound, or removed, after n of its events,
// looking without pause.
func (s *crashSite) seen(user string, bound bool, after int) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; pause(time.Millisecond) {
		log, err := s.ipbx.Log()
		s.must(err)
		for _, e := range log[min(after, len(log)):] {
			if e.User == user && bound == (e.Expires > 0) {
				return
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the IPBX never saw %s bound %v: %+v", user, bound, log)
		}
	}
}

// switchover gives the command and does not wait.
func (s *crashSite) switchover() (events int) {
	s.t.Helper()
	log, err := s.ipbx.Log()
	s.must(err)
	if r := exec(s.t, "en", "", "switchover", "-c", s.path, "-y", "--reason", "test", "--wait", "0s"); r.code != exitPending && r.code != exitDone {
		s.t.Fatalf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	return len(log)
}

// one: exactly one server is registered, the active one, who is alive and answers;
// and two never were.
func (s *crashSite) one() {
	s.t.Helper()
	user := func() string {
		if s.status().Active == "secondary" {
			return "5002"
		}
		return "5001"
	}
	s.until("one is registered, the active one", func() bool {
		b := s.ipbx.Bindings()
		phase := s.status().Phase
		return len(b) == 1 && b[0].User == user() && (phase == "normal" || phase == "on-secondary")
	})
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "100", To: "5000"})
	s.must(err)
	want := map[string]string{"5001": "principal", "5002": "secours"}[user()]
	if r, err := c.Answered(ctx); err != nil || r.AnsweredBy != want {
		s.t.Errorf("%+v %v, want %s", r, err, want)
	}
	c.Hangup()
	if _, err := c.Wait(ctx); err != nil {
		s.t.Error(err)
	}
	if n := s.ipbx.MaxBindingsAtOnce("5001", "5002"); n != 1 {
		log, _ := s.ipbx.Log()
		s.t.Errorf("%d bindings at once: %+v", n, log)
	}
}

// TestCrashInAMove: kill -9 at each instant of a switchover, named by what the
// IPBX has seen; the next start ends with one live server registered.
func TestCrashInAMove(t *testing.T) {
	for n, c := range []struct {
		name    string
		prepare func(s *crashSite)
		instant func(s *crashSite, after int)
	}{
		{"the command was accepted", nil, func(*crashSite, int) {}},
		{
			"the un-REGISTER has no answer",
			func(s *crashSite) { s.must(s.ipbx.SetFault(ipbx.RegistrarSilent, 0)) },
			func(s *crashSite, _ int) {
				s.until("it waits for the IPBX", func() bool { return s.licence().Leaving == "primary" && s.licence().Waits == "answer" })
			},
		},
		{
			"the primary is removed and its proof on its way",
			func(s *crashSite) { s.must(s.ipbx.SetFault(ipbx.Slow, 150*time.Millisecond)) },
			func(s *crashSite, after int) { s.seen("5001", false, after) },
		},
		{
			"the claim is on its way",
			func(s *crashSite) { s.must(s.ipbx.SetFault(ipbx.Slow, 400*time.Millisecond)) },
			func(s *crashSite, after int) {
				s.seen("5001", false, after)
				s.until("the secondary's REGISTER was sent", func() bool { return s.licence().Phase == "claim" && s.licence().Waits == "answer" })
			},
		},
		{"the secondary is bound and nobody has told", nil, func(s *crashSite, after int) { s.seen("5002", true, after) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // they wait
			s := newCrashSite(t, n)
			s.until("the primary is registered", func() bool { return len(s.ipbx.Bindings()) == 1 })
			if c.prepare != nil {
				c.prepare(s)
			}
			after := s.switchover()
			c.instant(s, after)
			s.end(syscall.SIGKILL)
			s.must(s.ipbx.SetFault(ipbx.Healthy, 0))
			s.serve()
			s.one()
		})
	}
}

// TestCleanStop: SIGTERM leaves the registration in place, at rest and in a move;
// the next start goes on with it.
func TestCleanStop(t *testing.T) {
	t.Run("at rest", func(t *testing.T) {
		t.Parallel()
		s := newCrashSite(t, 10)
		s.until("the primary is registered", func() bool { return len(s.ipbx.Bindings()) == 1 })
		s.end(syscall.SIGTERM)
		if b := s.ipbx.Bindings(); len(b) != 1 || b[0].User != "5001" {
			t.Fatalf("%+v", b)
		}
		s.serve()
		s.one()
		if st := s.status(); st.Active != "primary" {
			t.Errorf("%+v", st)
		}
	})
	t.Run("in a move", func(t *testing.T) {
		t.Parallel()
		s := newCrashSite(t, 11)
		s.until("the primary is registered", func() bool { return len(s.ipbx.Bindings()) == 1 })
		s.must(s.ipbx.SetFault(ipbx.RegistrarSilent, 0))
		s.switchover()
		s.until("it waits for the IPBX", func() bool { return s.licence().Leaving == "primary" })
		s.end(syscall.SIGTERM)
		s.must(s.ipbx.SetFault(ipbx.Healthy, 0))
		s.serve()
		s.one()
		if st := s.status(); st.Active != "secondary" {
			t.Errorf("%+v", st)
		}
	})
}

// pause is between two looks.
func pause(d time.Duration) { <-time.After(d) }
