package app

import (
	"testing"
	"time"
)

// TestFirstCSeq: a life begins above what every life before it can have used, and
// below 2³¹ (RFC 3261 §8.1.1.5); a clock that is wrong by decades says nothing.
func TestFirstCSeq(t *testing.T) {
	now := time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)
	if a, b := firstCSeq(now), firstCSeq(now.Add(time.Hour)); b != a+1800 || b >= 1<<31 {
		t.Errorf("%d, an hour later %d", a, b)
	}
	if n := firstCSeq(time.Unix(1<<32-1, 0)); n != 1<<31-1 {
		t.Errorf("the last second: %d", n)
	}
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(1<<32, 0)} {
		if n := firstCSeq(at); n != 0 {
			t.Errorf("%v: %d", at, n)
		}
	}
}
