package dialog

import (
	"maps"
	"slices"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

// End is one end of a call in progress.
type End uint8

// AtServer: the voice server. AtIPBX: the far end at the IPBX.
const (
	AtServer End = iota
	AtIPBX
	ends
)

// Leg is one end of a call, as a request in the place of its other end needs it
// (RFC 3261 §12.2.1.1).
type Leg struct {
	Target   string // remote target: a URI
	From, To string // header values as the other end would write them, with tags
	Routes   []string
	CSeq     uint32 // the highest that the other end used in this dialog; 0: none yet
	Flow     transport.Flow
}

// asked is what the asking after one call has brought.
type asked struct {
	next   router.Instant
	known  bool        // the end at the IPBX has known it before
	missed [ends]uint8 // denials in a row
	doubt  bool        // of an earlier run, and no end has known it since
	left   bool        // with doubt: that run stopped cleanly and left it in progress
}

// Fate is what becomes of a call after an answer.
type Fate uint8

// Stays: nothing changes. Gone: an end that knew calls has lost this one; the
// other end is to be told. Forgotten: a call of an earlier run that nobody knows;
// it may have ended before that run did, which recorded it then. One that a clean
// stop left is Gone all the same when an end that knew it denies it.
const (
	Stays Fate = iota
	Gone
	Forgotten
)

const (
	// denials of one end, in a row, make a call gone. Our choice: one may be the
	// answer of a server that is just restarting.
	denials = 2
	// askAgain is how soon the second question comes.
	askAgain = 5 * time.Second
	// askDoubt is how often a call of an earlier run is asked after until one end
	// knows it.
	askDoubt = 30 * time.Second
)

// Due returns at most n calls that are to be asked after at now, in no order, and
// notes that they are; each is again every later, ± 20 %, so that calls answered
// together are not asked together.
func (t *Table) Due(now router.Instant, every time.Duration, n int) []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Call
	for k, c := range t.calls {
		if c.asked.next == 0 {
			c.asked.next = c.Answered.Add(spread(k, every))
		}
		if c.asked.next > now || len(out) >= n {
			continue
		}
		c.asked.next = now.Add(spread(k, every))
		if c.asked.doubt {
			c.asked.next = now.Add(askDoubt)
		}
		out = append(out, *c)
	}
	return out
}

// spread is d ± 20 %, by the key.
func spread(k Key, d time.Duration) time.Duration {
	return d*4/5 + time.Duration(uint64(k)%1024)*(d*2/5)/1024
}

// Suspect has every call of s that was answered before limit asked after now.
func (t *Table) Suspect(s router.Server, limit, now router.Instant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.calls {
		if c.Server == s && c.Answered < limit {
			c.asked.next = now
		}
	}
}

// Heard enters what an end of a call said of it: knows, or a denial (481). A call
// is gone when it is denied twice in a row by one that has known a call before:
// this server any call, the far end at the IPBX (each phone is a program of its
// own) this one. Who denies every call answers OPTIONS within a dialog by rote,
// and proves nothing (our choice).
func (t *Table) Heard(k Key, e End, knows bool, now router.Instant) Fate {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.calls[k]
	if !ok {
		return Stays
	}
	known := &c.asked.known
	if e == AtServer {
		known = &t.knows[c.Server]
	}
	if knows {
		*known, c.asked.missed[e], c.asked.doubt = true, 0, false
		return Stays
	}
	if !*known && !c.asked.doubt {
		return Stays
	}
	c.asked.missed[e]++
	c.asked.next = min(c.asked.next, now.Add(askAgain))
	switch over := c.asked.missed[AtServer] > 0 && c.asked.missed[AtIPBX] > 0 || c.asked.missed[e] >= denials; {
	case c.asked.doubt && c.asked.left && t.lost(c) >= denials:
		return Gone
	case c.asked.doubt && over && !(c.asked.left && t.lost(c) > 0):
		return Forgotten
	case !c.asked.doubt && c.asked.missed[e] >= denials:
		return Gone
	}
	return Stays
}

// lost is how often in a row an end that has known a call has denied this one; the
// caller holds the lock.
func (t *Table) lost(c *Call) uint8 {
	n := uint8(0)
	if t.knows[c.Server] {
		n = c.asked.missed[AtServer]
	}
	if c.asked.known {
		n = max(n, c.asked.missed[AtIPBX])
	}
	return n
}

// Known is what has been proven by asking: which servers have known a call, and
// whether the far end of this one has. It is kept over a restart.
func (t *Table) Known(k Key) (far bool, servers [router.Servers]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.calls[k]; ok {
		far = c.asked.known
	}
	return far, t.knows
}

// Before is what an earlier run knew of a call that it left: FarKnows and Servers as
// Known gave them. Clean: it stopped in order, so that it had recorded nothing of it.
type Before struct {
	FarKnows bool
	Servers  [router.Servers]bool
	Clean    bool
}

// Resume enters a call of an earlier run, and with it the line that it holds. It is
// asked after next, and forgotten when nobody knows it.
func (t *Table) Resume(c Call, b Before) bool {
	if c.Line {
		t.Reserve(c.Server)
	}
	c.asked = asked{next: 1, known: b.FarKnows, doubt: true, left: b.Clean}
	if !t.Add(c) {
		if c.Line {
			t.Release(c.Server, 0)
		}
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for s, is := range b.Servers {
		t.knows[s] = t.knows[s] || is
	}
	return true
}

// Keys returns the keys of the calls in progress, in no order.
func (t *Table) Keys() []Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.calls))
}

// Changes counts the calls that were added or ended.
func (t *Table) Changes() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changes
}

// Get returns a call in progress.
func (t *Table) Get(k Key) (Call, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.calls[k]; ok {
		return *c, true
	}
	return Call{}, false
}
