package explore

import (
	"strconv"
	"strings"
	"testing"

	"releve/router/licence"
)

// ring is a toy Model: counts up to its length; from trap nothing calm leads on.
type ring struct{ length, bad, trap int }

func (r ring) Start() int        { return 0 }
func (r ring) Goal(w int) bool   { return w == r.length }
func (r ring) Text(w int) string { return strconv.Itoa(w) }
func (r ring) Check(w int) string {
	if r.bad > 0 && w == r.bad {
		return "bad"
	}
	return ""
}

func (r ring) Successors(w int, out []Edge[int]) []Edge[int] {
	if w < r.length {
		out = append(out, Edge[int]{To: w + 1, Name: label{text: "up"}, Fault: w == r.trap})
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

// TestSmallScenes walks small worlds to the end; command run walks the large
// ones.
func TestSmallScenes(t *testing.T) {
	for _, s := range []Space{
		scene("a move", 1, licence.Pair, 1, Budget{Moves: 1}),
		scene("a crash", 1, licence.Pair, 1, Budget{Moves: 1, Crashes: 1}),
		scene("a server fails", 1, licence.Pair, 1, Budget{Fails: 1}),
		scene("hold", 1, licence.Hold, 1, Budget{Moves: 1, Crashes: 1}),
		gate("gate", Budget{Moves: 1}),
		scene("two nodes", 2, licence.Pair, 1, Budget{Moves: 1, Crashes: 1}),
		scene("two nodes, the database's clock", 2, licence.Pair, 1, Budget{Moves: 1, StoreJump: 1, Addresses: 1}),
	} {
		t.Run(s.Name, func(t *testing.T) {
			r := Run(New(s), Limits{})
			if r.Broken != "" || !r.Complete || r.States < 1000 || r.Goals == 0 {
				t.Errorf("%d states, %d goals, complete %v, broken %q\n%s",
					r.States, r.Goals, r.Complete, r.Broken, strings.Join(r.Trace, "\n"))
			}
			t.Logf("%d states, depth %d", r.States, r.Depth)
		})
	}
}

// TestStatesAreTheSameWhoeverMeetsThem: a walk does not depend on the order in
// which states are first met, so two walks count alike.
func TestStatesAreTheSameWhoeverMeetsThem(t *testing.T) {
	s := scene("", 2, licence.Pair, 1, Budget{Moves: 1})
	a, b := Run(New(s), Limits{}), Run(New(s), Limits{})
	if a.States != b.States || a.Edges != b.Edges || a.Depth != b.Depth {
		t.Errorf("%+v, then %+v", a, b)
	}
}
