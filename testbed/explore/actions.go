package explore

import (
	"fmt"
	"time"

	"releve/router"
	"releve/router/licence"
)

// Successors appends every transition from w.
func (s Space[N]) Successors(w World[N], out []Edge[World[N]]) []Edge[World[N]] {
	do := func(name string, fault bool, t time.Duration, act func(m *moment[N])) {
		m := s.at(&w, t)
		act(m)
		out = append(out, Edge[World[N]]{To: m.canon(), Name: name, Fault: fault, Broken: m.broken})
	}
	s.network(w, do)
	s.storing(w, do)
	s.node(w, do)
	s.time(w, do)
	return out
}

type action[N comparable] func(name string, fault bool, t time.Duration, act func(m *moment[N]))

// network delivers, drops and duplicates. A message that nobody delivers before
// its life ends is lost; dropping it at once differs only where the network is
// full, so only there is it a transition of its own.
func (s Space[N]) network(w World[N], do action[N]) {
	for i, o := range w.net[:w.n] {
		if i > 0 && o == w.net[i-1] {
			continue // a copy does the same
		}
		switch {
		case o.reply:
			do(fmt.Sprintf("deliver %s", o), false, 0, func(m *moment[N]) { m.answer(m.take(i)) })
		case o.req == licence.Register && s.Longer && !o.served:
			do(fmt.Sprintf("deliver %s, granted longer", o), false, 0,
				func(m *moment[N]) { m.register(i, s.Policy.MaxGrant) })
			fallthrough
		default:
			do(fmt.Sprintf("deliver %s", o), false, 0, func(m *moment[N]) { m.register(i, s.Policy.Expires) })
		}
		if w.n == maxFlight {
			do(fmt.Sprintf("drop %s", o), true, 0, func(m *moment[N]) { m.take(i) })
		}
		if w.left.Dups > 0 && w.n < maxFlight {
			do(fmt.Sprintf("duplicate %s", o), true, 0, func(m *moment[N]) {
				m.w.left.Dups--
				m.put(o)
			})
		}
	}
}

// register is the registrar (RFC 3261 §10.3), atomic; its reply travels back.
func (m *moment[N]) register(i int, granted time.Duration) {
	w := &m.w
	o := m.take(i)
	x := o.user
	if !o.served {
		o.status, o.ours, o.granted = 200, false, 0
		switch {
		case o.req != licence.Fetch && w.ttl[x] > 0 && o.cseq <= w.cseq[x]:
			o.status = 500
		case o.req == licence.Register:
			w.ttl[x], w.cseq[x] = uint8(granted/Tick), o.cseq
		case o.req == licence.Unregister:
			w.ttl[x] = 0
		}
		o.ours = o.status == 200 && w.ttl[x] > 0 && m.s.Lists
		if o.ours {
			o.granted = w.ttl[x]
		}
		m.serve(o)
	}
	if o.life == forever { // transmitted again, and the transaction long gone
		again := o
		again.status, again.ours, again.granted, again.served = 0, false, 0, false
		m.put(again)
	}
	o.reply, o.served, o.life = true, false, 2
	m.put(o)
}

// serve gives the copies of o the same reply.
func (m *moment[N]) serve(o message) {
	for i := range m.w.net[:m.w.n] {
		c := &m.w.net[i]
		if !c.reply && c.user == o.user && c.cseq == o.cseq && c.life != forever {
			c.served, c.status, c.ours, c.granted = true, o.status, o.ours, o.granted
		}
	}
}

func (m *moment[N]) answer(o message) {
	t := &m.w.txn[o.user]
	if !m.w.up || !t.open || t.cseq != o.cseq {
		return // no transaction: RFC 3261 §17.1.3
	}
	t.open = false
	m.event(licence.Event{
		Kind: licence.Answer, User: o.user, CSeq: o.cseq, Status: o.status,
		HasList: o.status == 200, Ours: o.ours, Granted: time.Duration(o.granted) * Tick,
	})
}

