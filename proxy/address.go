package proxy

import (
	"bytes"
	"net/netip"

	"releve/proxy/message"
	"releve/proxy/transport"
)

// SIP's ports: over UDP and TCP, and over TLS (RFC 3261 §19.1.2).
const (
	defaultPort = 5060
	securePort  = 5061
)

// portOf is SIP's port on a network.
func portOf(n transport.Network) uint16 {
	if n == transport.TLS {
		return securePort
	}
	return defaultPort
}

// hostPort reads host[:port] of an IP literal, with SIP's port for the network
// when none is given.
func hostPort(b []byte, n transport.Network) (netip.AddrPort, bool) {
	a, ok := message.AddrPort(b)
	if ok && a.Port() == 0 {
		a = withPort(a, portOf(n))
	}
	return a, ok
}

// sentByPort is the port of a sent-by, also when its host is a name.
func sentByPort(b []byte, network transport.Network) uint16 {
	i := bytes.LastIndexByte(b, ':')
	if i < 0 || bytes.IndexByte(b[i:], ']') >= 0 {
		return portOf(network)
	}
	n := 0
	for _, c := range b[i+1:] {
		if c < '0' || c > '9' {
			return portOf(network)
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return portOf(network)
		}
	}
	if n == 0 {
		return portOf(network)
	}
	return uint16(n)
}

// networkOf reads a transport token; false for one that we do not speak.
func networkOf(token []byte) (transport.Network, bool) {
	for n := transport.UDP; n <= transport.TLS; n++ {
		if bytes.EqualFold(token, []byte(n.String())) {
			return n, true
		}
	}
	return transport.UDP, false
}

// secure reports whether a URI is a sips one (RFC 3261 §26.2.2).
func secure(uri []byte) bool {
	return len(uri) > 5 && bytes.EqualFold(uri[:5], []byte("sips:"))
}

// place is what a URI says of where it leads, before any look-up (RFC 3263
// §4.1, §4.2).
type place struct {
	host    []byte // maddr, else the host
	port    uint16 // 0: none given
	network transport.Network
	given   bool // the URI names the transport
	secure  bool
}

// placeOf reads a URI; false when it is malformed, of no SIP scheme, or names a
// transport that we do not speak.
func placeOf(uri []byte) (place, bool) {
	u, ok := message.ParseURI(uri)
	if !ok || len(u.Host) == 0 {
		return place{}, false
	}
	at := place{host: u.Host, port: uint16(u.Port), secure: secure(uri)}
	if maddr, ok := u.Param("maddr"); ok && len(maddr) > 0 {
		at.host = maddr
	}
	if t, ok := u.Param("transport"); ok {
		if at.network, ok = networkOf(t); !ok {
			return place{}, false
		}
		at.given = true
	}
	if at.secure {
		at.network = transport.TLS // sips;transport=tcp is TLS over TCP (RFC 3261 §26.2.2)
	}
	return at, true
}

// addr is the address that the host is, with the port that is meant.
func (at place) addr() (netip.AddrPort, bool) {
	a, ok := message.AddrPort(at.host)
	if !ok {
		return a, false
	}
	port := at.port
	if port == 0 {
		port = portOf(at.network)
	}
	return withPort(a, port), true
}

func withPort(a netip.AddrPort, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr(), port)
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
