package phone

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/emiago/sipgo/sip"
)

// maxKept bounds ended transactions that still absorb repeats (64 × T1 each);
// beyond it the oldest are forgotten early and counted in Stats.Forgotten.
const maxKept = 100_000

// Config of a Phone.
type Config struct {
	Addr string // "ip:port" to listen on, UDP; port 0: the kernel chooses
	Name string // goes into Server and User-Agent
	User string // user part of our Contact; empty: none
	// T1 is the retransmission base; 0: 500 ms (RFC 3261 §17.1.1.1). Timers B,
	// F, H and the tails are 64 × T1, T2 is 8 × T1.
	T1 time.Duration
	// IgnoreRecordRoute sends requests of a dialog straight to the peer's
	// Contact, as some IPBXs wrongly do.
	IgnoreRecordRoute bool

	// OnInvite gets each initial INVITE; nil: 480. OnRequest gets other
	// requests outside dialogs; nil: OPTIONS 200, others 405.
	OnInvite  func(*Call)
	OnRequest func(*Inbound)
}

// Stats counts what a Phone saw. Read it with Phone.Stats.
type Stats struct {
	Received, Sent  uint64 // datagrams
	Unreadable      uint64 // datagrams that were no SIP message
	Dropped         uint64 // received while silent
	StrayResponses  uint64 // no transaction wanted them
	StrayACKs       uint64 // no call or transaction wanted them
	NoDialog        uint64 // requests answered 481
	SendErrors      uint64
	Forgotten       uint64 // transactions forgotten early by the bound
	ReceivedOPTIONS uint64
}

// Phone is one SIP user agent on one UDP address. See the package's doc for
// its lock.
type Phone struct {
	cfg    Config
	local  netip.AddrPort
	mu     sync.Mutex
	conn   *net.UDPConn // nil while the socket is closed
	reader sync.WaitGroup
	parser *sip.Parser

	clients map[string]*client
	servers map[string]*Inbound
	calls   map[string]*Call // Call-ID + our tag
	kept    []keptKey
	stats   Stats
	salt    string
	serial  uint64

	silent bool
	delay  func() time.Duration // how late each datagram is read; nil: at once
	closed bool
	pacer  *pacer

	manners Manners
	alg     *alg // nil: none stands before us
}

type keptKey struct {
	at     time.Time
	key    string
	server bool
}

