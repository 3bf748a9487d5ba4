package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"releve/router"
)

// Case is an episode, or a part of one: the faults, calls and strokes of luck
// that are listed, by their numbers; nil is all of them.
type Case struct {
	Seed   uint64
	Faults []int // of the plan
	Calls  []int // as they are laid out
	Luck   []int // decisions of the network that are not plain: a loss, a copy, a delay
	Busy   bool  // of the busy hours: see Busy
}

// part is a Case made quick to ask.
type part struct{ faults, calls, luck some }

// some is a set of numbers; nil: all.
type some map[int]bool

func (s some) has(i int) bool { return s == nil || s[i] }

func someOf(list []int) some {
	if list == nil {
		return nil
	}
	s := some{}
	for _, i := range list {
		s[i] = true
	}
	return s
}

func partOf(c Case) part { return part{someOf(c.Faults), someOf(c.Calls), someOf(c.Luck)} }

// Result is one episode played.
type Result struct {
	Seed      uint64
	Hash      uint64
	Violation string // "": every invariant held
	Nodes     int
	Calls     int
	Faults    int
	Simulated time.Duration
	ByLoss    int // switchovers away from a well server, every probe of N rounds lost by chance

	goals    goals
	outcomes [Outcomes]int
	busy     busy
}

// Outcomes is the number of router.Outcome values.
const Outcomes = int(router.Lost) + 1

// Episode plays the episode of a seed.
func Episode(seed uint64) Result { return play(Case{Seed: seed}, false).result() }

func play(c Case, trace bool) *World {
	w := newWorld(c, trace)
	func() {
		defer func() {
			if p := recover(); p != nil {
				w.broken("panic: %v", p)
			}
		}()
		w.run()
	}()
	return w
}

func (w *World) result() Result {
	r := Result{
		Seed: w.seed, Hash: w.hash, Violation: w.fail, Nodes: len(w.nodes), Calls: len(w.calls), Faults: len(w.plan),
		Simulated: time.Duration(w.end), ByLoss: w.byLoss, goals: w.goals, busy: w.busy,
	}
	for _, c := range w.calls {
		r.outcomes[c.outcome]++
	}
	return r
}

// TB is what Replay needs of a test.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Replay plays a case again, and fails the test with the end of its trace when
// an invariant breaks.
func Replay(t TB, c Case) {
	t.Helper()
	if play(c, false).fail == "" {
		return
	}
	t.Fatalf("%s", explain(c))
}

// traceLines is how much of a trace is shown.
const traceLines = 60

// Explain shrinks a failing case, tells its story, and prints the Go test that
// keeps it.
func Explain(c Case) string { return explain(Shrink(c)) }

func explain(c Case) string { return tale(c, play(c, true)) }

// tale is the story of a case that was played with its trace.
func tale(c Case, w *World) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s\n", c.Seed, w.fail)
	p := &w.set.policy
	fmt.Fprintf(&b, "site: %d nodes, mode %d, %d IPBX, max grant %v, grants %v, loss %.3f, lists omitted %v, N = %d, spacing %v\n", w.set.nodes, p.Mode,
		p.IPBXs, p.MaxGrant, w.set.grants, w.set.loss, w.set.omits, w.set.control.Role.Count, w.set.control.Role.Spacing)
	for i := range w.plan {
		if w.part.faults.has(i) {
			fmt.Fprintf(&b, "fault %d: %v\n", i, &w.plan[i])
		}
	}
	lines := strings.Split(strings.TrimSuffix(w.trace.String(), "\n"), "\n")
	if n := len(lines) - traceLines; n > 0 {
		lines = lines[n:]
		fmt.Fprintf(&b, "… %d lines before\n", n)
	}
	fmt.Fprintln(&b, strings.Join(lines, "\n"))
	fmt.Fprintf(&b, "the test that keeps it:\n%s", c.Test(w.fail))
	return b.String()
}

// Test is the Go test that plays the case.
func (c Case) Test(why string) string {
	return fmt.Sprintf("// %s\nfunc TestSeed%d(t *testing.T) {\n\tsim.Replay(t, %s)\n}\n", why, c.Seed, c)
}

// String is the Go expression of the case.
func (c Case) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sim.Case{Seed: %d", c.Seed)
	list := func(name string, of []int) {
		if of != nil {
			fmt.Fprintf(&b, ", %s: %#v", name, of)
		}
	}
	list("Faults", c.Faults)
	list("Calls", c.Calls)
	list("Luck", c.Luck)
	if c.Busy {
		b.WriteString(", Busy: true")
	}
	return b.String() + "}"
}

// Shrink returns a part of a failing case that fails in the same way and of
// which nothing more can be left out: first faults, then calls, then luck
// (Zeller's ddmin). The case itself when it does not fail.
func Shrink(c Case) Case {
	w := play(c, false)
	if w.fail == "" {
		return c
	}
	same := kindOf(w.fail)
	fails := func(c Case) bool { return kindOf(play(c, false).fail) == same }
	for range 2 { // what is left of one may make more of another superfluous
		for _, of := range []struct {
			field *[]int
			n     int
		}{{&c.Faults, len(w.plan)}, {&c.Calls, len(w.calls)}, {&c.Luck, 0}} {
			items := *of.field
			switch {
			case items != nil:
			case of.field == &c.Luck:
				items = upTo(play(c, false).lucks + 1) // more than the whole had, perhaps
			default:
				items = upTo(of.n + 1)
			}
			*of.field = ddmin(items, func(try []int) bool {
				d := c
				switch of.field {
				case &c.Faults:
					d.Faults = try
				case &c.Calls:
					d.Calls = try
				default:
					d.Luck = try
				}
				return fails(d)
			})
		}
	}
	return c
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// kindOf is a violation without its numbers.
func kindOf(fail string) string {
	fail = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, fail)
	return fail[:min(len(fail), 30)]
}

// ddmin leaves out what fails does not need, in ever smaller pieces. It never
// returns nil: nothing is not everything.
func ddmin(items []int, fails func([]int) bool) []int {
	if fails([]int{}) {
		return []int{}
	}
	for size := (len(items) + 1) / 2; size >= 1 && len(items) > 1; {
		left := false
		for from := 0; from < len(items); {
			to := min(from+size, len(items))
			try := slices.Concat(items[:from], items[to:])
			if len(try) > 0 && fails(try) {
				items, left = try, true
			} else {
				from = to
			}
		}
		if size == 1 && !left {
			break
		}
		if size > 1 {
			size = (size + 1) / 2
		}
	}
	return items
}
