package explore

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// shadow is a node's mind as it is, its clock and numbers at zero and nothing
// left out, beside the number that stands for it.
type shadow struct {
	state control.State
	fresh bool // it idles, or was never given anything: nothing to compare with yet
}

// step gives s what its number was given; what it does and what it becomes must
// be the same, but for what is left out.
func (s *shadow) step(k *worker, g given) error {
	if s.fresh {
		s.state, s.fresh = *k.mind.states.at(g.id), false
	}
	at := func(ticks uint8) router.Instant { return router.Instant(ticks) * router.Instant(Tick) }
	now := router.Clock{Mono: at(g.mono), High: at(g.high)}
	var did answer
	todo := []control.Event{k.mind.unfold(g.e)}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		for _, f := range s.state.Step(now, next, nil) {
			if r, ok := probed(f, g.v); ok {
				todo = append(todo, r)
				continue
			}
			k.mind.take(&did, f)
		}
	}
	if !slices.Equal(did.effects, g.a.effects) || did.rounds != g.a.rounds || did.broke != g.a.broke {
		return fmt.Errorf("a mind does\n%+v, its number\n%+v", did, *g.a)
	}
	s.state = s.state.Canon(now)
	if is, want := s.state.Ranked(Tick), *k.mind.states.at(g.a.id); is != want {
		return fmt.Errorf("a mind and its number differ after it: %s", difference("", reflect.ValueOf(is), reflect.ValueOf(want)))
	}
	s.fresh = k.mind.about.at(g.a.id).idles
	return nil
}

// TestMindsBehaveAsTheirNumbers: what Ranked leaves out is missed by nothing that
// comes later. Random runs with every fault, each mind stepped beside its number.
func TestMindsBehaveAsTheirNumbers(t *testing.T) {
	all := Budget{Moves: 2, Fails: 1, Dups: 1, Crashes: 2, Unknown: 2, Slow: 1, Restarts: 1, Pauses: 2, Cuts: 2, Addresses: 1, Jumps: 1, StoreJump: 1, Refusals: 2}
	looks := scene("", 1, licence.Pair, 1, all)
	looks.Policy.Licence.NoFetch = false
	for _, s := range []Space{
		scene("", 1, licence.Pair, 1, all), scene("", 1, licence.Pair, 2, all), scene("", 1, licence.Hold, 1, all),
		looks, gate("", all), scene("", 2, licence.Pair, 1, all),
	} {
		k := New(s).Worker().(*worker)
		for seed := range uint64(60) {
			if err := shadowed(k, rand.New(rand.NewPCG(seed, 7))); err != nil {
				t.Fatalf("mode %d, %d nodes, %d IPBXs, seed %d: %v", s.Policy.Licence.Mode, s.Nodes, s.Policy.IPBXs, seed, err)
			}
		}
	}
}

func shadowed(k *worker, rng *rand.Rand) error {
	nodes := [2]shadow{{fresh: true}, {fresh: true}}
	state, left := k.Start()
	for range 400 {
		var seen []given
		k.m.seen = func(g given) { seen = append(seen, g) }
		type way struct {
			state   []byte
			left    uint32
			seen    []given
			swapped bool
			name    string
		}
		var ways []way
		k.Successors(state, left, func(e *Edge) {
			ways = append(ways, way{slices.Clone(e.State), e.Left, seen, k.swapped, e.Name.String()})
			seen = nil
		})
		w := ways[rng.IntN(len(ways))]
		for _, g := range w.seen {
			if g.e.kind == control.Boot {
				nodes[g.node].fresh = true
			}
			if err := nodes[g.node].step(k, g); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
		if w.swapped {
			nodes[0], nodes[1] = nodes[1], nodes[0]
		}
		state, left = w.state, w.left
	}
	return nil
}

// difference names the first field in which a and b differ.
func difference(path string, a, b reflect.Value) string {
	switch {
	case a.Equal(b):
		return ""
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if d := difference(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i)); d != "" {
				return d
			}
		}
	case a.Kind() == reflect.Array:
		for i := range a.Len() {
			if d := difference(fmt.Sprintf("%s[%d]", path, i), a.Index(i), b.Index(i)); d != "" {
				return d
			}
		}
	}
	return fmt.Sprintf("%s is %v, not %v", path, a, b)
}
