package proxy

import (
	"net/netip"
	"strings"
	"time"

	"releve/proxy/resolve"
	"releve/proxy/transport"
	"releve/router"
)

// Names looks host names up (RFC 3263); *resolve.Resolver is one.
type Names interface {
	// Targets are the addresses of n in the order to try, from memory; false: not
	// known.
	Targets(n resolve.Name) ([]resolve.Target, bool)
	// Resolve looks n up; done is called once, when it ended either way.
	Resolve(n resolve.Name, done func())
}

// named reports whether the peer is configured by a name.
func (p *Peer) named() bool { return p.Host.Host != "" }

// configured reports whether there is such a peer at all.
func (p *Peer) configured() bool { return p.Addr.IsValid() || p.named() }

// target is one address that a request may go to.
type target struct {
	addr    netip.AddrPort
	network transport.Network
	plain   bool // by UDP whatever its size: TCP was refused (RFC 3261 §18.1.1)
}

// maxTargets bounds the addresses tried for one branch: our choice. A name with
// more is cut, in the order of its priorities.
const maxTargets = 8

// station is one address of a peer.
type station struct {
	target
	side side
	peer *Peer
	// left is when the peer's name ceased to lead here; Never: it still does.
	left router.Instant
}

// formerLife is how long an address that a name no longer leads to still
// belongs to its peer: calls that were set up there go on. Our choice: the
// longest call (MaxDuration).
const formerLife = 12 * time.Hour

// maxFormer bounds the former addresses of one peer.
const maxFormer = 16

// roster says which address belongs to whom. Immutable; replaced whole when a
// name leads elsewhere.
type roster struct {
	stations []station // servers first, the desk last, present addresses of a peer before former ones
}

// peers calls f for every configured far end that talks to us.
func (c *settings) peers(f func(side side, peer *Peer)) {
	for s := router.Primary; s <= router.Secondary; s++ {
		if c.Servers[s].configured() {
			f(side{fromServer, uint8(s)}, &c.Servers[s].Peer)
		}
	}
	for i := range c.IPBXs {
		f(side{fromIPBX, uint8(i)}, &c.IPBXs[i].Peer)
	}
	if c.RescueURI != "" && c.Rescue.configured() {
		f(side{kind: fromDesk}, &c.Rescue)
	}
}

// firstRoster holds what is known before anything was received.
func (p *Proxy) firstRoster() {
	p.roster.Store(p.cfg().roster(&roster{}, p.Now()))
}

func (r *roster) add(side side, peer *Peer, t target) {
	r.stations = append(r.stations, station{target: t, side: side, peer: peer, left: router.Never})
}

func cutTargets(found []resolve.Target) []resolve.Target {
	return found[:min(len(found), maxTargets)]
}

// SetTargets says where a name leads from now on: who a source address belongs
// to, and where a peer is sought when the name cannot be looked up. None at all
// changes nothing: the last set serves (our choice: a name server that fails
// must not stop the calls). Not to be called from a hook.
func (p *Proxy) SetTargets(n resolve.Name, found []resolve.Target) {
	if len(found) == 0 {
		return
	}
	now := p.Now()
	p.rosterMu.Lock()
	defer p.rosterMu.Unlock()
	old, next := p.roster.Load(), &roster{}
	p.cfg().peers(func(side side, peer *Peer) {
		if !sameName(peer.Host, n) {
			next.keep(old, side, peer, now)
			return
		}
		first := len(next.stations)
		for _, t := range cutTargets(found) {
			next.add(side, peer, target{addr: t.Addr, network: t.Network})
		}
		next.former(old, side, peer, now, first)
	})
	p.roster.Store(next)
}

// sameName compares what leads to the same look-up.
func sameName(a, b resolve.Name) bool {
	return a.Host != "" && strings.EqualFold(strings.TrimSuffix(a.Host, "."), strings.TrimSuffix(b.Host, ".")) &&
		a.Port == b.Port && a.Secure == b.Secure && (a.Secure || a.Given == b.Given && (!a.Given || a.Network == b.Network))
}

// keep takes over the stations of one side, which is peer now.
func (r *roster) keep(old *roster, of side, peer *Peer, now router.Instant) {
	for _, s := range old.stations {
		if s.side == of && (s.left == router.Never || now.Sub(s.left) < formerLife) {
			s.peer = peer
			r.stations = append(r.stations, s)
		}
	}
}

