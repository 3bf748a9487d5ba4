package app

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"releve/proxy/resolve"
	"releve/proxy/transport"
)

// names joins the far ends that are configured by a name to DNS (RFC 3263).
// Each is watched: when it leads elsewhere the proxy and the sockets are told.
type names struct {
	app      *App
	resolver *resolve.Resolver
	watched  []resolve.Name
	closed   atomic.Uint64 // sockets given up for newer addresses

	mu     sync.Mutex
	open   map[resolve.Name][]transport.Peer // told to the transport, oldest first
	fixed  []transport.Peer                  // of the far ends that are configured by an address
	former []transport.Peer                  // of those that are configured no more, oldest first
}

// maxOpen bounds the sockets kept for one name. Addresses it no longer leads to
// keep theirs until newer ones need the room: calls that were set up there go on.
const maxOpen = 32

// newNames makes the resolver. It is made at every site: a Contact may name a
// host even where no far end is configured by a name.
func (a *App) newNames() (*names, error) {
	n := &names{app: a, open: make(map[resolve.Name][]transport.Peer)}
	c := resolve.Config{Servers: a.cfg().DNS.Servers, Timeout: a.cfg().DNS.Timeout, Stale: a.cfg().DNS.Stale, Changed: n.changed}
	if c.Stale == 0 {
		c.Stale = -1 // there 0 means the default
	}
	for _, want := range [...]transport.Network{transport.UDP, transport.TCP, transport.TLS} {
		for _, l := range a.cfg().Listen {
			if networkOf(l) == want {
				c.Networks = append(c.Networks, want)
				break
			}
		}
	}
	for _, l := range a.cfg().Listen {
		c.IPv4, c.IPv6 = c.IPv4 || l.Address.Addr().Is4(), c.IPv6 || l.Address.Addr().Is6()
	}
	for _, u := range a.farEnds() {
		if u.IsName() {
			n.watched = append(n.watched, nameOf(u))
		}
	}
	n.fixed = a.fixedPeers()
	var err error
	n.resolver, err = resolve.New(c)
	return n, err
}

// start watches the names, and waits until each was asked for once, at most as
// long as DNS may take: the first call shall find them known.
func (n *names) start(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, n.app.cfg().DNS.Timeout)
	defer cancel()
	asked := make(chan struct{}, len(n.names()))
	for _, name := range n.names() {
		n.resolver.Watch(name)
		n.resolver.Resolve(name, func() { asked <- struct{}{} })
	}
	for range n.names() {
		select {
		case <-asked:
		case <-ctx.Done():
			n.app.log.Warn("the name of a server or an IPBX is not known yet; check the dns section", "waited", n.app.cfg().DNS.Timeout.Round(time.Millisecond))
			return
		}
	}
	for _, name := range n.names() {
		if found, ok := n.resolver.Targets(name); ok {
			n.changed(name, found)
		}
	}
}

// changed is told where a watched name leads now. Its new addresses get their
// sockets before anything is sent there.
func (n *names) changed(name resolve.Name, found []resolve.Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	open := n.open[name]
	for _, t := range found {
		for _, p := range n.app.sockets(name.Host, t) {
			open = n.opened(open, p)
		}
	}
	n.open[name] = open
	n.app.proxy.SetTargets(name, found)
}

// opened tells the transport of one more peer, as the newest.
func (n *names) opened(open []transport.Peer, p transport.Peer) []transport.Peer {
	for i, have := range open {
		if have == p {
			return append(append(open[:i:i], open[i+1:]...), p)
		}
	}
	if len(open) >= maxOpen {
		n.app.wire.RemovePeer(open[0])
		n.closed.Add(1)
		open = open[1:]
	}
	if err := n.app.wire.AddPeer(p); err != nil {
		n.app.log.Warn("a far end has no socket of its own", "peer", p.Addr, "error", err)
		return open
	}
	return append(open, p)
}
