package resolve

import (
	"net/netip"
	"strings"

	"releve/proxy/transport"
)

// Name is what a URI or a Via says of the next hop. Comparable. maddr is the
// caller's business: it goes into Host when there is one.
type Name struct {
	Host    string            // a domain name or an address, with or without brackets
	Port    uint16            // 0: none given
	Network transport.Network // meaningful when Given
	Given   bool              // a transport was given
	Secure  bool              // sips
}

// SentBy is the name by which a response finds its way when the address the
// request came from cannot be used: the sent-by of the Via and its transport,
// which a response never changes (RFC 3263 §5).
func SentBy(host string, port uint16, network transport.Network) Name {
	return Name{Host: host, Port: port, Network: network, Given: true}
}

// canonical makes equal what leads to the same questions. It allocates only
// for hosts written with capitals.
func (n Name) canonical() Name {
	n.Host = strings.TrimSuffix(strings.TrimPrefix(n.Host, "["), "]")
	n.Host = strings.ToLower(strings.TrimSuffix(n.Host, "."))
	if n.Secure {
		// sips is TLS whatever transport says: RFC 3261 §26.2.2 reads
		// sips with transport=tcp as TLS over TCP, and RFC 5630 §3.1.3
		// leaves no other way.
		n.Network = transport.TLS
	}
	if !n.Given && !n.Secure {
		n.Network = transport.UDP
	}
	return n
}

// literal is the answer for a name that needs no DNS (RFC 3263 §4.1, §4.2).
// n is canonical: without a transport its Network is UDP, for sips TLS.
func (n Name) literal(ipv4 bool) (Target, bool) {
	a, ok := address(n.Host)
	if !ok {
		if n.Host != "localhost" && !strings.HasSuffix(n.Host, ".localhost") {
			return Target{}, false
		}
		a = netip.IPv6Loopback()
		if ipv4 {
			a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
	}
	return Target{netip.AddrPortFrom(a.Unmap(), n.port()), n.Network}, true
}

// address reads a numeric host. Names are known by their look first: the error
// of ParseAddr would be an allocation per message.
func address(host string) (netip.Addr, bool) {
	if host == "" || strings.IndexByte(host, ':') < 0 && (host[len(host)-1] < '0' || host[len(host)-1] > '9') {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(host)
	return a, err == nil
}

// port is the one given, else the default of the transport (RFC 3261 §19.1.2).
func (n Name) port() uint16 {
	switch {
	case n.Port != 0:
		return n.Port
	case n.Network == transport.TLS:
		return 5061
	}
	return 5060
}

// askable reports whether the host can be asked for: letters, digits, hyphens
// and underscores in labels of 1–63, 253 in all, the last label not a number
// (RFC 1123 §2.1, RFC 3261 §25.1 toplabel). Anything else is answered without
// a query: what a Contact holds is not ours to trust.
func askable(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	label := ""
	for label = range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInLabel) {
			return false
		}
	}
	return strings.Trim(label, "0123456789") != ""
}

func notInLabel(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
}
