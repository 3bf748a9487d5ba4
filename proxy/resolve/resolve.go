// Package resolve finds where a SIP name leads: RFC 3263 over DNS, with a cache
// that callers read without waiting.
//
//	Targets ── cache ──► fresh set, in the order to try
//	              └────► false: ask with Resolve, look again when done is called
//
//	life of one name:
//	unknown ─Resolve─► asking ─► fresh ──TTL over──► expired ─Resolve─► asking
//	                     │         └─ watched: asked again at 80 % of the TTL
//	                     ├─► negative (5–60 s, RFC 2308) ──► expired
//	                     └─► servers silent or failing: stale set served for
//	                         Config.Stale, retried with a back-off ──► fresh
//
// What decides is pure and apart: walk.go is the procedure of RFC 3263 §4 over
// any source of answers, order.go the order of RFC 2782, answer.go reads one DNS
// message. Resolver owns the cache (one RWMutex, held for a few instructions),
// its lookups (one goroutine each, at most 256, one per name) and the timers of
// watched names; Close ends them all. Callbacks run on the resolver's goroutines
// with no lock held: they may call Targets, Resolve and Watch, never Close.
//
// Our choices:
//   - SIP names are fully qualified: "search" and "ndots" of resolv.conf are not
//     read. "localhost" is known without asking (RFC 6761 §6.3).
//   - /etc/hosts goes before DNS, for names of SIP URIs and targets of SRV alike.
//     A name that is there is asked for nowhere else, NAPTR and SRV included: such
//     a site need not have DNS at all. It is read again when it changes.
//   - An answer lives for its TTL, at least 1 s (a TTL of 0 must not make one
//     query per packet) and at most 1 h.
//   - A negative answer (NXDOMAIN, no data) that carries the zone's SOA is the
//     word of the zone: it replaces what was known, at once. One without SOA
//     (RFC 2308 §2.2.1: nothing proves it, and broken boxes send it) does not
//     while an older good answer is within Config.Stale. SERVFAIL, REFUSED and
//     silence never do.
//   - Stale answers are kept per question: when the addresses of one SRV target
//     cannot be had, its last ones serve, the rest of the set is new.
//   - A caller whose name has expired waits at most 500 ms for the new answer
//     when there is an old one to go on with (RFC 8767 §5 asks for such a timer).
//   - The first transport that yields an address is used: NAPTR picks one
//     (RFC 3263 §4.1), and where there is none UDP is asked for first.
//
// RFC 3263 §4, §5; RFC 2782; RFC 3403; RFC 2308; RFC 5452 §9 (spoofing);
// RFC 6891 (EDNS0); RFC 7984; RFC 8767 (stale).
package resolve

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"releve/proxy/transport"
)

// Target is one place to try.
type Target struct {
	Addr    netip.AddrPort
	Network transport.Network
}

// Config of a Resolver. The zero Config asks the servers of /etc/resolv.conf.
type Config struct {
	// Servers are asked in this order, the next when one is silent or fails.
	// Empty: the nameserver lines of ResolvConf, read again when it changes.
	Servers []netip.AddrPort
	// ResolvConf is read when Servers is empty; "": /etc/resolv.conf.
	ResolvConf string
	// Hosts is the hosts file, absent or not; "": /etc/hosts.
	Hosts string
	// Timeout is how long one server is waited for on one question, in two
	// transmissions; 0: 2 s. Half of it when there is another server to ask (our
	// choice: a dead first one then costs a caller 1 s, once in 30 s). A whole
	// lookup ends within five of them.
	Timeout time.Duration
	// Stale is how long after its TTL an answer serves while the servers do
	// not answer; 0: 24 h, negative: not at all.
	Stale time.Duration
	// MaxNames bounds the cache; 0: 10,000 (our choice: a site has a few
	// names, the rest are Contacts). A full cache forgets a name nobody watches.
	MaxNames int
	// Networks we can send over, in the order in which SRV is asked for when
	// nothing else says which; empty: UDP, TCP, TLS.
	Networks []transport.Network
	// IPv4 and IPv6 say for which families we have a listener. Neither: both.
	IPv4, IPv6 bool
	// Changed is told the new set of a watched name, in the order of priority,
	// whenever a target came or went; empty: the name leads nowhere any more.
	// Never called twice at once for one name; must not block. May be nil.
	Changed func(n Name, targets []Target)
	// Dial opens the socket of one question ("udp", "tcp"), so that a test may
	// put a name server on an in-memory wire; nil: net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Rand is uniform in [0, n), for weights and jitter; nil: math/rand/v2.
	// Called concurrently.
	Rand func(n uint32) uint32
	// Now is the clock of the cache; nil: time.Now.
	Now func() time.Time
}

// Our bounds. Each refusal is counted in Stats.
const (
	maxServers   = 8
	maxLookups   = 256     // in progress at once
	maxWaiting   = 100_000 // callers of Resolve waiting, all names together
	maxQuestions = 48      // in one lookup
	maxSockets   = 128     // open at once; more questions wait for one
	maxNames     = 10_000
)

