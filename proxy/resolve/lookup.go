package resolve

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// patience is how long a caller waits for a new answer when an old one could
// serve (our choice; RFC 8767 §5 suggests 1.8 s, a caller on the phone less).
const patience = 500 * time.Millisecond

// start begins the lookup of e unless one is in progress. False: too many are.
// The caller holds mu.
func (r *Resolver) start(e *entry) bool {
	if e.running {
		return true
	}
	if r.closed || r.running >= maxLookups {
		return false
	}
	e.running = true
	e.stopTimer()
	r.running++
	r.lookups.Add(1)
	old := e.records
	r.wg.Go(func() { r.run(e, old) })
	return true
}

// refresh starts a lookup that nobody waits for.
func (r *Resolver) refresh(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.start(e) && len(e.watchers) > 0 {
		r.later(e, time.Second)
	}
}

// later refreshes e after d. The caller holds mu.
func (r *Resolver) later(e *entry, d time.Duration) {
	e.stopTimer()
	if !r.closed {
		e.timer = time.AfterFunc(d, func() { r.refresh(e) })
	}
}

// run is the goroutine of one lookup.
func (r *Resolver) run(e *entry, old map[question]answer) {
	ctx, cancel := context.WithTimeout(r.ctx, 5*r.config.Timeout)
	defer cancel()
	wake := time.AfterFunc(patience, func() { r.hurry(e) })
	l := &lookup{r: r, ctx: ctx, old: old, records: make(map[question]answer)}
	w := walk{ask: l.ask, local: l.local, networks: r.config.Networks, ipv4: r.config.IPv4, ipv6: r.config.IPv6}
	set, err := w.find(e.name)
	wake.Stop()
	r.finish(e, set, l, err)
}

// hurry lets callers go on with the old set while the lookup goes on.
func (r *Resolver) hurry(e *entry) {
	now := r.config.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !e.running || len(e.set) == 0 || !now.Before(e.staleUntil) {
		return
	}
	e.slow = true
	for _, done := range r.release(e) {
		r.wg.Go(done) // the lookup itself still counts: Close waits
	}
}

// release hands over who waits for e. The caller holds mu, and calls them
// without it.
func (r *Resolver) release(e *entry) []func() {
	done := e.waiting
	e.waiting = nil
	r.waiting -= len(done)
	return done
}

// finish files the outcome, tells the watchers, then the callers. The lookup
// counts as in progress until the watchers were told, so that they hear the
// changes of a name one after the other.
func (r *Resolver) finish(e *entry, set []service, l *lookup, err error) {
	now := r.config.Now()
	r.mu.Lock()
	r.file(e, set, l, err, now)
	changed, targets := e.changed(now)
	r.mu.Unlock()
	if r.config.Changed != nil {
		for _, n := range changed {
			r.config.Changed(n, targets)
		}
	}
	r.mu.Lock()
	e.running, e.slow = false, false
	r.running--
	done := r.release(e)
	if len(e.watchers) > 0 {
		r.later(e, r.next(e, now))
	}
	r.mu.Unlock()
	for _, f := range done {
		f()
	}
}

// file replaces what is known of e. The caller holds mu.
func (r *Resolver) file(e *entry, set []service, l *lookup, err error, now time.Time) {
	e.set, e.records, e.known = set, l.records, true
	e.expires, e.staleUntil = l.expires, l.staleUntil
	e.failing = err != nil || l.stale
	if len(set) == 0 {
		e.expires = earliest(e.expires, now.Add(maxNegative))
	}
	if !e.failing {
		// Early answers of a slow lookup may be over already: whoever waited
		// for it must still find them.
		e.failures, e.expires = 0, latest(e.expires, now.Add(minTTL))
		return
	}
	r.failures.Add(1)
	e.failures++
	e.retryAt = now.Add(r.jitter(backoff(e.failures, len(set) > 0)))
	if err != nil && len(l.records) == 0 {
		e.expires, e.staleUntil = now, now
	}
}

