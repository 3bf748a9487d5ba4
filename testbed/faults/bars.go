package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"releve/testbed/lan"
)

// The bars of detection: N = 3, spacing 1 s, one node, 30 repetitions each, of
// which the worst counts.
const (
	repetitions = 30
	barKilled   = 3 * time.Second
	barSilent   = 8 * time.Second
)

// detections are the two situations that are timed, each in a world of its own
// per repetition; the fault comes at a random instant of the probing.
func detections() [2]situation {
	timed := func(name string, verdicts []string, do func(context.Context, *world) error) situation {
		return situation{
			name: name, state: "timed", truth: MustSwitch, verdicts: verdicts,
			set:    settings{rate: 4, lines: 30},
			script: each(anInstant, until(standardWithin, do)),
		}
	}
	return [2]situation{
		timed("timed: process killed", []string{deadApp}, kill(primary)),
		timed("timed: host silent", []string{deadAlone, deadHost}, primaryLink(lan.Link{Cut: true})),
	}
}

func anInstant(ctx context.Context, _ *world) error {
	return pause(ctx, time.Duration(rand.Int64N(int64(5*time.Second))))
}

// detectionJobs are the repetitions against one hop.
func detectionJobs(name string, h func() hop) (out []job) {
	for _, s := range detections() {
		for i := range repetitions {
			out = append(out, job{&s, h, name, 1000 + i})
		}
	}
	return out
}

// worst is the longest time to the first call that the secondary served; a
// repetition in which none was is as long as a situation.
func worst(all []outcome, hop, name string) (most time.Duration, n int) {
	for i := range all {
		o := &all[i]
		if o.hop != hop || o.name != name {
			continue
		}
		n++
		took := o.toServed
		if took <= 0 {
			took = playLimit
		}
		most = max(most, took)
	}
	return most, n
}

// busyWorld is one kind of world with a primary whose lines are full.
type busyWorld struct {
	name  string
	set   settings
	count int // overflows wanted
}

// busyWorlds: at the overflow entry each call waits for a verification. They
// come further apart than a ruling stays young, so that nearly each has one of
// its own. Inline our own count explains them at once. Together 2,160.
func busyWorlds() (out []busyWorld) {
	for range 8 {
		out = append(out, busyWorld{"at the entry", settings{lines: 4, talk: 6 * time.Second, rate: 1.8, overflow: true, spacing: 500 * time.Millisecond}, 170})
	}
	for range 2 {
		out = append(out, busyWorld{"inline", settings{lines: 4, talk: 6 * time.Second, rate: 10}, 400})
	}
	return out
}

// BusyRun is what calls to a busy primary came to.
type BusyRun struct {
	Overflows     int // refused for want of a line, as the IPBX saw it
	Reached       int // calls of that world that were held for a verification
	Verifications int
	Switchovers   int
	Lost          int
	err           error
}

// busyRun keeps the lines of a primary full, at 5 % loss, until enough calls
// have overflowed.
func (c *corpus) busyRun(ctx context.Context, h hop, b busyWorld, seed uint64) (r BusyRun) {
	dir, err := os.MkdirTemp(c.dir, "busy-")
	if err != nil {
		return BusyRun{err: err}
	}
	w, err := openWorld(ctx, c.Self, dir, b.set, h, seed)
	if err != nil {
		return BusyRun{err: err}
	}
	w.began = time.Now()
	stopLoad := w.load(ctx)
	_ = everyLink(lan.Link{Loss: 0.05})(ctx, w) // it cannot fail
	w.fault()
	limit, cancel := context.WithTimeout(ctx, busyLimit)
	defer cancel()
	enough := w.book.until(limit, func() bool { calls, _, _ := w.book.snapshot(); return calls.Dissuaded >= b.count })
	err = stopLoad()
	if !enough {
		err = errors.Join(err, fmt.Errorf("fewer than %d busy overflows within %s", b.count, busyLimit))
	}
	calls, lost := w.settle(ctx)
	r.Overflows, r.Lost = calls.Dissuaded, calls.Lost
	c.tellLost("busy overflows", lost)
	moved, e := h.moved(ctx, w)
	r.Switchovers, err = moved, errors.Join(err, e)
	if p, ok := h.(*releve); ok {
		s, e := p.status(ctx)
		r.Reached, r.Verifications, err = s.Counters.Held, s.Counters.Verifications, errors.Join(err, e)
	}
	r.err = errors.Join(err, w.close())
	return r
}

const busyLimit = 4 * time.Minute

// busyAll runs them all and adds them up.
func (c *corpus) busyAll(ctx context.Context, name string, h func() hop) (sum BusyRun) {
	worlds := busyWorlds()
	runs := make([]BusyRun, len(worlds))
	c.parallel(len(runs), func(i int) { runs[i] = c.busyRun(ctx, h(), worlds[i], c.Seed+2000+uint64(i)) })
	for i, r := range runs {
		c.print("  %-9s busy overflows, %-12s %d, %d of them held, %d verifications, %d switchovers, %d lost %s",
			name, worlds[i].name, r.Overflows, r.Reached, r.Verifications, r.Switchovers, r.Lost, orNothing(r.err))
		sum.Overflows += r.Overflows
		sum.Reached += min(r.Reached, r.Overflows) // the rest was held and served
		sum.Verifications += r.Verifications
		sum.Switchovers += r.Switchovers
		sum.Lost += r.Lost
		sum.err = errors.Join(sum.err, r.err)
	}
	return sum
}

func orNothing(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// percentiles of the repetitions, for the reader.
func percentiles(all []outcome, hop, name string) string {
	var took []time.Duration
	for i := range all {
		if o := &all[i]; o.hop == hop && o.name == name {
			took = append(took, o.toServed)
		}
	}
	if len(took) == 0 {
		return "none"
	}
	slices.Sort(took)
	return fmt.Sprintf("%s best, %s median, %s worst of %d", seconds(took[0]), seconds(took[len(took)/2]), seconds(took[len(took)-1]), len(took))
}
