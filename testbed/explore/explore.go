// Package explore walks every state that small worlds around the real mind of a
// node, package router/control, can reach: breadth first, over canonical states,
// with the real Step inside.
//
//	Start ─▶ frontier ─▶ Successors ─▶ Check ─▶ seen? ─no─▶ frontier …
//	                        └─ edges without fault ─▶ backward from the goals
//
// A world is one node or two with their lease, the store, one or two IPBXs with
// their registrars, the two servers, and at most four messages on the way. Faults
// are spent from a budget: crashes, pauses (with and without the monotonic
// clock), statements of unknown outcome or slow, partitions from the store, the
// virtual address moving, IPBXs restarting with and without their bindings,
// refusals, servers that die or are busy, wall clocks and the database's clock
// jumping ahead. Messages are lost and overtake one another without bound; a
// duplicate is of the budget. Time is a tick of 5 s: T4 of a message, a REGISTER
// transaction; bindings live 2 or 4.
//
// One world with everything in it would explode, so there are scenes, each
// walked to its end: one node and one IPBX; two IPBXs; mode gate; two nodes and
// their lease.
//
// What is checked, in every state or at every step:
//
//	S1  never bindings of two servers at once
//	S2  of two nodes one may decide; what is stored never goes back
//	S3  whoever is bound, or can still become so, is possible by the stored row and
//	    inside the fence that the deciding node reckons with
//	S4  the stored row never holds both users possible
//	S5  a switchover only on N rounds that confirm, of a server that is dead, or by
//	    command; so busy is never its cause (S8)
//	S6  a return only by command
//	W1  no CSeq beyond the stored one, none used twice by whoever decides
//	    a server's own REGISTER is answered exactly once (mode gate)
//
// After the walk every state must still reach a goal by edges without faults:
// roles at rest, exactly the active server registered, and it is well. As the
// worlds are finite, that is the same as to say that no fair run, one that does
// not refuse a possible step for ever, avoids the goal: there is no fair cycle
// without it. Held calls are not in these worlds: package sim has them.
//
// A state is known by a 128-bit hash of its value (two seeds of 64 bits); with
// ten million states the chance that one is missed is below 1e-24. States of the
// mind are kept once and known by a number, and what one does on an event is
// computed once.
//
// Not safe for concurrent use; one walk owns its memory.
package explore

import (
	"fmt"
	"hash/maphash"
	"time"
)

// Edge is one transition. Broken names a rule that the transition itself
// broke, "" for none. Fault edges are not followed when goals are sought.
type Edge[W comparable] struct {
	To     W
	Name   label
	Fault  bool
	Broken string
}

// Model is a world that can be walked. W is canonical: equal values behave
// alike.
type Model[W comparable] interface {
	Start() W
	Successors(w W, out []Edge[W]) []Edge[W]
	Check(w W) string // the broken invariant, "" for none
	Goal(w W) bool
	Text(w W) string // one line for traces
}

// Limits end a walk early; zero is no limit.
type Limits struct {
	States int
	Depth  int
	Until  time.Time
}

// Result is what a walk found.
type Result struct {
	States   int
	Depth    int
	Edges    int
	Complete bool // every reachable state was seen
	Goals    int
	Broken   string   // the first broken rule, "" for none
	Trace    []string // the shortest way there
}

type key [2]uint64

// walk is the memory of one exploration.
type walk[W comparable] struct {
	m      Model[W]
	seeds  [2]maphash.Seed
	index  map[key]uint32
	parent []uint32
	keys   []key
	goal   []bool
	open   []bool      // not expanded when a limit ended the walk
	calm   [][2]uint32 // edges without fault, from → to
	res    Result
}

type node[W comparable] struct {
	w  W
	id uint32
}

