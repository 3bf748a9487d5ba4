package transport

import (
	"crypto/tls"
	"fmt"
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
