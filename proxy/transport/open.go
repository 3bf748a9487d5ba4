package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// maxReports bounds failures found by senders and not yet told to the Handler.
const maxReports = 256

// Transport holds the sockets of one process. Make it with New.
type Transport struct {
	cfg       Config
	limits    limits
	handler   Handler
	listeners []listening // immutable after New
	count     counters
	outboxes  sync.Pool // of *outbox
	buffers   sync.Pool // of *[]byte, firstRead long: streams
	table     table
	reports   chan report
	wait      sync.WaitGroup
	stop      context.Context // done: closed
	cancel    context.CancelFunc
	files     *credentials                         // nil: no TLS listener
	domains   atomic.Pointer[map[peerKey][]string] // of TLS peers; replaced whole, guarded by peerMu

	peers   atomic.Pointer[map[peerKey]*udpSocket] // replaced whole
	peerMu  sync.Mutex                             // guards replacing it, and what follows
	waiting map[peerKey]error                      // peers whose socket could not be opened yet
	inboxes map[*udpSocket]*inbox                  // sockets whose loop is not started
	started bool
}

// listening is one open listener.
type listening struct {
	Listener
	addr   netip.AddrPort // with the port that the kernel chose
	sentBy string
	udp    *udpSocket
	tcp    *net.TCPListener
}

type peerKey struct {
	listener uint8
	addr     netip.AddrPort
}

type report struct {
	flow  Flow
	cause Cause
}

// New opens all sockets; nothing is read before Start. A peer that cannot be
// connected now (no route yet) is not an error: it is served by the unconnected
// socket and tried again every 5 s. On an error nothing stays open.
func New(c Config, h Handler) (*Transport, error) { return open(c, h, defaultLimits()) }

func open(c Config, h Handler, l limits) (*Transport, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	t := &Transport{
		cfg: c, limits: l, handler: h,
		reports: make(chan report, maxReports),
		waiting: make(map[peerKey]error),
		inboxes: make(map[*udpSocket]*inbox),
	}
	t.stop, t.cancel = context.WithCancel(context.Background())
	t.outboxes.New = newOutbox
	t.buffers.New = func() any { b := make([]byte, firstRead); return &b }
	t.table.init(c.MaxConnections, c.MaxPerSource)
	t.peers.Store(&map[peerKey]*udpSocket{})
	t.domains.Store(&map[peerKey][]string{})
	if err := t.readCredentials(); err != nil {
		return nil, err
	}
	for i, l := range c.Listen {
		if err := t.listen(uint8(i), l); err != nil {
			t.Close()
			return nil, err
		}
	}
	for _, p := range c.Peers {
		if err := t.AddPeer(p); err != nil {
			t.Close()
			return nil, err
		}
	}
	return t, nil
}

// complete checks the configuration and fills what is zero.
func (c *Config) complete() error {
	if len(c.Listen) == 0 || len(c.Listen) > 256 {
		return fmt.Errorf("%d listeners: give between 1 and 256", len(c.Listen))
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = 1000
	}
	if c.MaxPerSource == 0 {
		c.MaxPerSource = max(1, c.MaxConnections/4)
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = maxDatagram
	}
	if c.MaxMessage < 1300 || c.MaxMessage > maxDatagram || c.MaxConnections < 0 || c.MaxPerSource < 0 {
		return fmt.Errorf("largest message %d, connections %d, per source %d: give 1300–65535 bytes and positive counts",
			c.MaxMessage, c.MaxConnections, c.MaxPerSource)
	}
	if c.DSCP > 63 {
		return fmt.Errorf("dscp %d: give 0–63 (RFC 2474)", c.DSCP)
	}
	for _, l := range c.Listen {
		switch {
		case l.Network > TLS:
			return fmt.Errorf("listen %s: network %d is none of udp, tcp and tls", l.Addr, l.Network)
		case l.Network == TLS && c.TLS == nil:
			return fmt.Errorf("listen TLS %s: there is no certificate; give tls.certificate and tls.key", l.Addr)
		case !l.Addr.IsValid():
			return fmt.Errorf("listen %s: the address is empty; give host and port", l.Network)
		case l.Addr.Addr().IsUnspecified() && l.Advertise == "":
			return fmt.Errorf("listen %s %s: all addresses are served, so advertise must say which one others use", l.Network, l.Addr)
		}
	}
	return nil
}

