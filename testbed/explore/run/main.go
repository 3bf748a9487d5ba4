//go:build mutants

// Command run walks every state of the licence machine in a small hostile
// world, then breaks its rules one by one and shows that the walk notices.
// Build with -tags mutants. The last line is one JSON object.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"releve/router/licence"
	"releve/testbed/explore"
)

// scene is one walk of the machine as it is. Each is hostile in its own way
// and walked to the end; the last has at least the budgets of our fault model
// at once: losses without bound, a duplicate, two crashes, a pause, an IPBX
// restart.
type scene struct {
	name   string
	lists  bool
	longer bool
	budget explore.Budget
}

var scenes = []scene{
	{"two moves, two crashes", true, true, explore.Budget{Moves: 2, Crashes: 2}},
	{"two moves, a crash, an unknown save", true, true, explore.Budget{Moves: 2, Crashes: 1, Unknown: 1}},
	{"a move, two unknown saves, slow saves", true, true, explore.Budget{Moves: 1, Unknown: 2, Slow: 2}},
	{"no lists: a move, a crash, a pause", false, true, explore.Budget{Moves: 1, Crashes: 1, Pauses: 1}},
	{"everything at once", true, true, explore.Budget{Moves: 1, Crashes: 2, Dups: 1, Pauses: 1, Restarts: 1}},
}

var mutants = map[int]string{
	1: "a REGISTER is sent before its intent is saved",
	2: "PROVE is accepted while an earlier REGISTER may still arrive",
	3: "a REGISTER is retransmitted without a NotAfter",
	4: "the fence trusts the expiry asked for",
	5: "after a restart nothing is taken to be in flight",
	7: "the fence is lowered while another REGISTER may arrive",
	8: "the fence starts at the un-REGISTER",
}

type last struct {
	States        int     `json:"states"`
	Violations    int     `json:"violations"`
	Mutants       int     `json:"mutants"`
	MutantsCaught int     `json:"mutants_caught"`
	Complete      bool    `json:"complete"`
	Seconds       float64 `json:"seconds"`
}

func main() {
	budget := flag.Duration("budget", 115*time.Second, "longest time for all walks")
	depth := flag.Int("depth", 0, "deepest level of a walk; 0: to the end")
	states := flag.Int("states", 6_000_000, "most states of one walk (about 150 bytes each)")
	broken := flag.Bool("mutants", true, "walk the broken machines too")
	flag.Parse()

	debug.SetMemoryLimit(1 << 30) // collect harder rather than grow
	start := time.Now()
	lim := explore.Limits{Depth: *depth, States: *states, Until: start.Add(*budget)}
	l := last{Complete: true}
	if *broken {
		for m := 1; m <= 8; m++ {
			if mutants[m] != "" {
				l.mutant(m, lim)
			}
		}
	}
	for _, s := range scenes {
		l.walk(s, lim)
	}
	l.Seconds = time.Since(start).Round(10 * time.Millisecond).Seconds()
	line, err := json.Marshal(l)
	if err != nil {
		fmt.Fprintln(os.Stderr, "explore:", err)
		os.Exit(1)
	}
	fmt.Println(string(line))
	if l.Violations > 0 || l.MutantsCaught < l.Mutants || l.States == 0 {
		os.Exit(1)
	}
}

func (s scene) space(policy licence.Policy) explore.Space[licence.State] {
	return explore.Space[licence.State]{
		Machine: explore.Licence{Policy: policy}, Policy: policy,
		Budget: s.budget, Lists: s.lists, Longer: s.longer,
	}
}

func (l *last) walk(s scene, lim explore.Limits) {
	began := time.Now()
	r := explore.Run(s.space(explore.DefaultPolicy()), lim)
	fmt.Printf("%s: %d states, %d transitions, depth %d, %d goal states, complete %v, %.1f s\n",
		s.name, r.States, r.Edges, r.Depth, r.Goals, r.Complete, time.Since(began).Seconds())
	l.States += r.States
	if r.States < 2 {
		l.Violations++
		fmt.Println("  => no time was left for this walk: raise -budget")
	}
	l.Complete = l.Complete && r.Complete
	if r.Broken != "" {
		l.Violations++
		show(r)
	}
}

// mutant walks a broken machine in a world just hostile enough, and looks for
// two users bound.
func (l *last) mutant(m int, lim explore.Limits) {
	began := time.Now()
	licence.SetMutant(m)
	defer licence.SetMutant(0)
	l.Mutants++
	s := scene{"", true, true, explore.Budget{Moves: 2, Crashes: 1}}
	space := s.space(explore.DefaultPolicy())
	space.OnlyS1 = true
	r := explore.Run(space, lim)
	if r.Broken == "" {
		fmt.Printf("mutant %d (%s): SURVIVES after %d states, complete %v\n", m, mutants[m], r.States, r.Complete)
		return
	}
	l.MutantsCaught++
	fmt.Printf("mutant %d (%s): caught after %d states, depth %d, %.1f s\n", m, mutants[m], r.States, r.Depth, time.Since(began).Seconds())
	show(r)
}

func show(r explore.Result) {
	for i, t := range r.Trace {
		fmt.Printf("  %2d %s\n", i, t)
	}
	fmt.Printf("  => %s\n", r.Broken)
}
