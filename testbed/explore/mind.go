package explore

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// mind is the code under test, package control, made fast to walk: states are
// kept once, canonical, and known by a number; what a state does on an event is
// computed once by the real Step, and remembered.
//
// Probes are answered within the step that makes them, with the truth: what
// lossy probes do to a verdict is the simulator's matter. So the board of
// evidence follows the world tick by tick, and rounds confirm what is so.
//
// A number is published under mu, or by what passes it on to another worker;
// pages do not move, so reading needs no lock.
type mind struct {
	policy control.Policy
	seeds  [2]maphash.Seed

	mu     sync.Mutex
	ids    map[[2]uint64]uint32
	states pages[control.State]
	about  pages[facts]
	events map[event]uint32
	memo   map[uint64]*answer
	shapes pages[control.Row] // rows without their numbers
	shape  map[control.Row]uint32
}

// pages is a list that grows without moving.
type pages[T any] struct {
	page [1 << 13]atomic.Pointer[[512]T]
	n    uint32
}

func (p *pages[T]) at(i uint32) *T { return &p.page[i>>9].Load()[i&511] }

func (p *pages[T]) add(v T) uint32 {
	i := p.n
	if i&511 == 0 {
		p.page[i>>9].Store(new([512]T))
	}
	*p.at(i) = v
	p.n++
	return i
}

// row is a stored row: what it says, by number, and the numbers that only rise.
type row struct {
	shape         uint32
	role, licence uint64
	cseq          [router.Servers]uint32
}

// pack returns r as a row.
func (m *mind) pack(r control.Row) row {
	out := row{role: r.Role.Epoch, licence: r.Licence.Epoch, cseq: r.Licence.CSeq}
	r.Role.Epoch, r.Licence.Epoch, r.Licence.CSeq = 0, 0, [router.Servers]uint32{}
	id, ok := m.shape[r]
	if !ok {
		id = m.shapes.add(r)
		m.shape[r] = id
	}
	out.shape = id
	return out
}

// full is the row again.
func (m *mind) full(r row) control.Row {
	out := *m.shapes.at(r.shape)
	out.Role.Epoch, out.Licence.Epoch, out.Licence.CSeq = r.role, r.licence, r.cseq
	return out
}

// less takes base d out of r.
func (r row) less(d control.Base) row {
	r.role -= d.Licence.Epoch
	r.licence -= d.Licence.Epoch
	return r
}

// relative is r as a node with base b sees it.
func (r row) relative(b control.Base) row {
	r = r.less(b)
	for x := range r.cseq {
		r.cseq[x] -= b.Licence.CSeq[x]
	}
	return r
}

// event is a control.Event of this world, small enough to be looked up.
type event struct {
	kind control.EventKind
	on   bool

	command role.Command
	outcome lease.Outcome

	registrar licence.EventKind
	user      router.Server
	ipbx      uint8
	status    uint16
	ours      bool
	granted   uint8 // ticks
	signed    bool
	cseq      uint32
	copy      control.Copy

	version, epoch uint64
	row            row
}

func (m *mind) unfold(e event) control.Event {
	out := control.Event{Kind: e.kind, On: e.on, Version: e.version}
	switch e.kind {
	case control.Boot:
		out.Row = m.full(e.row)
	case control.Drain:
		out.Server = e.user
	case control.Mirror:
		out.Copy = e.copy
	case control.Operate:
		out.Command, out.Force = e.command, true
	case control.LeaseDone:
		out.Lease = lease.Event{Kind: lease.Done, Ask: control.LeaseOf, Outcome: e.outcome, Epoch: e.epoch}
		if e.version != 0 {
			out.Row = m.full(e.row)
		}
	case control.Registrar:
		out.Register = licence.Event{Kind: e.registrar, User: e.user, IPBX: e.ipbx, CSeq: e.cseq}
		switch e.registrar {
		case licence.Answer:
			out.Register.Status, out.Register.Usable, out.Register.HasList = e.status, e.status == 401, e.status == 200
			out.Register.Ours, out.Register.Granted = e.ours, time.Duration(e.granted)*Tick
		case licence.ServerRegister:
			out.Register.Ticket, out.Register.Expires, out.Register.Signed = 1, m.policy.Licence.Expires, e.signed
		}
	}
	return out
}

