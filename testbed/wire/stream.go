package wire

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"releve/proxy/transport"
)

// port is one listener of somebody.
type port struct {
	place
	listener uint8
	node     node
	links    map[netip.AddrPort]*link // by the other side's address
	byID     map[uint32]*link
}

// node is who gets what comes to a port.
type node interface {
	receive(f transport.Flow, raw []byte)
	failed(f transport.Flow, c transport.Cause)
}

// link is one stream. The first side dialed, from an address of its own.
type link struct {
	id            uint32
	first, second netip.AddrPort // addresses of both ends
	dialer        place          // the port that dialed; its network is the link's
	up, ended     bool
	lanes         [2]lane   // towards second, towards first
	next          [2]uint64 // number of the next message in order
}

func way(toFirst bool) int {
	if toFirst {
		return 1
	}
	return 0
}

// sendStream leaves a message with the link that f names, one to its remote
// address, or a new one; mu is held.
func (n *Net) sendStream(from *port, f transport.Flow, raw []byte) {
	l := from.byID[f.Conn]
	if l == nil || l.ended {
		l = from.links[f.Remote]
	}
	if l == nil || l.ended {
		l = n.dial(from, f.Remote)
	}
	toFirst := l.dialer != from.place
	now, lane := time.Now(), &l.lanes[way(toFirst)]
	due := now.Add(n.delay(n.lane(pair{from.network, from.at, f.Remote})))
	if !l.up {
		due = due.Add(2 * n.cfg.Latency) // SYN, SYN ACK
	}
	if due.Before(lane.due) {
		due = lane.due
	}
	lane.due = due
	p := &packet{due: due, seq: lane.sent, raw: append([]byte(nil), raw...), link: l, began: now, toFirst: toFirst}
	lane.sent++
	p.pair = pair{from.network, l.first, l.second}
	if toFirst {
		p.pair = pair{from.network, l.second, l.first}
	}
	n.launch(p)
}

// dial makes a link that is up when its first message arrives; mu is held.
func (n *Net) dial(from *port, to netip.AddrPort) *link {
	n.links++
	l := &link{id: n.links, first: netip.AddrPortFrom(from.at.Addr(), n.anyPort()), second: to, dialer: from.place}
	from.links[to], from.byID[l.id] = l, l
	return l
}

func (n *Net) anyPort() uint16 {
	if n.next++; n.next < 20000 {
		n.next = 20000
	}
	return n.next
}

// arriveStream delivers the next message of a stream, holds one that is early
// or cut off, and gives up as the kernel would; mu is held.
func (n *Net) arriveStream(p *packet, now time.Time) func() {
	l, w := p.link, way(p.toFirst)
	if l.ended {
		return nil
	}
	from, to := p.from.Addr(), p.to.Addr()
	if n.cut(from, to) || n.cut(to, from) || p.seq != l.next[w] {
		limit, cause := userTimeout, transport.ConnectionLost
		if !l.up {
			limit, cause = dialTimeout, transport.HostUnreachable
		}
		if now.Sub(p.began) >= limit {
			n.stats.Cut++
			return n.giveUp(l, p.toFirst, cause)
		}
		lane := &l.lanes[w]
		p.due = now.Add(retry)
		if p.due.After(lane.due) {
			lane.due = p.due
		}
		n.launch(p)
		return nil
	}
	if !l.up && !n.answer(l) {
		n.stats.Refused++
		return n.giveUp(l, p.toFirst, transport.PortUnreachable)
	}
	at := n.end(l, p.toFirst)
	if at == nil {
		return n.giveUp(l, p.toFirst, transport.PortUnreachable)
	}
	l.next[w]++
	n.stats.Delivered++
	f := transport.Flow{Listener: at.listener, Network: l.dialer.network, Conn: l.id, Remote: p.from}
	return func() { n.deliver(at, f, p) }
}

// answer is the listening side of a dial; mu is held.
func (n *Net) answer(l *link) bool {
	at := n.ports[place{l.dialer.network, l.second}]
	if at == nil || n.refuses[l.second] {
		return false
	}
	at.links[l.first], at.byID[l.id] = l, l
	l.up = true
	return true
}

// end is the port at one end of the link; nil when it is gone; mu is held.
func (n *Net) end(l *link, first bool) *port {
	at := l.dialer
	if !first {
		at = place{l.dialer.network, l.second}
	}
	p := n.ports[at]
	if p == nil || p.byID[l.id] != l {
		return nil
	}
	return p
}

// giveUp ends a link and tells the side that was sending; mu is held.
func (n *Net) giveUp(l *link, toFirst bool, cause transport.Cause) func() {
	sender := n.end(l, !toFirst)
	f := transport.Flow{Network: l.dialer.network, Conn: l.id, Remote: l.second}
	if toFirst {
		f.Remote = l.first
	}
	if !l.up {
		f.Conn = 0 // as the sender named it
	}
	n.forget(l)
	if sender == nil {
		return nil
	}
	f.Listener = sender.listener
	return func() { sender.node.failed(f, cause) }
}

// forget ends a link on both sides; mu is held.
func (n *Net) forget(l *link) {
	l.ended = true
	for _, at := range [...]place{l.dialer, {l.dialer.network, l.second}} {
		p := n.ports[at]
		if p == nil {
			continue
		}
		delete(p.byID, l.id)
		for remote, other := range p.links {
			if other == l {
				delete(p.links, remote)
			}
		}
	}
}

// reset ends all links of a port whose process died: the other side of each is
// told one latency later; mu is held.
func (n *Net) reset(p *port) {
	if p == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(p.byID)) { // the same order in each run
		l := p.byID[id]
		first := l.dialer == p.place
		if other := n.end(l, !first); other != nil && l.up && !n.cut(p.at.Addr(), other.at.Addr()) {
			remote := l.second
			if first {
				remote = l.first
			}
			n.report(pair{l.dialer.network, other.at, remote}, transport.PortUnreachable, l, n.cfg.Latency)
		}
		n.forget(l)
	}
}

// inform hands a report of failure to the port it is for; mu is held.
func (n *Net) inform(p *packet) func() {
	to := n.ports[place{p.network, p.to}]
	if to == nil {
		return nil
	}
	f := transport.Flow{Listener: to.listener, Network: p.network, Remote: p.from}
	if p.link != nil {
		f.Conn = p.link.id
	}
	return func() { to.node.failed(f, p.cause) }
}
