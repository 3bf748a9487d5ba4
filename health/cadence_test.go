package health

import (
	"testing"
	"time"

	"releve/router"
)

func TestCadence(t *testing.T) {
	c, same := Cadence{Seed: 7}, Cadence{Seed: 7}
	now, low, high := router.Instant(0), 0, 0
	const interval = 5 * time.Second
	for range 10000 {
		next := c.Next(now, interval)
		if again := same.Next(now, interval); again != next {
			t.Fatal("not determined by its seed")
		}
		gap := next.Sub(now)
		if gap < 4*time.Second || gap > 6*time.Second {
			t.Fatalf("gap %v is beyond 20 %%", gap)
		}
		if gap < 4200*time.Millisecond {
			low++
		}
		if gap > 5800*time.Millisecond {
			high++
		}
		now = next
	}
	if low < 800 || high < 800 {
		t.Errorf("a tenth of the gaps should lie at each end: %d, %d of 10000", low, high)
	}
	if c.Next(now, 0) != router.Never {
		t.Error("no interval, yet a probe")
	}
}
