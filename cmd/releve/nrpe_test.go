package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/export"
	"releve/cmd/internal/text"
	"releve/testbed/nrpe"
)

// TestNRPE: the lines that our documents give for nrpe.cfg, run by Debian's NRPE
// as its user nagios, asked by check_nrpe. Without the group the supervisor reads
// what is to be done; in it nagios looks, and is no operator (admin.readers).
func TestNRPE(t *testing.T) {
	t.Parallel()
	lines := documentedCommands(t)
	if len(lines) < 3 {
		t.Fatalf("the documents give %q", lines)
	}
	dir, err := os.MkdirTemp("", "releve-nagios-") // of everybody: nagios runs the program in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(dir, 0o755))
	n := &node{status: someStatus(), result: admin.Result{Accepted: true}}
	socket := filepath.Join(dir, "admin.sock")
	door, err := admin.Listen(admin.Options{Socket: socket, Node: n, Looks: func(user string) bool { return user == nrpe.User }})
	must(err)
	door.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = door.Close(ctx)
	})
	program := filepath.Join(dir, "releve")
	self, err := os.Executable()
	must(err)
	copyFile(t, self, program+".bin")
	must(os.WriteFile(program, []byte("#!/bin/sh\n"+asReleve+"=1 exec "+program+".bin \"$@\" --lang fr --socket "+socket+"\n"), 0o755))
	for i, l := range lines {
		lines[i] = strings.Replace(l, "/usr/local/bin/releve", program, 1)
	}
	lines = append(lines, "command[switch]="+program+" switchover -y --reason x 2>&1", "command[help]="+program+" check --help")
	s, err := nrpe.Start(t.Context(), "127.0.66.77", lines...)
	must(err)
	t.Cleanup(s.Stop)
	ask := func(command string, want int, says ...string) {
		t.Helper()
		said, code, err := s.Ask(t.Context(), command)
		must(err)
		for _, w := range says {
			if !strings.Contains(said, w) {
				t.Errorf("%s: %q, want %q", command, said, w)
			}
		}
		if code != want {
			t.Errorf("%s: %d, want %d: %s", command, code, want, said)
		}
	}
	must(os.Chmod(socket, 0o600))
	ask("releve", 3, "UNKNOWN: accès refusé", "groupe releve", "admin.readers")
	must(os.Chmod(socket, 0o666)) // as the group does
	ask("releve", 0, "OK: CH de Exemple — L'accueil automatique répond", "'servers.up'=2;;;0;2 'calls.active'=")
	ask("releve_server", 0, "OK: ", "'servers.up'=2;2:;1:;0;2")
	ask("releve_calls", 0, "OK: ", "'calls.active'=")
	ask("help", 3, "releve check")
	n.mu.Lock()
	n.status.Headline = text.OnSecondary
	n.mu.Unlock()
	ask("releve", 1, "WARNING: CH de Exemple — L'accueil automatique est en secours")
	ask("switch", 1, "regarder")
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.got) != 0 {
		t.Errorf("nagios commands: %v", n.got)
	}
}

// documentedCommands are the lines for nrpe.cfg in our documents: the same in both
// languages, of the program where the systemd unit has it.
func documentedCommands(t *testing.T) []string {
	t.Helper()
	if !strings.Contains(export.Unit, "ExecStart=/usr/local/bin/releve ") {
		t.Error("the unit has the program elsewhere")
	}
	form := regexp.MustCompile(`(?m)^command\[[a-z_]+\]=/usr/local/bin/releve .*$`)
	var lines []string
	for i, doc := range []string{"exploitation.fr.md", "operations.md"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "docs", doc))
		if err != nil {
			t.Fatal(err)
		}
		found := form.FindAllString(string(raw), -1)
		if i > 0 && !slices.Equal(found, lines) {
			t.Errorf("%s gives %q, the other one %q", doc, found, lines)
		}
		lines = found
	}
	return lines
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
