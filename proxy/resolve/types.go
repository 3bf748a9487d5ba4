// Package resolve finds where a name leads (RFC 3263).
package resolve

import (
	"net/netip"

	"releve/proxy/transport"
)

// Name is what a URI or a Via says of the next hop. Comparable.
type Name struct {
	Host    string            // a domain name
	Port    uint16            // 0: none given
	Network transport.Network // meaningful when Given
	Given   bool              // a transport was given
	Secure  bool              // sips
}

// Target is one address to try.
type Target struct {
	Addr    netip.AddrPort
	Network transport.Network
}
