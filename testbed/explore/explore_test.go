package explore

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"releve/router/licence"
)

// ring is a toy Model: counts up to its length. From trap nothing calm leads on;
// from back a second calm step leads back to 1; a fault jumps two ahead.
type ring struct{ length, bad, trap, back int }

type ringWorker struct {
	ring
	at int
}

func (r ring) Start() ([]byte, uint32) { return []byte{0}, 1 }
func (r ring) Worker() Worker          { return &ringWorker{ring: r} }

func (r *ringWorker) Open(s []byte, _ uint32) { r.at = int(s[0]) }
func (r *ringWorker) Goal() bool              { return r.at == r.length }
func (r *ringWorker) Raw() []byte             { return []byte{byte(r.at)} }
func (r *ringWorker) Text() string            { return strconv.Itoa(r.at) }
func (r *ringWorker) Check() string {
	if r.bad > 0 && r.at == r.bad {
		return "bad"
	}
	return ""
}

func (r *ringWorker) Successors(s []byte, left uint32, visit func(*Edge)) {
	from := int(s[0])
	step := func(to int, left uint32, c Calm, text string) {
		r.at = to
		visit(&Edge{State: []byte{byte(to)}, Left: left, Name: Label{text: text}, Calm: c})
	}
	if from < r.length {
		c := Time
		if from == r.trap {
			c = NotCalm
		}
		step(from+1, left, c, "up")
	}
	if r.back > 0 && from == r.back {
		step(1, left, Now, "back")
	}
	if left > 0 && from+2 <= r.length {
		step(from+2, left-1, NotCalm, "jump")
	}
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
		ticks  int
	}{
		{"sound", ring{5, 0, -1, 0}, Limits{}, 6, "", 0, true, 5},
		{"invariant", ring{5, 3, -1, 0}, Limits{Shortest: true}, 2, "bad", 3, true, 0},
		{"trap", ring{5, 0, 2, 0}, Limits{}, 6, "a calm run never comes to the goal: it ends", 3, true, 0},
		{"cycle", ring{5, 0, -1, 3}, Limits{}, 6, "a calm run never comes to the goal: it returns", 0, true, 0},
		{"cut short", ring{9, 0, -1, 0}, Limits{Depth: 4}, 4, "", 0, false, 4},
	} {
		for workers := 1; workers < 3; workers++ {
			t.Run(c.name, func(t *testing.T) {
				c.lim.Workers = workers
				r := Run(c.m, c.lim)
				if r.States != c.states || !strings.HasPrefix(r.Broken, c.broken) || (c.broken == "") != (r.Broken == "") ||
					c.trace > 0 && len(r.Trace) != c.trace || r.Complete != c.full || r.Ticks != c.ticks {
					t.Errorf("got %+v", r)
				}
			})
		}
	}
}

func TestCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		a, b := rng.Uint32()&(1<<30-1), rng.Uint32()&(1<<30-1)
		if rng.IntN(2) == 0 {
			b &= a
		}
		want, total := true, 0
		x, y := unpackBudget(a), unpackBudget(b)
		for i, d := range x.digits() {
			want = want && *d >= *y.digits()[i]
			total += int(*d)
		}
		if covers(a, b) != want || sum(a) != total || x.pack() != a {
			t.Fatalf("%x %x: %v, %d", a, b, covers(a, b), sum(a))
		}
	}
}

// TestPackedStatesAreWhole: what is written of a world is all there is of it.
func TestPackedStatesAreWhole(t *testing.T) {
	all := Budget{Moves: 1, Fails: 1, Dups: 1, Crashes: 1, Unknown: 1, Slow: 1, Restarts: 1, Pauses: 1, Cuts: 1, Addresses: 1, Jumps: 1, StoreJump: 1, Refusals: 1}
	for _, s := range []Space{scene("", 1, licence.Pair, 2, all), gate("", all), scene("", 2, licence.Pair, 1, all)} {
		k := New(s).Worker().(*worker)
		state, left := k.Start()
		rng := rand.New(rand.NewPCG(1, 1))
		for range 20000 {
			var ways [][]byte
			var lefts []uint32
			k.Successors(state, left, func(e *Edge) {
				w, swapped := k.m.w, k.swapped
				ways, lefts = append(ways, append([]byte(nil), e.State...)), append(lefts, e.Left)
				k.Open(e.State, e.Left)
				if k.m.w != w {
					t.Fatalf("%+v\nis read as\n%+v", w, k.m.w)
				}
				k.swapped = swapped
			})
			i := rng.IntN(len(ways))
			if state, left = ways[i], lefts[i]; rng.IntN(200) == 0 {
				state, left = k.Start()
			}
		}
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
			r := Run(New(s), Limits{Workers: 2})
			if r.Broken != "" || !r.Complete || r.States < 100 || r.Goals == 0 || r.Err != nil {
				t.Errorf("%d states, %d goals, complete %v, broken %q %v\n%s",
					r.States, r.Goals, r.Complete, r.Broken, r.Err, strings.Join(r.Trace, "\n"))
			}
			t.Logf("%d states, depth %d, %d ticks, %v", r.States, r.Depth, r.Ticks, r.Took)
		})
	}
}

// TestStatesAreTheSameWhoeverMeetsThem: a walk does not depend on the order in
// which states are first met, so two walks count alike.
func TestStatesAreTheSameWhoeverMeetsThem(t *testing.T) {
	s := scene("", 2, licence.Pair, 1, Budget{Moves: 1, Restarts: 1})
	a, b := Run(New(s), Limits{}), Run(New(s), Limits{Workers: 2})
	if a.States != b.States || a.Edges != b.Edges || a.Depth != b.Depth || a.Goals != b.Goals || a.Ticks != b.Ticks {
		t.Errorf("%+v, then %+v", a, b)
	}
}
