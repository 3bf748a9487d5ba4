package config

import (
	"fmt"
	"net/netip"

	"releve/router"
)

// party is a configured address with its place in the file.
type party struct {
	uri        URI
	path, name string
}

// parties are the IPBXs, the servers and the operators' desk.
func (k *checker) parties() (out []party) {
	for i, x := range k.IPBX {
		out = append(out, party{x.Address, fmt.Sprintf("ipbx[%d].address", i), x.Name})
	}
	for i, s := range k.Servers {
		out = append(out, party{s.Address, fmt.Sprintf("servers[%d].address", i), s.Name})
	}
	return append(out, party{k.Rescue, "rescue", "rescue"})
}

// addresses: no two parties share one, so that a source names its party; no two
// listeners one socket (TCP and TLS have the same kind, UDP its own).
func (k *checker) addresses() {
	taken, sockets := map[string]string{}, map[string]string{}
	claim := func(in map[string]string, what, path, owner string) {
		if other, ok := in[what]; ok {
			k.fault(path, CodeDuplicateAddress, k.say.ConfigDuplicateAddress(what, other))
			return
		}
		in[what] = owner
	}
	for i, l := range k.Listen {
		if !l.Address.IsValid() {
			continue
		}
		at, address := fmt.Sprintf("listen[%d]", i), l.Address.String()
		socket := "udp://" + address
		if l.Transport != "udp" {
			socket = "tcp://" + address
		}
		claim(sockets, socket, at+".address", at)
		taken[address] = at
	}
	for _, p := range k.parties() {
		if p.path == "rescue" || p.uri.IsZero() {
			continue
		}
		claim(taken, p.uri.hostPort(), p.path, p.name)
	}
}

// sources: a server's address among an IPBX's sources would make the server's
// calls look like the IPBX's, unless both share the host on different ports.
func (k *checker) sources() {
	for i, x := range k.IPBX {
		for j, a := range x.Sources {
			for _, s := range k.Servers {
				if a == s.Address.Addr.Addr() && a != x.Address.Addr.Addr() {
					k.fault(fmt.Sprintf("ipbx[%d].sources[%d]", i, j), CodeSourceShared,
						k.say.ConfigSourceShared(a.String(), s.Name))
				}
			}
		}
		if x.Address.IsName() && len(x.Sources) == 0 {
			k.advise(fmt.Sprintf("ipbx[%d].address", i), CodeNoSources, k.say.ConfigNoSources(x.Name, x.Address.Host))
		}
	}
}

// spoken names a transport, and the family of an address when it is IPv6.
func spoken(transport string, a netip.AddrPort) string {
	if a.IsValid() && isIPv6(a) {
		return transport + "/IPv6"
	}
	return transport
}

// listeners: 0.0.0.0 is no address to show to others; a request too large for
// UDP comes over TCP to the same port (RFC 3261 §18.2.1).
func (k *checker) listeners() {
	inline := len(k.Listen) == 0
	tcp := map[netip.AddrPort]bool{}
	for _, l := range k.Listen {
		inline = inline || l.Entry == router.Inline
		tcp[l.Address] = tcp[l.Address] || l.Transport == "tcp"
	}
	if !inline {
		k.advise("listen", CodeNoInline, k.say.ConfigNoInline())
	}
	for i, l := range k.Listen {
		at := fmt.Sprintf("listen[%d]", i)
		if l.Address.IsValid() && l.Advertise.Addr().IsUnspecified() && k.sound(at+".advertise") {
			k.fault(at+".advertise", CodeAdvertise, k.say.ConfigAdvertise(l.Address.String()))
		}
		if l.Transport == "udp" && !tcp[l.Address] {
			k.advise(at+".address", CodeNoTCP, k.say.ConfigNoTCP(l.Address.String()))
		}
	}
}

// listens says that a listener speaks transport to u: in its address family
// when u is an IP address.
func (k *checker) listens(transport string, u URI) bool {
	for _, l := range k.Listen {
		if l.Transport == transport && (u.IsName() || isIPv6(l.Address) == isIPv6(u.Addr)) {
			return true
		}
	}
	return false
}

// heard says that the listeners can be judged: there are some, and none was
// refused.
func (k *checker) heard() bool {
	for _, l := range k.Listen {
		if l.Transport == "" {
			return false
		}
	}
	return len(k.Listen) > 0
}

// reach: a party's transport and address family need a listener of ours, so
// that each can reach the other. A name that gives no transport has that of DNS.
func (k *checker) reach() {
	if !k.heard() {
		return
	}
	for _, p := range k.parties() {
		network := p.uri.Network()
		if p.uri.IsZero() || network == "" || k.listens(network, p.uri) {
			continue
		}
		k.fault(p.path, CodeNoListener, k.say.ConfigNoListener(spoken(network, p.uri.Addr), p.name))
	}
}

// large: a large request by TCP names our TCP listener in its Via
// (RFC 3261 §18.1.1). A profile's own wish gives way without one.
func (k *checker) large() {
	if !k.heard() {
		return
	}
	need := func(large, path, name string, u URI) {
		if large == "tcp" && !k.listens("tcp", u) && !u.IsZero() {
			k.fault(path, CodeNoListener, k.say.ConfigNoListener(spoken("tcp", u.Addr), name))
		}
	}
	for i, x := range k.IPBX {
		need(x.Manners.Large, fmt.Sprintf("ipbx[%d].large", i), x.Name, x.Address)
	}
	for i, s := range k.Servers {
		need(s.Large, fmt.Sprintf("servers[%d].large", i), s.Name, s.Address)
	}
}

// limits: the bound of one source lies within that of all.
func (k *checker) limits() {
	l := k.Limits
	if l.ConnectionsPerSource > l.Connections && k.sound("limits.connections", "limits.connections_per_source") {
		k.fault("limits.connections_per_source", CodeOrder,
			k.say.ConfigAtMost("limits.connections_per_source", l.ConnectionsPerSource, "limits.connections", l.Connections))
	}
}

// rescue: the operators' desk is at the IPBX. A host that is the name of a
// configured IPBX means its address.
func (k *checker) rescue() {
	u := &k.Rescue
	if u.IsZero() {
		return
	}
	switch {
	case u.User == "":
		k.fault("rescue", CodeSIP, k.say.ConfigNeedUser("rescue", u.String()))
	case k.own(*u):
		k.fault("rescue", CodeRescueLoop, k.say.ConfigRescueLoop(u.hostPort()))
	}
}

// own says that u is a voice server or one of our listeners.
func (k *checker) own(u URI) bool {
	for _, s := range k.Servers {
		if s.Address.hostPort() == u.hostPort() {
			return true
		}
	}
	for _, l := range k.Listen {
		if u.Addr.IsValid() && (l.Address == u.Addr || l.Advertise == u.Addr) {
			return true
		}
	}
	return false
}
