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

// check holds an episode against the invariants of the product.
type check struct {
	w    *World
	last role.Row // what the role machine wants durable
	was  licence.Row
	view router.View
	cseq [router.Servers]uint32

	// The rounds of the running verification, counted a second time.
	verification uint64
	k, solid     uint8
	verdict      router.Verdict
}

// booted: a new life begins from the store.
func (k *check) booted(*node) {
	k.last, k.was = k.w.store.row.Role, k.w.store.row.Licence
	k.view, k.verification, k.k, k.solid = router.View{}, 0, 0, 0
}

// stepped looks at one step of the mind.
func (k *check) stepped(n *node, e control.Event, effects []control.Effect) {
	w := k.w
	for i := range effects {
		switch f := &effects[i]; f.Kind {
		case control.Record:
			if f.Reason == control.ReasonRound {
				k.round(f.Verdict)
			}
			w.goals.record(f)
		case control.Publish:
			if f.View.Verifying && f.View.Verification != k.verification {
				k.verification, k.k, k.solid = f.View.Verification, 0, 0
			}
		}
	}
	row := n.state.Row()
	if row.Role != k.last {
		k.roleMoves(n, e, k.last, row.Role)
		k.last = row.Role
	}
	if row.Licence != k.was {
		w.goals.licence(e, k.was, row.Licence)
		k.was = row.Licence
	}
}

// round counts the switchable rounds in a row.
func (k *check) round(v router.Verdict) {
	k.verdict = v
	if w := k.w; w.tracing() {
		w.logf("round judged: %v", v)
	}
	if !v.Switchable() {
		k.k, k.solid = 0, 0
		return
	}
	k.k = min(k.k+1, 200)
	if v != router.VerdictDeadAlone {
		k.solid = min(k.solid+1, 200)
	}
}

func (k *check) confirmed() bool {
	p := &k.w.set.control.Role
	return k.solid >= p.Count || k.k >= p.Count+p.AloneExtra
}

// roleMoves: a role changes only on N confirmed rounds or an operator's command,
// goes back only on a command, and only by way of a stored intent.
func (k *check) roleMoves(n *node, e control.Event, from, to role.Row) {
	w := k.w
	command := role.Command(0)
	if e.Kind == control.Operate {
		command = e.Command
	}
	switch {
	case to.Epoch < from.Epoch:
		w.broken("the epoch went back from %d to %d", from.Epoch, to.Epoch)
	case to.Phase == router.Switching && from.Phase != router.Switching:
		k.switches(from, to, command)
	case to.Phase == router.Returning && from.Phase != router.Returning && command != role.Return:
		w.broken("a return that no operator asked for: %+v", to)
	case to.Active != from.Active && from.Active != router.NoServer:
		k.arrives(from, to)
	}
	if from.Active == router.Primary && to.Active == router.Secondary && w.set.policy.Mode != licence.Trunk {
		w.goals.reach(goalLicenceMoved)
	}
}

// switches: the licence is about to leave the primary.
func (k *check) switches(from, to role.Row, command role.Command) {
	w := k.w
	p := &w.set.control.Role
	switch {
	case from.Active != router.Primary:
		w.broken("a switchover away from %v", from.Active)
	case to.Reason == router.ReasonOperator && command == role.Switchover:
		w.goals.reach(goalOperatorSwitchover)
	case to.Reason != router.ReasonConfirmed:
		w.broken("a switchover for %q without a command", to.Reason)
	case !p.Automatic || !p.Act || from.Maintenance:
		w.broken("an automatic switchover where none is allowed")
	case !k.confirmed() || !k.verdict.Switchable():
		w.broken("a switchover on %d rounds (%d of them solid), the last %v", k.k, k.solid, k.verdict)
	case w.servers[router.Primary].unlucky >= int(p.Count):
		// Each transmission of each round was lost by chance: the rule was kept,
		// N is what makes this rare. Counted and shown, never hidden.
		w.byLoss++
	case !w.servers[router.Primary].blamed():
		w.broken("false switchover: the primary was well (%v), verdict %v", modeText[w.servers[router.Primary].mode], k.verdict)
	default:
		w.goals.switched(k.verdict)
	}
}

// arrives: another server is active; the intent was durable before.
func (k *check) arrives(from, to role.Row) {
	w := k.w
	moving := router.Switching
	if to.Active == router.Primary {
		moving = router.Returning
		w.goals.reach(goalReturn)
	}
	if stored := w.store.row.Role; from.Phase != moving || stored.Phase != moving || stored.Epoch != to.Epoch {
		w.broken("%v is active, and the stored intent is %+v", to.Active, stored)
	}
}

