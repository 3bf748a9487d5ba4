package text

import (
	"strings"
	"testing"
	"time"
)

// An alarm names its object in the reader's words, and none that its title says.
func TestAlarmTitleNamesItsObject(t *testing.T) {
	for _, c := range []struct {
		number uint16
		object string
		suffix string // of the French title; "": none
	}{
		{1001, "primary", " (principal)"},
		{1001, "", ""},
		{1002, "primary", ""},
		{1005, "secondary", ""},
		{1006, "secondary", ""},
		{1010, "oxe", " (oxe)"},
		{1013, "secondary / oxe", " (secours, oxe)"},
		{1016, "primary / 5000", " (principal, 5000)"},
		{1017, "relève", ""},
		{1021, "relève", ""},
		{1061, "10.1.2.3", " (10.1.2.3)"},
		{1062, LimitJobs, " (tâches à faire)"},
	} {
		bare := For(French).of(alarms[c.number].title)
		if got := For(French).AlarmTitle(c.number, c.object); got != bare+c.suffix {
			t.Errorf("%d about %q: %q", c.number, c.object, got)
		}
	}
}

func TestEveryLimitHasAWord(t *testing.T) {
	found := 0
	constants(t, ".", func(name, value string) {
		if !strings.HasPrefix(name, "Limit") {
			return
		}
		found++
		code := strings.Trim(value, `"`)
		for _, lang := range []Lang{French, English} {
			if For(lang).Limit(code) == code {
				t.Errorf("%s has no word in %s", name, lang)
			}
		}
	})
	if found < 7 {
		t.Errorf("%d limits found: the test looks at the wrong thing", found)
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		-time.Second:                 {"0 ms", "0 ms"},
		12 * time.Millisecond:        {"12 ms", "12 ms"},
		1999700 * time.Microsecond:   {"2,0 s", "2.0 s"},
		59940 * time.Millisecond:     {"59,9 s", "59.9 s"},
		65 * time.Second:             {"1 min 05 s", "1 min 05 s"},
		72*time.Minute + time.Second: {"1 h 12 min", "1 h 12 min"},
	} {
		if fr, en := For(French).Took(d), For(English).Took(d); fr != want[0] || en != want[1] {
			t.Errorf("%v: %q %q", d, fr, en)
		}
	}
}
