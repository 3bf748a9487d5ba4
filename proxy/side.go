package proxy

import (
	"net/netip"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

type sideKind uint8

const (
	fromStranger sideKind = iota
	fromIPBX
	fromServer
)

// side is who sent a message.
type side struct {
	kind  sideKind
	index uint8 // IPBX index, or router.Server
}

func (s side) server() router.Server {
	if s.kind == fromServer {
		return router.Server(s.index)
	}
	return router.NoServer
}

// ipbx is the index of the IPBX; 0 for a server.
func (s side) ipbx() uint8 {
	if s.kind == fromIPBX {
		return s.index
	}
	return 0
}

// side tells who is behind a flow: an exact address and port first (the test
// bed and small sites put several parties on one host), then the address.
func (p *Proxy) side(f transport.Flow) side {
	for s := router.Primary; s <= router.Secondary; s++ {
		if p.cfg.Servers[s].Addr == f.Remote {
			return side{fromServer, uint8(s)}
		}
	}
	for i := range p.cfg.IPBXs {
		if p.cfg.IPBXs[i].Addr == f.Remote {
			return side{fromIPBX, uint8(i)}
		}
	}
	return p.sideOfAddr(f.Remote.Addr())
}

func (p *Proxy) sideOfAddr(a netip.Addr) side {
	for s := router.Primary; s <= router.Secondary; s++ {
		if p.cfg.Servers[s].Addr.IsValid() && p.cfg.Servers[s].Addr.Addr() == a {
			return side{fromServer, uint8(s)}
		}
	}
	for i := range p.cfg.IPBXs {
		if p.cfg.IPBXs[i].Addr.Addr() == a {
			return side{fromIPBX, uint8(i)}
		}
		for _, src := range p.cfg.IPBXs[i].Sources {
			if src == a {
				return side{fromIPBX, uint8(i)}
			}
		}
	}
	return side{}
}

// Known reports whether a source address may talk to us (transport.Config.Allow).
func (p *Proxy) Known(a netip.Addr) bool { return p.sideOfAddr(a).kind != fromStranger }

// flowTo is the way to a peer at remote: by the listener that serves its
// network, preferring the one configured for it, then the one the call came by.
func (p *Proxy) flowTo(remote netip.AddrPort, network transport.Network, via uint8) transport.Flow {
	f := transport.Flow{Network: network, Remote: remote, Listener: p.listenerFor(network, via)}
	for s := router.Primary; s <= router.Secondary; s++ {
		if c := &p.cfg.Servers[s]; c.Addr == remote && c.Network == network {
			f.Listener = c.Listener
			return f
		}
	}
	for i := range p.cfg.IPBXs {
		if c := &p.cfg.IPBXs[i]; c.Addr == remote && c.Network == network {
			f.Listener = c.Listener
			return f
		}
	}
	return f
}

// ipbxFresh is how long an IPBX counts as reachable after its last message. Our
// choice: three probes at the longest usual interval.
const ipbxFresh = 30 * time.Second

// reachable is the first of the redundant IPBXs that was heard lately; the
// first configured one when none was.
func (p *Proxy) reachable(now router.Instant) uint8 {
	for i := range p.cfg.IPBXs {
		if at := p.Stats.IPBXAt[i].Load(); at != 0 && now.Sub(router.Instant(at)) < ipbxFresh {
			return uint8(i)
		}
	}
	return 0
}

func (p *Proxy) listenerFor(network transport.Network, via uint8) uint8 {
	if int(via) < len(p.cfg.Listeners) && p.cfg.Listeners[via].Network == network {
		return via
	}
	for i := range p.cfg.Listeners {
		if p.cfg.Listeners[i].Network == network && p.cfg.Listeners[i].Entry == router.Inline {
			return uint8(i)
		}
	}
	return via
}
