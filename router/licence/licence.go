// Package licence owns which user may be registered at the IPBX: never two
// servers' users at once.
//
// Break → prove → make:
//
//	BOUND(X) → DRAIN → UNREG → PROVE or FENCE → CLAIM(Y) → CONFIRM → BOUND(Y)
//
// Intents are stored before they are sent: nothing is sent but by a step that
// handles the outcome of a Save, and only what the row that is certainly stored
// covers.
//
//	event ─▶ facts (answers, fences, timers) ─▶ advance (phase) ─▶ plan ─▶ Save
//	Saved ─▶ Send what was planned ─▶ Answer | TimedOut ─▶ facts …
//
//	         Move(Y)            nothing of X pending        X gone from every IPBX
//	BOUND(X) ───────▶ DRAIN(X) ─────────────────▶ UNREG(X) ──────────────────────▶ CLAIM(Y)
//	   ▲                  │ Move(X)                   │ Move(X)                        │ 2xx at one IPBX
//	   └── BOUND(Y) ◀── CONFIRM(Y) ◀──────────────────┴─▶ CLAIM(X)                     ▼ BoundNow
//	          X's address-of-record fetched once                                  CONFIRM(Y)
//
// A Move(X) in CLAIM(Y) or later swaps the roles: Y may be bound, so Y must be
// proven absent first. No phase is terminal.
//
// The one rule: user Y is registered only while Possible of the other user is
// false at every IPBX; Possible is cleared by PROVE (a list without our Contact,
// asked for after every REGISTER that could still be alive) or by FENCE (Mono
// reached the instant by which the last binding must have expired), and set,
// durably, before a REGISTER with an expiry leaves.
//
// Assumptions: a message lives at most T4 after its last transmission; the
// IPBX answers a duplicate of an answered request from its transaction (RFC
// 3261 §17.2.2, Timer J) and a restart of it outlasts T4; it grants at most
// max(Policy.MaxGrant, Row.Learnt).
//
// Pure and flat: State is comparable, the clock is an argument. Owned by
// package control, never used concurrently. RFC 3261 §10.2, §10.3, §17.1.2,
// §20.33, §22.
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
	NoFetch  bool          // the passive user's address-of-record is not fetched: there are no credentials for it
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
	CSeq     [router.Servers]uint32        // none above was ever used, per user; some below may not have been
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
// durable and what the store holds now; with a Save of another row open, that
// one has yet to be tried. SaveUnknown: failed or unknown; a Saved may still
// follow. LeaseWon, LeaseLost: this node may (not) act; LeaseWon
// re-arms as Boot, with Row when another node may have written (zero: ours
// stands). Restarted: the IPBX was seen restarting (reset, lost bindings).
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
	Row   Row // Boot, Saved, LeaseWon

	// Answer, TimedOut.
	User       router.Server
	IPBX       uint8
	CSeq       uint32
	Status     uint16
	HasList    bool          // the 2xx is a whole, readable list of bindings; none at all is a list too
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

// Send: a REGISTER; no transmission after NotAfter, then TimedOut. Save: make
// Row durable; at most one is open. BoundNow: the move of Epoch to User is
// complete; it comes again when the same Move is repeated. Alarm: raise (On) or clear
// Alarm about User at IPBX.
const (
	Send EffectKind = iota
	Save
	BoundNow
	Alarm
)

// The alarms of this room, numbers of package alarm.
const (
	AlarmLapsing uint16 = 1011 // half of what was left at the refresh is gone
	AlarmRefused uint16 = 1012 // wrong password, forbidden, unknown user
	AlarmOverlap uint16 = 1013 // a Contact that is not ours, or any binding of the passive user
	AlarmGrant   uint16 = 1014 // this IPBX grants longer than Policy.MaxGrant: raise max_grant
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
