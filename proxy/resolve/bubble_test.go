package resolve

import (
	"testing"
	"testing/synctest"

	"releve/testbed/nameserver"
)

// inBubble runs f on virtual time with a name server on an in-memory wire.
func inBubble(t *testing.T, f func(ns *nameserver.Server, r *Resolver)) {
	t.Helper()
	inBubbleWith(t, Config{}, f)
}

func inBubbleWith(t *testing.T, c Config, f func(ns *nameserver.Server, r *Resolver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ns := nameserver.New()
		c.Dial = ns.Dial
		c.ResolvConf = "testdata/resolv.conf"
		if c.Hosts == "" {
			c.Hosts = "testdata/none" // not this machine's
		}
		r, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		t.Cleanup(ns.Close) // first: what is on the wire ends the lookups
		f(ns, r)
	})
}
