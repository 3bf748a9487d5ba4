package sim

import (
	"math/rand/v2"
	"time"

	"releve/router"
)

// Busy hours: nothing is wrong but the network, which loses one message of
// twenty each way, and far more is offered than there are lines. Most calls come
// by the overflow entry: the IPBX has found the primary busy. Whatever happens,
// nothing may be switched.

// busy counts what a busy episode met.
type busy struct {
	Overflows int // calls that overflowed while every line of the primary was in use
	Verified  int // those of them that began or joined a verification
	Switched  int // switchovers: each is a false one
}

// Busy plays the busy hours of a seed.
func Busy(seed uint64) Result { return play(Case{Seed: seed, Busy: true}, false).result() }

// busyShare of the calls come by the overflow entry; the others keep the lines
// full.
const busyShare = 0.8

// drawBusy draws a site for busy hours; its verification is the default one.
func drawBusy(r *rand.Rand) setting {
	s := draw(r)
	s.loss, s.overflow, s.lines = 0.05, busyShare, 4+s.lines%4
	s.talk, s.strangers = 3*time.Minute, 1_000_000
	s.hour = hour{from: 5 * time.Second, lasts: 8 * time.Minute, load: (1.2 + r.Float64()) / (1 - busyShare)}
	p := &s.control.Role
	p.Count, p.Act, p.Automatic = 3, true, true
	s.fork.Automatic, s.returns, s.grave, s.control.Absent = true, false, false, false
	return s
}

// overflows notes whether the verification that call c waits for is running.
func (c *call) overflows() {
	c.verified = c.verified || c.n.view.Verifying
}

// count enters the call when it has ended.
func (b *busy) count(c *call) {
	if c.outgoing != router.NoServer || !c.metFull || c.entry != router.OverflowEntry && !c.holdSeen && !c.waitSeen && c.outcome != router.Dissuaded {
		return
	}
	b.Overflows++
	if c.verified {
		b.Verified++
	}
}

func (b *busy) add(o busy) {
	b.Overflows += o.Overflows
	b.Verified += o.Verified
	b.Switched += o.Switched
}
