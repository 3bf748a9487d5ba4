package sim

import (
	"slices"
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// watch holds the mind of one node against the invariants.
type watch struct {
	last role.Row // what the role machine wants durable
	was  licence.Row
	view router.View
	cseq [router.Servers]uint32

	// The rounds of the running verification, counted a second time.
	verification uint64
	k, solid     uint8
	verdict      router.Verdict
	dead         bool // every one of them was of a dead server

	lost bool // the lease: what was wanted and not stored is forgotten

	copy control.Copy // the last that the node knew of the mirror
}

// booted: a new life begins from the store.
func (k *watch) booted(w *World) {
	cseq := k.cseq
	*k = watch{last: w.store.row.Role, was: w.store.row.Licence, cseq: cseq, copy: w.store.row.Copy}
}

// stepped looks at one step of the mind; due: what a tick would have sent in its
// place.
func (k *watch) stepped(n *node, e control.Event, effects, due []control.Effect) {
	w := n.w
	k.learns(e)
	for i := range effects {
		switch f := &effects[i]; f.Kind {
		case control.Register:
			if !slices.ContainsFunc(due, func(d control.Effect) bool { return d.Kind == f.Kind && d.Register == f.Register }) {
				k.causes(n, e, "sends a REGISTER")
			}
		case control.Record:
			if f.Reason == control.ReasonRound {
				k.round(n, f.Verdict)
			}
			k.lost = k.lost || f.Reason == router.ReasonLeaseLost
			w.goals.record(n, f)
		case control.Publish:
			if f.View.Verifying && f.View.Verification != k.verification {
				k.verification, k.k, k.solid = f.View.Verification, 0, 0
			}
		}
	}
	row := n.state.Row()
	if e.Kind == control.LeaseDone && e.Lease.Outcome == lease.Granted && e.Version > 0 {
		k.last = e.Row.Role // what it took over, to begin with
	}
	if k.lost && n.state.Holds(n.clock()) {
		if durable, _ := n.state.Stored(); e.Kind == control.Saved {
			k.last = durable.Role // likewise, when a save of the former lease has ended
		}
		k.lost = false
	}
	if row.Role != k.last {
		if !k.follows(n, row.Role) {
			k.roleMoves(n, e, k.last, row.Role)
		}
		k.last = row.Role
	}
	if row.Licence != k.was {
		w.goals.licence(e, k.was, row.Licence)
		k.was = row.Licence
	}
}

// follows: of two nodes one that takes what is stored for the truth, or falls
// back to it, changes nothing.
func (k *watch) follows(n *node, to role.Row) bool {
	durable, _ := n.state.Stored()
	return n.shared() && to == durable.Role
}

// round counts the switchable rounds in a row.
func (k *watch) round(n *node, v router.Verdict) {
	k.verdict = v
	if n.w.tracing() {
		n.logf("round judged: %v", v)
	}
	if !v.Switchable() {
		k.k, k.solid = 0, 0
		return
	}
	k.dead = v.Dead() && (k.dead || k.k == 0)
	k.k = min(k.k+1, 200)
	if v != router.VerdictDeadAlone {
		k.solid = min(k.solid+1, 200)
	}
}

func (k *watch) confirmed(p *role.Policy) bool {
	return k.solid >= p.Count || k.k >= p.Count+p.AloneExtra
}

// roleMoves: a role changes only on N confirmed rounds or an operator's command,
// goes back only on a command, and only by way of a stored intent.
func (k *watch) roleMoves(n *node, e control.Event, from, to role.Row) {
	w := n.w
	command := role.Command(0)
	if e.Kind == control.Operate {
		command = e.Command
	}
	switch {
	case to.Epoch < from.Epoch:
		w.broken("the epoch went back from %d to %d", from.Epoch, to.Epoch)
	case to.Phase == router.Switching && from.Phase != router.Switching:
		k.causes(n, e, "begins a switchover")
		k.switches(n, from, to, command)
	case to.Phase == router.Returning && from.Phase != router.Returning && command != role.Return:
		w.broken("a return that no operator asked for: %+v", to)
	case to.Phase == router.Returning && from.Phase != router.Returning:
		w.check.grant(to)
		w.ordered = w.now
	case to.Active != from.Active && from.Active != router.NoServer:
		k.arrives(n, from, to)
	}
	if from.Active == router.Primary && to.Active == router.Secondary && w.set.policy.Mode != licence.Trunk {
		w.goals.reach(goalLicenceMoved)
	}
}

// switches: the licence is about to leave the primary.
func (k *watch) switches(n *node, from, to role.Row, command role.Command) {
	w := n.w
	w.check.grant(to)
	p, primary := &w.set.control.Role, w.servers[router.Primary]
	if to.Reason == router.ReasonConfirmed {
		w.busy.Switched++
	}
	switch {
	case from.Active != router.Primary:
		w.broken("a switchover away from %v", from.Active)
	case to.Reason == router.ReasonOperator && command == role.Switchover:
		w.goals.reach(goalOperatorSwitchover)
		w.ordered = w.now
	case to.Reason != router.ReasonConfirmed:
		w.broken("a switchover for %q without a command", to.Reason)
	case !p.Automatic || !p.Act || from.Maintenance:
		w.broken("an automatic switchover where none is allowed")
	case k.blocked(n) != "":
		w.broken("an automatic switchover to a secondary %s", k.blocked(n))
	case !k.confirmed(p) || !k.verdict.Switchable():
		w.broken("a switchover on %d rounds (%d of them solid), the last %v", k.k, k.solid, k.verdict)
	case primary.unlucky[n.index] >= int(p.Count):
		// Each transmission of each round was lost by chance: the rule was kept,
		// N is what makes this rare. Counted and shown, never hidden.
		w.byLoss++
	case w.servers[router.Secondary].goneFor() > 30*time.Second:
		w.broken("a switchover to a secondary that has been %v for %v", modeText[w.servers[router.Secondary].mode], w.servers[router.Secondary].goneFor())
	case !primary.blamed(n), k.dead && !primary.blamedLately(n):
		w.broken("false switchover: the primary was well (%v), verdict %v", modeText[primary.mode], k.verdict)
	case !k.verdict.Dead() && primary.lasts(n) < w.set.control.Health.Lasting:
		w.broken("false switchover: the primary has been %v for %v only, verdict %v", modeText[primary.mode], primary.lasts(n), k.verdict)
	case k.dead && w.partition(n, primary):
		w.broken("false switchover: only our way to the primary was bad, and the other node saw it (%v)", k.verdict)
	default:
		w.goals.switched(k.verdict)
		if w.goals.reached(goalBlockedByMirror) || w.goals.reached(goalBlockedByDrain) {
			w.goals.reach(goalUnblocked)
		}
		if primary.mode == graySilent {
			w.goals.reach(goalSwitchoverMute)
		}
	}
}

// partition: the server is well, so is the other node's way to it, and the way
// between the nodes, and have been for as long as a verification may look back.
func (w *World) partition(n *node, s *server) bool {
	if len(w.nodes) < 2 || !w.set.control.Peer {
		return false
	}
	o := n.other()
	calm := func(t router.Instant) bool { return w.now.Sub(t) > 30*time.Second }
	return !s.ground[everywhere].stands(w.now) && !s.ground[o.index].stands(w.now) && s.unlucky[o.index] == 0 &&
		o.well() && !o.noProbes && calm(o.lastPause) && calm(o.lastBoot) && calm(w.betweenCutTo) && !w.between.severed()
}

// arrives: another server is active; the intent was durable before.
func (k *watch) arrives(n *node, from, to role.Row) {
	w := n.w
	moving := router.Switching
	if to.Active == router.Primary {
		moving = router.Returning
		w.goals.reach(goalReturn)
	}
	if stored := w.store.row.Role; from.Phase != moving || stored.Phase != moving || stored.Epoch != to.Epoch {
		w.broken("%v is active, and the stored intent is %+v", to.Active, stored)
	}
}

// published looks at what calls are told.
func (k *watch) published(n *node, v router.View) {
	w := n.w
	switch {
	case v.Epoch < k.view.Epoch:
		w.broken("the view's epoch went back from %d to %d", k.view.Epoch, v.Epoch)
	case v.Verification < k.view.Verification:
		w.broken("the verification number went back")
	case v.Active == router.NoServer:
		w.broken("nobody is active")
	case moving(v.Phase) && v.Phase != k.view.Phase:
		k.begins(n, v)
	}
	w.goals.view(k.view, v)
	k.view = v
}

// registers: an intent is durable before it is sent, and CSeq only rises.
func (k *watch) registers(n *node, f *licence.Effect) {
	w, row := n.w, &n.w.store.row.Licence
	if n.shared() && !n.state.Holds(n.clock()) {
		w.goals.reach(goalKept)
	}
	switch {
	case w.set.policy.Mode == licence.Trunk:
		w.broken("a REGISTER in trunk mode")
	case f.Request == licence.Register && !row.Possible[f.User][f.IPBX] && !row.Elsewhere[f.User][f.IPBX]:
		w.broken("REGISTER of %v sent, and the store does not hold it possible", f.User)
	case f.CSeq > row.CSeq[f.User]:
		w.broken("CSeq %d of %v sent, the store holds %d", f.CSeq, f.User, row.CSeq[f.User])
	case f.CSeq <= k.cseq[f.User]:
		w.broken("CSeq of %v went back to %d", f.User, f.CSeq)
	}
	k.cseq[f.User] = f.CSeq
}

// died: what a crash interrupted.
func (k *watch) died(n *node) {
	row, w := n.state.Row(), n.w
	if n.shared() && !n.state.Holds(n.clock()) {
		return
	}
	w.goals.reach(crashedIn(row.Licence.Phase))
	if n.pending != nil {
		w.goals.reach(goalCrashWhileSaving)
	}
	if n.view.Verifying {
		w.goals.reach(goalCrashInVerification)
	}
}
