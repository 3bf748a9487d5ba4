package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"releve/proxy/fork"
	"releve/router"
	"releve/router/control"
)

// t4 is how long a message lives in the network at most (RFC 3261 table 4).
const t4 = 5 * time.Second

// World is one episode.
type World struct {
	seed         uint64
	set          setting
	now          router.Instant // real time; clocks of nodes follow it in their own way
	end          router.Instant
	queue        queue
	order        uint64
	nodes        []*node
	servers      [router.Servers]*server
	ipbxs        []*ipbx
	owner        int            // of the virtual address
	twice        bool           // the other node claims it, too
	between      link           // from node 0 to node 1 …
	betweenCutTo router.Instant // … was cut until then
	store        store
	mirror       mirror
	drained      [router.Servers]bool
	ordered      router.Instant              // when the newest order for a change of role was taken; Never: none
	alarms       map[alarmKey]router.Instant // raised since
	calls        []*call
	plan         []fault
	check        check
	goals        goals

	net, load, clocks *rand.Rand // streams; that of the faults ends with the plan

	part  part
	lucks int // decisions of the network so far that were not plain

	hash  uint64
	trace *strings.Builder // nil: none
	fail  string           // the first broken invariant

	inCall  bool // effects is in use
	effects [16]fork.Effect

	byLoss int // switchovers that the network's random loss alone confirmed
	busy   busy
}

// newWorld lays out an episode.
func newWorld(c Case, trace bool) *World {
	seed := c.Seed
	stream := func(purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, purpose)) }
	w := &World{
		seed: seed, net: stream(1), load: stream(3), clocks: stream(4), part: partOf(c),
		hash: 14695981039346656037, queue: queue{items: make([]item, 0, 512)},
		alarms: map[alarmKey]router.Instant{}, ordered: router.Never,
	}
	if trace {
		w.trace = &strings.Builder{}
	}
	faults := stream(2)
	if c.Busy {
		w.set = drawBusy(faults)
	} else {
		w.set = draw(faults)
		w.plan = drawPlan(faults, &w.set)
	}
	w.end = w.set.end
	w.store.row = &control.Row{}
	for x := router.Primary; x <= router.Secondary; x++ {
		w.servers[x] = &server{w: w, which: x, lines: w.set.lines}
	}
	for i := range int(w.set.policy.IPBXs) {
		w.ipbxs = append(w.ipbxs, newIPBX(w, uint8(i)))
	}
	for i := range w.set.nodes {
		w.nodes = append(w.nodes, &node{w: w, index: i, seed: seed + uint64(i)<<32})
	}
	w.check.w = w
	for i := range w.plan {
		if !w.part.faults.has(i) {
			continue
		}
		f := &w.plan[i]
		w.at(f.from, func() { w.begin(f) })
		w.at(f.from.Add(f.lasts), func() { w.finish(f) })
	}
	return w
}

// run plays the episode to its end, or to the first broken invariant.
func (w *World) run() {
	for _, n := range w.nodes {
		w.at(router.Instant(n.index)*router.Instant(time.Second), n.boot)
	}
	w.offerCalls()
	w.startRegistering()
	w.at(w.set.heal, w.heal)
	for spins := 0; w.queue.len() > 0 && w.fail == ""; spins++ {
		it := w.queue.pop()
		if it.at > w.end {
			break
		}
		if it.at > w.now {
			spins = 0
		}
		if spins > 10_000 {
			w.broken("time stands still")
		}
		w.now = it.at
		it.do()
		w.check.always()
	}
	w.now = max(w.now, w.end)
	if w.fail == "" {
		w.check.atEnd()
	}
}

// at performs do at an instant of real time.
func (w *World) at(t router.Instant, do func()) {
	w.order++
	w.queue.push(item{at: max(t, w.now), order: w.order, do: do})
}

func (w *World) after(d time.Duration, do func()) { w.at(w.now.Add(d), do) }

// luck counts a decision of the network that is not plain, and reports whether
// it is made.
func (w *World) luck() bool {
	w.lucks++
	return w.part.luck.has(w.lucks)
}

// broken notes the first broken invariant.
func (w *World) broken(format string, args ...any) {
	if w.fail != "" {
		return
	}
	w.fail = fmt.Sprintf(format, args...)
	w.logf("VIOLATION %s", w.fail)
}

// note mixes what happened into the hash of the episode.
func (w *World) note(code byte, a, b uint64) {
	const prime = 1099511628211
	h := w.hash
	for _, x := range [...]uint64{uint64(code), uint64(w.now), a, b} {
		h = (h ^ x) * prime
		h ^= h >> 29
	}
	w.hash = h
}

// logf writes a line of the trace; only a replay has one. Callers in hot places
// ask tracing first.
func (w *World) logf(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%10.4f  %s\n", time.Duration(w.now).Seconds(), fmt.Sprintf(format, args...))
	}
}

func (w *World) tracing() bool { return w.trace != nil }

// item is something due.
type item struct {
	at    router.Instant
	order uint64
	do    func()
}

// queue is a binary heap by instant, then by order of entry.
type queue struct{ items []item }

func (q *queue) len() int { return len(q.items) }

func (q *queue) less(i, j int) bool {
	a, b := &q.items[i], &q.items[j]
	return a.at < b.at || a.at == b.at && a.order < b.order
}

func (q *queue) push(it item) {
	q.items = append(q.items, it)
	for i := len(q.items) - 1; i > 0; {
		up := (i - 1) / 2
		if !q.less(i, up) {
			return
		}
		q.items[i], q.items[up] = q.items[up], q.items[i]
		i = up
	}
}

func (q *queue) pop() item {
	top := q.items[0]
	last := len(q.items) - 1
	q.items[0] = q.items[last]
	q.items[last] = item{}
	q.items = q.items[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return top
		}
		if child+1 < last && q.less(child+1, child) {
			child++
		}
		if !q.less(child, i) {
			return top
		}
		q.items[i], q.items[child] = q.items[child], q.items[i]
		i = child
	}
}

// Helpers of chance: each takes the stream it draws from.

func chance(r *rand.Rand, p float64) bool { return p > 0 && r.Float64() < p }

// between draws a duration evenly from [a, b).
func between(r *rand.Rand, a, b time.Duration) time.Duration {
	if b <= a {
		return a
	}
	return a + time.Duration(r.Int64N(int64(b-a)))
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
