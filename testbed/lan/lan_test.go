package lan

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	left  = netip.MustParseAddr("10.87.0.1")
	right = netip.MustParseAddr("10.87.0.2")
)

// pair is two hosts with a UDP socket each; the left one's is connected.
func pair(t *testing.T) (*LAN, *net.UDPConn, *net.UDPConn) {
	t.Helper()
	l := New(1)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	var conns [2]*net.UDPConn
	for i, addr := range []netip.Addr{right, left} {
		h, err := l.Host(addr)
		if err != nil {
			t.Fatal(err)
		}
		err = h.Do(func() (err error) {
			if i == 0 {
				conns[1], err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(right, 5060)))
				return err
			}
			conns[0], err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(right, 5060)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conns[1-i].Close() })
	}
	return l, conns[0], conns[1]
}

// arrives counts the datagrams that came before none came for wait; the first least of
// them are waited for longer, on a slow machine.
func arrives(t *testing.T, c *net.UDPConn, least int, wait time.Duration) (n int) {
	t.Helper()
	buf := make([]byte, 2000)
	for {
		patience := wait
		if n < least {
			patience = 10 * time.Second
		}
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			return n
		}
		n++
	}
}

func TestLinks(t *testing.T) {
	l, a, b := pair(t)
	const sent = 150 // twice that fits into a socket's buffer
	for _, test := range []struct {
		name        string
		link        Link
		least, most int
	}{
		{"as it is", Link{}, sent, sent},
		{"cut", Link{Cut: true}, 0, 0},
		{"half lost", Link{Loss: 0.5}, sent * 3 / 10, sent * 7 / 10},
		{"all doubled, late", Link{Duplicate: 1, Delay: time.Millisecond, Jitter: 5 * time.Millisecond}, 2 * sent, 2 * sent},
		{"whole again", Link{}, sent, sent},
	} {
		t.Run(test.name, func(t *testing.T) {
			l.Set(left, right, test.link)
			for range sent {
				if _, err := a.Write([]byte("to the other side")); err != nil {
					t.Fatal(err)
				}
			}
			if n := arrives(t, b, test.least, 300*time.Millisecond); n < test.least || n > test.most {
				t.Errorf("%d of %d arrived, wanted %d to %d", n, sent, test.least, test.most)
			}
		})
	}
}

// A cut holds one way only; the other stays open.
func TestOneWay(t *testing.T) {
	l, a, b := pair(t)
	l.Set(right, left, Link{Cut: true})
	if _, err := a.Write([]byte("heard")); err != nil {
		t.Fatal(err)
	}
	if arrives(t, b, 1, 300*time.Millisecond) != 1 {
		t.Error("the way there is cut too")
	}
	if _, err := b.WriteToUDP([]byte("unheard"), a.LocalAddr().(*net.UDPAddr)); err != nil {
		t.Fatal(err)
	}
	if arrives(t, a, 0, 300*time.Millisecond) != 0 {
		t.Error("the way back is open")
	}
}

// The kernels' own word of ICMP comes through: a closed port, a router that
// does not find the host.
func TestICMP(t *testing.T) {
	l, a, b := pair(t)
	raw, err := a.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	// A host that is unreachable is an error that may pass: told only to who asks (ip(7)).
	err = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1) })
	if err != nil {
		t.Fatal(err)
	}
	told := func(want error) {
		t.Helper()
		if _, err := a.Write([]byte("anybody?")); err != nil {
			t.Fatal(err)
		}
		if err := a.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Read(make([]byte, 10)); !errors.Is(err, want) {
			t.Errorf("read: %v, wanted %v", err, want)
		}
	}
	l.Set(left, right, Link{Unreachable: true})
	told(syscall.EHOSTUNREACH)
	l.Set(left, right, Link{})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	told(syscall.ECONNREFUSED)
}

// What one host mounts no other sees.
func TestSmall(t *testing.T) {
	l := New(1)
	h, err := l.Host(left)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := h.Small(dir, 64<<10); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "large")
	if err := h.Do(func() error { return os.WriteFile(file, make([]byte, 1<<20), 0o600) }); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write beyond the size: %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the machine sees the host's file: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
