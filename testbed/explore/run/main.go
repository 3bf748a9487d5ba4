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
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"releve/router/lease"
	"releve/router/licence"
	"releve/testbed/explore"
)

type last struct {
	States        int     `json:"states"`
	Violations    int     `json:"violations"`
	Mutants       int     `json:"mutants"`
	MutantsCaught int     `json:"mutants_caught"`
	Complete      bool    `json:"complete"`
	Seconds       float64 `json:"seconds"`
	Depth         int     `json:"depth"`
}

func main() {
	budget := flag.Duration("budget", 10*time.Minute, "longest time for all walks; one that it cuts short fails")
	states := flag.Int("states", 20_000_000, "most states of one walk")
	workers := flag.Int("workers", 2, "walks at a time")
	memory := flag.Int64("memory", 6<<30, "bytes to stay below, if it can be done")
	broken := flag.Bool("mutants", true, "walk the broken machines, too")
	long := flag.Bool("long", false, "walk the scenes in which many faults meet, too: raise -budget and -states")
	only := flag.String("only", "", "walk only scenes whose name has this in it")
	flag.Parse()

	debug.SetMemoryLimit(*memory)
	start := time.Now()
	lim := explore.Limits{States: *states, Until: start.Add(*budget)}
	l := last{Complete: true}
	if *broken {
		for _, m := range explore.Mutants() {
			l.mutant(m, lim)
		}
	}
	var scenes []explore.Space
	for _, s := range explore.Scenes(*long) {
		if strings.Contains(s.Name, *only) {
			scenes = append(scenes, s)
		}
	}
	l.walkAll(scenes, lim, *workers)
	l.Seconds = time.Since(start).Round(10 * time.Millisecond).Seconds()
	line, err := json.Marshal(l)
	if err != nil {
		fmt.Fprintln(os.Stderr, "explore:", err)
		os.Exit(1)
	}
	fmt.Println(string(line))
	if l.Violations > 0 || l.MutantsCaught < l.Mutants || l.States == 0 || !l.Complete {
		os.Exit(1)
	}
}

// walkAll walks the scenes, some at a time; each owns its memory.
func (l *last) walkAll(scenes []explore.Space, lim explore.Limits, workers int) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	next := make(chan explore.Space)
	for range workers {
		wait.Go(func() {
			for s := range next {
				began := time.Now()
				r := explore.Run(explore.New(s), lim)
				mu.Lock()
				l.walked(s.Name, r, time.Since(began))
				mu.Unlock()
			}
		})
	}
	for _, s := range scenes {
		next <- s
	}
	close(next)
	wait.Wait()
}

// walked enters a walk. One that found no time proves nothing: it fails.
func (l *last) walked(name string, r explore.Result, took time.Duration) {
	fmt.Printf("%s: %d states, %d transitions, depth %d, %d goal states, complete %v, %.1f s\n",
		name, r.States, r.Edges, r.Depth, r.Goals, r.Complete, took.Seconds())
	l.States += r.States
	l.Depth = max(l.Depth, r.Depth)
	l.Complete = l.Complete && r.Complete
	if r.States < 2 {
		l.Violations++
		fmt.Println("  => no time was left for this walk: raise -budget")
	}
	if r.Broken != "" {
		l.Violations++
		show(r)
	}
}

// mutant walks a broken machine in a world just hostile enough.
func (l *last) mutant(m explore.Mutant, lim explore.Limits) {
	began := time.Now()
	s := explore.New(m.Space)
	licence.SetMutant(m.Number)
	lease.SetMutant(m.Number)
	defer lease.SetMutant(0)
	defer licence.SetMutant(0)
	l.Mutants++
	r := explore.Run(s, lim)
	if r.Broken == "" {
		fmt.Printf("mutant %d (%s): SURVIVES after %d states, complete %v\n", m.Number, m.What, r.States, r.Complete)
		return
	}
	l.MutantsCaught++
	fmt.Printf("mutant %d (%s): caught after %d states, depth %d, %.1f s\n", m.Number, m.What, r.States, r.Depth, time.Since(began).Seconds())
	show(r)
}

func show(r explore.Result) {
	for i, t := range r.Trace {
		fmt.Printf("  %2d %s\n", i, t)
	}
	fmt.Printf("  => %s\n", r.Broken)
}
