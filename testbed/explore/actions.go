package explore

import (
	"fmt"
	"strings"

	"releve/router"
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// Successors appends every transition from w.
func (s *Space) Successors(w World, out []Edge[World]) []Edge[World] {
	do := func(name label, fault bool, act func(m *moment)) {
		m := s.at(&w)
		act(m)
		out = append(out, Edge[World]{To: m.canon(), Name: name, Fault: fault, Broken: m.broken})
	}
	s.network(&w, do)
	for n := range s.Nodes {
		s.statements(&w, n, do)
		s.process(&w, n, do)
	}
	s.site(&w, do)
	s.time(&w, do)
	return out
}

// label names a transition; it is put into words for traces only.
type label struct {
	text string // %d: number; %v: server; %s: message or verb
	n    int
	x    router.Server
	o    message
}

func (l label) String() string {
	switch {
	case strings.Contains(l.text, "%d"):
		return fmt.Sprintf(l.text, l.n)
	case strings.Contains(l.text, "%v"):
		return fmt.Sprintf(l.text, l.x)
	case strings.Contains(l.text, "%s"):
		return fmt.Sprintf(l.text, l.o)
	}
	return l.text
}

type action func(name label, fault bool, act func(m *moment))

// network delivers, drops and duplicates. A message that nobody delivers before
// its life ends is lost; dropping it at once differs only where the network is
// full, so only there is it a transition of its own.
func (s *Space) network(w *World, do action) {
	p := &s.Policy.Licence
	for i, o := range w.net[:w.n] {
		if i > 0 && o == w.net[i-1] {
			continue // a copy does the same
		}
		if o.reply {
			do(label{text: "deliver %s", o: o}, false, func(m *moment) { m.reply(m.take(i)) })
		} else {
			do(label{text: "deliver %s", o: o}, false, func(m *moment) { m.register(i, p.Expires, 0) })
			if o.req == licence.Register && s.Longer && !o.served {
				do(label{text: "deliver %s, granted longer", o: o}, false, func(m *moment) { m.register(i, p.MaxGrant, 0) })
			}
			if w.left.Refusals > 0 && !o.served {
				for _, status := range [...]uint16{403, 503} {
					do(label{text: "deliver %s, refused", o: o}, true, func(m *moment) {
						m.w.left.Refusals--
						m.register(i, 0, status)
					})
				}
			}
		}
		if w.n == maxFlight {
			do(label{text: "drop %s", o: o}, true, func(m *moment) { m.take(i) })
		}
		if w.left.Dups > 0 && w.n < maxFlight {
			do(label{text: "duplicate %s", o: o}, true, func(m *moment) {
				m.w.left.Dups--
				m.put(o)
			})
		}
	}
}

// statements ends what node n has given to the store: well; or unknown, carried
// out or not; or carried out, and the answer takes its time.
func (s *Space) statements(w *World, n int, do action) {
	for k, q := range [...]statement{w.node[n].save, w.node[n].ask} {
		if !q.open {
			continue
		}
		what := [...][4]string{
			0:             {"node%d save done", "node%d save answered", "node%d save unknown, carried out", "node%d save unknown, lost"},
			lease.Take:    {"node%d take done", "node%d take answered", "node%d take unknown, carried out", "node%d take unknown, lost"},
			lease.Renew:   {"node%d renew done", "node%d renew answered", "node%d renew unknown, carried out", "node%d renew unknown, lost"},
			lease.Release: {"node%d release done", "node%d release answered", "node%d release unknown, carried out", "node%d release unknown, lost"},
			lease.Look:    {"node%d look done", "node%d look answered", "node%d look unknown, carried out", "node%d look unknown, lost"},
		}[q.verb]
		of := func(m *moment) *statement {
			if k == 0 {
				return &m.w.node[n].save
			}
			return &m.w.node[n].ask
		}
		if q.applied {
			do(label{text: what[1], n: n}, false, func(m *moment) { m.answer(n, of(m)) })
			continue
		}
		do(label{text: what[0], n: n}, false, func(m *moment) {
			m.carryOut(n, of(m))
			m.answer(n, of(m))
		})
		if w.left.Slow > 0 || w.left.Pauses > 0 && q.verb != 0 {
			do(label{text: "node%d: the store carries it out, the answer is on its way", n: n}, true, func(m *moment) { m.carryOut(n, of(m)) })
		}
		if w.left.Unknown > 0 && (q.verb == 0 || s.Nodes == 2) {
			do(label{text: what[2], n: n}, true, func(m *moment) {
				m.w.left.Unknown--
				m.carryOut(n, of(m))
				m.failed(n, of(m))
			})
			do(label{text: what[3], n: n}, true, func(m *moment) {
				m.w.left.Unknown--
				m.failed(n, of(m))
			})
		}
	}
}

// process crashes and starts node n, and cuts it from the store.
func (s *Space) process(w *World, n int, do action) {
	v := w.node[n]
	if !v.up {
		do(label{text: "node%d starts", n: n}, false, func(m *moment) { m.boot(n) })
	}
	if v.up && w.left.Crashes > 0 {
		s.crashes(w, n, do)
	}
	switch {
	case v.cut:
		do(label{text: "node%d reaches the store again", n: n}, false, func(m *moment) { m.w.node[n].cut = false })
	case w.left.Cuts > 0:
		do(label{text: "node%d is cut off from the store", n: n}, true, func(m *moment) { m.cut(n, false) })
		if v.save.open && !v.save.applied {
			do(label{text: "node%d is cut off from the store, its save is carried out", n: n}, true, func(m *moment) { m.cut(n, true) })
		}
	}
	if v.up && w.left.Jumps > 0 {
		do(label{text: "node%d's wall clock jumps ahead", n: n}, true, func(m *moment) {
			m.w.left.Jumps--
			m.w.node[n].pending++
			m.w.node[n].frozen++
		})
	}
}

func (s *Space) crashes(w *World, n int, do action) {
	crash := func(apply, forget bool) func(m *moment) {
		return func(m *moment) {
			m.w.left.Crashes--
			if apply {
				m.carryOut(n, &m.w.node[n].save)
			}
			if forget {
				m.w.store.row, m.w.store.version = m.w.behind.row, m.w.behind.version
			}
			m.w.node[n] = seat{cut: m.w.node[n].cut}
			for x := range m.w.client {
				m.w.client[x].waits = false // its own transaction ends
			}
		}
	}
	do(label{text: "node%d crashes", n: n}, true, crash(false, false))
	if w.node[n].save.open && !w.node[n].save.applied {
		do(label{text: "node%d crashes, its save is carried out", n: n}, true, crash(true, false))
	}
	if lost := (replica{w.store.row, w.store.version}) != w.behind; s.Amnesia && lost {
		do(label{text: "the replica follows"}, false, func(m *moment) { m.w.behind = replica{m.w.store.row, m.w.store.version} })
		do(label{text: "node%d crashes, the store loses what it last confirmed", n: n}, true, crash(false, true))
	}
}

func (m *moment) cut(n int, apply bool) {
	v := &m.w.node[n]
	m.w.left.Cuts--
	v.cut = true
	if apply {
		m.carryOut(n, &v.save)
	}
	for _, q := range [...]*statement{&v.save, &v.ask} {
		if q.open {
			m.failed(n, q)
		}
	}
}

// site: servers, IPBXs, operators, the address, the database's clock.
func (s *Space) site(w *World, do action) {
	for x := router.Primary; x <= router.Secondary; x++ {
		if w.server[x] != well {
			do(label{text: "%v is well again", x: x}, false, func(m *moment) { m.w.server[x] = well })
		} else if w.left.Fails > 0 && w.server[x.Other()] == well {
			do(label{text: "%v dies", x: x}, true, func(m *moment) { m.w.left.Fails--; m.w.server[x] = dead })
			do(label{text: "%v is busy", x: x}, true, func(m *moment) { m.w.left.Fails--; m.w.server[x] = busy })
		}
		if s.gates() && w.server[x] != dead && !w.client[x].waits && w.node[0].up {
			do(label{text: "%v registers here", x: x}, false, func(m *moment) { m.clientRegisters(x) })
		}
	}
	for i := range int(s.Policy.IPBXs) {
		if w.left.Restarts == 0 {
			break
		}
		do(label{text: "IPBX %d restarts, keeps its bindings", n: i}, true, func(m *moment) { m.restart(i, true) })
		do(label{text: "IPBX %d restarts, loses its bindings", n: i}, true, func(m *moment) { m.restart(i, false) })
	}
	s.operator(w, do)
	if s.Nodes == 2 {
		s.address(w, do)
	}
	if w.left.StoreJump > 0 && w.store.left > 0 {
		do(label{text: "the database's clock jumps ahead"}, true, func(m *moment) {
			m.w.left.StoreJump--
			m.w.store.left, m.w.jumped = 0, true
		})
	}
}

func (s *Space) operator(w *World, do action) {
	n, ok := s.acting(w)
	if w.left.Moves == 0 || !ok {
		return
	}
	command := role.Switchover
	if s.mind.shapes[w.store.row.shape].Role.Active == router.Secondary {
		command = role.Return
	}
	do(label{text: [...]string{role.Switchover: "operator: switchover", role.Return: "operator: return"}[command]}, true, func(m *moment) {
		m.w.left.Moves--
		m.event(n, control.Event{Kind: control.Operate, Command: command, Force: true})
	})
}

// address: it moves at any time, and from a node that is down by itself.
func (s *Space) address(w *World, do action) {
	other := 1 - w.addr
	switch {
	case !w.node[other].up:
	case !w.node[w.addr].up || w.node[w.addr].cut:
		do(label{text: "the address moves"}, false, func(m *moment) { m.w.addr = other })
	case w.left.Addresses > 0:
		do(label{text: "the address moves"}, true, func(m *moment) {
			m.w.left.Addresses--
			m.w.addr = other
		})
	}
}

// restart outlasts T4: what was in flight is dead (an assumption of package
// licence: a registrar's transactions die with it). Nodes that are up see it.
func (m *moment) restart(i int, keep bool) {
	w := &m.w
	w.left.Restarts--
	for k := int(w.n) - 1; k >= 0; k-- {
		if int(w.net[k].ipbx) == i {
			m.take(k)
		}
	}
	if !keep {
		w.ipbx[i].ttl = [router.Servers]uint8{}
	}
	for n := range m.s.Nodes {
		m.event(n, control.Event{Kind: control.Registrar, Register: licence.Event{Kind: licence.Restarted, IPBX: uint8(i)}})
	}
}

// time passes for all; while a node is paused, not for that one. Statements are
// quick: a tick while one is open is a fault.
func (s *Space) time(w *World, do action) {
	open := false
	for n := range s.Nodes {
		v := &w.node[n]
		open = open || v.save.open || v.ask.open && v.ask.verb != lease.Look
	}
	if !open || w.left.Slow > 0 {
		do(label{text: "tick"}, false, func(m *moment) {
			if open {
				m.w.left.Slow--
			}
			m.pass()
		})
	}
	if w.left.Pauses == 0 {
		return
	}
	for n := range s.Nodes {
		v := w.node[n]
		o := &w.node[1-n]
		if !v.up || v.save.open && !v.save.applied || v.ask.open && !v.ask.applied || o.save.open || o.ask.open {
			continue
		}
		do(label{text: "tick, node%d sleeps, its clock stands", n: n}, true, func(m *moment) { m.sleep(n, 1) })
		do(label{text: "tick, node%d sleeps", n: n}, true, func(m *moment) { m.sleep(n, 0) })
	}
}

func (m *moment) sleep(n int, frozen uint8) {
	m.w.left.Pauses--
	m.w.node[n].pending++
	m.w.node[n].frozen += frozen
	m.pass(n)
}
