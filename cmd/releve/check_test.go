package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	execute "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/health/notify"
	"releve/testbed/rsyslog"
	"releve/testbed/server"
	"releve/testbed/snmptrapd"
	"releve/testbed/tlstest"
)

// TestCheckMisuse: whatever is typed, a supervisor gets UNKNOWN on one line of
// the standard output, and nothing else.
func TestCheckMisuse(t *testing.T) {
	socket := daemon(t, &node{status: someStatus()})
	for _, args := range [][]string{
		{"-w", "10"},
		{"-c", "10"},
		{"server", "-w", "x"},
		{"server", "-w", "20:10"},
		{"calls", "--bogus"},
		{"calls", "-t", "never"},
		{"calls", "-t"},
		{"nothing"},
		{"calls", "too", "many"},
		{"server", "a", "b"},
		{"ready", "-c", "1"},
		{"-o", "xml"},
		{"--lang", "de"},
		{"server", "nowhere"},
	} {
		r := exec(t, "en_GB.UTF-8", "", append([]string{"check", "--socket", socket}, args...)...)
		if r.code != 3 || r.err != "" || !strings.HasPrefix(r.out, "UNKNOWN: ") || strings.Count(r.out, "\n") != 1 {
			t.Errorf("%q: %+v", args, r)
		}
	}
}

// TestCheckOptions: -c is a threshold and no file; what is asked is what is said.
func TestCheckOptions(t *testing.T) {
	socket := daemon(t, &node{status: someStatus()})
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"check", 0, "OK: CH de Exemple — The automated attendant answers (svp1)"},
		{"check --lang fr", 0, "OK: CH de Exemple — L'accueil automatique répond (svp1)"},
		{"check server -w 2: -c 1:", 0, "'servers.up'=2;2:;1:;0;2"},
		{"check serveur svp2 -c 40", 2, "'rtt.secondary'=41ms;;40;0"},
		{"check calls -c 0", 0, "'calls.active'=0;;0;0"},
		{"check calls -t 2.5 -w @0:10", 1, "WARNING: "},
		{"check registration -w 60:", 1, "40 s left"},
		{"check mirror -c 0.2", 2, "'mirror.lag'=0.4s;30;0.2;0"},
		{"check ready", 0, "Ready: this node may take calls."},
		{"check node -v", 0, "svp2 (secondary): passive"},
		{"check -o json", 0, `"code": 0`},
	} {
		r := exec(t, "en_GB.UTF-8", "", append(strings.Fields(c.args), "--socket", socket)...)
		if r.code != c.code || r.err != "" || !strings.Contains(r.out, c.want) {
			t.Errorf("%s: %+v, want %d %s", c.args, r, c.code, c.want)
		}
	}
}

// TestCheckOfWhatDoesNotAnswer: nobody there, nobody who speaks, nonsense, no
// right: what is to be woken for is CRITICAL, the details are UNKNOWN.
func TestCheckOfWhatDoesNotAnswer(t *testing.T) {
	dir := t.TempDir()
	speak := func(name string, answer func(net.Conn)) string {
		path := filepath.Join(dir, name)
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { defer c.Close(); answer(c) }()
			}
		}()
		return path
	}
	hung := speak("hung", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	garbage := speak("garbage", func(c net.Conn) {
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{|\n\x00]}"))
	})
	for _, c := range []struct {
		socket, verb string
		code         int
		want         string
	}{
		{filepath.Join(dir, "nowhere"), "", 2, "Relève is not running"},
		{filepath.Join(dir, "nowhere"), "registration", 3, "state unknown"},
		{hung, "", 2, "does not answer within 300 ms"},
		{hung, "ready", 2, "does not answer within 300 ms"},
		{hung, "certificate", 3, "does not answer within 300 ms"},
		{garbage, "", 2, "CRITICAL: "},
		{garbage, "mirror", 3, "UNKNOWN: "},
	} {
		args := append([]string{"check"}, strings.Fields(c.verb)...)
		r := exec(t, "en_GB.UTF-8", "", append(args, "--socket", c.socket, "-t", "0.3")...)
		if r.code != c.code || r.err != "" || !strings.Contains(r.out, c.want) || strings.Count(r.out, "\n") != 1 {
			t.Errorf("%s %s: %+v, want %d %s", filepath.Base(c.socket), c.verb, r, c.code, c.want)
		}
	}
	c := newCLI([]string{"--lang", "en"}, terminal{in: strings.NewReader(""), env: func(string) string { return "" }})
	if r := c.unseen("check", fmt.Errorf("dial: %w", syscall.EACCES), time.Second); r.State.String() != "UNKNOWN" || !strings.Contains(r.Text, "group releve") {
		t.Errorf("no right to the socket: %v", r)
	}
}

