package control

import (
	"time"

	"releve/health"
	"releve/router"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// Policy is the configuration of the mind. Comparable.
type Policy struct {
	Role      role.Policy
	Licence   licence.Policy
	Lease     lease.Policy // zero: a single node, which acts for ever
	Health    health.Policy
	Secondary bool // the level has a secondary (backup, high-availability)
	Peer      bool // the other node probes, too, and is asked in each round how it sees the active server
	Absent    bool // the secondary may be off the network (backup): no witness of a round until it is seen
	IPBXs     uint8
	Calls     CallPolicy // read with Health.CallProbe
	Mirror    bool       // the mirrored database is watched: one that lags makes the secondary not ready

	// Site says which machine each server is: a hash of its address. When it
	// differs from the stored one, what was known of that server is forgotten.
	Site [router.Servers]uint64
	// SiteIPBX says so of the IPBXs: another one's silence means nothing before it has
	// answered.
	SiteIPBX [MaxIPBX]uint64
}

// Row is all that survives a crash; one row of the store.
type Row struct {
	Role    role.Row
	Licence licence.Row
	Known   [router.Servers]bool // this server was good once since it was configured
	Heard   [router.Servers]bool // likewise its test call

	HostKnown [router.Servers]bool   // likewise a check of its host
	Copy      Copy                   // the newest that was known: the last value before a fault counts
	Site      [router.Servers]uint64 // Policy.Site that both are about; 0: of a version that did not store it
}

// EventKind tells what happened.
type EventKind uint8

// Boot: the stored Row and Version (Version 0: none was ever stored), On:
// whether the lease is held. Tick: Next passed. Overflow: a call was held for
// Server; about a server that is not active it means nothing. ProbeDone: a probe of Server ended,
// Round as its effect said (0: idle); On: it could not be sent for a reason of
// our own side (no link, no route, a firewall of ours), and proves nothing.
// IPBXProbe: likewise of an IPBX; OK, Refused (its host is seen) or Silent. Evidence: what a decided call proves of Server. Answered: Server
// answered a real call, At: proof of life. Sight: traffic of an IPBX. Lines: how full Server is.
// Self: whether this node is sick; again, each time that it was away once more. Operate: an operator's command. Registrar:
// an answer or time-out of a REGISTER, a server's own REGISTER (mode gate), or
// an IPBX that was seen restarting: Register is the licence machine's event.
// Saved, SaveFailed: the save of Version ended; exactly one follows each Save.
// Host: what the checks of Server prove of its host, outside any round.
// Lease: whether this node may decide (On), and from which stored Row and
// Version (Version 0: what we know stands); for a single node whose owner says
// so. LeaseDone, Address, Yield: the lease machine's events of two nodes; LeaseDone
// with Lease as the store answered, and, of a Take or a Look that was carried
// out, the Row and Version stored then (Version 0: none yet). Address: On as
// this node has the virtual address; at least every Lease.Guard/2.
// Restarted: Server has lost the calls that it had answered.
// Mirror: what the watch of the mirrored database says of the mirror (Copy): it may
// make the secondary not ready, and does nothing else.
// CallDone: the test call of Server ended, as Call says; RTT is how long it took.
// Drain: an operator wants no new calls on Server (On), or does again. The owner
// keeps that mark and shows it again after Boot; while roles move, it waits.
const (
	Boot EventKind = iota
	Tick
	Overflow
	ProbeDone
	IPBXProbe
	Evidence
	Answered
	Sight
	Lines
	Self
	Operate
	Registrar
	Saved
	SaveFailed
	Lease
	LeaseDone
	Address
	Yield
	Host
	PeerSaw
	Restarted
	CallDone
	Drain
	Mirror
)

// Event is one input; only the fields its Kind names are read.
type Event struct {
	Kind      EventKind
	Server    router.Server
	IPBX      uint8
	Round     uint64
	Evidence  router.Evidence
	RTT       time.Duration
	Host      health.Presence
	Call      health.CallResult
	Occupancy router.Occupancy
	Copy      Copy   // Mirror
	Site      uint64 // ProbeDone: Policy.Site of the server that was asked; another one's result is none. 0: not followed
	On        bool   // Self: sick; Lease: held
	Command   role.Command
	Force     bool
	At        router.Instant // Answered: Mono; 0: now
	Register  licence.Event
	Lease     lease.Event
	Row       Row
	Version   uint64
}

// EffectKind tells what to do.
type EffectKind uint8

// Probe: OPTIONS and the configured checks at Server, answer with Round.
// ProbeIPBX: OPTIONS at IPBX. Save: make Row durable as Version, if the stored
// version is Version-1 and, on two nodes, the lease's epoch is Epoch. Register:
// perform this REGISTER. Reply: answer a server's own REGISTER (mode gate). Own:
// Server began (On) or ceased to register here (mode gate); to be shown, and
// told to whoever collects evidence. AskLease: perform Lease. AskPeer: have the
// other node probe Server now and say what it Sees. PlaceCall: a test call to
// Server, answer with CallDone. Publish: the View for
// the call path. Alarm: raise (On) or clear Alarm about Server. Record: a line
// of the journal. Refuse: the operator's command is refused for Reason.
const (
	Probe EffectKind = iota
	ProbeIPBX
	Save
	Register
	Publish
	Alarm
	Record
	Refuse
	Reply
	Own
	AskLease
	AskPeer
	PlaceCall
)

// Effect is one thing to do, in order.
type Effect struct {
	Kind     EffectKind
	Server   router.Server
	IPBX     uint8
	Round    uint64
	Row      Row
	Version  uint64
	Register licence.Effect // Register, Reply
	Lease    lease.Effect
	View     router.View
	Alarm    uint16
	On       bool
	Verdict  router.Verdict
	Rule     health.Rule
	Facts    health.Facts  // Record of a round: what was judged …
	RTT      time.Duration // … and how long its OPTIONS took; 0: no answer
	Reason   router.Reason
	Epoch    uint64
	K, N     uint8
	Command  role.Command
	Phase    router.Phase
	Foreign  uint8         // Alarm licence.AlarmOverlap: Contacts that are not ours …
	Lasted   time.Duration // … and, when it ends, how long it has been seen
}
