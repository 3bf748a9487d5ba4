package health

import (
	"time"

	"releve/router"
)

// Calls are counted in buckets: the present one and the six before it, so that
// the last 60 s are always covered, and never more than 70 s.
const (
	bucketWidth = 10 * time.Second
	buckets     = 7
	window      = (buckets - 1) * bucketWidth // 60 s
	enough      = 3                           // calls needed for a majority to speak
)

// kinds of a decided call, in the order that breaks no tie (see class).
var kinds = [...]router.Evidence{router.OK, router.Busy, router.Stuck, router.Err}

type bucket [len(kinds)]uint32

// calls is the app dimension of one server: bounded, flat. Counters stop at
// their largest value, which no site reaches in ten seconds.
type calls struct {
	slot   int64 // number of the newest bucket since the start of the process
	counts [buckets]bucket
	newest router.Evidence // NoEvidence: none yet
	at     router.Instant  // of newest
	faulty bool            // class was Stuck or Err at the last entry
	since  router.Instant  // faulty: since when, without a break
}

// add enters one decided call.
func (c *calls) add(now router.Instant, e router.Evidence) {
	kind, ok := kindOf(e)
	if !ok {
		return
	}
	wasFaulty := c.faulty && isFault(c.class(now))
	c.turn(slotOf(now))
	if n := &c.counts[slotOf(now)%buckets][kind]; *n < 1<<32-1 {
		*n++
	}
	c.newest, c.at = kinds[kind], now
	c.faulty = isFault(c.class(now))
	if c.faulty && !wasFaulty {
		c.since = now
	}
	if !c.faulty {
		c.since = 0 // equal states compare equal
	}
}

// kindOf: a call that met silence or a closed port is a stuck one; a TLS fault
// and no evidence count for nothing.
func kindOf(e router.Evidence) (int, bool) {
	if e == router.Silent || e == router.Refused || e == router.Busy && mutant == 31 {
		e = router.Stuck
	}
	for i, k := range kinds {
		if k == e {
			return i, true
		}
	}
	return 0, false
}

func slotOf(now router.Instant) int64 { return int64(now) / int64(bucketWidth) }

// turn empties the buckets between the newest and slot.
func (c *calls) turn(slot int64) {
	for i := max(c.slot+1, slot-buckets+1); i <= slot; i++ {
		c.counts[i%buckets] = bucket{}
	}
	c.slot = max(c.slot, slot)
}

// class: the kind of at least half of the calls decided in the last 60 s, when
// there are at least three; else the newest. Of two halves the newer call's
// wins. NoEvidence when the newest is older than the window: a call has no
// interval of its own, so the window is its freshness (our choice).
func (c *calls) class(now router.Instant) router.Evidence {
	if c.newest == router.NoEvidence || now.Sub(c.at) > window {
		return router.NoEvidence
	}
	var sums [len(kinds)]uint64
	var total uint64
	for slot := max(0, slotOf(now)-buckets+1); slot <= c.slot; slot++ {
		for kind, n := range c.counts[slot%buckets] {
			sums[kind] += uint64(n)
			total += uint64(n)
		}
	}
	if total < enough {
		return c.newest
	}
	if newest, _ := kindOf(c.newest); 2*sums[newest] >= total {
		return c.newest
	}
	for kind, n := range sums {
		if 2*n >= total {
			return kinds[kind]
		}
	}
	return c.newest
}

func isFault(e router.Evidence) bool { return e == router.Stuck || e == router.Err }

// lasted reports whether the fault is present and has been for d.
func (c *calls) lasted(now router.Instant, d time.Duration) bool {
	return c.faulty && isFault(c.class(now)) && now.Sub(c.since) >= d
}
