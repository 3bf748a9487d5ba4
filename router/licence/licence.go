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
// asked for after every REGISTER that could still be alive, of a registrar that
// has listed this user's binding before) or by FENCE (Mono reached the instant
// by which the last binding must have expired), and set, durably, before a
// REGISTER with an expiry leaves. A binding at a registrar that is not asked any
// more (the configuration changed, another machine answers) is Elsewhere: only
// its fence ends it.
//
// Mode gate. The servers' own REGISTERs come to us (ServerRegister) and each
// gets exactly one Reply:
//
//	server ─▶ ServerRegister ─▶ passive, leaving, or we hold its password ─▶ Reply 200, here
//	                        └─▶ active, and its Authorization passes through
//	                              Save ─▶ Send{Pass} ─▶ Answer ─▶ Reply{Relay: its final} or
//	                                             └─▶ TimedOut ─▶ Reply 504      200 with our expiry
//
// Where we hold the password gate registers as pair does, whatever the server
// sends: a server that forgets to refresh shall not be unreachable for it (our
// choice). Where we do not, a user is registered only while its server asks for
// it, and it is gone when its fence has passed (or when the IPBX, asking us for
// no password, lists nothing). An un-REGISTER of a server is answered here and
// does not travel (our choice): calls go on reaching us, who know what to do
// with them. A server's registration that ends, by its word or by its time, is
// told (Own): evidence, not a verdict.
//
// Two nodes. LeaseWon re-arms every fence as after a restart; another node may
// still transmit for Policy.Grace. Keep: this node may refresh what is bound
// and nothing else, with what the store certainly holds.
//
// Assumptions: a message lives at most T4 after its last transmission; of a
// request that we sent once the network makes no second copy that the IPBX would
// grant anew (its transaction absorbs it, RFC 3261 §17.2.2, or its nonce count
// does, RFC 7616 §3.3; what we repeat ourselves is reckoned with, Event.Repeated);
// a restart of it outlasts T4; it grants at most max(Policy.MaxGrant, Row.Learnt).
//
// Pure and flat: State is comparable, the clock is an argument. Owned by
// package control, never used concurrently. RFC 3261 §10.2, §10.3, §17.1.2,
// §20.33, §22.
package licence

import (
	"time"

	"releve/router"
)