// Listen opens the address and starts reading. Callable from anywhere.
func Listen(cfg Config) (*Phone, error) {
	if cfg.T1 == 0 {
		cfg.T1 = 500 * time.Millisecond
	}
	addr, err := netip.ParseAddrPort(cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: write ip:port: %w", cfg.Addr, err)
	}
	p := &Phone{
		cfg: cfg, local: addr, parser: newParser(), salt: random(6),
		clients: map[string]*client{}, servers: map[string]*Inbound{}, calls: map[string]*Call{},
		manners: Manners{IgnoreRecordRoute: cfg.IgnoreRecordRoute},
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p, p.OpenSocket()
}

// Do runs f with the lock held. Callable from anywhere but a callback.
func (p *Phone) Do(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// Addr is where the Phone listens. Callable from anywhere.
func (p *Phone) Addr() netip.AddrPort { return p.local }

// Name is the configured name. Callable from anywhere.
func (p *Phone) Name() string { return p.cfg.Name }

// Stats returns a copy of the counters. Callable from anywhere but a callback.
func (p *Phone) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// Calls returns how many calls exist.
func (p *Phone) Calls() int { return len(p.calls) }

// OpenSocket opens the socket (again) on the same address and port.
func (p *Phone) OpenSocket() error {
	if p.conn != nil || p.closed {
		return nil
	}
	conn, err := openPatiently(p.local)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", p.local, err)
	}
	_ = conn.SetReadBuffer(4 << 20) // a burst of hundreds of calls; the kernel may give less
	p.local = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	p.conn = conn
	p.reader.Add(1)
	go p.read(conn)
	return nil
}

// openPatiently opens a socket. One that was just closed is still open in a process that was
// being started meanwhile, until that runs its own program: a second is waited for it.
func openPatiently(at netip.AddrPort) (conn *net.UDPConn, err error) {
	for patience := 100; ; patience-- {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err == nil || patience == 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return conn, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// CloseSocket closes the socket: the kernel answers datagrams with ICMP port
// unreachable. Calls stay in memory; OpenSocket makes the Phone whole again.
func (p *Phone) CloseSocket() {
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
}

// SetSilent makes the Phone read and drop everything, and send nothing.
func (p *Phone) SetSilent(on bool) { p.silent = on }

// SetDelay delays the treatment of each datagram by what f returns; nil: none.
func (p *Phone) SetDelay(f func() time.Duration) { p.delay = f }

// Forget loses all calls and transactions without a word, as a process that is
// killed: later requests of those calls get 481.
func (p *Phone) Forget() {
	calls := p.calls
	for _, t := range p.clients {
		t.stop()
	}
	for _, t := range p.servers {
		t.stop()
	}
	p.calls = map[string]*Call{}
	clear(p.clients)
	clear(p.servers)
	p.kept = nil
	for _, c := range calls {
		c.lost()
	}
}

// Close ends the Phone without a word to anyone. Callable from anywhere but a
// callback.
func (p *Phone) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.Forget()
	p.CloseSocket()
	p.closeALG()
	pace := p.pacer
	p.pacer = nil
	p.mu.Unlock()
	if pace != nil {
		pace.close()
	}
	p.reader.Wait()
	return nil
}

func (p *Phone) read(conn *net.UDPConn) {
	defer p.reader.Done()
	buf := make([]byte, 65535)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier datagram
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		p.mu.Lock()
		p.arrive(buf[:n], from)
		p.mu.Unlock()
	}
}

func (p *Phone) arrive(raw []byte, from netip.AddrPort) {
	p.stats.Received++
	if p.silent || p.closed {
		p.stats.Dropped++
		return
	}
	if len(raw) <= 4 { // keep-alive
		return
	}
	if p.manners.MaxDatagram > 0 && len(raw) > p.manners.MaxDatagram {
		p.stats.Dropped++
		return
	}
	m, err := parse(p.parser, raw)
	if err != nil {
		p.stats.Unreadable++
		return
	}
	if p.delay != nil {
		if d := p.delay(); d > 0 {
			p.After(d, func() { p.dispatch(m, from) })
			return
		}
	}
	p.dispatch(m, from)
}

func (p *Phone) dispatch(m *Message, from netip.AddrPort) {
	p.sweep(time.Now())
	p.rewrite(m, from)
	if m.Status != 0 {
		if t := p.clients[clientKey(m.branch(), m.Method)]; t != nil {
			t.response(m)
		} else {
			p.stats.StrayResponses++
		}
		return
	}
	p.request(m, from)
}

func (p *Phone) send(raw []byte, to netip.AddrPort) {
	if p.silent || p.conn == nil {
		return
	}
	if _, err := p.conn.WriteToUDPAddrPort(raw, to); err != nil {
		p.stats.SendErrors++ // an ICMP error of an earlier datagram is reported here, once
		return
	}
	p.stats.Sent++
}

// keep lets a completed transaction absorb repeats for 64 × T1.
func (p *Phone) keep(key string, server bool) {
	p.kept = append(p.kept, keptKey{time.Now().Add(64 * p.cfg.T1), key, server})
}

func (p *Phone) sweep(now time.Time) {
	for len(p.kept) > 0 && (len(p.kept) > maxKept || now.After(p.kept[0].at)) {
		k := p.kept[0]
		if !now.After(k.at) {
			p.stats.Forgotten++
		}
		p.kept = p.kept[1:]
		if k.server {
			delete(p.servers, k.key)
		} else {
			delete(p.clients, k.key)
		}
	}
}

// Timer is a one-shot timer under the Phone's lock.
type Timer struct {
	t       *time.Timer
	stopped bool
}

// After calls f with the lock held, d from now, unless stopped before.
func (p *Phone) After(d time.Duration, f func()) *Timer {
	t := &Timer{}
	t.t = time.AfterFunc(d, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !t.stopped && !p.closed {
			f()
		}
	})
	return t
}

// Stop prevents the call; nil and stopped timers are fine.
func (t *Timer) Stop() {
	if t != nil && !t.stopped {
		t.stopped = true
		t.t.Stop()
	}
}

func (p *Phone) newBranch() string {
	p.serial++
	return fmt.Sprintf("z9hG4bK%s%x", p.salt, p.serial)
}

func (p *Phone) newTag() string {
	p.serial++
	return fmt.Sprintf("%s%x", p.salt, p.serial)
}

func (p *Phone) contact() string {
	if p.cfg.User == "" {
		return fmt.Sprintf("<sip:%s>", p.local)
	}
	return fmt.Sprintf("<sip:%s@%s>", p.cfg.User, p.local)
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}
