package explore

import (
	"releve/router"
	"releve/router/control"
	"releve/router/role"
)

// change is one step of a node's mind, for the rules about steps.
type change struct {
	w    *World
	p    *control.Policy
	v    *seat // as the step left it
	role role.Row
	e    event
	a    *answer
	age  uint8 // of the order that the step begins to carry out, ticks
}

// rule is an invariant about steps.
type rule struct {
	name, says string
	broken     func(c *change) bool
}

// rules are looked at at every step, the most telling first.
var rules = [...]rule{
	{"D1", "a drained server is never the target of an automatic switchover", drainedTakesOver},
	{"M1", "a secondary whose mirror was behind when it was last known is never the target of an automatic switchover", staleTakesOver},
	{"D2", "a drain, or its end, moves no licence and changes no role", drainMoves},
	{"M2", "what is seen of the mirror moves no licence and changes no role", mirrorMoves},
	{"L1", "where the level has no automatic switchover, a role changes on an operator's order only", levelMoves},
	{"O1", "an order that was not stored in time is never carried out", lateOrderMoves},
}

// automatic: a switchover by itself is intended, or its intent is durable and the
// licence begins to move. Who finishes after a crash what was begun begins nothing.
func (c *change) automatic() bool {
	return c.a.began == router.ReasonConfirmed && c.a.to == router.Switching ||
		c.a.starts && c.role.Phase == router.Switching && c.role.Reason == router.ReasonConfirmed
}

func drainedTakesOver(c *change) bool { return c.automatic() && c.w.drained[router.Secondary] }

func staleTakesOver(c *change) bool {
	return c.automatic() && c.p.Mirror && c.v.copy == control.CopyBehind
}

// moves: the step has a REGISTER sent, or a role begins to change; that a move
// which has not come to its end is taken back changes none. What ends may be the
// last that kept a confirmed switchover waiting: freed says so, and S5 asks for
// its rounds.
func (c *change) moves(freed bool) bool {
	for _, f := range c.a.effects {
		if f.kind == control.Register {
			return true
		}
	}
	return c.a.starts || moves(c.a.to) && !(freed && c.a.began == router.ReasonConfirmed)
}

func drainMoves(c *change) bool { return c.e.kind == control.Drain && c.moves(!c.e.on) }

func mirrorMoves(c *change) bool {
	return c.e.kind == control.Mirror && c.moves(c.e.copy == control.CopyFresh)
}

func levelMoves(c *change) bool {
	return !c.p.Role.Automatic && (moves(c.a.to) || c.a.starts) && c.role.Reason != router.ReasonOperator
}

func lateOrderMoves(c *change) bool { return c.a.starts && c.age >= oldOrder-2 }

// judge looks at one step of node n: first by the rules, then by S5, S6 and S8.
func (m *moment) judge(n int, e event, a *answer) {
	v := &m.w.node[n]
	f := m.mind.about.at(a.id)
	c := change{w: &m.w, p: &m.s.Policy, v: v, role: f.role, e: e, a: a}
	m.learns(v, e)
	switch {
	case a.starts && m.w.order != 0:
		c.age, m.w.order = m.w.order-1, 0
	case m.s.Ages && e.kind == control.Operate && m.w.order == 0 && moves(a.to):
		m.w.order = 1
	}
	if a.starts || a.began != router.ReasonNone || e.kind == control.Drain || e.kind == control.Mirror {
		for i := range rules {
			if rules[i].broken(&c) {
				m.breaks("%s: not so: %s", rules[i].name, rules[i].says)
			}
		}
	}
	m.judged(n, e, a)
}

// ordered forgets an order when no row that is stored, on its way or wanted has it
// any more.
func (m *moment) ordered() {
	w := &m.w
	if w.order == 0 || moves(m.mind.shapes.at(w.store.row.shape).Role.Phase) {
		return
	}
	for n := range m.s.Nodes {
		v := &w.node[n]
		if v.save.open && moves(m.mind.shapes.at(v.save.row.shape).Role.Phase) || v.up && moves(m.mind.about.at(v.id).role.Phase) {
			return
		}
	}
	w.order = 0
}

func moves(p router.Phase) bool { return p == router.Switching || p == router.Returning }

// learns keeps what a node last knew of the mirror: what it was told, else what
// was stored when it began to decide.
func (m *moment) learns(v *seat, e event) {
	if !m.s.Policy.Mirror {
		return
	}
	switch stored := e.kind == control.Boot || e.kind == control.LeaseDone && e.version != 0; {
	case e.kind == control.Mirror && e.copy != control.CopyUnknown:
		v.copy = e.copy
	case stored && v.copy == control.CopyUnknown:
		v.copy = m.mind.shapes.at(e.row.shape).Copy
	}
}

// judged checks S5, S6 and S8: a role changes on rounds that confirm or on a
// command, and goes back on a command only.
func (m *moment) judged(n int, e event, a *answer) {
	v := &m.w.node[n]
	if a.broke {
		v.rounds = 0
	}
	v.rounds = min(v.rounds+a.rounds, m.s.Policy.Role.Count)
	switch a.to {
	case router.Switching:
		commanded := e.kind == control.Operate && e.command == role.Switchover
		if a.began == router.ReasonConfirmed && (v.rounds < m.s.Policy.Role.Count || m.w.server[router.Primary] != dead) {
			m.breaks("S5: a switchover on %d rounds, the primary being %d", v.rounds, m.w.server[router.Primary])
		}
		if a.began != router.ReasonConfirmed && !commanded {
			m.breaks("S5: a switchover for %q", a.began)
		}
	case router.Returning:
		if e.kind != control.Operate || e.command != role.Return {
			m.breaks("S6: a return that nobody commanded")
		}
	}
}
