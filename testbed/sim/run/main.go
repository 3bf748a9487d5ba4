// Command run plays fault episodes and ends with one line of JSON.
//
//	run -episodes 3000000        so many
//	run -episodes 0 -seconds 60  as many as fit
//	run -seed 7 -episodes 1      one again, explained when it fails
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"releve/testbed/sim"
)

// enough episodes to expect every goal.
const enough = 20_000

// listed bounds the failing seeds that are named.
const listed = 20

func main() {
	episodes := flag.Int("episodes", 2000, "how many episodes; 0: as many as -seconds allows")
	seconds := flag.Int("seconds", 0, "stop after so many seconds; 0: no limit")
	seed := flag.Uint64("seed", 1, "seed of the first episode")
	explained := flag.Int("explained", 3, "failing seeds that are shrunk and told in full")
	workers := flag.Int("workers", runtime.GOMAXPROCS(0), "episodes played at once")
	flag.Parse()
	if *episodes <= 0 && *seconds <= 0 {
		fmt.Fprintln(os.Stderr, "give -episodes or -seconds")
		os.Exit(2)
	}
	r := play(*seed, *episodes, *seconds, max(*workers, 1))
	fmt.Print(r.Summary())
	failing := []uint64{}
	for i, f := range r.Violations {
		if i == listed {
			fmt.Printf("… and %d more failing seeds\n", len(r.Violations)-listed)
			break
		}
		failing = append(failing, f.Seed)
		fmt.Printf("seed %d: %s\n", f.Seed, f.Why)
	}
	for _, f := range r.Violations[:min(len(r.Violations), *explained)] {
		fmt.Println(sim.Explain(sim.Case{Seed: f.Seed}))
	}
	line, _ := json.Marshal(map[string]any{
		"episodes": r.Episodes, "violations": len(r.Violations), "goals_missed": r.Missed(),
		"episodes_per_cpu_minute": perCPUMinute(r.Episodes), "log_hash": fmt.Sprintf("%016x", r.Hash),
		"switchovers_by_loss_alone": r.ByLoss, "seed": *seed, "failing_seeds": failing,
	})
	fmt.Println(string(line))
	if r.Episodes == 0 || len(r.Violations) > 0 || r.Episodes >= enough && len(r.Missed()) > 0 {
		os.Exit(1)
	}
}

// chunk is how many episodes a worker takes at a time.
const chunk = 16

// play runs the workers; results are entered in the order of the seeds, so that
// the hash does not depend on their number.
func play(seed uint64, episodes, seconds, workers int) *sim.Report {
	report := &sim.Report{}
	var deadline time.Time
	if seconds > 0 {
		deadline = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	for done := 0; episodes <= 0 || done < episodes; {
		if seconds > 0 && time.Now().After(deadline) {
			break
		}
		n := workers * chunk
		if episodes > 0 {
			n = min(n, episodes-done)
		}
		results := make([]sim.Result, n)
		var wait sync.WaitGroup
		for w := range workers {
			wait.Go(func() {
				for i := w; i < n; i += workers {
					results[i] = sim.Episode(seed + uint64(done+i))
				}
			})
		}
		wait.Wait()
		for _, e := range results {
			report.Add(e)
		}
		done += n
	}
	return report
}

// perCPUMinute counts the processor time of this process.
func perCPUMinute(episodes int) int {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	used := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	if used <= 0 {
		return 0
	}
	return int(float64(episodes) / used.Minutes())
}
