package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/db"
)

// serving runs this program as releve serve on a file, until the test ends.
func serving(t *testing.T, path string) *osexec.Cmd {
	t.Helper()
	p := osexec.Command(os.Args[0], "serve", "-c", path)
	p.Env = append(os.Environ(), asReleve+"=1")
	log, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			t.Log(lines.Text())
		}
	}()
	t.Cleanup(func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		<-read
		if err := p.Wait(); err != nil {
			t.Errorf("releve serve ended with %v", err)
		}
	})
	waitFor(t, "it serves", func() bool {
		return exec(t, "en", "", "version", "-c", path).code == exitDone && exec(t, "en", "", "status", "-c", path).code != exitUnreachable
	})
	return p
}

func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// journal counts the events of one code and actor.
func journal(t *testing.T, path, code, actor string) (n int) {
	t.Helper()
	var events []db.Event
	if err := json.Unmarshal([]byte(exec(t, "en", "", "events", "-c", path, "-o", "json", "-n", "1000").out), &events); err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Code == code && strings.Contains(e.Actor, actor) {
			n++
		}
	}
	return n
}

// TestReloadBySignalAndByVerb: both read the same file, apply or refuse the same,
// and the process stays the same.
func TestReloadBySignalAndByVerb(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.46.4:0")
	if err != nil {
		t.Fatal(err)
	}
	path, dir := siteFile(t, "udp://"+free.LocalAddr().String())
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	p := serving(t, path)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(old, new string) {
		t.Helper()
		if !strings.Contains(string(good), old) {
			t.Fatalf("no %q", old)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(good), old, new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(dir, "admin.sock")
	lines := func() string { return exec(t, "en", "", "status", "--socket", socket, "-o", "json").out }

	write("lines: 8", "lines: 9")
	r := exec(t, "fr", "", "recharger", "-c", path)
	if r.code != exitDone || !strings.Contains(r.out, "servers[0].lines\n  - 8\n  + 9\n") || !strings.Contains(lines(), `"lines": 9`) {
		t.Fatalf("exit %d\n%s%s%s", r.code, r.out, r.err, lines())
	}
	write("lines: 8", "lines: 10")
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "SIGHUP applies it", func() bool { return strings.Contains(lines(), `"lines": 10`) })

	write("lines: 8", "lnies: 8")
	if r := exec(t, "en", "", "reload", "-c", path, "--socket", socket); r.code != exitConfig || !strings.Contains(r.err, "CFG-003") || !strings.Contains(r.err, "nothing is applied") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	if r := exec(t, "en", "", "reload", "-c", path, "--socket", socket, "-o", "json"); r.code != exitConfig || !strings.Contains(r.out, `"outcome": "faulty"`) {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	refused := journal(t, path, "config-refused", "")
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "SIGHUP refuses it", func() bool { return journal(t, path, "config-refused", "SIGHUP") == 1 })
	if refused != 2 || journal(t, path, "config-loaded", "SIGHUP") != 1 || journal(t, path, "config-loaded", "") != 2 {
		t.Errorf("%d refusals", refused)
	}

	write("name: vocal", "name: autre")
	r = exec(t, "en", "", "reload", "-c", path)
	if r.code != exitNo || !strings.Contains(r.err, "servers[0].name") || !strings.Contains(r.err, "restart") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	if !strings.Contains(lines(), `"lines": 10`) {
		t.Error(lines())
	}
}

// TestReloadWithoutDaemon: nobody answers.
func TestReloadWithoutDaemon(t *testing.T) {
	if r := exec(t, "en", "", "reload", "--socket", filepath.Join(t.TempDir(), "none")); r.code != exitUnreachable {
		t.Errorf("exit %d %s", r.code, r.err)
	}
}

// TestConfigDiffOfTwoFiles names what needs a restart.
func TestConfigDiffOfTwoFiles(t *testing.T) {
	old, _ := siteFile(t, "udp://127.0.46.4:5060")
	raw, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(t.TempDir(), "next.yaml")
	body := strings.NewReplacer("lines: 8", "lines: 9", "level: base", "level: base\ndscp: 0").Replace(string(raw))
	if err := os.WriteFile(next, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	r := exec(t, "en", "", "config", "diff", old, next)
	want := "dscp (needs a restart)\n  - 24\n  + 0\nservers[0].lines\n  - 8\n  + 9\n2 difference(s), of which 1 need a restart: dscp.\n"
	if r.code != exitNo || r.out != want {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	js := exec(t, "en", "", "config", "diff", old, next, "-o", "json")
	var changes []config.Change
	if err := json.Unmarshal([]byte(js.out), &changes); err != nil || len(changes) != 2 || changes[0].Reach != config.Restart {
		t.Errorf("%v %s", err, js.out)
	}
	if r := exec(t, "en", "", "config", "diff", old, old); r.code != exitDone || !strings.Contains(r.out, "Nothing differs") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	if r := exec(t, "en", "", "config", "diff", old); r.code != exitUsage {
		t.Errorf("one file: exit %d", r.code)
	}
	if r := exec(t, "en", "", "config", "diff", old, filepath.Join(t.TempDir(), "none")); r.code != exitDown {
		t.Errorf("no file: exit %d", r.code)
	}
}

// TestReloadScreens: each outcome has its sentence and its code.
func TestReloadScreens(t *testing.T) {
	for _, c := range []struct {
		got  admin.Reload
		code int
		want string
	}{
		{admin.Reload{Outcome: admin.ReloadApplied}, 0, "rien n'a changé"},
		{admin.Reload{Outcome: admin.ReloadApplied, Elsewhere: true, Changes: []config.Change{{Path: "ipbx[0].address", Old: "a", New: "b"}}}, 0, "L'ancien IPBX n'a pas prouvé"},
		{admin.Reload{Outcome: admin.ReloadApplied, Changes: []config.Change{{Path: "registration.users.a.password", Old: "***", New: "***"}}}, 0, "registration.users.a.password : mot de passe changé\n"},
		{admin.Reload{Outcome: admin.ReloadRestart, Restart: []string{"listen[0].address", "store.path"}}, 1, "listen[0].address, store.path"},
		{admin.Reload{Outcome: admin.ReloadBusy}, 1, "recommencez"},
		{admin.Reload{Outcome: admin.ReloadFailed, Cause: "permission denied"}, 1, "accès refusé"},
	} {
		n := &node{status: someStatus(), reload: c.got}
		r := exec(t, "fr", "", "recharger", "--socket", daemon(t, n))
		if said := strings.ReplaceAll(strings.ReplaceAll(r.out+r.err, "\u00a0", " "), "\u202f", " "); r.code != c.code || !strings.Contains(said, c.want) {
			t.Errorf("%s: exit %d\n%s", c.got.Outcome, r.code, said)
		}
		if js := exec(t, "fr", "", "recharger", "--socket", daemon(t, n), "-o", "json"); js.code != c.code || !strings.Contains(js.out, fmt.Sprintf("%q: %q", "outcome", c.got.Outcome)) {
			t.Errorf("%s -o json: exit %d\n%s", c.got.Outcome, js.code, js.out)
		}
	}
}
