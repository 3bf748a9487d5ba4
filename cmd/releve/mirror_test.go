package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/db"
	"releve/testbed/ipbx"
	process "releve/testbed/node"
	"releve/testbed/postgres"
	"releve/testbed/server"
)

// mirrorSite is a site with a real pair of databases, the node a process of its own;
// at high-availability it has a secondary.
func mirrorSite(ctx context.Context, t *testing.T, net int, level, more string, p *postgres.Pair) (*process.Node, *server.Server) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(p.Main.Do(ctx, "create table work (n int)", "create role watch login password 'w'", "grant pg_monitor to watch"))
	dir := t.TempDir()
	must(os.WriteFile(filepath.Join(dir, "watch"), []byte("w\n"), 0o600))
	at := func(host int) string { return fmt.Sprintf("127.0.%d.%d:5060", net, host) }
	own := addrPort(at(9))
	x, err := ipbx.Start(ipbx.Config{Name: "ipbx", Addr: at(1), Releve: own})
	must(err)
	t.Cleanup(func() { _ = x.Close() })
	primary, err := server.Start(server.Config{Name: "principal", Addr: at(2), Lines: 8, Releve: own, User: "5000"})
	must(err)
	t.Cleanup(func() { _ = primary.Close() })
	servers := fmt.Sprintf(`{name: principal, role: primary, address: "sip:%s", lines: 8, version: 5.3.6}`, at(2))
	if level == "high-availability" {
		s, err := server.Start(server.Config{Name: "secours", Addr: at(3), Lines: 8, Releve: own, User: "5000"})
		must(err)
		t.Cleanup(func() { _ = s.Close() })
		servers += fmt.Sprintf(`, {name: secours, role: secondary, address: "sip:%s", lines: 8, version: 5.3.6}`, at(3))
	}
	url := func(s *postgres.Server) string {
		return strings.Replace(s.URL("127.0.0.1", "postgres"), s.User, "watch", 1)
	}
	self, err := os.Executable()
	must(err)
	program := filepath.Join(dir, "releve") // this test runs beside others: the environment is not its own
	must(os.WriteFile(program, []byte("#!/bin/sh\n"+asReleve+"=1 exec '"+self+"' \"$@\"\n"), 0o700))
	n, err := process.Start(ctx, program, dir, fmt.Sprintf(`
site: "miroir"
language: en
level: %[1]s
wel_licences: [%[1]s]
listen: [{address: "udp://%[2]s"}]
keys: {file: %[3]s/keys}
ipbx: [{name: ipbx, address: "sip:%[4]s", no_answer: 60s}]
servers: [%[5]s]
service_numbers: ["5000"]
mirror: {main: "%[6]s", mirror: "%[7]s", main_password_file: %[3]s/watch%[8]s
store: {path: %[3]s}
admin: {socket: %[9]s, listen: "off"}
`, level, own, dir, at(1), servers, url(p.Main), url(p.Mirror), more, process.Socket(dir)))
	must(err)
	t.Cleanup(func() { _ = n.Kill() })
	return n, primary
}

