package conformance

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// ear keeps what the parties of one bed heard. Relève's own requests (probes,
// REGISTER) and ACKs are answered or dropped, and not kept. Safe for concurrent
// use; changed is replaced at each arrival.
type ear struct {
	mu       sync.Mutex
	requests []heard // forwarded to a party
	finals   []heard // that a party got for its own request
	changed  chan struct{}
	invites  map[string]*message // sent by a party, by Call-ID: their non-2xx finals are acknowledged
}

// heard is one message and who got it.
type heard struct {
	at  netip.AddrPort
	msg *message
}

func newEar() *ear { return &ear{changed: make(chan struct{}), invites: map[string]*message{}} }

// sends notes what a party is about to send.
func (e *ear) sends(m *message) {
	if m.method() != "INVITE" {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.invites[m.value("call-id")] = m
}

func (e *ear) invite(callID string) *message {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.invites[callID]
}

func (e *ear) note(into *[]heard, h heard) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*into = append(*into, h)
	close(e.changed)
	e.changed = make(chan struct{})
}

// take empties the ear.
func (e *ear) take() (requests, finals []heard) {
	e.mu.Lock()
	defer e.mu.Unlock()
	requests, finals = e.requests, e.finals
	e.requests, e.finals = nil, nil
	clear(e.invites)
	return requests, finals
}

// peek is what take would return; it stays.
func (e *ear) peek() (requests, finals []heard) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests), slices.Clone(e.finals)
}

// until waits for cond, which sees what was heard; false when ctx ends first.
func (e *ear) until(ctx context.Context, cond func(requests, finals []heard) bool) bool {
	for {
		e.mu.Lock()
		ok, changed := cond(e.requests, e.finals), e.changed
		e.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// hear treats what arrived at a party; reply sends back the way it came.
func (e *ear) hear(at netip.AddrPort, m *message, reply func([]byte)) {
	method, status := m.method(), m.status()
	switch {
	case status >= 200:
		if sent := e.invite(m.value("call-id")); sent != nil && method == "INVITE" && status >= 300 {
			reply(ackTo(sent, m))
		}
		e.note(&e.finals, heard{at, m})
	case status > 0, method == "ACK":
	case m.vias() == 1: // Relève's own
		reply(answerTo(m, 200, m.bound()...))
	default:
		e.note(&e.requests, heard{at, m})
		if method == "INVITE" {
			reply(answerTo(m, 603)) // relayed as it is: no class of the call table moves anything
			return
		}
		reply(answerTo(m, 200))
	}
}

// bound is the Contact of a REGISTER as its registrar lists it.
func (m *message) bound() []string {
	contact := m.value("contact")
	if m.method() != "REGISTER" || contact == "" || m.value("expires") == "0" || strings.Contains(contact, "expires=0") {
		return nil
	}
	contact, _, _ = strings.Cut(contact, ";expires=")
	return []string{"Contact: " + contact + ";expires=60"}
}

// datagrams is a UDP party.
type datagrams struct {
	conn *net.UDPConn
	at   netip.AddrPort
}

func listenUDP(at netip.AddrPort, e *ear) (*datagrams, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("listen as %s: %w", at, err)
	}
	_ = conn.SetReadBuffer(4 << 20) // less is granted: a burst may be lost and is then sent again
	d := &datagrams{conn, at}
	go d.serve(e)
	return d, nil
}

// serve ends when the socket is closed.
func (d *datagrams) serve(e *ear) {
	buf := make([]byte, 65536)
	for {
		n, from, err := d.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if ne, ok := err.(net.Error); ok && !ne.Timeout() && strings.Contains(err.Error(), "refused") {
				continue
			}
			return
		}
		m := readMessage(append([]byte(nil), buf[:n]...))
		e.hear(d.at, m, func(raw []byte) { _, _ = d.conn.WriteToUDPAddrPort(raw, from) })
	}
}

func (d *datagrams) send(to netip.AddrPort, raw []byte) error {
	_, err := d.conn.WriteToUDPAddrPort(raw, to)
	return err
}

func (d *datagrams) close() { _ = d.conn.Close() }

// stream is one TCP connection of a party.
type stream struct {
	conn  net.Conn
	at    netip.AddrPort
	write sync.Mutex
	began time.Time
	ended chan struct{} // closed when Relève ended it

	lasted time.Duration // after ended
}

// dialTCP connects to Relève from an address.
func dialTCP(ctx context.Context, from netip.Addr, to netip.AddrPort, e *ear) (*stream, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp4", to.String())
	if err != nil {
		return nil, err
	}
	s := &stream{conn: conn, at: netip.AddrPortFrom(from, 0), began: time.Now(), ended: make(chan struct{})}
	go s.serve(e)
	return s, nil
}

func (s *stream) serve(e *ear) {
	defer close(s.ended)
	in := bufio.NewReaderSize(s.conn, 1<<16)
	for {
		m, err := readStream(in)
		if err != nil {
			s.lasted = time.Since(s.began)
			_ = s.conn.Close()
			return
		}
		e.hear(s.at, m, func(raw []byte) { _ = s.send(raw) })
	}
}

func (s *stream) send(raw []byte) error {
	s.write.Lock()
	defer s.write.Unlock()
	_, err := s.conn.Write(raw)
	return err
}

// begin writes the first part of a message; nothing else is written on the
// connection until end has written the rest.
func (s *stream) begin(part []byte) error {
	s.write.Lock()
	_, err := s.conn.Write(part)
	return err
}

func (s *stream) end(parts ...[]byte) error {
	defer s.write.Unlock()
	for _, p := range parts {
		if _, err := s.conn.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// leave says that nothing follows; what Relève still answers is read.
func (s *stream) leave() {
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}

// sender is send; of no stream, nil.
func (s *stream) sender() func([]byte) error {
	if s == nil {
		return nil
	}
	return s.send
}

func (s *stream) close() { _ = s.conn.Close() }

// listenTCP serves a party's address over TCP until the listener is closed.
func listenTCP(at netip.AddrPort, e *ear) (net.Listener, error) {
	ln, err := net.Listen("tcp4", at.String())
	if err != nil {
		return nil, fmt.Errorf("listen as %s: %w", at, err)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s := &stream{conn: conn, at: at, began: time.Now(), ended: make(chan struct{})}
			go s.serve(e)
		}
	}()
	return ln, nil
}
