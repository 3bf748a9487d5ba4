package transport

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestConformanceTransport proves the rules of docs/conformance.md that this
// package keeps alone; what they ask of messages is proven in package proxy.
func TestConformanceTransport(t *testing.T) {
	for _, c := range []struct {
		name string
		test func(*testing.T)
	}{
		{"X01 RFC 3261 §18.2.1 UDP and TCP on one address and port", udpBesideTCP},
		{"X04 RFC 3261 §18.1.1 largest datagrams", largestDatagrams},
		{"X05 RFC 3261 §18.3 framed at every offset", TestFramerAtEveryOffset},
		{"X05 RFC 3261 §18.3 segments and records of one byte", oneByteEach},
		{"X05 RFC 3261 §18.3 messages without a usable length end the stream", TestStreamsThatEnd},
		{"X05 RFC 3261 §18.3 the 400 leaves before the close", TestAnswerBeforeTheEnd},
		{"X06 RFC 3261 §18.2.2 responses go back on their connection", TestStreamBothWays},
		{"X06 RFC 3261 §18.2.2 the same over TLS", TestTLSBothWays},
		{"X06 RFC 3261 §18.2.2 a new connection when it is gone", TestDialedOnceAndReused},
		{"X07 RFC 3261 §18 reused by address, port and transport", TestDialedOnceAndReused},
		{"X07 RFC 3261 §18 the same over TLS", TestTLSDialedOnceAndReused},
		{"X07 RFC 3261 §18 kept while idle", keptWhileIdle},
		{"X09 RFC 3581 §4 answers leave from the port that was asked", TestRefusedPeerAlone},
		{"X10 RFC 3581 §3 requests leave from the port we listen on", portListenedOn},
		{"X11 RFC 3261 §18.4 a refused peer, and no other", TestRefusedPeerAlone},
		{"X11 RFC 3261 §18.4 which ICMP errors count", TestJudge},
		{"X11 RFC 3261 §18.4 an error for nobody we talk to", TestStrangerRefusedGivesNothing},
		{"X13 RFC 3261 §16.9 a broken connection is reported, others stay", brokenAlone},
		{"X13 product: a peer that vanished is found", vanishedPeer},
		{"K01 RFC 5626 §4.4.1 pings over TCP", TestStreamBothWays},
		{"K01 RFC 5626 §4.4.1 pings over TLS", TestTLSBothWays},
		{"K01 RFC 5626 §4.4.1 pings over UDP", silentPings},
		{"K02 RFC 5626 §4.4.1 no pong: the flow is dead", halfOpenIsFoundByPing},
		{"K02 our choice: a peer that never answers is left alone", neverAnswersPings},
		{"K04 RFC 5626 §4.4.2 STUN is never taken for SIP", stunIgnored},
		{"S01 RFC 5922 §7.1 names of a certificate", TestSpeaksFor},
		{"S01 RFC 5922 §7.3 the domain asked for", TestTLSIdentityOfAServer},
		{"S02 RFC 5922 §7.2 no wildcards", TestSpeaksFor},
		{"S02 RFC 5922 §7.2 a wildcard certificate is refused", wildcardRefused},
		{"S03 RFC 5922 §7.4 who connects to us", TestMutualTLS},
		{"S03 RFC 5923 §9.1 reuse only when authenticated", TestTLSReuseOfAccepted},
		{"B04 product: slow streams", slowStreams},
		{"B04 product: slow handshakes", TestHalfOpenHandshakes},
		{"B04 product: many idle connections", manyIdle},
		{"B04 product: a peer that never reads", TestPeerThatNeverReads},
		{"B04 product: a peer that never reads, over TLS", TestTLSPeerThatNeverReads},
	} {
		t.Run(c.name, c.test)
	}
}

func udpBesideTCP(t *testing.T) {
	r := newRecorder()
	first := start(t, onUDP("127.0.37.1:0"), r)
	at := first.Addr(0)
	first.Close()
	tr := start(t, Config{Listen: []Listener{{Network: UDP, Addr: at}, {Network: TCP, Addr: at}}}, r)
	c, _ := party(t, "127.0.37.2:0")
	write(t, c, at, "by datagram")
	r.count(t, 1)
	say(t, streamTo(t, at), bye)
	all := r.count(t, 2)
	if all[0].flow.Network != UDP || all[1].flow.Network != TCP || tr.Addr(0) != tr.Addr(1) {
		t.Fatalf("heard %+v", all)
	}
}

