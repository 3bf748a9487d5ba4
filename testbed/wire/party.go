package wire

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"releve/proxy/transport"
)

// Party is somebody with a transport.Handler: it has the methods that a
// *transport.Transport has for sending. Safe for concurrent use.
type Party struct {
	net     *Net
	cfg     transport.Config
	handler transport.Handler
	ports   []*port
	peers   map[transport.Peer]bool
}

// Attach gives a party its addresses: those of Listen, one port number chosen
// where it is 0. Allow, AfterBatch and Peers are honoured as transport does; the
// limits are not. An error when somebody is there already.
func (n *Net) Attach(c transport.Config, h transport.Handler) (*Party, error) {
	p := &Party{net: n, cfg: c, handler: h, peers: make(map[transport.Peer]bool)}
	for _, peer := range c.Peers {
		p.peers[socketOf(peer)] = true
	}
	for i, l := range c.Listen {
		port, err := n.bind(l.Network, l.Addr, uint8(i), p)
		if err != nil {
			p.Close()
			return nil, err
		}
		p.ports = append(p.ports, port)
	}
	return p, nil
}

// socketOf is what names a peer's socket.
func socketOf(p transport.Peer) transport.Peer {
	return transport.Peer{Addr: p.Addr, Listener: p.Listener}
}

func (n *Net) bind(network transport.Network, at netip.AddrPort, listener uint8, who node) (*port, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at.Port() == 0 {
		at = netip.AddrPortFrom(at.Addr(), n.anyPort())
	}
	p := &port{place: place{network, at}, listener: listener, node: who, links: make(map[netip.AddrPort]*link), byID: make(map[uint32]*link)}
	if n.ports[p.place] != nil {
		return nil, fmt.Errorf("bind %s %s: in use; give each party an address of its own", network, at)
	}
	n.ports[p.place] = p
	return p, nil
}

// unbind leaves an address: it refuses from then on, and its streams are reset.
func (n *Net) unbind(p *port) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ports[p.place] == p {
		n.reset(p)
		delete(n.ports, p.place)
	}
}

// Close is the death of the process: its addresses refuse, its streams are reset.
func (p *Party) Close() {
	for _, port := range p.ports {
		p.net.unbind(port)
	}
}

// Send has the meaning of transport's: nil says on its way, no more.
func (p *Party) Send(f transport.Flow, raw []byte) error {
	if int(f.Listener) >= len(p.ports) || len(raw) == 0 || len(raw) > 65535 || !f.Remote.IsValid() {
		return transport.ErrInvalid
	}
	return p.net.send(p.ports[f.Listener], f, raw)
}

// SendBatch sends one by one.
func (p *Party) SendBatch(msgs []transport.Outgoing) {
	for _, m := range msgs {
		_ = p.Send(m.Flow, m.Raw) // as transport: dropped
	}
}

// Addr is the address of a listener.
func (p *Party) Addr(listener int) netip.AddrPort {
	if listener < 0 || listener >= len(p.ports) {
		return netip.AddrPort{}
	}
	return p.ports[listener].at
}

// SentBy is what the listener advertises, else its address.
func (p *Party) SentBy(listener int) string {
	if listener < 0 || listener >= len(p.ports) {
		return ""
	}
	if a := p.cfg.Listen[listener].Advertise; a != "" {
		return a
	}
	return p.Addr(listener).String()
}

func (p *Party) receive(f transport.Flow, raw []byte) {
	if p.cfg.Allow != nil && !p.cfg.Allow(f.Remote.Addr()) {
		return
	}
	p.handler.Receive(f, raw)
	p.afterBatch(f.Listener)
}

func (p *Party) failed(f transport.Flow, c transport.Cause) {
	if f.Network == transport.UDP && !p.peers[transport.Peer{Addr: f.Remote, Listener: f.Listener}] {
		return // no connected socket, no ICMP
	}
	p.handler.Failed(f, c)
	p.afterBatch(f.Listener)
}

func (p *Party) afterBatch(listener uint8) {
	if p.cfg.AfterBatch != nil {
		p.cfg.AfterBatch(listener)
	}
}

