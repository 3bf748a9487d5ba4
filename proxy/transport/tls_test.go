package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/testbed/tlstest"
)

// site is an authority with our own certificate and that of the far end.
type site struct {
	dir       string
	ca        *tlstest.Authority
	ours, far tlstest.Pair
}

func newSite(t *testing.T, farNames ...string) site {
	t.Helper()
	s := site{dir: t.TempDir()}
	var err error
	if s.ca, err = tlstest.NewAuthority(s.dir, "ca"); err != nil {
		t.Fatal(err)
	}
	s.ours = s.issue(t, tlstest.Leaf{Name: "ours", SANs: sans("sip:releve.example")})
	s.far = s.issue(t, tlstest.Leaf{Name: "far", SANs: farNames})
	return s
}

func (s site) issue(t *testing.T, l tlstest.Leaf) tlstest.Pair {
	t.Helper()
	p, err := s.ca.Issue(l)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// on is a transport with one TLS listener.
func (s site) on(a string) Config {
	return Config{
		Listen: []Listener{{Network: TLS, Addr: addr(a)}},
		TLS:    &TLSConfig{Certificate: s.ours.Certificate, Key: s.ours.Key, CA: s.ca.File},
	}
}

func pairOf(t *testing.T, p tlstest.Pair) tls.Certificate {
	t.Helper()
	c, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// client is how a far end dials us; who: the certificate it shows, if any.
func (s site) client(t *testing.T, who ...tlstest.Pair) *tls.Config {
	t.Helper()
	c := &tls.Config{RootCAs: s.ca.Pool(), InsecureSkipVerify: true}
	for _, p := range who {
		c.Certificates = append(c.Certificates, pairOf(t, p))
	}
	return c
}

// farTLS listens as the far end.
func (s site) farTLS(t *testing.T, a string, with *tls.Config) (net.Listener, netip.AddrPort) {
	t.Helper()
	if with == nil {
		with = &tls.Config{}
	}
	with.Certificates = []tls.Certificate{pairOf(t, s.far)}
	l, at := far(t, a)
	return tls.NewListener(l, with), at
}

func dialTLS(t *testing.T, to netip.AddrPort, c *tls.Config) *tls.Conn {
	t.Helper()
	conn := tls.Client(streamTo(t, to), c)
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	return conn
}

// acceptTLS takes one connection, its handshake done.
func acceptTLS(t *testing.T, l net.Listener) *tls.Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if err := c.(*tls.Conn).Handshake(); err != nil {
		t.Fatal(err)
	}
	return c.(*tls.Conn)
}

func TestTLSBothWays(t *testing.T) {
	s := newSite(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, ip := range []string{"127.0.35.1:0", "[::1]:0"} {
			r := newRecorder()
			tr := start(t, s.on(ip), r)
			with := s.client(t)
			with.MaxVersion = version
			c := dialTLS(t, tr.Addr(0), with)
			if got := c.ConnectionState().Version; got != version {
				t.Fatalf("version %s, want %s", tls.VersionName(got), tls.VersionName(version))
			}
			say(t, c, invite+bye+"\r\n\r\n"+broken+folded[:40])
			hear(t, c, "\r\n") // RFC 5626 §4.4.1
			r.count(t, 3)
			say(t, c, folded[40:]+bare)
			all := r.count(t, 5)
			for i, want := range []string{invite, bye, broken, folded, bare} {
				if all[i].raw != want || all[i].failed || all[i].flow != all[0].flow {
					t.Fatalf("message %d is %+v, want %q", i, all[i], want)
				}
			}
			f := all[0].flow
			if f.Network != TLS || f.Conn == 0 {
				t.Fatalf("flow %+v", f)
			}
			for range 3 {
				if err := tr.Send(f, []byte(bye)); err != nil {
					t.Fatal(err)
				}
				hear(t, c, bye)
			}
			if k := tr.Counters(); k.Connections != 1 || k.Accepted != 1 || k.Received != 5 || k.KeepAlives != 1 || k.HandshakesOpen != 0 || k.Sent != 4 {
				t.Errorf("counters %+v", k)
			}
			_ = c.Close()
			if last := r.count(t, 6)[5]; !last.failed || last.cause != ConnectionLost || last.flow != f {
				t.Errorf("the end is %+v", last)
			}
			until(t, "no connection", func() bool { return len(tr.Connections()) == 0 })
		}
	}
}

func TestLargestMessageOverTLS(t *testing.T) {
	s := newSite(t)
	r := newRecorder()
	tr := start(t, s.on("127.0.35.2:0"), r)
	c := dialTLS(t, tr.Addr(0), s.client(t))
	head := "MESSAGE sip:x SIP/2.0\r\nContent-Length: 65000\r\n\r\n"
	large := head + strings.Repeat("m", 65000)
	say(t, c, large+bye+large)
	all := r.count(t, 3)
	if all[0].raw != large || all[1].raw != bye || all[2].raw != large {
		t.Fatal("not the messages that were sent")
	}
	if err := tr.Send(all[0].flow, []byte(large)); err != nil {
		t.Fatal(err)
	}
	hear(t, c, large)
}

// What is sent while dialing and shaking hands waits, in order, on one connection.
func TestTLSDialedOnceAndReused(t *testing.T) {
	s := newSite(t, "sip:far.example")
	l, at := s.farTLS(t, "127.0.35.4:0", nil)
	r := newRecorder()
	c := s.on("127.0.35.3:0")
	c.Peers = []Peer{{Addr: at, Domain: "far.example"}}
	tr := start(t, c, r)
	to := Flow{Network: TLS, Remote: at}
	want := ""
	for i := range 20 {
		m := fmt.Sprintf("message %d %s\r\n", i, strings.Repeat("x", 5000))
		want += m
		if err := tr.Send(to, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	conn := acceptTLS(t, l)
	hear(t, conn, want)
	if got := conn.ConnectionState().ServerName; got != "far.example" {
		t.Errorf("SNI %q", got)
	}
	say(t, conn, bye)
	back := r.count(t, 1)[0].flow
	if back.Network != TLS || back.Remote != at {
		t.Fatalf("flow %+v", back)
	}
	for _, f := range []Flow{back, to} {
		if err := tr.Send(f, []byte(bye)); err != nil {
			t.Fatal(err)
		}
		hear(t, conn, bye)
	}
	if got := tr.Identity(back); !slices.Equal(got, sans("far.example")) {
		t.Errorf("identity %q", got)
	}
	if k := tr.Counters(); k.Dialed != 1 || k.Connections != 1 || k.HandshakesOpen != 0 {
		t.Errorf("counters %+v", k)
	}
	until(t, "22 sent", func() bool { return tr.Counters().Sent == 22 })
}

// A certificate for somebody else, or signed by nobody we know, is a TLS fault;
// nothing is sent.
func TestTLSIdentityOfAServer(t *testing.T) {
	s := newSite(t, "sip:far.example", "far.example", "127.0.35.99")
	stranger := newSite(t, "sip:far.example")
	for _, c := range []struct {
		name    string
		who     site
		far     string
		domains []string
		ok      bool
	}{
		{"domain", s, "127.0.35.5:0", sans("far.example"), true},
		{"one of two domains", s, "127.0.35.5:0", sans("other.example", "far.example"), true},
		{"another domain", s, "127.0.35.5:0", sans("other.example"), false},
		{"no domain, its address", s, "127.0.35.99:0", nil, true},
		{"no domain, another address", s, "127.0.35.5:0", nil, false},
		{"domain is its address", s, "127.0.35.99:0", sans(""), true},
		{"unknown authority", stranger, "127.0.35.5:0", sans("far.example"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, at := c.who.farTLS(t, c.far, nil)
			r := newRecorder()
			tr := start(t, s.on("127.0.35.6:0"), r)
			for _, d := range c.domains {
				if err := tr.AddPeer(Peer{Addr: at, Domain: d}); err != nil {
					t.Fatal(err)
				}
			}
			if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte(bye)); err != nil {
				t.Fatal(err)
			}
			if c.ok {
				hear(t, acceptTLS(t, l), bye)
				return
			}
			far, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			_ = far.SetDeadline(time.Now().Add(10 * time.Second))
			if n, err := far.Read(make([]byte, 1)); n > 0 || err == nil || !strings.Contains(err.Error(), "remote error") {
				t.Errorf("the far end read %d bytes, %v; want an alert", n, err)
			}
			_ = far.Close()
			want := heard{flow: Flow{Network: TLS, Remote: at}, failed: true, cause: TLSFault}
			if got := r.count(t, 1)[0]; got != want {
				t.Fatalf("heard %+v, want %+v", got, want)
			}
			if k := tr.Counters(); k.HandshakesFailed != 1 || k.TLSFault != 1 || k.DroppedUnreachable != 1 || k.Sent != 0 || k.Connections != 0 {
				t.Errorf("counters %+v", k)
			}
		})
	}
}

// A server of TLS 1.3 refuses our certificate after our handshake is done.
func TestTLSRefusedLate(t *testing.T) {
	s, stranger := newSite(t, "127.0.35.7"), newSite(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		l, at := s.farTLS(t, "127.0.35.7:0", &tls.Config{
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: stranger.ca.Pool(), MaxVersion: version,
		})
		r := newRecorder()
		tr := start(t, s.on("127.0.35.8:0"), r)
		if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte(bye)); err != nil {
			t.Fatal(err)
		}
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		if err := c.(*tls.Conn).Handshake(); err == nil {
			t.Fatal("the far end was content")
		}
		if got := r.count(t, 1)[0]; !got.failed || got.cause != TLSFault || got.flow.Remote != at {
			t.Errorf("%s: heard %+v", tls.VersionName(version), got)
		}
		_ = c.Close()
	}
}

// A plain TCP server where TLS was expected, and one that hangs.
func TestTLSHandshakeThatNeverEnds(t *testing.T) {
	s := newSite(t)
	limits := defaultLimits()
	limits.handshake = 100 * time.Millisecond
	l, at := far(t, "127.0.35.9:0")
	r := newRecorder()
	tr := startWith(t, s.on("127.0.35.10:0"), r, limits)
	for _, c := range []struct {
		answer string
		cause  Cause
	}{{"", HostUnreachable}, {"SIP/2.0 400 Bad\r\n\r\n", TLSFault}} {
		before := len(r.list())
		if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte(bye)); err != nil {
			t.Fatal(err)
		}
		conn, err := l.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		say(t, conn, c.answer)
		if got := r.count(t, before+1)[before]; !got.failed || got.cause != c.cause || got.flow.Conn != 0 {
			t.Errorf("answer %q: heard %+v, want %s", c.answer, got, c.cause)
		}
		_ = conn.Close()
	}
	if k := tr.Counters(); k.HandshakesSlow != 1 || k.HandshakesFailed != 1 || k.HandshakesOpen != 0 {
		t.Errorf("counters %+v", k)
	}
}

