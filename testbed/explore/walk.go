package explore

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// walk is the memory of one exploration.
type walk struct {
	m     Model
	lim   Limits
	seeds [2]maphash.Seed
	set   set
	front *frontier
	hands []*hand
	stop  atomic.Bool

	mu  sync.Mutex
	err error
	res Result
}

// hand is one worker of a walk.
type hand struct {
	k      *walk
	w      Worker
	more   []uint64          // calm steps beyond the first: from<<32 | to
	full   map[place]*[]byte // pieces being filled
	states int
	goals  int
	edges  int
}

// Run walks m until something breaks, a limit is met or everything was seen.
func Run(m Model, lim Limits) Result {
	began := time.Now()
	k := &walk{m: m, lim: lim, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	k.front = newFrontier(lim.Frontier)
	defer k.front.close()
	for range max(lim.Workers, 1) {
		k.hands = append(k.hands, &hand{k: k, w: m.Worker(), full: map[place]*[]byte{}})
	}
	k.begin()
	k.levels()
	for _, h := range k.hands {
		k.res.States += h.states
		k.res.Goals += h.goals
		k.res.Edges += h.edges
	}
	if k.res.Broken == "" && k.err == nil {
		k.reach()
	}
	k.res.Err = k.err
	k.res.Bytes = k.set.bytes()
	k.res.Took = time.Since(began)
	return k.res
}

// begin enters the start.
func (k *walk) begin() {
	h := k.hands[0]
	state, left := k.m.Start()
	id, _ := k.set.add(k.hash(state), left, noID)
	h.w.Open(state, left)
	if h.w.Goal() {
		k.set.at(id).mark |= isGoal
	}
	if b := h.w.Check(); b != "" {
		k.breaks(b, id, Label{})
		return
	}
	h.push(place{}, id, left, state)
	h.flush()
	k.res.Complete = true
}

// levels expands one queue of the frontier after the other.
func (k *walk) levels() {
	for !k.stop.Load() {
		at, blocks, ok := k.front.first()
		if !ok {
			return
		}
		k.res.Depth, k.res.Faults = max(k.res.Depth, at.steps), max(k.res.Faults, at.faults)
		if k.lim.Depth > 0 && at.steps >= k.lim.Depth {
			k.res.Complete = false
			k.leave(blocks)
			continue
		}
		var next atomic.Int64
		var wait sync.WaitGroup
		for _, h := range k.hands {
			wait.Go(func() {
				for i := next.Add(1) - 1; int(i) < len(blocks); i = next.Add(1) - 1 {
					h.expand(at, blocks[i])
				}
				h.flush()
			})
		}
		wait.Wait()
		if k.lim.Progress != nil {
			k.lim.Progress(at.faults, at.steps, k.states(), k.set.bytes())
		}
	}
	for {
		_, blocks, ok := k.front.first()
		if !ok {
			return
		}
		k.leave(blocks)
	}
}

func (k *walk) states() int {
	n := 0
	for _, h := range k.hands {
		n += h.states
	}
	return n
}

// over says that a limit is met. Each hand looks now and then.
func (k *walk) over(h *hand) bool {
	if k.lim.States > 0 && h.states*len(k.hands) >= k.lim.States || k.lim.Bytes > 0 && k.set.bytes() > k.lim.Bytes ||
		!k.lim.Until.IsZero() && time.Now().After(k.lim.Until) {
		k.mu.Lock()
		k.res.Complete = false
		k.mu.Unlock()
		k.stop.Store(true)
	}
	return k.stop.Load()
}

// leave marks states that are not expanded.
func (k *walk) leave(blocks []block) {
	for _, b := range blocks {
		data, err := k.front.take(b)
		if err != nil {
			k.fail(err)
			return
		}
		k.leaveRest(data)
	}
}

func (k *walk) leaveRest(data []byte) {
	for len(data) > 0 {
		var id uint32
		id, _, _, data = nextRecord(data)
		k.set.at(id).mark |= isOpen
	}
}

func (k *walk) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err, k.res.Complete = err, false
	k.stop.Store(true)
}

// breaks notes what is broken first.
func (k *walk) breaks(what string, from uint32, by Label) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.res.Broken == "" {
		k.res.Broken = what
		k.res.Trace = k.trace(from, &by)
	}
	k.stop.Store(true)
}

