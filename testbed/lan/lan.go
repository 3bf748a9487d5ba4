// Package lan is a network of real hosts inside one machine: each host is a
// network namespace with an address of its own, kernel and all, and the wire
// between them is this process, which loses, delays, doubles and cuts as it is
// told. What one machine cannot show on loopback shows here: a host that is
// silent without a word of ICMP, a link cut one way, a burst of loss.
//
//	host A ── TUN ──┐                ┌── TUN ── host B
//	(namespace)     └─► wire: Link ──┘       (namespace)
//
// Linux only; it needs the rights of root (CAP_NET_ADMIN, CAP_SYS_ADMIN) and
// /dev/net/tun. Nothing outside the namespaces is touched: no interface, no
// route, no mount of the machine itself; all is gone with the process.
//
// Owner and lock: a LAN may be used from any goroutine. Each host has a thread
// of its own, on which what it starts is started (Host.Do).
package lan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Link is how packets fare from one host to another, one way. The zero value
// carries every packet at once.
type Link struct {
	Cut       bool          // nothing arrives
	Loss      float64       // part of the packets that is lost, 0–1
	Duplicate float64       // part that arrives twice, 0–1
	Delay     time.Duration // each arrives that much later
	Jitter    time.Duration // and up to that much more, drawn for each: later ones overtake earlier ones
	// Unreachable answers each packet with ICMP host unreachable, as a router
	// whose next hop does not answer; nothing arrives.
	Unreachable bool
}

// Counts are what the wire saw, both ways of all links.
type Counts struct{ Carried, Lost, Doubled uint64 }

// LAN is a set of hosts that reach each other.
type LAN struct {
	mu     sync.Mutex // guards what follows
	hosts  map[netip.Addr]*Host
	links  map[way]Link
	random *rand.Rand
	closed bool

	readers                sync.WaitGroup
	carried, lost, doubled atomic.Uint64
}

type way struct{ from, to netip.Addr }

// New makes an empty network; seed is of what is lost, doubled and late.
func New(seed uint64) *LAN {
	return &LAN{
		hosts: map[netip.Addr]*Host{}, links: map[way]Link{},
		random: rand.New(rand.NewPCG(seed, 7)),
	}
}

// Host adds a host. addr is IPv4; all hosts of a LAN lie in one /24.
func (l *LAN) Host(addr netip.Addr) (*Host, error) {
	if !addr.Is4() {
		return nil, fmt.Errorf("add host %s: write an IPv4 address", addr)
	}
	h, err := openHost(addr)
	if err != nil {
		return nil, fmt.Errorf("add host %s: %w", addr, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.hosts[addr] != nil {
		return nil, errors.Join(fmt.Errorf("add host %s: the network is closed or has it", addr), h.close())
	}
	l.hosts[addr] = h
	l.readers.Go(func() { l.read(h) })
	return h, nil
}

// Set changes the way from one address to another.
func (l *LAN) Set(from, to netip.Addr, k Link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.links[way{from, to}] = k
}

// Both changes both ways between two addresses.
func (l *LAN) Both(a, b netip.Addr, k Link) {
	l.Set(a, b, k)
	l.Set(b, a, k)
}

// Around changes every way from and to a host.
func (l *LAN) Around(a netip.Addr, k Link) {
	for _, b := range l.others(a) {
		l.Both(a, b, k)
	}
}

func (l *LAN) others(a netip.Addr) (out []netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for b := range l.hosts {
		if b != a {
			out = append(out, b)
		}
	}
	return out
}

// Counts returns what was carried and lost so far.
func (l *LAN) Counts() Counts {
	return Counts{l.carried.Load(), l.lost.Load(), l.doubled.Load()}
}

// Close ends the wire and gives the namespaces back; the processes that were
// started on the hosts must have ended, or end with their threads.
func (l *LAN) Close() error {
	l.mu.Lock()
	l.closed = true
	var errs []error
	for _, h := range l.hosts {
		errs = append(errs, h.close())
	}
	l.mu.Unlock()
	l.readers.Wait()
	return errors.Join(errs...)
}

// read carries what a host sends until the host is closed.
func (l *LAN) read(h *Host) {
	buf := make([]byte, 64<<10)
	for {
		n, err := h.tun.Read(buf)
		if err != nil {
			return // closed
		}
		if n < headerLeast || buf[0]>>4 != 4 {
			continue // the kernel's own IPv6 chatter
		}
		l.carry(h, buf[:n])
	}
}

// carry sends one packet on its way as the link says; packet is valid during
// the call only.
func (l *LAN) carry(from *Host, packet []byte) {
	l.mu.Lock()
	to := l.hosts[destination(packet)]
	k := Link{}
	copies, waits := 1, [2]time.Duration{}
	if to != nil {
		k = l.links[way{from.addr, to.addr}]
		copies = l.draw(k)
		for i := range copies {
			waits[i] = k.Delay
			if k.Jitter > 0 {
				waits[i] += time.Duration(l.random.Int64N(int64(k.Jitter)))
			}
		}
	}
	l.mu.Unlock()
	switch {
	case to == nil:
		l.lost.Add(1)
		return
	case k.Unreachable:
		l.lost.Add(1)
		from.write(unreachable(from.addr, packet))
		return
	case copies == 0:
		l.lost.Add(1)
		return
	}
	l.carried.Add(1)
	l.doubled.Add(uint64(copies - 1))
	for _, wait := range waits[:copies] {
		if wait == 0 {
			to.write(packet)
			continue
		}
		late := append([]byte(nil), packet...)
		time.AfterFunc(wait, func() { to.write(late) }) // a closed host refuses it
	}
}

// draw is how often a packet arrives: 0, 1 or 2 times.
func (l *LAN) draw(k Link) int {
	switch {
	case k.Cut || k.Loss > 0 && l.random.Float64() < k.Loss:
		return 0
	case k.Duplicate > 0 && l.random.Float64() < k.Duplicate:
		return 2
	}
	return 1
}
