package moves

import (
	"testing"
	"time"
)

var start = time.Unix(1_000_000, 0)

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func TestOverlap(t *testing.T) {
	a := func(from, to int) Span { return Span{"5001", at(from), at(to)} }
	b := func(from, to int) Span { return Span{"5002", at(from), at(to)} }
	for _, tt := range []struct {
		name         string
		spans        []Span
		all, longest time.Duration
	}{
		{"nothing", nil, 0, 0},
		{"one after the other", []Span{a(0, 10), b(10, 20)}, 0, 0},
		{"one user twice", []Span{a(0, 10), a(5, 20)}, 0, 0},
		{"together twice", []Span{a(0, 10), b(7, 30), a(25, 26)}, 4 * time.Millisecond, 3 * time.Millisecond},
		{"still open", []Span{a(0, 500), b(50, 500)}, 50 * time.Millisecond, 50 * time.Millisecond},
	} {
		if all, longest := overlap(tt.spans, at(100)); all != tt.all || longest != tt.longest {
			t.Errorf("%s: %s in all, %s at most, want %s and %s", tt.name, all, longest, tt.all, tt.longest)
		}
	}
}

func TestUnbound(t *testing.T) {
	spans := []Span{{"5002", at(60), at(70)}, {"5001", at(0), at(20)}, {"5001", at(10), at(40)}}
	for _, tt := range []struct{ from, to, want int }{
		{0, 40, 0}, {0, 100, 50}, {45, 65, 15}, {80, 90, 10}, {30, 60, 20},
	} {
		if got := unbound(spans, at(tt.from), at(tt.to)); got != time.Duration(tt.want)*time.Millisecond {
			t.Errorf("from %d to %d nobody is bound for %s, want %d ms", tt.from, tt.to, got, tt.want)
		}
	}
}

func TestLedger(t *testing.T) {
	var l ledger
	l.hold(at(0), "5001", at(5000))
	l.hold(at(2500), "5001", at(7500)) // refreshed
	l.free(at(3000), "5001")
	l.free(at(3000), "5002")           // never bound
	l.hold(at(3001), "5002", at(8001)) // and it expires unsaid
	l.hold(at(9000), "5002", at(14000))
	want := []Span{{"5001", at(0), at(3000)}, {"5002", at(3001), at(8001)}, {"5002", at(9000), at(14000)}}
	if len(l.spans) != len(want) {
		t.Fatalf("spans %v, want %v", l.spans, want)
	}
	for i := range want {
		if l.spans[i] != want[i] {
			t.Errorf("span %d: %v, want %v", i, l.spans[i], want[i])
		}
	}
	if got := l.bound(at(10000)); len(got) != 1 || got[0] != "5002" {
		t.Errorf("bound: %v", got)
	}
	if got := l.bound(at(14000)); len(got) != 0 {
		t.Errorf("bound when it has expired: %v", got)
	}
}

func TestClaims(t *testing.T) {
	const head = "REGISTER sip:127.0.0.1 SIP/2.0\r\nTo: <sip:5002@127.0.0.1>\r\n"
	for _, tt := range []struct {
		rest string
		want bool
	}{
		{"Contact: <sip:5002@127.0.0.9>\r\nExpires: 30\r\n\r\n", true},
		{"Contact: <sip:5002@127.0.0.9>\r\nExpires: 0\r\n\r\n", false},
		{"Contact: <sip:5002@127.0.0.9>;expires=0\r\n\r\n", false},
		{"\r\n", false}, // it only asks
	} {
		if user, got := claims([]byte(head + tt.rest)); user != "5002" || got != tt.want {
			t.Errorf("%q claims %v for %s", tt.rest, got, user)
		}
	}
}

func TestRank(t *testing.T) {
	for _, tt := range []struct {
		percent int
		want    float64
	}{{50, 2}, {90, 4}, {99, 4}, {100, 4}} {
		if got := rank([]float64{1, 2, 3, 4}, tt.percent); got != tt.want {
			t.Errorf("p%d is %v, want %v", tt.percent, got, tt.want)
		}
	}
	if rank(nil, 50) != 0 {
		t.Error("a percentile of nothing")
	}
}

// TestEveryTroubleIsInADeck also finds a deck that names a trouble there is not.
func TestEveryTroubleIsInADeck(t *testing.T) {
	names := make(map[string]bool)
	for _, tr := range troubles() {
		if tr.weight == 0 || names[tr.name] {
			t.Errorf("trouble %q: weight %d, or there are two", tr.name, tr.weight)
		}
		names[tr.name] = true
	}
	sum := 0
	for _, s := range worlds(true) {
		sum += len(s.deck)
		for _, name := range s.deck {
			if !names[name] {
				t.Errorf("no trouble %q", name)
			}
		}
	}
	if sum != 20 {
		t.Errorf("the short form makes %d moves", sum)
	}
}
