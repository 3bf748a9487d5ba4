package metric

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata; read the diff before committing it")

type outcome uint8

func (o outcome) String() string { return [...]string{"", "answered", "lost"}[o] }

func TestExposition(t *testing.T) {
	s := NewSet()
	s.Counter("releve_messages_total", "SIP messages received.", Label{"transport", "udp"}).Add(12)
	s.Counter("releve_messages_total", "SIP messages received.", Label{"transport", "tcp"}).Inc()
	s.Gauge("releve_epoch", "Role changes so far.").Set(-3)
	s.GaugeFunc("releve_uptime_seconds", "A back\\slash and a\nnew line.", func() float64 { return 1.25e9 })
	s.GaugeFunc("releve_odd", "Not finite.", func() float64 { return math.Inf(-1) }, Label{"sign", "-"})
	s.GaugeFunc("releve_odd", "Not finite.", func() float64 { return math.Inf(1) }, Label{"sign", "+"})
	s.GaugeFunc("releve_odd", "Not finite.", math.NaN, Label{"sign", "?"})
	s.Gauge("releve_peer_up", "Escapes.", Label{"peer", "a\"b\\c\nd\xff"}, Label{"role", "ipbx"}).Set(1)
	calls := NewCounters(s, "releve_calls_total", "Calls by outcome.", "outcome", []outcome{0, 1, 2}, Label{"entry", "inline"})
	calls.At(1).Add(7)
	calls.At(99).Inc()
	up := NewGauges(s, "releve_server_up", "Server answers.", "server", []string{"primary", "secondary"})
	up.At("secondary").Set(1)
	up.At("stranger").Set(5)
	l := s.Limit("hold", 2)
	if !l.Take(2) || l.Take(1) {
		t.Error("a limit of 2 takes exactly 2")
	}
	l.Give(1)

	var got bytes.Buffer
	n, err := s.WriteTo(&got)
	if err != nil || n != int64(got.Len()) {
		t.Fatalf("WriteTo = %d, %v for %d bytes", n, err, got.Len())
	}
	const golden = "testdata/exposition.txt"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("exposition differs from %s:\n%s", golden, got.String())
	}
}

func TestFaults(t *testing.T) {
	help := "h"
	for _, c := range []struct {
		name string
		make func(*Set)
		want string // "" : no fault
	}{
		{"good", func(s *Set) { s.Counter("releve_a_total", help) }, ""},
		{"no prefix", func(s *Set) { s.Counter("a_total", help) }, "must begin with releve_"},
		{"dash", func(s *Set) { s.Gauge("releve_a-b", help) }, "must begin with releve_"},
		{"twice", func(s *Set) { s.Counter("releve_a", help); s.Counter("releve_a", help) }, "declared twice"},
		{"two kinds", func(s *Set) { s.Counter("releve_a", help); s.Gauge("releve_a", help, Label{"x", "y"}) }, "another kind"},
		{"two helps", func(s *Set) { s.Gauge("releve_a", help); s.Gauge("releve_a", "", Label{"x", "y"}) }, "another kind or help"},
		{"label name", func(s *Set) { s.Gauge("releve_a", help, Label{"9", "y"}) }, "label name"},
		{"reserved label", func(s *Set) { s.Gauge("releve_a", help, Label{"__x", "y"}) }, "label name"},
		{"label twice", func(s *Set) { s.Gauge("releve_a", help, Label{"x", "y"}, Label{"x", "z"}) }, "given twice"},
		{"value twice", func(s *Set) { NewCounters(s, "releve_a", help, "x", []int{1, 1}) }, "declared twice"},
		{"limit twice", func(s *Set) { s.Limit("a", 1); s.Limit("a", 1) }, "name of its own"},
		{"limit of nothing", func(s *Set) { s.Limit("a", 0) }, "at least 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewSet()
			c.make(s)
			err := s.Err()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("Err() = %v, want %q", err, c.want)
			}
			if _, again := s.WriteTo(&bytes.Buffer{}); (again == nil) != (err == nil) {
				t.Errorf("WriteTo = %v, Err = %v: a wrong declaration must show where it is scraped", again, err)
			}
		})
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken pipe")

func (brokenWriter) Write([]byte) (int, error) { return 3, errBroken }

func TestWriteToFails(t *testing.T) {
	s := NewSet()
	s.Gauge("releve_a", "h")
	if n, err := s.WriteTo(brokenWriter{}); n != 3 || !errors.Is(err, errBroken) {
		t.Errorf("WriteTo = %d, %v", n, err)
	}
}

// A room that is given no Set counts all the same.
func TestNilSet(t *testing.T) {
	var s *Set
	s.Counter("releve_a_total", "h").Inc()
	s.Gauge("releve_b", "h").Set(1)
	s.GaugeFunc("releve_c", "h", func() float64 { return 1 })
	NewCounters(s, "releve_d", "h", "x", []int{1}).At(1).Inc()
	l := s.Limit("e", 1)
	if !l.Take(1) || l.Take(1) || l.Reading().Refused != 1 {
		t.Errorf("limit of a nil Set: %+v", l.Reading())
	}
	if n, err := s.WriteTo(nil); n != 0 || err != nil || s.Limits() != nil || s.Err() != nil {
		t.Errorf("a nil Set writes nothing: %d, %v", n, err)
	}
}

func TestLimit(t *testing.T) {
	s := NewSet()
	l := s.Limit("table", 10)
	l.Observe(7)
	l.Observe(3)
	l.Add(5)
	l.Give(5)
	l.Refuse(2)
	l.SetCapacity(2)
	if l.Take(1) {
		t.Error("took one above the lowered capacity")
	}
	want := LimitReading{Name: "table", Capacity: 2, Used: 3, HighWater: 8, Refused: 3}
	if got := s.Limits(); len(got) != 1 || got[0] != want {
		t.Errorf("Limits() = %+v, want %+v", got, want)
	}
}

// Many takers never hold more than the capacity together, and every attempt is
// either taken or refused.
func TestLimitConcurrent(t *testing.T) {
	const takers, each, capacity = 8, 2000, 5
	l := NewSet().Limit("x", capacity)
	var taken Counter
	var wg sync.WaitGroup
	for range takers {
		wg.Go(func() {
			for range each {
				if l.Take(1) {
					taken.Inc()
					l.Give(1)
				}
			}
		})
	}
	wg.Wait()
	r := l.Reading()
	if r.Used != 0 || r.HighWater > capacity || taken.Value()+r.Refused != takers*each {
		t.Errorf("after all gave back: %+v, taken %d", r, taken.Value())
	}
}

func TestNoAllocations(t *testing.T) {
	s := NewSet()
	c := s.Counter("releve_a_total", "h")
	g := s.Gauge("releve_b", "h")
	l := s.Limit("c", 1)
	calls := NewCounters(s, "releve_d_total", "h", "outcome", []outcome{0, 1, 2})
	reasons := NewCounters(s, "releve_e_total", "h", "reason", []string{"x", "y"})
	if n := testing.AllocsPerRun(100, func() {
		c.Inc()
		c.Add(2)
		g.Set(3)
		g.Raise(9)
		l.Take(1)
		l.Take(1)
		l.Give(1)
		calls.At(2).Inc()
		reasons.At("y").Inc()
	}); n != 0 {
		t.Errorf("counting allocates %v times", n)
	}
}
