package explore

import (
	"fmt"

	"releve/router"
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
)

// moment is one transition in the making.
type moment struct {
	s      *Space
	mind   memory
	w      World
	broken string

	busy  bool       // the effects of an event are being performed …
	queue [64]queued // … and what they bring waits
	waits int

	seen func(given) // told of every step of a mind, for tests
}

// given is one step of a mind.
type given struct {
	node       int
	id         uint32
	mono, high uint8
	e          event
	v          env
	a          *answer
}

// queued is an event that waits for its node.
type queued struct {
	n int
	e event
}

// from begins a transition from w; the one before is over.
func (m *moment) from(w *World) {
	m.w, m.broken, m.busy, m.waits = *w, "", false, 0
}

func (m *moment) breaks(format string, args ...any) {
	if m.broken == "" && !m.s.OnlyS1 {
		m.broken = fmt.Sprintf(format, args...)
	}
}

// boot starts a process on what is stored.
func (m *moment) boot(n int) {
	v := &m.w.node[n]
	*v = seat{up: true, cut: v.cut}
	m.event(n, event{kind: control.Boot, on: true, row: m.w.store.row, version: m.w.store.version})
	m.tell(n)
	for x, on := range m.w.drained {
		if on {
			m.event(n, event{kind: control.Drain, user: router.Server(x), on: true})
		}
	}
	m.event(n, event{kind: control.Tick})
}

// tell tells a node whether it has the address.
func (m *moment) tell(n int) {
	if m.s.Nodes == 2 {
		m.event(n, event{kind: control.Address, on: int(m.w.addr) == n})
	}
}

// event gives a node an event whose numbers are the world's.
func (m *moment) event(n int, e event) { m.passes(n, 0, e) }

// passes gives a node an event when ticks have passed for it, besides what it
// slept through.
func (m *moment) passes(n int, ticks uint8, e event) {
	if m.busy {
		m.queue[m.waits] = queued{n, e}
		m.waits++
		return
	}
	m.busy = true
	m.give(n, ticks, e)
	for i := 0; i < m.waits; i++ {
		m.give(m.queue[i].n, 0, m.queue[i].e)
	}
	m.busy, m.waits = false, 0
}

// give is one event and its effects.
func (m *moment) give(n int, ticks uint8, e event) {
	v := &m.w.node[n]
	if !v.up {
		return
	}
	mono, high := ticks+v.pending-v.frozen, ticks+v.pending
	v.pending, v.frozen, v.asleep = 0, 0, awake
	base := v.base
	own := relative(base, e)
	a := m.mind.step(v.id, mono, high, own, m.w.env())
	if m.seen != nil {
		m.seen(given{n, v.id, mono, high, own, m.w.env(), a})
	}
	v.id = a.id
	v.base = moved(base, a.base, m.mind.about.at(a.id).idles)
	m.judge(n, e, a)
	for _, f := range a.effects {
		if f.kind == control.Register && f.register.notAfter != router.Never {
			f.register.notAfter -= router.Instant(high) * router.Instant(Tick)
		}
		m.perform(n, f.absolute(base))
	}
}

// relative is e as a node with base b sees it.
func relative(b control.Base, e event) event {
	switch e.kind {
	case control.LeaseDone:
		if e.version != 0 {
			e.row = e.row.relative(b)
			e.version -= b.Version
		}
		if e.outcome == lease.Granted {
			e.epoch -= b.Lease
		}
	case control.Saved, control.SaveFailed:
		e.version -= b.Version
	case control.Registrar:
		if e.registrar == licence.Answer || e.registrar == licence.TimedOut {
			e.cseq -= b.Licence.CSeq[e.user]
		}
	}
	return e // a Boot begins a new life: it has no base yet
}

// moved is base b after a step whose canonical state took d out. A node that
// idles knows no numbers.
func moved(b, d control.Base, idles bool) control.Base {
	if idles {
		return control.Base{}
	}
	b.Licence.Epoch += d.Licence.Epoch
	for x := range b.Licence.CSeq {
		b.Licence.CSeq[x] += d.Licence.CSeq[x]
	}
	b.Version += d.Version
	b.Lease += d.Lease
	return b
}

// perform does an effect, whose numbers are the world's.
func (m *moment) perform(n int, f effect) {
	v := &m.w.node[n]
	switch f.kind {
	case control.Save:
		v.save = statement{open: true, row: f.row, version: f.version, epoch: f.epoch}
		if m.s.Nodes == 1 {
			v.save.epoch = 0
		}
		m.state(n, &v.save)
	case control.AskLease:
		v.ask = statement{open: true, verb: f.lease.Verb, epoch: f.lease.Epoch}
		m.state(n, &v.ask)
	case control.Register:
		m.send(n, f.register)
	case control.Reply:
		m.replied(f.register)
	}
}

