package media

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// ErrNoPort: every port of the range is taken.
var ErrNoPort = errors.New("every UDP port of media.ports is taken: widen the range, or look which program holds them")

// Ports hands out the even UDP ports of a range (RFC 3550 §11). Safe for concurrent
// use.
type Ports struct {
	addr        netip.Addr
	first, last uint16

	mu      sync.Mutex
	next    uint16 // guarded by mu: the port tried first, so that one is not reused at once
	refused atomic.Uint64
}

// NewPorts returns the ports first to last, both included, of a local address.
func NewPorts(addr netip.Addr, first, last uint16) *Ports {
	first += first & 1
	return &Ports{addr: addr, first: first, last: last, next: first}
}

// Capacity is how many ports there are.
func (p *Ports) Capacity() int { return max(0, (int(p.last)-int(p.first))/2+1) }

// Refused is how often none was free.
func (p *Ports) Refused() uint64 { return p.refused.Load() }

// open takes the next free port.
func (p *Ports) open() (*net.UDPConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := error(ErrNoPort)
	for range p.Capacity() {
		at := p.next
		if p.next += 2; p.next > p.last || p.next < p.first {
			p.next = p.first
		}
		var conn *net.UDPConn
		if conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.addr, at))); err == nil {
			return conn, nil
		}
	}
	p.refused.Add(1)
	return nil, errors.Join(ErrNoPort, err)
}
