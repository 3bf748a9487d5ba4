package fork

import (
	"time"

	"releve/router"
)

const (
	// wholeLife is 64*T1: what a cancelled branch is given to end (RFC 3261 §9.1).
	wholeLife = 32 * time.Second
	// t4 is how long a message may linger in the network: the server absorbs
	// repeats of a call it refused for that long (RFC 3261 table 4).
	t4 = 5 * time.Second
	// reserved branches: one for the other server, one for the desk.
	reserved = 2
	none     = MaxBranches // no branch
)

// stage is where the call stands; the diagram is in the package doc.
type stage uint8

const (
	fresh stage = iota
	offered
	held
	waiting
	staying
	queued
	delivered
	atDesk
	relayed
	closed
)

// role is why a branch was started.
type role uint8

const (
	first role = iota
	reoffered
	toOther
	toDesk
	plain
)

type progress uint8

const (
	calling progress = iota
	proceeding
	ended
)

// branch is one client transaction as the context sees it.
type branch struct {
	target   Target
	role     role
	progress progress
	given    bool // cancelled or abandoned: its provisionals are dropped, its final decides nothing
	awaited  bool // cancelled by the caller or by Timer C: its final decides
	silent   bool // its silence was reported
	timedOut bool // ended without a final because nothing came
	status   uint16
	until    router.Instant // Timer C, or the end of a cancelled branch
}

// State is one response context: a flat comparable value without pointers.
type State struct {
	mode   Mode
	invite bool
	stage  stage

	entry       bool // on the overflow entry: dissuasion is an immediate reject
	viaEntry    router.Entry
	service     bool // for a service number
	reliable18x bool // the caller requires 100rel
	signalled   bool // the hold signal went up
	cancelled   bool // by the caller
	noBranch    bool // a 6xx came (RFC 3261 §16.7(5))
	moving      bool // held until the running move ends

	n       uint8 // branches started
	clocked uint8 // the branch under the two clocks; none
	winner  uint8 // the branch whose 2xx went up; none
	tried   uint8 // IPBXs tried
	start   Target
	waitFor Target
	leaving router.Server // who was active when the hold began

	final    uint16 // status of the final that went up; 0: none yet
	fallback uint16 // what goes up when the desk does not serve either
	why      cause
	would    cause

	noProgress router.Instant // progress_timeout of the clocked branch
	noAnswer   router.Instant // answer_timeout of the clocked branch
	budget     router.Instant // hold_budget, counted from the first hold; Never before it
	slot       router.Instant // queued: when its delivery begins; Never: not known yet
	cancelBy   router.Instant // after the caller's CANCEL: 487 at the latest
	lastFinal  router.Instant // of a server; Never: none
	accept     uint64         // the first verification whose ruling counts

	branches [MaxBranches]branch
}

var _ map[State]struct{} // comparable: the explorer keys on it

// New returns the context of a request received at now; Arrive is its first
// event. invite: the method is INVITE, so CANCEL, Timer C and several 2xx exist.
func New(_ *Policy, m Mode, invite bool, _ router.Instant) State {
	return State{
		mode: m, invite: invite, clocked: none, winner: none,
		noProgress: router.Never, noAnswer: router.Never, budget: router.Never,
		slot: router.Never, cancelBy: router.Never, lastFinal: router.Never,
	}
}

// Next is when Step wants Tick; router.Never when no clock runs, and always
// once the context is finished.
func (s *State) Next() router.Instant {
	if s.stage == closed {
		return router.Never
	}
	next := min(s.noProgress, s.noAnswer, s.cancelBy, s.slot)
	if s.budgeted() {
		next = min(next, s.budget)
	}
	for i := range s.n {
		if s.branches[i].progress != ended {
			next = min(next, s.branches[i].until)
		}
	}
	return next
}

// budgeted: the caller is being kept by us, not by a server that serves him.
func (s *State) budgeted() bool {
	switch s.stage {
	case held, waiting, staying, queued:
		return !s.cancelled && mutant != 41
	case offered: // again
		return !s.cancelled && s.budget != router.Never
	}
	return false
}

// Held reports whether the call is held for a ruling.
func (s *State) Held() bool { return s.stage == held }

// Waiting reports whether the call is on the waiting list.
func (s *State) Waiting() bool { return s.stage == waiting }

// Queued reports whether the call waits for its turn to be delivered.
func (s *State) Queued() bool { return s.stage == queued }

// Kept reports whether a Ruled event still matters: the call is held, waits for
// a line or for its delivery, or was dissuaded while its branch stays pending.
func (s *State) Kept() bool {
	return s.stage == held || s.stage == waiting || s.stage == staying || s.stage == queued
}

// Finished reports whether Done was given. Branches may live on in their
// transactions: a 2xx of theirs still comes to Step.
func (s *State) Finished() bool { return s.stage == closed }

// Final reports whether a final response went upstream.
func (s *State) Final() bool { return s.final != 0 }

// Status is the final that went upstream; 0: none yet, or none at all (RFC 4320 §4.2).
func (s *State) Status() uint16 { return s.final }

// Branches is the number of branches started so far, 0–MaxBranches.
func (s *State) Branches() int { return int(s.n) }

// Target is where branch b went; ToNone for a branch that was never started.
func (s *State) Target(b uint8) Target {
	if b >= s.n {
		return ToNone
	}
	return s.branches[b].target
}

// Ended reports whether branch b had its final, failed, or was never started.
func (s *State) Ended(b uint8) bool { return b >= s.n || s.branches[b].progress == ended }

// GivenUp reports whether branch b was cancelled or abandoned: its
// provisionals are dropped, and one that comes late is answered by CANCEL.
func (s *State) GivenUp(b uint8) bool { return b < s.n && s.branches[b].given }

// Winner is the branch whose 2xx went upstream.
func (s *State) Winner() (b uint8, ok bool) { return s.winner, s.winner != none }

// cause is a router.Reason as a number: a State holds no pointer, and a
// string is one.
type cause uint8

// causes are the reasons a context may carry; a test holds them against all
// that Classify and Route give.
var causes = [...]router.Reason{
	router.ReasonNone, router.ReasonActiveServes, router.ReasonOutgoing, router.ReasonPassiveOutgoing,
	router.ReasonPassiveTransfer, router.ReasonLinesFull, router.ReasonServerBusy,
	router.ReasonUnexplainedBusy, router.ReasonThisCallOnly, router.ReasonMisprovisioned,
	router.ReasonServerFailed, router.ReasonPortRefused, router.ReasonNoProgress,
	router.ReasonTLSFailed, router.ReasonNoAnswer, router.ReasonVerdictFunctional,
	router.ReasonVerdictBusy, router.ReasonVerdictUnknown, router.ReasonRequeued,
	router.ReasonAnsweredWhileHeld, router.ReasonDelivered, router.ReasonHoldBudget,
	router.ReasonWaitingFull, router.ReasonBothDown, router.ReasonLooped,
	router.ReasonCallerCancelled, router.ReasonReplaces, router.ReasonNoRoute,
	router.ReasonConfirmed, router.ReasonOperator, router.ReasonLevel, router.ReasonObservation,
	router.ReasonMaintenance, router.ReasonOverloaded, router.ReasonSpared, router.ReasonDrained,
}

// causeOf returns the number of r; that of ReasonNone for a reason no context carries.
func causeOf(r router.Reason) cause {
	for i, c := range causes {
		if c == r {
			return cause(i)
		}
	}
	return 0
}

func (c cause) reason() router.Reason { return causes[c] }
