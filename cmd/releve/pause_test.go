package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/testbed/ipbx"
	process "releve/testbed/node"
	"releve/testbed/server"
)

// patience is how long anything is waited for that comes by itself.
const patience = 40 * time.Second

// paused is a whole installation: the IPBX and both servers in this process, the
// node a process of its own.
type paused struct {
	t         *testing.T
	ipbx      *ipbx.IPBX
	primary   *server.Server
	secondary *server.Server
	node      *process.Node
	socket    string // of the node
	dir       string
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// newPaused is a site on the loopback network 127.0.net.0/24; sections are added
// to its file.
func newPaused(t *testing.T, net int, sections ...string) *paused {
	t.Helper()
	dir := t.TempDir()
	s := &paused{t: t, socket: process.Socket(dir), dir: dir}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range []string{"5001", "5002"} {
		must(os.WriteFile(filepath.Join(dir, u), []byte("secret"+u), 0o600))
	}
	at := func(host int) string { return fmt.Sprintf("127.0.%d.%d:5060", net, host) }
	own := addrPort(at(9))
	var err error
	s.ipbx, err = ipbx.Start(ipbx.Config{Name: "ipbx", Addr: at(1), Releve: own, Registrar: ipbx.Registrar{
		Users: map[string]string{"5001": "secret5001", "5002": "secret5002"}, Realm: "test",
	}})
	must(err)
	t.Cleanup(func() { _ = s.ipbx.Close() })
	s.primary, err = server.Start(server.Config{Name: "principal", Addr: at(2), Lines: 8, Releve: own, User: "5000"})
	must(err)
	t.Cleanup(func() { _ = s.primary.Close() })
	s.secondary, err = server.Start(server.Config{Name: "secours", Addr: at(3), Lines: 8, Releve: own, User: "5000"})
	must(err)
	t.Cleanup(func() { _ = s.secondary.Close() })
	yaml := fmt.Sprintf(`
site: "pause"
language: en
level: high-availability
wel_licences: [high-availability]
listen: [{address: "udp://%[1]s"}]
keys: {file: %[2]s/keys}
ipbx: [{name: ipbx, address: "sip:%[3]s", no_answer: 60s, max_grant: 60s}]
servers:
  - {name: principal, role: primary, address: "sip:%[4]s", lines: 8, version: 5.3.6}
  - {name: secours, role: secondary, address: "sip:%[5]s", lines: 8, version: 5.3.6}
service_numbers: ["5000"]
registration:
  mode: pair
  expires: 30s
  users:
    principal: {aor: "sip:5001@127.0.%[6]d.1", username: "5001", password_file: %[2]s/5001}
    secours: {aor: "sip:5002@127.0.%[6]d.1", username: "5002", password_file: %[2]s/5002}
overflow: {progress_timeout: 1s, answer_timeout: 3s, hold_budget: 4s}
verification: {act: true, count: 3, alone_extra: 0, spacing: 500ms, timeout: 300ms, idle_interval: 1s, lasting: 5s}
store: {path: %[2]s}
admin: {socket: %[7]s}
`, own, dir, at(1), at(2), at(3), net, process.Socket(dir))
	yaml += strings.Join(sections, "\n")
	program := asProgram(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s.node, err = process.Start(ctx, program, dir, yaml)
	must(err)
	t.Cleanup(func() { _ = s.node.Kill() })
	s.until("ready", func(st admin.Status) bool { return st.Registration.Phase == "bound" && st.Servers[1].Ready })
	return s
}

// asProgram is the program releve in dir: this test's binary.
func asProgram(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "releve")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+asReleve+"=1 exec '"+self+"' \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *paused) status() (st admin.Status) {
	_ = s.node.JSON(s.t.Context(), "/api/v1/status", &st)
	return st
}

func (s *paused) until(what string, ok func(admin.Status) bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		st := s.status()
		if !st.Now.IsZero() && ok(st) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within %v; %+v\n%s", what, patience, st, s.node.Log())
		}
	}
}

