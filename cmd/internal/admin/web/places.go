package web

import (
	"net"
	"net/netip"
	"sync"
)

// places is a listener that closes a connection at once when none of its places
// is free: waiting in the kernel's queue would let who came first starve who came
// later.
type places struct {
	net.Listener
	mu      sync.Mutex // guards what follows
	open    int
	by      map[netip.Addr]int
	refused uint64
}

func newPlaces(l net.Listener) *places { return &places{Listener: l, by: map[netip.Addr]int{}} }

// Accept returns the next connection that has a place.
func (l *places) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := sourceOf(c.RemoteAddr())
		if l.take(from) {
			return &placed{Conn: c, free: sync.OnceFunc(func() { l.give(from) })}, nil
		}
		_ = c.Close()
	}
}

func (l *places) take(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= MaxConnections || l.by[from] >= MaxPerSource {
		l.refused++
		return false
	}
	l.open++
	l.by[from]++
	return true
}

func (l *places) give(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.by[from]--; l.by[from] == 0 {
		delete(l.by, from)
	}
}

func (l *places) counts() (open int, refused uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open, l.refused
}

// placed gives its place back when it is closed.
type placed struct {
	net.Conn
	free func()
}

// Close closes the connection.
func (c *placed) Close() error {
	defer c.free()
	return c.Conn.Close()
}

// sourceOf is who a connection comes from: an address, of IPv6 the network of 64
// bits, for a single machine has all of one.
func sourceOf(a net.Addr) netip.Addr {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return networkOf(t.AddrPort().Addr())
}

func networkOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
