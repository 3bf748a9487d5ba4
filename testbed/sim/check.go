package sim

import (
	"fmt"
	"time"

	"releve/proxy/fork"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
	"releve/router/role"
)

// check holds an episode against the invariants of the product; what concerns
// one node's mind is its watch.
type check struct {
	w       *World
	grounds [8]role.Row // changes of role that were judged right, the newest ones
	next    int
}

// grant notes that a change of role is right: it may be stored.
func (k *check) grant(r role.Row) {
	k.grounds[k.next%len(k.grounds)] = r
	k.next++
}

func (k *check) granted(r role.Row) bool {
	for _, g := range k.grounds {
		if g == r {
			return true
		}
	}
	return false
}

// always is looked at after every event: never two servers' bindings at once,
// and of two nodes never two that may decide.
func (k *check) always() {
	k.bindings()
	w := k.w
	if len(w.nodes) < 2 || w.store.jumped {
		return
	}
	a, b := w.nodes[0], w.nodes[1]
	if a.up && b.up && a.state.Holds(a.clock()) && b.state.Holds(b.clock()) {
		w.broken("two nodes may decide at once")
	}
}

// stored looks at each row that becomes durable.
func (k *check) stored(_ *node, old, row *control.Row) {
	from, to := old.Role, row.Role
	if to.Epoch < from.Epoch {
		k.w.broken("the stored epoch went back from %d to %d", from.Epoch, to.Epoch)
	}
	moved := from.Active != router.NoServer && to.Active != from.Active
	if moved && from.Phase != router.Switching && from.Phase != router.Returning {
		k.w.broken("the stored active server changed without a stored intent: %+v to %+v", old, row)
	}
	if moving(to.Phase) && !moving(from.Phase) && !k.granted(to) {
		k.w.broken("a move is stored for which there was no ground: %+v", to)
	}
}

func moving(p router.Phase) bool { return p == router.Switching || p == router.Returning }

// bindings: never those of two servers at once, at whichever IPBX.
func (k *check) bindings() {
	var bound [router.Servers]bool
	for _, b := range k.w.ipbxs {
		for x := router.Primary; x <= router.Secondary; x++ {
			bound[x] = bound[x] || b.bound(x)
		}
	}
	if bound[router.Primary] && bound[router.Secondary] {
		k.w.broken("both servers' users are bound at once")
	}
}

// started: a call from the IPBX goes to the active server or to the desk.
func (k *check) started(c *call, f *fork.Effect) {
	if x := serverOf(f.Target); x != router.NoServer && x != c.n.view.Active {
		k.w.broken("call %d is given to %v, which is not active", c.id, x)
	}
}

// kept: a caller is kept no longer than the budget.
func (k *check) kept(c *call) {
	if !c.fork.Held() && !c.fork.Waiting() {
		return
	}
	w := k.w
	if c.keptSince == router.Never {
		c.keptSince = w.now
	}
	if paused := c.n.lastPause > c.keptSince; !paused && w.now.Sub(c.keptSince) > holdBudget+time.Second {
		w.broken("call %d has been kept for %v", c.id, w.now.Sub(c.keptSince))
	}
}

func (k *check) done(c *call, f *fork.Effect) {
	switch {
	case c.dones > 1:
		k.w.broken("call %d is done %d times", c.id, c.dones)
	case c.sent == 0 || c.sent != f.Status:
		k.w.broken("call %d is done with %d, %d went up", c.id, f.Status, c.sent)
	}
}

// atEnd: the faults ended long ago. One node decides, exactly one live server is
// registered, calls are answered, nothing is left over.
func (k *check) atEnd() {
	w := k.w
	n := w.holder()
	if n == nil {
		w.broken("long after the faults no node decides")
		return
	}
	v := n.state.View()
	if moving(v.Phase) || v.Phase == router.BothDown || v.Phase == router.Maintenance {
		w.broken("long after the faults the phase is %v, licence %+v", v.Phase, n.state.Licence(n.clock()))
		return
	}
	for _, o := range w.nodes {
		if ov := o.state.View(); o.up && (ov.Active != v.Active || ov.Epoch != v.Epoch) {
			w.broken("node %d believes that %v is active (epoch %d), node %d knows that %v is (epoch %d)", o.index, ov.Active, ov.Epoch, n.index, v.Active, v.Epoch)
		}
	}
	if w.set.grave && v.Active != router.Secondary {
		w.broken("long after the faults the primary is dead, and %v is active: nothing blocks the switchover", v.Active)
		return
	}
	k.registeredAtEnd(v.Active)
	k.callsAtEnd()
	k.leftovers()
	for a, since := range w.alarms {
		if w.now.Sub(since) > time.Minute && k.lasting(a.number) && !w.stays(a.server) {
			w.broken("alarm %d about %v stands long after the faults", a.number, a.server)
		}
	}
}

