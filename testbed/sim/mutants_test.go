//go:build mutants

package sim

import (
	"strings"
	"testing"

	"releve/router/lease"
	"releve/router/licence"
)

// TestMutants: episodes find the rules that are broken on purpose, quickly.
func TestMutants(t *testing.T) {
	for _, m := range Mutants {
		if m.Within > Quick {
			continue // the program's, with -mutants all
		}
		seed, why, n := Hunt(m, 1)
		if why == "" {
			t.Errorf("mutant %d survives %d episodes: %s", m.Number, n, m.Text)
			continue
		}
		t.Logf("mutant %d (%s): seed %d: %s", m.Number, m.Text, seed, why)
	}
}

// TestShrinkOfAMutant: what is left of a failing episode is a handful of faults,
// calls and strokes of luck, it fails in the same way, nothing more can be left
// out, and Replay prints the test that keeps it.
func TestShrinkOfAMutant(t *testing.T) {
	for _, m := range []struct {
		number int
		set    func(int)
	}{
		{8, licence.SetMutant},
		{6, lease.SetMutant},
	} {
		of := Mutants[0]
		for _, x := range Mutants {
			if x.Number == m.number {
				of = x
			}
		}
		seed, why, _ := Hunt(of, 1)
		m.set(m.number)
		whole := play(Case{Seed: seed}, false)
		c := Shrink(Case{Seed: seed})
		again := play(c, false)
		if kindOf(again.fail) != kindOf(why) {
			t.Errorf("mutant %d: %q became %q", m.number, why, again.fail)
		}
		if len(c.Faults) > 3 || len(c.Calls) > 3 || len(c.Luck) > 5 || len(c.Calls) >= len(whole.calls) {
			t.Errorf("mutant %d: %v is left of %d faults, %d calls, %d strokes of luck", m.number, c, len(whole.plan), len(whole.calls), whole.lucks)
		}
		for i := range c.Faults {
			less := c
			less.Faults = append(append([]int{}, c.Faults[:i]...), c.Faults[i+1:]...)
			if kindOf(play(less, false).fail) == kindOf(why) {
				t.Errorf("mutant %d: fault %d can be left out of %v", m.number, c.Faults[i], c)
			}
		}
		var f fatal
		if Replay(&f, c); !strings.Contains(f.text, again.fail) || !strings.Contains(f.text, "sim.Replay(t, "+c.String()+")") {
			t.Errorf("mutant %d: %s", m.number, f.text)
		}
		t.Logf("mutant %d: %s", m.number, c.Test(why))
		m.set(0)
	}
}
