// Package dialog keeps the calls in progress, the lines reserved on each
// server, the waiting list of dissuaded calls and the loop guard.
//
//	a line:  free ─ Reserve, or a Grant ─► reserved ─ Release ─────────► free
//	                                          └─ Add (Call.Line) ─ End ─┘
//
// Table owns its state behind one mutex, which is taken after a shard's and
// never held while calling out; it starts no goroutine and reads no clock. No
// look-up here decides where an in-dialog request goes when its Record-Route
// token is valid: a node that just started has an empty table and routes all the
// same.
package dialog

import (
	"cmp"
	"slices"
	"sync"
	"time"

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
	Passive  bool // outgoing, placed by a passive server: set by Add from Record.Reason
	Epoch    uint64
	Started  router.Instant // INVITE received; negative values are before the start of the process
	Answered router.Instant // 0 until a 2xx was relayed
	Lapses   router.Instant // the session timer's end (RFC 4028); 0: none runs
	Line     bool           // holds a line of Server
	Record   router.CallRecord
	Legs     [ends]Leg // by End

	asked asked
}

// Limits bound the table.
type Limits struct {
	Lines [router.Servers]int // capacity of each server
	Calls int                 // calls in progress; 0: 20,000
	Loops int                 // callers remembered by the loop guard; 0: 4,096
}

// Table is the set of calls in progress. Safe for concurrent use.
type Table struct {
	mu     sync.Mutex // guards what follows
	calls  map[Key]*Call
	lines  [router.Servers]lines
	counts [router.Servers]counts
	limit  Limits
	loops  loops

	changes uint64 // calls added and ended, since the start

	knows [router.Servers]bool // which server has known a call when asked

	numbered map[Key]numbered // dialogs of ours that are numbered or named otherwise at the IPBX

	// ended are the keys of calls that ended lately, in two generations: a BYE
	// that crossed another ends nothing twice.
	ended   [2]map[Key]struct{}
	renewed router.Instant // when ended[0] began

	refused Refused
}

// Refused is what found no room, since the start.
type Refused struct {
	Loops   uint64 // dissuasions that the loop guard did not note
	Waiting uint64 // dissuaded calls, by the waiting list of their server
	Ended   uint64 // calls that ended and are not remembered
}

// counts are of the calls in progress of one server.
type counts struct {
	held   int // from the IPBX
	own    int // placed by the server
	placed int // of those, while it was passive
}

// count adds n for c.
func (t *Table) count(c *Call, n int) {
	k := &t.counts[c.Server]
	if !c.Outgoing {
		k.held += n
		return
	}
	k.own += n
	if c.Passive {
		k.placed += n
	}
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
		t.lines[s].reconciled = true
	}
	return t
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
	c.Passive = c.Outgoing && c.Record.Reason == router.ReasonPassiveTransfer
	t.calls[c.Key] = &c
	t.changes++
	if l := &t.lines[c.Server]; c.Line && l.reconciled {
		l.learnt.took(l.reserved)
	}
	t.count(&c, 1)
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
	t.changes++
	delete(t.numbered, k)
	t.count(c, -1)
	t.remember(k, now)
	var g []Grant
	if c.Line {
		g = t.release(c.Server, now)
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
	if len(t.ended[0]) >= maxEnded {
		t.refused.Ended++
		return
	}
	t.ended[0][k] = struct{}{}
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

// PlaceFromPassive reports whether the passive server s may place an outgoing
// call: one per call it holds. Our choice: only answered ones count, so that an
// attempt which was challenged, busy or cancelled leaves nothing behind that
// would refuse the next one.
func (t *Table) PlaceFromPassive(s router.Server) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := t.counts[s].held
	if !t.lines[s].reconciled {
		held = t.lines[s].capacity // calls of an earlier run may live on there
	}
	return t.counts[s].placed < held
}

// Calls is the number of calls in progress of s, both ways.
func (t *Table) Calls(s router.Server) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[s].held + t.counts[s].own
}

// Len is the number of calls in progress.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.calls)
}

// Expired returns the keys of calls that were answered before limit.
func (t *Table) Expired(limit router.Instant) []Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(limit)
	var out []Key
	for k, c := range t.calls {
		if c.Answered < limit {
			out = append(out, k)
		}
	}
	return out
}

// Lapsed returns the keys of calls whose session timer ran out before now.
func (t *Table) Lapsed(now router.Instant) []Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Key
	for k, c := range t.calls {
		if c.Lapses != 0 && c.Lapses < now {
			out = append(out, k)
		}
	}
	return out
}

// Refreshed sets when a call's session timer runs out (0: it runs no more), and the
// remote targets of its Legs (empty: as it was).
func (t *Table) Refreshed(k Key, lapses router.Instant, server, ipbx []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.calls[k]
	if !ok {
		return
	}
	c.Lapses = lapses
	for e, target := range [...][]byte{AtServer: server, AtIPBX: ipbx} {
		if l := &c.Legs[e]; len(target) > 0 && l.Target != "" && l.Target != string(target) {
			l.Target = string(target)
		}
	}
}

// Live returns the calls in progress, oldest first.
func (t *Table) Live() []Call {
	t.mu.Lock()
	out := make([]Call, 0, len(t.calls))
	for _, c := range t.calls {
		out = append(out, *c)
	}
	t.mu.Unlock()
	slices.SortFunc(out, func(a, b Call) int { return cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.CallID, b.CallID)) })
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

// Used notes that a request with this CSeq went to end e of a call.
func (t *Table) Used(k Key, e End, cseq uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.calls[k]; ok {
		c.Legs[e].CSeq = max(c.Legs[e].CSeq, cseq)
	}
}

// Refused returns what found no room.
func (t *Table) Refused() Refused {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused
}

// Capacity is how many calls in progress the table holds at most.
func (t *Table) Capacity() int { return t.limit.Calls }
