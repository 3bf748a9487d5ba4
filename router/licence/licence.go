// Package licence owns which user may be registered at the IPBX: never two
// servers' users at once (§4 of the blueprint).
//
// Break → prove → make:
//
//	BOUND(X) → DRAIN → UNREG → PROVE or FENCE → CLAIM(Y) → CONFIRM → BOUND(Y)
//
// Intents are stored before they are sent: nothing is sent but by the step
// that handles Saved. Pure and flat: State is comparable, the clock is an
// argument. Owned by package control, never used concurrently.
package licence

import (
	"time"

	"releve/router"
)

// MaxIPBX bounds the redundant IPBXs of one site. A main/stand-by pair counts
// as one (redundancy: main-standby).
const MaxIPBX = 2

// Mode says who registers.
type Mode uint8

// Trunk: nobody. Gate: the servers, through us. Pair: Relève, the primary's
// user or the secondary's. Hold: Relève, one user for both.
const (
	Trunk Mode = iota
	Gate
	Pair
	Hold
)

// Policy is the part of the configuration that decides registrations.
type Policy struct {
	Mode     Mode
	IPBXs    uint8         // 1–MaxIPBX
	Expires  time.Duration // asked for
	MaxGrant time.Duration // the longest an IPBX grants (3600 s until known)
	Txn      time.Duration // 4 s: our own limit on a REGISTER transaction
	Slack    time.Duration // 1 s + drift
}

// Phase is where a move stands.
type Phase uint8

// The phases of the move.
const (
	Idle Phase = iota // nobody is bound nor shall be (before the first bind)
	Bound
	Drain
	Unreg // un-REGISTER, PROVE and FENCE
	Claim
	Confirm
)

// Row is what survives a crash. Times are not in it: after a restart every
// fence is re-armed in full unless PROVE succeeds.
type Row struct {
	Phase    Phase
	Holder   router.Server // who is bound, or is being claimed for
	Leaving  router.Server // who must be gone first (Drain, Unreg)
	Epoch    uint64
	CSeq     [router.Servers]uint32        // the highest used, per user
	Possible [router.Servers][MaxIPBX]bool // a binding of this user may exist there
	Listed   [MaxIPBX]bool                 // this registrar has listed our binding: its lists prove
	Learnt   [MaxIPBX]time.Duration        // the longest grant seen, 0: none yet
}

// Request is what a REGISTER asks.
type Request uint8

// Register: Expires > 0. Unregister: our Contact with Expires 0. Fetch: no Contact (RFC 3261 §10.2.3).
const (
	Register Request = iota
	Unregister
	Fetch
)

// EventKind tells what happened.
type EventKind uint8

// Boot: the Row was read from the store after a start. Tick: Next passed.
// Move: bind To and no other, as Epoch. Answer: a final response. TimedOut: no
// final within the transaction, or the transport failed. Saved: Row is
// durable. SaveUnknown: failed or unknown. LeaseWon, LeaseLost: this node may
// (not) act. Restarted: the IPBX was seen restarting (reset, lost bindings).
const (
	Boot EventKind = iota
	Tick
	Move
	Answer
	TimedOut
	Saved
	SaveUnknown
	LeaseWon
	LeaseLost
	Restarted
)

// Event is one input; only the fields its Kind names are read.
type Event struct {
	Kind  EventKind
	To    router.Server
	Epoch uint64
	Row   Row // Boot, Saved

	// Answer, TimedOut.
	User       router.Server
	IPBX       uint8
	CSeq       uint32
	Status     uint16
	HasList    bool          // the 2xx lists bindings
	Ours       bool          // our Contact is in the list
	Granted    time.Duration // of our Contact
	Foreign    uint8         // Contacts in the list that are not ours
	MinExpires time.Duration // 423
	RetryAfter time.Duration // 503, 500
	Stale      bool          // 401/407: stale=true, or the first challenge with no credentials sent
	Usable     bool          // 401/407: a challenge that we can answer
}

// EffectKind tells what to do.
type EffectKind uint8

// Send: a REGISTER. Save: make Row durable. BoundNow: the move is complete.
// Alarm: raise (On) or clear.
const (
	Send EffectKind = iota
	Save
	BoundNow
	Alarm
)

// Effect is one thing to do, in order.
type Effect struct {
	Kind      EffectKind
	User      router.Server
	IPBX      uint8
	Request   Request
	CSeq      uint32
	Expires   time.Duration
	NotAfter  router.Instant // High: no transmission nor retransmission after this
	Authorise bool           // answer the challenge remembered for this user and IPBX
	Row       Row
	Epoch     uint64
	Alarm     uint16
	On        bool
	Reason    router.Reason
}
