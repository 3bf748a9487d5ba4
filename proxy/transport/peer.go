package transport

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// AddPeer gives a far end its connected socket, or files the domain of a TLS
// peer (reload); a second time does nothing. When there is no route yet it is
// tried again every 5 s and the unconnected socket serves meanwhile, without ICMP.
func (t *Transport) AddPeer(p Peer) error {
	if int(p.Listener) >= len(t.listeners) {
		return fmt.Errorf("peer %s: there is no listener %d; give it one of the %d", p.Addr, p.Listener, len(t.listeners))
	}
	l := &t.listeners[p.Listener]
	p.Addr = normal(p.Addr)
	if err := matches(l.addr.Addr(), p.Addr); err != nil {
		return fmt.Errorf("peer %s on listener %s: %w", p.Addr, l.addr, err)
	}
	if l.Network == TCP {
		return nil
	}
	t.peerMu.Lock()
	defer t.peerMu.Unlock()
	if t.stop.Err() != nil {
		return ErrClosed
	}
	if l.Network == TLS {
		if !nameable(p.Domain) {
			return fmt.Errorf("peer %s: %q is no domain that a certificate can show; give a host name or an address, without port or wildcard", p.Addr, p.Domain)
		}
		t.fileDomain(peerKey{p.Listener, p.Addr}, p.Domain)
		return nil
	}
	t.connect(peerKey{p.Listener, p.Addr})
	return nil
}

// matches refuses what could never work.
func matches(local netip.Addr, peer netip.AddrPort) error {
	switch {
	case !peer.IsValid() || peer.Port() == 0 || peer.Addr().IsUnspecified():
		return fmt.Errorf("not an address to send to; give host and port")
	case local.Is4() && !peer.Addr().Is4(), !local.Is4() && !local.IsUnspecified() && peer.Addr().Is4():
		return fmt.Errorf("one is IPv4, the other IPv6; give the peer a listener of its own family")
	}
	return nil
}

// connect opens the socket of one peer or notes that it waits; peerMu is held.
func (t *Transport) connect(k peerKey) {
	if (*t.peers.Load())[k] != nil {
		return
	}
	conn, err := t.dialUDP(t.listeners[k.listener].addr, k.addr)
	if err != nil {
		t.waiting[k] = err
		return
	}
	s, err := t.newUDP(k.listener, conn, k.addr)
	if err == nil {
		err = t.serve(s)
	}
	if err != nil {
		t.waiting[k] = err
		return
	}
	delete(t.waiting, k)
	next := maps.Clone(*t.peers.Load())
	next[k] = s
	t.peers.Store(&next)
}

// serve gives a socket its buffers and, once started, its loop; peerMu is held.
func (t *Transport) serve(s *udpSocket) error {
	in, err := newInbox(t.cfg.MaxMessage)
	if err != nil {
		s.close()
		return err
	}
	if !t.started {
		t.inboxes[s] = in
		return nil
	}
	t.wait.Add(1)
	go s.read(in)
	return nil
}

// RemovePeer closes a peer's socket; its datagrams reach the unconnected one
// from then on. A TLS peer's domain is taken back, and connections that only it
// justified carry no new request. Never call it from the Handler.
func (t *Transport) RemovePeer(p Peer) {
	k := peerKey{p.Listener, normal(p.Addr)}
	t.peerMu.Lock()
	t.dropDomain(k, p.Domain)
	delete(t.waiting, k)
	s := (*t.peers.Load())[k]
	if s == nil {
		t.peerMu.Unlock()
		return
	}
	next := maps.Clone(*t.peers.Load())
	delete(next, k)
	t.peers.Store(&next)
	if in := t.inboxes[s]; in != nil {
		in.free()
		delete(t.inboxes, s)
	}
	received, sent := s.received.Load(), s.sent.Load()
	t.count.closedReceived.Add(received)
	t.count.closedSent.Add(sent)
	t.peerMu.Unlock()
	s.close() // waits for its Handler, which may want peerMu
	t.count.closedReceived.Add(s.received.Load() - received)
	t.count.closedSent.Add(s.sent.Load() - sent)
}

// connectPeers tries the waiting peers again.
func (t *Transport) connectPeers() {
	defer t.wait.Done()
	tick := time.NewTicker(t.limits.peerRetry)
	defer tick.Stop()
	for {
		select {
		case <-t.stop.Done():
			return
		case <-tick.C:
		}
		t.peerMu.Lock()
		if t.stop.Err() == nil {
			for k := range t.waiting {
				t.connect(k)
			}
		}
		t.peerMu.Unlock()
	}
}

// udpSockets lists all open UDP sockets; peerMu is held.
func (t *Transport) udpSockets() []*udpSocket {
	var all []*udpSocket
	for i := range t.listeners {
		if s := t.listeners[i].udp; s != nil {
			all = append(all, s)
		}
	}
	for _, s := range *t.peers.Load() {
		all = append(all, s)
	}
	return all
}

// sentBy completes what is advertised: an IPv6 address gets its brackets, and a
// port other than SIP's own (RFC 3261 §18.1.1: 5060 when absent) is added; on
// TLS any port, for its default is another (5061) and not every stack knows it.
func sentBy(n Network, advertise string, addr netip.AddrPort) string {
	if advertise == "" {
		return netip.AddrPortFrom(addr.Addr().WithZone(""), addr.Port()).String()
	}
	if a, err := netip.ParseAddr(strings.Trim(advertise, "[]")); err == nil && a.Is6() {
		advertise = "[" + a.String() + "]"
	}
	if _, _, err := net.SplitHostPort(advertise); err == nil || (addr.Port() == 5060 && n != TLS) {
		return advertise
	}
	return advertise + ":" + strconv.Itoa(int(addr.Port()))
}
