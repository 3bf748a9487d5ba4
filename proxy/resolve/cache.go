package resolve

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// entry is what is known of one name. All but used is guarded by Resolver.mu;
// set and records are replaced, never changed.
type entry struct {
	name    Name // canonical
	set     []service
	records map[question]answer // the last answers, for when the servers fail
	used    atomic.Int64        // when Targets last asked, ns

	known      bool      // a lookup has ended
	expires    time.Time // of the earliest answer in set
	failing    bool      // the last lookup left a question open
	failures   int       // lookups in a row that did
	retryAt    time.Time // when failing: not before
	staleUntil time.Time // set does not serve after it

	running bool
	slow    bool // the lookup in progress made callers wait long enough
	waiting []func()

	watchers []Name // as they were given to Watch
	told     []Target
	timer    *time.Timer
}

// use is how a set may serve.
type use uint8

const (
	nothing use = iota
	fresh
	stale
)

// usable returns the set and how it may serve now: within its TTL; after it
// only while the servers leave us without better, and not for ever.
func (e *entry) usable(now time.Time) ([]service, use) {
	switch {
	case len(e.set) == 0:
		return nil, nothing
	case now.Before(e.expires):
		return e.set, fresh
	case (e.failing || e.slow) && now.Before(e.staleUntil):
		return e.set, stale
	}
	return nil, nothing
}

// settled reports whether a lookup now would tell nothing new.
func (e *entry) settled(now time.Time) bool {
	if e.failing {
		return now.Before(e.retryAt)
	}
	return e.known && now.Before(e.expires)
}

func (e *entry) watch(n Name) bool {
	if slices.Contains(e.watchers, n) {
		return false
	}
	e.watchers, e.told = append(e.watchers, n), nil // the newcomer is told what the others know
	return true
}

func (e *entry) unwatch(n Name) {
	e.watchers = slices.DeleteFunc(e.watchers, func(w Name) bool { return w == n })
	if len(e.watchers) == 0 {
		e.stopTimer()
		e.told = nil
	}
}

func (e *entry) stopTimer() {
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
}

// enter returns the entry of n, making one when n can be asked for and there
// is room. The caller holds mu.
func (r *Resolver) enter(n Name, now time.Time) *entry {
	if e := r.names[n]; e != nil {
		return e
	}
	if _, numeric := n.literal(true); numeric || !askable(n.Host) {
		return nil
	}
	if len(r.names) >= r.config.MaxNames && !r.evict(now) {
		r.refused.Add(1)
		return nil
	}
	e := &entry{name: n}
	e.used.Store(now.UnixNano())
	r.names[n] = e
	return e
}

// evict forgets one name of a handful: one that leads nowhere before one that
// serves, else the one least recently used. Watched names and those being asked
// for stay. The map's own random order makes the choice of the handful.
func (r *Resolver) evict(now time.Time) bool {
	var victim *entry
	seen := 0
	for _, e := range r.names {
		if e.running || len(e.watchers) > 0 {
			continue
		}
		if victim == nil || e.worth(now, victim) < 0 {
			victim = e
		}
		if seen++; seen == 16 {
			break
		}
	}
	if victim == nil {
		return false
	}
	r.evicted.Add(1)
	delete(r.names, victim.name)
	return true
}

// worth compares what is lost by forgetting e with what is lost with o.
func (e *entry) worth(now time.Time, o *entry) int {
	rank := func(e *entry) int {
		if _, u := e.usable(now); u == nothing {
			return 0
		}
		return 1
	}
	return cmp.Or(rank(e)-rank(o), cmp.Compare(e.used.Load(), o.used.Load()))
}

// counters are the resolver's own; see Stats.
type counters struct {
	lookups, queries, failures, staleServed, spoofed, evicted, refused atomic.Uint64
}

// Failing reports whether the last lookup of n failed: what Targets says of it,
// if anything, is old.
func (r *Resolver) Failing(n Name) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e := r.names[n.canonical()]
	return e != nil && e.failing
}

// Stats are counts since the start, and the state now.
type Stats struct {
	Lookups     uint64 // of names
	Queries     uint64 // sent, UDP and TCP, retransmissions not counted
	Failures    uint64 // lookups that left a question without an answer
	StaleServed uint64 // calls of Targets answered from beyond the TTL
	Spoofed     uint64 // messages that matched no question of ours
	Evicted     uint64 // names forgotten because the cache was full
	Refused     uint64 // names, lookups or callers beyond a bound
	Names       int    // in the cache
	MaxNames    int
	Failing     int // watched names whose last lookup failed: what an alarm looks at
}

// Stats returns the counts. It looks at every name: not for each message.
func (r *Resolver) Stats() Stats {
	s := Stats{
		Lookups: r.lookups.Load(), Queries: r.queries.Load(), Failures: r.failures.Load(),
		StaleServed: r.staleServed.Load(), Spoofed: r.spoofed.Load(),
		Evicted: r.evicted.Load(), Refused: r.refused.Load(), MaxNames: r.config.MaxNames,
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	s.Names = len(r.names)
	for _, e := range r.names {
		if e.failing && len(e.watchers) > 0 {
			s.Failing++
		}
	}
	return s
}
