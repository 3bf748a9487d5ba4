package moves

import (
	"slices"
	"time"
)

// Span is one user bound at a registrar, by the registrar's words. To is zero
// while it has not said that it ended.
type Span struct {
	User     string
	From, To time.Time
}

// end is when a span was over, at the latest now.
func (s Span) end(now time.Time) time.Time {
	if s.To.IsZero() || s.To.After(now) {
		return now
	}
	return s.To
}

// overlap is how long in all, and how long at most in one stretch, spans of two
// users were in force together. Pure.
func overlap(spans []Span, now time.Time) (all, longest time.Duration) {
	for i, a := range spans {
		for _, b := range spans[i+1:] {
			if a.User == b.User {
				continue
			}
			from, to := latest(a.From, b.From), earliest(a.end(now), b.end(now))
			if d := to.Sub(from); d > 0 {
				all, longest = all+d, max(longest, d)
			}
		}
	}
	return all, longest
}

// unbound is how long between from and to no user was bound. Pure.
func unbound(spans []Span, from, to time.Time) (gap time.Duration) {
	sorted := slices.SortedFunc(slices.Values(spans), func(a, b Span) int { return a.From.Compare(b.From) })
	covered := from
	for _, s := range sorted {
		if !s.From.Before(to) {
			break
		}
		if d := s.From.Sub(covered); d > 0 {
			gap += d
		}
		covered = latest(covered, s.end(to))
	}
	return gap + max(to.Sub(covered), 0)
}

// boundAfter is when user was first bound after from; false: it was not.
func boundAfter(spans []Span, user string, from time.Time) (first time.Time, ok bool) {
	for _, s := range spans {
		if s.User == user && s.From.After(from) && (!ok || s.From.Before(first)) {
			first, ok = s.From, true
		}
	}
	return first, ok
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// ledger makes spans of what a registrar says as time goes on.
type ledger struct {
	spans []Span
	open  map[string]int // index in spans of each user's open span
}

// hold: at says that user is bound until the given instant.
func (l *ledger) hold(at time.Time, user string, until time.Time) {
	if l.open == nil {
		l.open = make(map[string]int)
	}
	if i, ok := l.open[user]; ok && !l.spans[i].To.Before(at) {
		l.spans[i].To = until
		return
	}
	l.open[user] = len(l.spans)
	l.spans = append(l.spans, Span{user, at, until})
}

// free: at says that user is not bound.
func (l *ledger) free(at time.Time, user string) {
	if i, ok := l.open[user]; ok {
		l.spans[i].To = earliest(l.spans[i].To, at)
		delete(l.open, user)
	}
}

// bound are the users bound at an instant.
func (l *ledger) bound(at time.Time) (users []string) {
	for user, i := range l.open {
		if l.spans[i].To.After(at) {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users
}
