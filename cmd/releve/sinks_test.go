package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/health/notify"
	process "releve/testbed/node"
	"releve/testbed/postfix"
	"releve/testbed/server"
	"releve/testbed/tlstest"
)

// outage is a site whose every receiver is away: the way to its mail server (a
// real one), its desk, and its modem.
type outage struct {
	*paused
	post       *postfix.Server
	mail, desk string // addresses where nobody listens yet
	dir        string
	mu         sync.Mutex
	posted     []notify.Notice
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	dir, err := os.MkdirTemp("", "releve-sinks-") // where postfix may read
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	o := &outage{dir: dir}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	authority, err := tlstest.NewAuthority(dir, "ca")
	must(err)
	pair, err := authority.Issue(tlstest.Leaf{Name: "mail", SANs: []string{"mail.ch.example"}})
	must(err)
	o.post, err = postfix.Start(t.Context(), postfix.Config{
		Address: "127.0.18.6", Certificate: pair.Certificate, Key: pair.Key, Domain: "ch.example", Mailboxes: []string{"anne"},
	})
	must(err)
	t.Cleanup(o.post.Stop)
	for _, address := range []*string{&o.mail, &o.desk} {
		l, err := net.Listen("tcp", "127.0.67.50:0")
		must(err)
		*address = l.Addr().String()
		must(l.Close())
	}
	hooks := filepath.Join(dir, "hooks.d")
	must(os.Mkdir(hooks, 0o755))
	must(os.WriteFile(filepath.Join(hooks, "modem"), fmt.Appendf(nil, "#!/bin/sh\ncd %s && test -e up && cat >> told\n", dir), 0o755))
	o.paused = newPaused(t, 67, fmt.Sprintf(`
alarms:
  mail: {smtp: "%s", from: releve@ch.example, to: [anne@ch.example], gather: 100ms}
  webhook: [{url: "http://%s/alarm"}]
  hooks: {dir: %s}
`, o.mail, o.desk, hooks))
	return o
}

// again kills the node and starts it on the same files.
func (o *outage) again() {
	o.t.Helper()
	if err := o.node.Kill(); err != nil {
		o.t.Log(err) // killed: it did not end by itself
	}
	raw, err := os.ReadFile(filepath.Join(o.paused.dir, "releve.yaml"))
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	if o.node, err = process.Start(ctx, asProgram(o.t, o.paused.dir), o.paused.dir, string(raw)); err != nil {
		o.t.Fatal(err)
	}
	node := o.node
	o.t.Cleanup(func() { _ = node.Kill() })
}

// owed waits until alarm number waits for every receiver.
func (o *outage) owed(number int) {
	o.t.Helper()
	o.until(fmt.Sprint("alarm ", number, " is owed"), func(admin.Status) bool {
		files, _ := filepath.Glob(filepath.Join(o.paused.dir, "notices", "queue-*.json"))
		n := 0
		for _, f := range files {
			raw, _ := os.ReadFile(f)
			if strings.Contains(string(raw), fmt.Sprintf(`"number":%d,`, number)) {
				n++
			}
		}
		return n == 3
	})
}

// back brings all of them back.
func (o *outage) back() {
	o.t.Helper()
	must := func(err error) {
		if err != nil {
			o.t.Fatal(err)
		}
	}
	must(os.WriteFile(filepath.Join(o.dir, "up"), nil, 0o644))
	l, err := net.Listen("tcp", o.desk)
	must(err)
	desk := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n notify.Notice
		if json.NewDecoder(r.Body).Decode(&n) == nil {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.posted = append(o.posted, n)
		}
	})}}
	desk.Start()
	o.t.Cleanup(desk.Close)
	way, err := net.Listen("tcp", o.mail)
	must(err)
	o.t.Cleanup(func() { _ = way.Close() })
	go func() {
		for {
			c, err := way.Accept()
			if err != nil {
				return
			}
			go o.carry(c)
		}
	}()
}

// carry is the way to the mail server.
func (o *outage) carry(c net.Conn) {
	defer c.Close()
	far, err := net.Dial("tcp", o.post.SMTP)
	if err != nil {
		return
	}
	defer far.Close()
	go func() { _, _ = io.Copy(far, c); _ = far.(*net.TCPConn).CloseWrite() }()
	_, _ = io.Copy(c, far)
}

func (o *outage) atDesk() []notify.Notice {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.posted)
}

func (o *outage) atModem() (out []notify.Notice) {
	raw, err := os.ReadFile(filepath.Join(o.dir, "told"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		o.t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(raw)), "\n") {
		var n notify.Notice
		if json.Unmarshal([]byte(line), &n) == nil {
			out = append(out, n)
		}
	}
	return out
}

// TestEverySinkDownOverTwoKills: mail, desk and modem are away while the primary
// dies, the node is killed, the secondary dies, the node is killed again. When they
// are back each is told all of it, once, in order; and a mail is of its incident.
func TestEverySinkDownOverTwoKills(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	want := []int{1001, 1005, 1002}
	if err := o.primary.SetMode(server.Mode{Kind: server.Killed}); err != nil {
		t.Fatal(err)
	}
	o.until("the secondary serves", func(s admin.Status) bool { return s.Headline == text.OnSecondary })
	o.owed(1005)
	o.again()
	if err := o.secondary.SetMode(server.Mode{Kind: server.Killed}); err != nil {
		t.Fatal(err)
	}
	o.owed(1002)
	o.again()
	o.back()
	for name, told := range map[string]func() []notify.Notice{"desk": o.atDesk, "modem": o.atModem} {
		o.until("all was told to the "+name, func(admin.Status) bool {
			got := told()
			return !slices.ContainsFunc(want, func(number int) bool { return !raised(got, number) })
		})
		got := told()
		seen := map[string]bool{}
		for i, n := range got {
			if seen[n.ID] {
				t.Errorf("the %s was told twice of %d %s", name, n.Number, n.Kind)
			}
			seen[n.ID] = true
			if i > 0 && n.Time.Before(got[i-1].Time) {
				t.Errorf("the %s was told of %d %s after %d %s, which came later", name, n.Number, n.Kind, got[i-1].Number, got[i-1].Kind)
			}
		}
	}
	for _, number := range want {
		o.until(fmt.Sprint("the mail of ", number), func(admin.Status) bool { return o.mailed(number) })
	}
}

func raised(notices []notify.Notice, number int) bool {
	return slices.ContainsFunc(notices, func(n notify.Notice) bool { return int(n.Number) == number && n.Kind == notify.Raised })
}

// mailed: some mail tells of it, in its text, and no mail has come twice.
func (o *outage) mailed(number int) bool {
	mails, err := o.post.Mails("anne")
	if err != nil {
		o.t.Fatal(err)
	}
	found, ids := false, map[string]bool{}
	for _, m := range mails {
		id := m.Header.Get("Message-ID")
		if ids[id] {
			o.t.Fatalf("the mail %s came twice", id)
		}
		ids[id] = true
		found = found || strings.Contains(m.Body, fmt.Sprint("alarm ", number))
	}
	return found
}
