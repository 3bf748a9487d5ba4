package proxy

import (
	"bytes"
	"net/netip"

	"releve/proxy/message"
)

// defaultPort is SIP's over UDP and TCP (RFC 3261 §19.1.2).
const defaultPort = 5060

// hostPort reads host[:port] of an IP literal, with SIP's default port.
func hostPort(b []byte) (netip.AddrPort, bool) {
	a, ok := message.AddrPort(b)
	if ok && a.Port() == 0 {
		a = netip.AddrPortFrom(a.Addr(), defaultPort)
	}
	return a, ok
}

// sentByPort is the port of a sent-by, also when its host is a name.
func sentByPort(b []byte) uint16 {
	i := bytes.LastIndexByte(b, ':')
	if i < 0 || bytes.IndexByte(b[i:], ']') >= 0 {
		return defaultPort
	}
	n := 0
	for _, c := range b[i+1:] {
		if c < '0' || c > '9' {
			return defaultPort
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return defaultPort
		}
	}
	if n == 0 {
		return defaultPort
	}
	return uint16(n)
}

// userOf is the user part of the URI in a From, To or P-Asserted-Identity value.
func userOf(value []byte) []byte {
	u, ok := message.ParseURI(uriOf(value))
	if !ok {
		return nil
	}
	return u.User
}

// uriOf is the URI of a name-addr or addr-spec.
func uriOf(value []byte) []byte {
	if i := bytes.IndexByte(value, '<'); i >= 0 {
		// A display name may hold "<" in quotes; the last one opens the URI.
		i = bytes.LastIndexByte(value, '<')
		if j := bytes.IndexByte(value[i:], '>'); j > 0 {
			return value[i+1 : i+j]
		}
		return nil
	}
	if i := bytes.IndexByte(value, ';'); i >= 0 {
		value = value[:i]
	}
	return bytes.TrimSpace(value)
}

// isTCP reports whether a transport token names TCP.
func isTCP(t []byte) bool { return bytes.EqualFold(t, []byte("tcp")) }

// lastRoute is the URI of the last Route value (RFC 3261 §16.4).
func lastRoute(raw []byte, h *message.Head) []byte {
	var last []byte
	for v := range message.Values(raw, h, "Route") {
		last = v
	}
	return uriOf(last)
}

// dialogOf is the Call-ID that a Replaces header names (RFC 3891 §6.1).
func dialogOf(replaces []byte) []byte {
	if i := bytes.IndexByte(replaces, ';'); i >= 0 {
		replaces = replaces[:i]
	}
	return bytes.TrimSpace(replaces)
}
