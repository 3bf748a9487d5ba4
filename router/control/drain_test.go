package control

import (
	"testing"
	"time"

	"releve/router"
	"releve/router/licence"
	"releve/router/role"
)

// refused is the reason of the newest refusal among the effects.
func (n *node) refused() (r router.Reason) {
	for _, f := range n.calls {
		if f.Kind == Refuse {
			r = f.Reason
		}
	}
	return r
}

// A drained secondary takes over neither by itself nor by command, and does
// again as soon as the mark is lifted.
func TestDrainedSecondaryTakesNothingOver(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.feed(Event{Kind: Drain, Server: router.Secondary, On: true})
	if v := n.s.View(); n.s.Ready() || !v.Drained[router.Secondary] || v.Drained[router.Primary] {
		t.Fatalf("ready %v, %+v", n.s.Ready(), v)
	}
	n.feed(Event{Kind: Operate, Command: role.Switchover, Force: true})
	if v := n.s.View(); v.Phase != router.Normal || n.refused() != router.ReasonDrained {
		t.Fatalf("commanded: %+v, refused %q", v, n.refused())
	}
	n.alive[router.Primary] = false
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(20 * time.Second)
	if v := n.s.View(); v.Active != router.Primary || v.Phase == router.Switching || n.bound[router.Secondary] {
		t.Fatalf("switched over to a drained server: %+v", v)
	}
	n.feed(Event{Kind: Drain, Server: router.Secondary})
	n.run(20 * time.Second)
	if v := n.s.View(); v.Phase != router.OnSecondary || !n.bound[router.Secondary] || n.maxBound > 1 {
		t.Fatalf("the mark was lifted: %+v, most bound %d", v, n.maxBound)
	}
}

// While the primary is drained there is no return to it, and the call path is
// told of the mark at once.
func TestDrainedPrimaryIsNotReturnedTo(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.feed(Event{Kind: Operate, Command: role.Switchover})
	n.run(30 * time.Second)
	n.feed(Event{Kind: Drain, Server: router.Primary, On: true})
	n.feed(Event{Kind: Operate, Command: role.Return, Force: true})
	if v := n.s.View(); v.Phase != router.OnSecondary || n.refused() != router.ReasonDrained || !v.Drained[router.Primary] {
		t.Fatalf("%+v, refused %q", v, n.refused())
	}
	n.feed(Event{Kind: Drain, Server: router.Primary})
	n.feed(Event{Kind: Operate, Command: role.Return})
	n.run(5 * time.Second)
	if v := n.s.View(); v.Phase != router.Normal || v.Drained != [router.Servers]bool{} || n.maxBound > 1 {
		t.Fatalf("%+v, most bound %d", v, n.maxBound)
	}
}
