//go:build mutants

package sim

import (
	"strings"
	"testing"

	"releve/router/licence"
)

// TestMutants: episodes find the rules of the licence that are broken on
// purpose. Mutants 5 and 7 need too many rare things at once: they are the
// explorer's, as are those of gate, of two IPBXs and of the lease.
func TestMutants(t *testing.T) {
	defer licence.SetMutant(0)
	for mutant, episodes := range map[int]uint64{1: 200, 2: 10_000, 3: 3000, 4: 15_000, 8: 5000} {
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
