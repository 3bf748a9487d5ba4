// Package wire is a network in memory for tests under testing/synctest: parties
// at addresses, datagrams and streams of SIP messages between them, with
// latency, loss, duplication, reordering, cuts and refusals.
//
// A Net owns all packets in flight and delivers them from one goroutine, one
// after the other, in order of the time they are due; what is due at the same
// instant goes by addresses, then by order of sending. Every ordered pair of
// addresses draws from its own generator, seeded by Config.Seed and the pair.
// So a run depends on the seed and on what each party sends, not on how
// goroutines are scheduled. Create and close it inside the bubble; safe for
// concurrent use. Handlers run on the Net's goroutine, without a lock held: they
// may send, and must not wait for another delivery.
//
// What it keeps of transport's behaviour: ICMP reaches only the socket of a
// configured peer; a stream loses, repeats and reorders nothing, is dialed by
// the first message, refused, or given up after the dial or user time-out; the
// bytes a Handler got are overwritten when it returns, so that a test sees who
// kept them. It does not frame: one Send is one message. TLS is a stream of its
// own: nothing is encrypted, and no certificate is shown.
package wire

import (
	"container/heap"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"releve/proxy/transport"
)

// Config of a Net. The zero value is a perfect network without latency.
type Config struct {
	Seed    uint64
	Latency time.Duration // one way
	Jitter  time.Duration // added, evenly drawn from [0, Jitter)
	// Probabilities 0–1, each for one datagram. A reordered one is late by up to
	// three latencies (at least 3 ms), so that later ones overtake it.
	Loss, Duplicate, Reorder float64
	// Watch sees every message when it is delivered; nil: nobody does. raw is
	// valid until it returns.
	Watch func(at time.Time, from, to netip.AddrPort, raw []byte)
}

// Times of streams, as transport has them.
const (
	dialTimeout = 4 * time.Second
	userTimeout = 8 * time.Second
	retry       = 200 * time.Millisecond // a stream's retransmission
)

// maxFlight bounds the packets under way in one Net; more are lost and counted.
const maxFlight = 1 << 20

// Stats counts what became of packets; a snapshot.
type Stats struct {
	Delivered  uint64
	Lost       uint64 // by chance
	Cut        uint64 // by Cut, or to a host that is down
	Refused    uint64 // nobody listens there
	Duplicated uint64
	Reordered  uint64
	Overflow   uint64 // more than 1,048,576 under way, or an Endpoint's inbox full
}

// Net is one network.
type Net struct {
	cfg  Config
	wake chan struct{}
	stop chan struct{}
	done chan struct{}
	once sync.Once

	mu      sync.Mutex // guards what follows
	flight  flight
	ports   map[place]*port
	pairs   map[pair]*lane
	cuts    map[[2]netip.Addr]bool // from, to
	down    map[netip.Addr]bool
	refuses map[netip.AddrPort]bool
	stats   Stats
	next    uint16 // port for those who ask for 0
	links   uint32
}

// place is where somebody listens.
type place struct {
	network transport.Network
	at      netip.AddrPort
}

// pair is one direction between two addresses.
type pair struct {
	network  transport.Network
	from, to netip.AddrPort
}

// lane is the state of one direction.
type lane struct {
	draw *rand.Rand
	sent uint64    // packets so far
	due  time.Time // of the last one in order: none after it is due before it
}

// New starts a network; Close ends it.
func New(c Config) *Net {
	n := &Net{
		cfg: c, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		ports: make(map[place]*port), pairs: make(map[pair]*lane),
		cuts: make(map[[2]netip.Addr]bool), down: make(map[netip.Addr]bool), refuses: make(map[netip.AddrPort]bool),
		next: 20000,
	}
	go n.run()
	return n
}

// Close ends the network and returns when no Handler runs any more; what is
// under way is lost. Not to be called from a Handler.
func (n *Net) Close() {
	n.once.Do(func() { close(n.stop) })
	<-n.done
}

// Cut loses everything between two hosts, both ways, until Heal. What is under
// way still arrives. A stream that stays cut ends as the kernel would end it:
// 8 s after what could not be sent, a dial after 4 s.
func (n *Net) Cut(a, b netip.Addr) {
	n.set(func() { n.cuts[[2]netip.Addr{a, b}], n.cuts[[2]netip.Addr{b, a}] = true, true })
}

// CutOneWay loses what goes from one host to another, until Heal.
func (n *Net) CutOneWay(from, to netip.Addr) {
	n.set(func() { n.cuts[[2]netip.Addr{from, to}] = true })
}

// Heal undoes Cut and CutOneWay.
func (n *Net) Heal(a, b netip.Addr) {
	n.set(func() { delete(n.cuts, [2]netip.Addr{a, b}); delete(n.cuts, [2]netip.Addr{b, a}) })
}

// Down makes a host silent: a machine switched off. Up undoes it.
func (n *Net) Down(host netip.Addr) { n.set(func() { n.down[host] = true }) }

// Up brings a silent host back.
func (n *Net) Up(host netip.Addr) { n.set(func() { delete(n.down, host) }) }

