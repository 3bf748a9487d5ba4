//go:build mutants

// Command run walks every state of the mind of a node, or of two with their
// lease, in small hostile worlds, then breaks its rules one by one and shows
// that the walk notices. Build with -tags mutants. The last line is one JSON
// object.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"releve/testbed/explore"
)

type last struct {
	States        int     `json:"states"`
	Violations    int     `json:"violations"`
	Mutants       int     `json:"mutants"`
	MutantsCaught int     `json:"mutants_caught"`
	Scenes        int     `json:"scenes"`
	Complete      bool    `json:"complete"`
	Seconds       float64 `json:"seconds"`
	Depth         int     `json:"depth"`
	Ticks         int     `json:"ticks_to_goal"`
	PeakMB        int     `json:"peak_mb"`

	long bool
}

func main() {
	budget := flag.Duration("budget", 10*time.Minute, "longest time for all walks; one that it cuts short fails")
	workers := flag.Int("workers", runtime.NumCPU(), "workers of a walk")
	memory := flag.Int("memory", 3<<30, "bytes for the states of one walk; a third more is used beside them")
	broken := flag.Bool("mutants", true, "walk the broken machines, too")
	long := flag.Bool("long", false, "walk the scenes in which all faults meet, too: raise -budget and -memory")
	beyond := flag.Bool("beyond", false, "walk nothing but the scene too large to have been seen whole")
	only := flag.String("only", "", "walk only scenes whose name has this in it")
	profile := flag.String("profile", "", "write a CPU profile there")
	flag.Parse()

	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "explore: no profile:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	start := time.Now()
	lim := explore.Limits{Until: start.Add(*budget), Workers: *workers, Bytes: *memory, Frontier: int64(*memory / 8)}
	debug.SetMemoryLimit(int64(*memory) * 4 / 3)
	l := last{Complete: true, long: *long}
	if *broken {
		for _, m := range explore.Mutants() {
			l.mutant(m, lim)
		}
	}
	scenes := explore.Scenes(*long)
	if *beyond {
		scenes, l.long = explore.Beyond(), true
	}
	for _, s := range scenes {
		if strings.Contains(s.Name, *only) {
			l.walk(s, lim)
		}
	}
	l.Seconds = time.Since(start).Round(10 * time.Millisecond).Seconds()
	line, err := json.Marshal(l)
	if err != nil {
		fmt.Fprintln(os.Stderr, "explore:", err)
		os.Exit(1)
	}
	fmt.Println(string(line))
	if l.Violations > 0 || l.MutantsCaught < l.Mutants || l.States == 0 || !l.Complete {
		pprof.StopCPUProfile()
		os.Exit(1)
	}
}

// walk walks a scene. One that found no time proves nothing: it fails.
func (l *last) walk(s explore.Space, lim explore.Limits) {
	if l.long {
		shown := time.Now()
		lim.Progress = func(faults, steps, states, bytes int) {
			if time.Since(shown) > time.Minute {
				shown = time.Now()
				fmt.Printf("  … %d faults, %d steps: %d states, %d MB\n", faults, steps, states, bytes>>20)
			}
		}
	}
	r := explore.Run(explore.New(s), lim)
	fmt.Printf("%s (%s): %d states, %d transitions, %d steps, %d goal states, at most %d ticks to the goal, complete %v, %d MB, %.1f s\n",
		s.Name, s.Budget, r.States, r.Edges, r.Depth, r.Goals, r.Ticks, r.Complete, r.Bytes>>20, r.Took.Seconds())
	l.Scenes++
	l.States += r.States
	l.Depth = max(l.Depth, r.Depth)
	l.Ticks = max(l.Ticks, r.Ticks)
	l.PeakMB = max(l.PeakMB, peak())
	l.Complete = l.Complete && r.Complete
	switch {
	case r.Err != nil:
		l.Violations++
		fmt.Printf("  => %v\n", r.Err)
	case r.Broken != "":
		l.Violations++
		show(r)
	case r.States < 2:
		l.Violations++
		fmt.Println("  => no time was left for this walk: raise -budget")
	}
	debug.FreeOSMemory()
}

// peak is the most memory that this process has had, in MB.
func peak() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kb int
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		return 0
	}
	return kb >> 10
}

// mutant walks a broken machine in a world just hostile enough.
func (l *last) mutant(m explore.Mutant, lim explore.Limits) {
	s := explore.New(m.Space)
	explore.SetMutant(m.Number)
	defer explore.SetMutant(0)
	l.Mutants++
	lim.Shortest = true
	r := explore.Run(s, lim)
	if !strings.HasPrefix(r.Broken, m.By) {
		fmt.Printf("mutant %d (%s): %s must show it, and it is %q\n", m.Number, m.What, m.By, r.Broken)
		show(r)
		return
	}
	if r.Broken == "" {
		fmt.Printf("mutant %d (%s): SURVIVES after %d states, complete %v\n", m.Number, m.What, r.States, r.Complete)
		return
	}
	l.MutantsCaught++
	fmt.Printf("mutant %d (%s; %s): caught after %d states, %d steps, %.1f s\n", m.Number, m.What, s.Budget, r.States, r.Depth+1, r.Took.Seconds())
	show(r)
}

func show(r explore.Result) {
	for i, t := range r.Trace {
		fmt.Printf("  %2d %s\n", i, t)
	}
	fmt.Printf("  => %s\n", r.Broken)
}
