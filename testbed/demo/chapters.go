package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The chapters up to the busy lines; failures.go has those with a death.

// steadyCalls is how many calls of the traffic the first chapter waits for.
const steadyCalls = 20

func (d *demo) steady(ctx context.Context) error {
	err := d.until(ctx, 15*time.Second, wantSteady, func() (bool, string) {
		good, bad, seen := d.servedSoFar(namePrimary)
		return good >= steadyCalls || bad > 0, seen
	})
	if err != nil {
		return err
	}
	var good, bad int
	var seen string
	var setup []time.Duration
	d.book.read(func() {
		good, bad, seen = d.servedSoFar(namePrimary)
		for _, c := range d.book.calls {
			if c.over && c.outcome == Answered {
				setup = append(setup, c.result.Setup)
			}
		}
	})
	if err := d.check(bad == 0, wantSteady, "%s", seen); err != nil {
		return err
	}
	slices.Sort(setup)
	d.done(steadyServed, good, d.took(setup[len(setup)/2]))
	return d.outgoing(ctx, 0, true)
}

// servedSoFar counts ended calls that name answered audibly, and the others,
// the last of which it tells. The book's lock is held.
func (d *demo) servedSoFar(name string) (good, bad int, seen string) {
	for _, c := range d.book.calls {
		switch {
		case !c.over:
		case c.outcome == Answered && c.answeredBy == name:
			good++
		default:
			bad++
			seen = c.fate()
		}
	}
	if bad == 0 {
		seen = fmt.Sprintf("%d calls served", good)
	}
	return good, bad, seen
}

// busy fills every line of the primary and looks at what happens to callers.
func (d *demo) busy(ctx context.Context) error {
	before, err := d.registrarLog(ctx)
	if err != nil {
		return err
	}
	if err := d.traffic.release(ctx); err != nil {
		return err
	}
	d.traffic.pace(calm, false)
	d.busyFrom = time.Now()
	f := &filler{demo: d}
	for _, step := range []func(context.Context, *filler) error{d.fill, d.oneWaits, d.fill, d.tooMany} {
		if err := step(ctx, f); err != nil {
			return err
		}
	}
	if err := f.release(ctx); err != nil {
		return err
	}
	d.traffic.pace(steady, true)
	err = d.until(ctx, patience, wantBudget, func() (bool, string) {
		return d.book.settingUp() == 0, fmt.Sprintf("%d calls without an end", d.book.settingUp())
	})
	if err != nil {
		return err
	}
	d.busyTo = time.Now()
	return d.notSwitched(ctx, len(moves(intervals(before))))
}

func (d *demo) notSwitched(ctx context.Context, movesBefore int) error {
	s, err := d.site.door.status(ctx)
	if err != nil {
		return err
	}
	log, err := d.registrarLog(ctx)
	if err != nil {
		return err
	}
	now := len(moves(intervals(log)))
	if err := d.check(s.Active == "primary" && s.Counters.Switchovers == 0 && now == movesBefore,
		wantNoSwitchover, "%s; %d moves at the registrar", s, now-movesBefore); err != nil {
		return err
	}
	d.done(noSwitchover)
	return nil
}

// filler keeps the conversations that occupy the lines. Used by one goroutine.
type filler struct {
	demo  *demo
	calls []*call
}

// talking drops what ended and counts those that the primary answered and those
// on their way. One that came to the desk instead is hung up: it holds no line.
func (f *filler) talking(ctx context.Context) (answered, coming int, err error) {
	var astray []*call
	f.demo.book.read(func() {
		f.calls = slices.DeleteFunc(f.calls, func(c *call) bool { return c.over })
		for _, c := range f.calls {
			switch {
			case c.answeredAt.IsZero():
				coming++
			case c.answeredBy == namePrimary:
				answered++
			default:
				astray = append(astray, c)
			}
		}
	})
	for _, c := range astray {
		f.demo.book.hear(ctx, c)
		err = errors.Join(err, f.demo.book.hangup(ctx, c))
	}
	return answered, coming, err
}

func (f *filler) release(ctx context.Context) (err error) {
	for _, c := range f.calls {
		err = errors.Join(err, f.demo.book.hangup(ctx, c))
	}
	f.calls = nil
	return err
}