// Refuse has an address answered by port unreachable: a process killed on a
// machine that lives. So is every address where nobody was attached. Its streams
// are reset.
func (n *Net) Refuse(at netip.AddrPort) {
	n.set(func() {
		n.refuses[at] = true
		for _, network := range [...]transport.Network{transport.UDP, transport.TCP, transport.TLS} {
			n.reset(n.ports[place{network, at}])
		}
	})
}

// Accept undoes Refuse.
func (n *Net) Accept(at netip.AddrPort) { n.set(func() { delete(n.refuses, at) }) }

// Stats returns a snapshot.
func (n *Net) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

func (n *Net) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// cut reports whether nothing gets through; mu is held.
func (n *Net) cut(from, to netip.Addr) bool {
	return n.cuts[[2]netip.Addr{from, to}] || n.down[from] || n.down[to]
}

// lane returns the state of one direction; mu is held.
func (n *Net) lane(p pair) *lane {
	l := n.pairs[p]
	if l == nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(p.network.String() + p.from.String() + ">" + p.to.String()))
		l = &lane{draw: rand.New(rand.NewPCG(n.cfg.Seed, h.Sum64()))}
		n.pairs[p] = l
	}
	return l
}

// delay draws one passage; mu is held.
func (n *Net) delay(l *lane) time.Duration {
	d := n.cfg.Latency
	if n.cfg.Jitter > 0 {
		d += time.Duration(l.draw.Int64N(int64(n.cfg.Jitter)))
	}
	return d
}

// packet is a message, or a report of failure, under way.
type packet struct {
	pair
	due     time.Time
	seq     uint64
	raw     []byte
	report  bool // cause, for the port at to, about from
	cause   transport.Cause
	link    *link     // streams
	began   time.Time // streams: when it was first sent
	toFirst bool      // streams: towards the side that dialed
}

// launch puts a packet under way; mu is held.
func (n *Net) launch(p *packet) {
	if len(n.flight) >= maxFlight {
		n.stats.Overflow++
		return
	}
	heap.Push(&n.flight, p)
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// run delivers until Close.
func (n *Net) run() {
	defer close(n.done)
	for {
		select {
		case <-n.stop:
			return
		default:
		}
		act, wait := n.take(time.Now())
		if act != nil {
			act()
			continue
		}
		// An idle network holds no timer: a test that waits for nothing is then
		// found out by synctest instead of running through the years.
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-n.wake:
		case <-due:
		case <-n.stop:
			return
		}
	}
}

// take removes the first packet that is due and says what is to be done, or
// how long to wait for it; 0: nothing is under way.
func (n *Net) take(now time.Time) (act func(), wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.flight) > 0 {
		if wait := n.flight[0].due.Sub(now); wait > 0 {
			return nil, wait
		}
		p := heap.Pop(&n.flight).(*packet)
		if act := n.arrive(p, now); act != nil {
			return act, 0
		}
	}
	return nil, 0
}

// arrive decides what becomes of a packet that is due; mu is held.
func (n *Net) arrive(p *packet, now time.Time) func() {
	switch {
	case p.report:
		return n.inform(p)
	case p.link != nil:
		return n.arriveStream(p, now)
	}
	to := n.ports[place{p.network, p.to}]
	switch {
	case n.down[p.to.Addr()]:
		n.stats.Cut++
		return nil
	case to == nil || n.refuses[p.to]:
		n.stats.Refused++
		if !n.cut(p.to.Addr(), p.from.Addr()) {
			n.report(p.pair, transport.PortUnreachable, nil, n.cfg.Latency)
		}
		return nil
	}
	n.stats.Delivered++
	return func() { n.deliver(to, transport.Flow{Listener: to.listener, Remote: p.from}, p) }
}

func (n *Net) deliver(to *port, f transport.Flow, p *packet) {
	if n.cfg.Watch != nil {
		n.cfg.Watch(p.due, p.from, p.to, p.raw)
	}
	to.node.receive(f, p.raw)
	for i := range p.raw {
		p.raw[i] = '!' // whoever kept it will notice
	}
}

// report sends word of a failure on the way p back to its sender; mu is held.
func (n *Net) report(p pair, cause transport.Cause, l *link, after time.Duration) {
	back := pair{p.network, p.to, p.from}
	la := n.lane(back)
	la.sent++
	n.launch(&packet{pair: back, due: time.Now().Add(after), seq: la.sent, report: true, cause: cause, link: l})
}

// flight is a heap of packets in the order of delivery.
type flight []*packet

func (f flight) Len() int      { return len(f) }
func (f flight) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flight) Push(x any)   { *f = append(*f, x.(*packet)) }

func (f *flight) Pop() any {
	old := *f
	p := old[len(old)-1]
	old[len(old)-1] = nil
	*f = old[:len(old)-1]
	return p
}

func (f flight) Less(i, j int) bool {
	a, b := f[i], f[j]
	if !a.due.Equal(b.due) {
		return a.due.Before(b.due)
	}
	if c := a.from.Compare(b.from); c != 0 {
		return c < 0
	}
	if c := a.to.Compare(b.to); c != 0 {
		return c < 0
	}
	return a.seq < b.seq
}
