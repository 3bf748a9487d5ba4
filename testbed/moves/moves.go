package moves

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Options of a run.
type Options struct {
	Binary string
	Moves  int    // in all; the worlds share them
	Seed   uint64 // of the troubles
	Short  bool   // few worlds, the troubles that matter most
	Keep   bool   // the directories stay, with a trace of every datagram
	World  int    // this one alone; -1: all
	Only   string // this trouble alone; "": all
	Out    io.Writer
}

// worlds are the settings of a run, each in a world of its own.
func worlds(short bool) []setting {
	if short {
		return []setting{
			{mode: pair, grant: 5, deck: []string{"none", "kill -9", "primary fails", "registrar forgets"}},
			{mode: pair, grant: 5, kamailio: true, deck: []string{"none", "loss", "kill -9 twice", "registrar restarts"}},
			{mode: pair, grant: 5, deck: []string{"loss", "silence", "all at once", "none"}},
			{mode: gateKeeps, grant: 5, kamailio: true, deck: []string{"none", "kill -9", "registrar forgets", "short silence"}},
			{mode: gatePasses, grant: 5, deck: []string{"none", "loss"}},
			{mode: gatePasses, grant: 5, kamailio: true, deck: []string{"kill -9", "none"}},
		}
	}
	return []setting{
		{mode: pair, grant: 5},
		{mode: pair, grant: 5},
		{mode: pair, grant: 5, kamailio: true},
		{mode: pair, grant: 5, kamailio: true, nonceLife: 2},
		{mode: gateKeeps, grant: 5},
		{mode: gateKeeps, grant: 5, kamailio: true},
		{mode: gatePasses, grant: 5},
		{mode: gatePasses, grant: 5, kamailio: true},
		{mode: pair, grant: 5},
		{mode: pair, grant: 5, kamailio: true},
		{mode: pair, grant: 40},
		{mode: pair, grant: 40, kamailio: true},
	}
}

// Run makes the moves; the error says what kept it from a result.
func Run(ctx context.Context, o Options) (Report, error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "releve-moves-")
	if err != nil {
		return Report{}, fmt.Errorf("make a directory: %w", err)
	}
	if o.Keep {
		fmt.Fprintf(o.Out, "directories: %s\n", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	r := &run{Options: o, todo: o.Moves, report: Report{Seed: o.Seed, Registrars: []string{"testbed", "kamailio"}}}
	fmt.Fprintf(o.Out, "seed %d\n", o.Seed)
	var all sync.WaitGroup
	for i, s := range worlds(o.Short) {
		if o.World >= 0 && o.World != i {
			continue
		}
		if o.Only != "" {
			s.deck = slices.Repeat([]string{o.Only}, o.Moves)
		}
		all.Go(func() {
			if err := r.world(ctx, s, place{os.Getpid(), i}, filepath.Join(dir, fmt.Sprintf("world%d", i))); err != nil {
				r.fail(fmt.Errorf("world %d (%s): %w", i, s, err))
			}
		})
	}
	all.Wait()
	r.report.Seconds = time.Since(began).Seconds()
	return r.finish(), errors.Join(r.errs...)
}

// run is what the worlds share.
type run struct {
	Options

	mu     sync.Mutex // guards what follows, and Out
	todo   int
	moves  []Move
	report Report
	errs   []error
}

func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

// take claims one of the moves that are left to make.
func (r *run) take() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.todo--
	return r.todo >= 0
}

// world lives until the moves are made, or its deck is used up in a short run;
// it ends at a move that does not.
func (r *run) world(ctx context.Context, s setting, p place, dir string) (err error) {
	w, err := newWorld(ctx, s, p, r.Options, dir)
	defer func() { err = errors.Join(err, w.close()) }()
	if err != nil {
		return err
	}
	for n := 0; (!r.Short || n < len(s.deck)) && ctx.Err() == nil && r.take(); n++ {
		to := 1 - n%2
		m := w.move(ctx, to, w.choose(to))
		r.done(n, m)
		if !m.Ended {
			return r.judge(w)
		}
	}
	if err := r.judge(w); err != nil || ctx.Err() != nil {
		return err
	}
	return w.sees(ctx)
}

// judge adds what the registrar of a world says of its whole life.
func (r *run) judge(w *world) error {
	spans, err := w.reg.spans()
	_, longest := overlap(spans, time.Now())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Overlap = max(r.report.Overlap, ms(longest))
	r.report.Kills += w.kills
	r.report.Restarts += w.restarts
	r.report.RegistrarRestarts += w.registrarRestarts
	if longest > 0 {
		fmt.Fprintf(r.Out, "world %d (%s): both users were bound for %s\n", w.world, w.setting, longest)
		for _, s := range spans {
			fmt.Fprintf(r.Out, "  %s %s – %s\n", s.User, s.From.Format(stamp), s.To.Format(stamp))
		}
	}
	return err
}

const stamp = "15:04:05.000000"

func (r *run) done(n int, m Move) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moves = append(r.moves, m)
	how := ""
	if m.fenced() {
		how = fmt.Sprintf("  fence %s of %s", round(m.Waited), round(m.Stated))
	}
	fmt.Fprintf(r.Out, "%s  world %2d move %2d to %-9s  %-22s  bound after %8s  nobody bound %8s%s\n",
		time.Now().Format(time.TimeOnly), m.World, n+1, m.To, m.Trouble, round(m.Took), round(m.Gap), how)
	if !m.Ended {
		fmt.Fprintf(r.Out, "NOT ENDED (%s): %s\n", m.Setting, m.Failure)
	}
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
