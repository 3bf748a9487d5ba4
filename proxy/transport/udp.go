package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelBuffer is asked for in both directions, in bytes: what a 10 ms pause of
// ours piles up at many times the highest load. The kernel may grant less.
const kernelBuffer = 4 << 20

// maxFaults is how many reads may fail in a row before the loop rests.
const (
	maxFaults = 8
	faultRest = 10 * time.Millisecond
)

// udpSocket is one UDP socket and its reading loop.
type udpSocket struct {
	t        *Transport
	listener uint8
	conn     *net.UDPConn
	raw      syscall.RawConn
	v6       bool           // family of the socket; IPv4 is then sent mapped
	peer     netip.AddrPort // the zero value: unconnected
	stopped  atomic.Bool

	received, sent atomic.Uint64
}

func (s *udpSocket) connected() bool { return s.peer.IsValid() }

// network names the family for package net: an IPv6 wildcard serves both.
func network(base string, a netip.Addr) string {
	switch {
	case a.Is4():
		return base + "4"
	case a.IsUnspecified():
		return base
	}
	return base + "6"
}

// listenUDP opens the unconnected socket. It binds alone and shares its port
// only then: a second process on the same address is refused instead of
// silently taking half of the datagrams (our choice).
func (t *Transport) listenUDP(addr netip.AddrPort) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return control(c, enlarge, t.mark)
	}}
	pc, err := lc.ListenPacket(context.Background(), network("udp", addr.Addr()), addr.String())
	if err != nil {
		return nil, fmt.Errorf("%w; stop what serves this address, or correct listen.address", err)
	}
	conn := pc.(*net.UDPConn)
	raw, err := conn.SyscallConn()
	if err == nil {
		err = control(raw, share)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("share the port of %s with the peers' sockets: %w", addr, err)
	}
	return conn, nil
}

// dialUDP opens a socket on the listener's address and port that hears peer only.
func (t *Transport) dialUDP(local, peer netip.AddrPort) (*net.UDPConn, error) {
	d := net.Dialer{
		LocalAddr: net.UDPAddrFromAddrPort(local),
		Control: func(_, _ string, c syscall.RawConn) error {
			return control(c, enlarge, share, reportErrors, t.mark)
		},
	}
	c, err := d.Dial(network("udp", local.Addr()), peer.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

func control(c syscall.RawConn, options ...func(fd int) error) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		for _, set := range options {
			failed = errors.Join(failed, set(int(fd)))
		}
	})
	return errors.Join(err, failed)
}

// enlarge asks for large buffers, beyond the system's limit where we may.
func enlarge(fd int) error {
	for _, o := range [...][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, o[0], kernelBuffer) == nil {
			continue
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, o[1], kernelBuffer); err != nil {
			return fmt.Errorf("enlarge socket buffer: %w", err)
		}
	}
	// Our choice: routers may fragment. A path of smaller MTU costs no INVITE then.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
	return nil
}

func share(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

// reportErrors has ICMP errors queued with the address of their sender. IPv6
// sockets carry IPv4 peers too, and refuse neither option.
func reportErrors(fd int) error {
	v4 := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	v6 := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	if v4 != nil && v6 != nil {
		return fmt.Errorf("have ICMP errors reported: %w", v4)
	}
	return nil
}

// mark has what the socket sends carry the configured DSCP. IPv6 sockets carry
// IPv4 peers too, and take both options; accepted connections inherit it from
// their listener.
func (t *Transport) mark(fd int) error {
	if t.cfg.DSCP == 0 {
		return nil
	}
	class := int(t.cfg.DSCP) << 2 // the two bits below are ECN's (RFC 3168 §5)
	v4 := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, class)
	v6 := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, class)
	if v4 != nil && v6 != nil {
		return fmt.Errorf("mark packets with dscp %d: %w", t.cfg.DSCP, v4)
	}
	return nil
}

func (t *Transport) newUDP(listener uint8, conn *net.UDPConn, peer netip.AddrPort) (*udpSocket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	s := &udpSocket{t: t, listener: listener, conn: conn, raw: raw, peer: peer}
	var domain int
	if cerr := raw.Control(func(fd uintptr) {
		domain, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
	}); cerr != nil || err != nil {
		_ = conn.Close()
		return nil, errors.Join(cerr, err)
	}
	s.v6 = domain == unix.AF_INET6
	return s, nil
}

