// Package kamailio runs Debian's Kamailio as the IPBX of a test: registrar
// (digest) and proxy between its phones and the hop under test.
//
//	Write ─► the command ─► (the caller runs it) ─► Set, Ask, Bindings while it runs
//
// What the registrar holds it says itself: after each change of a binding it
// prints a line that Bound reads. A Site belongs to one goroutine; Set, Ask and
// Bindings may be called from any.
package kamailio

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed kamailio.cfg
var config string

// modules of Kamailio stand under the directory of the machine's architecture;
// tables are the empty tables of its db_text, and stored is where a site has
// them.
const (
	modules = "/usr/lib/*/kamailio/modules"
	tables  = "/usr/share/kamailio/dbtext/kamailio"
	stored  = "tables"
)

// Site is where Kamailio stands and how its registrar begins. Only Addr and
// Releve are required.
type Site struct {
	Addr      netip.Addr // it listens at 5060, with TLS at 5061
	Releve    netip.Addr // from where the hop under test speaks to it
	Trunk     string     // URI of the hop
	Policy    string     // when a second binding comes: replace (or ""), reject, several
	Fault     string     // see kamailio.cfg; "": none
	NonceLife int        // seconds; 0: 300
	Grant     int        // the longest registration, seconds; 0: 120
	Least     int        // the shortest one, whatever is asked, seconds; 0: 60
	Suffix    string     // of every password, behind "secret" and the user
	Stored    bool       // bindings outlive an orderly end

	CA, Certificate, Key string // PEM files; "": no TLS
}

// Write fills the configuration in under dir, which is made, and returns the
// command that runs Kamailio in the foreground. What is Stored there stays.
func Write(dir string, s Site) (argv []string, err error) {
	found, err := filepath.Glob(modules)
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("no %s; install kamailio", modules)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, stored)); s.Stored && errors.Is(err, os.ErrNotExist) {
		if err := Empty(dir); err != nil {
			return nil, err
		}
	}
	s.Policy, s.Fault = cmp.Or(s.Policy, "replace"), cmp.Or(s.Fault, "none")
	s.NonceLife, s.Grant = cmp.Or(s.NonceLife, 300), cmp.Or(s.Grant, 120)
	s.Least = cmp.Or(s.Least, 60)
	path := filepath.Join(dir, "kamailio.cfg")
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t, err := template.New("kamailio.cfg").Parse(config)
	if err != nil {
		return nil, err
	}
	err = t.Execute(file, struct {
		Site
		Dir, Modules string
	}{s, dir, found[0] + "/"})
	return []string{"kamailio", "-DD", "-E", "-f", path, "-Y", dir}, err
}

// Empty makes a database without bindings for the Stored Kamailio of dir, which
// must not run.
func Empty(dir string) error {
	dir = filepath.Join(dir, stored)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"version", "location"} {
		raw, err := os.ReadFile(filepath.Join(tables, name))
		if err != nil {
			return fmt.Errorf("%w; install kamailio", err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Ask runs a command of the Kamailio that runs in dir, over its own socket.
func Ask(ctx context.Context, dir string, words ...string) (string, error) {
	said, err := exec.CommandContext(ctx, "kamcmd", append([]string{"-s", "unix:" + dir + "/ctl"}, words...)...).CombinedOutput()
	if err != nil || strings.HasPrefix(string(said), "error:") { // its exit code does not tell
		return "", fmt.Errorf("kamcmd %s: %w: %s", strings.Join(words, " "), err, said)
	}
	return string(said), nil
}

// Set turns a knob of kamailio.cfg from now on.
func Set(ctx context.Context, dir, knob, value string) error {
	_, err := Ask(ctx, dir, "htable.sets", "knob", knob, "s:"+value) // s: a string, even of digits
	return err
}

var (
	aor     = regexp.MustCompile(`AoR:\s*(\S+)`)
	contact = regexp.MustCompile(`Address:\s*(\S+)`)
)

// Bindings lists the contacts of each user (ul.dump).
func Bindings(ctx context.Context, dir string) (map[string][]string, error) {
	said, err := Ask(ctx, dir, "ul.dump")
	if err != nil {
		return nil, err
	}
	out := make(map[string][]string)
	user := ""
	for line := range strings.Lines(said) {
		if m := aor.FindStringSubmatch(line); m != nil {
			user = m[1]
		}
		if m := contact.FindStringSubmatch(line); m != nil {
			out[user] = append(out[user], m[1])
		}
	}
	return out, nil
}

// State is what the registrar said of the two licensed users after a change.
type State struct {
	At    time.Time            // by its clock
	Until map[string]time.Time // of the users that are bound: when that ends
}

var bound = regexp.MustCompile(`BOUND 5001=[01] 5002=[01] after .* until=(\d*)/(\d*) at=(\d+)\.(\d+)`)

// Bound reads a line of its output; false: it is about something else.
func Bound(line string) (s State, ok bool) {
	m := bound.FindStringSubmatch(line)
	if m == nil {
		return s, false
	}
	sec, _ := strconv.ParseInt(m[3], 10, 64) // digits, by the expression
	micro, _ := strconv.ParseInt(m[4], 10, 64)
	s = State{At: time.Unix(sec, micro*1000), Until: make(map[string]time.Time, 1)}
	for i, user := range []string{"5001", "5002"} {
		if until, err := strconv.ParseInt(m[1+i], 10, 64); err == nil && until > 0 {
			s.Until[user] = time.Unix(until, 0)
		}
	}
	return s, true
}