// storing ends the open Save: well, or unknown and applied or not.
func (s Space[N]) storing(w World[N], do action[N]) {
	if !w.saving {
		return
	}
	end := func(apply bool, kind licence.EventKind) func(m *moment[N]) {
		return func(m *moment[N]) {
			row := m.w.asked
			m.w.saving = false
			if apply {
				m.w.store = row
			}
			if kind == licence.SaveUnknown {
				m.w.left.Unknown--
			}
			m.event(licence.Event{Kind: kind, Row: row})
		}
	}
	do("saved", false, 0, end(true, licence.Saved))
	if w.left.Unknown > 0 {
		do("save unknown, applied", true, 0, end(true, licence.SaveUnknown))
		do("save unknown, lost", true, 0, end(false, licence.SaveUnknown))
	}
}

// node crashes, boots, sees the IPBX restart and is told to move.
func (s Space[N]) node(w World[N], do action[N]) {
	if !w.up {
		do("boot", false, 0, func(m *moment[N]) { m.boot() })
		return
	}
	if w.left.Crashes > 0 {
		crash := func(apply bool) func(m *moment[N]) {
			return func(m *moment[N]) {
				m.w.left.Crashes--
				if apply {
					m.w.store = m.w.asked
				}
				m.w.up = false
			}
		}
		do("crash", true, 0, crash(false))
		if w.saving {
			do("crash, save applied", true, 0, crash(true))
		}
	}
	if w.left.Restarts > 0 {
		do("IPBX restarts, keeps its bindings", true, 0, func(m *moment[N]) { m.restart(true) })
		do("IPBX restarts, loses its bindings", true, 0, func(m *moment[N]) { m.restart(false) })
	}
	if w.left.Moves > 0 {
		do(fmt.Sprintf("move to %v", w.want.Other()), true, 0, func(m *moment[N]) {
			m.w.left.Moves--
			m.w.want = m.w.want.Other()
			m.event(licence.Event{Kind: licence.Move, To: m.w.want, Epoch: licence.CanonEpoch + 1})
		})
	}
}

// restart outlasts T4: what was in flight is dead (an assumption of package
// licence: a registrar's transactions die with it).
func (m *moment[N]) restart(keep bool) {
	m.w.left.Restarts--
	m.w.net, m.w.n = [maxFlight]message{}, 0
	if !keep {
		m.w.ttl = [router.Servers]uint8{}
	}
	m.event(licence.Event{Kind: licence.Restarted})
}

// time passes for all; while a machine is paused, not for its node.
func (s Space[N]) time(w World[N], do action[N]) {
	if !w.saving || w.left.Slow > 0 {
		do("tick", false, Tick, func(m *moment[N]) {
			if m.w.saving {
				m.w.left.Slow--
			}
			m.age()
			m.expire()
			m.event(licence.Event{Kind: licence.Tick})
		})
	}
	if w.up && w.left.Pauses > 0 {
		do("tick, node paused", true, 0, func(m *moment[N]) {
			m.w.left.Pauses--
			m.age()
		})
	}
}

// age lets messages and bindings live one tick less.
func (m *moment[N]) age() {
	w := &m.w
	for i := int(w.n) - 1; i >= 0; i-- {
		if o := &w.net[i]; o.life != forever {
			if o.life--; o.life == 0 {
				m.take(i)
			}
		}
	}
	for x := range w.ttl {
		w.ttl[x] -= min(w.ttl[x], 1)
	}
}

// expire ends the node's transactions.
func (m *moment[N]) expire() {
	for x := router.Primary; x <= router.Secondary; x++ {
		t := &m.w.txn[x]
		if !t.open {
			continue
		}
		if t.left--; t.left == 0 {
			t.open = false
			m.event(licence.Event{Kind: licence.TimedOut, User: x, CSeq: t.cseq})
		}
	}
}