// env is what probes see: the conditions of the primary and of the secondary.
type env uint8

func (w *World) env() env {
	return env(w.server[router.Primary]) | env(w.server[router.Secondary])<<2
}

func (e env) of(x router.Server) condition {
	if x == router.Secondary {
		return condition(e >> 2)
	}
	return condition(e & 3)
}

// condition of a server.
type condition uint8

const (
	well condition = iota
	dead
	busy
	absent // off the network, where that is normal
)

// answer is what came of one event: a canonical state, what its numbers moved
// by, and what is to be done, with numbers as before the event.
type answer struct {
	id      uint32
	base    control.Base
	effects []effect
	began   router.Reason // a role change was begun: why
	to      router.Phase  // and which
	starts  bool          // the licence begins to move for it, or for what a former life had stored
	rounds  uint8         // switchable rounds judged since …
	broke   bool          // … another verdict, if one was
}

// effect is what the world performs of a control.Effect.
type effect struct {
	kind     control.EffectKind
	row      row
	version  uint64
	epoch    uint64
	lease    lease.Effect
	register register
}

// register is what the world needs of a licence.Effect.
type register struct {
	user      router.Server
	ipbx      uint8
	req       licence.Request
	cseq      uint32
	notAfter  router.Instant
	authorise bool
	pass      bool
	relay     bool
	status    uint16
}

// facts about a state, for the checks.
type facts struct {
	holds, idles bool
	keeps        bool // its bindings alive, and nothing else
	moving       bool // the licence moves
	role         role.Row
	low          [router.Servers]uint32                         // CSeq
	fence        [router.Servers][licence.MaxIPBX]time.Duration // until no binding can exist, by its reckoning
}

func newMind(p control.Policy) *mind {
	m := &mind{policy: p, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, shape: map[control.Row]uint32{}}
	m.forget()
	m.id(control.New(p, 0).Canon(router.Clock{}).Ranked(Tick))
	return m
}

// forget drops what was computed: a rule may have changed.
func (m *mind) forget() {
	m.memo, m.events = map[uint64]*answer{}, map[event]uint32{}
	if m.ids == nil {
		m.ids = map[[2]uint64]uint32{}
	}
}

func (m *mind) id(s control.State) uint32 {
	h := [2]uint64{maphash.Comparable(m.seeds[0], s), maphash.Comparable(m.seeds[1], s)}
	if id, ok := m.ids[h]; ok {
		return id
	}
	v := s.Licence(router.Clock{})
	f := facts{holds: s.Holds(router.Clock{}), idles: s.Idles(), keeps: v.Keeps, moving: s.Moving(), role: s.Row().Role}
	for x := range f.fence {
		f.low[x] = s.LowestCSeq(router.Server(x))
		for i, b := range v.Bindings[x] {
			f.fence[x][i] = max(b.Fence, b.Elsewhere)
		}
	}
	m.about.add(f)
	id := m.states.add(s)
	m.ids[h] = id
	return id
}

// memory is one worker's share of what a mind remembers.
type memory struct {
	*mind
	known  map[uint64]*answer
	number map[event]uint32
}

func (m *mind) memory() memory {
	return memory{m, map[uint64]*answer{}, map[event]uint32{}}
}