// former takes over what one side had before, where it is not among the present
// ones, which begin at first.
func (r *roster) former(old *roster, of side, peer *Peer, now router.Instant, first int) {
	kept := 0
	for _, s := range old.stations {
		if s.side != of || kept == maxFormer || r.has(s.target, first) {
			continue
		}
		if s.left == router.Never {
			s.left = now
		}
		if now.Sub(s.left) < formerLife {
			s.peer = peer
			r.stations = append(r.stations, s)
			kept++
		}
	}
}

func (r *roster) has(t target, first int) bool {
	for _, s := range r.stations[first:] {
		if s.target == t {
			return true
		}
	}
	return false
}

// at is the peer at an address; a server before an IPBX before the desk, any network when none
// is served by this one.
func (r *roster) at(a netip.AddrPort, n transport.Network) *station {
	var other *station
	for i := range r.stations {
		if s := &r.stations[i]; s.addr == a {
			if s.network == n {
				return s
			}
			if other == nil {
				other = s
			}
		}
	}
	return other
}

// of are the present targets of a peer, in the order last known.
func (r *roster) of(peer *Peer) (out []target) {
	for i := range r.stations {
		if s := &r.stations[i]; s.side == peer.of && s.left == router.Never {
			out = append(out, s.target)
		}
	}
	return out
}

// heardAt notes which machine of a main/stand-by pair serves: the one that
// answers, or calls. Our choice: what else a machine sends says nothing of that,
// for one that stands by may ask us whether we live.
func (p *Proxy) heardAt(ipbx uint8, from netip.Addr) {
	peer := &p.cfg().IPBXs[ipbx].Peer
	if !peer.Other.IsValid() || int(ipbx) >= len(p.Stats.OnStandby) || peer.Addr.Addr() == peer.Other.Addr() {
		return
	}
	on := &p.Stats.OnStandby[ipbx]
	if standby := from == peer.Other.Addr(); (standby || from == peer.Addr.Addr()) && on.Load() != standby {
		on.Store(standby)
	}
}

// targetsOf is where a peer is to be sought now: first, then the others in the
// order to try (RFC 3263 §4.3). The weights of SRV are drawn at each call; of a
// main/stand-by pair the machine that served last comes first, so that no request
// waits for one that stands by.
func (p *Proxy) targetsOf(peer *Peer) (first target, rest []target, ok bool) {
	if !peer.named() {
		first = target{addr: peer.Addr, network: peer.Network}
		if peer.Other.IsValid() {
			other := target{addr: peer.Other, network: peer.Network}
			if peer.of.kind == fromIPBX && p.Stats.OnStandby[peer.of.index].Load() {
				first, other = other, first
			}
			rest = []target{other}
		}
		return first, rest, peer.Addr.IsValid()
	}
	all := p.lookup(peer.Host)
	if len(all) == 0 {
		all = p.roster.Load().of(peer)
	}
	if len(all) == 0 {
		return target{}, nil, false
	}
	return all[0], all[1:], true
}

// lookup is what is known of a name; nil: nothing.
func (p *Proxy) lookup(n resolve.Name) []target {
	if p.cfg().Names == nil {
		return nil
	}
	found, ok := p.cfg().Names.Targets(n)
	if !ok || len(found) == 0 {
		return nil
	}
	out := make([]target, 0, maxTargets)
	for _, t := range cutTargets(found) {
		out = append(out, target{addr: t.Addr, network: t.Network})
	}
	return out
}

// ServerFlows are the ways to a server now, in the order to try; none when its
// name is not known yet.
func (p *Proxy) ServerFlows(s router.Server) []transport.Flow {
	return p.flowsOf(&p.cfg().Servers[s].Peer)
}

// IPBXFlows are the ways to the i-th IPBX.
func (p *Proxy) IPBXFlows(i uint8) []transport.Flow { return p.flowsOf(&p.cfg().IPBXs[i].Peer) }

func (p *Proxy) flowsOf(peer *Peer) (out []transport.Flow) {
	first, rest, ok := p.targetsOf(peer)
	if !ok {
		return nil
	}
	for _, t := range append([]target{first}, rest...) {
		if f, ok := p.flowTo(t, peer, peer.Listener); ok {
			out = append(out, f)
		}
	}
	return out
}
