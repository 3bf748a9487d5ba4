package sim

import (
	"fmt"
	"strings"
	"time"

	"releve/router"
)

// Failure is a broken invariant.
type Failure struct {
	Seed uint64
	Why  string
}

// Report is a run of episodes.
type Report struct {
	Episodes   int
	Violations []Failure
	Calls      int
	Simulated  time.Duration
	ByLoss     int
	Busy       busy
	Hash       uint64 // of the episodes' hashes, in order
	goals      goals
	outcomes   [Outcomes]int
	reached    [goalCount]int
}

// Add enters the result of the next episode.
func (r *Report) Add(e Result) {
	r.Episodes++
	r.Calls += e.Calls
	r.Simulated += e.Simulated
	r.ByLoss += e.ByLoss
	r.Busy.add(e.busy)
	r.Hash = (r.Hash ^ e.Hash) * 1099511628211
	r.goals.add(e.goals)
	for i, n := range e.outcomes {
		r.outcomes[i] += n
	}
	for x := range goalCount {
		if e.goals.reached(x) {
			r.reached[x]++
		}
	}
	if e.Violation != "" {
		r.Violations = append(r.Violations, Failure{e.Seed, e.Violation})
	}
}

// Missed names the goals that no episode reached.
func (r *Report) Missed() []string { return r.goals.missed() }

// Summary is what a person wants to read.
func (r *Report) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d episodes, %.0f hours simulated, %d calls\n", r.Episodes, r.Simulated.Hours(), r.Calls)
	fmt.Fprintf(&b, "  %-34s %10d (N rounds, each probe lost by chance)\n", "switchovers by loss alone", r.ByLoss)
	for o, n := range r.outcomes {
		fmt.Fprintf(&b, "  %-34s %10d calls\n", router.Outcome(o), n)
	}
	for x := range goalCount {
		fmt.Fprintf(&b, "  %-34s %10d episodes\n", x, r.reached[x])
	}
	return b.String()
}
