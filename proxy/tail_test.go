package proxy

import (
	"testing"

	"releve/router"
)

// A ring that grows while it is full at an odd place finds all it holds, drops
// the oldest first, and gives its memory back.
func TestTailsGrowAndShrink(t *testing.T) {
	ts := newTails()
	next := uint64(0)
	add := func(n int) {
		for range n {
			ts.add(tail{server: next, client: ^next, end: router.Instant(next)})
			next++
		}
	}
	add(100)
	ts.expire(49)
	add(5000)
	if ts.len() != 5050 || ts.ofServer(49) != nil || ts.ofClient(^uint64(49)) != nil {
		t.Fatalf("%d tails, or the oldest were kept", ts.len())
	}
	for k := uint64(50); k < next; k++ {
		if s, c := ts.ofServer(k), ts.ofClient(^k); s == nil || s != c || s.server != k {
			t.Fatalf("tail %d is found as %v and %v", k, s, c)
		}
	}
	large := len(ts.ring)
	ts.expire(router.Instant(next - 101))
	if ts.len() != 100 || len(ts.ring) >= large || ts.ofServer(next-100) == nil {
		t.Fatalf("%d tails in a ring of %d, %d before", ts.len(), len(ts.ring), large)
	}
	ts.expire(router.Never)
	if ts.len() != 0 || ts.due() != router.Never || len(ts.ring) != 0 {
		t.Fatalf("%d tails are left", ts.len())
	}
}

// A caller that uses a branch again has the newer transaction found, also after
// the older one ended.
func TestTailsOfOneKey(t *testing.T) {
	ts := newTails()
	ts.add(tail{server: 1, client: 2, end: 10})
	ts.add(tail{server: 1, client: 2, end: 20, last: []byte("x")})
	ts.expire(10)
	if v := ts.ofServer(1); v == nil || v.last == nil || ts.ofClient(2) != v {
		t.Fatalf("found %v", v)
	}
	ts.expire(20)
	if ts.ofServer(1) != nil || ts.ofClient(2) != nil {
		t.Fatal("a tail outlived its end")
	}
}