// largestDatagrams: what IPv4 and IPv6 can carry, both ways; 65,535 is the whole
// datagram there.
func largestDatagrams(t *testing.T) {
	for _, c := range []struct {
		us, far string
		size    int
	}{{"127.0.37.3:0", "127.0.37.4:0", 65507}, {"[::1]:0", "[::1]:0", 65527}} {
		r := newRecorder()
		tr := start(t, onUDP(c.us), r)
		p, at := party(t, c.far)
		large := strings.Repeat("m", c.size)
		write(t, p, tr.Addr(0), large)
		if all := r.count(t, 1); all[0].raw != large {
			t.Fatalf("%d bytes arrived as %d", c.size, len(all[0].raw))
		}
		send(t, tr, at, large)
		expect(t, p, large)
	}
}

func portListenedOn(t *testing.T) {
	r := newRecorder()
	peer, at := party(t, "127.0.37.17:0")
	stranger, strangerAt := party(t, "127.0.37.18:0")
	c := onUDP("127.0.37.19:0")
	c.Peers = []Peer{{Addr: at}}
	tr := start(t, c, r)
	send(t, tr, at, "to the peer")
	send(t, tr, strangerAt, "to a stranger")
	for p, want := range map[*net.UDPConn]string{peer: "to the peer", stranger: "to a stranger"} {
		if from := expect(t, p, want); from != tr.Addr(0) {
			t.Errorf("%s: from %s, we listen on %s", want, from, tr.Addr(0))
		}
	}
}

// oneByteEach: every boundary of messages, of segments and of TLS records.
func oneByteEach(t *testing.T) {
	s := newSite(t)
	r := newRecorder()
	c := s.on("127.0.37.5:0")
	c.Listen = append(c.Listen, Listener{Network: TCP, Addr: addr("127.0.37.5:0")})
	tr := start(t, c, r)
	stream, want := invite+"\r\n"+bye+folded, []string{invite, bye, folded}
	for i, conn := range []net.Conn{dialTLS(t, tr.Addr(0), s.client(t)), streamTo(t, tr.Addr(1))} {
		for _, b := range []byte(stream) {
			say(t, conn, string(b))
		}
		all := r.count(t, 3*(i+1))[3*i:]
		for j, m := range want {
			if all[j].raw != m {
				t.Fatalf("message %d is %q, want %q", j, all[j].raw, m)
			}
		}
	}
}

// keptWhileIdle: 64*T1 is 32 s; ours is longer than Timer C (RFC 3261 §16.6(11)).
func keptWhileIdle(t *testing.T) {
	if idle := defaultLimits().idle; idle <= 3*time.Minute {
		t.Fatalf("closed after %s, before a ringing call's end", idle)
	}
	l := defaultLimits()
	l.idle = 300 * time.Millisecond
	tr := startWith(t, onTCP("127.0.37.6:0"), newRecorder(), l)
	began := time.Now()
	closed(t, streamTo(t, tr.Addr(0)))
	if d := time.Since(began); d < l.idle {
		t.Errorf("closed after %s, the limit is %s", d, l.idle)
	}
}

func brokenAlone(t *testing.T) {
	r := newRecorder()
	tr := start(t, onTCP("127.0.37.7:0"), r)
	other, broken := streamTo(t, tr.Addr(0)), streamTo(t, tr.Addr(0))
	say(t, broken, bye)
	f := r.count(t, 1)[0].flow
	_ = broken.SetLinger(0)
	_ = broken.Close()
	if got := r.count(t, 2)[1]; !got.failed || got.cause != PortUnreachable || got.flow != f {
		t.Fatalf("heard %+v", got)
	}
	say(t, other, bye)
	if got := r.count(t, 3)[2]; got.failed || got.raw != bye {
		t.Fatalf("the other connection: %+v", got)
	}
}

// vanishedPeer: a filter on the far end's socket takes all we send, so that the
// peer is there no more and no packet says so. Timer B is 32 s.
func vanishedPeer(t *testing.T) {
	s := newSite(t)
	l := defaultLimits()
	if l.userTimeout >= 16*time.Second {
		t.Fatalf("found after %s only", l.userTimeout)
	}
	l.userTimeout = 300 * time.Millisecond
	for _, network := range []Network{TCP, TLS} {
		r := newRecorder()
		c := s.on("127.0.37.8:0")
		c.Listen[0].Network = network
		tr := startWith(t, c, r, l)
		socket := streamTo(t, tr.Addr(0))
		conn := net.Conn(socket)
		if network == TLS {
			conn = tls.Client(socket, s.client(t))
		}
		say(t, conn, bye)
		f := r.count(t, 1)[0].flow
		deafen(t, socket)
		if err := tr.Send(f, []byte(bye)); err != nil {
			t.Fatal(err)
		}
		if got := r.count(t, 2)[1]; !got.failed || got.cause != ConnectionLost || got.flow != f {
			t.Errorf("%s: heard %+v", network, got)
		}
		if k := tr.Counters(); k.Vanished != 1 || k.Connections != 0 {
			t.Errorf("%s: counters %+v", network, k)
		}
		_ = socket.Close()
	}
}