// fill places calls until every line is one of the filler's.
func (d *demo) fill(ctx context.Context, f *filler) error {
	placed, answered := 0, 0
	err := d.poll(ctx, 10*time.Second, wantFull, func(ctx context.Context) (bool, string) {
		var coming int
		var err error
		if answered, coming, err = f.talking(ctx); err != nil {
			return false, err.Error()
		}
		for n := answered + coming; n < lines && placed < 6*lines; n++ {
			c, err := d.book.offer(ctx, 0)
			if err != nil {
				return false, err.Error()
			}
			placed++
			f.calls = append(f.calls, c)
		}
		return answered == lines, fmt.Sprintf("%d conversations after %d calls placed", answered, placed)
	})
	if err == nil {
		d.done(linesFull, answered, lines)
	}
	return err
}

// oneWaits: a caller waits until a line frees; another one hangs up.
func (d *demo) oneWaits(ctx context.Context, f *filler) error {
	c, err := d.book.offer(ctx, 0)
	if err != nil {
		return err
	}
	tired, err := d.book.offer(ctx, 0)
	if err != nil {
		return err
	}
	for _, waiting := range []*call{c, tired} {
		if err := d.waits(ctx, waiting); err != nil {
			return err
		}
	}
	d.mayCancel++
	if err := d.finish(ctx, tired, wantCancelled); err != nil {
		return err
	}
	if err := d.check(tired.result.Status == 487, wantCancelled, "%s", tired.fate()); err != nil {
		return err
	}
	d.done(waitingCancelled)
	if err := d.freeLines(ctx, f, c); err != nil {
		return err
	}
	if err := d.heardBy(ctx, c, holdBudget, namePrimary, wantWaitingServed); err != nil {
		return err
	}
	d.done(waitingServed, d.took(c.waited()))
	f.calls = append(f.calls, c)
	return nil
}

// waits: the call got 100 and, half a second on, still no final.
func (d *demo) waits(ctx context.Context, c *call) error {
	return d.poll(ctx, 3*time.Second, wantWaiting, func(ctx context.Context) (bool, string) {
		r, err := d.book.look(ctx, c)
		return err == nil && r.Trying > 0 && r.Outcome == "" && r.Status == 0 && time.Since(c.offered) > speech,
			fmt.Sprintf("%+v %v", r, err)
	})
}

// freeLines hangs up one conversation after the other until c is answered:
// calls of the traffic may stand before it.
func (d *demo) freeLines(ctx context.Context, f *filler, c *call) error {
	var next time.Time
	return d.poll(ctx, holdBudget, wantWaitingServed, func(ctx context.Context) (bool, string) {
		var answered, over bool
		var fate string
		d.book.read(func() { answered, over, fate = !c.answeredAt.IsZero(), c.over, c.fate() })
		if answered || over || len(f.calls) == 0 {
			return answered, fate
		}
		if now := time.Now(); now.After(next) {
			next = now.Add(speech)
			if err := d.book.hangup(ctx, f.calls[0]); err != nil {
				return false, err.Error()
			}
			f.calls = f.calls[1:]
		}
		return false, fate
	})
}

// tooMany places more callers than may wait: those beyond the list are refused,
// those on it come to the operators when the budget is spent.
func (d *demo) tooMany(ctx context.Context, f *filler) error {
	crowd := make([]*call, 0, 2*lines/4)
	for range cap(crowd) {
		c, err := d.book.offer(ctx, 4*speech)
		if err != nil {
			return err
		}
		crowd = append(crowd, c)
	}
	err := d.until(ctx, patience, wantBudget, func() (bool, string) {
		for _, c := range crowd {
			if !c.over {
				return false, c.fate()
			}
		}
		return true, ""
	})
	if err != nil {
		return err
	}
	return d.crowdFates(crowd)
}

// crowdFates: 486 without being held, or the desk when the budget is spent; nothing else.
func (d *demo) crowdFates(crowd []*call) error {
	var refused, desk []time.Duration
	var fates string
	for _, c := range crowd {
		fates += c.fate() + "; "
		switch c.outcome {
		case Dissuaded:
			refused = append(refused, c.result.Setup)
		case Rescued:
			desk = append(desk, c.waited())
		}
	}
	slices.Sort(refused)
	slices.Sort(desk)
	if err := d.check(len(refused) > 0 && refused[0] < holdBudget/2, wantListFull, "%s", fates); err != nil {
		return err
	}
	d.done(listFull, len(refused), d.took(refused[0]))
	if err := d.check(len(desk) > 0 && desk[0] > holdBudget-time.Second && len(desk)+len(refused) == len(crowd),
		wantBudget, "%s", fates); err != nil {
		return err
	}
	d.done(budgetSpent, len(desk), d.took(desk[0]))
	return nil
}
