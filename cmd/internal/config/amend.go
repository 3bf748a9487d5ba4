package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
)

// Line is one value to write under an entry of ipbx: hold_signal, dissuasion.status.
type Line struct{ Key, Value string }

// The ways in which Amend fails; nothing is changed then.
var (
	ErrNoEntry   = errors.New("the file has no such ipbx entry")
	ErrNotAmends = errors.New("the change would not read back as meant: edit the file by hand")
)

// Amend writes lines under ipbx[entry] of raw, and leaves every other byte, comments
// included, as it is. A line that says so already is left alone. What comes out reads
// back as meant and has no fault that raw had not, or nothing is changed.
func Amend(raw []byte, entry int, lines []Line) ([]byte, error) {
	out := bytes.Clone(raw)
	for _, l := range lines {
		next, err := amendOne(out, entry, l)
		if err != nil {
			return raw, err
		}
		out = next
	}
	if !readsBack(raw, out, entry, lines) {
		return raw, ErrNotAmends
	}
	return out, nil
}

// amendOne writes one line.
func amendOne(raw []byte, entry int, l Line) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil || len(doc.Content) == 0 {
		return nil, fmt.Errorf("%w: %w", ErrNoEntry, err)
	}
	all := valueOf(doc.Content[0], "ipbx")
	if all == nil || all.Kind != yaml.SequenceNode || entry < 0 || entry >= len(all.Content) || all.Content[entry].Kind != yaml.MappingNode {
		return nil, ErrNoEntry
	}
	at := all.Content[entry]
	key, child, nested := strings.Cut(l.Key, ".")
	have := valueOf(at, key)
	switch {
	case nested && have == nil:
		return insert(raw, at, key, "{"+child+": "+l.Value+"}")
	case nested && have.Kind != yaml.MappingNode:
		return nil, ErrNotAmends
	case nested:
		at, key = have, child
		have = valueOf(at, key)
	}
	if have == nil {
		return insert(raw, at, key, l.Value)
	}
	if have.Kind != yaml.ScalarNode {
		return nil, ErrNotAmends
	}
	if have.Value == l.Value {
		return raw, nil
	}
	return replace(raw, have, l.Value)
}

// offsetOf is where a node begins in raw: lines and columns from 1, columns in
// characters.
func offsetOf(raw []byte, line, column int) (int, bool) {
	at := 0
	for ; line > 1; line-- {
		i := bytes.IndexByte(raw[at:], '\n')
		if i < 0 {
			return 0, false
		}
		at += i + 1
	}
	for range column - 1 {
		if at >= len(raw) {
			return 0, false
		}
		at++
		for at < len(raw) && raw[at]&0xc0 == 0x80 {
			at++
		}
	}
	return at, at <= len(raw)
}

// replace writes another scalar over n.
func replace(raw []byte, n *yaml.Node, value string) ([]byte, error) {
	at, ok := offsetOf(raw, n.Line, n.Column)
	if !ok {
		return nil, ErrNotAmends
	}
	end := at
	switch rest := raw[at:]; {
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		i := bytes.IndexByte(rest[1:], rest[0])
		if i < 0 {
			return nil, ErrNotAmends
		}
		end = at + i + 2
	case bytes.HasPrefix(rest, []byte(n.Value)):
		end = at + len(n.Value)
	default:
		return nil, ErrNotAmends
	}
	return slices.Concat(raw[:at], []byte(value), raw[end:]), nil
}

// insert adds a key to a mapping: behind the brace of one in flow style, else on a
// line of its own behind the first key.
func insert(raw []byte, m *yaml.Node, key, value string) ([]byte, error) {
	if m.Style&yaml.FlowStyle != 0 {
		at, ok := offsetOf(raw, m.Line, m.Column)
		if !ok || at >= len(raw) || raw[at] != '{' {
			return nil, ErrNotAmends
		}
		text := key + ": " + value
		if len(m.Content) > 0 {
			text += ", "
		}
		return slices.Concat(raw[:at+1], []byte(text), raw[at+1:]), nil
	}
	if len(m.Content) < 2 {
		return nil, ErrNotAmends
	}
	first, second := m.Content[0], m.Content[1]
	if second.Kind != yaml.ScalarNode || second.Line != first.Line {
		return nil, ErrNotAmends
	}
	at, ok := offsetOf(raw, first.Line, 1)
	if !ok {
		return nil, ErrNotAmends
	}
	text := strings.Repeat(" ", first.Column-1) + key + ": " + value + "\n"
	if i := bytes.IndexByte(raw[at:], '\n'); i >= 0 {
		at += i + 1
		return slices.Concat(raw[:at], []byte(text), raw[at:]), nil
	}
	return slices.Concat(raw, []byte("\n"+text)), nil
}

// readsBack says that out means what raw means, but for the lines, and has no fault
// that raw had not.
func readsBack(raw, out []byte, entry int, lines []Line) bool {
	_, before := Parse("", raw, text.English)
	c, after := Parse("", out, text.English)
	if count(after) > count(before) || entry >= len(c.IPBX) {
		return false
	}
	var doc yaml.Node
	if yaml.Unmarshal(out, &doc) != nil {
		return false
	}
	at := valueOf(doc.Content[0], "ipbx").Content[entry]
	for _, l := range lines {
		n := at
		for key := range strings.SplitSeq(l.Key, ".") {
			if n = valueOf(n, key); n == nil {
				return false
			}
		}
		if n.Value != l.Value {
			return false
		}
	}
	return true
}

func count(problems []Problem) (faults int) {
	for _, p := range problems {
		if !p.Advice {
			faults++
		}
	}
	return faults
}

// Entries is how many ipbx entries raw has, and the host that each address names; ""
// where there is none.
func Entries(raw []byte) (hosts []string) {
	var doc yaml.Node
	if yaml.Unmarshal(raw, &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	all := valueOf(doc.Content[0], "ipbx")
	if all == nil || all.Kind != yaml.SequenceNode {
		return nil
	}
	for _, e := range all.Content {
		host := ""
		if n := valueOf(e, "address"); n != nil {
			if u, ok := parseURI(n.Value); ok {
				host = u.Host
			}
		}
		hosts = append(hosts, host)
	}
	return hosts
}