// state gives the store a statement. It is carried out and answered at once in
// a scene that has no fault that could come between.
func (m *moment) state(n int, q *statement) {
	b := &m.s.Budget
	switch {
	case m.w.node[n].cut:
		m.failed(n, q)
	case b.Crashes+b.Unknown+b.Slow+b.Cuts+b.Pauses == 0 || m.s.Nodes == 2 && q.verb == lease.Look:
		m.carryOut(n, q)
		m.answer(n, q)
	}
}

// carryOut is the store: compare and set.
func (m *moment) carryOut(n int, q *statement) {
	t := &m.w.store
	q.applied = true
	me := uint8(n + 1)
	switch q.verb {
	case lease.Take:
		if q.good = t.left == 0 || t.holder == me; q.good {
			t.epoch++
			t.holder, t.left = me, uint8(m.s.Policy.Lease.TTL/Tick)
			q.epoch = t.epoch
		}
	case lease.Renew:
		if q.good = t.epoch == q.epoch && t.holder == me; q.good {
			t.left = uint8(m.s.Policy.Lease.TTL / Tick)
		}
	case lease.Release:
		if t.epoch == q.epoch && t.holder == me {
			t.left = 0
		}
	case lease.Look:
	default:
		m.commit(q)
	}
}

// commit saves a row: its version follows the stored one and nobody else took
// the lease; what is stored already is stored.
func (m *moment) commit(q *statement) {
	t := &m.w.store
	same := m.s.Nodes == 1 || q.epoch == t.epoch
	switch {
	case same && q.version == t.version+1:
		if q.row.role < t.row.role {
			m.breaks("S2: the stored epoch goes back")
		}
		t.row, t.version, q.good = q.row, q.version, true
	case same && q.version == t.version && q.row == t.row:
		q.good = true
	}
}

// answer tells the node how its statement ended.
func (m *moment) answer(n int, q *statement) {
	done := *q
	*q = statement{}
	if done.verb == 0 {
		kind := control.SaveFailed
		if done.good {
			kind = control.Saved
		}
		m.event(n, event{kind: kind, version: done.version})
		return
	}
	e := event{kind: control.LeaseDone, outcome: lease.Refused}
	if done.good {
		e.outcome, e.epoch = lease.Granted, done.epoch
	}
	if done.verb == lease.Take || done.verb == lease.Look {
		e.row, e.version = m.w.store.row, m.w.store.version
	}
	m.event(n, e)
}

// failed tells the node that the outcome of its statement is not known.
func (m *moment) failed(n int, q *statement) {
	done := *q
	*q = statement{}
	if done.verb == 0 {
		m.event(n, event{kind: control.SaveFailed, version: done.version})
		return
	}
	m.event(n, event{kind: control.LeaseDone, outcome: lease.Unknown})
}

// pass lets one tick go by.
func (m *moment) pass() {
	m.age()
	for n := range m.s.Nodes {
		switch v := &m.w.node[n]; {
		case !v.up:
		case v.asleep == awake:
			m.tick(n)
		default:
			v.pending++
			if v.asleep == stopped {
				v.frozen++
			}
		}
	}
}

// tick ends the node's transactions whose time is up, and lets it look about.
func (m *moment) tick(n int) {
	passed := uint8(1)
	give := func(e event) {
		m.passes(n, passed, e)
		passed = 0
	}
	ended, k := m.w.node[n].expire()
	for _, e := range ended[:k] {
		give(e)
	}
	if m.s.Nodes == 2 {
		give(event{kind: control.Address, on: int(m.w.addr) == n})
	}
	give(event{kind: control.Tick})
	if m.s.Budget.Mirrors > 0 { // what it slept through, or has not seen since it started
		give(event{kind: control.Mirror, copy: m.w.mirror})
	}
}

// expire ends the transactions whose time is up.
func (v *seat) expire() (out [2 * licence.MaxIPBX]event, n int) {
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range v.txn[x] {
			t := &v.txn[x][i]
			if !t.open {
				continue
			}
			if t.left--; t.left > 0 {
				continue
			}
			out[n] = event{kind: control.Registrar, registrar: licence.TimedOut, user: x, ipbx: uint8(i), cseq: t.cseq}
			n++
			*t = transaction{}
		}
	}
	return out, n
}

// age lets messages, bindings and the lease live one tick less. A reply that has
// reached a sleeping machine waits there.
func (m *moment) age() {
	w := &m.w
	for i := int(w.n) - 1; i >= 0; i-- {
		o := &w.net[i]
		if o.life == forever || o.reply && o.from != nobody && w.node[o.from].asleep != awake {
			continue
		}
		if o.life--; o.life == 0 {
			m.take(i)
		}
	}
	for i := range w.ipbx {
		for x := range w.ipbx[i].ttl {
			w.ipbx[i].ttl[x] -= min(w.ipbx[i].ttl[x], 1)
		}
	}
	w.store.left -= min(w.store.left, 1)
	if w.order != 0 {
		w.order = min(w.order+1, oldOrder)
	}
}
