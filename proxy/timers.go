package proxy

import "releve/router"

// timerHeap orders contexts by their one deadline: a 4-ary heap with the
// position kept in the context, so that a deadline moves in O(log n).
type timerHeap struct{ h []*context }

func (t *timerHeap) next() router.Instant {
	if len(t.h) == 0 {
		return router.Never
	}
	return t.h[0].deadline
}

// due takes the first context whose deadline has passed, or nil.
func (t *timerHeap) due(now router.Instant) *context {
	if len(t.h) == 0 || t.h[0].deadline > now {
		return nil
	}
	c := t.h[0]
	t.remove(c)
	return c
}

// set moves c to deadline d; Never takes it out.
func (t *timerHeap) set(c *context, d router.Instant) {
	if d == router.Never {
		t.remove(c)
		return
	}
	if c.slot == 0 {
		t.h = append(t.h, c)
		c.slot = len(t.h)
		c.deadline = d
		t.up(c.slot - 1)
		return
	}
	old := c.deadline
	c.deadline = d
	if d < old {
		t.up(c.slot - 1)
	} else if d > old {
		t.down(c.slot - 1)
	}
}

func (t *timerHeap) remove(c *context) {
	if c.slot == 0 {
		return
	}
	i, last := c.slot-1, len(t.h)-1
	t.swap(i, last)
	t.h[last] = nil
	t.h = t.h[:last]
	c.slot = 0
	if i < last {
		t.up(i)
		t.down(i)
	}
}

func (t *timerHeap) swap(i, j int) {
	t.h[i], t.h[j] = t.h[j], t.h[i]
	t.h[i].slot, t.h[j].slot = i+1, j+1
}

func (t *timerHeap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 4
		if t.h[parent].deadline <= t.h[i].deadline {
			return
		}
		t.swap(i, parent)
		i = parent
	}
}

func (t *timerHeap) down(i int) {
	for {
		least := i
		for k := 4*i + 1; k <= 4*i+4 && k < len(t.h); k++ {
			if t.h[k].deadline < t.h[least].deadline {
				least = k
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}
