package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
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

// mirrorSite is a site of level mirroring: a real pair of databases, and the node a
// process of its own.
func mirrorSite(ctx context.Context, t *testing.T, net int, p *postgres.Pair) *process.Node {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	must(os.WriteFile(filepath.Join(dir, "watch"), []byte("w\n"), 0o600))
	at := func(host int) string { return fmt.Sprintf("127.0.%d.%d:5060", net, host) }
	own := addrPort(at(9))
	x, err := ipbx.Start(ipbx.Config{Name: "ipbx", Addr: at(1), Releve: own})
	must(err)
	t.Cleanup(func() { _ = x.Close() })
	s, err := server.Start(server.Config{Name: "principal", Addr: at(2), Lines: 8, Releve: own, User: "5000"})
	must(err)
	t.Cleanup(func() { _ = s.Close() })
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
level: mirroring
wel_licences: [mirroring]
listen: [{address: "udp://%[1]s"}]
keys: {file: %[2]s/keys}
ipbx: [{name: ipbx, address: "sip:%[3]s", no_answer: 60s}]
servers: [{name: principal, role: primary, address: "sip:%[4]s", lines: 8, version: 5.3.6}]
service_numbers: ["5000"]
mirror: {main: "%[5]s", mirror: "%[6]s", main_password_file: %[2]s/watch, max_lag: 5s}
store: {path: %[2]s}
admin: {socket: %[7]s}
`, own, dir, at(1), at(2), url(p.Main), url(p.Mirror), process.Socket(dir)))
	must(err)
	t.Cleanup(func() { _ = n.Kill() })
	return n
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
	if err := p.Main.Do(ctx, "create role watch login password 'w'", "grant pg_monitor to watch"); err != nil {
		t.Fatal(err)
	}
	n := mirrorSite(ctx, t, 47, p)
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
