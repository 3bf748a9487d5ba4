// Package dialog keeps the calls in progress, the lines reserved on each
// server, the waiting list of dissuaded calls and the loop guard.
//
// Table owns its state behind one mutex, which is taken after a shard's and
// never held while calling out. No look-up here decides where an in-dialog
// request goes when its Record-Route token is valid: a node that just started
// has an empty table and routes all the same.
package dialog

import (
	"sort"
	"sync"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

// Key identifies a call by a seeded hash of its Call-ID.
type Key uint64

// Call is one call in progress.
type Call struct {
	Key      Key
	CallID   string
	From, To string // user parts
	Server   router.Server
	Outgoing bool
	Epoch    uint64
	Started  router.Instant // INVITE received; negative values are before the start of the process
	Answered router.Instant // 0 until a 2xx was relayed
	Line     bool           // holds a line of Server
	Record   router.CallRecord
	Leg      Leg
}

// Leg is the far end of a call at the IPBX, as a BYE in the server's place
// needs it.
type Leg struct {
	Target   string // remote target: a URI
	From, To string // header values as the server would write them, with tags
	Routes   []string
	CSeq     uint32 // the highest that the server used in this dialog
	Flow     transport.Flow
}

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
	reconciled bool
	waiting    []waiting
}

// Limits bound the table.
type Limits struct {
	Lines    [router.Servers]int // capacity of each server
	Calls    int                 // calls in progress; 0: 20,000
	Loops    int                 // callers remembered by the loop guard; 0: 4,096
	Presumed bool                // lines start unreconciled: earlier calls may live on
}

// Table is the set of calls in progress. Safe for concurrent use.
type Table struct {
	mu    sync.Mutex
	calls map[Key]*Call
	lines [router.Servers]lines
	limit Limits
	loops loops

	// ended are the keys of calls that ended lately, in two generations: a BYE
	// that crossed another ends nothing twice.
	ended   [2]map[Key]struct{}
	renewed router.Instant // when ended[0] began

	// placed counts the outgoing calls that a passive server placed, per server.
	placed [router.Servers]int
}

// New returns an empty table.
func New(l Limits) *Table {
	if l.Calls == 0 {
		l.Calls = 20_000
	}
	if l.Loops == 0 {
		l.Loops = 4_096
	}
	t := &Table{calls: make(map[Key]*Call), limit: l, loops: newLoops(l.Loops)}
	for s := range t.lines {
		t.lines[s].capacity = l.Lines[s]
		t.lines[s].reconciled = !l.Presumed
	}
	return t
}

// Reconcile declares the count of s exact (or not).
func (t *Table) Reconcile(s router.Server, exact bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[s].reconciled = exact
}

// Occupancy is how full s is. Our choice: a quarter of the lines divides
// plausible from next to nothing.
// own is the number of lines that the call being judged holds there itself.
func (t *Table) Occupancy(s router.Server, own int) router.Occupancy {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.lines[s]
	return router.Occupied(max(l.reserved-own, 0), l.capacity, l.reconciled)
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
		return false
	}
	l.waiting = append(l.waiting, waiting{w, notBefore})
	return true
}

// Leave takes w off every waiting list.
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

// Waiting is the number of calls on the waiting list of s.
func (t *Table) Waiting(s router.Server) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.lines[s].waiting)
}

// Full reports whether the table has no room for another call.
func (t *Table) Full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.calls) >= t.limit.Calls
}

// Add stores an answered call. The line that c.Line claims was reserved
// before. A second 2xx of the same call replaces nothing: false.
func (t *Table) Add(c Call) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, dup := t.calls[c.Key]; dup {
		return false
	}
	t.calls[c.Key] = &c
	return true
}

// End removes a call, frees its line and returns it with the waiting calls
// whose turn it is; false when the call is not known (counted once only).
func (t *Table) End(k Key, now router.Instant) (Call, []Grant, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.calls[k]
	if !ok {
		return Call{}, nil, false
	}
	delete(t.calls, k)
	t.remember(k, now)
	var g []Grant
	if c.Line {
		g = t.release(c.Server, now)
	}
	if c.Outgoing && c.Record.Reason == router.ReasonPassiveTransfer && t.placed[c.Server] > 0 {
		t.placed[c.Server]--
	}
	return *c, g, true
}

const (
	// endedFor is how long a call that ended is known: 64*T1, as long as a BYE is
	// repeated (RFC 3261 §17.1.2.2), up to twice that.
	endedFor = 32 * time.Second
	maxEnded = 1 << 18 // in one generation; more are forgotten at once
)

func (t *Table) remember(k Key, now router.Instant) {
	if t.ended[0] == nil || now.Sub(t.renewed) >= endedFor {
		t.ended[1], t.ended[0] = t.ended[0], make(map[Key]struct{})
		t.renewed = now
	}
	if len(t.ended[0]) < maxEnded {
		t.ended[0][k] = struct{}{}
	}
}

// Ended reports whether a call ended here lately.
func (t *Table) Ended(k Key) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, now := t.ended[0][k]
	_, before := t.ended[1][k]
	return now || before
}

// Owner returns the server that holds the call.
func (t *Table) Owner(k Key) (router.Server, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.calls[k]; ok {
		return c.Server, true
	}
	return router.NoServer, false
}

// Outgoing reports whether a call in progress was placed by a server.
func (t *Table) Outgoing(k Key) (outgoing, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.calls[k]
	return ok && c.Outgoing, ok
}

// PlaceFromPassive accounts for one outgoing call of the passive server s:
// true while it holds more calls than it has placed (one per call it holds).
func (t *Table) PlaceFromPassive(s router.Server) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := 0
	for _, c := range t.calls {
		if c.Server == s && !c.Outgoing {
			held++
		}
	}
	if t.placed[s] >= held {
		return false
	}
	t.placed[s]++
	return true
}

// Len is the number of calls in progress.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.calls)
}

// Expired returns the keys of calls that started before limit.
func (t *Table) Expired(limit router.Instant) []Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Key
	for k, c := range t.calls {
		if c.Answered < limit {
			out = append(out, k)
		}
	}
	return out
}

// Live returns the calls in progress, oldest first.
func (t *Table) Live() []Call {
	t.mu.Lock()
	out := make([]Call, 0, len(t.calls))
	for _, c := range t.calls {
		out = append(out, *c)
	}
	t.mu.Unlock()
	sort.Slice(out, func(i, j int) bool { return out[i].Started < out[j].Started })
	return out
}

// Update replaces the record of a call in progress.
func (t *Table) Update(k Key, r router.CallRecord) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.calls[k]; ok {
		c.Record = r
	}
}

// Used notes that the server of a call sent a request with this CSeq.
func (t *Table) Used(k Key, cseq uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.calls[k]; ok {
		c.Leg.CSeq = max(c.Leg.CSeq, cseq)
	}
}
