//go:build mutants

package sim

import (
	"testing"
)

// TestMutants: episodes find the rules that are broken on purpose.
func TestMutants(t *testing.T) {
	for _, m := range Mutants {
		seed, why, n := Hunt(m, 1)
		if why == "" {
			t.Errorf("mutant %d survives %d episodes: %s", m.Number, n, m.Text)
			continue
		}
		t.Logf("mutant %d (%s): seed %d: %s", m.Number, m.Text, seed, why)
	}
}