func TestMutualTLS(t *testing.T) {
	s, stranger := newSite(t, "sip:far.example"), newSite(t, "sip:far.example")
	mail := s.issue(t, tlstest.Leaf{Name: "expired", SANs: sans("sip:far.example"), NotAfter: time.Now().Add(-time.Minute)})
	for _, c := range []struct {
		name   string
		client tls.ClientAuthType
		who    []tlstest.Pair
		ok     bool
		known  bool
	}{
		{"none, nothing shown", tls.NoClientCert, nil, true, false},
		{"none, shown in vain", tls.NoClientCert, []tlstest.Pair{s.far}, true, false},
		{"request, nothing shown", tls.RequestClientCert, nil, true, false},
		{"request, trusted", tls.RequestClientCert, []tlstest.Pair{s.far}, true, true},
		{"request, stranger", tls.RequestClientCert, []tlstest.Pair{stranger.far}, true, false},
		{"if given, nothing shown", tls.VerifyClientCertIfGiven, nil, true, false},
		{"if given, stranger", tls.VerifyClientCertIfGiven, []tlstest.Pair{stranger.far}, false, false},
		{"require, nothing shown", tls.RequireAndVerifyClientCert, nil, false, false},
		{"require, trusted", tls.RequireAndVerifyClientCert, []tlstest.Pair{s.far}, true, true},
		{"require, stranger", tls.RequireAndVerifyClientCert, []tlstest.Pair{stranger.far}, false, false},
		{"require any is verified too", tls.RequireAnyClientCert, []tlstest.Pair{stranger.far}, false, false},
		{"require, expired", tls.RequireAndVerifyClientCert, []tlstest.Pair{mail}, false, false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(c.name+" "+tls.VersionName(version), func(t *testing.T) {
				r := newRecorder()
				config := s.on("127.0.35.11:0")
				config.TLS.Client = c.client
				tr := start(t, config, r)
				with := s.client(t)
				with.MaxVersion = version
				with.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if len(c.who) == 0 {
						return &tls.Certificate{}, nil
					}
					p := pairOf(t, c.who[0])
					return &p, nil
				}
				conn := tls.Client(streamTo(t, tr.Addr(0)), with)
				_, err := io.WriteString(conn, bye)
				if !c.ok {
					if err == nil {
						_, err = conn.Read(make([]byte, 1))
					}
					if err == nil || !strings.Contains(err.Error(), "remote error") {
						t.Errorf("the client met %v, want an alert", err)
					}
					_ = conn.Close()
					until(t, "the end", func() bool { return tr.Counters().Connections == 0 })
					if k := tr.Counters(); k.HandshakesFailed != 1 || k.Received != 0 || len(r.list()) != 0 {
						t.Errorf("counters %+v, heard %+v", k, r.list())
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				f := r.count(t, 1)[0].flow
				if got := tr.Identity(f); slices.Equal(got, sans("far.example")) != c.known || (got != nil) != c.known {
					t.Errorf("identity %q, known %v", got, c.known)
				}
			})
		}
	}
}

// RFC 5923: requests go over a connection that the peer opened only if its
// certificate speaks for who is configured there.
func TestTLSReuseOfAccepted(t *testing.T) {
	s := newSite(t, "sip:far.example")
	config := s.on("127.0.35.12:0")
	config.TLS.Client = tls.RequestClientCert
	for _, c := range []struct {
		name   string
		who    []tlstest.Pair
		domain string
		reused bool
	}{
		{"authenticated", []tlstest.Pair{s.far}, "far.example", true},
		{"speaks for another", []tlstest.Pair{s.far}, "other.example", false},
		{"showed nothing", nil, "far.example", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, at := s.farTLS(t, "127.0.35.13:0", nil)
			r := newRecorder()
			tr := start(t, config, r)
			peer := Peer{Addr: at, Domain: c.domain}
			if err := tr.AddPeer(peer); err != nil {
				t.Fatal(err)
			}
			d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(addr("127.0.35.13:0"))}
			conn, err := tls.DialWithDialer(&d, "tcp", tr.Addr(0).String(), s.client(t, c.who...))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			say(t, conn, bye)
			f := r.count(t, 1)[0].flow
			if got := tr.Alias(f, at.Port()); got != c.reused {
				t.Fatalf("Alias: %v, want %v", got, c.reused)
			}
			if err := tr.Send(f, []byte("response")); err != nil { // always, by its number
				t.Fatal(err)
			}
			hear(t, conn, "response")
			if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte("request")); err != nil {
				t.Fatal(err)
			}
			if !c.reused {
				if dialed, err := l.Accept(); err != nil {
					t.Fatalf("no connection of our own: %v", err)
				} else {
					_ = dialed.Close()
				}
				return
			}
			hear(t, conn, "request")
			if k := tr.Counters(); k.Dialed != 0 {
				t.Errorf("counters %+v", k)
			}
			// The peer is taken out: what justified the reuse is gone.
			tr.RemovePeer(peer)
			if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte("request")); err != nil {
				t.Fatal(err)
			}
			dialed, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			_ = dialed.Close()
		})
	}
}

