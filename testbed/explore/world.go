package explore

import (
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// Tick is the step of time: T4 of a message, Txn of a request.
const Tick = 5 * time.Second

// Budget bounds the faults of one walk, each kind to 3. Losses are unbounded.
type Budget struct {
	Moves     uint8 // operator's commands
	Fails     uint8 // a server dies or is busy; it may come back at any time
	Dups      uint8
	Crashes   uint8 // of a node; it may start again at any time
	Unknown   uint8 // outcomes of a statement that its node never learns
	Slow      uint8 // ticks that pass while a node that is awake waits for a statement
	Restarts  uint8 // of an IPBX
	Pauses    uint8 // a node sleeps, for up to longestSleep ticks
	Cuts      uint8 // of a node from the store; heals at any time
	Addresses uint8 // the virtual address moves between nodes that are up
	Jumps     uint8 // of a node's wall clock, a tick ahead
	StoreJump uint8 // of the database's clock: the lease has run out
	Refusals  uint8 // 403 or 503 of an IPBX
	Mirrors   uint8 // the mirrored database lags, breaks, or is lost sight of; it may be well again at any time
	Drains    uint8 // an operator drains a server; and lifts that mark at any time
}

// oldOrder is an order's age beyond all others: too late by a tick and more.
const oldOrder = uint8((role.OrderFor+Tick-1)/Tick) + 2

// maxFlight bounds the messages in flight; one more is lost.
const maxFlight = 4

// longestSleep is beyond the lease that a node may hold.
const longestSleep = 4

// nobody is where a message is from whose sender does not wait for it any more.
const nobody = 2

// forever is the life of a message that mutant 3 transmits without end.
const forever = 255

// message is a request, or the reply to one. A request stands for all its
// transmissions; a copy of a request that was processed gets the same reply
// from the registrar's transaction (RFC 3261 §17.2.2).
type message struct {
	from    uint8 // node
	ipbx    uint8
	user    router.Server
	req     licence.Request
	cseq    uint32
	signed  bool
	reply   bool
	served  bool
	life    uint8 // ticks until the last transmission is dead
	status  uint16
	ours    bool
	granted uint8 // ticks
}

// transaction is a node's side of an open request.
type transaction struct {
	open bool
	cseq uint32
	left uint8 // ticks
}

// statement is one that a node has given to the store.
type statement struct {
	open    bool
	applied bool // the store has carried it out; the answer is on its way
	good    bool // with applied: how it ended

	verb    lease.Verb // 0: a save
	epoch   uint64     // the lease's
	version uint64
	row     row
}

// seat is one node.
type seat struct {
	id      uint32 // of the mind's state
	base    control.Base
	up      bool
	cut     bool         // from the store
	asleep  uint8        // 0: awake; awakened by nothing but time
	pending uint8        // ticks by High that it slept through, and is yet to notice …
	frozen  uint8        // … of them, those during which Mono stood still
	rounds  uint8        // switchable rounds in a row
	copy    control.Copy // the last that this node knew of the mirror
	save    statement
	ask     statement
	txn     [router.Servers][licence.MaxIPBX]transaction
}

// registrar is one IPBX.
type registrar struct {
	ttl  [router.Servers]uint8 // bindings, ticks
	cseq [router.Servers]uint32
}

// store is the one row and the lease.
type store struct {
	row     row
	version uint64
	epoch   uint64
	holder  uint8 // node + 1; 0: nobody
	left    uint8 // ticks of the lease
}

// replica is what takes the store's place in mutant 9: it follows when it likes.
type replica struct {
	row     row
	version uint64
}

// client is a server that registers through us (mode gate).
type client struct {
	waits bool
	signs bool // it has met a challenge
}

// The ways to sleep.
const (
	awake   uint8 = iota
	sleeps        // its clocks run on
	stopped       // and its monotonic clock stands
)

// World is one or two nodes, their store, one or two IPBXs and what is between
// them.
type World struct {
	node   [2]seat
	store  store
	behind replica // mutant 9
	ipbx   [licence.MaxIPBX]registrar
	net    [maxFlight]message // sorted, then zero
	n      uint8
	server [router.Servers]condition
	client [router.Servers]client
	addr   uint8 // the node that has the virtual address
	jumped bool

	order   uint8                // 1 + ticks since an operator's order that has moved nothing yet, at most oldOrder; 0: none
	mirror  control.Copy         // what the watch of the mirrored database says
	drained [router.Servers]bool // the operators' marks, which outlive a process
	left    Budget
}

// Space is the Model: a scene.
type Space struct {
	Name    string
	Policy  control.Policy
	Nodes   int
	Budget  Budget
	Lists   bool // the registrars list bindings in their 2xx
	Longer  bool // and may grant MaxGrant whatever was asked
	Auth    bool // mode gate: they want an Authorization
	OnlyS1  bool // check nothing but "never two users bound"
	Cold    bool // the start is that of a new site: nothing is bound, both nodes have just started
	Grave   bool // a dead primary stays dead in calm runs
	Ages    bool // orders of operators grow old (O1)
	Amnesia bool // mutant 9: when a node crashes a replica that lags behind may take the store's place

	mind  *mind
	start World
}

// sharedLease has the timings of the explored lease: a permission of two ticks,
// counted from the ask and renewed with every tick; an address confirmed a tick
// ago is there; the store gives three ticks.
func sharedLease() lease.Policy {
	return lease.Policy{Shared: true, TTL: 2*Tick + 6*time.Second, Renew: 4 * time.Second, Guard: 6 * time.Second}
}

// New makes the scene ready to be walked.
func New(s Space) *Space {
	s.Nodes = max(s.Nodes, 1)
	if unpackBudget(s.Budget.pack()) != s.Budget {
		panic("explore: more of one fault than a budget can count: " + s.Name)
	}
	if s.Nodes == 2 && s.Budget.Drains > 0 {
		panic("explore: the marks of operators are one node's: " + s.Name)
	}
	s.mind = newMind(s.Policy)
	s.start = s.warm()
	s.mind.forget() // a mutant is set from here on
	return &s
}

// warm is a site that has served for a while: the primary is registered, both
// servers are well; or, Cold, one that is switched on.
func (s *Space) warm() World {
	w := World{}
	w.store.row = s.mind.pack(control.Row{Role: role.Row{Phase: router.Normal, Active: router.Primary, Epoch: 1}})
	w.store.version = 1
	if s.Budget.Mirrors > 0 {
		w.mirror = control.CopyFresh
	}
	if s.Policy.Absent {
		w.server[router.Secondary] = absent
	}
	m := &moment{s: s, mind: s.mind.memory(), w: w}
	m.boot(0)
	if s.Cold {
		m.boot(1)
		m.canon()
		return m.w
	}
	m.settle()
	for range 6 {
		m.pass()
		m.settle()
	}
	if s.Nodes == 2 {
		m.boot(1)
		m.settle()
		for range 4 {
			m.pass()
			m.settle()
		}
	}
	if m.broken != "" {
		panic("explore: the start is broken: " + m.broken)
	}
	if s.Amnesia {
		m.w.behind = replica{m.w.store.row, m.w.store.version}
	}
	m.canon()
	return m.w
}

// settle lets everything that is on its way arrive, and servers register.
func (m *moment) settle() {
	for i := range 200 {
		switch {
		case m.settled():
		case m.w.n > 0 && m.w.net[0].reply:
			m.reply(m.take(0))
		case m.w.n > 0:
			m.register(0, m.s.Policy.Licence.Expires, 0)
		case i < 3:
			m.serversRegister()
		default:
			return
		}
	}
	panic("explore: the start does not come to rest")
}

// settled ends a statement, false when there is none.
func (m *moment) settled() bool {
	for n := range m.w.node {
		for _, q := range [...]*statement{&m.w.node[n].save, &m.w.node[n].ask} {
			if q.open {
				m.carryOut(n, q)
				m.answer(n, q)
				return true
			}
		}
	}
	return false
}

func (m *moment) serversRegister() {
	for x := router.Primary; x <= router.Secondary; x++ {
		if m.s.gates() && !m.w.client[x].waits {
			m.clientRegisters(x)
		}
	}
}

func (s *Space) gates() bool { return s.Policy.Licence.Mode == licence.Gate }

// acting is the node that decides, by the store's word; false: none does.
func (s *Space) acting(w *World) (int, bool) {
	for n := range s.Nodes {
		v := &w.node[n]
		if v.up && s.mind.about.at(v.id).holds && (s.Nodes == 1 || v.base.Lease+lease.CanonEpoch == w.store.epoch) {
			return n, true
		}
	}
	return 0, false
}
