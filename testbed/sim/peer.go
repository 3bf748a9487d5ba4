package sim

import (
	"time"

	"releve/health"
	"releve/router"
	"releve/router/control"
	"releve/router/lease"
)

// Two nodes: the virtual address, and what one node tells the other.

// moves is how long the address takes to follow a node that is gone (VRRP).
const (
	movesFrom = 300 * time.Millisecond
	movesTo   = 4 * time.Second
)

func (n *node) shared() bool { return n.w.set.control.Lease.Shared }

func (n *node) other() *node { return n.w.nodes[1-n.index] }

// well: it runs and the network reaches it.
func (n *node) well() bool { return n.up && n.pausedTo <= n.w.now && n.alone == 0 }

// has: the network brings what is sent to the address to this node, or, while
// two claim it, could. A node that is cut off from everything sees that it has
// no network, and claims nothing: see the package comment.
func (n *node) has() bool {
	w := n.w
	return n.alone == 0 && (w.owner == n.index || w.twice && w.store.trouble == storeWell && w.nodes[0].cut+w.nodes[1].cut == 0)
}

// entry is the node that calls and registrations reach.
func (w *World) entry() *node { return w.nodes[w.owner] }

// watchAddress tells the mind again and again whether the node has the address.
func (n *node) watchAddress() {
	if !n.shared() {
		return
	}
	n.lookAtAddress()
	n.timer(n.w.set.control.Lease.Guard/2, n.watchAddress)
}

func (n *node) lookAtAddress() {
	on := n.has()
	if on && !n.had {
		n.table.Reconcile(router.Primary, false) // calls that it has not seen may be there
		n.table.Reconcile(router.Secondary, false)
	}
	n.had = on
	n.feed(control.Event{Kind: control.Address, On: on})
}

// addressFollows: when its owner is gone for longer than VRRP waits, the other
// node takes the address. It stays there (nopreempt).
func (w *World) addressFollows() {
	if len(w.nodes) < 2 || w.nodes[w.owner].well() {
		return
	}
	w.after(between(w.clocks, movesFrom, movesTo), func() {
		if o := w.nodes[1-w.owner]; !w.nodes[w.owner].well() && o.well() {
			w.moveAddress()
		}
	})
}

func (w *World) moveAddress() {
	was := w.nodes[w.owner]
	w.owner = 1 - w.owner
	w.note('A', uint64(w.owner), 0)
	w.logf("the address moves to node %d", w.owner)
	w.goals.reach(goalAddressMoves)
	was.losesCalls()
	if n := w.nodes[w.owner]; n.well() {
		n.do(n.life, n.lookAtAddress)
	}
	if was.well() {
		was.timer(between(w.clocks, 0, 100*time.Millisecond), was.lookAtAddress)
	}
}

// losesCalls: what servers answer to the calls of a node goes to the address;
// the other node has no context for them.
func (n *node) losesCalls() {
	for _, c := range n.open {
		c.lostNode()
		for _, l := range c.legs {
			l.freeLine()
		}
		n.table.Leave(c.waiter())
	}
	n.open, n.kept = n.open[:0], n.kept[:0]
}

// askPeer has the other node probe a server now, and brings back what it sees.
func (n *node) askPeer(x router.Server, round uint64) {
	w, life, o := n.w, n.life, n.other()
	reply := func(p health.Presence) {
		n.do(life, func() { n.feed(control.Event{Kind: control.PeerSaw, Server: x, Round: round, Host: p}) })
	}
	answered := false
	n.timer(probeLimit+200*time.Millisecond, func() {
		if !answered {
			answered = true
			reply(health.Unknown)
		}
	})
	w.between.travel(w, n.index, func() {
		o.do(o.life, func() {
			o.probed(x, 0, func(router.Evidence) {
				sees := o.state.Sees(o.clock(), x)
				w.note('p', uint64(x), uint64(sees))
				w.between.travel(w, o.index, func() {
					if !answered {
						answered = true
						reply(sees)
					}
				})
			})
		})
	})
}

// travel carries a message from node to node.
func (l *link) travel(w *World, from int, arrive func()) {
	if from == 0 && l.there > 0 || from == 1 && l.back > 0 {
		return
	}
	w.after(between(w.net, 100*time.Microsecond, time.Millisecond), arrive)
}

// isolate cuts a node off from everything, or heals it.
func (w *World) isolate(n *node, by int) {
	n.alone += by
	n.cut += by
	for i := range n.links {
		n.links[i].there += by
		n.links[i].back += by
	}
	w.between.there += by
	w.between.back += by
	w.addressFollows()
}

// drawLease draws how fast two nodes are.
func drawLease(ttl time.Duration) lease.Policy {
	return lease.Policy{Shared: true, TTL: ttl, Renew: ttl / 4, Guard: ttl / 3}
}
