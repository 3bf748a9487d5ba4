// Package plugin judges the state of a node as a monitoring plugin does
// (Monitoring Plugins Development Guidelines, which Centreon, Nagios, Icinga and
// NRPE share): an exit code, one line with its figures, and details after it.
//
//	STATUS: text | 'label'=value[UOM];warn;crit;min;max
//	more lines
//
// The text is in the reader's language; status words and labels are English and
// stable: graphs are kept by label. It is a pure room: a Result is computed from
// an admin.Status, which holds the clock of the node.
package plugin

import (
	"strconv"
	"strings"
)

// State is the exit code.
type State int

// The states, in the order of the exit codes.
const (
	OK State = iota
	Warning
	Critical
	Unknown
)

// String is the status word, English in every language.
func (s State) String() string {
	return [...]string{OK: "OK", Warning: "WARNING", Critical: "CRITICAL", Unknown: "UNKNOWN"}[s]
}

// gravity orders the states: what is not known is graver than a warning, and
// never hides what is known to be critical.
func (s State) gravity() int { return [...]int{OK: 0, Warning: 1, Unknown: 2, Critical: 3}[s] }

// worst of two.
func worst(a, b State) State {
	if b.gravity() > a.gravity() {
		return b
	}
	return a
}

// Metric is one figure.
type Metric struct {
	Label    string  `json:"label"` // English, stable; letters, digits, dots
	Value    float64 `json:"value"`
	Unit     string  `json:"unit,omitempty"` // s, ms, B, % or c (counts up for ever)
	Warn     string  `json:"warn,omitempty"` // ranges as written
	Crit     string  `json:"crit,omitempty"`
	Min, Max string  `json:"-"`
}

// String is the figure as the line has it.
func (m Metric) String() string {
	parts := []string{"'" + label(m.Label) + "'=" + strconv.FormatFloat(m.Value, 'f', -1, 64) + m.Unit, m.Warn, m.Crit, m.Min, m.Max}
	return strings.TrimRight(strings.Join(parts, ";"), ";")
}

// label has no character that the format gives a meaning.
func label(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '_'
	}, s)
}

// Result is what a plugin says.
type Result struct {
	State  State
	Text   string
	Perf   []Metric
	Detail []string
}

// maxLine bounds the first line's text, in bytes: NRPE of old carried 1024 for
// all, and figures come after it.
const maxLine = 400

// String is the output.
func (r Result) String() string {
	var b strings.Builder
	b.WriteString(r.State.String() + ": " + bounded(plain(r.Text), maxLine))
	for i, m := range r.Perf {
		if i == 0 {
			b.WriteString(" |")
		}
		b.WriteString(" " + m.String())
	}
	b.WriteByte('\n')
	for _, d := range r.Detail {
		b.WriteString(plain(d) + "\n")
	}
	return b.String()
}

// plain is one line without the bar that begins the figures.
func plain(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '|':
			return '/'
		case r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029':
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}

// bounded shortens s to at most n bytes at the end of a character.
func bounded(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
