package dialog

import (
	"time"

	"releve/router"
)

// Our choice: the same identified caller and number dissuaded three times in
// 30 s is an IPBX that presents the call again and again.
const (
	loopCount  = 3
	loopWindow = 30 * time.Second
)

type loops struct {
	limit int
	seen  map[uint64][loopCount]router.Instant // newest last; 0: none
}

func newLoops(limit int) loops {
	return loops{limit: limit, seen: make(map[uint64][loopCount]router.Instant)}
}

// Dissuaded notes a dissuasion of this caller and number. When there is no room
// for another pair it is counted and the pair is not guarded.
func (t *Table) Dissuaded(pair uint64, now router.Instant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.loops
	if _, known := l.seen[pair]; !known && len(l.seen) >= l.limit {
		l.forget(now)
		if len(l.seen) >= l.limit {
			t.refused.Loops++
			return
		}
	}
	v := l.seen[pair]
	copy(v[:], v[1:])
	v[loopCount-1] = max(now, 1)
	l.seen[pair] = v
}

// Looped reports whether this caller and number was dissuaded three times in
// the last 30 s.
func (t *Table) Looped(pair uint64, now router.Instant) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, ok := t.loops.seen[pair]
	return ok && v[0] != 0 && now.Sub(v[0]) < loopWindow
}

// forget drops the pairs that can loop no more.
func (l *loops) forget(now router.Instant) {
	for k, v := range l.seen {
		if now.Sub(v[loopCount-1]) >= loopWindow {
			delete(l.seen, k)
		}
	}
}
