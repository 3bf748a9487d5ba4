package phone

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// splitList splits a list header at the commas outside quotes and brackets.
func splitList(s string) []string {
	var out []string
	quoted, angle, start := false, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ',' && !angle:
			out = append(out, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[start:]))
}

// uriOf returns the URI of a name-addr or addr-spec, without header parameters.
func uriOf(value string) string {
	if open := angleAt(value); open >= 0 {
		if end := strings.IndexByte(value[open:], '>'); end > 0 {
			return value[open+1 : open+end]
		}
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}

// angleAt finds the bracket that opens the URI, behind a quoted display name.
func angleAt(value string) int {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			return i
		}
	}
	return -1
}

// param returns a header parameter of an address or Via value; "" when absent.
// Parameters inside the brackets belong to the URI and are not looked at.
func param(value, name string) string {
	v, _ := lookup(value, name)
	return v
}

// lookup is param with presence: a flag such as rport has no value.
func lookup(value, name string) (string, bool) {
	if open := angleAt(value); open >= 0 {
		if end := strings.IndexByte(value[open:], '>'); end > 0 {
			value = value[open+end+1:]
		}
	}
	parts := strings.Split(value, ";")
	for _, p := range parts[1:] {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// userOf returns the user part of a SIP URI, without parameters of its own.
func userOf(uri string) string {
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return ""
	}
	user, _, ok := strings.Cut(rest, "@")
	if !ok {
		return ""
	}
	user, _, _ = strings.Cut(user, ";")
	user, _, _ = strings.Cut(user, ":")
	return user
}

// UserOf returns the user part of the URI in an address header or of a bare
// URI. Safe to call anywhere.
func UserOf(value string) string { return userOf(uriOf(value)) }

// URIOf returns the URI of an address header. Safe to call anywhere.
func URIOf(value string) string { return uriOf(value) }

// Param returns a header parameter of an address value, "" when it is absent.
// Safe to call anywhere.
func Param(value, name string) string { return param(value, name) }

// Resolve returns the UDP address of a SIP URI. Host names are not served:
// every party of the testbed has an address. Safe to call anywhere.
func Resolve(uri string) (netip.AddrPort, error) {
	rest := uri
	if _, after, ok := strings.Cut(uri, ":"); ok && strings.HasPrefix(strings.ToLower(uri), "sip") {
		rest = after
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, ";")
	rest, _, _ = strings.Cut(rest, "?")
	if ap, err := netip.ParseAddrPort(rest); err == nil {
		return ap, nil
	}
	addr, err := netip.ParseAddr(strings.Trim(rest, "[]"))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address of %q: write it as sip:user@ip:port", uri)
	}
	return netip.AddrPortFrom(addr, 5060), nil
}

// replyTo says where responses go: received and rport of the top Via
// (RFC 3261 §18.2.2, RFC 3581 §4).
func replyTo(via string, from netip.AddrPort) netip.AddrPort {
	if _, ok := lookup(via, "rport"); ok {
		return from
	}
	_, port := sentBy(via)
	return netip.AddrPortFrom(from.Addr(), port)
}

func sentBy(via string) (host string, port uint16) {
	_, rest, _ := strings.Cut(via, " ")
	rest, _, _ = strings.Cut(rest, ";")
	rest = strings.TrimSpace(rest)
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		n, err := strconv.ParseUint(rest[i+1:], 10, 16)
		if err == nil {
			return rest[:i], uint16(n)
		}
	}
	return rest, 5060
}