// holder is the node that decides.
func (w *World) holder() *node {
	for _, n := range w.nodes {
		if n.up && n.state.Holds(n.clock()) {
			return n
		}
	}
	return nil
}

// lasting: the alarm speaks of a condition that has ended; 1005 and 1006 speak of
// what an operator has yet to do, 1013 and 1014 may speak of how the IPBX is.
func (k *check) lasting(number uint16) bool {
	if k.w.store.jumped {
		return false // two nodes told of alarms for a while, each for itself
	}
	switch number {
	case 1005, 1006, control.AlarmBoth:
		return false
	case 1013:
		return !k.w.set.rewrites
	case 1014:
		return k.w.set.grants <= k.w.set.policy.MaxGrant
	}
	return true
}

func (k *check) registeredAtEnd(active router.Server) {
	w := k.w
	subject := active
	switch w.set.policy.Mode {
	case licence.Hold:
		subject = router.Primary
	case licence.Trunk:
		subject = router.NoServer
	}
	for _, b := range w.ipbxs {
		for x := router.Primary; x <= router.Secondary; x++ {
			if b.bound(x) != (x == subject) {
				w.broken("long after the faults the binding of %v at ipbx %d is %v, %v is active", x, b.index, b.bound(x), active)
			}
		}
	}
}

// callsAtEnd: every call has ended, and those offered when all was well again
// were answered.
func (k *check) callsAtEnd() {
	w := k.w
	for _, c := range w.calls {
		if !c.ended {
			w.broken("call %d never ended", c.id)
		}
		if c.offered < w.set.settled() || c.outcome == router.Answered || c.outcome == router.Cancelled || c.outgoing != router.NoServer {
			continue
		}
		refused := c.outcome == router.Dissuaded || c.outcome == router.RefusedByPeer || c.outcome == router.Rescued
		// Nothing is held in observation: a call whose INVITEs got lost goes to
		// the desk.
		unlucky := w.set.loss > 0 && c.reason == router.ReasonNoProgress && (!w.set.fork.Automatic || !w.set.control.Role.Act)
		switch {
		case unlucky, c.entry == router.OverflowEntry && refused, c.metFull && refused, c.reason == router.ReasonLooped, !c.begun:
		default:
			w.broken("call %d, offered when all was well, ended %v (%s)", c.id, c.outcome, c.reason)
		}
	}
}

// leftovers: nothing rings on a server, and no line is held by nobody.
func (k *check) leftovers() {
	w := k.w
	for x := router.Primary; x <= router.Secondary; x++ {
		for _, l := range w.servers[x].legs {
			talking := l.over && l.status/100 == 2 && l.call.hungUp
			if !talking && w.now.Sub(l.call.offered) > 100*time.Second {
				w.broken("call %d is left on %v", l.call.id, x)
			}
		}
	}
}

// settled is when all must be well again.
func (s *setting) settled() router.Instant {
	return s.heal.Add(s.longest() + grace - 30*time.Second)
}

var requestText = [...]string{"REGISTER", "un-REGISTER", "fetch"}

var forkText = [...]string{"start", "cancel", "abandon", "relay", "reply", "hold", "unhold", "wait", "leave", "pace", "release", "report", "done"}

var phaseText = [...]string{"IDLE", "BOUND", "DRAIN", "UNREG", "CLAIM", "CONFIRM"}

func rowText(r *control.Row) string {
	l := &r.Licence
	return fmt.Sprintf("%v %v #%d %s, licence %s %v (leaving %v) #%d possible %v", r.Role.Phase, r.Role.Active, r.Role.Epoch, r.Role.Reason,
		phaseText[l.Phase], l.Holder, l.Leaving, l.Epoch, l.Possible[1:])
}
