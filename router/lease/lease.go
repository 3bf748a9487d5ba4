// Package lease decides which of two nodes may act: a row of the shared store,
// taken and renewed by compare-and-set, never an advisory lock.
//
//	          address            Granted                permission ends, no news of another
//	OUT ─────▶ Ask Take ─────────▶ HOLDING ─────────────────────▶ KEEPING
//	 ▲                              │  ▲ Granted (Renew)             │
//	 │   Refused, address lost,     │  └─────────────────────────────┤
//	 └── Yield, time without either ┴────────────────────────────────┘
//
// The row is (epoch, holder, until). Its until is the database's clock and
// never leaves the database: the statement compares it there. A node turns a
// grant into a permission of its own: from the instant at which it *asked*, TTL
// less Guard, by High, which never under-counts. So clocks of nodes are never
// compared, and of two nodes never both are permitted as long as the clocks run
// within Guard/TTL of one another.
//
// The statements, for a store to copy:
//
//	Take     UPDATE lease SET epoch = epoch+1, holder = me, until = clock_timestamp() + ttl
//	         WHERE until < clock_timestamp() OR holder = me           RETURNING epoch, and the state row and its version
//	Renew    UPDATE lease SET until = clock_timestamp() + ttl
//	         WHERE epoch = mine AND holder = me
//	Release  UPDATE lease SET until = '-infinity' WHERE epoch = mine AND holder = me
//	Look     SELECT the state row and its version
//
// The epoch is the fencing token: whatever a holder stores is stored only while
// the row still has its epoch, so a node that was overtaken can store nothing.
// What it may still send ends with its permission, at most Policy.Grace after it
// was overtaken, even if the database's clock jumped: who is told Won reckons
// with that.
//
// HOLDING needs the virtual address as well: nothing is taken without it. A node
// whose permission ends because the store does not answer, and which has heard
// of no other holder, goes on KEEPING while it sees that it has the address: it
// may keep alive what is bound, and change nothing. Each confirmation of the
// address is good for Guard; one that fails ends it until the next grant (our
// choice: safe without trusting that an address is nowhere twice for longer
// than Guard).
//
// A node without a shared store holds its lease for ever.
//
// Pure and flat; owned by package control, never used concurrently.
package lease

import "time"

// Policy is the part of the configuration that decides the lease. The zero
// Policy is a single node.
type Policy struct {
	Shared bool          // two nodes share the store
	TTL    time.Duration // granted by the store from statement to statement (6 s)
	Renew  time.Duration // from ask to ask (1.5 s); an ask without outcome after that counts as unknown
	Guard  time.Duration // kept free before TTL ends, for drift and for a pause between look and send (2 s)
}

// Grace is how long a node may still transmit after another one was told Won,
// whatever the database's clock did. 0 for a single node.
func (p Policy) Grace() time.Duration {
	if !p.Shared {
		return 0
	}
	return max(p.TTL-p.Guard, p.Guard)
}

// Verb is what the store is asked.
type Verb uint8

// The statements of the package comment.
const (
	Take Verb = iota + 1
	Renew
	Release
	Look
)

// Outcome is how an Ask ended.
type Outcome uint8

// Unknown: it failed, or nobody knows. Granted: the row holds Epoch for us.
// Refused: it does not; of a Look always.
const (
	Unknown Outcome = iota
	Granted
	Refused
)

// EventKind tells what happened.
type EventKind uint8

// Boot: the process began. Tick: Next passed, or anything happened. Address:
// whether this node has the virtual address (On); to be repeated at least every
// Guard/2. Done: Ask number Ask ended. Yield: hand over, for good: a clean stop.
const (
	Boot EventKind = iota
	Tick
	Address
	Done
	Yield
)

// Event is one input; only the fields its Kind names are read.
type Event struct {
	Kind    EventKind
	On      bool
	Ask     uint32
	Outcome Outcome
	Epoch   uint64 // Granted
}

// EffectKind tells what to do.
type EffectKind uint8

// Ask: perform Verb with Epoch, answer with its number; at most one is open, an
// answer to another is ignored. Won: this node may decide and send, as Epoch.
// Kept: it may only keep alive what is bound. Lost: neither.
const (
	Ask EffectKind = iota
	Won
	Kept
	Lost
)

// Effect is one thing to do, in order.
type Effect struct {
	Kind  EffectKind
	Verb  Verb
	Epoch uint64
	Ask   uint32
	Fresh bool // Won: by Take: another node may have acted since; the answer brought the stored row
}
