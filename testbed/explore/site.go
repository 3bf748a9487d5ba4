package explore

import (
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
	"releve/router/role"
)

// site: servers, IPBXs, operators, the address, the database's clock.
func (k *worker) site() {
	w := &k.was
	for x := router.Primary; x <= router.Secondary; x++ {
		if x == router.Primary || k.Policy.Secondary {
			k.server(x)
		}
		if k.gates() && w.server[x] != dead && !w.client[x].waits && w.node[0].up && w.node[0].asleep == awake {
			k.do(Label{text: "%v registers here", x: x}, NotCalm, func(m *moment) { m.clientRegisters(x) })
		}
	}
	for i := range int(k.Policy.IPBXs) {
		if w.left.Restarts == 0 {
			break
		}
		k.do(Label{text: "IPBX %d restarts, keeps its bindings", n: i}, NotCalm, func(m *moment) { m.restart(i, true) })
		k.do(Label{text: "IPBX %d restarts, loses its bindings", n: i}, NotCalm, func(m *moment) { m.restart(i, false) })
	}
	k.operator()
	k.drains()
	k.mirrors()
	if k.Nodes == 2 {
		k.address()
	}
	if w.left.StoreJump > 0 && w.store.left > 0 {
		k.do(Label{text: "the database's clock jumps ahead"}, NotCalm, func(m *moment) {
			m.w.left.StoreJump--
			m.w.store.left, m.w.jumped = 0, true
		})
	}
}

// server x fails and is mended. In calm runs each is well before time passes, but
// for a primary that stays dead (Grave), and a passive one that need not be there.
func (k *worker) server(x router.Server) {
	w := &k.was
	passive := k.mind.shapes.at(w.store.row.shape).Role.Active != x
	mended := Now
	if k.Grave && x == router.Primary && w.server[x] == dead || w.server[x] == absent && passive {
		mended = NotCalm
	}
	switch other := w.server[x.Other()]; {
	case w.server[x] != well:
		k.do(Label{text: "%v is well again", x: x}, mended, func(m *moment) { m.w.server[x] = well })
	case w.left.Fails > 0 && (other == well || other == absent):
		k.do(Label{text: "%v dies", x: x}, NotCalm, func(m *moment) { m.w.left.Fails--; m.w.server[x] = dead })
		k.do(Label{text: "%v is busy", x: x}, NotCalm, func(m *moment) { m.w.left.Fails--; m.w.server[x] = busy })
	}
	if k.Policy.Absent && x == router.Secondary && passive && w.server[x] == well {
		k.do(Label{text: "%v is off the network", x: x}, NotCalm, func(m *moment) { m.w.server[x] = absent })
	}
}

// drains: an operator wants no new calls on a server, the active one by force,
// and lifts the mark. While the licence moves the owner refuses a new mark.
func (k *worker) drains() {
	w := &k.was
	v := &w.node[0]
	if k.Budget.Drains == 0 || !v.up || v.asleep != awake {
		return
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		mark := func(on bool) func(m *moment) {
			return func(m *moment) {
				m.w.drained[x] = on
				m.event(0, event{kind: control.Drain, user: x, on: on})
			}
		}
		switch {
		case w.drained[x]:
			k.do(Label{text: "operator: the drain of %v is over", x: x}, Now, mark(false))
		case w.left.Drains > 0 && (x == router.Primary || k.Policy.Secondary) && !k.mind.about.at(v.id).moving:
			k.do(Label{text: "operator: %v is drained", x: x}, NotCalm, func(m *moment) {
				m.w.left.Drains--
				mark(true)(m)
			})
		}
	}
}

// mirrors: the mirrored database falls behind or breaks, is lost sight of, and is
// well again. Nodes that are awake are told at once, the others with their tick.
func (k *worker) mirrors() {
	w := &k.was
	if k.Budget.Mirrors == 0 {
		return
	}
	seen := func(c control.Copy) func(m *moment) {
		return func(m *moment) {
			if m.w.mirror = c; c != control.CopyFresh {
				m.w.left.Mirrors--
			}
			for n := range m.s.Nodes {
				if v := &m.w.node[n]; v.up && v.asleep == awake {
					m.event(n, event{kind: control.Mirror, copy: c})
				}
			}
		}
	}
	if w.mirror != control.CopyFresh {
		k.do(Label{text: "the mirror is well"}, Now, seen(control.CopyFresh))
	}
	if w.left.Mirrors == 0 {
		return
	}
	if w.mirror != control.CopyBehind {
		k.do(Label{text: "the mirror lags, or is none any more"}, NotCalm, seen(control.CopyBehind))
	}
	if w.mirror != control.CopyUnknown {
		k.do(Label{text: "nothing is known of the mirror"}, NotCalm, seen(control.CopyUnknown))
	}
}

func (k *worker) operator() {
	w := &k.was
	n, ok := k.acting(w)
	if w.left.Moves == 0 || !ok || w.node[n].asleep != awake {
		return
	}
	command, text := role.Switchover, "operator: switchover"
	if k.mind.shapes.at(w.store.row.shape).Role.Active == router.Secondary {
		command, text = role.Return, "operator: return"
	}
	k.do(Label{text: text}, NotCalm, func(m *moment) {
		m.w.left.Moves--
		m.event(n, event{kind: control.Operate, command: command})
	})
}

// address: it moves at any time, and by itself from a node that cannot hold it.
func (k *worker) address() {
	w := &k.was
	other := 1 - w.addr
	v := &w.node[w.addr]
	switch {
	case !w.node[other].up || w.node[other].asleep != awake:
	case !v.up || v.cut || v.asleep != awake:
		k.do(Label{text: "the address moves"}, NotCalm, func(m *moment) { m.w.addr = other })
	case w.left.Addresses > 0:
		k.do(Label{text: "the address moves"}, NotCalm, func(m *moment) {
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
		if w.node[n].asleep == awake {
			m.event(n, event{kind: control.Registrar, registrar: licence.Restarted, ipbx: uint8(i)})
		}
	}
}
