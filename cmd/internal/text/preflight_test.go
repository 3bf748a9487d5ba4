package text

import (
	"regexp"
	"slices"
	"testing"
)

// TestStudySentences: every finding can be said, in both languages, with the same
// values.
func TestStudySentences(t *testing.T) {
	all := studies()
	if len(all) != len(StudyIDs()) {
		t.Errorf("%d findings have sentences, %d are named", len(all), len(StudyIDs()))
	}
	for _, id := range StudyIDs() {
		s, ok := all[id]
		if !ok {
			t.Errorf("%s: no sentences", id)
			continue
		}
		pairs := map[string]pair{"title": s.title, "ok": s.ok, "odd": s.odd, "means": s.means, "do": s.do}
		for name, p := range s.cases {
			pairs[name] = p
		}
		for name := range s.advice {
			if _, ok := s.cases[name]; !ok && name != "" {
				t.Errorf("%s: advice for a case %s that nobody makes", id, name)
			}
			pairs["means of "+name], pairs["do of "+name] = s.advised(name)
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
	for _, id := range AskedIDs() {
		if q, means := For(French).Asked(id); q == string(id) || means == "" {
			t.Errorf("question %s: no sentence", id)
		}
	}
}

var hole = regexp.MustCompile(`\{\w+\}`)

func holes(s string) []string {
	all := hole.FindAllString(s, -1)
	slices.Sort(all)
	return all
}

func TestStudyFillsTheValues(t *testing.T) {
	got := For(English).Study(StudyOptions, StudyOK, map[string]string{"status": "200", "ms": "3", "agent": "PBX {ms}"})
	if got.Seen != "answers 200 in 3 ms (PBX {ms})" || got.Do != "" {
		t.Errorf("%+v", got)
	}
	if got := For(French).Study(StudyOptions, StudyNoGo, map[string]string{"case": "silent"}); got.Seen != "ne répond pas à OPTIONS" || got.Do == "" || got.Means == "" {
		t.Errorf("%+v", got)
	}
}
