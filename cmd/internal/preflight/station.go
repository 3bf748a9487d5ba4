package preflight

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"releve/proxy/message"
	"releve/proxy/transport"
)

// The listeners of a station.
const (
	main uint8 = iota // ours, UDP
	hop               // stands in the Route set as a hop before main, UDP
	tcp               // main's port, TCP
	hopTCP
	secure // TLS; this and the next only where TLS is spoken
	hopSecure
)

// atHop says whether a listener is the hop's.
func atHop(listener uint8) bool {
	return listener == hop || listener == hopTCP || listener == hopSecure
}

// Bounds, our choice: a far end that floods is answered no more, and forgotten
// first.
const (
	maxWaiting = 1000 // transactions of ours in progress
	maxServed  = 4000 // requests remembered, to answer their repeats
	maxLog     = 200  // messages kept of one dialog or transaction
)

// tagMark begins our tags.
const tagMark = "rlvp-"

// station is our user agent's sockets, and what finds the owner of a message. Its
// mutex may be taken while a call's is held; no other one is taken under it.
type station struct {
	tr    *transport.Transport
	addr  netip.AddrPort // main's
	peers []transport.Peer

	mu      sync.Mutex
	waiting map[string]chan *heard // client transactions, by branch
	served  map[string]*reply      // server transactions, by branch and method
	order   []string               // of served, the oldest first
	dialogs map[string]*dialog     // by Call-ID and our tag
	script  func(*inbound)         // treats the next initial INVITE; nil: 480
	open    []ender                // what is to be ended
	ringing map[string]*inbound    // by the INVITE's key, for CANCEL
	speaks  map[netip.Addr]bool    // who sent anything; maxWaiting
	turned  map[netip.Addr]error   // who connected by TLS and went off; maxWaiting
	Strays  int                    // messages that nobody wanted
}

// ender is a call, of either direction, that must not outlive the study.
type ender interface{ end() }

// reply is what a request was answered with last; nil: nothing yet.
type reply struct {
	raw []byte
	to  transport.Flow
}

// ErrBusyPort: another program, Relève perhaps, has the address.
var ErrBusyPort = errors.New("the address is taken")

// ErrNotOurs: no network card of this machine has the address.
var ErrNotOurs = errors.New("the address is not this machine's")

// newStation opens the sockets at local, and where tls is given at sec; port 0: the
// kernel's choice. UDP peers get ICMP reports, TLS peers have to be whom they say.
func newStation(local, sec netip.AddrPort, peers []transport.Peer, tls *transport.TLSConfig) (*station, error) {
	s := &station{
		waiting: map[string]chan *heard{}, served: map[string]*reply{}, dialogs: map[string]*dialog{}, ringing: map[string]*inbound{},
		speaks: map[netip.Addr]bool{}, turned: map[netip.Addr]error{}, peers: peers,
	}
	local, err := freePort(local)
	if err != nil {
		return nil, err
	}
	any := netip.AddrPortFrom(local.Addr(), 0)
	c := transport.Config{
		MaxConnections: 64, TLS: tls, Peers: peers, HandshakeFailed: s.turnedAway,
		Listen: []transport.Listener{
			{Network: transport.UDP, Addr: local},
			{Network: transport.UDP, Addr: any},
			{Network: transport.TCP, Addr: local},
			{Network: transport.TCP, Addr: any},
		},
	}
	if tls != nil {
		if sec, err = freePort(sec); err != nil {
			return nil, err
		}
		c.Listen = append(c.Listen, transport.Listener{Network: transport.TLS, Addr: sec}, transport.Listener{Network: transport.TLS, Addr: any})
	}
	for patience := 100; ; patience-- { // a second
		if s.tr, err = transport.New(c, s); err == nil {
			break
		}
		// A process that was just being started has the socket of freePort until it
		// runs its own program.
		if patience == 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("open %s: %w", local, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.addr = s.tr.Addr(int(main))
	s.tr.Start()
	return s, nil
}

// freePort makes sure that nobody else reads at local: our own sockets share their
// port, and would share it with a running Relève too.
func freePort(local netip.AddrPort) (netip.AddrPort, error) {
	for range 20 {
		u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
		switch {
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			return local, fmt.Errorf("%w: %s", ErrNotOurs, local)
		case err != nil:
			return local, fmt.Errorf("%w: %s: %w", ErrBusyPort, local, err)
		}
		got := u.LocalAddr().(*net.UDPAddr).AddrPort()
		got = netip.AddrPortFrom(local.Addr(), got.Port())
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(got))
		_ = u.Close()
		if err == nil {
			_ = l.Close()
			return got, nil
		}
		if local.Port() != 0 {
			return local, fmt.Errorf("%w: %s: %w", ErrBusyPort, local, err)
		}
	}
	return local, fmt.Errorf("%w: %s", ErrBusyPort, local)
}

func (s *station) send(f transport.Flow, raw []byte) { _ = s.tr.Send(f, raw) }

// Failed takes a transport error: who waits for that far end is told.
func (s *station) Failed(f transport.Flow, c transport.Cause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ch := range s.waiting {
		select {
		case ch <- &heard{flow: f, failed: c, broken: true}:
		default:
		}
	}
}

// Receive takes one message.
func (s *station) Receive(f transport.Flow, raw []byte) {
	m := newHeard(f, raw)
	s.mu.Lock()
	if len(s.speaks) < maxWaiting {
		s.speaks[f.Remote.Addr()] = true
	}
	s.mu.Unlock()
	switch {
	case m == nil:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.Strays++
		for _, ch := range s.waiting { // garbage: perhaps the answer to one of them
			select {
			case ch <- &heard{flow: f, garbage: true}:
			default:
			}
		}
	case m.head.Request:
		s.request(m)
	default:
		s.mu.Lock()
		ch := s.waiting[string(m.head.Branch.Of(m.raw))]
		if ch == nil {
			s.Strays++
		}
		s.mu.Unlock()
		if ch != nil {
			select {
			case ch <- m:
			default: // a flood
			}
		}
	}
}

// heardOf says whether anything came from an address.
func (s *station) heardOf(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.speaks[a]
}

// await opens the box of a client transaction; false: there are too many.
func (s *station) await(branch string) (chan *heard, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) >= maxWaiting {
		return nil, false
	}
	ch := make(chan *heard, maxLog)
	s.waiting[branch] = ch
	return ch, true
}

