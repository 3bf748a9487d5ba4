package faults

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options of a run.
type Options struct {
	Self    string // path of this program, which knows -party
	Binary  string // of Relève
	Short   bool   // the situations of the short form against Relève alone, and no bars
	Only    string // situations whose name has this in it, and no bars; empty: all
	Workers int    // worlds at once; 0: 8
	Seed    uint64
	Peer    bool // Kamailio beside it
	Out     io.Writer
}

type corpus struct {
	Options
	dir  string
	mu   sync.Mutex // guards Out
	hops []candidate
}

// candidate is a hop to be judged.
type candidate struct {
	name string
	make func() hop
}

// job is one situation against one hop.
type job struct {
	situation *situation
	hop       func() hop
	name      string
	row       int
}

const (
	hopReleve   = "releve"
	hopKamailio = "kamailio"
)

// Run plays the corpus, then what is timed, then the busy overflows; the error
// says what kept it from a result.
func Run(ctx context.Context, o Options) (Report, error) {
	dir, err := os.MkdirTemp("", "releve-faults-")
	if err != nil {
		return Report{}, fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	if o.Workers == 0 {
		o.Workers = 8
	}
	c := &corpus{Options: o, dir: dir, hops: []candidate{{hopReleve, func() hop { return &releve{binary: o.Binary} }}}}
	if o.Peer {
		c.hops = append(c.hops, candidate{hopKamailio, func() hop { return &kamailio{} }})
	}
	jobs := c.jobs()
	if len(jobs) == 0 {
		return Report{}, fmt.Errorf("no situation has %q in its name", o.Only)
	}
	c.print("%d situations, %d worlds at once\n", len(jobs), o.Workers)
	all := c.playAll(ctx, jobs)
	r := c.report(all)
	if o.Short || o.Only != "" {
		r.once(all)
		return r, ctx.Err()
	}
	c.bars(ctx, &r)
	return r, ctx.Err()
}

// once takes the times of detection from the two situations that show them: no
// bar is held against a single one.
func (r *Report) once(all []outcome) {
	for i := range all {
		switch o := &all[i]; {
		case o.hop != hopReleve:
		case o.name == nameKilled:
			r.Killed, r.Repetitions = milliseconds(o.toServed), 1
		case o.name == nameSilent:
			r.Silent, r.Repetitions = milliseconds(o.toServed), 1
		}
	}
}

// jobs are the situations for each hop that has something to show there.
func (c *corpus) jobs() (out []job) {
	for _, h := range c.hops {
		for i, s := range situations() {
			if c.Short && !s.short || !strings.Contains(s.name, c.Only) || h.name != hopReleve && s.only != "" {
				continue
			}
			out = append(out, job{&s, h.make, h.name, i})
		}
	}
	return out
}

// bars measures what is timed and what is counted, for each hop.
func (c *corpus) bars(ctx context.Context, r *Report) {
	for _, h := range c.hops {
		sum := &r.Sum
		if h.name != hopReleve {
			sum = r.Kamailio
		}
		c.print("\n%s: first call served by the secondary after the fault, %d repetitions each; then busy overflows at 5 %% loss", h.name, repetitions)
		all := c.playAll(ctx, detectionJobs(h.name, h.make))
		named := detections()
		killed, n := worst(all, h.name, named[0].name)
		silent, m := worst(all, h.name, named[1].name)
		c.print("  %-9s process killed: %s s; host silent: %s s", h.name, percentiles(all, h.name, named[0].name), percentiles(all, h.name, named[1].name))
		sum.Repetitions, sum.Killed, sum.Silent = min(n, m), milliseconds(killed), milliseconds(silent)
		held := killed <= barKilled && silent <= barSilent
		for i := range all {
			sum.Lost += all[i].calls.Lost
			held = held && !all[i].failed()
		}
		busy := c.busyAll(ctx, h.name, h.make)
		sum.BusyOverflows, sum.BusyReached, sum.FalseBusy = busy.Overflows, busy.Reached, busy.Switchovers
		sum.Lost += busy.Lost
		held = held && busy.err == nil && busy.Switchovers == 0 && busy.Lost == 0 && busy.Overflows >= 2000 && 2*busy.Reached >= busy.Overflows
		if h.name == hopReleve {
			r.Passed = r.Passed && held
		}
	}
}

func milliseconds(d time.Duration) int64 { return d.Milliseconds() }

// parallel runs n tasks, so many at once as there are workers.
func (c *corpus) parallel(n int, task func(i int)) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(c.Workers, n) {
		workers.Go(func() {
			for i := range next {
				task(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
}

// playAll plays the jobs and says how each went.
func (c *corpus) playAll(ctx context.Context, jobs []job) []outcome {
	out := make([]outcome, len(jobs))
	c.parallel(len(jobs), func(i int) {
		j := jobs[i]
		out[i] = c.play(ctx, j.situation, j.hop(), j.name, c.Seed+uint64(j.row))
		if j.row < 1000 || out[i].failed() {
			c.say(&out[i])
		}
	})
	slices.SortStableFunc(out, func(a, b outcome) int { return strings.Compare(b.hop, a.hop) })
	return out
}

// say prints an outcome when it is known.
func (c *corpus) say(o *outcome) {
	c.print("%s", o.line())
	if o.err != nil {
		c.print("    %v", o.err)
	}
	c.tellLost("", o.lost)
}

func (c *corpus) tellLost(where string, lost []string) {
	for _, l := range lost {
		c.print("    lost: %s %s", where, l)
	}
}

func (c *corpus) print(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.Out, format+"\n", args...)
}

func seconds(d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", d.Seconds())
}
