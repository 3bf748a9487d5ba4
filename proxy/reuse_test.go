package proxy

import (
	"bytes"
	"testing"

	"releve/proxy/transport"
	"releve/router"
)

// A context that is made anew for another call hears nothing of the call that it
// was: what comes late of that one goes the way of its tail.
func TestContextMadeAnewKeepsCallsApart(t *testing.T) {
	p, w := benchProxy(func(c *Config) { c.Shards = 1 })
	s := p.shards[0]
	old := script(p, w, "old")
	if n := len(s.contexts.spent) + len(s.contexts.idle); n != 1 {
		t.Fatalf("%d contexts are kept of a call, want one: the BYE's is the INVITE's, made anew", n)
	}
	ibx, primary := transport.Flow{Remote: addrIBX}, transport.Flow{Remote: addrPrimary}
	p.Receive(ibx, []byte(invite("new")))
	if n := len(s.contexts.idle); n != 0 || len(s.servers) != 1 {
		t.Fatalf("%d contexts are idle, %d in use; want the one in use again", n, len(s.servers))
	}
	down := string(w.last)
	p.Receive(primary, []byte(answer(down, 180, "n", "Contact: <sip:ivr@10.0.1.1:5060>")))

	for _, late := range []struct {
		what  string
		of    arrival
		sends int
		with  string
	}{
		{"repeated INVITE", old[0], 0, ""},
		{"late 180", old[2], 0, ""},
		{"repeated 2xx", old[3], 1, "200 Whatever"},
		{"repeated BYE", old[5], 1, "200 Whatever"},
		{"repeated 2xx of the BYE", old[6], 0, ""},
	} {
		before := w.count
		p.Receive(late.of.from, late.of.raw)
		if n := w.count - before; n != late.sends || late.sends > 0 && !bytes.Contains(w.last, []byte("old")) || !bytes.Contains(w.last, []byte(late.with)) {
			t.Errorf("%s of the old call: %d messages sent, want %d of that call; last\n%s", late.what, n, late.sends, w.last)
		}
	}

	ok := accept(down, "n", "10.0.1.1")
	p.Receive(primary, []byte(ok))
	if !bytes.Contains(w.last, []byte("200 Whatever")) || !bytes.Contains(w.last, []byte("new")) {
		t.Errorf("the new call was answered, and this went up:\n%s", w.last)
	}
	p.Receive(ibx, []byte(uac(string(w.last), "BYE", "bye-new", 2, "10.0.0.1")))
	p.Receive(primary, []byte(answer(string(w.last), 200, "x")))
	if n := p.Stats.Outcomes[router.Answered].Load(); n != 2 || p.Dialogs.Len() != 0 {
		t.Errorf("%d calls were answered, %d are left; want 2 and none", n, p.Dialogs.Len())
	}
}

// Whoever handles a message may hold what became a tail: it is made anew for the
// next one at the earliest, and what could still be found by a table never.
func TestContextIsMadeAnewLater(t *testing.T) {
	var l contexts
	plain := func() *context { return &context{gone: true, branches: make([]branch, 1)} }
	c := plain()
	l.spend(c)
	if l.take() == c {
		t.Error("a context was made anew while its message was in hand")
	}
	l.settle()
	if l.take() != c || l.take() == c {
		t.Error("a context was not made anew once")
	}
	for what, change := range map[string]func(c *context){
		"in a table":          func(c *context) { c.gone = false },
		"with a deadline":     func(c *context) { c.slot = 1 },
		"of two branches":     func(c *context) { c.branches = make([]branch, 2) },
		"tried again":         func(c *context) { c.branches[0].tries = 1 },
		"with older attempts": func(c *context) { c.former = make([]former, 1) },
		"of a REGISTER":       func(c *context) { c.reg = &registration{} },
	} {
		c := plain()
		change(c)
		l.spend(c)
		l.settle()
		if len(l.idle) != 0 {
			t.Errorf("a context %s was kept", what)
			l = contexts{}
		}
	}
	for range 10 * maxIdle {
		l.spend(plain())
	}
	l.settle()
	if len(l.idle) != maxIdle {
		t.Errorf("%d contexts are kept, want at most %d", len(l.idle), maxIdle)
	}
}