// MaxIPBX bounds the redundant IPBXs of one site that users register at. A
// main/stand-by pair counts as one (redundancy: main-standby).
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
	MaxGrant time.Duration // the longest an IPBX grants, of which nothing else is said (3600 s until known)
	Txn      time.Duration // 4 s: our own limit on a REGISTER transaction
	Slack    time.Duration // 1 s + drift
	NoFetch  bool          // no address-of-record is fetched: no sentinel
	Learn    bool          // MaxGrant is nobody's word: once an IPBX's grants are known (Row.Learnt), they are the fence
	Grace    time.Duration // how long another node may still transmit after LeaseWon (lease.Policy.Grace); 0: there is none
	Seed     uint64        // of this site: spreads refreshes (0.45–0.5 of the grant) and back-offs; 0: not spread
	Reserve  uint32        // how far the stored CSeq runs ahead of the one in use; 0: 256

	// FirstCSeq, of this life, 0–2³¹−1: no request's CSeq is lower or the same, whatever
	// the row says. A row that was lost, or put back from a copy, would begin below what
	// an IPBX has seen under our Call-ID, and be refused until the binding has expired
	// (RFC 3261 §10.3 step 7).
	FirstCSeq uint32

	// Grants is the longest grant of an IPBX for which somebody vouches, the operator
	// or a published default: nothing is learnt there but a longer one. 0: MaxGrant.
	Grants [MaxIPBX]time.Duration
	// NoPassword, mode gate: we hold no password of this user; its server's
	// Authorization passes through, and its address-of-record is not fetched.
	NoPassword [router.Servers]bool
	// Twins: redundancy main-standby; the machines that answer as this IPBX are
	// one registrar that shares its bindings. Else a list of one of them says
	// nothing of another.
	Twins [MaxIPBX]bool
	// Site is a hash of the registrar's address, the users and our Contacts at
	// it; what was bound under another one is Elsewhere. 0: not followed.
	Site [MaxIPBX]uint64
	// User is a hash of who each server's licensed user is, wherever it registers. A
	// user that a server no longer has is gone before its new one is bound. 0: not
	// followed.
	User [router.Servers]uint64
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
	Shown    [router.Servers][MaxIPBX]bool // this registrar has listed this user's binding: its lists prove
	Learnt   [MaxIPBX]time.Duration        // the longest grant seen, 0: none yet

	Elsewhere [router.Servers][MaxIPBX]bool // a binding may exist at a former registrar of this place, which is not asked
	Site      [MaxIPBX]uint64               // Policy.Site of Possible
	Grant     [MaxIPBX]time.Duration        // Policy.Grants under which Learnt was seen; -1: at a former registrar
	Member    [MaxIPBX]uint32               // which machine of a redundant IPBX answered last; 0: not known
	Reckoned  [MaxIPBX]time.Duration        // the longest grant that was reckoned with for what is Possible or Elsewhere, under whichever configuration
	Former    [router.Servers][MaxIPBX]bool // of Elsewhere: it is a user's that this server no longer has
	User      [router.Servers]uint64        // Policy.User of Possible
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
// stands). Restarted: the IPBX was seen restarting (reset, lost bindings). Keep:
// only what is bound may be refreshed, until LeaseWon or LeaseLost.
// ServerRegister: the server of User sent us a REGISTER of its own meant for
// IPBX (the one its Request-URI or To names, else 0), mode gate; the answer is
// the Reply of the same Ticket, which is not 0 and names the transaction.
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
	Keep
	ServerRegister
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
	Removed    bool          // our Contact is in the list with an expiry of 0
	Ours       bool          // our Contact is in the list, known by our user and instance parameter: registrars rewrite the rest
	Granted    time.Duration // of our Contact
	Foreign    uint8         // Contacts in the list that are not ours
	MinExpires time.Duration // 423
	RetryAfter time.Duration // 503, 500
	Stale      bool          // 401/407: stale=true, or a challenge to what showed no credentials; of a server's own (Send.Pass) also one to credentials made for an older nonce than that server was shown last: trying again makes sense
	Repeated   bool          // the request was transmitted more than once: another copy may have fared otherwise, or may yet
	Usable     bool          // 401/407: a challenge that we can answer
	Member     uint32        // which machine of a redundant IPBX answered: any number that stands for its address; 0: not known

	// ServerRegister.
	Ticket  uint32
	Expires time.Duration // asked for; 0: it leaves
	Fetches bool          // no Contact: it only asks (RFC 3261 §10.2.3)
	Signed  bool          // it carries an Authorization
}

// EffectKind tells what to do.
type EffectKind uint8

// Send: a REGISTER; no transmission after NotAfter, then TimedOut. Save: make
// Row durable; at most one is open. BoundNow: the move of Epoch to User is
// complete; it comes again when the same Move is repeated. Alarm: raise (On) or clear
// Alarm about User at IPBX; of AlarmOverlap, Foreign is how many Contacts are
// not ours, Lasted how long it has been seen when it ends; who they are is in
// the list that was read last. Reply: answer the server's REGISTER Ticket: with
// the IPBX's own final (Relay: its status, and its challenges for a 401 or 407),
// else with Status, in a 200 the server's Contact with Expires, in a 503 a
// Retry-After. Own: the server of User began (On) or ceased to register here.
//
// Of a Send with Pass, the Authorization (or Proxy-Authorization) of the
// server's REGISTER Ticket goes along unchanged, if it has one, and with it the
// Request-URI that it was made for; nothing else of that message does.
const (
	Send EffectKind = iota
	Save
	BoundNow
	Alarm
	Reply
	Own
)

// The alarms of this room, numbers of package alarm.
const (
	AlarmLapsing uint16 = 1011 // half of what was left at the refresh is gone
	AlarmRefused uint16 = 1012 // wrong password, forbidden, unknown user
	AlarmOverlap uint16 = 1013 // a Contact that is not ours, or any binding of the passive user
	AlarmUnkept  uint16 = 1025 // the IPBX says 200 and does not list us: removed at once, or another's Contact in its place
	AlarmGrant   uint16 = 1014 // this IPBX grants longer than was reckoned with: raise max_grant
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
	Pass      bool           // carry the Authorization of the server's REGISTER Ticket
	Ticket    uint32         // Pass, Reply
	Status    uint16         // Reply
	Relay     bool           // Reply: the IPBX's final to the Send of this Ticket goes back
	Retry     time.Duration  // Reply 503: Retry-After
	Foreign   uint8          // AlarmOverlap
	Lasted    time.Duration  // AlarmOverlap, ending
	Row       Row
	Epoch     uint64
	Alarm     uint16
	On        bool
	Reason    router.Reason
}
