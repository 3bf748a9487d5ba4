package transport

import (
	"net"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMarked: whatever leaves us carries the configured DSCP, as the far end sees
// it (UDP) or as the socket says it will (streams, both directions).
func TestMarked(t *testing.T) {
	for _, c := range []struct {
		us, peer, stranger string
		v6                 bool
	}{
		{"127.0.58.1:0", "127.0.58.2:0", "127.0.58.3:0", false},
		{"[::1]:0", "[::1]:0", "[::1]:0", true},
	} {
		for _, dscp := range []uint8{0, 24, 63} {
			peer, peerAt := party(t, c.peer)
			stranger, strangerAt := party(t, c.stranger)
			tr := start(t, Config{
				Listen: []Listener{{Network: UDP, Addr: addr(c.us)}, {Network: TCP, Addr: addr(c.us)}},
				Peers:  []Peer{{Addr: peerAt}}, DSCP: dscp,
			}, newRecorder())
			for _, to := range []struct {
				conn *net.UDPConn
				at   netip.AddrPort
			}{{peer, peerAt}, {stranger, strangerAt}} {
				wantClass(t, to.conn, c.v6, func() { must(t, tr.Send(Flow{Remote: to.at}, []byte(bye))) }, int(dscp)<<2)
			}
			marksStreams(t, tr, c.peer, c.v6, int(dscp)<<2)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantClass reads the traffic class of the datagram that send makes arrive.
func wantClass(t *testing.T, conn *net.UDPConn, v6 bool, send func(), want int) {
	t.Helper()
	level, ask, kind := unix.IPPROTO_IP, unix.IP_RECVTOS, int32(unix.IP_TOS)
	if v6 {
		level, ask, kind = unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, unix.IPV6_TCLASS
	}
	raw, err := conn.SyscallConn()
	must(t, err)
	must(t, control(raw, func(fd int) error { return unix.SetsockoptInt(fd, level, ask, 1) }))
	send()
	buf, oob := make([]byte, 2000), make([]byte, 200)
	_, n, _, _, err := conn.ReadMsgUDPAddrPort(buf, oob)
	must(t, err)
	all, err := syscall.ParseSocketControlMessage(oob[:n])
	must(t, err)
	for _, m := range all {
		if m.Header.Type == kind && int(m.Data[0]) == want {
			return
		}
	}
	t.Errorf("arrived with %+v, want class %#x", all, want)
}

// marksStreams asks the sockets of one connection dialed and one accepted.
func marksStreams(t *testing.T, tr *Transport, peer string, v6 bool, want int) {
	t.Helper()
	l, at := far(t, peer)
	must(t, tr.Send(Flow{Listener: 1, Network: TCP, Remote: at}, []byte(bye)))
	c, err := l.AcceptTCP()
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	hear(t, c, bye)
	in := streamTo(t, tr.Addr(1))
	say(t, in, "\r\n\r\n")
	hear(t, in, "\r\n")
	level, option := unix.IPPROTO_IP, unix.IP_TOS
	if v6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	tr.table.mu.Lock()
	conns := make([]*conn, 0, 2)
	for _, c := range tr.table.byID {
		conns = append(conns, c)
	}
	tr.table.mu.Unlock()
	if len(conns) != 2 {
		t.Fatalf("%d connections", len(conns))
	}
	for _, c := range conns {
		c.mu.Lock()
		raw := c.raw
		c.mu.Unlock()
		must(t, control(raw, func(fd int) error {
			got, err := unix.GetsockoptInt(fd, level, option)
			if got != want {
				t.Errorf("inbound %v: class %#x, want %#x", c.inbound, got, want)
			}
			return err
		}))
	}
}

func TestDSCPBeyondSixBitsIsRefused(t *testing.T) {
	c := onTCP("127.0.58.4:0")
	c.DSCP = 64
	if _, err := New(c, newRecorder()); err == nil {
		t.Error("taken")
	}
}
