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
	fromDesk // the operators' desk (Config.Rescue), where it has an address of its own
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
// bed and small sites put several parties on one host), then the address. Our
// choice: a desk on an IPBX's host is that IPBX, which may place calls.
func (p *Proxy) side(f transport.Flow) side {
	r := p.roster.Load()
	desk := false
	for i := range r.stations {
		if s := &r.stations[i]; s.addr == f.Remote {
			if s.side.kind != fromDesk {
				return s.side
			}
			desk = true
		}
	}
	of := p.sideOfAddr(f.Remote.Addr())
	if desk && of.kind != fromIPBX {
		return side{kind: fromDesk}
	}
	return of
}

// sideOfAddr tells whose address a is: a far end's, one of an IPBX's sources, the
// desk's.
func (p *Proxy) sideOfAddr(a netip.Addr) (desk side) {
	r := p.roster.Load()
	for i := range r.stations {
		if s := &r.stations[i]; s.addr.Addr() == a {
			if s.side.kind != fromDesk {
				return s.side
			}
			desk = s.side
		}
	}
	for i := range p.cfg().IPBXs {
		for _, src := range p.cfg().IPBXs[i].Sources {
			if src == a {
				return side{fromIPBX, uint8(i)}
			}
		}
	}
	return desk
}

// FarEnd names who is behind a flow: "primary", "secondary", an IPBX's name,
// "rescue" for the desk; empty: a stranger.
func (p *Proxy) FarEnd(f transport.Flow) string {
	switch s := p.side(f); s.kind {
	case fromServer:
		return s.server().String()
	case fromIPBX:
		return p.cfg().IPBXs[s.index].Name
	case fromDesk:
		return "rescue"
	}
	return ""
}

// Known reports whether a source address may talk to us (transport.Config.Allow).
func (p *Proxy) Known(a netip.Addr) bool { return p.sideOfAddr(a).kind != fromStranger }

// flowTo is the way to a target: by the listener that serves its network and
// family, preferring the one configured for the peer (nil: none of ours), then
// the one that the request came by. False: no listener of ours reaches it.
func (p *Proxy) flowTo(t target, peer *Peer, via uint8) (transport.Flow, bool) {
	f := transport.Flow{Network: t.network, Remote: t.addr}
	if peer == nil {
		if s := p.roster.Load().at(t.addr, t.network); s != nil {
			peer = s.peer
		}
	}
	if peer != nil && p.serves(peer.Listener, t) {
		f.Listener = peer.Listener
		return f, true
	}
	var ok bool
	f.Listener, ok = p.listenerFor(t, via)
	return f, ok
}

// ipbxFresh is how long an IPBX counts as reachable after its last message. Our
// choice: three probes at the longest usual interval.
const ipbxFresh = 30 * time.Second

// reachable is the first of the redundant IPBXs that was heard lately and did
// not ask for a pause; then the first that was heard; then the first. Gateways,
// which stand after the IPBXs, take no call of a server (fork.Policy.IPBXs).
func (p *Proxy) reachable(now router.Instant) uint8 {
	heard := -1
	for i := range min(len(p.cfg().IPBXs), int(p.cfg().Policy.IPBXs)) {
		at := p.Stats.IPBXAt[i].Load()
		if at == 0 || now.Sub(router.Instant(at)) >= ipbxFresh {
			continue
		}
		if !p.ipbxSpared(now, i) {
			return uint8(i)
		}
		if heard < 0 {
			heard = i
		}
	}
	return uint8(max(heard, 0))
}

// listenerFor is our listener for a target: the one that a request came by, else
// the first inline one, else any.
func (p *Proxy) listenerFor(t target, via uint8) (uint8, bool) {
	if p.serves(via, t) {
		return via, true
	}
	found := -1
	for i := range p.cfg().Listeners {
		if !p.serves(uint8(i), t) {
			continue
		}
		if p.cfg().Listeners[i].Entry == router.Inline {
			return uint8(i), true
		}
		if found < 0 {
			found = i
		}
	}
	return uint8(max(found, 0)), found >= 0
}

// serves reports whether a listener speaks the network and the family of a target.
func (p *Proxy) serves(listener uint8, t target) bool {
	if int(listener) >= len(p.cfg().Listeners) || p.cfg().Listeners[listener].Network != t.network {
		return false
	}
	own := p.own[listener]
	return !own.IsValid() || own.Addr().Is4() == t.addr.Addr().Unmap().Is4()
}
