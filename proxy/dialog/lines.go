package dialog

import (
	"time"

	"releve/router"
)

// Waiter names a waiting call: its shard and its context there.
type Waiter struct {
	Shard   int
	Context uint64
}

// Grant gives a reserved line of Server to a waiting call.
type Grant struct {
	Waiter Waiter
	Server router.Server
}

type waiting struct {
	w         Waiter
	notBefore router.Instant
}

type lines struct {
	capacity   int
	reserved   int
	doubted    int // of reserved: by calls that were not answered in time
	reconciled bool
	waiting    []waiting
	slot       router.Instant // of the next delivery
	learnt     learnt
}

// Reconcile declares the count of s exact (or not).
func (t *Table) Reconcile(s router.Server, exact bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[s].reconciled = exact
}

// SetLines is another capacity of s; what is reserved stays. Waiting calls get what
// becomes free at their next turn.
func (t *Table) SetLines(s router.Server, capacity int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[s].capacity = capacity
}

// Occupancy is how full s is, by router.Occupied. own is the number of lines
// that the call being judged holds there itself, but doubted ones; those of
// others do not count either (Doubt).
func (t *Table) Occupancy(s router.Server, own int) router.Occupancy {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.lines[s]
	return router.Occupied(max(l.reserved-l.doubted-own, 0), l.capacity, l.reconciled)
}

// Doubt notes that a call which s did not answer in time keeps a line of it: till
// its CANCEL is answered, or for 64*T1. Such a line explains no busy server (our
// choice): the calls that a stuck one swallows would make it look busy, for
// ever. Trust takes a doubt back, when the call is answered or before its line is
// released.
func (t *Table) Doubt(s router.Server) { t.doubt(s, 1) }

// Trust ends a Doubt.
func (t *Table) Trust(s router.Server) { t.doubt(s, -1) }

// Doubted is the number of lines of s that are doubted.
func (t *Table) Doubted(s router.Server) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lines[s].doubted
}

func (t *Table) doubt(s router.Server, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[s].doubted += n
}

// Lines returns reserved lines, capacity and whether the count is exact.
func (t *Table) Lines(s router.Server) (reserved, capacity int, reconciled bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.lines[s]
	return l.reserved, l.capacity, l.reconciled
}

// Reserve takes a line of s. It always succeeds: what is offered to a server
// occupies it whatever we think of its capacity; Occupancy says it is full.
func (t *Table) Reserve(s router.Server) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[s].reserved++
}

// ReserveFree takes a line of s when one is free by our count and nobody waits for
// it; false: there is none.
func (t *Table) ReserveFree(s router.Server) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.lines[s]
	if l.reserved >= l.capacity || len(l.waiting) > 0 {
		return false
	}
	l.reserved++
	return true
}

// Release gives a line of s back and returns the waiting calls whose turn it is.
func (t *Table) Release(s router.Server, now router.Instant) []Grant {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.release(s, now)
}

func (t *Table) release(s router.Server, now router.Instant) []Grant {
	l := &t.lines[s]
	if l.reserved > 0 {
		l.reserved--
	}
	return t.grants(s, now)
}

// Poll returns the waiting calls of s whose turn it is at now.
func (t *Table) Poll(s router.Server, now router.Instant) []Grant {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.grants(s, now)
}

// grants serves the waiting list first come first served among those whose
// time has come, while lines are free, and reserves a line for each.
func (t *Table) grants(s router.Server, now router.Instant) []Grant {
	l := &t.lines[s]
	var out []Grant
	for i := 0; i < len(l.waiting); {
		if l.reserved >= l.capacity {
			break
		}
		if l.waiting[i].notBefore > now {
			i++
			continue
		}
		out = append(out, Grant{Waiter: l.waiting[i].w, Server: s})
		l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
		l.reserved++
	}
	return out
}

// Wait puts w on the waiting list of s; false when lines/4 calls (at least
// one) wait already.
func (t *Table) Wait(w Waiter, s router.Server, notBefore router.Instant) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.lines[s]
	if len(l.waiting) >= max(1, l.capacity/4) {
		t.refused.Waiting++
		return false
	}
	l.waiting = append(l.waiting, waiting{w, notBefore})
	return true
}

// Leave takes w off every waiting list. A line that was granted to it before is
// its own to release.
func (t *Table) Leave(w Waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := range t.lines {
		l := &t.lines[s]
		for i := range l.waiting {
			if l.waiting[i].w == w {
				l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
				break
			}
		}
	}
}

// deliverLines is the share of a server's lines that is delivered to it within a
// second. Our choice, as slow start is elsewhere: a server that has just become
// active is warmed up within two seconds.
const deliverLines = 2

// Pace gives the next slot for the delivery of a call that was held to s: now,
// or later when others have just been given theirs. A slot that is not used is
// lost.
func (t *Table) Pace(s router.Server, now router.Instant) router.Instant {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.lines[s]
	slot := max(l.slot, now)
	l.slot = slot.Add(deliverLines * time.Second / time.Duration(max(l.capacity, 1)))
	return slot
}

// Waiting is the number of calls on the waiting list of s.
func (t *Table) Waiting(s router.Server) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.lines[s].waiting)
}
