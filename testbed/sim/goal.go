package sim

import (
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// goal is a situation that a run of many episodes must have met: a simulator
// that never meets it proves nothing about it.
type goal uint8

const (
	goalSwitchover goal = iota
	goalSwitchoverGray
	goalSwitchoverDegraded
	goalSwitchoverAlone
	goalOperatorSwitchover
	goalLicenceMoved
	goalReturn
	goalProof
	goalFence
	goalFenceDesk
	goalCrashInDrain
	goalCrashInUnreg
	goalCrashInClaim
	goalCrashInConfirm
	goalCrashWhileSaving
	goalCrashInVerification
	goalCrashAtRest
	goalCallLostWithNode
	goalSaveUnknownSwitching
	goalPause
	goalDuplicate
	goalBothDown
	goalServerBack
	goalMaintenance
	goalNotReady
	goalStoreDown
	goalWouldHave
	goalLinesFull
	goalDissuaded
	goalDelivered
	goalRequeued
	goalAnsweredWhileHeld
	goalRescued
	goalCancelledWhileHeld
	goalBudgetSpent
	goalLooped
	goalLateAnswer
	goalPassiveRefused
	goalPassed
	goalOwn
	goalTakenOver
	goalFenced
	goalAddressMoves
	goalKept
	goalWaited
	goalBusyHour
	goalTestCall
	goalSwitchoverMute
	goalBlockedByMirror
	goalBlockedByDrain
	goalUnblocked
	goalOrderLate
	goalVerdicts                                                   // and one for each verdict that a round can have
	goalFaults   = goalVerdicts + goal(router.VerdictSelfSick) + 1 // and one for each kind of fault
	goalCount    = goalFaults + goal(kinds)
)

func goalFault(k kind) goal { return goalFaults + goal(k) }

// crashedIn is the goal of a crash in a phase of the licence's move.
func crashedIn(p licence.Phase) goal {
	switch p {
	case licence.Drain:
		return goalCrashInDrain
	case licence.Unreg:
		return goalCrashInUnreg
	case licence.Claim:
		return goalCrashInClaim
	case licence.Confirm:
		return goalCrashInConfirm
	}
	return goalCrashAtRest
}

var goalText = [goalVerdicts]string{
	"switchover", "switchover of a gray server", "switchover of a degraded server", "switchover without a second view",
	"operator's switchover", "licence moved", "return", "proof taken", "fence taken", "fence outlasts the budget",
	"crash while draining", "crash while the user leaves", "crash inside claim", "crash while confirming", "crash while saving", "crash in a verification", "crash while nothing moves",
	"call lost with the node", "save unknown while switching", "pause", "duplicate",
	"both down", "server back", "maintenance", "secondary not ready", "store down",
	"would have switched", "lines full", "dissuaded", "delivered held call", "requeue served", "answered while held", "rescue",
	"caller hung up while held", "hold budget spent", "looped", "late answer released", "passive server's call refused",
	"server's REGISTER passed on", "server registered here", "lease taken over", "fenced off by the lease's epoch", "address moved",
	"kept alive without the store", "waiting list used", "busy hour", "test call", "switchover of a server without sound",
	"switchover blocked by the mirror", "switchover blocked by a drain", "switchover when nothing blocked it any more", "order too late",
}

func (x goal) String() string {
	switch {
	case x >= goalFaults:
		return "fault: " + kindText[x-goalFaults]
	case x >= goalVerdicts:
		return "verdict: " + router.Verdict(x-goalVerdicts).String()
	}
	return goalText[x]
}

// goals is the set of those reached.
type goals [2]uint64

func (g *goals) reach(x goal) { g[x/64] |= 1 << (x % 64) }

func (g goals) reached(x goal) bool { return g[x/64]>>(x%64)&1 != 0 }

func (g *goals) add(o goals) {
	for i := range g {
		g[i] |= o[i]
	}
}

// missed names those not reached.
func (g goals) missed() []string {
	out := []string{}
	for x := range goalCount {
		if !g.reached(x) {
			out = append(out, x.String())
		}
	}
	return out
}

func (g *goals) switched(v router.Verdict) {
	g.reach(goalSwitchover)
	switch v {
	case router.VerdictGray:
		g.reach(goalSwitchoverGray)
	case router.VerdictDegraded:
		g.reach(goalSwitchoverDegraded)
	case router.VerdictDeadAlone:
		g.reach(goalSwitchoverAlone)
	}
}

// record notes what the journal tells.
func (g *goals) record(n *node, f *control.Effect) {
	if f.Reason == control.ReasonRound {
		g.reach(goalVerdicts + goal(f.Verdict))
	}
	switch f.Reason {
	case router.ReasonServerBack:
		g.reach(goalServerBack)
	case router.ReasonMaintenance:
		g.reach(goalMaintenance)
	case router.ReasonNotReady:
		g.reach(goalNotReady)
		if n.drained[router.Secondary] {
			g.reach(goalBlockedByDrain)
		} else if n.watch.blocked(n) != "" {
			g.reach(goalBlockedByMirror)
		}
	case router.ReasonOrderLate:
		g.reach(goalOrderLate)
	case router.ReasonStoreDown:
		g.reach(goalStoreDown)
	case router.ReasonObservation, router.ReasonLevel:
		g.reach(goalWouldHave)
	}
}

// licence notes how a user that had to leave was found gone.
func (g *goals) licence(e control.Event, from, to licence.Row) {
	left := (from.Phase == licence.Unreg || from.Phase == licence.Drain) && to.Phase == licence.Claim
	switch {
	case left && e.Kind == control.Registrar && e.Register.Kind == licence.Answer:
		g.reach(goalProof)
	case left && e.Kind == control.Tick:
		g.reach(goalFence)
	}
}

func (g *goals) view(from, to router.View) {
	if to.Phase == router.BothDown && from.Phase != router.BothDown {
		g.reach(goalBothDown)
	}
}

// call notes how a call ended.
func (g *goals) call(c *call) {
	if c.waitSeen {
		g.reach(goalWaited)
	}
	switch c.outcome {
	case router.Dissuaded:
		g.reach(goalDissuaded)
	case router.Rescued:
		g.reach(goalRescued)
	case router.Cancelled:
		if c.holdSeen {
			g.reach(goalCancelledWhileHeld)
		}
	}
	switch c.reason {
	case router.ReasonDelivered:
		g.reach(goalDelivered)
	case router.ReasonRequeued:
		g.reach(goalRequeued)
	case router.ReasonAnsweredWhileHeld:
		g.reach(goalAnsweredWhileHeld)
	case router.ReasonHoldBudget:
		g.reach(goalBudgetSpent)
	case router.ReasonLooped:
		g.reach(goalLooped)
	case router.ReasonPassiveOutgoing:
		g.reach(goalPassiveRefused)
	}
}
