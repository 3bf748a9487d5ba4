package hook

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"releve/health/notify"
)

func program(t *testing.T, body string) (path, dir string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, "sms")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+strings.ReplaceAll(body, "@DIR@", dir)+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path, dir
}

var some = []notify.Notice{
	{ID: "1", Kind: notify.Raised, Number: 1002, Severity: "critical", Urgent: true, Title: "L'accueil ; $(touch /tmp/x) `id`\n"},
	{ID: "2", Kind: notify.Cleared, Number: 1002, Severity: "critical"},
}

// TestRun: the arguments, the notice on standard input, nothing of our
// environment, one run a notice, in order.
func TestRun(t *testing.T) {
	t.Parallel()
	path, dir := program(t, `echo "$# $*" >> @DIR@/args; cat >> @DIR@/in; env | sort > @DIR@/env; echo "sent to 0600000000"; echo more`)
	s := New(path, 10*time.Second)
	if err := s.Send(t.Context(), some); err != nil {
		t.Fatal(err)
	}
	if s.Answer() != "sent to 0600000000" {
		t.Errorf("answer %q", s.Answer())
	}
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if got := read("args"); got != "3 raised 1002 critical\n3 cleared 1002 critical\n" {
		t.Errorf("arguments %q", got)
	}
	for i, line := range strings.Split(strings.TrimSpace(read("in")), "\n") {
		var n notify.Notice
		if err := json.Unmarshal([]byte(line), &n); err != nil || n.ID != some[i].ID || n.Title != some[i].Title || n.Urgent != some[i].Urgent {
			t.Errorf("input %d: %s, %v", i, line, err)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(read("env")), "\n") {
		name, _, _ := strings.Cut(line, "=")
		switch name {
		case "PATH", "LANG", "LC_ALL", "HOME", "PWD", "_", "SHLVL", "OLDPWD": // the shell adds its own
		default:
			t.Errorf("the program was given %s", line)
		}
	}
}

// TestProgramThatNeverEnds is killed with what it started; one that leaves a
// child with the pipe is not waited for.
func TestProgramThatNeverEnds(t *testing.T) {
	t.Parallel()
	path, dir := program(t, `sleep 600 & echo $! > @DIR@/child; wait`)
	err := New(path, 300*time.Millisecond).Send(t.Context(), some[:1])
	if err == nil || !strings.Contains(err.Error(), "did not end within 300ms") {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	child, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
	for deadline := time.Now().Add(10 * time.Second); syscall.Kill(child, 0) == nil && !gone(child); {
		if time.Now().After(deadline) {
			t.Fatal("its child lives on")
		}
		time.Sleep(5 * time.Millisecond)
	}
	path, _ = program(t, `sleep 600 & exit 0`)
	if err := New(path, 10*time.Second).Send(t.Context(), some[:1]); err != nil {
		t.Errorf("one that leaves a child behind: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	path, _ = program(t, `sleep 600`)
	if err := New(path, time.Minute).Send(ctx, some[:1]); err == nil {
		t.Error("Send outlived its context")
	}
}

// gone: a zombie answers signals and runs no more.
func gone(pid int) bool {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(raw), ") Z ")
}

// TestProgramThatFails: its exit and its words are told; a flood of words is
// bounded; one that does not read its input has done no wrong.
func TestProgramThatFails(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`echo "no modem" >&2; exit 3`:   "ended with 3: no modem",
		`kill -9 $$`:                    "by a signal",
		`yes | head -c 9000000; exit 1`: "ended with 1: y",
	} {
		path, _ := program(t, body)
		if err := New(path, 20*time.Second).Send(t.Context(), some); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 8192 {
			t.Errorf("%s: %.200v", body, err)
		}
	}
	long := []notify.Notice{{ID: "1", Text: strings.Repeat("x", 1<<20)}}
	path, _ := program(t, `exec <&-; exit 0`)
	if err := New(path, 20*time.Second).Send(t.Context(), long); err != nil {
		t.Errorf("one that does not read: %v", err)
	}
	if err := New("/nowhere/sms", time.Second).Send(t.Context(), some); err == nil || !strings.Contains(err.Error(), "run sms") {
		t.Errorf("one that is not there: %v", err)
	}
}

// TestWhatOthersMayChangeIsNotRun: a program, or its directory, that somebody else
// could put something in.
func TestWhatOthersMayChangeIsNotRun(t *testing.T) {
	t.Parallel()
	run := func(path string) error { return New(path, 20*time.Second).Send(t.Context(), some[:1]) }
	for mode, want := range map[os.FileMode]string{
		0o755: "", 0o700: "", 0o775: "chmod go-w", 0o757: "chmod go-w", 0o644: "permission denied",
	} {
		path, dir := program(t, `touch @DIR@/ran`)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		err := run(path)
		_, ran := os.Stat(filepath.Join(dir, "ran"))
		if want == "" && (err != nil || ran != nil) || want != "" && (err == nil || !strings.Contains(err.Error(), want) || ran == nil) {
			t.Errorf("mode %v: %v, ran: %v", mode, err, ran)
		}
	}
	path, dir := program(t, `true`)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := run(link); err != nil {
		t.Errorf("a link: %v", err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} {
		if err := run(p); err == nil || !strings.Contains(err.Error(), dir+" can be changed by others") {
			t.Errorf("%s in a directory of everybody's: %v", filepath.Base(p), err)
		}
	}
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if err := run(path); err != nil {
		t.Errorf("in a directory like /tmp: %v", err)
	}
	if err := trusted(path, uint32(os.Geteuid())+1); os.Geteuid() != 0 && (err == nil || !strings.Contains(err.Error(), "belongs to")) {
		t.Errorf("somebody else's: %v", err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if err := run(path); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
			t.Errorf("somebody else's: %v", err)
		}
	}
}
