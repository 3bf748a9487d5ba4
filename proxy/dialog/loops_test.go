package dialog

import (
	"testing"
	"time"

	"releve/router"
)

func TestLoopIsThreeDissuasionsWithinThirtySeconds(t *testing.T) {
	d := table(4)
	// In seconds: dissuasions, and what is asked then.
	d.Dissuaded(1, 0)
	d.Dissuaded(1, 10*second)
	if d.Looped(1, 11*second) {
		t.Error("two are no loop")
	}
	d.Dissuaded(1, 20*second)
	if !d.Looped(1, 21*second) || !d.Looped(1, 30*second) {
		t.Error("three in 20 s are a loop")
	}
	if d.Looped(1, 30*second+1) {
		t.Error("the first of three is more than 30 s old")
	}
	d.Dissuaded(1, 35*second)
	if !d.Looped(1, 36*second) {
		t.Error("10, 20, 35: three in 25 s")
	}
	if d.Looped(2, 36*second) {
		t.Error("another pair")
	}
}

func TestLoopGuardIsBoundedAndForgets(t *testing.T) {
	d := New(Limits{Loops: 2})
	d.Dissuaded(1, 0)
	d.Dissuaded(2, 0)
	for range 3 {
		d.Dissuaded(3, second)
	}
	if d.Looped(3, second) || d.Refused().Loops != 3 || len(d.loops.seen) != 2 {
		t.Errorf("%d pairs kept, %d missed", len(d.loops.seen), d.Refused().Loops)
	}
	d.Dissuaded(1, 2*second) // known pairs go on
	later := router.Instant(31 * time.Second)
	for range 3 {
		d.Dissuaded(3, later)
	}
	if !d.Looped(3, later) || len(d.loops.seen) != 2 || d.loops.seen[2] != ([loopCount]router.Instant{}) {
		t.Errorf("the quiet pair was not forgotten: %v", d.loops.seen)
	}
}