func (s *station) forget(branch string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, branch)
}

// serve remembers a request; the reply of an earlier copy comes back.
func (s *station) serve(m *heard) (r *reply, repeated bool) {
	key := serverKey(m, m.head.Token.Of(m.raw))
	s.mu.Lock()
	defer s.mu.Unlock()
	if r = s.served[key]; r != nil {
		return r, true
	}
	r = &reply{}
	s.served[key] = r
	if s.order = append(s.order, key); len(s.order) > maxServed {
		delete(s.served, s.order[0])
		s.order = s.order[1:]
	}
	return r, false
}

// serverKey names a server transaction (RFC 3261 §17.2.3).
func serverKey(m *heard, method []byte) string {
	return string(m.head.Branch.Of(m.raw)) + " " + string(m.head.SentBy.Of(m.raw)) + " " + string(method)
}

// request treats one request.
func (s *station) request(m *heard) {
	if m.head.Method == message.ACK {
		s.inDialog(m)
		return
	}
	r, repeated := s.serve(m)
	if repeated {
		s.mu.Lock()
		raw, to := r.raw, r.to
		s.mu.Unlock()
		if raw != nil {
			s.send(to, raw)
		}
		return
	}
	switch {
	case m.head.Method == message.CANCEL:
		s.cancelled(m)
	case !m.head.ToTag.Empty():
		s.inDialog(m)
	case m.head.Method == message.INVITE:
		s.invited(m)
	case m.head.Method == message.OPTIONS:
		s.answer(m, 200, newTag(), nil, line("Allow", allow))
	default:
		s.answer(m, 405, newTag(), nil, line("Allow", allow))
	}
}

const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO"

// answer sends a response of ours and keeps it for repeats.
func (s *station) answer(m *heard, status int, tag string, body []byte, extra ...[]byte) {
	s.put(m, s.respond(m, status, tag, body, extra...))
}

// put sends raw as the response to m.
func (s *station) put(m *heard, raw []byte) {
	to := m.replyTo()
	s.mu.Lock()
	if r := s.served[serverKey(m, m.head.Token.Of(m.raw))]; r != nil {
		r.raw, r.to = raw, to
	}
	s.mu.Unlock()
	s.send(to, raw)
}

func (s *station) respond(m *heard, status int, tag string, body []byte, extra ...[]byte) []byte {
	received, rport := message.NeedsReceived(m.raw, &m.head, m.flow.Remote)
	stamp := message.Stamp{Addr: m.flow.Remote, Received: received, RPort: rport}
	if status > 100 && (m.head.Method == message.INVITE || m.head.Method == message.UPDATE) && status < 300 {
		extra = append(extra, line("Contact", s.contact(m.flow)), line("Allow", allow))
	}
	if body != nil {
		return stamp.AppendAnswer(nil, m.raw, &m.head, status, reason(status), tag, body, extra...)
	}
	return stamp.AppendResponse(nil, m.raw, &m.head, status, reason(status), tag, extra...)
}

// inDialog hands a request to its dialog; ACK goes there too.
func (s *station) inDialog(m *heard) {
	key := string(m.head.CallID.Of(m.raw)) + " " + string(m.head.ToTag.Of(m.raw))
	s.mu.Lock()
	d := s.dialogs[key]
	if d == nil {
		s.Strays++
	}
	s.mu.Unlock()
	switch {
	case d != nil:
		d.request(m)
	case m.head.Method != message.ACK:
		s.answer(m, 481, "", nil)
	}
}

func (s *station) know(d *dialog, tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialogs[d.callID+" "+tag] = d
}

// expect has script treat the initial INVITEs from now on, until the next call; nil:
// they get 480.
func (s *station) expect(script func(*inbound)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

func (s *station) remember(e ender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, e)
}

// close ends every call and then the sockets.
func (s *station) close() {
	s.mu.Lock()
	open := s.open
	s.open, s.script = nil, nil
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, e := range open {
		all.Go(e.end)
	}
	all.Wait()
	s.tr.Close()
}

func line(name, value string) []byte {
	l, err := message.Line(name, value)
	if err != nil {
		return nil // our own words are fit; a stranger's is left out
	}
	return l
}

func lines(pairs ...string) (all [][]byte) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if l := line(pairs[i], pairs[i+1]); l != nil {
			all = append(all, l)
		}
	}
	return all
}

func reason(status int) string {
	return cmp.Or(map[int]string{
		100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 302: "Moved Temporarily", 404: "Not Found",
		480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated",
		405: "Method Not Allowed", 500: "Server Internal Error", 503: "Service Unavailable", 600: "Busy Everywhere", 603: "Decline",
	}[status], "Status "+strconv.Itoa(status))
}