func (t *Transport) listen(i uint8, l Listener) error {
	l.Addr = normal(l.Addr)
	o := listening{Listener: l}
	switch l.Network {
	case UDP:
		conn, err := t.listenUDP(l.Addr)
		if err != nil {
			return fmt.Errorf("listen udp %s: %w", l.Addr, err)
		}
		if o.udp, err = t.newUDP(i, conn, netip.AddrPort{}); err != nil {
			return fmt.Errorf("listen udp %s: %w", l.Addr, err)
		}
		o.addr = normal(conn.LocalAddr().(*net.UDPAddr).AddrPort())
	default:
		ln, err := t.listenTCP(l.Addr)
		if err != nil {
			return fmt.Errorf("listen %s %s: %w", l.Network, l.Addr, err)
		}
		o.tcp, o.addr = ln, normal(ln.Addr().(*net.TCPAddr).AddrPort())
	}
	o.sentBy = sentBy(l.Network, l.Advertise, o.addr)
	t.listeners = append(t.listeners, o)
	if o.udp != nil {
		t.peerMu.Lock()
		defer t.peerMu.Unlock()
		return t.serve(o.udp)
	}
	return nil
}

// Start begins to read. Call it once.
func (t *Transport) Start() {
	t.peerMu.Lock()
	defer t.peerMu.Unlock()
	if t.started || t.stop.Err() != nil {
		return
	}
	t.started = true
	for s, in := range t.inboxes {
		t.wait.Add(1)
		go s.read(in)
	}
	clear(t.inboxes)
	for i := range t.listeners {
		if t.listeners[i].tcp != nil {
			t.wait.Add(1)
			go t.accept(uint8(i))
		}
	}
	t.wait.Add(2)
	go t.tell()
	go t.connectPeers()
}

// Close closes all sockets and returns when no Handler runs any more; never
// call it from the Handler. It may be called more than once.
func (t *Transport) Close() {
	t.cancel()
	t.peerMu.Lock()
	sockets := t.udpSockets()
	for s, in := range t.inboxes {
		in.free()
		delete(t.inboxes, s)
	}
	t.peerMu.Unlock()
	for _, s := range sockets {
		s.close() // waits for its Handler, which may want peerMu
	}
	for i := range t.listeners {
		if l := t.listeners[i].tcp; l != nil {
			_ = l.Close()
		}
	}
	for _, c := range t.table.close() {
		c.end(ended{closed: true})
	}
	t.wait.Wait()
}

// Addr is the address and actual port of a listener; the zero value when there is none.
func (t *Transport) Addr(listener int) netip.AddrPort {
	if listener < 0 || listener >= len(t.listeners) {
		return netip.AddrPort{}
	}
	return t.listeners[listener].addr
}

// SentBy is the host[:port] that stands for a listener in Via and Record-Route;
// empty when there is no such listener.
func (t *Transport) SentBy(listener int) string {
	if listener < 0 || listener >= len(t.listeners) {
		return ""
	}
	return t.listeners[listener].sentBy
}

// allowed asks the source ACL.
func (t *Transport) allowed(a netip.Addr) bool { return t.cfg.Allow == nil || t.cfg.Allow(a) }

func (t *Transport) afterBatch(listener uint8) {
	if t.cfg.AfterBatch != nil {
		t.cfg.AfterBatch(listener)
	}
}

// failed tells the Handler at once; never called by a sender.
func (t *Transport) failed(f Flow, c Cause) {
	t.count.causes[c].Add(1)
	t.handler.Failed(f, c)
}

// post leaves a report for tell.
func (t *Transport) post(f Flow, c Cause) {
	select {
	case t.reports <- report{f, c}:
	default:
		t.count.reportsLost.Add(1)
	}
}

// tell hands what senders found to the Handler.
func (t *Transport) tell() {
	defer t.wait.Done()
	for {
		select {
		case r := <-t.reports:
			t.failed(r.flow, r.cause)
			t.afterBatch(r.flow.Listener)
		case <-t.stop.Done():
			return
		}
	}
}

// rest waits, or less when the transport closes.
func (t *Transport) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.stop.Done():
	}
}