// step is what state id does on e when mono and high ticks have passed.
func (m *memory) step(id uint32, mono, high uint8, e event, v env) *answer {
	n, ok := m.number[e]
	if !ok {
		m.mu.Lock()
		if n, ok = m.events[e]; !ok {
			n = uint32(len(m.events))
			m.events[e] = n
		}
		m.mu.Unlock()
		m.number[e] = n
	}
	if id >= 1<<24 || n >= 1<<24 || mono > 15 || high > 15 {
		panic("explore: more than a question can name")
	}
	q := uint64(id)<<36 | uint64(n)<<12 | uint64(mono)<<8 | uint64(high)<<4 | uint64(v)
	if a, ok := m.known[q]; ok {
		return a
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.memo[q]
	if !ok {
		a = m.compute(id, mono, high, e, v)
		m.memo[q] = a
	}
	m.known[q] = a
	return a
}

func (m *mind) compute(id uint32, mono, high uint8, e event, v env) *answer {
	s := *m.states.at(id)
	before, began := s.Row().Role, s.Row().Licence.Epoch
	if e.kind == control.Boot || e.kind == control.LeaseDone && e.version != 0 {
		began = e.row.licence
	}
	now := router.Clock{Mono: router.Instant(mono) * router.Instant(Tick), High: router.Instant(high) * router.Instant(Tick)}
	moved := s.Moving() && s.Holds(now)
	a := &answer{}
	todo := []control.Event{m.unfold(e)}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		for _, f := range s.Step(now, next, nil) {
			if r, ok := probed(f, v); ok {
				todo = append(todo, r)
				continue
			}
			m.take(a, f)
		}
		if row := s.Row().Role; row.Epoch > before.Epoch && e.kind != control.Boot && e.kind != control.LeaseDone {
			a.began, a.to = row.Reason, row.Phase
			before = row
		}
	}
	a.starts = s.Moving() && s.Holds(now) && !moved && began < s.Row().Role.Epoch
	a.base = s.Base()
	a.id = m.id(s.Canon(now).Ranked(Tick))
	return a
}

// take keeps the effects that the world performs.
func (m *mind) take(a *answer, f control.Effect) {
	switch f.Kind {
	case control.Save:
		a.effects = append(a.effects, effect{kind: f.Kind, row: m.pack(f.Row), version: f.Version, epoch: f.Epoch})
	case control.Register, control.Reply:
		r := f.Register
		a.effects = append(a.effects, effect{kind: f.Kind, register: register{
			user: r.User, ipbx: r.IPBX, req: r.Request, cseq: r.CSeq, notAfter: r.NotAfter,
			authorise: r.Authorise, pass: r.Pass, relay: r.Relay, status: r.Status,
		}})
	case control.AskLease:
		a.effects = append(a.effects, effect{kind: f.Kind, lease: f.Lease})
	case control.Record:
		if f.Reason != control.ReasonRound {
			return
		}
		if f.Verdict.Switchable() {
			a.rounds++
		} else {
			a.rounds, a.broke = 0, true
		}
	}
}

// absolute is f, of a node with base b, as the world sees it.
func (f effect) absolute(b control.Base) effect {
	switch f.kind {
	case control.Save:
		f.row.role += b.Licence.Epoch
		f.row.licence += b.Licence.Epoch
		for x := range f.row.cseq {
			f.row.cseq[x] += b.Licence.CSeq[x]
		}
		f.version += b.Version
		f.epoch += b.Lease
	case control.Register:
		f.register.cseq += b.Licence.CSeq[f.register.user]
	case control.AskLease:
		f.lease.Epoch += b.Lease
	}
	return f
}

// probed is the result of a probe.
func probed(f control.Effect, v env) (control.Event, bool) {
	switch f.Kind {
	case control.Probe:
		e := [...]router.Evidence{well: router.OK, dead: router.Refused, busy: router.Busy, absent: router.Silent}[v.of(f.Server)]
		return control.Event{Kind: control.ProbeDone, Server: f.Server, Round: f.Round, Evidence: e}, true
	case control.ProbeIPBX:
		return control.Event{Kind: control.IPBXProbe, IPBX: f.IPBX, Round: f.Round, Evidence: router.OK}, true
	}
	return control.Event{}, false
}