// changed returns whom to tell that the targets of e are others than they were
// told before.
func (e *entry) changed(now time.Time) ([]Name, []Target) {
	set, _ := e.usable(now)
	targets := flat(set)
	if len(e.watchers) == 0 || sameTargets(targets, e.told) {
		return nil, nil
	}
	e.told = targets
	return slices.Clone(e.watchers), targets
}

// next is when a watched name is asked for again: at 80 % of what is left of
// its TTL, ± 5 %; when failing, after the back-off.
func (r *Resolver) next(e *entry, now time.Time) time.Duration {
	if e.failing {
		return max(e.retryAt.Sub(now), minTTL/2)
	}
	left := e.expires.Sub(now)
	return max(r.jitter(left*8/10), minTTL/2)
}

// jitter is d ± 5 %, so that names learnt together are not asked together.
func (r *Resolver) jitter(d time.Duration) time.Duration {
	return d + d/1000*time.Duration(int(r.config.Rand(101))-50)
}

// backoff between lookups that fail: 1, 2, 4 … 30 s while an old set serves;
// at most 5 s while there is none, for then somebody waits for this name.
func backoff(failures int, serving bool) time.Duration {
	d := time.Second << min(failures-1, 5)
	if serving {
		return min(d, 30*time.Second)
	}
	return min(d, minNegative)
}

// lookup asks the questions of one walk. Its mutex guards what is below it.
type lookup struct {
	r   *Resolver
	ctx context.Context
	old map[question]answer // the answers of the lookup before

	mu         sync.Mutex
	records    map[question]answer // the answers of this one
	asked      int
	unheard    int // questions in a row that no server said anything to
	stale      bool
	expires    time.Time // earliest of all answers used
	staleUntil time.Time
}

// ask answers from the hosts file, from what this lookup knows already, else
// from the servers, else from the last good answer to the same question.
func (l *lookup) ask(q question) (answer, error) {
	if a, ok := l.listed(q); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.use(q, a), nil
	}
	if a, ok := l.known(q); ok {
		return a, nil
	}
	a, err := l.query(q)
	now := l.r.config.Now()
	old, had := l.old[q]
	had = had && !old.local && now.Before(old.expires.Add(l.r.config.Stale))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case had && (err != nil || a.absent() && !a.proven && !old.absent()):
		l.stale = true
		return l.use(q, old), nil
	case err == nil:
		return l.use(q, a), nil
	case q.kind == dns.TypeNAPTR:
		// What is found without it must not live for long: see walk.naptr.
		l.bound(now.Add(maxNegative))
	}
	return answer{}, err
}

// known is an answer of this lookup, or what came along with one.
func (l *lookup) known(q question) (answer, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a, ok := l.records[q]; ok {
		return a, true
	}
	for _, with := range l.records {
		if a, ok := with.extra[q]; ok {
			return l.use(q, a), true
		}
	}
	return answer{}, false
}

// query asks the servers, unless two questions in a row found them all silent
// or this lookup asked enough.
func (l *lookup) query(q question) (answer, error) {
	l.mu.Lock()
	l.asked++
	if l.unheard >= 2 || l.asked > maxQuestions {
		l.mu.Unlock()
		return answer{}, errServer
	}
	l.mu.Unlock()
	a, silent, err := l.r.query(l.ctx, q)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unheard++
	if !silent {
		l.unheard = 0
	}
	return a, err
}

// use keeps an answer this lookup builds on. The caller holds mu.
func (l *lookup) use(q question, a answer) answer {
	l.records[q] = a
	l.bound(a.expires)
	l.staleUntil = earliest(l.staleUntil, a.expires.Add(l.r.config.Stale))
	return a
}

// bound makes the set expire by t at the latest. The caller holds mu.
func (l *lookup) bound(t time.Time) { l.expires = earliest(l.expires, t) }

// earliest is the earlier of two times, the zero time being none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
