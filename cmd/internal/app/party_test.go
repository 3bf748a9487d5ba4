package app

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// party is a scripted SIP element on real sockets: UDP, TCP or TLS. It answers
// OPTIONS by itself, keeps everything else until hear, and speaks over a
// connection of its own, or the one that a message came by (reply).
type party struct {
	t       *testing.T
	network string
	addr    netip.AddrPort
	tls     *tls.Config

	udp    net.PacketConn
	accept net.Listener
	inbox  chan heard
	stop   sync.Once
	wait   sync.WaitGroup

	mu     sync.Mutex // guards what follows
	conns  map[net.Conn]bool
	dialed net.Conn
	shown  string // serial number of the certificate that Relève showed last
}

// heard is one message, with the way back.
type heard struct {
	raw   string
	reply func(raw string)
}

// newParty listens on a host; trust says whom it believes and shows.
func newParty(t *testing.T, network, host string, trust *tls.Config) *party {
	t.Helper()
	p := &party{t: t, network: network, tls: trust, inbox: make(chan heard, 64), conns: make(map[net.Conn]bool)}
	var err error
	if network == "udp" {
		p.udp, err = net.ListenPacket("udp", host+":0")
		if err == nil {
			p.addr = netip.MustParseAddrPort(p.udp.LocalAddr().String())
			p.wait.Go(p.datagrams)
		}
	} else {
		p.accept, err = net.Listen("tcp", host+":0")
		if err == nil {
			p.addr = netip.MustParseAddrPort(p.accept.Addr().String())
			p.wait.Go(p.accepting)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

// close is the death of the process.
func (p *party) close() {
	p.stop.Do(func() {
		if p.udp != nil {
			_ = p.udp.Close()
		} else {
			_ = p.accept.Close()
		}
		p.hangUpConnections()
		p.wait.Wait()
	})
}

// hangUpConnections closes all connections; new ones are opened when needed.
func (p *party) hangUpConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
	p.dialed = nil
}

func (p *party) datagrams() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.udp.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.took(string(buf[:n]), func(raw string) { _, _ = p.udp.WriteTo([]byte(raw), from) })
		}
	}
}

func (p *party) accepting() {
	for {
		c, err := p.accept.Accept()
		if err != nil {
			return
		}
		if p.network == "tls" {
			c = tls.Server(c, p.tls)
		}
		p.serve(c)
	}
}

func (p *party) serve(c net.Conn) {
	p.mu.Lock()
	p.conns[c] = true
	p.mu.Unlock()
	p.wait.Go(func() { p.stream(c) })
}

// stream reads messages framed by Content-Length.
func (p *party) stream(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		raw, err := readMessage(in)
		if err != nil {
			return
		}
		p.took(raw, func(raw string) { _, _ = c.Write([]byte(raw)) })
	}
}

func readMessage(in *bufio.Reader) (string, error) {
	var head strings.Builder
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		if line == "\r\n" && head.Len() == 0 {
			continue
		}
		head.WriteString(line)
		if name, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Content-Length") {
			length, _ = strconv.Atoi(strings.TrimSpace(v))
		}
		if line == "\r\n" {
			break
		}
	}
	body := make([]byte, length)
	_, err := io.ReadFull(in, body)
	return head.String() + string(body), err
}

func (p *party) took(raw string, reply func(string)) {
	if strings.HasPrefix(raw, "OPTIONS ") {
		reply(sipAnswer(raw, 200, "o"))
		return
	}
	select {
	case p.inbox <- heard{raw, reply}:
	default: // more than a script expects
	}
}

// say sends to Relève's listener for this network.
func (p *party) say(to netip.AddrPort, raw string) {
	p.t.Helper()
	if p.udp != nil {
		if _, err := p.udp.WriteTo([]byte(raw), net.UDPAddrFromAddrPort(to)); err != nil {
			p.t.Fatal(err)
		}
		return
	}
	c, err := p.connection(to)
	if err == nil {
		_, err = c.Write([]byte(raw))
	}
	if err != nil {
		p.t.Fatalf("%s %s: %v", p.network, p.addr, err)
	}
}

// connection is the one this party dialed.
func (p *party) connection(to netip.AddrPort) (net.Conn, error) {
	p.mu.Lock()
	c := p.dialed
	p.mu.Unlock()
	if c != nil {
		return c, nil
	}
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.addr.Addr(), 0))}
	c, err := d.DialContext(p.t.Context(), "tcp", to.String())
	if err != nil {
		return nil, err
	}
	if p.network == "tls" {
		own := p.tls.Clone()
		own.ServerName = to.Addr().String()
		secured := tls.Client(c, own)
		if err := secured.HandshakeContext(p.t.Context()); err != nil {
			return nil, err
		}
		p.mu.Lock()
		p.shown = secured.ConnectionState().PeerCertificates[0].SerialNumber.String()
		p.mu.Unlock()
		c = secured
	}
	p.serve(c)
	p.mu.Lock()
	p.dialed = c
	p.mu.Unlock()
	return c, nil
}

