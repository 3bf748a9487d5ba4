// Command bench compares Relève with Kamailio and with a relay that parses
// nothing, side by side in one run on one machine: what counts are the ratios.
//
//	sipp caller ─► releve   ─► sipp server       rounds: A B C, C B A, A B C …
//	            ─► kamailio ─►                   so that a busy machine is no
//	            ─► relay    ─►                   candidate's luck
//
// Measured per candidate: CPU per call from the first call to the end of the
// transactions' tails (/proc/PID/stat, children included), failed calls,
// memory per held call once the tails have ended, the post-dial delay that the
// hop adds (a caller and a server of our own: SIPp counts milliseconds), and
// the time from exec to the first OPTIONS answered.
//
// Everything is on loopback. The last line is one JSON object. Exit 1 when a
// bar of the full form does not hold (calls failed at the rate, more CPU than
// Kamailio, more than 8 KiB per held call), or in the short form when a call
// of Relève failed; times never decide the short form.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// Bars of the full form.
const (
	maxRatioKamailio    = 1.0
	maxBytesPerHeldCall = 8192
)

// options of a run.
type options struct {
	rate    int // calls per second
	seconds int // of load per candidate, all rounds together
	held    int // calls held at once; 0: none
	short   bool
	only    string
	binary  string // of Relève
	relay   string // set in the relay's own process: FRONT,BACK,CALLER,SERVER
}

func flags() options {
	o := options{}
	flag.IntVar(&o.rate, "rate", 0, "calls per second (default 1500, short 300)")
	flag.IntVar(&o.seconds, "seconds", 0, "seconds of load per candidate (default 20, short 5)")
	flag.IntVar(&o.held, "held", -1, "calls held at once for the memory figure (default 10000, short 500; 0 leaves it out)")
	flag.BoolVar(&o.short, "short", false, "the form of CI: gates on failed calls only")
	flag.StringVar(&o.only, "only", "", "one candidate: releve, kamailio or relay")
	flag.StringVar(&o.binary, "binary", "bin/releve", "the binary to measure")
	flag.StringVar(&o.relay, "relay", "", "be the relay: FRONT,BACK,CALLER,SERVER")
	flag.Parse()
	pick := func(v *int, unset, full, short int) {
		if *v != unset {
			return
		}
		*v = full
		if o.short {
			*v = short
		}
	}
	pick(&o.rate, 0, 1500, 300)
	pick(&o.seconds, 0, 20, 5)
	pick(&o.held, -1, 10_000, 500)
	return o
}

func main() {
	o := flags()
	if o.relay != "" {
		exit(relay(strings.Split(o.relay, ",")))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := run(ctx, o)
	if err != nil {
		exit(err)
	}
	r.print(os.Stdout)
	missed := r.missed()
	for _, m := range missed {
		fmt.Println("NOT REACHED:", m)
	}
	line, err := json.Marshal(r)
	if err != nil {
		exit(err)
	}
	fmt.Println(string(line))
	if len(missed) > 0 {
		os.Exit(1)
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run measures everything, in a directory of its own that it removes.
func run(ctx context.Context, o options) (*result, error) {
	names := []string{"releve", "kamailio", "relay"}
	if o.only != "" {
		names = []string{o.only}
	}
	dir, err := os.MkdirTemp("", "releve-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir, result: newResult(o)}
	defer b.end()
	if err := b.servers(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context, []string) error{b.load, b.delays, b.hold} {
		if err := step(ctx, names); err != nil {
			return nil, err
		}
	}
	return b.result, nil
}

// bench is one run.
type bench struct {
	options
	dir     string
	result  *result
	running []*process // ended last first, whatever happens
}

func (b *bench) end() {
	for i := len(b.running) - 1; i >= 0; i-- {
		b.running[i].end()
	}
	b.running = nil
}

// servers starts the two voice servers.
func (b *bench) servers(ctx context.Context) error {
	for _, at := range []string{serverHost, standbyHost} {
		p, err := b.sippServer(at)
		if err != nil {
			return err
		}
		if _, err := answersOptions(ctx, probeHost+":0", at+sipPort, p, 5*time.Second); err != nil {
			return fmt.Errorf("sipp as a voice server: %w\n%s", err, p.output())
		}
	}
	return nil
}

// load runs the rounds. All candidates live from the first round to the end of
// the tails; only one is under load at a time.
func (b *bench) load(ctx context.Context, names []string) error {
	all, err := b.start(ctx, names)
	if err != nil {
		return err
	}
	defer b.stop(all)
	rounds := 2
	calls := b.rate * b.seconds / rounds
	for _, c := range all {
		if c.cpuBefore, err = c.cpu(); err != nil {
			return err
		}
	}
	for round := range rounds {
		for i := range all {
			c := all[i]
			if round%2 == 1 {
				c = all[len(all)-1-i]
			}
			if err := b.round(ctx, c, calls); err != nil {
				return err
			}
		}
	}
	if !b.short {
		fmt.Println("waiting for the transactions' tails (34 s) …")
		if err := pause(ctx, tails); err != nil {
			return err
		}
	}
	for _, c := range all {
		if err := b.account(c); err != nil {
			return err
		}
	}
	return nil
}

// tails: 64*T1 is 32 s (RFC 3261 §17), and a little.
const tails = 34 * time.Second

func (b *bench) round(ctx context.Context, c *candidate, calls int) error {
	before, err := c.cpu()
	if err != nil {
		return err
	}
	s, err := b.sippCaller(ctx, c.addr, calls, b.rate, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	after, err := c.cpu()
	if err != nil {
		return err
	}
	size, err := c.memory()
	if err != nil {
		return err
	}
	c.size = max(c.size, size)
	c.calls += s.ok
	c.failed += calls - s.ok
	c.elapsed += s.elapsed
	c.retransmissions += s.retransmissions
	fmt.Printf("%-9s %6d calls, %d failed, %.0f calls/s, %.1f µs of CPU per call during the load\n",
		c.name, calls, calls-s.ok, float64(calls)/s.elapsed.Seconds(), (after-before).Seconds()*1e6/float64(max(s.ok, 1)))
	if s.ok < calls {
		fmt.Print(s.errors)
	}
	return nil
}

// account closes the figures of the load.
func (b *bench) account(c *candidate) error {
	after, err := c.cpu()
	if err != nil {
		return fmt.Errorf("%s ended early: %w\n%s", c.name, err, c.output())
	}
	r := b.result
	r.Calls[c.name], r.Failed[c.name], r.Retransmissions[c.name] = c.calls, c.failed, c.retransmissions
	r.CPU[c.name] = round1((after - c.cpuBefore).Seconds() * 1e6 / float64(max(c.calls, 1)))
	r.Start[c.name] = round1(c.started.Seconds() * 1e3)
	r.RSS[c.name] = c.size >> 10
	if c.name != "releve" {
		return nil
	}
	r.CPS = round1(float64(c.calls+c.failed) / c.elapsed.Seconds())
	return b.recorded(c)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
