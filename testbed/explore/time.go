package explore

import "releve/router/lease"

// time passes for all that are awake. Statements are quick: a tick while a node
// that is awake waits for one is a fault. A node falls asleep as time begins to
// pass: to sleep for a moment is to be given what comes a moment later. The
// store does not wait for it.
func (k *worker) time() {
	w := &k.was
	var open [2]bool
	for n := range k.Nodes {
		v := &w.node[n]
		if v.asleep != awake && v.pending >= longestSleep {
			return
		}
		open[n] = v.asleep == awake && (v.save.open || v.ask.open && v.ask.verb != lease.Look)
	}
	calm := Time
	if k.urgent {
		calm = NotCalm
	}
	late := open[0] || open[1]
	switch {
	case late && w.left.Slow == 0:
	case late:
		k.do(Label{text: "tick, a statement takes its time"}, NotCalm, func(m *moment) {
			m.w.left.Slow--
			m.pass()
		})
	case k.gates() && calm == Time:
		k.do(Label{text: "tick"}, NotCalm, func(m *moment) { m.pass() })
		k.do(Label{text: "tick, and the servers register here"}, Time, func(m *moment) {
			m.pass()
			m.serversRegister()
		})
	default:
		k.do(Label{text: "tick"}, calm, func(m *moment) { m.pass() })
	}
	if w.left.Pauses == 0 {
		return
	}
	for n := range k.Nodes {
		if v := &w.node[n]; v.up && v.asleep == awake && !open[1-n] {
			k.do(Label{text: "tick, node%d has fallen asleep", n: n}, NotCalm, func(m *moment) { m.sleep(n, sleeps) })
			k.do(Label{text: "tick, node%d has fallen asleep, its monotonic clock stands", n: n}, NotCalm, func(m *moment) { m.sleep(n, stopped) })
		}
	}
}

func (m *moment) sleep(n int, how uint8) {
	v := &m.w.node[n]
	m.w.left.Pauses--
	v.asleep = how
	for _, q := range [...]*statement{&v.save, &v.ask} {
		if q.open && !q.applied {
			m.carryOut(n, q)
		}
	}
	m.pass()
}
