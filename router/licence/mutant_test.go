//go:build mutants

package licence

import "testing"

// TestWalkCatchesMutants shows that the walk of TestNeverTwo can fail; the rarer
// mutants are the explorer's.
func TestWalkCatchesMutants(t *testing.T) {
	t.Cleanup(func() { SetMutant(0) })
	for _, m := range []int{1, 2, 3} {
		SetMutant(m)
		var seen sights
		caught := false
		for seed := uint64(0); seed < 2000 && !caught; seed++ {
			if err := walk(seed, &seen); err != nil {
				caught = true
				t.Logf("mutant %d, seed %d: %v", m, seed, err)
			}
		}
		if !caught {
			t.Errorf("mutant %d survives", m)
		}
	}
}