// Resolver answers from its cache and refreshes it. Safe for concurrent use.
type Resolver struct {
	config  Config
	servers servers
	hosts   hosts
	counters
	sockets chan struct{} // one taken per socket open

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.RWMutex // guards what follows
	names   map[Name]*entry
	running int // lookups in progress
	waiting int // callers waiting
	closed  bool
}

// New returns a Resolver. An unusable server or an unreadable resolv.conf is an
// error; a resolv.conf that is absent or names no server means 127.0.0.1, as in
// resolv.conf(5).
func New(c Config) (*Resolver, error) {
	for _, s := range c.Servers {
		if !s.IsValid() || s.Addr().IsUnspecified() || s.Port() == 0 {
			return nil, fmt.Errorf("dns server %v: give an address and a port, such as 192.0.2.53:53", s)
		}
	}
	if len(c.Servers) > maxServers {
		return nil, fmt.Errorf("%d dns servers: name at most %d", len(c.Servers), maxServers)
	}
	r := &Resolver{config: c.withDefaults(), names: make(map[Name]*entry), sockets: make(chan struct{}, maxSockets)}
	r.hosts.path = r.config.Hosts
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if err := r.servers.open(r.config); err != nil {
		r.cancel()
		return nil, err
	}
	return r, nil
}

func (c Config) withDefaults() Config {
	if c.ResolvConf == "" {
		c.ResolvConf = "/etc/resolv.conf"
	}
	if c.Hosts == "" {
		c.Hosts = "/etc/hosts"
	}
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Stale == 0 {
		c.Stale = 24 * time.Hour
	}
	c.Stale = max(c.Stale, 0)
	if c.MaxNames <= 0 {
		c.MaxNames = maxNames
	}
	if len(c.Networks) == 0 {
		c.Networks = []transport.Network{transport.UDP, transport.TCP, transport.TLS}
	}
	if !c.IPv4 && !c.IPv6 {
		c.IPv4, c.IPv6 = true, true
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Rand == nil {
		c.Rand = rand.Uint32N
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Close ends the lookups in progress, calls what waits for them and returns
// when every callback has returned. Do not hold a lock that a callback takes.
// A closed Resolver goes on answering from its cache.
func (r *Resolver) Close() {
	r.mu.Lock()
	r.closed = true
	for _, e := range r.names {
		e.stopTimer()
	}
	r.mu.Unlock()
	r.cancel()
	r.wg.Wait()
}

// Targets returns where n leads, in the order to try: SRV priorities, within
// one the weighted choice of RFC 2782 drawn anew at each call, within one host
// AAAA and A in turn. It reads the cache only and never waits. False: not known
// yet, not any more, or known to lead nowhere: ask with Resolve.
func (r *Resolver) Targets(n Name) ([]Target, bool) {
	n = n.canonical()
	if t, ok := n.literal(r.config.IPv4); ok {
		return []Target{t}, true
	}
	now := r.config.Now()
	r.mu.RLock()
	e := r.names[n]
	if e == nil {
		r.mu.RUnlock()
		return nil, false
	}
	e.used.Store(now.UnixNano())
	set, use := e.usable(now)
	retry := e.failing && !e.running && !now.Before(e.retryAt)
	r.mu.RUnlock()
	if retry {
		r.refresh(e)
	}
	if use == nothing {
		return nil, false
	}
	if use == stale {
		r.staleServed.Add(1)
	}
	return draw(set, r.config.Rand), true
}

// Resolve makes n known: it starts a lookup or joins the one in progress. done
// is called once, on another goroutine, when it ended either way (at once when
// nothing needs asking); Targets then tells the result. When the cache or the
// lookups are full, done is called at once and the refusal is counted.
func (r *Resolver) Resolve(n Name, done func()) {
	n = n.canonical()
	now := r.config.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		go done()
		return
	}
	e := r.enter(n, now)
	if e == nil || e.settled(now) || !r.await(e, done) {
		r.wg.Go(done)
	}
}

// await queues done and starts the lookup when none is in progress. False: the
// bounds are reached. The caller holds mu.
func (r *Resolver) await(e *entry, done func()) bool {
	if r.waiting >= maxWaiting || !r.start(e) {
		r.refused.Add(1)
		return false
	}
	if e.slow {
		return false // its old set serves already
	}
	r.waiting++
	e.waiting = append(e.waiting, done)
	return true
}

// Watch keeps n fresh in the background, at 80 % of its TTL with a jitter, and
// tells Config.Changed when its set changes, the first time included. Names
// that need no DNS are not watched. Watching twice is watching once.
func (r *Resolver) Watch(n Name) {
	now := r.config.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if e := r.enter(n.canonical(), now); e != nil && e.watch(n) {
		if !r.start(e) {
			r.later(e, time.Second)
		}
	}
}

// Unwatch ends Watch; what is known of n stays for its TTL.
func (r *Resolver) Unwatch(n Name) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.names[n.canonical()]; e != nil {
		e.unwatch(n)
	}
}
