package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long accept waits after an error, doubling.
const (
	acceptRest    = 5 * time.Millisecond
	acceptRestMax = time.Second
)

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

// streamOptions bounds how long the kernel retransmits, and marks; accepted connections
// inherit it from their listener.
func (t *Transport) streamOptions(_, _ string, c syscall.RawConn) error {
	return control(c, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(t.limits.userTimeout.Milliseconds()))
	}, t.mark)
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
	c := &conn{t: t, inbound: true, flow: Flow{Listener: listener, Network: t.listeners[listener].Network, Remote: remote}}
	if !t.admit(c) {
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
		return
	}
	t.wait.Add(1)
	t.count.accepted.Add(1)
	switch {
	case c.flow.Network == TLS:
		go c.greet(tcp)
	case c.open(tcp, nil):
		go c.read()
	default:
		t.wait.Done()
	}
}

// admit files an accepted connection, or counts why not.
func (t *Transport) admit(c *conn) bool {
	if !t.allowed(c.flow.Remote.Addr()) {
		t.count.refused.Add(1)
		t.count.connectionsRefused.Add(1)
		return false
	}
	switch t.table.add(c) {
	case room:
		return true
	case ofSource:
		t.count.overSource.Add(1)
	}
	t.count.overLimit.Add(1)
	return false
}

// sendStream finds or begins a connection and leaves the message with it.
func (t *Transport) sendStream(f Flow, raw []byte) (conn uint32, err error) {
	f.Remote = normal(f.Remote)
	for range 2 {
		c, dial := t.table.find(t, f)
		if c == nil && t.stop.Err() != nil {
			break
		}
		if c == nil {
			t.count.droppedLimit.Add(1)
			return 0, ErrLimit
		}
		err = c.send(raw)
		if dial {
			go c.dial()
		}
		if !errors.Is(err, ErrClosed) {
			return c.flow.Conn, err
		}
		// It ended between the table and us. Once more, for a new one.
		t.table.remove(c)
	}
	t.count.droppedLost.Add(1)
	return 0, ErrClosed
}

// dial connects, sends what waits, and becomes the connection's reading loop.
func (c *conn) dial() {
	t := c.t
	if !t.begin() {
		c.end(ended{closed: true})
		return
	}
	tcp, sec, cause, err := c.reach()
	if err == nil {
		if c.open(tcp, sec) {
			c.read() // calls wait.Done
			return
		}
		t.wait.Done()
		return
	}
	defer t.wait.Done()
	c.end(ended{closed: t.stop.Err() != nil, dialing: true})
	if t.stop.Err() != nil {
		return
	}
	f := c.flow
	f.Conn = 0 // as the sender named it
	t.failed(f, cause)
	t.afterBatch(f.Listener)
}

// reach connects and, over TLS, shakes hands; with an error, what it means.
func (c *conn) reach() (tcp *net.TCPConn, sec *secure, cause Cause, err error) {
	t := c.t
	local := t.listeners[c.flow.Listener].addr.Addr()
	d := net.Dialer{Timeout: t.limits.dial, KeepAliveConfig: keepAliveProbes, Control: t.streamOptions}
	if !local.IsUnspecified() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	socket, err := d.DialContext(t.stop, network("tcp", c.flow.Remote.Addr()), c.flow.Remote.String())
	if err != nil {
		t.count.dialsFailed.Add(1)
		return nil, nil, dialCause(err), err
	}
	t.count.dialed.Add(1)
	tcp = socket.(*net.TCPConn)
	if c.flow.Network == TLS {
		if sec, err = c.shake(tcp); err != nil {
			return nil, nil, shakeCause(err), err
		}
	}
	return tcp, sec, 0, nil
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
	var errno syscall.Errno
	if errors.As(err, &errno) && ours(errno) {
		return OwnNetwork
	}
	return HostUnreachable
}

// readCause reads the end of an established connection: a reset counts as a
// refusal (a killed process), a TLS alert as what it is (with TLS 1.3 a server
// refuses our certificate only when our handshake is done), the rest as loss.
func readCause(err error) Cause {
	var op *net.OpError
	switch {
	case errors.Is(err, unix.ECONNRESET):
		return PortUnreachable
	case errors.Is(err, unix.EHOSTUNREACH):
		return HostUnreachable
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.ENETDOWN):
		return OwnNetwork
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"): // crypto/tls: an alert
		return TLSFault
	}
	return ConnectionLost
}

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
