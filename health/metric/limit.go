package metric

import (
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
)

// Limit is the bound of one queue or table: how much it holds at most, how
// much it holds, the most it ever held, and how often it refused. Everything
// that grows has one.
//
// A room whose bound is only a number uses Take and Give; a room that keeps
// its own size says so with Observe and counts refusals with Refuse.
type Limit struct {
	name     string
	capacity Gauge
	used     atomic.Int64
	high     Gauge
	refused  Counter
}

// LimitReading is a Limit at one moment.
type LimitReading struct {
	Name      string
	Capacity  int64
	Used      int64
	HighWater int64  // the largest Used since the start
	Refused   uint64 // since the start
}

// Limit declares a limit: the series releve_limit_capacity, _used,
// _high_water and _refused_total with label limit="name". capacity is in the
// units of the room (entries, bytes) and at least 1; say the unit in the name
// when it is not entries: "spool_bytes".
func (s *Set) Limit(name string, capacity int64) *Limit {
	l := &Limit{name: name}
	l.capacity.Set(capacity)
	if s == nil {
		return l
	}
	by := []Label{{"limit", name}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if capacity < 1 || slices.ContainsFunc(s.limits, func(o *Limit) bool { return o.name == name }) {
		s.faults = append(s.faults, fmt.Errorf("limit %q: needs a capacity of at least 1 and a name of its own", name))
		return l
	}
	s.limits = append(s.limits, l)
	s.add("releve_limit_capacity", "What a queue or table holds at most.", "gauge", by, l.capacity.read)
	s.add("releve_limit_used", "What a queue or table holds now.", "gauge", by, l.readUsed)
	s.add("releve_limit_high_water", "The most a queue or table held since the start.", "gauge", by, l.high.read)
	s.add("releve_limit_refused_total", "What a full queue or table refused.", "counter", by, l.refused.read)
	return l
}

// Limits returns a reading of every limit in the order of declaration: what
// the alarm "a limit refuses" is made from.
func (s *Set) Limits() []LimitReading {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]LimitReading, 0, len(s.limits))
	for _, l := range s.limits {
		out = append(out, l.Reading())
	}
	return out
}

// Take reserves n and reports true; when less than n is free it reserves
// nothing, counts one refusal and reports false.
func (l *Limit) Take(n int64) bool {
	for {
		used := l.used.Load()
		if used+n > l.capacity.Value() {
			l.refused.Inc()
			return false
		}
		if l.used.CompareAndSwap(used, used+n) {
			l.high.Raise(used + n)
			return true
		}
	}
}

// Add takes n without asking: what is there already, or must be. n is above 0.
func (l *Limit) Add(n int64) { l.high.Raise(l.used.Add(n)) }

// Give returns n that Take reserved.
func (l *Limit) Give(n int64) { l.used.Add(-n) }

// Observe says that n is in use now.
func (l *Limit) Observe(n int64) {
	l.used.Store(n)
	l.high.Raise(n)
}

// Refuse counts n refusals.
func (l *Limit) Refuse(n uint64) { l.refused.Add(n) }

// SetCapacity changes the capacity (a reload); what is in use stays, even above it.
func (l *Limit) SetCapacity(n int64) { l.capacity.Set(n) }

// Reading returns the present values. Each is exact; together they may be from
// slightly different moments.
func (l *Limit) Reading() LimitReading {
	return LimitReading{
		Name: l.name, Capacity: l.capacity.Value(), Used: l.used.Load(),
		HighWater: l.high.Value(), Refused: l.refused.Value(),
	}
}

func (l *Limit) readUsed(dst []byte) []byte { return strconv.AppendInt(dst, l.used.Load(), 10) }
