package app

import (
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"

	"releve/cmd/internal/config"
	"releve/proxy"
	"releve/proxy/register"
	"releve/proxy/resolve"
	"releve/proxy/transport"
	"releve/router"
)

// networkNamed reads a transport of the configuration; none given is UDP.
func networkNamed(s string) transport.Network {
	switch s {
	case "tcp":
		return transport.TCP
	case "tls":
		return transport.TLS
	}
	return transport.UDP
}

func networkOf(l config.Listen) transport.Network { return networkNamed(l.Transport) }

// peerOf is a configured far end.
func (a *App) peerOf(name string, u config.URI, large string) proxy.Peer {
	p := proxy.Peer{Name: name, Addr: u.Addr, Network: networkNamed(u.Network()), LargeByTCP: large == "tcp"}
	if u.IsName() {
		p.Host = nameOf(u)
	}
	p.Listener = a.listenerFor(p.Network, u.Addr)
	return p
}

// nameOf is what DNS is asked for a far end that is configured by its name.
func nameOf(u config.URI) resolve.Name {
	return resolve.Name{
		Host: u.Host, Port: u.Port, Network: networkNamed(u.Network()), Given: u.Transport != "", Secure: u.Secure,
	}
}

// listenerFor is our first inline listener for a network and the family of an
// address (not valid: any); the first inline one when there is none.
func (a *App) listenerFor(n transport.Network, to netip.AddrPort) uint8 {
	first := -1
	for i, l := range a.cfg().Listen {
		if l.Entry != router.Inline {
			continue
		}
		if networkOf(l) == n && (!to.IsValid() || sameFamily(l.Address, to)) {
			return uint8(i)
		}
		if first < 0 {
			first = i
		}
	}
	return uint8(max(first, 0))
}

func sameFamily(a, b netip.AddrPort) bool { return a.Addr().Is4() == b.Addr().Is4() }

// farEnds are the configured far ends, the operators' desk among them.
func (a *App) farEnds() (all []config.URI) {
	for _, s := range a.cfg().Servers {
		all = append(all, s.Address)
	}
	for _, x := range a.cfg().IPBX {
		all = append(all, x.Address)
	}
	if !a.cfg().Rescue.IsZero() {
		all = append(all, a.cfg().Rescue)
	}
	return all
}

func (a *App) transportConfig() transport.Config {
	l := &a.cfg().Limits
	c := transport.Config{
		TLS: a.tlsConfig(), DSCP: uint8(a.cfg().DSCP),
		MaxConnections: l.Connections, MaxPerSource: l.ConnectionsPerSource, MaxMessage: l.MessageSize,
	}
	for _, l := range a.cfg().Listen {
		c.Listen = append(c.Listen, transport.Listener{Network: networkOf(l), Addr: l.Address, Advertise: l.Advertise.String()})
	}
	c.Peers = a.fixedPeers()
	return c
}

// fixedPeers are the sockets of the far ends that are configured by an address, the
// second one of a main/stand-by pair among them.
func (a *App) fixedPeers() (peers []transport.Peer) {
	for _, u := range a.farEnds() {
		if !u.IsName() {
			peers = append(peers, a.sockets(u.Host, resolve.Target{Addr: u.Addr, Network: networkNamed(u.Network())})...)
		}
	}
	for _, x := range a.cfg().IPBX {
		if other := x.Standby(); other.IsValid() {
			peers = append(peers, a.sockets(x.Address.Host, resolve.Target{Addr: other, Network: networkNamed(x.Address.Network())})...)
		}
	}
	return peers
}

// tlsConfig is nil where no listener speaks TLS.
func (a *App) tlsConfig() *transport.TLSConfig {
	t := a.cfg().TLS
	for _, l := range a.cfg().Listen {
		if networkOf(l) != transport.TLS {
			continue
		}
		c := &transport.TLSConfig{Certificate: t.Certificate, Key: t.Key, CA: t.CA, MinVersion: tls.VersionTLS12}
		if t.MinVersion == "1.3" {
			c.MinVersion = tls.VersionTLS13
		}
		switch t.Client {
		case "request":
			c.Client = tls.RequestClientCert
		case "require":
			c.Client = tls.RequireAndVerifyClientCert
		}
		return c
	}
	return nil
}

// sockets are what the transport is told of one address of a far end: on each
// listener that reaches it, with the domain that its certificate must show (RFC
// 5922 §7.3).
func (a *App) sockets(domain string, t resolve.Target) (peers []transport.Peer) {
	for i, l := range a.cfg().Listen {
		if networkOf(l) == t.Network && sameFamily(l.Address, t.Addr) {
			peers = append(peers, transport.Peer{Addr: t.Addr, Listener: uint8(i), Domain: domain})
		}
	}
	return peers
}

// advertised is our first inline UDP address, else the first inline one.
func (a *App) advertised() netip.AddrPort {
	return a.cfg().Listen[a.listenerFor(transport.UDP, netip.AddrPort{})].Advertise
}

// ownURI is how a listener is named in a Contact: with its transport, unless it
// is UDP (RFC 3261 §19.1.1), or a sips URI that says TLS by itself.
func (a *App) ownURI(listener uint8, user string, secure bool) string {
	l := a.cfg().Listen[listener]
	if user != "" {
		user += "@"
	}
	if secure {
		return "sips:" + user + l.Advertise.String()
	}
	return "sip:" + user + l.Advertise.String() + transportParam(networkOf(l))
}

func transportParam(n transport.Network) string {
	switch n {
	case transport.TCP:
		return ";transport=tcp"
	case transport.TLS:
		return ";transport=tls"
	}
	return ""
}

// shown is a far end as screens show it.
func shown(u config.URI) string {
	if !u.IsName() {
		return u.Addr.String()
	}
	if u.Port != 0 {
		return net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port)))
	}
	return u.Host
}

// uriHost is an address as the host of a URI: IPv6 stands in brackets
// (RFC 3261 §25.1).
func uriHost(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// registrarHost is the domain of an IPBX as a registrar.
func registrarHost(u config.URI) string {
	if u.IsName() {
		return u.Host
	}
	return uriHost(u.Addr.Addr())
}

// registrars are the IPBXs as registrars. Each is given the Contact of the
// listener that reaches it: an IPBX on TCP or IPv6 cannot call a UDP or an IPv4
// one.
func (a *App) registrars() (out []register.Target) {
	for i, x := range a.cfg().IPBX[:a.cfg().Registrars()] {
		p := a.peerOf(x.Name, x.Address, "")
		t := register.Target{
			URI:   "sip:" + registrarHost(x.Address),
			Flows: func() []transport.Flow { return a.proxy.IPBXFlows(uint8(i)) },
		}
		for s := router.Primary; s <= router.Secondary; s++ {
			if u, ok := a.cfg().UserOf(s); ok {
				t.Contacts[s] = a.ownURI(p.Listener, u.AOR.User, u.AOR.Secure)
				if u.AOR.Secure { // RFC 5630 §5.1.1.1: both are sips, or none is
					t.URI = "sips:" + registrarHost(x.Address)
				}
			}
		}
		out = append(out, t)
	}
	return out
}
