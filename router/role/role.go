// Package role is the role machine: which server is active, when a
// verification runs, when a switchover begins, what an operator may do.
//
//	NORMAL → VERIFYING(k of N) → SWITCHING → ON_SECONDARY → RETURNING → NORMAL
//	            ↓ any other verdict   ↓ cannot move
//	          NORMAL (dissuade)     BOTH_DOWN (fail open)      MAINTENANCE (roles frozen)
//
// An intent is saved before it is acted on: MoveLicence is emitted by the step
// that handles Saved, and by LeaseWon, which resumes what the stored row says and
// takes back an intent of which nothing was begun.
//
//	confirmed or command ─► Save(moving row, epoch+1) ─Saved► Rule switching, MoveLicence
//	                     Bound ─► Save(resting row)    ─Saved► Rule deliver
//	                MoveFailed ─► Save(resting row, epoch+1) ─Saved► MoveLicence back
//	       command, Saved late ─► Save(resting row, epoch+1): nothing has moved
//
// VERIFYING and BOTH_DOWN live in memory only: neither is a change of role, and
// a restarted node must see for itself (our choice). A stored BothDown is read
// as the resting phase of its active server.
//
// Verification numbers rise with every ruling that ends a wait, also when no
// round was needed, so that a call held while nothing ran always gets the
// ruling n+1 that it waits for.
//
// Pure and flat: State is comparable, the clock is an argument. Owned by
// package control, never used concurrently.
package role

import (
	"time"

	"releve/router"
)

// Policy is the part of the configuration that decides roles.
type Policy struct {
	Count      uint8         // N, 1–10: consecutive switchable rounds that confirm
	AloneExtra uint8         // more rounds for DEAD_ALONE
	Spacing    time.Duration // start to start of rounds
	Dead       bool          // switch_on holds dead
	Gray       bool
	Degraded   bool
	Act        bool          // false: observation
	Automatic  bool          // level high-availability
	ReturnWait time.Duration // 15 min after the primary's failure, unless forced
	Stable     uint8         // good rounds of the primary before a return (5)
}

// Row is what survives a crash; one row of the store, saved before it is acted
// on. Active is the server being left in Switching and Returning. The zero Row
// is a first start: Normal, the primary active, epoch 1.
type Row struct {
	Phase       router.Phase // Normal, Switching, OnSecondary, Returning; BothDown is read, never written
	Active      router.Server
	Epoch       uint64
	Maintenance bool
	Reason      router.Reason // of the last role change
}

// Command is an operator's act.
type Command uint8

// The commands.
const (
	Switchover Command = iota + 1
	Return
	MaintenanceStart
	MaintenanceStop
	Verify // start a verification now (releve probe --verify)
)

// EventKind tells what happened.
type EventKind uint8

// Tick: Next passed. Overflow: a call the active server did not take, or idle
// probing failed. RoundDone: a round ended with Verdict. Ready: the readiness
// of the passive server changed; when a change of role makes another server
// the passive one, the owner says so before the next event. Operator: a command.
// Bound: the licence is bound for Server (the move is complete). MoveFailed: the move was given up
// before the claim. Saved: Row is durable. SaveUnknown: the outcome of the
// save is not known, or it failed. LeaseWon, LeaseLost: this node may (not)
// decide. Alive: Server answered a real call or a call probe, or its branch
// pending for a held call (ends a verification when Server is the active one and
// it answered, At, after that began; an answered OPTIONS is a RoundDone, never
// Alive: a gray server answers those).
// Follow: another node decides, and Row is what it has stored.
const (
	Tick EventKind = iota
	Overflow
	RoundDone
	Ready
	Operator
	Bound
	MoveFailed
	Saved
	SaveUnknown
	LeaseWon
	LeaseLost
	Alive
	Follow
)

// Event is one input; only the fields its Kind names are read.
type Event struct {
	Kind    EventKind
	Round   uint64 // RoundDone: the number StartRound gave
	Verdict router.Verdict
	Lasting bool // RoundDone: a GRAY or DEGRADED verdict has lasted, and the call probe, if any, failed
	Server  router.Server
	Ready   bool // the passive server may take over
	Healthy bool // with Ready: health of the passive server for a return: Stable good rounds
	Command Command
	Force   bool
	At      router.Instant // Alive: when it answered (Mono); 0: now
	Unbegun bool           // LeaseWon: nothing of the stored row's move was ever begun
	Row     Row            // Saved; LeaseWon: the stored row, which another node may have written (zero: as New was given)
}

// EffectKind tells what to do.
type EffectKind uint8

// StartRound: probe Server now, report with Round. Save: make Row durable.
// MoveLicence: bind Server and no other, as Epoch. Rule: publish View. Alarm:
// raise (On) or clear Alarm. Record: a line of the journal. Refuse: the
// operator's command is refused for Reason.
const (
	StartRound EffectKind = iota
	Save
	MoveLicence
	Rule
	Alarm
	Record
	Refuse
)

// Effect is one thing to do, in order.
type Effect struct {
	Kind    EffectKind
	Server  router.Server
	Round   uint64
	K, N    uint8
	Row     Row
	Epoch   uint64
	Verdict router.Verdict
	Reason  router.Reason
	Alarm   uint16 // number in package alarm
	On      bool
	Command Command
}
