package explore

import (
	"strings"
	"testing"

	"releve/router/licence"
)

// ring is a toy Model: counts up to its length; from trap nothing calm leads on.
type ring struct{ length, bad, trap int }

func (r ring) Start() int        { return 0 }
func (r ring) Goal(w int) bool   { return w == r.length }
func (r ring) Text(w int) string { return strings.Repeat("i", w) }
func (r ring) Check(w int) string {
	if r.bad > 0 && w == r.bad {
		return "bad"
	}
	return ""
}

func (r ring) Successors(w int, out []Edge[int]) []Edge[int] {
	if w < r.length {
		out = append(out, Edge[int]{To: w + 1, Name: "up", Fault: w == r.trap})
	}
	return out
}

func TestRunFindsWhatIsBroken(t *testing.T) {
	for _, c := range []struct {
		name   string
		m      ring
		lim    Limits
		states int
		broken string
		trace  int
		full   bool
	}{
		{"sound", ring{5, 0, -1}, Limits{}, 6, "", 0, true},
		{"invariant", ring{5, 3, -1}, Limits{}, 4, "bad", 4, true},
		{"trap", ring{5, 0, 2}, Limits{}, 6, "goal unreachable", 1, true},
		{"cut short", ring{9, 0, -1}, Limits{Depth: 4}, 5, "", 0, false},
		{"cut by states", ring{9, 0, -1}, Limits{States: 3}, 3, "", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Run(c.m, c.lim)
			if r.States != c.states || !strings.HasPrefix(r.Broken, c.broken) || (c.broken == "") != (r.Broken == "") ||
				len(r.Trace) != c.trace || r.Complete != c.full {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// TestLicence walks small worlds to the end; command run walks the large ones.
func TestLicence(t *testing.T) {
	p := DefaultPolicy()
	for _, c := range []struct {
		name   string
		budget Budget
		lists  bool
	}{
		{"two moves", Budget{Moves: 2}, true},
		{"a crash", Budget{Moves: 1, Crashes: 1}, true},
		{"an unknown save", Budget{Moves: 1, Unknown: 1}, true},
		{"a restart", Budget{Moves: 1, Restarts: 1}, true},
		{"no lists", Budget{Moves: 1, Crashes: 1}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Space[licence.State]{Machine: Licence{p}, Policy: p, Budget: c.budget, Lists: c.lists, Longer: true}
			r := Run(s, Limits{})
			if r.Broken != "" || !r.Complete || r.States < 1000 || r.Goals == 0 {
				t.Errorf("%d states, %d goals, complete %v, broken %q\n%s",
					r.States, r.Goals, r.Complete, r.Broken, strings.Join(r.Trace, "\n"))
			}
			t.Logf("%d states, depth %d", r.States, r.Depth)
		})
	}
}