// certificate is the serial number of what Relève showed last.
func (p *party) certificate() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown
}

// hear takes the next message that begins so; provisionals that were not asked
// for, and repeats, are passed over.
func (p *party) hear(want string) heard {
	p.t.Helper()
	limit := time.After(10 * time.Second)
	var passed []string
	for {
		select {
		case h := <-p.inbox:
			line, _, _ := strings.Cut(h.raw, "\r\n")
			if strings.HasPrefix(strings.TrimPrefix(line, "SIP/2.0 "), want) {
				return h
			}
			passed = append(passed, line)
		case <-limit:
			p.t.Fatalf("%s %s heard no %q, but %q", p.network, p.addr, want, passed)
		}
	}
}

// uri is this party's Contact.
func (p *party) uri(user string) string {
	param := ""
	if p.network != "udp" {
		param = ";transport=" + p.network
	}
	if user != "" {
		user += "@"
	}
	return "sip:" + user + p.addr.String() + param
}

// via is this party's Via value.
func (p *party) via(branch string) string {
	return "SIP/2.0/" + strings.ToUpper(p.network) + " " + p.addr.String() + ";rport;branch=z9hG4bK-" + branch
}

// invite is an initial INVITE of this party.
func (p *party) invite(id string, us netip.AddrPort, extra ...string) string {
	return sipText(append([]string{
		"INVITE sip:5000@" + us.String() + " SIP/2.0", "Via: " + p.via(id), "Max-Forwards: 70",
		"From: <sip:100@" + p.addr.Addr().String() + ">;tag=f" + id, "To: <sip:5000@" + us.Addr().String() + ">",
		"Call-ID: " + id, "CSeq: 1 INVITE", "Contact: <" + p.uri("100") + ">", "Content-Length: 0",
	}, extra...)...)
}

// within is a request of this party in the dialog that resp (its own INVITE was
// answered) or req (it answered) made.
func (p *party) within(dialog, method, branch string, cseq int) string {
	response := strings.HasPrefix(dialog, "SIP/2.0")
	from, to := sipHeader(dialog, "From"), sipHeader(dialog, "To")
	if !response {
		from, to = to+";tag=t", from
	}
	lines := []string{method + " " + sipURI(sipHeader(dialog, "Contact")) + " SIP/2.0", "Via: " + p.via(branch), "Max-Forwards: 70"}
	routes := sipHeaders(dialog, "Record-Route")
	for i := range routes {
		if response { // RFC 3261 §12.1.2: reversed
			i = len(routes) - 1 - i
		}
		lines = append(lines, "Route: "+routes[i])
	}
	return sipText(append(lines, "From: "+from, "To: "+to, "Call-ID: "+sipHeader(dialog, "Call-ID"),
		fmt.Sprintf("CSeq: %d %s", cseq, method), "Content-Length: 0")...)
}

func sipText(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

func sipHeaders(raw, name string) (out []string) {
	for _, l := range strings.Split(raw, "\r\n")[1:] {
		if n, v, ok := strings.Cut(l, ":"); ok && strings.EqualFold(n, name) {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

func sipHeader(raw, name string) string {
	if v := sipHeaders(raw, name); len(v) > 0 {
		return v[0]
	}
	return ""
}

func sipURI(value string) string {
	_, v, _ := strings.Cut(value, "<")
	u, _, _ := strings.Cut(v, ">")
	return u
}

// sipAnswer is the response of a UAS (RFC 3261 §8.2.6).
func sipAnswer(req string, status int, tag string, extra ...string) string {
	lines := []string{fmt.Sprintf("SIP/2.0 %d Whatever", status)}
	for _, name := range []string{"Via", "Record-Route"} {
		for _, v := range sipHeaders(req, name) {
			lines = append(lines, name+": "+v)
		}
	}
	to := sipHeader(req, "To")
	if !strings.Contains(to, ";tag=") {
		to += ";tag=" + tag
	}
	lines = append(lines, "From: "+sipHeader(req, "From"), "To: "+to, "Call-ID: "+sipHeader(req, "Call-ID"), "CSeq: "+sipHeader(req, "CSeq"))
	return sipText(append(append(lines, extra...), "Content-Length: 0")...)
}
