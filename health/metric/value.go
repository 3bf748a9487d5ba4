package metric

import (
	"fmt"
	"strconv"
	"sync/atomic"
)

// Counter only rises; it begins at 0 with the process. The zero value is ready
// for use but not shown.
type Counter struct{ n atomic.Uint64 }

// Inc adds one.
func (c *Counter) Inc() { c.n.Add(1) }

// Add adds n.
func (c *Counter) Add(n uint64) { c.n.Add(n) }

// Value returns the present count.
func (c *Counter) Value() uint64 { return c.n.Load() }

func (c *Counter) read(dst []byte) []byte { return strconv.AppendUint(dst, c.n.Load(), 10) }

// Gauge is a whole number that rises and falls. The zero value is ready for
// use but not shown.
type Gauge struct{ n atomic.Int64 }

// Set makes v the present value.
func (g *Gauge) Set(v int64) { g.n.Store(v) }

// Add adds n, which may be negative.
func (g *Gauge) Add(n int64) { g.n.Add(n) }

// Raise makes v the value unless the present one is higher.
func (g *Gauge) Raise(v int64) {
	for {
		old := g.n.Load()
		if v <= old || g.n.CompareAndSwap(old, v) {
			return
		}
	}
}

// Value returns the present value.
func (g *Gauge) Value() int64 { return g.n.Load() }

func (g *Gauge) read(dst []byte) []byte { return strconv.AppendInt(dst, g.n.Load(), 10) }

// Counters is one counter per value of a closed set, such as all outcomes or
// all reasons.
type Counters[K comparable] struct {
	of    map[K]*Counter // read-only after NewCounters
	other Counter
}

// NewCounters declares one series of name per value, told apart by label, and
// one more, "other", that counts values outside the set: a count is never
// lost, and a stranger never makes a new series. The label's value is what
// fmt.Sprint prints; "none" when that is empty. fixed labels stand on each.
func NewCounters[K comparable](s *Set, name, help, label string, values []K, fixed ...Label) *Counters[K] {
	c := &Counters[K]{of: make(map[K]*Counter, len(values))}
	for _, v := range values {
		c.of[v] = s.Counter(name, help, with(fixed, label, v)...)
	}
	s.declare(name, help, "counter", with(fixed, label, "other"), c.other.read)
	return c
}

// At returns the counter of v, that of "other" when v is not in the set.
func (c *Counters[K]) At(v K) *Counter {
	if one := c.of[v]; one != nil {
		return one
	}
	return &c.other
}

// Gauges is one gauge per value of a closed set.
type Gauges[K comparable] struct {
	of    map[K]*Gauge // read-only after NewGauges
	other Gauge
}

// NewGauges is NewCounters for gauges.
func NewGauges[K comparable](s *Set, name, help, label string, values []K, fixed ...Label) *Gauges[K] {
	g := &Gauges[K]{of: make(map[K]*Gauge, len(values))}
	for _, v := range values {
		g.of[v] = s.Gauge(name, help, with(fixed, label, v)...)
	}
	s.declare(name, help, "gauge", with(fixed, label, "other"), g.other.read)
	return g
}

// At returns the gauge of v, that of "other" when v is not in the set.
func (g *Gauges[K]) At(v K) *Gauge {
	if one := g.of[v]; one != nil {
		return one
	}
	return &g.other
}

func with(fixed []Label, label string, v any) []Label {
	text := fmt.Sprint(v)
	if text == "" {
		text = "none"
	}
	return append(fixed[:len(fixed):len(fixed)], Label{label, text})
}
