package proxy

// contexts are those of a shard that became tails and are made anew: two of
// 1.5 KB for each call were more than half of what a call leaves to the
// collector. Owned by the shard.
//
//	live ──tail──► spent ──next message or turn──► idle ──newContext──► live
//
// Whoever handles a message may still hold the context that it turned into a
// tail, so none is made anew before the next one. Only those that took the
// plain way are kept: one attempt at one far end, and no table but those that
// remove clears ever knew them.
type contexts struct {
	spent, idle []*context
}

// maxIdle bounds the contexts that a shard keeps for reuse: our choice, a burst of
// 16 calls in the same milliseconds; the others go to the collector.
const maxIdle = 32

// spend takes a context that became a tail.
func (l *contexts) spend(c *context) {
	plain := len(c.branches) == 1 && c.branches[0].tries == 0 && len(c.former) == 0 && c.reg == nil && !c.rerouted
	if plain && c.gone && c.slot == 0 && len(l.spent)+len(l.idle) < maxIdle {
		l.spent = append(l.spent, c)
	}
}

// settle makes those spent before free for use; nothing may be in hand.
func (l *contexts) settle() {
	if len(l.spent) == 0 {
		return
	}
	l.idle = append(l.idle, l.spent...)
	clear(l.spent)
	l.spent = l.spent[:0]
}

// take returns a context whose content is of no meaning.
func (l *contexts) take() *context {
	n := len(l.idle)
	if n == 0 {
		return new(context)
	}
	c := l.idle[n-1]
	l.idle[n-1] = nil
	l.idle = l.idle[:n-1]
	return c
}
