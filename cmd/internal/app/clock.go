package app

import (
	"sync"
	"time"

	"releve/router"
)

// clock reads the machine's two clocks as one router.Clock. Safe for concurrent
// use. Mono stops while the machine is paused, the wall clock does not.
type clock struct {
	start time.Time // with its monotonic reading

	mu   sync.Mutex
	last router.Elapsed
}

func newClock(start time.Time) *clock { return &clock{start: start} }

func (c *clock) now() router.Clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := time.Now()
	c.last = c.last.Next(t.Sub(c.start), t.Round(0).Sub(c.start.Round(0)))
	return c.last.Clock()
}

// ahead is how far the wall clock of t has run ahead of its monotonic one since
// the start.
func (c *clock) ahead(t time.Time) time.Duration {
	return t.Round(0).Sub(c.start.Round(0)) - t.Sub(c.start)
}
