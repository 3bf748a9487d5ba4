package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"releve/testbed/node"
)

// Options of a soak.
type Options struct {
	Binary  string
	Minutes float64 // of calls and faults after the warm-up; above 0
	Seed    uint64  // of the calls and the order of the faults
	Out     io.Writer
}

// Report is the last line.
type Report struct {
	Minutes float64 `json:"minutes"`
	Calls
	Faults         int    `json:"faults"`
	Switchovers    int    `json:"switchovers"`
	RSSGrowth      int64  `json:"rss_growth_kb"`
	Goroutines     int    `json:"goroutine_growth"`
	Descriptors    int    `json:"descriptor_growth"`
	MostBindings   int    `json:"max_bindings_at_once"`
	Panics         int    `json:"panics"`
	Seed           uint64 `json:"seed"`
	Passed         bool   `json:"passed"`
	RSSBefore      int64  `json:"rss_kb"`
	LeftInProgress int    `json:"left_in_progress"`
}

// reading is what the node holds at one quiet moment.
type reading struct {
	node.Usage
	goroutines int
	left       int // calls, held calls, lines and transactions in progress
	panics     int
}

// rssRoom is how much larger the resident set may be after the soak than after
// the warm-up. Our choice: the collector gives pages back late, and a heap that
// swings between half and full (GOGC) is no leak; one that grows by a third is.
func rssRoom(before int64) int64 { return before/3 + 8<<20 }

// Run soaks the binary; the error says what kept it from a result.
func Run(ctx context.Context, o Options) (r Report, err error) {
	dir, err := os.MkdirTemp("", "releve-soak-")
	if err != nil {
		return r, fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	s := &site{binary: o.Binary, dir: dir}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return r, err
	}
	random := rand.New(rand.NewPCG(o.Seed, 2))
	list := faults()
	say := func(format string, a ...any) { fmt.Fprintf(o.Out, format+"\n", a...) }

	say("warm-up: calls, and %d faults one after the other", len(list))
	warm, err := s.rounds(ctx, o, random, list, 0)
	if err != nil {
		return r, err
	}
	before, err := s.quiet(ctx)
	if err != nil {
		return r, err
	}
	say("quiet: %d KiB, %d goroutines, %d descriptors", before.RSS>>10, before.goroutines, before.FDs)
	soaked, err := s.rounds(ctx, o, random, list, time.Duration(o.Minutes*float64(time.Minute)))
	if err != nil {
		return r, err
	}
	after, err := s.quiet(ctx)
	if err != nil {
		return r, err
	}
	say("quiet: %d KiB, %d goroutines, %d descriptors", after.RSS>>10, after.goroutines, after.FDs)

	r = Report{
		Minutes: o.Minutes, Calls: warm.calls.plus(soaked.calls), Faults: warm.faults + soaked.faults, Seed: o.Seed,
		RSSBefore: before.RSS >> 10, RSSGrowth: (after.RSS - before.RSS) >> 10,
		Goroutines: after.goroutines - before.goroutines, Descriptors: after.FDs - before.FDs,
		MostBindings: s.ipbx.MaxBindingsAtOnce("5001", "5002"), Panics: after.panics, LeftInProgress: after.left,
	}
	var now status
	if err := s.node.JSON(ctx, "/api/v1/status", &now); err != nil {
		return r, err
	}
	r.Switchovers = now.Counters.Switchovers
	for _, l := range append(warm.lost, soaked.lost...) {
		say("lost: %s", l)
	}
	r.Passed = r.Lost == 0 && r.Answered > 0 && r.Switchovers > 0 && r.Panics == 0 && r.LeftInProgress == 0 && r.MostBindings == 1 &&
		r.Goroutines <= 0 && r.Descriptors <= 0 && after.RSS-before.RSS <= rssRoom(before.RSS)
	return r, nil
}

// outcome is what a stretch of the soak came to.
type outcome struct {
	calls  Calls
	lost   []string
	faults int
}

// rounds offers calls while faults come in an order of their own each round,
// with a breath between two; for d, or one round when d is 0.
func (s *site) rounds(ctx context.Context, o Options, random *rand.Rand, list []fault, d time.Duration) (out outcome, err error) {
	offering, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		out.calls, out.lost = load(offering, s, random.Uint64())
	}()
	count, start := 0, time.Now()
	for err == nil && (d == 0 && count == 0 || time.Since(start) < d) {
		for _, i := range random.Perm(len(list)) {
			if d > 0 && time.Since(start) >= d {
				break
			}
			if err = errors.Join(pause(ctx, time.Second), s.alive()); err != nil {
				break
			}
			fmt.Fprintf(o.Out, "%7.1fs  %s\n", time.Since(start).Seconds(), list[i].name)
			if err = list[i].run(ctx, s); err != nil {
				err = fmt.Errorf("fault %q: %w", list[i].name, err)
				break
			}
			count++
		}
	}
	stop()
	<-done
	out.faults = count
	return out, err
}

func (s *site) alive() error {
	select {
	case <-s.node.Done():
		return fmt.Errorf("the node ended; it said:\n%s", s.node.Log())
	default:
		return nil
	}
}

// tails is how long the last transaction may linger (64*T1, RFC 3261 §17), and
// what the idle connections and pools need.
const tails = 2 * time.Minute

// quiet waits until nothing is in progress and every goroutine of the last
// calls has ended, then reads.
func (s *site) quiet(ctx context.Context) (reading, error) {
	limit, cancel := context.WithTimeout(ctx, tails)
	defer cancel()
	var last reading
	err := until(limit, func() (bool, error) {
		now, err := s.read(ctx)
		still := err == nil && now.left == 0 && now.goroutines == last.goroutines && now.FDs == last.FDs
		last = now
		return still, errors.Join(err, pause(ctx, time.Second))
	}, "nothing is in progress")
	if limit.Err() != nil {
		err = nil // what is left is in the reading, and fails the soak
	}
	return last, err
}

// inProgress are the series that count what must end with the calls.
var inProgress = []string{"releve_calls_active", "releve_lines_reserved", "releve_calls_waiting", "releve_transactions"}

func (s *site) read(ctx context.Context) (r reading, err error) {
	if r.Usage, err = s.node.Usage(); err != nil {
		return r, err
	}
	m, err := s.node.Metrics(ctx)
	if err != nil {
		return r, err
	}
	for _, name := range inProgress {
		r.left += int(sum(m, name))
	}
	g, ok := m["releve_goroutines"]
	if !ok {
		return r, errors.New("the node does not say how many goroutines it has")
	}
	r.goroutines, r.panics = int(g), int(m["releve_faults_total"])
	return r, nil
}

func (c Calls) plus(d Calls) Calls {
	return Calls{
		c.Offered + d.Offered, c.Answered + d.Answered, c.Refused + d.Refused,
		c.Given + d.Given, c.Placed + d.Placed, c.Lost + d.Lost,
	}
}
