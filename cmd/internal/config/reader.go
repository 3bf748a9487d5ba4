package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
)

// maxList bounds every list of the file, our choice; lists with a smaller
// bound of their own say so.
const maxList = 100

// reader walks the YAML nodes once, fills the Config and collects every fault.
// Used by one Load and dropped.
type reader struct {
	file     string
	say      text.Messages
	problems []Problem
	at       map[string]place
	bad      map[string]bool
}

// take reads the value at node n; path names it, e.g. servers[1].lines.
type take func(n *yaml.Node, path string)

// field is one known key of a mapping.
type field struct {
	key  string
	read take
}

func (r *reader) fault(n *yaml.Node, path string, code Code, message string) {
	r.bad[path] = true
	r.problems = append(r.problems, Problem{
		File: r.file, Line: n.Line, Col: n.Column, Code: code, Path: path, Message: message,
	})
}

func (r *reader) advise(n *yaml.Node, path string, code Code, message string) {
	r.problems = append(r.problems, Problem{
		File: r.file, Line: n.Line, Col: n.Column, Code: code, Path: path, Advice: true, Message: message,
	})
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// mapping reads the keys of n; an unknown or repeated key is a fault.
func (r *reader) mapping(n *yaml.Node, path string, fields ...field) {
	r.keys(n, path, func(key, value *yaml.Node) {
		for _, f := range fields {
			if f.key == key.Value {
				f.read(value, join(path, key.Value))
				return
			}
		}
		names := make([]string, len(fields))
		for i, f := range fields {
			names[i] = f.key
		}
		r.fault(key, join(path, key.Value), CodeUnknownKey,
			r.say.ConfigUnknownKey(key.Value, path, nearest(key.Value, names)))
	})
}

// keys calls each for every key of the mapping n, once a name, and remembers
// the place of its value.
func (r *reader) keys(n *yaml.Node, path string, each func(key, value *yaml.Node)) {
	if r.null(n) {
		return // an empty section keeps its defaults
	}
	if n.Kind != yaml.MappingNode {
		r.wrongKind(n, path, r.say.ConfigWantMapping)
		return
	}
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			r.fault(key, path, CodeAlias, r.say.ConfigAlias())
			continue
		}
		if first, ok := seen[key.Value]; ok {
			r.fault(key, join(path, key.Value), CodeDuplicateKey, r.say.ConfigDuplicateKey(key.Value, first))
			continue
		}
		seen[key.Value] = key.Line
		r.at[join(path, key.Value)] = place{value.Line, value.Column}
		if value.Kind == yaml.AliasNode {
			r.fault(value, join(path, key.Value), CodeAlias, r.say.ConfigAlias())
			continue
		}
		each(key, value)
	}
}

func (r *reader) null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (r *reader) wrongKind(n *yaml.Node, path string, say func(string) string) {
	if n.Kind == yaml.AliasNode {
		r.fault(n, path, CodeAlias, r.say.ConfigAlias())
		return
	}
	if path == "" {
		path = r.file
	}
	r.fault(n, path, CodeWrongKind, say(path))
}

// list reads each element of a list of at most limit.
func (r *reader) list(n *yaml.Node, path string, limit int, each take) {
	if n.Kind != yaml.SequenceNode {
		r.wrongKind(n, path, r.say.ConfigWantList)
		return
	}
	if len(n.Content) > limit {
		r.fault(n, path, CodeTooMany, r.say.ConfigTooMany(path, limit))
		return
	}
	for i, e := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		r.at[at] = place{e.Line, e.Column}
		each(e, at)
	}
}

// scalar returns the characters of a single, non-empty value as written. No
// value holds a control character: CR, LF and NUL would end a header field
// wherever the value were written.
func (r *reader) scalar(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		r.wrongKind(n, path, r.say.ConfigWantScalar)
		return "", false
	}
	if r.null(n) || strings.TrimSpace(n.Value) == "" {
		r.fault(n, path, CodeMissing, r.say.ConfigEmptyValue(path))
		return "", false
	}
	if i := strings.IndexFunc(n.Value, unicode.IsControl); i >= 0 {
		c, _ := utf8.DecodeRuneInString(n.Value[i:])
		r.fault(n, path, CodeCharacter, r.say.ConfigCharacter(path, fmt.Sprintf("U+%04X", c)))
		return "", false
	}
	return n.Value, true
}

