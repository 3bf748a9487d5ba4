package snmp

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/health/notify"
	"releve/testbed/snmptrapd"
)

func TestV3TrapsByEveryProtocol(t *testing.T) {
	t.Parallel()
	e := engine(t)
	pairs := [][2]string{{"SHA256", "AES"}, {"SHA512", "AES"}, {"SHA384", "AES"}, {"SHA224", "AES"}, {"SHA", "AES"}, {"MD5", "DES"}, {"SHA256", ""}, {"", ""}, {"SHA256", "AES192"}, {"SHA512", "AES256"}, {"SHA256", "AES256"}, {"SHA", "AES256"}, {"SHA", "AES256C"}, {"SHA256", "AES256C"}, {"SHA", "AES192C"}}
	names := map[string]string{"SHA256": "SHA-256", "SHA512": "SHA-512", "SHA384": "SHA-384", "SHA224": "SHA-224", "AES192": "AES-192", "AES256": "AES-256", "AES192C": "AES-192-C", "AES256C": "AES-256-C"}
	var conf strings.Builder
	for i, p := range pairs {
		auth := p[0]
		if n := names[auth]; n != "" {
			auth = n
		}
		level := "priv"
		fmt.Fprintf(&conf, "createUser -e %s u%d", e.ID(), i)
		if p[0] != "" {
			fmt.Fprintf(&conf, " %s \"the-auth-pass\"", auth)
		}
		switch {
		case p[1] != "":
			fmt.Fprintf(&conf, " %s \"the-priv-pass\"", cmp.Or(names[p[1]], p[1]))
		case p[0] != "":
			level = "auth"
		default:
			level = "noauth"
		}
		fmt.Fprintf(&conf, "\nauthUser log u%d %s\n", i, level)
	}
	r := receiver(t, snmptrapd.Options{Config: conf.String()})
	for i, p := range pairs {
		o := Options{
			Target: r.Target, Version: "3", Engine: e, User: fmt.Sprintf("u%d", i),
			Auth: p[0], Priv: p[1],
		}
		if p[0] != "" {
			o.AuthPassword = "the-auth-pass"
		}
		if p[1] != "" {
			o.PrivPassword = "the-priv-pass"
		}
		n := notice
		n.ID = fmt.Sprintf("by-%s-%s", p[0], p[1])
		if err := sink(t, o).Send(within(t), []notify.Notice{n}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Await(within(t), n.ID); err != nil {
			t.Fatalf("%s %s: %v", p[0], p[1], err)
		}
	}
}

// A receiver that ran on while we started again must not take us for a replay:
// not even when the file with the count was lost meanwhile.
func TestV3TrapsAfterARestart(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	open := func(now time.Time) *Engine {
		e, err := OpenEngine(dir, nil, "this machine", now)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	first := open(now)
	r := receiver(t, snmptrapd.Options{Config: "createUser -e " + first.ID() + " wel SHA-256 \"the-auth-pass\" AES \"the-priv-pass\"\nauthUser log wel priv"})
	send := func(e *Engine, id string) {
		s := sink(t, Options{
			Target: r.Target, Version: "3", Engine: e, User: "wel",
			Auth: "SHA256", AuthPassword: "the-auth-pass", Priv: "AES", PrivPassword: "the-priv-pass",
		})
		n := notice
		n.ID = id
		if err := s.Send(within(t), []notify.Notice{n}); err != nil {
			t.Fatal(err)
		}
	}
	await := func(id string) string {
		log, err := r.Await(within(t), id)
		if err != nil {
			t.Fatal(err)
		}
		return log
	}
	first.start = now.Add(-time.Hour) // it has run for long
	send(first, "before-the-restart")
	await("before-the-restart")
	send(open(now), "after-the-restart")
	await("after-the-restart")
	if err := os.Remove(filepath.Join(dir, "snmp-engine.json")); err != nil {
		t.Fatal(err)
	}
	lost := open(now.Add(3 * time.Minute)) // two starts since: a clock three minutes on is higher than both
	if lost.ID() != first.ID() {
		t.Fatalf("a lost engine came back as %s, was %s", lost.ID(), first.ID())
	}
	lost.start = now
	send(lost, "after-the-loss")
	await("after-the-loss")
	// What the test proves can fail: this receiver does refuse a count that went back.
	back := *first
	back.boots--
	send(&back, "went-back")
	send(lost, "the-last-one")
	if log := await("the-last-one"); strings.Contains(log, "went-back") {
		t.Error("this receiver takes a count of boots that went back: the test proves nothing")
	}
}
