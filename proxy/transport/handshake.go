package transport

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// greet is an accepted TLS connection's goroutine: handshake, then reading. The
// connection counts against the limits from its first packet on, and the
// accepting loop never waits for it.
func (c *conn) greet(tcp *net.TCPConn) {
	sec, err := c.shake(tcp)
	if err == nil && c.open(tcp, sec) {
		c.read() // calls wait.Done
		return
	}
	c.end(ended{closed: true}) // nobody sent anything on it: counted, not reported
	c.t.wait.Done()
}

// shake performs the handshake in its time. On an error the socket is closed.
func (c *conn) shake(tcp *net.TCPConn) (*secure, error) {
	t, now := c.t, time.Now()
	t.count.handshakesOpen.Add(1)
	defer t.count.handshakesOpen.Add(-1)
	s := &secure{TCPConn: tcp}
	var leaf *x509.Certificate
	if c.inbound {
		s.tls = tls.Server(s, t.serverTLS(now, &leaf))
	} else {
		s.tls = tls.Client(s, t.clientTLS(now, peerKey{c.flow.Listener, c.flow.Remote}, &leaf))
	}
	_ = tcp.SetDeadline(now.Add(t.limits.handshake))
	if err := s.tls.HandshakeContext(t.stop); err != nil {
		if timedOut(err) {
			t.count.handshakesSlow.Add(1)
		} else if t.stop.Err() == nil {
			t.count.handshakesFailed.Add(1)
			t.untrusted(c.flow, err)
			if c.inbound {
				t.dismiss(tcp) // who dialed is told of the failure at once instead
			}
		}
		_ = tcp.Close()
		return nil, err
	}
	t.table.identify(c, leaf)
	s.begin()
	return s, nil
}

// untrusted tells of a TLS fault.
func (t *Transport) untrusted(f Flow, err error) {
	if t.cfg.HandshakeFailed != nil {
		t.cfg.HandshakeFailed(f, err)
	}
}

// causeOf reads the end of an established connection, and tells of an alert.
func (c *conn) causeOf(err error) Cause {
	cause := readCause(err)
	if cause == TLSFault {
		c.t.untrusted(c.flow, err)
	}
	return cause
}

// dismiss lets the alert that tells the peer why reach it: closing with unread
// bytes would reset the connection. Bounded in time and bytes.
func (t *Transport) dismiss(tcp *net.TCPConn) {
	_ = tcp.CloseWrite()
	_ = tcp.SetReadDeadline(time.Now().Add(t.limits.grace))
	_, _ = io.CopyN(io.Discard, tcp, maxDatagram)
}

// shakeCause says what a dialed handshake's end means. A peer that refuses or
// breaks off has a TLS fault; one that stays silent is ill (see Cause).
func shakeCause(err error) Cause {
	if timedOut(err) {
		return HostUnreachable
	}
	return TLSFault
}

// baseTLS is what both directions share.
func (t *Transport) baseTLS(now time.Time) (*tls.Config, keyring) {
	id := t.files.current(now)
	return &tls.Config{
		MinVersion: t.files.files.MinVersion,
		// Our choice: connections are few and long, and a resumed one would not
		// show a renewed certificate.
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true, // one record per message
	}, id
}

// serverTLS is for a connection that we accepted; verified is filled when the
// peer shows a certificate that we trust.
func (t *Transport) serverTLS(now time.Time, verified **x509.Certificate) *tls.Config {
	c, id := t.baseTLS(now)
	c.Certificates = []tls.Certificate{*id.pair}
	c.ClientCAs = id.pool // for the list in the request; the verdict is below
	files := &t.files.files
	switch {
	case files.required():
		c.ClientAuth = tls.RequireAnyClientCert
	case files.Client != tls.NoClientCert:
		c.ClientAuth = tls.RequestClientCert
	default:
		return c
	}
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return nil // refused by then where it is required
		}
		err := verifyChain(s.PeerCertificates, id.pool, now)
		if err == nil {
			*verified = s.PeerCertificates[0]
		}
		if files.Client == tls.RequestClientCert {
			return nil
		}
		return err
	}
	return c
}