// Handshakes begun and not ended cost a bounded number of connections for a
// bounded time, and those already open do not notice.
func TestHalfOpenHandshakes(t *testing.T) {
	s := newSite(t)
	limits := defaultLimits()
	limits.handshake = 300 * time.Millisecond
	c := s.on("127.0.35.14:0")
	c.MaxConnections, c.MaxPerSource = 6, 4
	r := newRecorder()
	tr := startWith(t, c, r, limits)
	good := dialTLS(t, tr.Addr(0), s.client(t))
	slow := []net.Conn{}
	for range 3 {
		slow = append(slow, streamTo(t, tr.Addr(0)))
	}
	_, _ = slow[0].Write([]byte{22, 3, 1, 0, 200, 1}) // the first bytes of a ClientHello
	until(t, "3 handshakes open", func() bool { return tr.Counters().HandshakesOpen == 3 })
	turnedAway(t, nil, tr.Addr(0)) // the fifth of one source
	say(t, good, bye)
	r.count(t, 1)
	for _, conn := range slow {
		closed(t, conn)
	}
	until(t, "the end of the slow", func() bool { return tr.Counters().Connections == 1 })
	if k := tr.Counters(); k.HandshakesSlow != 3 || k.HandshakesOpen != 0 || k.OverSource != 1 {
		t.Errorf("counters %+v", k)
	}
	say(t, dialTLS(t, tr.Addr(0), s.client(t)), bye) // there is room again
	r.count(t, 2)
}