// Run walks m breadth first, until something breaks, a limit is met or
// everything was seen.
func Run[W comparable](m Model[W], lim Limits) Result {
	k := &walk[W]{m: m, index: map[key]uint32{}, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	start := m.Start()
	id, _ := k.add(start, 0)
	frontier := []node[W]{{start, id}}
	if b := m.Check(start); b != "" {
		k.res.Broken = b
	}
	k.res.Complete = true
	for len(frontier) > 0 && k.res.Broken == "" {
		if lim.Depth > 0 && k.res.Depth >= lim.Depth || over(lim, len(k.keys)) {
			k.res.Complete = false
			k.leave(frontier)
			break
		}
		frontier = k.level(frontier, lim)
		k.res.Depth++
	}
	k.res.States = len(k.keys)
	if k.res.Broken == "" {
		k.reach()
	}
	return k.res
}

func over(lim Limits, states int) bool {
	return lim.States > 0 && states >= lim.States || !lim.Until.IsZero() && time.Now().After(lim.Until)
}

// level expands one depth. A limit met in the middle leaves the rest open.
func (k *walk[W]) level(frontier []node[W], lim Limits) []node[W] {
	var next []node[W]
	var edges []Edge[W]
	for i, n := range frontier {
		if i&1023 == 0 && over(lim, len(k.keys)) {
			k.res.Complete = false
			k.leave(frontier[i:])
			k.leave(next)
			return nil
		}
		edges = k.m.Successors(n.w, edges[:0])
		for _, e := range edges {
			id, fresh := k.add(e.To, n.id)
			k.res.Edges++
			if !e.Fault {
				k.calm = append(k.calm, [2]uint32{n.id, id})
			}
			broken := e.Broken
			if broken == "" && fresh {
				broken = k.m.Check(e.To)
			}
			if broken != "" {
				k.res.Broken = broken
				k.res.Trace = append(k.trace(n.id), e.Name.String()+"  "+k.m.Text(e.To))
				return nil
			}
			if fresh {
				next = append(next, node[W]{e.To, id})
			}
		}
	}
	return next
}

func (k *walk[W]) leave(rest []node[W]) {
	for _, n := range rest {
		k.open[n.id] = true
	}
}

func (k *walk[W]) hash(w W) key {
	return key{maphash.Comparable(k.seeds[0], w), maphash.Comparable(k.seeds[1], w)}
}

func (k *walk[W]) add(w W, parent uint32) (uint32, bool) {
	h := k.hash(w)
	if id, ok := k.index[h]; ok {
		return id, false
	}
	id := uint32(len(k.keys))
	k.index[h] = id
	k.keys = append(k.keys, h)
	k.parent = append(k.parent, parent)
	k.goal = append(k.goal, k.m.Goal(w))
	k.open = append(k.open, false)
	if k.goal[id] {
		k.res.Goals++
	}
	return id, true
}

// trace replays the way from the start to id.
func (k *walk[W]) trace(id uint32) []string {
	var way []uint32
	for at := id; at != 0; at = k.parent[at] {
		way = append(way, at)
	}
	w := k.m.Start()
	lines := []string{"start  " + k.m.Text(w)}
	for i := len(way) - 1; i >= 0; i-- {
		for _, e := range k.m.Successors(w, nil) {
			if k.hash(e.To) == k.keys[way[i]] {
				w = e.To
				lines = append(lines, e.Name.String()+"  "+k.m.Text(w))
				break
			}
		}
	}
	return lines
}

// reach goes backward from the goals; a state it does not meet is a trap.
// States that a limit left open count as goals: nothing is known of them.
func (k *walk[W]) reach() {
	head := make([]uint32, len(k.keys)+1)
	for _, e := range k.calm {
		head[e[1]+1]++
	}
	for i := range len(k.keys) {
		head[i+1] += head[i]
	}
	fill := append([]uint32(nil), head[:len(k.keys)]...)
	from := make([]uint32, len(k.calm))
	for _, e := range k.calm {
		from[fill[e[1]]] = e[0]
		fill[e[1]]++
	}
	ok := make([]bool, len(k.keys))
	var todo []uint32
	for id := range k.keys {
		if k.goal[id] || k.open[id] {
			ok[id] = true
			todo = append(todo, uint32(id))
		}
	}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, f := range from[head[id]:head[id+1]] {
			if !ok[f] {
				ok[f] = true
				todo = append(todo, f)
			}
		}
	}
	for id := range k.keys {
		if !ok[id] {
			k.res.Broken = fmt.Sprintf("goal unreachable: no calm way from state %d to the wanted user bound alone", id)
			k.res.Trace = k.trace(uint32(id))
			return
		}
	}
}