// clientTLS is for a connection that we dialed to k. Go's own verification knows
// wildcards and no SIP domains, so it is off and VerifyConnection does it all.
func (t *Transport) clientTLS(now time.Time, k peerKey, verified **x509.Certificate) *tls.Config {
	c, id := t.baseTLS(now)
	c.InsecureSkipVerify = true
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if t.files.files.Reserved {
			return &tls.Certificate{}, nil
		}
		return id.pair, nil
	}
	names := t.namesOf(k)
	c.ServerName = strings.TrimSuffix(names[0], ".") // an address is not sent (RFC 6066 §3)
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if err := VerifyServer(s.PeerCertificates, id.pool, names, now); err != nil {
			return err
		}
		*verified = s.PeerCertificates[0]
		return nil
	}
	return c
}

// NameError is a certificate that speaks for others than whom we dialed (RFC 5922 §7.3).
type NameError struct{ Speaks, Wanted []string }

func (e *NameError) Error() string {
	return fmt.Sprintf("verify certificate: it speaks for %s, not for %s (RFC 5922 §7.3)", strings.Join(e.Speaks, ", "), strings.Join(e.Wanted, " or "))
}

// VerifyServer verifies what a server that we dialed showed: one of names is the
// domain or address that was configured, roots whom we trust (nil: the system's).
// The error is a *NameError, wraps one of crypto/x509, or says that there was none.
func VerifyServer(chain []*x509.Certificate, roots *x509.CertPool, names []string, now time.Time) error {
	if len(chain) == 0 {
		return errors.New("verify certificate: the server showed none")
	}
	if err := verifyChain(chain, roots, now); err != nil {
		return err
	}
	if !speaksForAny(chain[0], names) {
		return &NameError{identitiesOf(chain[0]), names}
	}
	return nil
}

// Identities lists for whom a certificate speaks: domains, then addresses.
func Identities(c *x509.Certificate) []string { return identitiesOf(c) }

// sipDomain is the extended key usage of RFC 5924.
var sipDomain = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 20}

// verifyChain verifies all but the name. Our choice: serverAuth, clientAuth and
// id-kp-sipDomain each serve in both directions, as one certificate does for a
// SIP element, which is server and client at once; public authorities no longer
// issue clientAuth.
func verifyChain(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) error {
	o := x509.VerifyOptions{
		Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	if slices.ContainsFunc(chain[0].UnknownExtKeyUsage, sipDomain.Equal) {
		o.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	}
	if _, err := chain[0].Verify(o); err != nil {
		return fmt.Errorf("verify certificate: %w", err)
	}
	return nil
}

func speaksForAny(c *x509.Certificate, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return speaksFor(c, name) })
}

// identitiesOf lists for whom a certificate speaks: domains, then addresses.
func identitiesOf(c *x509.Certificate) []string {
	all := domainsOf(c)
	for _, host := range urisOf(c) {
		if a, err := netip.ParseAddr(host); err == nil {
			all = append(all, a.Unmap().String())
		}
	}
	for _, a := range addressesOf(c) {
		all = append(all, a.String())
	}
	return all
}

// namesOf are the domains one of which a certificate must show to stand for k;
// at least one.
func (t *Transport) namesOf(k peerKey) []string {
	if names := (*t.domains.Load())[k]; len(names) > 0 {
		return names
	}
	return []string{k.addr.Addr().WithZone("").String()}
}

// fileDomain adds a domain to an address; peerMu is held.
func (t *Transport) fileDomain(k peerKey, domain string) {
	if domain == "" {
		domain = k.addr.Addr().WithZone("").String()
	}
	old := *t.domains.Load()
	if slices.Contains(old[k], domain) {
		return
	}
	next := maps.Clone(old)
	next[k] = append(slices.Clone(old[k]), domain)
	t.domains.Store(&next)
}

// dropDomain takes it back; peerMu is held.
func (t *Transport) dropDomain(k peerKey, domain string) {
	if domain == "" {
		domain = k.addr.Addr().WithZone("").String()
	}
	old := *t.domains.Load()
	if !slices.Contains(old[k], domain) {
		return
	}
	next := maps.Clone(old)
	next[k] = slices.DeleteFunc(slices.Clone(old[k]), func(d string) bool { return d == domain })
	if len(next[k]) == 0 {
		delete(next, k)
	}
	t.domains.Store(&next)
}
