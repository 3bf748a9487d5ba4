// Command run plays fault episodes and ends with one line of JSON.
//
//	run -episodes 3000000              so many
//	run -episodes 0 -seconds 60        as many as fit
//	run -seed 7 -episodes 1            one again, shrunk and explained when it fails
//	run -busy 100000                   then busy hours until so many calls have overflowed
//	run -mutants quick                 first the rules that are broken on purpose (build tag mutants)
//	run -episodes 3000000 -file F      in pieces, each a line of F; what is there is not played again
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"releve/testbed/sim"
)

// enough episodes to expect every goal.
const enough = 20_000

// listed bounds the failing seeds that are named.
const listed = 20

// heap is how much garbage may pile up: what lives is little, and a collection
// costs more than it gives back.
const heap = 64 << 20

type options struct {
	episodes, seconds, busy, workers, explained int
	seed                                        uint64
	mutants                                     string
	file, code                                  string
}

func main() {
	var o options
	flag.IntVar(&o.episodes, "episodes", 2000, "how many episodes; 0: as many as -seconds allows")
	flag.IntVar(&o.seconds, "seconds", 0, "stop after so many seconds; 0: no limit")
	flag.IntVar(&o.busy, "busy", 0, "busy overflows to be met after that")
	flag.StringVar(&o.mutants, "mutants", "", "mutants to be found before that: quick, all, or numbers")
	flag.StringVar(&o.file, "file", "", "play in pieces, kept in this file")
	flag.StringVar(&o.code, "code", revision(), "which commit this is: pieces of another one prove nothing of it")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the first episode")
	flag.IntVar(&o.explained, "explained", 3, "failing seeds that are shrunk and told in full")
	flag.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "episodes played at once")
	flag.Parse()
	if o.episodes <= 0 && o.seconds <= 0 {
		fmt.Fprintln(os.Stderr, "give -episodes or -seconds")
		os.Exit(2)
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(heap)
	o.workers = max(o.workers, 1)
	line, good := run(&o)
	out, _ := json.Marshal(line)
	fmt.Println(string(out))
	if !good {
		os.Exit(1)
	}
}

// run is the whole of it: mutants, episodes, busy hours.
func run(o *options) (map[string]any, bool) {
	line := map[string]any{"seed": o.seed}
	good := true
	began := time.Now()
	if o.mutants != "" {
		of, caught := hunt(o.mutants)
		line["mutants"], line["mutants_caught"] = of, caught
		good = of == caught
	}
	if o.file != "" {
		return pieces(o, line, good)
	}
	busy := &sim.Report{}
	if o.busy > 0 {
		busy = until(o, 0, func(r *sim.Report) bool { return r.Busy.Overflows >= o.busy }, sim.Busy)
		fmt.Printf("busy hours: %d calls overflowed while every line was in use, %d of them met a verification, %d false switchovers\n",
			busy.Busy.Overflows, busy.Busy.Verified, busy.Busy.Switched)
		line["busy_overflows"], line["verifications_reached"] = busy.Busy.Overflows, busy.Busy.Verified
		line["false_switchovers"] = busy.Busy.Switched
		good = good && busy.Busy.Switched == 0 && 2*busy.Busy.Verified >= busy.Busy.Overflows
	}
	before, deadline := used(), time.Time{}
	if o.seconds > 0 {
		limit := time.Duration(o.seconds) * time.Second
		deadline = later(began.Add(limit), time.Now().Add(limit/2))
	}
	late := func(*sim.Report) bool { return !deadline.IsZero() && time.Now().After(deadline) }
	r := until(o, o.episodes, late, sim.Episode)
	cpu := used() - before
	fmt.Print(r.Summary())
	failing := tell(o, r.Violations, false)
	failing = append(failing, tell(o, busy.Violations, true)...)
	line["episodes"], line["violations"], line["goals_missed"] = r.Episodes, len(r.Violations)+len(busy.Violations), r.Missed()
	line["episodes_per_cpu_minute"], line["log_hash"] = perMinute(r.Episodes, cpu), fmt.Sprintf("%016x", r.Hash)
	line["switchovers_by_loss_alone"], line["failing_seeds"] = r.ByLoss, failing
	good = good && r.Episodes > 0 && len(r.Violations)+len(busy.Violations) == 0 && (r.Episodes < enough || len(r.Missed()) == 0)
	return line, good
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// tell names the failing seeds and explains the first ones.
func tell(o *options, of []sim.Failure, busy bool) []uint64 {
	failing := []uint64{}
	for i, f := range of {
		if i == listed {
			fmt.Printf("… and %d more failing seeds\n", len(of)-listed)
			break
		}
		failing = append(failing, f.Seed)
		fmt.Printf("seed %d: %s\n", f.Seed, f.Why)
	}
	for _, f := range of[:min(len(of), o.explained)] {
		fmt.Println(sim.Explain(sim.Case{Seed: f.Seed, Busy: busy}))
	}
	return failing
}

// chunk is how many episodes a worker takes at a time.
const chunk = 16

// until plays episodes until there are so many (0: any number), or done says so
// between chunks. Results are entered in the order of the seeds, so that the hash
// does not depend on the number of workers.
func until(o *options, episodes int, done func(*sim.Report) bool, play func(uint64) sim.Result) *sim.Report {
	report := &sim.Report{}
	for (episodes <= 0 || report.Episodes < episodes) && !done(report) {
		n := o.workers * chunk
		if episodes > 0 {
			n = min(n, episodes-report.Episodes)
		}
		results := make([]sim.Result, n)
		var wait sync.WaitGroup
		for w := range o.workers {
			wait.Go(func() {
				for i := w; i < n; i += o.workers {
					results[i] = play(o.seed + uint64(report.Episodes+i))
				}
			})
		}
		wait.Wait()
		for _, e := range results {
			report.Add(e)
		}
	}
	return report
}

// used is the processor time of this process so far.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func perMinute(episodes int, cpu time.Duration) int {
	if cpu <= 0 {
		return 0
	}
	return int(float64(episodes) / cpu.Minutes())
}
