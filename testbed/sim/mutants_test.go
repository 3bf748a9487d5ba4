//go:build mutants

package sim

import (
	"strings"
	"testing"

	"releve/router/licence"
)

// TestMutants: episodes find the rules of the licence that are broken on
// purpose. Mutant 7 needs too many rare things at once: it is the explorer's.
func TestMutants(t *testing.T) {
	defer licence.SetMutant(0)
	for mutant, episodes := range map[int]uint64{1: 200, 2: 2000, 3: 3000, 4: 15_000, 5: 2000, 8: 5000} {
		licence.SetMutant(mutant)
		caught := ""
		for seed := uint64(1); seed <= episodes && caught == ""; seed++ {
			if r := Episode(seed); strings.Contains(r.Violation, "bound at once") || mutant == 1 && r.Violation != "" {
				caught = r.Violation
				t.Logf("mutant %d: seed %d: %s", mutant, seed, r.Violation)
			}
		}
		if caught == "" {
			t.Errorf("mutant %d is not caught by %d episodes", mutant, episodes)
		}
	}
}