// expand takes the states of a piece one step further.
func (h *hand) expand(at place, b block) {
	k := h.k
	data, err := k.front.take(b)
	if err != nil {
		k.fail(err)
		return
	}
	for i := 0; len(data) > 0; i++ {
		if k.stop.Load() || i&255 == 0 && k.over(h) {
			k.leaveRest(data)
			return
		}
		var id, left uint32
		var state []byte
		id, left, state, data = nextRecord(data)
		if by := k.set.hides(k.hash(state), id, left); by != noID {
			e := k.set.at(id)
			e.next = by
			e.mark |= isHidden
			continue
		}
		h.states++
		if k.set.at(id).mark&isGoal != 0 {
			h.goals++
		}
		h.one(at, id, left, state)
	}
}

// one expands one state.
func (h *hand) one(at place, id, left uint32, state []byte) {
	k := h.k
	from := k.set.at(id)
	h.w.Successors(state, left, func(e *Edge) {
		h.edges++
		if e.Broken != "" {
			k.breaks(e.Broken, id, e.Name)
			return
		}
		to, fresh := k.set.add(k.hash(e.State), e.Left, id)
		if fresh {
			if b := h.w.Check(); b != "" {
				k.breaks(b, id, e.Name)
				return
			}
			if h.w.Goal() {
				k.set.at(to).mark |= isGoal
			}
			next := place{at.faults, at.steps + 1}
			if !k.lim.Shortest {
				next.faults += sum(left) - sum(e.Left)
			}
			h.push(next, to, e.Left, e.State)
		}
		if e.Calm == NotCalm || from.mark&isGoal != 0 {
			return
		}
		if e.Calm == Time {
			from.mark |= isClock
		}
		if from.next == noID {
			from.next = to
		} else if from.next != to {
			h.more = append(h.more, uint64(id)<<32|uint64(to))
		}
	})
}

func (k *walk) hash(state []byte) hash {
	return hash{maphash.Bytes(k.seeds[0], state), uint16(maphash.Bytes(k.seeds[1], state))}
}

func (h *hand) push(at place, id, left uint32, state []byte) {
	b := h.full[at]
	if b == nil {
		b = new([]byte)
		h.full[at] = b
	}
	if len(*b) > 0 && len(*b)+len(state)+16 > blockSize {
		h.give(at, *b)
		*b = nil
	}
	if *b == nil {
		*b = make([]byte, 0, 4096)
	}
	*b = appendRecord(*b, id, left, state)
}

func (h *hand) give(at place, b []byte) {
	if err := h.k.front.put(at, b); err != nil {
		h.k.fail(err)
	}
}

func (h *hand) flush() {
	for at, b := range h.full {
		if len(*b) > 0 {
			h.give(at, *b)
		}
	}
	clear(h.full)
}

// way is the numbers of the states from the start to id.
func (k *walk) way(id uint32) []uint32 {
	var way []uint32
	for at := id; at != noID; at = k.set.at(at).parent {
		way = append(way, at)
	}
	for i, j := 0, len(way)-1; i < j; i, j = i+1, j-1 {
		way[i], way[j] = way[j], way[i]
	}
	return way
}

// trace is the way to the state from, and the step by from there.
func (k *walk) trace(from uint32, by *Label) []string {
	r := k.replaying(k.way(from))
	r.w.Successors(r.state, r.left, func(e *Edge) {
		if by != nil && e.Name == *by && (e.Broken == k.res.Broken || r.w.Check() == k.res.Broken) {
			r.lines, by = append(r.lines, e.Name.String()+"  "+r.w.Text()), nil
		}
	})
	return r.lines
}

// replay is a way in words.
func (k *walk) replay(way []uint32) []string { return k.replaying(way).lines }

type replay struct {
	w     Worker
	state []byte
	left  uint32
	lines []string
}

// replaying goes the way again, with each node keeping its name.
func (k *walk) replaying(way []uint32) *replay {
	r := &replay{w: k.m.Worker()}
	r.state, r.left = k.m.Start()
	r.w.Open(r.state, r.left)
	r.lines = []string{"start  " + r.w.Text()}
	for _, at := range way[1:] {
		want, found := k.set.at(at), false
		var raw []byte
		var left uint32
		r.w.Successors(r.state, r.left, func(e *Edge) {
			h := k.hash(e.State)
			if !found && h.h == want.hash && h.check == want.check && covers(want.left, e.Left) {
				found, raw, left = true, append(raw, r.w.Raw()...), e.Left
				r.lines = append(r.lines, e.Name.String()+"  "+r.w.Text())
			}
		})
		if !found {
			r.lines = append(r.lines, "(the way from here is not found again)")
			break
		}
		r.state, r.left = raw, left
	}
	return r
}