// The main database is killed, and whoever asks for the alarms is told so; it comes
// back, the mirror is promoted, and that is told instead.
func TestMainDatabaseKilled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	p, err := postgres.StartPair(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	n, _ := mirrorSite(ctx, t, 47, "mirroring", ", max_lag: 5s}", p)
	status := func() (s admin.Status) { _ = n.JSON(ctx, "/api/v1/status", &s); return s }
	until := func(what string, is func() bool) {
		t.Helper()
		for !is() {
			if ctx.Err() != nil {
				t.Fatalf("%s: never; %+v\n%+v\n%s", what, status().Mirror, status().Alarms, n.Log())
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	alarms := func() (numbers map[uint16]db.Alarm) {
		numbers = map[uint16]db.Alarm{}
		out, err := n.Verb(ctx, "alarms", "-o", "json") // its exit says how grave they are
		var exit *osexec.ExitError
		var list []db.Alarm
		if err != nil && !errors.As(err, &exit) || json.Unmarshal(out, &list) != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, a := range list {
			if a.Cleared.IsZero() {
				numbers[a.Number] = a
			}
		}
		return numbers
	}
	until("the pair is well", func() bool { m := status().Mirror; return m != nil && m.State == admin.MirrorOK && m.Streaming })
	if got := alarms(); len(got) != 0 {
		t.Fatalf("alarms of a sound site: %v", got)
	}
	killed := time.Now()
	p.Main.Kill()
	until("the alarm", func() bool { _, ok := alarms()[1022]; return ok })
	t.Logf("the main database killed: told after %v", time.Since(killed).Round(time.Millisecond))
	if a := alarms()[1022]; a.Object != "main" || a.Severity != "critical" || a.Detail == "" {
		t.Errorf("%+v", a)
	}
	if m := status().Mirror; m.State != admin.MirrorMainDown || m.Main.State != admin.DatabaseDown || m.Mirror.State != admin.DatabaseUp || m.LagAt.IsZero() {
		t.Errorf("%+v", m)
	}
	series, err := n.Metrics(ctx)
	if err != nil || series[`releve_mirror_database_up{database="main"}`] != 0 || series[`releve_mirror_database_up{database="mirror"}`] != 1 {
		t.Errorf("%v, %v", err, series)
	}
	if err := p.Main.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	until("it ends", func() bool { return len(alarms()) == 0 })
	if err := p.Promote(ctx); err != nil {
		t.Fatal(err)
	}
	until("promoted", func() bool { return alarms()[1029].Severity == "critical" })
	out, err := n.Verb(ctx, "events", "--lang", "fr")
	if err != nil || !strings.Contains(string(out), "LA BASE PRINCIPALE NE RÉPOND PAS") || !strings.Contains(string(out), "le miroir a été promu") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
}

// A mirror that lags keeps the secondary from taking over, and 1008 says so before;
// when it has caught up, the switchover follows and names what was at risk.
func TestLaggingMirrorBlocksTheSwitchover(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	p, err := postgres.StartPair(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	n, primary := mirrorSite(ctx, t, 48, "high-availability", `, max_lag: 1s, interval: 500ms, timeout: 450ms}
verification: {act: true, count: 2, alone_extra: 0, spacing: 500ms, timeout: 300ms, idle_interval: 1s}`, p)
	status := func() (s admin.Status) { _ = n.JSON(ctx, "/api/v1/status", &s); return s }
	until := func(what string, is func(s admin.Status) bool) admin.Status {
		t.Helper()
		for {
			if s := status(); s.Mirror != nil && is(s) {
				return s
			}
			if ctx.Err() != nil {
				s := status()
				t.Fatalf("%s: never; %+v\n%+v\n%+v\n%s", what, s.Mirror, s.Servers, s.Alarms, n.Log())
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	until("ready", func(s admin.Status) bool { return s.Servers[1].Ready && s.Mirror.State == admin.MirrorOK })
	if err := errors.Join(p.Pause(ctx), p.Main.Do(ctx, "insert into work values (1)")); err != nil {
		t.Fatal(err)
	}
	until("not ready", func(s admin.Status) bool { return s.Mirror.Blocks && !s.Servers[1].Ready })
	s := until("told before the day", func(s admin.Status) bool {
		return slices.ContainsFunc(s.Alarms, func(a db.Alarm) bool { return a.Number == 1008 && a.Detail != "" })
	})
	if s.Active != "primary" || s.Phase != "normal" {
		t.Errorf("the mirror triggered something: %s, %s", s.Active, s.Phase)
	}
	_ = primary.Close()
	s = until("both down", func(s admin.Status) bool { return s.Phase == "both-down" })
	if s.Active != "primary" {
		t.Errorf("it switched to old data")
	}
	if err := p.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	s = until("switched over", func(s admin.Status) bool { return s.Active == "secondary" && s.Phase == "on-secondary" })
	if r := s.Mirror.AtRisk; r == nil || !r.Known || r.Lag > time.Second {
		t.Errorf("data at risk: %+v", r)
	}
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
}
