package health

import (
	"time"

	"releve/router"
)

// Cadence spreads idle probes so that two nodes, or many targets, do not beat
// together. The zero value works; give each target its own Seed. Comparable,
// not safe for concurrent use.
type Cadence struct{ Seed uint64 }

// Next returns the instant of the next idle probe: interval ± 20 % after now,
// evenly spread, from a splitmix64 sequence. An interval of 0 or less means
// router.Never.
func (c *Cadence) Next(now router.Instant, interval time.Duration) router.Instant {
	if interval <= 0 {
		return router.Never
	}
	spread := uint64(interval)*2/5 + 1 // 40 % wide
	return now.Add(interval - interval/5 + time.Duration(c.draw()%spread))
}

// draw is one step of splitmix64 (Steele, Lea, Flood 2014).
func (c *Cadence) draw() uint64 {
	c.Seed += 0x9e3779b97f4a7c15
	z := c.Seed
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
