package transport

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/testbed/tlstest"
)

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

func TestMutualTLS(t *testing.T) {
	s, stranger := newSite(t, "sip:far.example"), newSite(t, "sip:far.example")
	expired := s.issue(t, tlstest.Leaf{Name: "expired", SANs: sans("sip:far.example"), NotAfter: time.Now().Add(-time.Minute)})
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
		{"require, expired", tls.RequireAndVerifyClientCert, []tlstest.Pair{expired}, false, false},
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