func TestTLSPeerThatNeverReads(t *testing.T) {
	s := newSite(t)
	limits := defaultLimits()
	limits.write = 200 * time.Millisecond
	r := newRecorder()
	tr := startWith(t, s.on("127.0.35.15:0"), r, limits)
	raw := streamTo(t, tr.Addr(0))
	_ = raw.SetReadBuffer(4096)
	c := tls.Client(raw, s.client(t))
	say(t, c, bye)
	f := r.count(t, 1)[0].flow
	large := []byte(strings.Repeat("x", 60000))
	for i := 0; !errors.Is(tr.Send(f, large), ErrQueueFull); i++ {
		if i > 10_000 {
			t.Fatal("600 MB were taken for a peer that does not read")
		}
	}
	for _, c := range tr.Connections() {
		if c.Queued > limits.queue+maxDatagram {
			t.Errorf("%d bytes queued, the bound is %d", c.Queued, limits.queue)
		}
	}
	r.wait(t, "the end", func(all []heard) bool { return all[len(all)-1].failed })
	if k := tr.Counters(); k.StuckWriters != 1 || k.DroppedQueue == 0 || k.Connections != 0 {
		t.Errorf("counters %+v", k)
	}
}

// Messages that wait behind a slow reader are whole and in order: a sealed
// record that was dropped would end the connection.
func TestTLSSlowReader(t *testing.T) {
	s := newSite(t)
	r := newRecorder()
	tr := start(t, s.on("127.0.35.16:0"), r)
	c := dialTLS(t, tr.Addr(0), s.client(t))
	say(t, c, bye)
	f := r.count(t, 1)[0].flow
	body := strings.Repeat("y", 9000)
	taken := make(chan int, 1)
	go func() {
		n := 0
		for i := range 2000 {
			if tr.Send(f, fmt.Appendf(nil, "%06d%s\n", i, body)) == nil {
				n++
			}
		}
		taken <- n
	}()
	line := make([]byte, 6+len(body)+1)
	last, total := -1, -1
	for lines := 0; lines != total; lines++ {
		if _, err := io.ReadFull(c, line); err != nil {
			t.Fatal(err)
		}
		var i int
		if _, err := fmt.Sscanf(string(line[:6]), "%d", &i); err != nil || i <= last || string(line[6:]) != body+"\n" {
			t.Fatalf("line %d after %d is not whole: %v", i, last, err)
		}
		last = i
		if total < 0 {
			select {
			case total = <-taken:
				if total == lines+1 {
					return
				}
			default:
			}
		}
	}
}

