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
	goalCrashInClaim
	goalCrashInLeaving
	goalCrashWhileSaving
	goalCrashInVerification
	goalCallLostWithNode
	goalSaveUnknownSwitching
	goalPause
	goalDuplicate
	goalBusyAbort
	goalSlowAbort
	goalUnknownAbort
	goalIsolated
	goalIPBXFault
	goalSelfSick
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
	goalCount
)

var goalText = [goalCount]string{
	"switchover", "switchover of a gray server", "switchover of a degraded server", "switchover without a second view",
	"operator's switchover", "licence moved", "return", "proof taken", "fence taken", "fence outlasts the budget",
	"crash inside claim", "crash while the user leaves", "crash while saving", "crash in a verification",
	"call lost with the node", "save unknown while switching", "pause", "duplicate", "busy abort", "slow abort", "unknown abort",
	"self isolated", "ipbx fault", "self sick", "both down", "server back", "maintenance", "secondary not ready", "store down",
	"would have switched", "lines full", "dissuaded", "delivered held call", "requeue served", "answered while held", "rescue",
	"caller hung up while held", "hold budget spent", "looped", "late answer released", "passive server's call refused",
	"server's REGISTER passed on", "server registered here",
}

// goals is the set of those reached.
type goals uint64

func (g *goals) reach(x goal) { *g |= 1 << x }

func (g goals) reached(x goal) bool { return g>>x&1 != 0 }

// missed names those not reached.
func (g goals) missed() []string {
	out := []string{}
	for x := range goalCount {
		if !g.reached(x) {
			out = append(out, goalText[x])
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
func (g *goals) record(f *control.Effect) {
	if f.Reason == control.ReasonRound {
		g.abort(f.Verdict)
	}
	switch f.Reason {
	case router.ReasonServerBack:
		g.reach(goalServerBack)
	case router.ReasonMaintenance:
		g.reach(goalMaintenance)
	case router.ReasonNotReady:
		g.reach(goalNotReady)
	case router.ReasonStoreDown:
		g.reach(goalStoreDown)
	case router.ReasonObservation, router.ReasonLevel:
		g.reach(goalWouldHave)
	}
}

// abort: a round that is no ground for a switchover.
func (g *goals) abort(v router.Verdict) {
	switch v {
	case router.VerdictBusy:
		g.reach(goalBusyAbort)
	case router.VerdictSlow:
		g.reach(goalSlowAbort)
	case router.VerdictUnknown:
		g.reach(goalUnknownAbort)
	case router.VerdictSelfIsolated:
		g.reach(goalIsolated)
	case router.VerdictIPBXFault:
		g.reach(goalIPBXFault)
	case router.VerdictSelfSick:
		g.reach(goalSelfSick)
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
