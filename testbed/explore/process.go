package explore

import (
	"releve/router/control"
	"releve/router/lease"
)

// named are the words for what becomes of a statement.
var named = [...][4]string{
	0:             {"node%d save done", "node%d save answered", "node%d save unknown, carried out", "node%d save unknown, lost"},
	lease.Take:    {"node%d take done", "node%d take answered", "node%d take unknown, carried out", "node%d take unknown, lost"},
	lease.Renew:   {"node%d renew done", "node%d renew answered", "node%d renew unknown, carried out", "node%d renew unknown, lost"},
	lease.Release: {"node%d release done", "node%d release answered", "node%d release unknown, carried out", "node%d release unknown, lost"},
	lease.Look:    {"node%d look done", "node%d look answered", "node%d look unknown, carried out", "node%d look unknown, lost"},
}

// statements ends what node n has given to the store: well; or unknown, carried
// out or not; or carried out, and the answer takes its time.
func (k *worker) statements(n int) {
	w := &k.was
	v := &w.node[n]
	for which, q := range [...]*statement{&v.save, &v.ask} {
		if !q.open {
			continue
		}
		of := func(m *moment) *statement {
			if which == 0 {
				return &m.w.node[n].save
			}
			return &m.w.node[n].ask
		}
		what := &named[q.verb]
		if q.applied {
			k.do(Label{text: what[1], n: n}, Now, func(m *moment) { m.answer(n, of(m)) })
			continue
		}
		k.do(Label{text: what[0], n: n}, Now, func(m *moment) {
			m.carryOut(n, of(m))
			m.answer(n, of(m))
		})
		if w.left.Slow > 0 || w.left.Pauses > 0 && w.waits(1-n) {
			k.do(Label{text: "node%d: the store carries it out, the answer is on its way", n: n}, NotCalm, func(m *moment) { m.carryOut(n, of(m)) })
		}
		if w.left.Unknown > 0 && (q.verb == 0 || k.Nodes == 2) {
			k.do(Label{text: what[2], n: n}, NotCalm, func(m *moment) {
				m.w.left.Unknown--
				m.carryOut(n, of(m))
				m.failed(n, of(m))
			})
			k.do(Label{text: what[3], n: n}, NotCalm, func(m *moment) {
				m.w.left.Unknown--
				m.failed(n, of(m))
			})
		}
	}
}

// waits says that node n has given the store what is not carried out yet.
func (w *World) waits(n int) bool {
	v := &w.node[n]
	return v.save.open && !v.save.applied || v.ask.open && !v.ask.applied
}

// process crashes and starts node n, wakes it, and cuts it from the store. Who
// sleeps is awakened by whatever comes first: this, a reply or an answer. What
// else happens to a node that sleeps can as well happen when it is awake again.
func (k *worker) process(n int) {
	w := &k.was
	v := &w.node[n]
	switch {
	case !v.up:
		k.do(Label{text: "node%d starts", n: n}, Now, func(m *moment) { m.boot(n) })
	case v.asleep != awake:
		k.do(Label{text: "node%d wakes", n: n}, Now, func(m *moment) { m.event(n, event{kind: control.Tick}) })
	}
	if v.up && w.left.Crashes > 0 {
		k.crashes(n)
	}
	switch {
	case v.cut && v.asleep == awake:
		k.do(Label{text: "node%d reaches the store again", n: n}, Now, func(m *moment) { m.w.node[n].cut = false })
	case w.left.Cuts > 0 && !v.cut && v.asleep == awake:
		k.do(Label{text: "node%d is cut off from the store", n: n}, NotCalm, func(m *moment) { m.cut(n, false) })
		if v.save.open && !v.save.applied {
			k.do(Label{text: "node%d is cut off from the store, its save is carried out", n: n}, NotCalm, func(m *moment) { m.cut(n, true) })
		}
	}
	if v.up && v.asleep == awake && w.left.Jumps > 0 {
		k.do(Label{text: "node%d's wall clock jumps ahead", n: n}, NotCalm, func(m *moment) {
			m.w.left.Jumps--
			m.w.node[n].pending++
			m.w.node[n].frozen++
		})
	}
}

func (k *worker) crashes(n int) {
	w := &k.was
	v := &w.node[n]
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
	k.do(Label{text: "node%d crashes", n: n}, NotCalm, crash(false, false))
	if v.save.open && !v.save.applied {
		k.do(Label{text: "node%d crashes, its save is carried out", n: n}, NotCalm, crash(true, false))
	}
	if lost := (replica{w.store.row, w.store.version}) != w.behind; k.Amnesia && lost {
		k.do(Label{text: "the replica follows"}, Now, func(m *moment) { m.w.behind = replica{m.w.store.row, m.w.store.version} })
		k.do(Label{text: "node%d crashes, the store loses what it last confirmed", n: n}, NotCalm, crash(false, true))
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