// The far end is told the end in TLS's own words.
func TestTLSIdleCloses(t *testing.T) {
	s := newSite(t)
	limits := defaultLimits()
	limits.idle = 50 * time.Millisecond
	r := newRecorder()
	tr := startWith(t, s.on("127.0.35.17:0"), r, limits)
	c := dialTLS(t, tr.Addr(0), s.client(t))
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the end is %v, want close_notify", err)
	}
	until(t, "no connection", func() bool { return len(tr.Connections()) == 0 })
	if k := tr.Counters(); k.IdleClosed != 1 || len(r.list()) != 0 {
		t.Errorf("counters %+v, heard %+v", k, r.list())
	}
}

func TestTLSClosedMidway(t *testing.T) {
	s := newSite(t)
	l, at := far(t, "127.0.35.18:0")
	tr, err := New(s.on("127.0.35.19:0"), newRecorder())
	if err != nil {
		t.Fatal(err)
	}
	tr.Start()
	_ = streamTo(t, tr.Addr(0)) // a handshake that we wait for
	if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte(bye)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.AcceptTCP(); err != nil { // and one that we began
		t.Fatal(err)
	}
	until(t, "two handshakes", func() bool { return tr.Counters().HandshakesOpen == 2 })
	began := time.Now()
	tr.Close()
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("Close waited %s for handshakes", d)
	}
	if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte(bye)); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
}
