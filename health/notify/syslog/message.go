package syslog

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"releve/health/notify"
)

// DefaultSDID names our structured data until an enterprise number is assigned:
// 32473 is the number that RFC 5612 keeps for examples.
const DefaultSDID = "releve@32473"

// CheckSDID refuses what is no name@number (RFC 5424 §6.3.2).
func CheckSDID(id string) error {
	name, number, ok := strings.Cut(id, "@")
	bad := !ok || name == "" || number == "" || len(id) > 32 || strings.ContainsAny(name, " =]\"") || printable(id, 33) != id
	for _, part := range strings.Split(number, ".") {
		if _, err := strconv.ParseUint(part, 10, 32); err != nil {
			bad = true
		}
	}
	if bad {
		return errors.New("syslog structured data: write name@enterprise number, at most 32 characters, such as " + DefaultSDID)
	}
	return nil
}

// severity maps X.733 as RFC 5674 §2 does. What is no new failure (cleared,
// acknowledged, a test) is a notice.
func severity(n notify.Notice) int {
	const alert, critical, fault, warning, note = 1, 2, 3, 4, 5
	switch n.Kind {
	case notify.Cleared, notify.Acknowledged, notify.Test:
		return note
	}
	switch n.Severity {
	case "critical":
		return alert
	case "major":
		return critical
	case "minor":
		return fault
	case "warning":
		return warning
	}
	return note
}

// Longest values of structured data, escaped, and of what somebody said, in
// bytes.
const (
	maxValue = 64
	maxNote  = 120
)

// message is one message of at most limit bytes.
func (s *Sink) message(n notify.Notice, limit int) []byte {
	var b strings.Builder
	b.WriteByte('<')
	b.WriteString(strconv.Itoa(s.o.Facility*8 + severity(n)))
	b.WriteString(">1 ")
	b.WriteString(n.Time.UTC().Format("2006-01-02T15:04:05.000Z"))
	for _, field := range []string{
		header(n.Node, 63), "releve", header(s.pid, 16), header("alarm-"+string(n.Kind), 32),
	} {
		b.WriteByte(' ')
		b.WriteString(field)
	}
	b.WriteByte(' ')
	s.data(&b, n)
	b.WriteString(" \ufeff") // RFC 5424 §6.4: it is UTF-8
	text := b.String()
	words := sentence(n)
	return []byte(text + cut(words, max(0, limit-len(text))))
}

// data writes the structured data: the alarm of RFC 5674 §3, then ours.
func (s *Sink) data(b *strings.Builder, n notify.Notice) {
	perceived := n.Severity
	if n.Kind == notify.Cleared {
		perceived = "cleared"
	}
	element(b, "alarm", "resource", n.Object, "probableCause", "other", "perceivedSeverity", perceived)
	pairs := []string{
		"code", strconv.Itoa(int(n.Number)), "kind", string(n.Kind), "severity", n.Severity, "object", n.Object,
		"site", n.Site, "incident", n.Incident, "id", n.ID,
	}
	if n.By != "" {
		pairs = append(pairs, "by", n.By)
	}
	element(b, s.o.SDID, pairs...)
}

func element(b *strings.Builder, id string, pairs ...string) {
	b.WriteString("[" + id)
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString(" " + pairs[i] + "=\"" + escape(clean(pairs[i+1])) + "\"")
	}
	b.WriteByte(']')
}

// escape is RFC 5424 §6.3.3, cut to maxValue.
func escape(v string) string {
	var b strings.Builder
	for _, r := range v {
		one := string(r)
		if r == '\\' || r == '"' || r == ']' {
			one = `\` + one
		}
		if b.Len()+len(one) > maxValue {
			break
		}
		b.WriteString(one)
	}
	return b.String()
}

// header is a field of the header: printable ASCII without spaces, "-" for none.
func header(v string, most int) string {
	if v = printable(v, most); v == "" {
		return "-"
	}
	return v
}

// printable keeps what is printable ASCII, the rest becomes "?".
func printable(v string, most int) string {
	v = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, v)
	return v[:min(len(v), most)]
}

// sentence is the text, one line: the most important first, for the end is cut.
func sentence(n notify.Notice) string {
	parts := []string{clean(n.Title)}
	if n.Word != "" {
		parts[0] = clean(n.Word) + ": " + parts[0]
	}
	if n.By != "" {
		parts = append(parts, cut(clean(n.By+": "+n.Note), maxNote))
	}
	for _, p := range []string{n.Headline, n.Todo} {
		if p = clean(p); p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " | ")
}

// clean is valid UTF-8 without control characters: a value starts no line.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}

// cut shortens s to at most n bytes at the end of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
