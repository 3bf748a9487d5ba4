package faults

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// Options of a run.
type Options struct {
	Self    string // path of this program, which knows -party
	Binary  string // of Relève
	Short   bool   // the situations of the short form against Relève alone
	Only    string // situations whose name has this in it; empty: all
	Workers int    // worlds at once; 0: 8
	Seed    uint64
	Peer    bool // Kamailio beside it
	Out     io.Writer
}

type corpus struct {
	Options
	dir string
	mu  sync.Mutex // guards Out
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

// Run plays the corpus; the error says what kept it from a result.
func Run(ctx context.Context, o Options) (Report, error) {
	dir, err := os.MkdirTemp("", "releve-faults-")
	if err != nil {
		return Report{}, fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	if o.Workers == 0 {
		o.Workers = 8
	}
	c := &corpus{Options: o, dir: dir}
	jobs := c.jobs()
	if len(jobs) == 0 {
		return Report{}, fmt.Errorf("no situation has %q in its name", o.Only)
	}
	outcomes := c.playAll(ctx, jobs)
	return c.report(outcomes), ctx.Err()
}

func (c *corpus) jobs() (out []job) {
	for i, s := range situations() {
		if c.Short && !s.short || !strings.Contains(s.name, c.Only) {
			continue
		}
		out = append(out, job{&s, func() hop { return &releve{binary: c.Binary} }, hopReleve, i})
		if c.Peer && s.only == "" {
			out = append(out, job{&s, func() hop { return &kamailio{} }, hopKamailio, i})
		}
	}
	return out
}

// playAll keeps that many worlds at once.
func (c *corpus) playAll(ctx context.Context, jobs []job) []outcome {
	out := make([]outcome, len(jobs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(c.Workers, len(jobs)) {
		workers.Go(func() {
			for i := range next {
				j := jobs[i]
				out[i] = c.play(ctx, j.situation, j.hop(), j.name, c.Seed+uint64(j.row))
				c.say(&out[i])
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	workers.Wait()
	return out
}

// say prints an outcome when it is known.
func (c *corpus) say(o *outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(c.Out, o.line())
	if o.err != nil {
		fmt.Fprintf(c.Out, "    %v\n", o.err)
	}
	for _, l := range o.lost {
		fmt.Fprintf(c.Out, "    lost: %s\n", l)
	}
}

func seconds(d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", d.Seconds())
}
