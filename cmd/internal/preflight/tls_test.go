package preflight

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/transport"
	"releve/testbed/tlstest"
)

// secured listens with TLS as c says, and answers nothing, or parts after the handshake;
// nil: it greets in clear.
func secured(t *testing.T, a netip.AddrPort, c *tls.Config, parts bool) {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(a))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
				if c == nil {
					_, _ = conn.Write([]byte("220 not what you think\r\n"))
				} else if conn = tls.Server(conn, c); conn.(*tls.Conn).Handshake() != nil || parts {
					return
				}
				buf := make([]byte, 4096)
				for {
					if _, err := conn.Read(buf); err != nil {
						return
					}
				}
			}()
		}
	}()
}

// TestAnUntrustedConnectionSaysWhy: each thing that may be wrong with TLS, by name.
func TestAnUntrustedConnectionSaysWhy(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	known, err := tlstest.NewAuthority(dir, "known")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := tlstest.NewAuthority(other, "stranger")
	if err != nil {
		t.Fatal(err)
	}
	year := time.Now().Add(365 * 24 * time.Hour)
	for _, c := range []struct {
		name   string
		signer *tlstest.Authority
		leaf   tlstest.Leaf // SANs: none: the right one
		serve  func(*tls.Config)
		plain  bool
		parts  bool // hangs up after the handshake
		own    bool // we have a certificate, of an authority that it does not know
		state  State
		word   string
	}{
		{name: "good", signer: known, leaf: tlstest.Leaf{NotAfter: year}, state: OK},
		{name: "soon", signer: known, state: Reservation, word: "soon"},
		{name: "expired", signer: known, leaf: tlstest.Leaf{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}, state: NoGo, word: "expired"},
		{name: "early", signer: known, leaf: tlstest.Leaf{NotBefore: time.Now().Add(time.Hour), NotAfter: year}, state: NoGo, word: "early"},
		{name: "name", signer: known, leaf: tlstest.Leaf{NotAfter: year, SANs: []string{"autre.example"}}, state: NoGo, word: "name"},
		{name: "authority", signer: stranger, leaf: tlstest.Leaf{NotAfter: year}, state: NoGo, word: "authority"},
		{name: "asks", signer: known, leaf: tlstest.Leaf{NotAfter: year}, serve: func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert }, state: Info, word: "asks"},
		{name: "wanted", signer: known, leaf: tlstest.Leaf{NotAfter: year}, serve: func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }, state: NoGo, word: "wanted"},
		{name: "wanted12", signer: known, leaf: tlstest.Leaf{NotAfter: year}, serve: func(c *tls.Config) {
			c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
		}, state: NoGo, word: "wanted"},
		{name: "ours", signer: known, leaf: tlstest.Leaf{NotAfter: year}, own: true, serve: func(c *tls.Config) {
			c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, known.Pool()
		}, state: NoGo, word: "ours"},
		{name: "version", signer: known, leaf: tlstest.Leaf{NotAfter: year}, serve: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, state: NoGo, word: "version"},
		{name: "parted", signer: stranger, leaf: tlstest.Leaf{NotAfter: year}, serve: func(c *tls.Config) { c.SessionTicketsDisabled = true }, parts: true, state: NoGo, word: "authority"},
		{name: "plain", plain: true, state: NoGo, word: "plain"},
	} {
		n := freeBed(t)
		far := farAt("pbx", IPBX, netip.AddrPortFrom(at(n, 1).Addr(), 5061))
		far.Network, far.Given = transport.TLS, true
		p := Plan{Local: at(n, 9), Far: []Far{far}, TLS: &transport.TLSConfig{CA: known.File}}
		var serve *tls.Config
		if !c.plain {
			c.leaf.Name = c.name
			if c.leaf.SANs == nil {
				c.leaf.SANs = []string{at(n, 1).Addr().String()}
			}
			serve = &tls.Config{Certificates: []tls.Certificate{issued(t, c.signer, c.leaf)}}
			if c.serve != nil {
				c.serve(serve)
			}
		}
		if c.own {
			pair, err := stranger.Issue(tlstest.Leaf{Name: "ours", SANs: []string{at(n, 9).Addr().String()}})
			if err != nil {
				t.Fatal(err)
			}
			p.TLS.Certificate, p.TLS.Key = pair.Certificate, pair.Key
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			secured(t, netip.AddrPortFrom(at(n, 1).Addr(), 5061), serve, c.parts)
			unhurried(t, func() (faults []string) {
				s, err := Run(context.Background(), p)
				if err != nil {
					t.Fatal(err)
				}
				f, ok := find(s, IPBX, text.StudyTLS)
				if !ok || f.State != c.state || f.Values["case"] != c.word {
					faults = append(faults, fmt.Sprintf("%s %v", f.State, f.Values))
				}
				if o, _ := find(s, IPBX, text.StudyOptions); c.state == NoGo && o.Values["why"] != string(text.WhyUntrusted) {
					faults = append(faults, fmt.Sprintf("OPTIONS: %s %v", o.State, o.Values))
				}
				return faults
			})
		})
	}
}

func issued(t *testing.T, a *tlstest.Authority, l tlstest.Leaf) tls.Certificate {
	t.Helper()
	files, err := a.Issue(l)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}
