// Package fork is the response context of one request (RFC 3261 §16.7) with
// what Relève adds to it: two clocks on the active server, the hold, rulings,
// the waiting list, rescue, and the three cases of a late 2xx.
//
// A State works on branch numbers and status codes; it sees no bytes. Pure:
// the clock is an argument (Clock.Mono: every deadline here is a wait). Owned
// by one shard, never used concurrently.
//
//	        ┌────────── answered, or a final of this call alone ─────────┐
//	arrive ─┤                                                            ▼
//	        ├→ offered ─ overflow → held ─ (queued) ──→ delivered ──→ closed
//	        │     ▲ │                │ ▲                    │            ▲
//	        │     │ └─ busy ──┐      │ └─ it ended          │ failed     │
//	        │     │           ▼      ▼                      ▼            │
//	        │     └─ turn ─ waiting  staying (branch       desk ─────────┤
//	        │                 └────────┴── budget spent ────▲            │
//	        └→ relayed (Replaces, outgoing, in dialog) ──────────────────┘
//
// Queued: the dysfunction is confirmed, and the call waits for its turn among the
// deliveries. What an answer means is router.Classify's business, where a call begins is
// router.Route's; here is what follows from it. RFC 3261 §9.1, §16.6(11),
// §16.7(1)–(10), §16.8–16.10; RFC 4320 §4.2.
package fork

import (
	"time"

	"releve/router"
)

// MaxBranches bounds the branches of one call: active, re-offer, secondary,
// rescue and retries at redundant IPBXs.
const MaxBranches = 8

// Mode says which rules a request takes.
type Mode uint8

// Incoming: an initial INVITE from the IPBX; the whole call table (router.Classify) applies.
// Outgoing: an initial INVITE from a server to the redundant IPBXs, in order.
// Single: everything else (in-dialog requests, INVITE with Replaces, other
// methods): one branch, its final relayed, no clocks but Timer C on INVITE.
const (
	Incoming Mode = iota
	Outgoing
	Single
)

// Target is where a branch goes.
type Target uint8

// ToPrimary and ToSecondary equal router.Primary and router.Secondary.
// ToRescue: the operators' desk. ToRoute: where Route set and Request-URI say
// (Single). ToIPBX + i: the i-th configured IPBX.
const (
	ToNone Target = iota
	ToPrimary
	ToSecondary
	ToRescue
	ToRoute
	ToIPBX
)

// LateAnswer is what becomes of a 2xx that comes when another went up.
type LateAnswer uint8

// ReleaseLate: we ACK and BYE it. ForwardLate: strict RFC 3261 §16.7(5).
const (
	ReleaseLate LateAnswer = iota
	ForwardLate
)

// Policy is the part of the configuration a fork needs; shared, immutable.
type Policy struct {
	ProgressTimeout time.Duration // 2 s: not one response
	AnswerTimeout   time.Duration // 8 s: no final
	HoldBudget      time.Duration // 20 s: the longest a caller is kept
	TimerC          time.Duration // > 3 min (RFC 3261 §16.6(11))
	Round           time.Duration // spacing of rounds: a ruling younger than this is reused
	HoldSignal      uint16        // 0 none, 180, 182 or 183
	Prompt          bool          // there is a prompt for held callers: Reply with Signal even where HoldSignal is 0
	Late            LateAnswer
	Requeue         bool   // re-offer a dissuaded inline call
	RejectStatus    uint16 // 486
	Automatic       bool   // the level switches by itself; false: no hold, relay what the server does
	Rescue          bool   // a rescue target is configured
	Redirect        bool   // rescue by a 302 instead of a branch
	IPBXs           uint8  // IPBXs that take calls of the servers (Outgoing), the first of those configured
	Overrides       [router.Servers]func(status uint16) router.Class
}

// EventKind tells what happened.
type EventKind uint8

// Arrive: the request came; View, Occupancy, Entry … are set. Response: a
// response that the branch's client transaction passed up. TransportFailed:
// Happening is PortRefused, Unreachable or TLSFailed. TimedOut: Timer B or F.
// Ruled: the View changed. Turn: a line was reserved for this waiting call, or
// this queued call may be delivered from NotBefore on.
// NoTurn: the waiting list refused it, or so many calls are held that this one
// cannot be. Cancelled: the caller sent CANCEL.
// Tick: Next passed.
const (
	Arrive EventKind = iota
	Response
	TransportFailed
	TimedOut
	Ruled
	Turn
	NoTurn
	Cancelled
	Tick
)

// Event is one input; only the fields its Kind names are read.
type Event struct {
	Kind           EventKind
	Branch         uint8
	Status         uint16
	RetryAfter     bool
	Happening      router.Happening
	View           router.View      // Arrive, Ruled, and every event that may lead to a hold (always set it)
	Occupancy      router.Occupancy // of the active server now
	AnsweredLately bool             // the active server answered something in the last second
	Entry          router.Entry
	ServiceNumber  bool
	Reliable18x    bool            // the caller requires 100rel: no provisional of ours but 100
	First          Target          // Arrive: Single: where it goes (ToNone: ToRoute); Outgoing: the first IPBX (ToNone: ToIPBX)
	NotBefore      router.Instant  // the active server asked to be left alone until then (503 with Retry-After); 0: it did not
	Decision       router.Decision // Arrive, Incoming and Outgoing: what router.Route said
}

// EffectKind tells what to do.
type EffectKind uint8

// Start: begin Branch at Target with a new client transaction. Cancel: CANCEL
// the branch, or remember to as soon as its first provisional comes (RFC 3261
// §9.1; the shell does the remembering). Abandon: stop retransmitting, drop
// late 18x, answer a late 1xx with CANCEL, keep it for a late 2xx. Relay: send
// the branch's response upstream: the one in hand when it is the Response just
// stepped, else the stored final. Reply: a response of our own, Status with
// Reason. Hold: the call overflowed: tell control, then re-read the View.
// Unhold: the hold ended. Wait: join the waiting list of Target, not to be
// called before NotBefore. Leave: leave the waiting list, or give
// back the line that came with a Turn too late. Pace: ask for a slot among the
// deliveries to Target; it comes as Turn with NotBefore. Release: ACK and BYE
// the 2xx in hand. Report: Evidence about server Target. Done: the context is
// complete; Outcome and Reason go to the record (branches may live on in
// their transactions; a later 2xx still comes here).
const (
	Start EffectKind = iota
	Cancel
	Abandon
	Relay
	Reply
	Hold
	Unhold
	Wait
	Leave
	Pace
	Release
	Report
	Done
)

// Effect is one thing to do, in order.
type Effect struct {
	Kind      EffectKind
	Branch    uint8
	Target    Target
	Status    uint16
	NotBefore router.Instant
	Evidence  router.Evidence
	Outcome   router.Outcome
	Reason    router.Reason
	Would     router.Reason // observation mode: what would have been decided
	Signal    bool          // Reply: the hold signal, Status without a prompt; 0: nothing without one
	Overflown bool          // Start: another server, or the desk, in place of the one that did not take the call; Reason says why
}
