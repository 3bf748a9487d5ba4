package admission

import (
	"sync/atomic"
	"time"

	"releve/router"
)

// Class is what asks for admission, the least important first (RFC 7339
// §5.10.1 leaves the order to the operator; this one is our choice).
type Class uint8

// Other: a request outside a dialog that opens no call, but REGISTER. Call: an
// initial INVITE. Urgent: one for an emergency number or with a priority of its
// own (RFC 4412, RFC 3261 §20.26). In-dialog requests, ACK, CANCEL and REGISTER
// never ask.
const (
	Other Class = iota
	Call
	Urgent
)

// Verdict is the answer, and its reason.
type Verdict uint8

// Admitted. OverRate: more than the limit came. Behind: our own timers are
// late, and only a part of the limit is admitted.
const (
	Admitted Verdict = iota
	OverRate
	Behind
)

func (v Verdict) String() string { return [...]string{"admitted", "over-rate", "behind"}[v] }

// Late timers, our choices: from lateLimit on the machine does not keep up;
// then half of what was admitted is, at most once each step, down to an eighth
// of the limit; a step without lateness gives a tenth of the limit back, so that
// all of it is admitted again ten seconds later.
const (
	lateLimit = 250 * time.Millisecond
	step      = time.Second
	whole     = 1000
	least     = whole / 8
)

// lately is how long a source that asked keeps its share of the limit. Our
// choice: long enough for one who calls now and then, short enough that the limit
// is not left unused.
const lately = 2 * time.Second

// Gate admits new work at up to a limit, which shrinks while our own timers are
// late. Urgent calls have as much again for themselves, and who floods takes
// nothing from the even share of others. Safe for concurrent use; never blocks.
type Gate struct {
	rate    atomic.Pointer[Rate]
	calls   Bucket
	urgent  Bucket
	sources []source
	share   atomic.Int32 // of whole; what of rate is admitted
	next    atomic.Int64 // router.Instant: share does not change before
}

// source is who asks for calls.
type source struct {
	calls Bucket       // its even share
	asked atomic.Int64 // router.Instant + 1 of its last call; 0: none
}

// NewGate admits perSecond new calls, one second's worth at once; 0: no limit.
// It is asked by so many sources, numbered from 0.
func NewGate(perSecond, sources int) *Gate {
	g := &Gate{sources: make([]source, max(sources, 1))}
	g.SetLimit(perSecond)
	g.share.Store(whole)
	return g
}

// SetLimit is another limit from now on; what was admitted counts.
func (g *Gate) SetLimit(perSecond int) {
	r := PerSecond(perSecond, 0)
	g.rate.Store(&r)
}

// Ask admits one c of a source at now, or says why not.
func (g *Gate) Ask(now router.Instant, c Class, source int) Verdict {
	share := g.Share(now)
	r := *g.rate.Load()
	refused := OverRate
	if share < whole {
		refused = Behind
		r.Each = r.Each * whole / time.Duration(share)
		r.Burst = max(r.Burst*share/whole, 1)
	}
	switch {
	case c == Other && share < whole:
		return Behind // first of all
	case c == Other:
		// Half of the bucket is for calls alone.
		if g.calls.TakeAbove(now, r, r.Burst/2) {
			return Admitted
		}
	case g.fair(now, r, source):
		return Admitted
	case c == Urgent && g.urgent.Take(now, *g.rate.Load()):
		return Admitted
	}
	return refused
}

// fair takes a token for a call of a source. What a source asks for within its
// even share of the limit is admitted even where others have emptied the bucket,
// for it is not the one who floods; what is more than that, only while half of
// the bucket is left. A source that is alone has the whole limit.
func (g *Gate) fair(now router.Instant, r Rate, source int) bool {
	if r.Each <= 0 {
		return true
	}
	active := g.active(now, source)
	own := Rate{Each: r.Each * time.Duration(active), Burst: max(r.Burst/active, 1)}
	within := g.sources[source].calls.Take(now, own)
	switch {
	case active == 1:
		return g.calls.Take(now, r)
	case within:
		return g.calls.TakeAbove(now, r, -r.Burst/2) // at most half a second's worth is owed
	}
	return g.calls.TakeAbove(now, r, r.Burst/2)
}

// active counts the sources that asked for a call lately, this one among them.
func (g *Gate) active(now router.Instant, source int) (n int) {
	g.sources[source].asked.Store(int64(now) + 1)
	for i := range g.sources {
		if at := g.sources[i].asked.Load(); at != 0 && now.Sub(router.Instant(at-1)) < lately {
			n++
		}
	}
	return max(n, 1)
}

// Late says at now that a timer of ours was handled late after its time.
func (g *Gate) Late(now router.Instant, late time.Duration) {
	if late < lateLimit {
		return
	}
	for {
		next := g.next.Load()
		if now < router.Instant(next) && g.share.Load() < whole {
			return // halved in this step already
		}
		if g.next.CompareAndSwap(next, int64(now.Add(step))) {
			g.share.Store(max(g.share.Load()/2, least))
			return
		}
	}
}

// Share is how much of the limit is admitted at now, in thousandths: 125–1000.
func (g *Gate) Share(now router.Instant) int {
	for {
		share := g.share.Load()
		next := router.Instant(g.next.Load())
		if share >= whole || now < next {
			return int(share)
		}
		steps := int32(min(int64(now.Sub(next)/step)+1, whole/100))
		if !g.next.CompareAndSwap(int64(next), int64(next.Add(time.Duration(steps)*step))) {
			continue
		}
		share = min(share+steps*whole/10, whole)
		g.share.Store(share)
	}
}

// RetryAfter is how many seconds a caller who was shed shall wait: 1–5, drawn
// from n, so that callers do not all come back at once and one who repeats
// himself gets the same answer. Our choice: short, for the load of one call is.
func RetryAfter(n uint64) int { return 1 + int(n%5) }
