// Package text is every sentence that an operator reads, in French and in
// English: reasons, events, alarms, faults of the configuration, the words of
// the command line.
//
// Our choice: the two languages stand side by side, as the two mandatory
// arguments of say or the two unkeyed fields of a pair, so that a sentence
// without its translation does not compile and a reviewer reads both at once.
// Enumerations that grow elsewhere (router.Reason, alarm numbers) are checked
// by a test that parses their source.
//
// Pure: no I/O, no clock, no logger; Messages is an immutable value, safe for
// concurrent use. Times and numbers that enter a sentence are arguments.
package text

import (
	"fmt"
	"strings"
)

// Lang is the language of a reader.
type Lang string

// The languages. The zero Lang is read as French.
const (
	French  Lang = "fr"
	English Lang = "en"
)

// Pick chooses the language: flag (--lang), else the first of LC_ALL,
// LC_MESSAGES and LANG that is set (as in setlocale(3)), else the
// configuration's, else French. A locale of a third country is answered in
// English, C and POSIX say nothing; an unknown flag falls through.
func Pick(flag string, env func(string) string, configured Lang) Lang {
	if l, ok := Parse(flag); ok {
		return l
	}
	for _, name := range [...]string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		v := env(name)
		if v == "" {
			continue
		}
		switch base, _, _ := strings.Cut(strings.ToLower(v), "."); {
		case base == "c" || base == "posix":
		case strings.HasPrefix(base, "fr"):
			return French
		default:
			return English
		}
		break
	}
	if l, ok := Parse(string(configured)); ok {
		return l
	}
	return French
}

// Parse reads a language as --lang and the key language take it.
func Parse(s string) (Lang, bool) {
	switch Lang(s) {
	case French:
		return French, true
	case English:
		return English, true
	}
	return "", false
}

// Messages is the catalogue in one language. The zero value speaks French.
type Messages struct{ lang Lang }

// For returns the catalogue in l.
func For(l Lang) Messages {
	if l != English {
		l = French
	}
	return Messages{lang: l}
}

// Lang returns the language spoken.
func (m Messages) Lang() Lang {
	if m.lang == English {
		return English
	}
	return French
}

// pair is one sentence in both languages; written without field names, so that
// the compiler asks for both.
type pair struct{ fr, en string }

// of returns the sentence of p in m's language.
func (m Messages) of(p pair) string {
	if m.Lang() == English {
		return p.en
	}
	return typography(p.fr)
}

// say formats the pattern of m's language. Both patterns take the same
// arguments; %[n]v serves when the order differs.
func (m Messages) say(fr, en string, args ...any) string {
	pattern := m.of(pair{fr, en})
	if len(args) == 0 {
		return pattern
	}
	return fmt.Sprintf(pattern, args...)
}

// narrow is the narrow no-break space that French puts before ; ? ! » and
// after «; before the colon too, our choice, as in the tables of screens.
const narrow = "\u202f"

// typography puts the no-break spaces, so that sentences are written here with
// plain ones.
func typography(s string) string {
	if !strings.ContainsAny(s, ":;?!«»") {
		return s
	}
	return frenchSpaces.Replace(s)
}

var frenchSpaces = strings.NewReplacer(
	" :", narrow+":", " ;", narrow+";", " ?", narrow+"?", " !", narrow+"!",
	"« ", "«"+narrow, " »", narrow+"»",
)
