package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"releve/testbed/nameserver"
)

// pausing are those in which a machine stands still for a while.
func pausing() []situation {
	server := func(name string, d time.Duration, truth Truth, verdicts ...string) situation {
		s := situation{name: name, state: "pause", truth: truth, verdicts: verdicts}
		s.script = lasts(d, stop(primary), each(proceed(primary), wait(6*time.Second)))
		return s
	}
	hop := func(name string, d time.Duration) situation {
		s := situation{name: name, state: "own machine", truth: MustNot}
		s.script = lasts(d, pauseHop, each(resumeHop, wait(8*time.Second)))
		return s
	}
	all := []situation{
		server("primary paused 1 s", time.Second, MustNot),
		server("primary paused 5 s", 5*time.Second, MustNot),
		server("primary paused 30 s", 30*time.Second, MustSwitch, deadAlone, deadHost),
		hop("hop paused 1 s", time.Second),
		hop("hop paused 8 s", 8*time.Second),
		hop("hop paused 30 s", 30*time.Second),
	}
	all[4].short = true
	return append(all,
		situation{
			name: "hop paused in mid-verification, the primary is back when it wakes", state: "own machine", truth: MustNot,
			script: lasts(8*time.Second, each(
				kill(primary), wait(1200*time.Millisecond), pauseHop, begin(primary), wait(8*time.Second), resumeHop), nothing),
		},
		situation{
			name: "hop paused 15 s, the primary is killed meanwhile", state: "dead process", truth: MustSwitch, verdicts: []string{deadApp},
			within: 45 * time.Second,
			script: until(45*time.Second, each(pauseHop, wait(3*time.Second), kill(primary), wait(12*time.Second), resumeHop)),
		},
	)
}

func pauseHop(_ context.Context, w *world) error  { return w.hop.pause() }
func resumeHop(_ context.Context, w *world) error { return w.hop.resume() }

// storeSize is room for a start and some calls.
const storeSize = 1 << 20

// moving are those of Relève's own house.
func moving() []situation {
	const own = "its own store and journal"
	small := func(w *world) error {
		dir := filepath.Join(w.dir, "store")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the store: %w", err)
		}
		return w.hosts[hostHop].Small(dir, 64*storeSize)
	}
	return []situation{
		{
			name: "store on a full disk", state: "own store", truth: MustNot, verdicts: []string{healthy}, only: own,
			set:    settings{prepare: small},
			script: lasts(10*time.Second, fill, unfill),
		},
		{
			name: "store on a full disk, primary killed", state: "own store", truth: May, only: own,
			set:    settings{prepare: small},
			script: lasts(12*time.Second, each(fill, wait(2*time.Second), kill(primary)), each(unfill, begin(primary))),
		},
		{
			name: "DNS gone", state: "well", truth: MustNot, verdicts: []string{healthy}, only: "names are for the hop that has them",
			set:    settings{names: true},
			script: lasts(25*time.Second, dns(true), dns(false)),
		},
		{
			name: "DNS gone, primary killed", state: "dead process", truth: MustSwitch, verdicts: []string{deadApp}, only: "names are for the hop that has them",
			set:    settings{names: true},
			script: each(dns(true), wait(8*time.Second), until(standardWithin, kill(primary))),
		},
		{
			name: "observation: primary killed, act: false", state: "dead process", truth: MustNot, verdicts: []string{deadApp},
			only:   "observation is no mode of its",
			set:    settings{observe: true},
			script: lasts(10*time.Second, kill(primary), begin(primary)),
		},
		{
			name: "hop killed and restarted", state: "own process", truth: MustNot,
			set:    settings{rate: 1, talk: 500 * time.Millisecond},
			script: lasts(10*time.Second, each(callers(false), wait(2*time.Second), restartHop, callers(true)), nothing),
		},
		{
			name: "hop restarted while the primary is killed", state: "dead process", truth: MustSwitch, verdicts: []string{deadApp},
			within: 30 * time.Second,
			script: each(callers(false), wait(2*time.Second), until(30*time.Second, each(kill(primary), restartHop, callers(true)))),
		},
	}
}

func restartHop(ctx context.Context, w *world) error {
	w.hop.kill()
	return w.hop.restart(ctx, w)
}

// fill takes what is left of the store's disk; unfill gives it back.
func fill(_ context.Context, w *world) error {
	return w.hosts[hostHop].Do(func() error {
		f, err := os.Create(filler(w))
		if err != nil {
			return fmt.Errorf("fill the store's disk: %w", err)
		}
		defer f.Close()
		for block := make([]byte, 64<<10); len(block) > 0; {
			if _, err := f.Write(block); err != nil {
				block = block[:len(block)/2] // to the last byte
			}
		}
		return nil
	})
}

func unfill(_ context.Context, w *world) error {
	return w.hosts[hostHop].Do(func() error { return os.Remove(filler(w)) })
}

func filler(w *world) string { return filepath.Join(w.dir, "store", "filler") }

// dns lets the name server fall silent, or speak again.
func dns(gone bool) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error {
		w.names.Behave(nameserver.Behaviour{Silent: gone})
		return nil
	}
}
