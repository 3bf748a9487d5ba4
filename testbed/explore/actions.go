package explore

import (
	"bytes"
	"fmt"
	"strings"

	"releve/router"
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// worker is a Worker of a Space.
type worker struct {
	*Space
	m       moment
	was     World
	edge    Edge
	urgent  bool // something happens before time passes
	swapped bool // m.w is renamed, against was
	visit   func(*Edge)
}

// Worker returns one that shares what the mind of s remembers.
func (s *Space) Worker() Worker {
	return &worker{Space: s, m: moment{s: s, mind: s.mind.memory()}}
}

// Start is the site that has served for a while.
func (s *Space) Start() ([]byte, uint32) {
	k := worker{Space: s, m: moment{s: s, mind: s.mind.memory(), w: s.start}}
	return k.packed(nil), s.Budget.pack()
}

// packed is the world of the moment as bytes, its nodes renamed when that sorts
// before.
func (k *worker) packed(b []byte) []byte {
	k.swapped = false
	p := packing{b: b[:0]}
	if k.Nodes < 2 {
		p.world(&k.m.w, k.Space)
		return p.b
	}
	p.seat(&k.m.w.node[0])
	mid := len(p.b)
	p.seat(&k.m.w.node[1])
	switch bytes.Compare(p.b[:mid], p.b[mid:]) {
	case 0: // twins: only the address and the lease tell them apart
		p.b = p.b[:0]
		p.world(&k.m.w, k.Space)
		k.m.swap()
		var q packing
		q.world(&k.m.w, k.Space)
		if k.swapped = bytes.Compare(q.b, p.b) < 0; k.swapped {
			return append(p.b[:0], q.b...)
		}
		k.m.swap()
		return p.b
	case 1:
		k.m.swap()
		k.swapped = true
	}
	p.b = p.b[:0]
	p.world(&k.m.w, k.Space)
	return p.b
}

// Open makes state the one that Check, Goal, Raw and Text are about.
func (k *worker) Open(state []byte, left uint32) {
	p := unpacking{state}
	p.world(&k.m.w, k.Space)
	k.m.w.left = unpackBudget(left)
	k.swapped = false
}

// Check is the broken invariant.
func (k *worker) Check() string { return k.check(&k.m.w) }

// Goal says whether all is well.
func (k *worker) Goal() bool { return k.goal(&k.m.w) }

// Raw is the state with the nodes as they were named before.
func (k *worker) Raw() []byte {
	k.named()
	var p packing
	p.world(&k.m.w, k.Space)
	return p.b
}

// Text is a line for traces.
func (k *worker) Text() string {
	k.named()
	return k.text(&k.m.w)
}

func (k *worker) named() {
	if k.swapped {
		k.m.swap()
		k.swapped = false
	}
}

// Successors visits every transition from state.
func (k *worker) Successors(state []byte, left uint32, visit func(*Edge)) {
	p := unpacking{state}
	p.world(&k.was, k.Space)
	k.was.left = unpackBudget(left)
	k.urgent, k.visit = false, visit
	k.network()
	for n := range k.Nodes {
		k.statements(n)
		k.process(n)
	}
	k.site()
	k.time()
}

// do is one transition.
func (k *worker) do(name Label, c Calm, act func(m *moment)) {
	m := &k.m
	m.from(&k.was)
	act(m)
	m.canon()
	k.edge.Left, k.edge.Name, k.edge.Calm, k.edge.Broken = m.w.left.pack(), name, c, m.broken
	k.edge.State = k.packed(k.edge.State)
	k.urgent = k.urgent || c == Now
	k.visit(&k.edge)
}

// Label names a transition; it is put into words for traces only.
type Label struct {
	text string // %d: number; %v: server; %s: message or verb
	n    int
	x    router.Server
	o    message
}

func (l Label) String() string {
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

// network delivers, drops and duplicates. A message that nobody delivers before
// its life ends is lost; dropping it at once differs only where the network is
// full, so only there is it a transition of its own.
func (k *worker) network() {
	w, p := &k.was, &k.Policy.Licence
	for i, o := range w.net[:w.n] {
		if i > 0 && o == w.net[i-1] {
			continue // a copy does the same
		}
		switch {
		case o.reply:
			k.do(Label{text: "deliver %s", o: o}, Now, func(m *moment) { m.reply(m.take(i)) })
		case !o.reply:
			k.do(Label{text: "deliver %s", o: o}, Now, func(m *moment) { m.register(i, p.Expires, 0) })
			if o.req == licence.Register && k.Longer && !o.served {
				k.do(Label{text: "deliver %s, granted longer", o: o}, Now, func(m *moment) { m.register(i, p.MaxGrant, 0) })
			}
			if w.left.Refusals > 0 && !o.served {
				for _, status := range [...]uint16{403, 503} {
					k.do(Label{text: "deliver %s, refused", o: o}, NotCalm, func(m *moment) {
						m.w.left.Refusals--
						m.register(i, 0, status)
					})
				}
			}
		}
		if w.n == maxFlight {
			k.do(Label{text: "drop %s", o: o}, NotCalm, func(m *moment) { m.take(i) })
		}
		if w.left.Dups > 0 && w.n < maxFlight {
			k.do(Label{text: "duplicate %s", o: o}, NotCalm, func(m *moment) {
				m.w.left.Dups--
				m.put(o)
			})
		}
	}
}

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

// site: servers, IPBXs, operators, the address, the database's clock.
func (k *worker) site() {
	w := &k.was
	for x := router.Primary; x <= router.Secondary; x++ {
		if w.server[x] != well {
			k.do(Label{text: "%v is well again", x: x}, Now, func(m *moment) { m.w.server[x] = well })
		} else if w.left.Fails > 0 && w.server[x.Other()] == well {
			k.do(Label{text: "%v dies", x: x}, NotCalm, func(m *moment) { m.w.left.Fails--; m.w.server[x] = dead })
			k.do(Label{text: "%v is busy", x: x}, NotCalm, func(m *moment) { m.w.left.Fails--; m.w.server[x] = busy })
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
