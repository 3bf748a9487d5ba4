package plugin

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Range is a threshold of the guidelines: it alerts outside of from:to, or, after
// an @, inside. "10" is 0:10; "10:" has no end; "~:10" no beginning.
type Range struct {
	From, To float64
	Inside   bool // alert inside
	written  string
}

// ErrRange: what was written is no range.
var ErrRange = errors.New("no range: write 10, 10:, ~:10, 10:20 or @10:20")

// ParseRange reads a range; "" is none, nil.
func ParseRange(s string) (*Range, error) {
	if s == "" {
		return nil, nil
	}
	r := &Range{written: s, To: math.Inf(1)}
	rest, inside := strings.CutPrefix(s, "@")
	r.Inside = inside
	from, to, colon := strings.Cut(rest, ":")
	if !colon {
		from, to = "0", rest
	}
	var err error
	switch from {
	case "~":
		r.From = math.Inf(-1)
	case "":
		if to == "" {
			return nil, ErrRange // ":" alone; ":10" is 0:10 to the plugins that people know
		}
	default:
		if r.From, err = number(from); err != nil {
			return nil, ErrRange
		}
	}
	if to != "" {
		if r.To, err = number(to); err != nil {
			return nil, ErrRange
		}
	} else if !colon {
		return nil, ErrRange
	}
	if r.From > r.To {
		return nil, ErrRange
	}
	return r, nil
}

// number reads a decimal number: no exponent, no infinity, nothing hexadecimal.
func number(s string) (float64, error) {
	if strings.Trim(s, "0123456789.-") != "" {
		return 0, ErrRange
	}
	return strconv.ParseFloat(s, 64)
}

// Alerts says whether v is where the range alerts; a nil Range never does.
func (r *Range) Alerts(v float64) bool {
	if r == nil {
		return false
	}
	inside := v >= r.From && v <= r.To
	return inside == r.Inside
}

// String is the range as it was written.
func (r *Range) String() string {
	if r == nil {
		return ""
	}
	return r.written
}

// Limits are the thresholds that were asked for.
type Limits struct{ Warn, Crit *Range }

// judge is the state that the thresholds give a value.
func (l Limits) judge(v float64) State {
	switch {
	case l.Crit.Alerts(v):
		return Critical
	case l.Warn.Alerts(v):
		return Warning
	}
	return OK
}

// or takes the given thresholds where none were asked for.
func (l Limits) or(warn, crit string) Limits {
	if l.Warn == nil {
		l.Warn, _ = ParseRange(warn) // ours
	}
	if l.Crit == nil {
		l.Crit, _ = ParseRange(crit)
	}
	return l
}

// on puts the thresholds on a figure.
func (l Limits) on(m Metric) Metric {
	m.Warn, m.Crit = l.Warn.String(), l.Crit.String()
	return m
}
