package explore

import (
	"bytes"
	"fmt"
	"strings"

	"releve/router"
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
