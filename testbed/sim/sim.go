package sim

import (
	"fmt"
	"strings"
	"time"

	"releve/router"
)

// Result is one episode played.
type Result struct {
	Seed      uint64
	Hash      uint64
	Violation string // "": every invariant held
	Calls     int
	Faults    int
	Simulated time.Duration
	ByLoss    int // switchovers away from a well server, every probe of N rounds lost by chance

	goals    goals
	outcomes [Outcomes]int
}

// Outcomes is the number of router.Outcome values.
const Outcomes = int(router.Lost) + 1

// Episode plays the episode of a seed.
func Episode(seed uint64) Result { r, _ := play(seed, nil, false); return r }

func play(seed uint64, without []int, trace bool) (Result, string) {
	w := newWorld(seed, without, trace)
	w.run()
	r := Result{
		Seed: seed, Hash: w.hash, Violation: w.fail, Calls: len(w.calls), Faults: len(w.plan) - len(without),
		Simulated: time.Duration(w.end), ByLoss: w.byLoss, goals: w.goals,
	}
	for _, c := range w.calls {
		r.outcomes[c.outcome]++
	}
	if !trace {
		return r, ""
	}
	return r, w.trace.String()
}

// TB is what Replay needs of a test.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Replay plays the episode of a seed again, leaving out the faults with the
// given numbers, and fails the test with the end of its trace when an invariant
// breaks.
func Replay(t TB, seed uint64, without ...int) {
	t.Helper()
	if r, _ := play(seed, without, false); r.Violation == "" {
		return
	}
	t.Fatalf("%s", Explain(seed, without...))
}

// traceLines is how much of a trace is shown.
const traceLines = 60

// Explain tells the story of a failing seed: which faults it needs, the end of
// its trace, and the line to paste into a test.
func Explain(seed uint64, without ...int) string {
	without = shrink(seed, without)
	r, trace := play(seed, without, true)
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s\n", seed, r.Violation)
	w := newWorld(seed, without, false)
	fmt.Fprintf(&b, "site: mode %d, %d IPBX, max grant %v, loss %.3f, lists omitted %v, N = %d, spacing %v\n", w.set.policy.Mode,
		w.set.policy.IPBXs, w.set.policy.MaxGrant, w.set.loss, w.set.omits, w.set.control.Role.Count, w.set.control.Role.Spacing)
	for i := range w.plan {
		if !skipped(without, i) {
			fmt.Fprintf(&b, "fault %d: %v\n", i, &w.plan[i])
		}
	}
	lines := strings.Split(strings.TrimSuffix(trace, "\n"), "\n")
	if n := len(lines) - traceLines; n > 0 {
		lines = lines[n:]
		fmt.Fprintf(&b, "… %d lines before\n", n)
	}
	fmt.Fprintln(&b, strings.Join(lines, "\n"))
	fmt.Fprintf(&b, "paste into a test:\n\tsim.Replay(t, %d%s)\n", seed, numbers(without))
	return b.String()
}

func numbers(without []int) string {
	var b strings.Builder
	for _, i := range without {
		fmt.Fprintf(&b, ", %d", i)
	}
	return b.String()
}

// shrink leaves out every fault that the violation does not need.
func shrink(seed uint64, without []int) []int {
	out := append([]int(nil), without...)
	for i := range newWorld(seed, nil, false).plan {
		if skipped(out, i) {
			continue
		}
		try := append(append([]int(nil), out...), i)
		if r, _ := play(seed, try, false); r.Violation != "" {
			out = try
		}
	}
	return out
}

// Report is a run of episodes.
type Report struct {
	Episodes   int
	Violations []uint64 // seeds
	Calls      int
	Simulated  time.Duration
	ByLoss     int
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
	r.Hash = (r.Hash ^ e.Hash) * 1099511628211
	r.goals |= e.goals
	for i, n := range e.outcomes {
		r.outcomes[i] += n
	}
	for x := range goalCount {
		if e.goals.reached(x) {
			r.reached[x]++
		}
	}
	if e.Violation != "" {
		r.Violations = append(r.Violations, e.Seed)
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
		fmt.Fprintf(&b, "  %-34s %10d episodes\n", goalText[x], r.reached[x])
	}
	return b.String()
}
