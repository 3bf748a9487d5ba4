package message

import (
	"bytes"
	"iter"
)

// ContactValue is one value of a Contact header.
type ContactValue struct {
	Value   []byte // whole, "<sip:…>;expires=60"
	URI     []byte // without brackets; "*" when Star
	Star    bool   // "*": every binding (RFC 3261 §10.2.2)
	Bad     bool   // a "?" outside brackets: whose headers those are is not said (RFC 3261 §20.10)
	Expires int    // seconds of the expires parameter; -1: absent or unreadable
	// Instance names the device (RFC 5626 §4.1), without quotes; nil: none.
	Instance []byte
	Q        int // thousandths, 0–1000; -1: absent or unreadable
}

// ContactList yields every Contact value of a message, over all lines, in
// order: the bindings of a REGISTER or of its 2xx (RFC 3261 §10.3). Values with
// an open quote or bracket are left out. The slices point into raw.
func ContactList(raw []byte, h *Head) iter.Seq[ContactValue] {
	return func(yield func(ContactValue) bool) {
		for v := range Values(raw, h, "contact") {
			if c, ok := parseContact(v); ok && !yield(c) {
				return
			}
		}
	}
}

func parseContact(v []byte) (ContactValue, bool) {
	uri, params, ok := address(v, 0, len(v))
	c := ContactValue{Value: v, URI: trim(uri.Of(v)), Expires: -1, Q: -1}
	if !ok {
		return c, false
	}
	c.Star = string(c.URI) == "*"
	c.Bad = bytes.IndexByte(c.URI, '?') >= 0 && bytes.IndexByte(v[:params], '<') < 0
	if _, e, _, found := param(v, params, len(v), "expires"); found {
		if n, ok := number(bytes.Trim(e, "\"")); ok { // quoted by some registrars, against §25.1
			c.Expires = min(n, 1<<32-1)
		}
	}
	if _, i, _, found := param(v, params, len(v), "+sip.instance"); found && len(i) > 0 {
		c.Instance = bytes.Trim(i, "\"")
	}
	if _, q, _, found := param(v, params, len(v), "q"); found {
		c.Q = quality(q)
	}
	return c, true
}

// quality reads a qvalue, "0.7" or "1.000" (RFC 3261 §25.1).
func quality(b []byte) int {
	whole, fraction := cutAt(b, '.')
	n, ok := number(whole)
	if !ok || n > 1 || len(fraction) > 3 {
		return -1
	}
	q, scale := n*1000, 100
	for _, c := range fraction {
		if c < '0' || c > '9' {
			return -1
		}
		q += int(c-'0') * scale
		scale /= 10
	}
	if q > 1000 {
		return -1
	}
	return q
}