// send puts a message under way.
func (n *Net) send(from *port, f transport.Flow, raw []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ports[from.place] != from {
		return transport.ErrClosed
	}
	if from.network != transport.UDP {
		n.sendStream(from, f, raw)
		return nil
	}
	way := pair{transport.UDP, from.at, f.Remote}
	l := n.lane(way)
	// Drawn always and in this order: a cut does not shift what comes after it.
	lost, twice, late := l.draw.Float64() < n.cfg.Loss, l.draw.Float64() < n.cfg.Duplicate, l.draw.Float64() < n.cfg.Reorder
	extra := time.Duration(l.draw.Float64() * float64(max(3*n.cfg.Latency, 3*time.Millisecond)))
	now := time.Now()
	due := now.Add(n.delay(l))
	switch {
	case n.cut(from.at.Addr(), f.Remote.Addr()):
		n.stats.Cut++
		return nil
	case lost:
		n.stats.Lost++
		return nil
	case late:
		n.stats.Reordered++
		due = due.Add(extra)
	case due.Before(l.due):
		due = l.due
	}
	if !late {
		l.due = due
	}
	copies := 1
	if twice {
		n.stats.Duplicated++
		copies = 2
	}
	for range copies {
		l.sent++
		n.launch(&packet{pair: way, due: due, seq: l.sent, raw: append([]byte(nil), raw...)})
	}
	return nil
}

// inboxSize bounds what an Endpoint has not read.
const inboxSize = 4096

// Endpoint is a scripted party: it sends, and keeps what it gets until Recv.
// Safe for concurrent use.
type Endpoint struct {
	net   *Net
	port  *port
	inbox chan Message
	mu    sync.Mutex
	fails []transport.Cause // guarded by mu
}

// Message is one that an Endpoint got.
type Message struct {
	From netip.AddrPort
	Flow transport.Flow // to answer by SendFlow, on the same stream
	Raw  []byte
}

// Endpoint attaches a scripted party; port 0: one is chosen.
func (n *Net) Endpoint(network transport.Network, at netip.AddrPort) (*Endpoint, error) {
	e := &Endpoint{net: n, inbox: make(chan Message, inboxSize)}
	port, err := n.bind(network, at, 0, e)
	e.port = port
	return e, err
}

// Addr is where it listens.
func (e *Endpoint) Addr() netip.AddrPort { return e.port.at }

// Close leaves the address, which refuses from then on.
func (e *Endpoint) Close() { e.net.unbind(e.port) }

// Send sends to an address; on a stream one to it is used again.
func (e *Endpoint) Send(to netip.AddrPort, raw []byte) error {
	return e.SendFlow(transport.Flow{Network: e.port.network, Remote: to}, raw)
}

// SendFlow answers on the stream a message came by.
func (e *Endpoint) SendFlow(f transport.Flow, raw []byte) error { return e.net.send(e.port, f, raw) }

// Recv waits for the next message.
func (e *Endpoint) Recv(ctx context.Context) (from netip.AddrPort, raw []byte, err error) {
	m, err := e.RecvMessage(ctx)
	return m.From, m.Raw, err
}

// RecvMessage waits for the next message and tells its flow too.
func (e *Endpoint) RecvMessage(ctx context.Context) (Message, error) {
	select {
	case m := <-e.inbox:
		return m, nil
	case <-ctx.Done():
		return Message{}, fmt.Errorf("receive at %s: %w", e.port.at, ctx.Err())
	}
}

// Failures returns, once, the failures it was told of: as if its socket were
// connected to everybody.
func (e *Endpoint) Failures() []transport.Cause {
	e.mu.Lock()
	defer e.mu.Unlock()
	fails := e.fails
	e.fails = nil
	return fails
}

func (e *Endpoint) receive(f transport.Flow, raw []byte) {
	select {
	case e.inbox <- Message{From: f.Remote, Flow: f, Raw: append([]byte(nil), raw...)}:
	default:
		e.net.set(func() { e.net.stats.Overflow++ })
	}
}

func (e *Endpoint) failed(_ transport.Flow, c transport.Cause) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.fails) < inboxSize {
		e.fails = append(e.fails, c)
	}
}
