package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long accept waits after an error, doubling.
const (
	acceptRest    = 5 * time.Millisecond
	acceptRestMax = time.Second
)

// table holds the connections: bounded, by number and by destination. Its mutex
// is never held together with a connection's, nor over a system call.
type table struct {
	mu        sync.Mutex
	max       int
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

// add gives c its number; false when a limit says no.
func (b *table) add(c *conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addLocked(c)
}

func (b *table) addLocked(c *conn) bool {
	source := c.flow.Remote.Addr()
	if b.closed || len(b.byID) >= b.max || (c.inbound && b.sources[source] >= b.perSource) {
		return false
	}
	for b.last++; b.last == 0 || b.byID[b.last] != nil; b.last++ {
	}
	c.flow.Conn = b.last
	b.byID[c.flow.Conn] = c
	b.byRemote[peerKey{c.flow.Listener, c.flow.Remote}] = c
	if c.inbound {
		b.sources[source]++
	}
	return true
}

func (b *table) remove(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byID[c.flow.Conn] != c {
		return
	}
	delete(b.byID, c.flow.Conn)
	if k := (peerKey{c.flow.Listener, c.flow.Remote}); b.byRemote[k] == c {
		delete(b.byRemote, k)
	}
	if source := c.flow.Remote.Addr(); c.inbound {
		if b.sources[source]--; b.sources[source] == 0 {
			delete(b.sources, source)
		}
	}
}

// find returns the connection f names, else one to its remote address, else a
// new one that must be dialed; nil when a limit says no.
func (b *table) find(t *Transport, f Flow) (c *conn, dial bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.byID[f.Conn]; c != nil && c.flow.Listener == f.Listener {
		return c, false
	}
	if c := b.byRemote[peerKey{f.Listener, f.Remote}]; c != nil {
		return c, false
	}
	c = &conn{t: t, flow: Flow{Listener: f.Listener, Network: TCP, Remote: f.Remote}}
	if !b.addLocked(c) {
		return nil, false
	}
	return c, true
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

// Connection is one TCP connection as an operator sees it.
type Connection struct {
	Flow    Flow
	Inbound bool
	Dialing bool
	Queued  int // bytes that wait to be sent
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

func (t *Transport) listenTCP(addr netip.AddrPort) (*net.TCPListener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAliveProbes, Control: t.streamOptions}
	ln, err := lc.Listen(context.Background(), network("tcp", addr.Addr()), addr.String())
	if err != nil {
		return nil, fmt.Errorf("%w; stop what serves this address, or correct listen.address", err)
	}
	return ln.(*net.TCPListener), nil
}

// keepAliveProbes find a peer that vanished while nothing was sent.
var keepAliveProbes = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3}

// streamOptions bounds how long the kernel retransmits; accepted connections
// inherit it from their listener.
func (t *Transport) streamOptions(_, _ string, c syscall.RawConn) error {
	return control(c, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(t.limits.userTimeout.Milliseconds()))
	})
}

// accept is a listener's loop. Only Close ends it.
func (t *Transport) accept(listener uint8) {
	defer t.wait.Done()
	rest := acceptRest
	for {
		tcp, err := t.listeners[listener].tcp.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			t.count.acceptErrors.Add(1)
			t.rest(rest)
			rest = min(2*rest, acceptRestMax)
			continue
		}
		rest = acceptRest
		t.welcome(listener, tcp)
	}
}

// welcome takes an accepted connection or resets it.
func (t *Transport) welcome(listener uint8, tcp *net.TCPConn) {
	remote := normal(tcp.RemoteAddr().(*net.TCPAddr).AddrPort())
	c := &conn{t: t, inbound: true, flow: Flow{Listener: listener, Network: TCP, Remote: remote}}
	switch {
	case !t.allowed(remote.Addr()):
		t.count.refused.Add(1)
	case !t.table.add(c):
		t.count.overLimit.Add(1)
	default:
		t.wait.Add(1)
		t.count.accepted.Add(1)
		if c.open(tcp) {
			go c.read()
			return
		}
		t.wait.Done()
		return
	}
	_ = tcp.SetLinger(0)
	_ = tcp.Close()
}

// sendStream finds or begins a connection and leaves the message with it.
func (t *Transport) sendStream(f Flow, raw []byte) error {
	f.Remote = normal(f.Remote)
	for range 2 {
		c, dial := t.table.find(t, f)
		if c == nil && t.stop.Err() != nil {
			break
		}
		if c == nil {
			t.count.droppedLimit.Add(1)
			return ErrLimit
		}
		err := c.send(raw)
		if dial {
			go c.dial()
		}
		if !errors.Is(err, ErrClosed) {
			return err
		}
		// It ended between the table and us. Once more, for a new one.
		t.table.remove(c)
	}
	t.count.droppedLost.Add(1)
	return ErrClosed
}

// dial connects, sends what waits, and becomes the connection's reading loop.
func (c *conn) dial() {
	t := c.t
	if !t.begin() {
		c.end(ended{closed: true})
		return
	}
	local := t.listeners[c.flow.Listener].addr.Addr()
	d := net.Dialer{Timeout: t.limits.dial, KeepAliveConfig: keepAliveProbes, Control: t.streamOptions}
	if !local.IsUnspecified() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	tcp, err := d.DialContext(t.stop, network("tcp", c.flow.Remote.Addr()), c.flow.Remote.String())
	if err == nil {
		t.count.dialed.Add(1)
		if c.open(tcp.(*net.TCPConn)) {
			c.read() // calls wait.Done
			return
		}
		t.wait.Done()
		return
	}
	defer t.wait.Done()
	t.count.dialsFailed.Add(1)
	c.end(ended{closed: t.stop.Err() != nil, dialing: true})
	if t.stop.Err() != nil {
		return
	}
	f := c.flow
	f.Conn = 0 // as the sender named it
	t.failed(f, dialCause(err))
	t.afterBatch(f.Listener)
}

// begin counts one more goroutine that Close waits for; false once it is closing.
func (t *Transport) begin() bool {
	t.table.mu.Lock()
	defer t.table.mu.Unlock()
	if t.table.closed {
		return false
	}
	t.wait.Add(1)
	return true
}

func dialCause(err error) Cause {
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ECONNRESET) {
		return PortUnreachable
	}
	return HostUnreachable
}

// readCause reads the end of an established connection: a reset counts as a
// refusal (a killed process), the rest as loss.
func readCause(err error) Cause {
	switch {
	case errors.Is(err, unix.ECONNRESET):
		return PortUnreachable
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETUNREACH):
		return HostUnreachable
	}
	return ConnectionLost
}

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
