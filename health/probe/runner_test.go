package probe

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"releve/health"
	"releve/router"
)

// stand is a Driver that answers as the test says, after a while by the clock
// of its bubble.
type stand struct {
	takes time.Duration
	says  atomic.Pointer[error]
	runs  atomic.Int64
}

func (d *stand) Ask(ctx context.Context, _ Question) (string, error) {
	d.runs.Add(1)
	timer := time.NewTimer(d.takes)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if e := d.says.Load(); e != nil {
		return "", *e
	}
	return "1", nil
}

func (d *stand) fails(err error) { d.says.Store(&err) }

func watched(d Driver, name string, every, timeout time.Duration) Check {
	return Check{Type: "sql", Name: name, OfHost: true, Every: every, Timeout: timeout, Driver: d}
}

type reports struct {
	mu   sync.Mutex
	list []health.Presence
}

func (r *reports) add(_ router.Server, p health.Presence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, p)
}

func (r *reports) last() health.Presence {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) == 0 {
		return health.Unknown
	}
	return r.list[len(r.list)-1]
}

// runner starts one in the bubble and ends it with the test.
func runner(t *testing.T, rep *reports, checks ...Check) *Runner {
	p := Plan{Target: func(router.Server) (Target, bool) { return here, true }, Report: rep.add}
	p.Checks[router.Primary] = checks
	r := NewRunner(p)
	r.Start()
	t.Cleanup(r.Close)
	return r
}

func TestChecksRunAtTheirInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast, slow, rep := &stand{}, &stand{}, &reports{}
		r := runner(t, rep, watched(fast, "fast", 5*time.Second, time.Second), watched(slow, "slow", time.Minute, time.Second))
		defer r.Close()
		time.Sleep(10 * time.Minute)
		if f, s := fast.runs.Load(), slow.runs.Load(); f < 90 || f > 160 || s < 8 || s > 14 {
			t.Errorf("in 10 minutes: every 5 s %d runs, every minute %d", f, s)
		}
		if rep.last() != health.Up {
			t.Error("idle runs prove nothing")
		}
		if c := r.Counts(router.Primary); c[0][OK] < 90 || c[0][Failed] != 0 {
			t.Errorf("%v", c)
		}
	})
}

// A round takes what is there at its end, of runs that began within it.
func TestARoundWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quick, long, rep := &stand{takes: 10 * time.Millisecond}, &stand{takes: 3 * time.Second}, &reports{}
		r := runner(t, rep, watched(quick, "quick", time.Minute, time.Second), watched(long, "long", time.Minute, 10*time.Second))
		defer r.Close()
		time.Sleep(5 * time.Second) // both ran once: up
		quick.fails(context.DeadlineExceeded)
		round := r.Round(router.Primary)
		time.Sleep(time.Second)
		up, results := round.Results()
		if up != health.Down || results[0].State != Failed || results[1].State != Unknown || results[1].Note == "" {
			t.Errorf("%v %+v: an older run was taken for one of the round", up, results)
		}
		time.Sleep(5 * time.Second)
		if up, results = round.Results(); up != health.Up || results[1].State != OK {
			t.Errorf("later %v %+v", up, results)
		}
		if rep.last() != health.Up {
			t.Error("the late result was not reported")
		}
	})
}

// A run under way when the round begins is not of it.
func TestARunThatBeganBeforeTheRoundIsNotOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, rep := &stand{takes: 2 * time.Second}, &reports{}
		r := runner(t, rep, watched(d, "d", time.Hour, 10*time.Second))
		defer r.Close()
		time.Sleep(time.Second)
		round := r.Round(router.Primary)
		time.Sleep(1500 * time.Millisecond) // the first run has ended
		if up, _ := round.Results(); up != health.Unknown {
			t.Errorf("%v", up)
		}
		time.Sleep(2 * time.Second)
		if up, _ := round.Results(); up != health.Up {
			t.Errorf("%v after its own run", up)
		}
	})
}

func TestStaleResultsAreUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, rep := &stand{}, &reports{}
		r := runner(t, rep, watched(d, "d", time.Minute, time.Second))
		time.Sleep(time.Second)
		r.Close()
		if got := r.Latest(router.Primary)[0]; got.State != OK || got.Up != health.Up {
			t.Errorf("%+v", got)
		}
		time.Sleep(3 * time.Minute)
		if got := r.Latest(router.Primary)[0]; got.State != Unknown || got.Up != health.Unknown || !strings.HasPrefix(got.Note, "stale") {
			t.Errorf("%+v", got)
		}
	})
}

// An older Up covers no newer silence, and a newer one ends it.
func TestWhatIdleRunsProveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, rep := &stand{}, &stand{}, &reports{}
		r := runner(t, rep, watched(a, "a", 5*time.Second, time.Second), watched(b, "b", 5*time.Second, time.Second))
		defer r.Close()
		time.Sleep(20 * time.Second)
		a.fails(context.DeadlineExceeded)
		time.Sleep(20 * time.Second)
		if rep.last() != health.Up {
			t.Error("one of two is up: the host is there")
		}
		b.fails(context.DeadlineExceeded)
		time.Sleep(20 * time.Second)
		if rep.last() != health.Down {
			t.Error("both are silent")
		}
	})
}

func TestOperatorsRoundWaitsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, rep := &stand{takes: 3 * time.Second}, &reports{}
		r := runner(t, rep, watched(d, "d", time.Hour, 10*time.Second))
		defer r.Close()
		if up, results := r.Round(router.Primary).Wait(t.Context()); up != health.Up || len(results) != 1 {
			t.Errorf("%v %+v", up, results)
		}
		limit, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if up, _ := r.Round(router.Primary).Wait(limit); up != health.Unknown {
			t.Errorf("%v before the run has ended", up)
		}
		if up, results := r.Round(router.Secondary).Wait(t.Context()); up != health.Unknown || len(results) != 0 {
			t.Errorf("%v %+v of a server without checks", up, results)
		}
	})
}

// More plugins than may run at once: the rest is Unknown and counted, and each
// gets its turn.
func TestPluginsAtOnceAreBounded(t *testing.T) {
	var checks []Check
	for range 3 * maxPlugins {
		checks = append(checks, Check{
			Type: "exec", Name: "x", OfHost: true, Every: time.Minute, Timeout: 300 * time.Millisecond,
			Command: []string{"/bin/sleep", "60"},
		})
	}
	p := Plan{Target: func(router.Server) (Target, bool) { return here, true }}
	p.Checks[router.Primary] = checks
	r := NewRunner(p)
	r.Start()
	defer r.Close()
	limit, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if up, _ := r.Round(router.Primary).Wait(limit); up != health.Unknown || limit.Err() != nil {
		t.Fatal(up, limit.Err())
	}
	if r.Shed() == 0 {
		t.Error("nothing found no room: the bound is not there")
	}
	if now, most := r.Running(); now > most {
		t.Errorf("%d of %d", now, most)
	}
}

func TestNoAddressAndPanic(t *testing.T) {
	var caught atomic.Int64
	p := Plan{Target: func(s router.Server) (Target, bool) { return here, s == router.Primary }, Caught: func(any) { caught.Add(1) }}
	p.Checks[router.Primary] = []Check{watched(broken{}, "p", time.Minute, time.Second)}
	p.Checks[router.Secondary] = []Check{watched(&stand{}, "s", time.Minute, time.Second)}
	r := NewRunner(p)
	r.Start()
	defer r.Close()
	_, results := r.Round(router.Primary).Wait(t.Context())
	if caught.Load() == 0 || results[0].State != Unknown {
		t.Errorf("a panic: %+v", results)
	}
	if _, results = r.Round(router.Secondary).Wait(t.Context()); results[0].State != Unknown || results[0].Note != "no address of the server is known" {
		t.Errorf("%+v", results)
	}
}

type broken struct{}

func (broken) Ask(context.Context, Question) (string, error) { panic("a fault of ours") }