// deafen has the kernel drop what arrives for the socket, before TCP sees it.
func deafen(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	if err := control(raw, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]})
	}); err != nil {
		t.Fatalf("attach a socket filter: %v", err)
	}
}

func silentPings(t *testing.T) {
	r := newRecorder()
	tr := start(t, onUDP("127.0.37.9:0"), r)
	c, at := party(t, "127.0.37.10:0")
	for _, ping := range []string{"\r\n\r\n", "\r\n", "\x00\x00\x00\x00"} {
		write(t, c, tr.Addr(0), ping)
	}
	write(t, c, tr.Addr(0), bye)
	if all := r.count(t, 1); len(all) != 1 || all[0].raw != bye {
		t.Fatalf("heard %+v", all)
	}
	send(t, tr, at, "the first answer")
	expect(t, c, "the first answer")
	if k := tr.Counters(); k.KeepAlives != 2 || k.Runts != 1 || k.Sent != 1 {
		t.Errorf("counters %+v", k)
	}
}

func stunIgnored(t *testing.T) {
	r := newRecorder()
	tr := start(t, onUDP("127.0.37.11:0"), r)
	c, _ := party(t, "127.0.37.12:0")
	binding := "\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl"
	for _, m := range []string{binding, "\x01" + binding[1:], bye} {
		write(t, c, tr.Addr(0), m)
	}
	if all := r.count(t, 1); len(all) != 1 || all[0].raw != bye {
		t.Fatalf("heard %+v", all)
	}
	if k := tr.Counters(); k.NotSIP != 2 || k.Received != 1 {
		t.Errorf("counters %+v", k)
	}
}

func wildcardRefused(t *testing.T) {
	s := newSite(t, "*.far.example")
	l, at := s.farTLS(t, "127.0.37.13:0", nil)
	r := newRecorder()
	c := s.on("127.0.37.14:0")
	c.Peers = []Peer{{Addr: at, Domain: "sip.far.example"}}
	tr := start(t, c, r)
	if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte(bye)); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if n, _ := conn.Read(make([]byte, 1)); n > 0 {
		t.Error("a message was sent")
	}
	if got := r.count(t, 1)[0]; !got.failed || got.cause != TLSFault {
		t.Errorf("heard %+v", got)
	}
}

// slowStreams: a byte now and then does not hold a connection beyond the time of
// one message.
func slowStreams(t *testing.T) {
	l := defaultLimits()
	l.message = 200 * time.Millisecond
	r := newRecorder()
	tr := startWith(t, onTCP("127.0.37.15:0"), r, l)
	c := streamTo(t, tr.Addr(0))
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := 0; tr.Counters().SlowMessages == 0; i++ {
		if i > 500 {
			t.Fatal("a byte every 10 ms keeps the connection for 5 s")
		}
		_, _ = c.Write([]byte("x")) // reset at the end
		<-tick.C
	}
	r.wait(t, "the end", func(all []heard) bool { return len(all) == 1 && all[0].failed })
}

// manyIdle: connections opened by the hundred, from many sources, stop at the
// limit; those that are served stay served, and room comes back.
func manyIdle(t *testing.T) {
	r := newRecorder()
	c := onTCP("127.0.37.16:0")
	c.MaxConnections, c.MaxPerSource = 100, 30
	tr := start(t, c, r)
	served := streamTo(t, tr.Addr(0))
	say(t, served, bye)
	r.count(t, 1)
	before := runtime.NumGoroutine()
	var all []net.Conn
	for source := range 10 {
		from := netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("127.0.38.%d", source+1)), 0)
		for range 50 {
			if conn, err := net.DialTCP("tcp", net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(tr.Addr(0))); err == nil {
				all = append(all, conn)
			}
		}
	}
	until(t, "500 decided", func() bool { k := tr.Counters(); return k.Accepted-1+k.OverLimit == 500 })
	if k := tr.Counters(); k.Connections != 100 || k.OverLimit != 401 || k.OverSource < 60 {
		t.Errorf("counters %+v", k)
	}
	if n := runtime.NumGoroutine() - before; n > 110 {
		t.Errorf("%d goroutines for 99 connections", n)
	}
	say(t, served, bye)
	r.count(t, 2)
	for _, conn := range all {
		_ = conn.Close()
	}
	until(t, "room", func() bool { return tr.Counters().Connections == 1 })
	say(t, streamTo(t, tr.Addr(0)), bye)
	r.wait(t, "the next", func(all []heard) bool { return all[len(all)-1].raw == bye && !all[len(all)-1].failed })
}
