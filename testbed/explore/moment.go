package explore

import (
	"fmt"
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// moment is one transition in the making.
type moment struct {
	s      *Space
	w      World
	broken string

	busy  bool       // the effects of an event are being performed …
	queue [64]queued // … and what they bring waits
	waits int
}

// queued is an event that waits for its node.
type queued struct {
	n int
	e control.Event
}

// at begins a transition from w; the one before is over.
func (s *Space) at(w *World) *moment {
	m := &s.room
	m.s, m.w, m.broken, m.busy, m.waits = s, *w, "", false, 0
	return m
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
	m.event(n, control.Event{Kind: control.Boot, On: true, Row: m.s.mind.full(m.w.store.row), Version: m.w.store.version})
	m.tell(n)
	m.event(n, control.Event{Kind: control.Tick})
}

// tell tells a node whether it has the address.
func (m *moment) tell(n int) {
	if m.s.Nodes == 2 {
		m.event(n, control.Event{Kind: control.Address, On: int(m.w.addr) == n})
	}
}

// event gives a node an event whose numbers are the world's.
func (m *moment) event(n int, e control.Event) { m.passes(n, 0, 0, e) }

// passes gives a node an event when time has passed for it, besides what it
// slept through.
func (m *moment) passes(n int, mono, high time.Duration, e control.Event) {
	if m.busy {
		m.queue[m.waits] = queued{n, e}
		m.waits++
		return
	}
	m.busy = true
	m.give(n, mono, high, e)
	for i := 0; i < m.waits; i++ {
		m.give(m.queue[i].n, 0, 0, m.queue[i].e)
	}
	m.busy, m.waits = false, 0
}

// give is one event and its effects.
func (m *moment) give(n int, mono, high time.Duration, e control.Event) {
	v := &m.w.node[n]
	if !v.up {
		return
	}
	mono += time.Duration(v.pending-v.frozen) * Tick
	high += time.Duration(v.pending) * Tick
	v.pending, v.frozen = 0, 0
	base := v.base
	a := m.s.mind.step(v.id, mono, high, relative(base, e), env{m.w.server})
	was := m.s.mind.about[a.id]
	v.id = a.id
	v.base = moved(base, a.base, was.idles)
	m.judged(n, e, a)
	for _, f := range a.effects {
		if f.Kind == control.Register && f.Register.NotAfter != router.Never {
			f.Register.NotAfter -= router.Instant(high)
		}
		m.perform(n, base.Effect(f))
	}
}

// relative is e as a node with base b sees it.
func relative(b control.Base, e control.Event) control.Event {
	switch e.Kind {
	case control.Boot:
		return e // a new life: it has no base yet
	case control.LeaseDone:
		e.Lease.Epoch -= b.Lease
		e.Row = b.Row(e.Row)
		e.Version -= b.Version
		if e.Lease.Outcome == lease.Unknown {
			e.Row, e.Version = control.Row{}, 0
		}
		if e.Lease.Outcome != lease.Granted {
			e.Lease.Epoch = 0
		}
	case control.Saved, control.SaveFailed:
		e.Version -= b.Version
	case control.Registrar:
		e.Register.CSeq -= b.Licence.CSeq[e.Register.User]
	}
	return e
}

// moved is base b after a step whose canonical state took d out.
func moved(b, d control.Base, idles bool) control.Base {
	b.Licence.Epoch += d.Licence.Epoch
	if idles {
		return control.Base{Licence: licence.Base{Epoch: b.Licence.Epoch}}
	}
	for x := range b.Licence.CSeq {
		b.Licence.CSeq[x] += d.Licence.CSeq[x]
	}
	b.Version += d.Version
	b.Lease += d.Lease
	return b
}

// judged checks S5, S6 and S8: a role changes on rounds that confirm or on a
// command, and goes back on a command only.
func (m *moment) judged(n int, e control.Event, a answer) {
	v := &m.w.node[n]
	if a.broke {
		v.rounds = 0
	}
	v.rounds = min(v.rounds+a.rounds, m.s.Policy.Role.Count)
	switch a.to {
	case router.Switching:
		commanded := e.Kind == control.Operate && e.Command == role.Switchover
		if a.began == router.ReasonConfirmed && (v.rounds < m.s.Policy.Role.Count || m.w.server[router.Primary] != dead) {
			m.breaks("S5: a switchover on %d rounds, the primary being %d", v.rounds, m.w.server[router.Primary])
		}
		if a.began != router.ReasonConfirmed && !commanded {
			m.breaks("S5: a switchover for %q", a.began)
		}
	case router.Returning:
		if e.Kind != control.Operate || e.Command != role.Return {
			m.breaks("S6: a return that nobody commanded")
		}
	}
}

// perform does an effect, whose numbers are the world's.
func (m *moment) perform(n int, f control.Effect) {
	v := &m.w.node[n]
	switch f.Kind {
	case control.Save:
		v.save = statement{open: true, row: m.s.mind.pack(f.Row), version: f.Version, epoch: f.Epoch}
		m.state(n, &v.save)
	case control.AskLease:
		v.ask = statement{open: true, verb: f.Lease.Verb, epoch: f.Lease.Epoch}
		m.state(n, &v.ask)
	case control.Register:
		m.send(n, f.Register)
	case control.Reply:
		m.replied(f.Register)
	case control.Own:
	}
}

// state gives the store a statement. It is carried out and answered at once
// when no fault is left that could come between.
func (m *moment) state(n int, q *statement) {
	b := &m.w.left
	hazards := b.Crashes + b.Unknown + b.Slow + b.Cuts + b.Pauses
	switch {
	case m.w.node[n].cut:
		m.failed(n, q)
	case hazards == 0 || m.s.Nodes == 2 && q.verb == lease.Look:
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
		m.event(n, control.Event{Kind: kind, Version: done.version})
		return
	}
	e := control.Event{Kind: control.LeaseDone, Lease: lease.Event{Kind: lease.Done, Ask: control.LeaseOf, Outcome: lease.Refused}}
	if done.good {
		e.Lease.Outcome, e.Lease.Epoch = lease.Granted, done.epoch
	}
	e.Row, e.Version = m.s.mind.full(m.w.store.row), m.w.store.version
	m.event(n, e)
}

// failed tells the node that the outcome of its statement is not known.
func (m *moment) failed(n int, q *statement) {
	done := *q
	*q = statement{}
	if done.verb == 0 {
		m.event(n, control.Event{Kind: control.SaveFailed, Version: done.version})
		return
	}
	m.event(n, control.Event{Kind: control.LeaseDone, Lease: lease.Event{Kind: lease.Done, Ask: control.LeaseOf}})
}

// pass lets one tick go by for all that is awake.
func (m *moment) pass(asleep ...int) {
	m.age()
	for n := range m.s.Nodes {
		if len(asleep) == 0 || asleep[0] != n {
			m.tick(n)
		}
	}
}

// tick ends the node's transactions whose time is up, and lets it look about.
func (m *moment) tick(n int) {
	v := &m.w.node[n]
	if !v.up {
		return
	}
	passed := Tick
	give := func(e control.Event) {
		m.passes(n, passed, passed, e)
		passed = 0
	}
	for _, e := range v.expire() {
		if e.Kind == licence.TimedOut {
			give(control.Event{Kind: control.Registrar, Register: e})
		}
	}
	if m.s.Nodes == 2 {
		give(control.Event{Kind: control.Address, On: int(m.w.addr) == n})
	}
	give(control.Event{Kind: control.Tick})
}

// expire ends the transactions whose time is up.
func (v *seat) expire() (out [2 * licence.MaxIPBX]licence.Event) {
	n := 0
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range v.txn[x] {
			t := &v.txn[x][i]
			if !t.open {
				continue
			}
			if t.left--; t.left > 0 {
				continue
			}
			out[n] = licence.Event{Kind: licence.TimedOut, User: x, IPBX: uint8(i), CSeq: t.cseq}
			n++
			*t = transaction{}
		}
	}
	return out
}

// age lets messages, bindings and the lease live one tick less.
func (m *moment) age() {
	w := &m.w
	for i := int(w.n) - 1; i >= 0; i-- {
		if o := &w.net[i]; o.life != forever {
			if o.life--; o.life == 0 {
				m.take(i)
			}
		}
	}
	for i := range w.ipbx {
		for x := range w.ipbx[i].ttl {
			w.ipbx[i].ttl[x] -= min(w.ipbx[i].ttl[x], 1)
		}
	}
	w.store.left -= min(w.store.left, 1)
}
