package explore

import (
	"strconv"
	"sync"
	"sync/atomic"
)

// calm is the search for calm runs that avoid the goal, shard by shard.
type calm struct {
	k     *walk
	rest  [1 << shardBits][]uint32 // not safe, so far
	more  [1 << shardBits][]uint64 // calm steps beyond the first, of those, to states not safe so far
	found [1 << shardBits][]uint32 // safe by the pass under way
}

// reach shows that no calm run avoids the goal. From the goals backward a state
// is called safe when every calm step from it leads to a safe one, until nothing
// changes. What is left then, if anything, is a cycle of calm steps without a
// goal in it, a state without any calm step, or what such choices lead to.
// States that a limit left open count as goals: nothing is known of them.
func (k *walk) reach() {
	c := &calm{k: k}
	for _, h := range k.hands {
		for _, e := range h.more {
			s := e >> (64 - shardBits)
			c.more[s] = append(c.more[s], e)
		}
		h.more = nil
	}
	k.together(func(s int) {
		k.set[s].each(s, func(id uint32, _ *entry) { c.rest[s] = append(c.rest[s], id) })
	})
	for changes := int64(1); changes > 0; {
		var n atomic.Int64
		k.together(func(s int) { n.Add(int64(c.pass(s))) })
		k.together(func(s int) {
			for _, id := range c.found[s] {
				k.set.at(id).mark |= isSafe
			}
		})
		changes = n.Load()
	}
	if id := c.nearest(); id != noID {
		c.stuck(id)
		return
	}
	for i := range k.set {
		k.set[i].each(i, func(_ uint32, e *entry) { k.res.Ticks = max(k.res.Ticks, int(e.ticks)) })
	}
}

// nearest is a state that is not safe and few steps from the start, noID if all
// are safe.
func (c *calm) nearest() uint32 {
	best, steps := noID, 0
	for s := range c.rest {
		for _, id := range c.rest[s][:min(len(c.rest[s]), 1000)] {
			if n := len(c.k.way(id)); best == noID || n < steps {
				best, steps = id, n
			}
		}
	}
	return best
}

// together does each shard's part, by all hands.
func (k *walk) together(part func(s int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range k.hands {
		wait.Go(func() {
			for s := next.Add(1) - 1; s < 1<<shardBits; s = next.Add(1) - 1 {
				part(int(s))
			}
		})
	}
	wait.Wait()
}

// pass finds the states of shard s that have become safe. It writes nothing
// that another shard's pass reads.
func (c *calm) pass(s int) int {
	set := &c.k.set
	held := make([]uint64, set[s].n/64+1)
	more := c.more[s][:0]
	for _, step := range c.more[s] {
		from, to := uint32(step>>32), set.at(uint32(step))
		if to.mark&isSafe != 0 {
			e := set.at(from)
			e.ticks = max(e.ticks, to.ticks)
			continue
		}
		local := from & (1<<localBits - 1)
		held[local/64] |= 1 << (local % 64)
		more = append(more, step)
	}
	c.more[s], c.found[s] = more, c.found[s][:0]
	rest := c.rest[s][:0]
	for _, id := range c.rest[s] {
		local := id & (1<<localBits - 1)
		e := set.at(id)
		if held[local/64]>>(local%64)&1 == 0 && c.safe(e) {
			c.found[s] = append(c.found[s], id)
		} else {
			rest = append(rest, id)
		}
	}
	c.rest[s] = rest
	return len(c.found[s])
}

// safe says whether e, whose other calm steps are safe, is.
func (c *calm) safe(e *entry) bool {
	if e.mark&(isGoal|isOpen) != 0 {
		return true
	}
	if e.next == noID {
		return false
	}
	to := c.k.set.at(e.next)
	if to.mark&isSafe == 0 {
		return false
	}
	e.ticks = max(e.ticks, to.ticks)
	if e.mark&isClock != 0 {
		e.ticks = min(e.ticks, 254) + 1
	}
	return true
}

// stuck shows a calm run that avoids the goal: the way to id, and on from there.
func (c *calm) stuck(id uint32) {
	k := c.k
	k.res.Broken = "a calm run never comes to the goal: it ends in the last state, where nothing calm is possible"
	way := k.way(id)
	seen := map[uint32]int{id: len(way)}
	for at := id; ; {
		next := c.unsafe(at)
		if next == noID {
			break
		}
		if k.set.at(at).mark&isHidden == 0 {
			way = append(way, next)
		}
		if from, ok := seen[next]; ok {
			k.res.Broken = "a calm run never comes to the goal: it returns from the last state to step " + strconv.Itoa(from-1)
			break
		}
		seen[next], at = len(way), next
	}
	k.res.Trace = k.replay(way)
}

// unsafe is a calm step from id to a state that is not safe.
func (c *calm) unsafe(id uint32) uint32 {
	e := c.k.set.at(id)
	if e.next == noID || c.k.set.at(e.next).mark&isSafe == 0 {
		return e.next
	}
	for _, step := range c.more[id>>localBits] {
		if uint32(step>>32) == id {
			return uint32(step)
		}
	}
	return noID
}