// watched is a site whose alarms go to an SNMP supervisor, a syslog collector and
// a webhook.
type watched struct {
	*paused
	traps  *snmptrapd.Receiver
	log    *rsyslog.Server
	posted chan notify.Notice
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w, dir := &watched{posted: make(chan notify.Notice, 100)}, t.TempDir()
	var err error
	w.traps, err = snmptrapd.Start(t.Context(), snmptrapd.Options{
		Config: "createUser releve SHA-256 \"the-auth-pass\" AES \"the-priv-pass\"\nauthUser log releve priv",
	})
	must(err)
	t.Cleanup(w.traps.Stop)
	authority, err := tlstest.NewAuthority(dir, "site")
	must(err)
	pair, err := authority.Issue(tlstest.Leaf{Name: "collector", SANs: []string{"127.0.0.1"}})
	must(err)
	w.log, err = rsyslog.Start(t.Context(), rsyslog.Options{Authority: authority.File, Certificate: pair.Certificate, Key: pair.Key})
	must(err)
	t.Cleanup(w.log.Stop)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n notify.Notice
		if json.NewDecoder(r.Body).Decode(&n) == nil && r.Header.Get("X-Releve-Signature") != "" {
			w.posted <- n
		}
	}))
	t.Cleanup(hook.Close)
	for name, secret := range map[string]string{"auth": "the-auth-pass", "priv": "the-priv-pass", "hook": "sixteen-characters"} {
		must(os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o600))
	}
	w.paused = newPaused(t, 66, fmt.Sprintf(`
alarms:
  snmp: {version: "3", targets: ["%[1]s"], user: releve, auth_password_file: %[2]s/auth, priv_password_file: %[2]s/priv, inform: true}
  syslog: [{address: "udp://%[3]s"}, {address: "tls://%[4]s", ca_file: %[5]s}]
  webhook: [{url: "%[6]s/alarm", secret_file: %[2]s/hook}]
`, w.traps.Target, dir, w.log.UDP, w.log.TLS, authority.File, hook.URL))
	return w
}

// check runs releve check as a supervisor does.
func (w *watched) check(want int, args ...string) string {
	w.t.Helper()
	out, said, code := w.run(append([]string{"check", "--lang", "en"}, args...)...)
	if code != want || said != "" {
		w.t.Errorf("check %q: %d, want %d: %s%s", args, code, want, out, said)
	}
	return out
}

func (w *watched) run(args ...string) (out, said string, code int) {
	w.t.Helper()
	program, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	cmd := execute.CommandContext(ctx, program, append(args, "--socket", w.socket)...)
	cmd.Env = append(os.Environ(), asReleve+"=1")
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	var x *execute.ExitError
	if err != nil && !errors.As(err, &x) {
		w.t.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// TestSupervised: what a supervisor is told, and what it finds out by asking,
// while a server is killed, then the other, then Relève.
func TestSupervised(t *testing.T) {
	if err := os.Setenv(asReleve, "1"); err != nil {
		t.Fatal(err)
	}
	defer os.Unsetenv(asReleve)
	w := newWatched(t)
	w.check(0)
	for _, verb := range []string{"server", "calls", "registration", "node", "ready"} {
		w.check(0, verb)
	}
	w.check(3, "mirror")
	w.check(3, "certificate")
	out, said, code := w.run("alarms", "test", "all", "--lang", "en")
	if code != 0 || strings.Count(out, "\n") != 4 || !strings.Contains(out, "inform confirmed") || !strings.Contains(out, "read to its end") || !strings.Contains(out, "nothing confirms it") {
		t.Errorf("alarms test all: %d %s%s", code, out, said)
	}

	if err := syscall.Kill(w.node.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if line := w.check(2, "-t", "0.5"); !strings.Contains(line, "does not answer within 500 ms") {
		t.Errorf("a node that hangs: %s", line)
	}
	if err := syscall.Kill(w.node.Pid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.unmoved("after a moment's sleep")

	if err := w.primary.SetMode(server.Mode{Kind: server.Silent}); err != nil {
		t.Fatal(err)
	}
	w.until("the secondary serves", func(s admin.Status) bool { return s.Headline == text.OnSecondary })
	if line := w.check(1); !strings.HasPrefix(line, "WARNING: ") || !strings.Contains(line, "(secours)") {
		t.Errorf("the secondary serves: %s", line)
	}
	w.check(1, "server")
	w.told(1005)

	if err := w.secondary.SetMode(server.Mode{Kind: server.Silent}); err != nil {
		t.Fatal(err)
	}
	w.until("nobody serves", func(s admin.Status) bool { return s.Headline == text.Nobody })
	w.check(2)
	w.check(2, "server", "-c", "1:")
	w.told(1002)

	if err := w.node.Kill(); err != nil {
		t.Log(err) // killed: it did not end by itself
	}
	if line := w.check(2); !strings.Contains(line, "not running") {
		t.Errorf("a node that is dead: %s", line)
	}
	w.check(3, "registration")
}

// told waits until an alarm has come on every way.
func (w *watched) told(number int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if _, err := w.traps.Await(ctx, fmt.Sprintf(".1.1.0 = %d||", number)); err != nil {
		w.t.Error(err)
	}
	if _, err := w.log.Await(ctx, fmt.Sprintf(`code="%d"`, number), 2); err != nil { // UDP and TLS
		w.t.Error(err)
	}
	for {
		select {
		case n := <-w.posted:
			if int(n.Number) == number && n.Kind == notify.Raised {
				return
			}
		case <-ctx.Done():
			w.t.Errorf("alarm %d was not posted", number)
			return
		}
	}
}

// TestExportMIB: under the playpen, under --root, and a mistake is said.
func TestExportMIB(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"export mib", "::= { enterprises 8072 9999 9999 5060 }"},
		{"export mib --root 1.3.6.1.4.1.4242.7", "::= { enterprises 4242 7 }"},
	} {
		r := exec(t, "en_GB.UTF-8", "", strings.Fields(c.args)...)
		if r.code != 0 || !strings.HasPrefix(r.out, "RELEVE-MIB DEFINITIONS ::= BEGIN") || strings.Count(r.out, c.want) != 1 {
			t.Errorf("%s: %d %s %.80s", c.args, r.code, r.err, r.out)
		}
	}
	if r := exec(t, "en_GB.UTF-8", "", "export", "mib", "--root", "1.2.3"); r.code != exitUsage || r.out != "" || !strings.Contains(r.err, "1.2.3") {
		t.Errorf("a wrong root: %+v", r)
	}
}
