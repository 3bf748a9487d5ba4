package feasibility

import (
	"fmt"
	"net"
	"net/netip"
	"os"
)

// ground is a part of loopback that one run has to itself: 127.B.0.0/16.
type ground struct {
	b    byte
	lock net.PacketConn // an address of it, held for as long as the run lasts
}

// The second bytes to choose from, our choice: no other harness uses them.
const (
	firstGround = 160
	grounds     = 64
)

// claim takes a ground that no other run has.
func claim() (*ground, error) {
	var last error
	for i := range grounds {
		b := byte(firstGround + (os.Getpid()+i)%grounds)
		lock, err := net.ListenPacket("udp", netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, b, 255, 254}), 5060).String())
		if err == nil {
			return &ground{b, lock}, nil
		}
		last = err
	}
	return nil, fmt.Errorf("find addresses on loopback that no other run uses: %w", last)
}

func (g *ground) release() { _ = g.lock.Close() }

// at is an address of the nth world.
func (g *ground) at(n, host int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, g.b, byte(n), byte(host)}), 5060)
}
