package router

import (
	"testing"
	"time"
)

func TestHighNeverFallsBackAndNeverRunsSlow(t *testing.T) {
	const h = time.Hour
	var r Elapsed
	for i, c := range []struct{ mono, wall, high time.Duration }{
		{1, 1, 1},                          // both run
		{2, 2 + h, 2 + h},                  // the wall clock is set forward, or the machine was paused
		{3, 3 + h, 3 + h},                  // both run
		{4, 4, 4 + h},                      // the wall clock is set back: no permission lasts longer for it
		{5, 5, 5 + h},                      // and time goes on at once
		{5, 5, 5 + h},                      // nothing went by
		{6 + h, 5, 6 + 2*h},                // the wall clock stands, or was set back by as much
		{6 + h, 5 - 2*h, 6 + 2*h},          // before its start
		{7 + h, 6 - 2*h + 9, 6 + 2*h + 10}, // the longer of the two
	} {
		last := r
		r = r.Next(c.mono, c.wall)
		if r.High != c.high || r.High-last.High < c.mono-last.Mono {
			t.Errorf("step %d: high %v, want %v", i, r.High, c.high)
		}
	}
}
