package sim

import (
	"time"

	"releve/router"
)

// offerCalls lays out the calls of the episode: Poisson arrivals, and a busy
// hour during which more is offered than there are lines (in erlangs).
func (w *World) offerCalls() {
	last := time.Duration(w.end.Add(-drain))
	first := min(healAt+30*time.Second, last)
	half := float64(w.set.calls) / 2
	w.arrivals(5*time.Second, first, half/first.Seconds()*1.1)
	w.arrivals(5*time.Second, last, half/last.Seconds()*1.1)
	if h := &w.set.hour; h.lasts > 0 {
		w.goals.reach(goalBusyHour)
		w.arrivals(h.from, h.from+h.lasts, h.load*float64(w.set.lines)/w.set.talk.Seconds())
	}
	for len(w.calls) < minCalls {
		w.offer(router.Instant(between(w.load, 5*time.Second, last)), router.NoServer)
	}
	for range w.set.outgoing {
		x := pick(w.load, router.Primary, router.Primary, router.Secondary)
		w.offer(router.Instant(between(w.load, 5*time.Second, last)), x)
	}
}

// hour is a busy one.
type hour struct {
	from, lasts time.Duration
	load        float64 // offered, in lines: 1 keeps every line busy
}

// arrivals offers calls between two instants, so many a second.
func (w *World) arrivals(from, to time.Duration, rate float64) {
	for at := from; ; {
		at += time.Duration(w.load.ExpFloat64() / rate * float64(time.Second))
		if at >= to {
			return
		}
		w.offer(router.Instant(at), router.NoServer)
	}
}

// offer lays out one call. How long it talks is exponential, as its patience is.
func (w *World) offer(at router.Instant, from router.Server) *call {
	c := &call{
		w: w, id: uint64(len(w.calls) + 1), outgoing: from, keptSince: router.Never, armed: router.Never,
		pair: uint64(w.load.IntN(w.set.strangers)), talk: time.Duration(w.load.ExpFloat64() * float64(w.set.talk)),
		patience: 12*time.Second + time.Duration(w.load.ExpFloat64()*float64(25*time.Second)),
	}
	c.talk = min(c.talk, 4*time.Minute)
	c.patience = min(c.patience, time.Minute)
	if chance(w.load, w.set.overflow) {
		c.entry = router.OverflowEntry
	}
	w.calls = append(w.calls, c)
	if !w.part.calls.has(int(c.id)) {
		c.ended = true
		return c
	}
	w.at(at, c.arrive)
	return c
}