// read is the socket's loop. Only close ends it.
func (s *udpSocket) read(in *inbox) {
	defer s.t.wait.Done()
	defer in.free()
	turn := func(fd uintptr) bool { return s.turn(fd, in) }
	for !s.stopped.Load() {
		if err := s.raw.Read(turn); errors.Is(err, net.ErrClosed) {
			return
		}
		s.t.rest(faultRest)
	}
}

// turn reads until the socket is empty, then false: wait for more. It stays
// inside one RawConn.Read and stops at the first batch that is not full, so a
// wake-up costs one recvmmsg: the poller is edge-triggered and remembers what
// arrives after it. True: closed, or failing again and again.
func (s *udpSocket) turn(fd uintptr, in *inbox) bool {
	for faults := 0; faults < maxFaults; {
		if s.stopped.Load() {
			return true
		}
		n, errno := in.receive(fd)
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			// Woken for nothing: a sender may have met the error that woke us.
			s.reportNow(fd)
			return false
		case errno != 0:
			if !s.reportNow(fd) {
				s.t.count.readErrors.Add(1)
				faults++
			}
		default:
			faults = 0
			s.handle(in, n)
			if n < batch {
				return false
			}
		}
	}
	return true
}

func (s *udpSocket) handle(in *inbox, n int) {
	t := s.t
	for i := range n {
		raw, from, whole := in.take(i)
		switch {
		// A connected socket may hold a stranger's datagram from the moment
		// before it was connected: the source is always read, never assumed.
		case !t.allowed(from.Addr()):
			t.count.refused.Add(1)
			if t.cfg.Stranger != nil && whole {
				t.cfg.Stranger(Flow{Listener: s.listener, Network: UDP, Remote: from}, raw)
			}
		case !whole:
			t.count.oversized.Add(1)
		case len(raw) < 4:
			t.count.runts.Add(1)
		case isPing(raw):
			t.count.keepAlives.Add(1)
		case raw[0] <= 1:
			t.count.notSIP.Add(1)
		default:
			s.received.Add(1)
			t.handler.Receive(Flow{Listener: s.listener, Network: UDP, Remote: from}, raw)
		}
	}
	t.afterBatch(s.listener)
}

// isPing reports a keep-alive without a message: CRLFCRLF or four zero bytes.
func isPing(raw []byte) bool {
	return string(raw) == "\r\n\r\n" || string(raw) == "\x00\x00\x00\x00"
}

// reportNow empties the error queue and tells the Handler; reading loop only.
func (s *udpSocket) reportNow(fd uintptr) (found bool) {
	if !s.connected() {
		return false
	}
	causes, ignored := readErrors(fd, s.peer.Addr())
	s.t.count.icmpIgnored.Add(ignored)
	for c, set := range causes {
		if set {
			found = true
			s.t.failed(Flow{Listener: s.listener, Network: UDP, Remote: s.peer}, Cause(c))
		}
	}
	if found {
		s.t.afterBatch(s.listener)
	}
	return found || ignored > 0
}

// reportLater does the same for a sender, whose locks the Handler may want.
func (s *udpSocket) reportLater(fd uintptr) {
	causes, ignored := readErrors(fd, s.peer.Addr())
	s.t.count.icmpIgnored.Add(ignored)
	for c, set := range causes {
		if set {
			s.t.post(Flow{Listener: s.listener, Network: UDP, Remote: s.peer}, Cause(c))
		}
	}
}

// kernelDrops is how many datagrams the kernel lost for want of buffer.
func (s *udpSocket) kernelDrops() uint64 {
	const drops = 8 // SK_MEMINFO_DROPS (linux/sock_diag.h)
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	var errno syscall.Errno
	err := s.raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0)
	})
	if err != nil || errno != 0 {
		return 0
	}
	return uint64(info[drops])
}

// close ends the loop; it may be called more than once.
func (s *udpSocket) close() {
	if !s.stopped.Swap(true) {
		_ = s.conn.Close()
	}
}
