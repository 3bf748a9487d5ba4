package transport

import (
	"crypto/x509"
	"net/netip"
	"sync"
)

// table holds the connections: bounded, by number and by destination. Its mutex
// is never held together with a connection's, nor over a system call.
type table struct {
	mu        sync.Mutex
	max       int // connections; next, of one source that connected to us
	perSource int
	last      uint32
	closed    bool
	byID      map[uint32]*conn
	byRemote  map[peerKey]*conn // the newest
	sources   map[netip.Addr]int
}

func (b *table) init(limit, perSource int) {
	b.max, b.perSource = limit, perSource
	b.byID, b.byRemote, b.sources = make(map[uint32]*conn), make(map[peerKey]*conn), make(map[netip.Addr]int)
}

func (b *table) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.byID)
}

// full says which limit refuses a connection.
type full uint8

const (
	room full = iota
	ofAll
	ofSource
)

// add gives c its number, unless a limit says no.
func (b *table) add(c *conn) full {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addLocked(c)
}

func (b *table) addLocked(c *conn) full {
	source := c.flow.Remote.Addr()
	switch {
	case c.inbound && b.sources[source] >= b.perSource:
		return ofSource
	case b.closed || len(b.byID) >= b.max:
		return ofAll
	}
	for b.last++; b.last == 0 || b.byID[b.last] != nil; b.last++ {
	}
	c.flow.Conn = b.last
	b.byID[c.flow.Conn] = c
	if !c.inbound || c.flow.Network != TLS {
		b.byRemote[peerKey{c.flow.Listener, c.flow.Remote}] = c
	}
	if c.inbound {
		b.sources[source]++
	}
	return room
}

// identify notes whom the peer proved to be. Only then may a connection that it
// opened over TLS be found by its address (RFC 5923 §9.1).
func (b *table) identify(c *conn, leaf *x509.Certificate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.leaf = leaf
	if c.inbound && leaf != nil && b.byID[c.flow.Conn] == c {
		b.byRemote[peerKey{c.flow.Listener, c.flow.Remote}] = c
	}
}

func (b *table) remove(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byID[c.flow.Conn] != c {
		return
	}
	delete(b.byID, c.flow.Conn)
	for _, at := range [...]netip.AddrPort{c.flow.Remote, c.alias} {
		if k := (peerKey{c.flow.Listener, at}); b.byRemote[k] == c {
			delete(b.byRemote, k)
		}
	}
	if source := c.flow.Remote.Addr(); c.inbound {
		if b.sources[source]--; b.sources[source] == 0 {
			delete(b.sources, source)
		}
	}
}

// find returns the connection f names (a response goes back where the request
// came from, RFC 3261 §18.2.2), else one to its remote address (§18), else a new
// one that must be dialed; nil when a limit says no. Our choice: connections of
// one listener only, for its address and role are in what the far end was told.
func (b *table) find(t *Transport, f Flow) (c *conn, dial bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.byID[f.Conn]; c != nil && c.flow.Listener == f.Listener {
		return c, false
	}
	k := peerKey{f.Listener, f.Remote}
	if c := b.byRemote[k]; c != nil && t.serves(c, k) {
		return c, false
	}
	c = &conn{t: t, flow: Flow{Listener: f.Listener, Network: t.listeners[f.Listener].Network, Remote: f.Remote}}
	if b.addLocked(c) != room {
		return nil, false
	}
	return c, true
}

// serves reports whether c may carry requests for whoever is configured at k:
// over TLS the certificate must speak for one of them, by now (RFC 5923 §9.1;
// peers come and go). b.mu is held.
func (t *Transport) serves(c *conn, k peerKey) bool {
	switch {
	case c.flow.Network != TLS:
		return true
	case c.leaf == nil:
		return !c.inbound // its handshake will tell
	}
	v := vouch{t.domains.Load(), k}
	if c.vouched != v {
		if !speaksForAny(c.leaf, t.namesOf(k)) {
			return false
		}
		c.vouched = v // until the peers change: not read again for each message
	}
	return true
}

// vouch is for whom a certificate was found to speak: k, as the peers then were.
type vouch struct {
	domains *map[peerKey][]string
	k       peerKey
}

// Alias has requests to the port that a peer listens on, at the address it
// connected from, go over the TLS connection f.Conn that it opened: for a request
// whose top Via has alias, with the port of its sent-by (RFC 5923 §5, §8.1).
// Refused (false) unless the peer's certificate speaks for who is configured
// there, and when there is a connection already. One port per connection.
func (t *Transport) Alias(f Flow, port uint16) bool {
	b := &t.table
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.byID[f.Conn]
	if c == nil || port == 0 || c.flow.Network != TLS || !c.inbound || c.leaf == nil {
		return false
	}
	at := netip.AddrPortFrom(c.flow.Remote.Addr(), port)
	if c.alias.IsValid() {
		return c.alias == at
	}
	k := peerKey{c.flow.Listener, at}
	if b.byRemote[k] != nil || !t.serves(c, k) {
		return false
	}
	c.alias = at
	b.byRemote[k] = c
	return true
}

// Identity lists for whom the peer at the other end of f.Conn showed a
// certificate that chains to our authorities: SIP domains in lower case, then
// addresses (RFC 5922 §7.1). nil: none shown, none trusted, not TLS, or closed.
func (t *Transport) Identity(f Flow) []string {
	t.table.mu.Lock()
	defer t.table.mu.Unlock()
	if c := t.table.byID[f.Conn]; c != nil && c.leaf != nil {
		return identitiesOf(c.leaf)
	}
	return nil
}

// close refuses what comes later and returns what is open.
func (b *table) close() []*conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	all := make([]*conn, 0, len(b.byID))
	for _, c := range b.byID {
		all = append(all, c)
	}
	return all
}

// Connection is one TCP or TLS connection as an operator sees it.
type Connection struct {
	Flow    Flow
	Inbound bool
	Dialing bool // or its TLS handshake is under way
	Queued  int  // bytes that wait to be sent
}

// Connections lists the connections in no order.
func (t *Transport) Connections() []Connection {
	t.table.mu.Lock()
	conns := make([]*conn, 0, len(t.table.byID))
	for _, c := range t.table.byID {
		conns = append(conns, c)
	}
	t.table.mu.Unlock()
	list := make([]Connection, 0, len(conns))
	for _, c := range conns {
		list = append(list, c.describe())
	}
	return list
}