// stored looks at each row that becomes durable.
func (k *check) stored(_ *node, old, row control.Row) {
	if row.Role.Epoch < old.Role.Epoch {
		k.w.broken("the stored epoch went back from %d to %d", old.Role.Epoch, row.Role.Epoch)
	}
	moved := old.Role.Active != router.NoServer && row.Role.Active != old.Role.Active
	if moved && old.Role.Phase != router.Switching && old.Role.Phase != router.Returning {
		k.w.broken("the stored active server changed without a stored intent: %+v to %+v", old.Role, row.Role)
	}
}

// published looks at what calls are told.
func (k *check) published(_ *node, v router.View) {
	w := k.w
	switch {
	case v.Epoch < k.view.Epoch:
		w.broken("the view's epoch went back from %d to %d", k.view.Epoch, v.Epoch)
	case v.Verification < k.view.Verification:
		w.broken("the verification number went back")
	case v.Active == router.NoServer:
		w.broken("nobody is active")
	}
	w.goals.view(k.view, v)
	k.view = v
}

// registers: an intent is durable before it is sent, and CSeq only rises.
func (k *check) registers(_ *node, f *licence.Effect) {
	w, row := k.w, &k.w.store.row.Licence
	switch {
	case w.set.policy.Mode == licence.Trunk:
		w.broken("a REGISTER in trunk mode")
	case f.Request == licence.Register && !row.Possible[f.User][f.IPBX]:
		w.broken("REGISTER of %v sent, and the store does not hold it possible", f.User)
	case f.CSeq > row.CSeq[f.User]:
		w.broken("CSeq %d of %v sent, the store holds %d", f.CSeq, f.User, row.CSeq[f.User])
	case f.CSeq <= k.cseq[f.User]:
		w.broken("CSeq of %v went back to %d", f.User, f.CSeq)
	}
	k.cseq[f.User] = f.CSeq
}

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

// died: what a crash interrupted.
func (k *check) died(n *node) {
	row := n.state.Row()
	w := k.w
	switch {
	case row.Licence.Phase == licence.Claim:
		w.goals.reach(goalCrashInClaim)
	case row.Licence.Phase == licence.Drain || row.Licence.Phase == licence.Unreg:
		w.goals.reach(goalCrashInLeaving)
	}
	if w.store.pending != nil {
		w.goals.reach(goalCrashWhileSaving)
	}
	if n.view.Verifying {
		w.goals.reach(goalCrashInVerification)
	}
}

// atEnd: the faults ended long ago. Exactly one live server is registered, calls
// are answered, nothing is left over.
func (k *check) atEnd() {
	w := k.w
	n := w.nodes[0]
	v := n.state.View()
	if n.up && (v.Phase == router.Switching || v.Phase == router.Returning || v.Phase == router.BothDown || v.Phase == router.Maintenance) {
		w.broken("long after the faults the phase is %v, licence %+v", v.Phase, n.state.Licence(n.clock()))
		return
	}
	k.registeredAtEnd(v.Active)
	k.callsAtEnd()
	k.leftovers()
	for a, since := range n.alarms {
		if w.now.Sub(since) > time.Minute && lasting(a.number) {
			w.broken("alarm %d about %v stands long after the faults", a.number, a.server)
		}
	}
}

// lasting: the alarm speaks of a condition that has ended; 1005 and 1006 speak
// of what an operator has yet to do.
func lasting(number uint16) bool { return number != 1005 && number != 1006 }

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
	return s.heal.Add(s.policy.MaxGrant + grace - 30*time.Second)
}

var requestText = [...]string{"REGISTER", "un-REGISTER", "fetch"}

var forkText = [...]string{"start", "cancel", "abandon", "relay", "reply", "hold", "unhold", "wait", "leave", "pace", "release", "report", "done"}

var phaseText = [...]string{"IDLE", "BOUND", "DRAIN", "UNREG", "CLAIM", "CONFIRM"}

func rowText(r control.Row) string {
	l := &r.Licence
	return fmt.Sprintf("%v %v #%d %s, licence %s %v (leaving %v) #%d possible %v", r.Role.Phase, r.Role.Active, r.Role.Epoch, r.Role.Reason,
		phaseText[l.Phase], l.Holder, l.Leaving, l.Epoch, l.Possible[1:])
}
