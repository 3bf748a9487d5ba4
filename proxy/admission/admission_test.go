package admission

import (
	"testing"
	"time"

	"releve/router"
)

const ms = time.Millisecond

func at(d time.Duration) router.Instant { return router.Instant(d) }

func TestBucket(t *testing.T) {
	for _, c := range []struct {
		name  string
		rate  Rate
		times []time.Duration
		want  string // y or n for each
	}{
		{"burst, then one for each interval", PerSecond(10, 3), []time.Duration{0, 0, 0, 0, 50 * ms, 100 * ms, 101 * ms, 200 * ms}, "yyynnyny"},
		{"a rest fills it to the burst, no further", PerSecond(10, 2), []time.Duration{0, 0, 0, time.Hour, time.Hour, time.Hour}, "yynyyn"},
		{"a burst of nothing is one second's worth", PerSecond(2, 0), []time.Duration{0, 0, 0, 500 * ms, 500 * ms}, "yynyn"},
		{"no rate is no limit", PerSecond(0, 0), []time.Duration{0, 0, 0, 0}, "yyyy"},
	} {
		var b Bucket
		got := ""
		for _, d := range c.times {
			if b.Take(at(d), c.rate) {
				got += "y"
			} else {
				got += "n"
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestBucketKeepsTokensBehind(t *testing.T) {
	var b Bucket
	r := PerSecond(1, 4)
	for i, want := range []bool{true, true, false} {
		if got := b.TakeAbove(0, r, 2); got != want {
			t.Errorf("take %d above 2: %v", i, got)
		}
	}
	if n := b.Left(0, r); n != 2 {
		t.Errorf("%d left, want 2", n)
	}
	for i, want := range []bool{true, true, false} {
		if got := b.Take(0, r); got != want {
			t.Errorf("take %d of the kept tokens: %v", i, got)
		}
	}
	if n := b.Left(0, r); n != 0 {
		t.Errorf("%d left, want none", n)
	}
}

// ask counts how many of n asked at one instant are admitted.
func ask(g *Gate, now router.Instant, c Class, n int) (admitted int, last Verdict) {
	for range n {
		if last = g.Ask(now, c, 0); last == Admitted {
			admitted++
		}
	}
	return admitted, last
}

func TestGateShedsTheLeastFirst(t *testing.T) {
	g := NewGate(10, 1)
	if n, v := ask(g, 0, Other, 20); n != 5 || v != OverRate {
		t.Errorf("%d others, then %v, want 5, over-rate", n, v)
	}
	if n, v := ask(g, 0, Call, 20); n != 5 || v != OverRate {
		t.Errorf("%d calls, then %v, want the other 5", n, v)
	}
	if n, _ := ask(g, 0, Urgent, 20); n != 10 {
		t.Errorf("%d urgent calls above the limit, want as many as the limit", n)
	}
	if n, _ := ask(g, at(time.Second), Call, 20); n != 10 {
		t.Errorf("%d calls a second later, want 10", n)
	}
	if n, _ := ask(NewGate(0, 1), 0, Call, 5000); n != 5000 {
		t.Errorf("without a limit %d of 5000", n)
	}
}

func TestGateYieldsWhileTimersAreLate(t *testing.T) {
	g := NewGate(100, 1)
	g.Late(0, 249*ms)
	if s := g.Share(0); s != 1000 {
		t.Fatalf("share %d after a timer that was in time", s)
	}
	for i, want := range []int{500, 500, 500} { // once each second
		g.Late(at(time.Duration(i)*300*ms), 250*ms)
		if s := g.Share(at(time.Duration(i) * 300 * ms)); s != want {
			t.Fatalf("share %d, want %d", s, want)
		}
	}
	if v := g.Ask(at(900*ms), Other, 0); v != Behind {
		t.Errorf("an OPTIONS while late: %v", v)
	}
	for i := 1; i < 20; i++ {
		g.Late(at(time.Duration(i)*time.Second), time.Second)
	}
	if s := g.Share(at(19 * time.Second)); s < 125 || s > 250 {
		t.Errorf("share %d after twenty late seconds", s)
	}
	admitted := 0
	for i := range 1000 { // ten seconds later, without lateness
		if g.Ask(at(40*time.Second+time.Duration(i)*ms), Call, 0) == Admitted {
			admitted++
		}
	}
	if s := g.Share(at(40 * time.Second)); s != 1000 || admitted < 190 {
		t.Errorf("share %d, %d admitted: not recovered", s, admitted)
	}
}

// Who floods takes nothing from who keeps within his share; alone he has all.
func TestGateIsFairToWhoDoesNotFlood(t *testing.T) {
	g := NewGate(50, 3)
	flood, calm := 0, 0
	second := func(from int, flooding, calling bool) {
		flood, calm = 0, 0
		for i := range 1000 {
			now := at(time.Duration(from)*time.Second + time.Duration(i)*ms)
			if calling && i%50 == 0 && g.Ask(now, Call, 1) == Admitted {
				calm++
			}
			if flooding && g.Ask(now, Call, 0) == Admitted {
				flood++
			}
		}
	}
	for from := range 20 {
		second(from, true, false)
	}
	if flood < 49 || flood > 51 {
		t.Errorf("a source that is alone: %d admitted of a limit of 50", flood)
	}
	total := 0
	for from := range 20 {
		second(20+from, true, true)
		if calm != 20 {
			t.Fatalf("second %d of the flood: %d of the other's 20 calls", from, calm)
		}
		total += flood + calm
	}
	if total < 20*45 || total > 20*50+50 {
		t.Errorf("%d admitted in 20 s under a limit of 50", total)
	}
	second(40, false, true)
	for from := range 5 {
		second(43+from, true, false)
	}
	if flood < 49 || flood > 51 {
		t.Errorf("alone again: %d", flood)
	}
}

// What is left of the limit while it is late is what is admitted.
func TestGateAdmitsItsShare(t *testing.T) {
	g := NewGate(100, 1)
	ask(g, 0, Call, 100)
	g.Late(0, time.Second)
	admitted := 0
	for i := range 990 {
		if v := g.Ask(at(time.Duration(i)*ms), Call, 0); v == Admitted {
			admitted++
		} else if v != Behind {
			t.Fatalf("%v", v)
		}
	}
	if admitted < 45 || admitted > 55 {
		t.Errorf("%d admitted in a second at half of 100", admitted)
	}
}

func TestRetryAfterIsShortAndSpread(t *testing.T) {
	seen := map[int]bool{}
	for n := range uint64(100) {
		s := RetryAfter(n * 0x9e3779b97f4a7c15)
		if s < 1 || s > 5 || s != RetryAfter(n*0x9e3779b97f4a7c15) {
			t.Fatalf("%d", s)
		}
		seen[s] = true
	}
	if len(seen) != 5 {
		t.Errorf("only %v", seen)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	g, now := NewGate(200, 4), router.Instant(0)
	var b Bucket
	r := PerSecond(2000, 4000)
	if n := testing.AllocsPerRun(1000, func() {
		now += router.Instant(ms)
		b.Take(now, r)
		g.Ask(now, Urgent, 1)
		g.Late(now, time.Second)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
