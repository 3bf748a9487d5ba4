package probe

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"releve/health"
)

func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPluginExitCodes(t *testing.T) {
	for code, want := range map[string]Result{
		"0": {State: OK, Up: health.Up}, "1": {State: Warning, Up: health.Up}, "2": {State: Failed, Up: health.Down},
		"3": {State: Unknown}, "77": {State: Unknown},
	} {
		path := script(t, "echo 'PING says "+code+"'\necho more\nexit "+code+"\n")
		r := on(Check{Type: "exec", Command: []string{path}}).Run(t.Context(), here)
		if r.State != want.State || r.Up != want.Up || r.Note != "PING says "+code {
			t.Errorf("exit %s: %+v", code, r)
		}
	}
	r := on(Check{Type: "exec", Command: []string{script(t, "exit 2")}}).Run(t.Context(), here)
	if r.State != Failed || r.Note != "plugin printed nothing, exit 2" {
		t.Errorf("%+v", r)
	}
}

// The plugins of Debian's monitoring-plugins-basic.
func TestMonitoringPlugins(t *testing.T) {
	const dir = "/usr/lib/nagios/plugins/"
	if _, err := os.Stat(dir + "check_tcp"); err != nil {
		t.Fatalf("%v: install monitoring-plugins-basic (bash testbed/install.sh monitoring-plugins-basic)", err)
	}
	_, port := listen(t)
	for _, tt := range []struct {
		command []string
		state   State
		note    string
	}{
		{[]string{"check_tcp", "-H", "{host}", "-p", strconv.Itoa(int(port))}, OK, "TCP OK"},
		{[]string{"check_tcp", "-H", "{host}", "-p", "1"}, Failed, "connect to address 127.0.0.1 and port 1: Connection refused"},
		{[]string{"check_dummy", "0", "fine"}, OK, "OK: fine"},
		{[]string{"check_dummy", "1", "so so"}, Warning, "WARNING: so so"},
		{[]string{"check_dummy", "2"}, Failed, "CRITICAL"},
		{[]string{"check_dummy", "3"}, Unknown, "UNKNOWN"},
		{[]string{"check_ping", "-H", "{host}", "-w", "5000,90%", "-c", "8000,100%", "-p", "1"}, OK, "PING OK"},
	} {
		c := on(Check{Type: "exec", Command: append([]string{dir + tt.command[0]}, tt.command[1:]...)})
		if r := c.Run(t.Context(), here); r.State != tt.state || !strings.HasPrefix(r.Note, tt.note) {
			t.Errorf("%v: %+v", tt.command, r)
		}
	}
}

// No shell, few variables, nothing to read.
func TestPluginsSurroundings(t *testing.T) {
	t.Setenv("RELEVE_TEST_SECRET", "s3cret")
	path := script(t, `read -r line && exit 2
[ -z "$RELEVE_TEST_SECRET" ] || exit 2
[ "$(pwd)" = / ] || exit 2
echo "$# $1 $LC_ALL"`)
	r := on(Check{Type: "exec", Command: []string{path, "a b; $(id) {host}"}}).Run(t.Context(), here)
	if r.State != OK || r.Note != "1 a b; $(id) 127.0.0.1 C" {
		t.Errorf("%+v", r)
	}
}

// gone waits until no process of group pgid is left.
func gone(t *testing.T, pgid int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if syscall.Kill(-pgid, 0) == syscall.ESRCH || allZombies(pgid) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("processes of group %d outlive the plugin", pgid)
		}
	}
}

// allZombies: children of the plugin are init's, which may take its time.
func allZombies(pgid int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		if f := strings.Fields(rest); len(f) > 2 && f[2] == strconv.Itoa(pgid) && f[0] != "Z" && f[0] != "X" {
			return false
		}
	}
	return true
}

func groupOf(t *testing.T, path string) int {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pgid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || pgid <= 1 {
		t.Fatalf("%q: %v", raw, err)
	}
	return pgid
}

// A plugin that never ends is killed, with its children, and with what it left
// behind when it ended by itself.
func TestPluginIsKilledWithItsChildren(t *testing.T) {
	for name, tt := range map[string]struct {
		body  string
		state State
		quick bool
	}{
		"never ends":             {"sleep 600 &\nsleep 600 &\nsleep 600\n", Unknown, true},
		"ignores signals":        {"trap '' TERM INT HUP\nwhile :; do sleep 600; done\n", Unknown, true},
		"forks and forks":        {"i=0; while [ $i -lt 40 ]; do sleep 600 & i=$((i+1)); done; wait\n", Unknown, true},
		"leaves a child behind":  {"sleep 600 >/dev/null 2>&1 &\necho fine\nexit 0\n", OK, false},
		"its child keeps stdout": {"sleep 600 &\necho fine\nexit 1\n", Warning, false},
	} {
		pid := filepath.Join(t.TempDir(), "pid")
		c := on(Check{Type: "exec", Command: []string{script(t, "echo $$ > "+pid+"\n"+tt.body)}})
		if tt.quick {
			c.Timeout = 400 * time.Millisecond
		}
		r := c.Run(t.Context(), here)
		if r.State != tt.state || r.Note == "" {
			t.Errorf("%s: %+v", name, r)
		}
		gone(t, groupOf(t, pid))
	}
}

func TestHostilePlugins(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\nexit 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		path  string
		state State
		note  string
	}{
		"megabytes":      {script(t, "yes xxxxxxxxxxxxxxxx | head -c 8000000\nexit 2\n"), Failed, "xxxxxxxxxxxxxxxx"},
		"one long line":  {script(t, "yes x | tr -d '\\n' | head -c 4000000\nexit 2\n"), Failed, strings.Repeat("x", maxNote-3) + "…"},
		"binary":         {script(t, "printf '\\377\\000\\033[2Jboo\\n'\nexit 1\n"), Warning, "[2Jboo"},
		"dies by signal": {script(t, "kill -SEGV $$\n"), Unknown, "plugin was ended by a signal: segmentation fault"},
		"not executable": {plain, Unknown, "cannot run plain: permission denied"},
		"no such file":   {filepath.Join(dir, "none"), Unknown, "cannot run none: no such file or directory"},
		"a folder":       {dir, Unknown, ""},
	} {
		r := on(Check{Type: "exec", Command: []string{tt.path}}).Run(t.Context(), here)
		if r.State != tt.state || tt.note != "" && r.Note != tt.note {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := on(Check{Type: "exec"}).Run(t.Context(), here); r.State != Unknown {
		t.Errorf("no command: %+v", r)
	}
}
