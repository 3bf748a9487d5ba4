package text

import (
	"slices"
	"testing"
)

// TestDoctorSentences: every finding can be said, in both languages, with the
// same values.
func TestDoctorSentences(t *testing.T) {
	all := doctored()
	if len(all) != len(DoctorIDs()) {
		t.Errorf("%d findings have sentences, %d are named", len(all), len(DoctorIDs()))
	}
	for _, id := range DoctorIDs() {
		s, ok := all[id]
		if !ok {
			t.Errorf("%s: no sentences", id)
			continue
		}
		pairs := map[string]pair{"title": s.title, "ok": s.ok, "odd": s.odd, "means": s.means, "do": s.do}
		for name, p := range s.cases {
			pairs[name] = p
		}
		for name, p := range pairs {
			if p.fr == "" || p.en == "" {
				t.Errorf("%s %s: empty", id, name)
			}
			if a, b := holes(p.fr), holes(p.en); !slices.Equal(a, b) {
				t.Errorf("%s %s: French wants %v, English %v", id, name, a, b)
			}
		}
	}
}