// pause stops the node's process for d.
func (s *paused) pause(d time.Duration) {
	s.t.Helper()
	if err := syscall.Kill(s.node.Pid(), syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(d) // what is tested
	if err := syscall.Kill(s.node.Pid(), syscall.SIGCONT); err != nil {
		s.t.Fatal(err)
	}
}

func (s *paused) call(ctx context.Context, from string) *ipbx.Call {
	s.t.Helper()
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: from, To: "5000"})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// unmoved: the primary is active and well, and nothing ever moved.
func (s *paused) unmoved(what string) {
	s.t.Helper()
	s.until(what, func(st admin.Status) bool {
		return st.Active == "primary" && st.Phase == "normal" && st.Servers[0].Verdict == "HEALTHY" && st.Servers[1].Ready
	})
	if st := s.status(); st.Counters.Switchovers != 0 || st.Registration.Holder != "primary" {
		s.t.Errorf("%s: %+v", what, st)
	}
	for _, b := range s.ipbx.Bindings() {
		if b.User != "5001" {
			s.t.Errorf("%s: bound %+v", what, b)
		}
	}
	if n := s.ipbx.MaxBindingsAtOnce("5001", "5002"); n > 1 {
		s.t.Errorf("%s: %d users bound at once", what, n)
	}
}

// A node that was stopped judges nobody when it goes on, takes up where it was,
// and does nothing that is stale: with no verification, in the midst of one (its
// rounds half failed), and with a held caller whose time is over.
func TestPaused(t *testing.T) {
	if err := os.Setenv(asReleve, "1"); err != nil { // t.Setenv knows no parallel subtests
		t.Fatal(err)
	}
	defer os.Unsetenv(asReleve)
	t.Run("for", func(t *testing.T) {
		for i, d := range []time.Duration{time.Second, 3 * time.Second, 8 * time.Second} {
			t.Run(d.String(), func(t *testing.T) {
				t.Parallel()
				pausedFor(t, newPaused(t, 60+i), d)
			})
		}
	})
}

func pausedFor(t *testing.T, s *paused, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	talking := s.call(ctx, "0101")
	if r, err := talking.Answered(ctx); err != nil || r.AnsweredBy != "principal" {
		t.Fatalf("%v: %+v %v", d, r, err)
	}
	s.pause(d)
	s.unmoved(fmt.Sprintf("after %v", d))

	if err := s.primary.SetMode(server.Mode{Kind: server.Silent}); err != nil {
		t.Fatal(err)
	}
	held := s.call(ctx, "0102")
	s.until("a verification", func(st admin.Status) bool { return st.Phase == "verifying" })
	if err := syscall.Kill(s.node.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := s.primary.SetMode(server.Mode{Kind: server.Healthy}); err != nil { // it was a moment's silence
		t.Fatal(err)
	}
	s.pause(d)
	// Answered by the server that is back, or turned away when its time is over.
	if r, err := held.Until(ctx, func(r ipbx.Result) bool { return r.Outcome == "answered" }); r.Outcome != "answered" && r.Outcome != "refused" {
		t.Errorf("%v: the held call did not end: %+v %v", d, r, err)
	}
	held.Hangup()
	s.unmoved(fmt.Sprintf("after %v in a verification", d))
	if r := talking.Result(); r.Outcome != "answered" {
		t.Errorf("%v: the conversation ended: %+v", d, r)
	}
	talking.Hangup()
	if r, err := talking.Wait(ctx); err != nil {
		t.Errorf("%v: %+v %v", d, r, err)
	}
	again := s.call(ctx, "0103")
	if r, err := again.Answered(ctx); err != nil || r.AnsweredBy != "principal" {
		t.Errorf("%v: a new call: %+v %v", d, r, err)
	}
	again.Hangup()
	if err := s.node.Stop(); err != nil {
		t.Errorf("%v: %v", d, err)
	}
}