// quotable reads a text that may stand between quotes or brackets in a SIP
// message: a name, a digest username (RFC 3261 §25.1, quoted-string).
func (r *reader) quotable(dst *string) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if i := strings.IndexAny(s, "\"<>\\"); ok && i >= 0 {
			r.fault(n, path, CodeCharacter, r.say.ConfigCharacter(path, s[i:i+1]))
			return
		}
		if ok {
			*dst = s
		}
	}
}

func (r *reader) str(dst *string) take {
	return func(n *yaml.Node, path string) {
		if s, ok := r.scalar(n, path); ok {
			*dst = s
		}
	}
}

// digits reads what telephony writes with digits (numbers, users): the
// characters as written, with the advice to quote them.
func (r *reader) digits(dst *string, valid func(string) bool) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		if !valid(s) {
			r.fault(n, path, CodeNumber, r.say.ConfigBadNumber(path, s))
			return
		}
		if n.Tag != "!!str" {
			r.advise(n, path, CodeUnquoted, r.say.ConfigUnquoted(path, s))
		}
		*dst = s
	}
}

// freeText reads a text that often holds a phone number.
func (r *reader) freeText(dst *string) take {
	return r.digits(dst, func(string) bool { return true })
}

func (r *reader) path(dst *string) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if ok && !strings.HasPrefix(s, "/") {
			r.fault(n, path, CodeAbsolute, r.say.ConfigAbsolute(path, s))
			return
		}
		if ok {
			*dst = s
		}
	}
}

func (r *reader) duration(dst *time.Duration, low, high time.Duration) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		d, err := time.ParseDuration(s)
		switch {
		case err != nil:
			r.fault(n, path, CodeDuration, r.say.ConfigBadDuration(path, s))
		case d < low || d > high:
			r.fault(n, path, CodeRange, r.say.ConfigDurationRange(path, d, low, high))
		default:
			*dst = d
		}
	}
}

func (r *reader) whole(dst *int, low, high int) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		v, err := strconv.Atoi(s)
		if err != nil || v < low || v > high {
			r.fault(n, path, CodeRange, r.say.ConfigNumberRange(path, s, low, high))
			return
		}
		*dst = v
	}
}

// boolean takes true and false alone: yes, on, oui mean different things to
// different readers of YAML.
func (r *reader) boolean(dst *bool) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		switch {
		case !ok:
		case s == "true" || s == "false":
			*dst = s == "true"
		default:
			r.fault(n, path, CodeUnknownValue, r.say.ConfigBadBool(path, s))
		}
	}
}

// word is one allowed value of an enumeration. NotYet: known, refused by name.
type word[T any] struct {
	name   string
	value  T
	notYet bool
}

func oneOf[T any](r *reader, dst *T, words ...word[T]) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		var allowed []string
		for _, w := range words {
			if w.name == s && w.notYet {
				r.fault(n, path, CodeNotYet, r.say.ConfigNotYet(path+": "+s))
				return
			}
			if w.name == s {
				*dst = w.value
				return
			}
			if !w.notYet {
				allowed = append(allowed, w.name)
			}
		}
		r.fault(n, path, CodeUnknownValue, r.say.ConfigUnknownValue(path, s, allowed, nearest(s, allowed)))
	}
}

// uri reads a SIP address whose host is an IP address or a name.
func (r *reader) uri(dst *URI) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		u, ok := parseURI(s)
		if !ok {
			r.fault(n, path, CodeSIP, r.say.ConfigBadSIP(path, s))
			return
		}
		*dst = u
	}
}

func (r *reader) ip(n *yaml.Node, path string) (netip.Addr, bool) {
	s, ok := r.scalar(n, path)
	if !ok {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.IsUnspecified() {
		r.fault(n, path, CodeHost, r.say.ConfigBadIP(path, s))
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}
