package app

import (
	"sync"
	"time"

	"releve/router"
)

// clock reads the machine's two clocks as one router.Clock. Safe for concurrent
// use.
//
// Mono stops while the machine is paused. High never runs slower than either
// clock, from any reading to any later one: each step adds the longer of what
// the two say went by. The plain maximum of both since the start would fall back
// when a wall clock that had run ahead is set right, and would give a permission
// that had ended, or nearly, that time once more.
type clock struct {
	start time.Time // with its monotonic reading

	mu   sync.Mutex
	last reading
}

// reading is what went by since the start by each clock.
type reading struct{ mono, wall, high time.Duration }

func newClock(start time.Time) *clock { return &clock{start: start} }

func (c *clock) now() router.Clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := time.Now()
	c.last = c.last.next(t.Sub(c.start), t.Round(0).Sub(c.start.Round(0)))
	return router.Clock{Mono: router.Instant(c.last.mono), High: router.Instant(c.last.high)}
}

// next is the reading after r when the clocks say mono and wall.
func (r reading) next(mono, wall time.Duration) reading {
	return reading{mono, wall, r.high + max(mono-r.mono, wall-r.wall, 0)}
}
