package digest

import (
	"errors"
	"fmt"
	"strings"
)

// maxParams bounds the parameters of one header value. Our choice: three times
// what the fullest challenge has, times four challenges.
const maxParams = 128

// scheme is one "Scheme a=b, c=d" of a header value.
type scheme struct {
	name   string
	params map[string]string // names in lower case, values unquoted
}

// parse splits a WWW-Authenticate or Authorization value into its schemes.
// Several may stand in one value, separated by commas like the parameters
// (RFC 7235 §4.1): a word without '=' behind it begins the next one.
func parse(value []byte) ([]scheme, error) {
	p := parser{in: string(value)}
	var out []scheme
	for n := 0; p.skip(); n++ {
		if n == maxParams {
			return nil, errors.New("parse challenge: too many parameters")
		}
		word := p.word()
		if word == "" {
			return nil, fmt.Errorf("parse challenge: unexpected %q", p.in[p.pos])
		}
		p.space()
		if !p.take('=') {
			out = append(out, scheme{name: word, params: map[string]string{}})
			continue
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		if len(out) == 0 {
			return nil, errors.New("parse challenge: a parameter before the scheme")
		}
		name := strings.ToLower(word)
		if _, twice := out[len(out)-1].params[name]; twice {
			return nil, fmt.Errorf("parse challenge: %s twice", name)
		}
		out[len(out)-1].params[name] = v
	}
	return out, nil
}

type parser struct {
	in  string
	pos int
}

// space passes white space; folds of a header line count as such.
func (p *parser) space() {
	for p.pos < len(p.in) && strings.IndexByte(" \t\r\n", p.in[p.pos]) >= 0 {
		p.pos++
	}
}

// skip passes white space and commas; false at the end.
func (p *parser) skip() bool {
	for p.space(); p.take(','); p.space() {
	}
	return p.pos < len(p.in)
}

func (p *parser) take(c byte) bool {
	if p.pos < len(p.in) && p.in[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// word reads up to a separator.
func (p *parser) word() string {
	off := p.pos
	for p.pos < len(p.in) && strings.IndexByte(" \t\r\n,=\"", p.in[p.pos]) < 0 {
		p.pos++
	}
	return p.in[off:p.pos]
}

// value reads a token or a quoted string, without its quotes and escapes.
func (p *parser) value() (string, error) {
	p.space()
	if !p.take('"') {
		// A token; base64 of other schemes ends in '='.
		off := p.pos
		for p.pos < len(p.in) && strings.IndexByte(" \t\r\n,\"", p.in[p.pos]) < 0 {
			p.pos++
		}
		return p.in[off:p.pos], nil
	}
	var b strings.Builder
	for p.pos < len(p.in) {
		c := p.in[p.pos]
		p.pos++
		switch {
		case c == '"':
			return b.String(), nil
		case c == '\\' && p.pos < len(p.in):
			c = p.in[p.pos]
			p.pos++
		}
		b.WriteByte(c)
	}
	return "", errors.New("parse challenge: a quote is not closed")
}

// quote writes a quoted string; CR, LF and NUL, which would break a header
// line, become spaces.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\r', '\n', 0:
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
