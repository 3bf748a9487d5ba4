package preflight

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/transport"
)

// Bounds of the handshake that is looked at, our choice. A server that wants another
// certificate says so right after it (TLS 1.3).
const (
	shakeLimit = 4 * time.Second
	alertLimit = 300 * time.Millisecond
)

// shaken is how a TLS handshake with a far end went.
type shaken struct {
	closed  bool  // no connection
	failure error // of the handshake, or the alert right after it
	fault   error // what we have against its certificate
	version uint16
	chain   []*x509.Certificate
	asked   bool // it asked for ours
	own     bool // and we have one
}

// trust shakes hands with each TLS far end, apart from the study's own connections: a
// connection that does not come about says why here.
func (r *run) trust(ctx context.Context) {
	var all sync.WaitGroup
	for i, f := range r.far {
		if f.ok && f.at.Network == transport.TLS {
			all.Go(func() {
				found := judgeTLS(r.shake(ctx, f), f.Host, time.Now())
				r.note(f, found)
				r.far[i].shut = found.State == NoGo
			})
		}
	}
	all.Wait()
}

// shut says of everything else that it could not be asked.
func (r *run) shut(f far) {
	ids := append([]ID{text.StudyOptions, text.StudyNAT, text.StudyRoundTrip, text.StudyJitter, text.StudyLoss, text.StudyTrunk}, ofServerCall()...)
	if f.Subject == IPBX {
		ids = append([]ID{text.StudyOptions, text.StudyNAT, text.StudyRoundTrip, text.StudyJitter, text.StudyLoss, text.StudyTrunk}, ofLoop()...)
	}
	for _, id := range ids {
		r.note(f, unseen(id, text.WhyUntrusted))
	}
	if f.Subject == IPBX && len(r.plan.Users) > 0 {
		for _, id := range ofRegistrar() {
			r.enter(Registrar, f.Name, unseen(id, text.WhyUntrusted))
		}
	}
}

// turnedAway says of a far end that connected here by TLS that it went off again: it
// does not trust us.
func (r *run) turnedAway() {
	for _, f := range r.far {
		err := r.wentOff(f)
		if err == nil {
			continue
		}
		r.mu.Lock()
		for i, x := range r.findings {
			if x.ID == text.StudyTLS && x.Target == f.Name && x.State != NoGo {
				r.findings[i].State, r.findings[i].Values["case"], r.findings[i].Values["said"] = Reservation, "turned", printable(saidBy(err))
			}
		}
		r.mu.Unlock()
	}
}

// wentOff is why a far end broke a TLS connection to us off; nil: it did not.
func (r *run) wentOff(f far) error {
	return r.s.wentOff(append([]netip.Addr{f.at.Remote.Addr()}, f.Sources...))
}

// shake performs one handshake that refuses nothing, and looks.
func (r *run) shake(ctx context.Context, f far) (out shaken) {
	ctx, cancel := within(ctx, shakeLimit)
	defer cancel()
	c := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} // judged below, with its reason
	if _, err := netip.ParseAddr(f.Host); err != nil {
		c.ServerName = strings.TrimSuffix(f.Host, ".")
	}
	var pair *tls.Certificate
	var roots *x509.CertPool
	if own := r.plan.TLS; own != nil {
		c.MinVersion = max(own.MinVersion, tls.VersionTLS12)
		pair, roots = ours(own)
	}
	out.own = pair != nil
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		out.asked = true
		if pair == nil {
			return &tls.Certificate{}, nil
		}
		return pair, nil
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.s.addr.Addr(), 0))}
	conn, err := d.DialContext(ctx, "tcp", f.at.Remote.String())
	if err != nil {
		out.closed = true
		return out
	}
	defer conn.Close()
	t := tls.Client(conn, c)
	if out.failure = t.HandshakeContext(ctx); out.failure != nil {
		return out
	}
	state := t.ConnectionState()
	out.version, out.chain = state.Version, state.PeerCertificates
	out.fault = transport.VerifyServer(state.PeerCertificates, roots, []string{f.Host}, time.Now())
	_ = t.SetReadDeadline(time.Now().Add(alertLimit))
	if _, err := t.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		out.failure = err
	}
	return out
}

// ours are our certificate and whom we trust; what cannot be read is left to the
// station, which says so.
func ours(c *transport.TLSConfig) (pair *tls.Certificate, roots *x509.CertPool) {
	if got, err := tls.LoadX509KeyPair(c.Certificate, c.Key); c.Certificate != "" && err == nil && !c.Reserved {
		pair = &got
	}
	if raw, err := os.ReadFile(c.CA); err == nil {
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(raw)
	}
	return pair, roots
}

// keys are the certificates of the station. Where TLS is spoken and none was given, it
// makes one for those who call us, for as long as the study lasts, and shows it to
// nobody else. nil: TLS is not spoken.
func (r *run) keys() (c *transport.TLSConfig, forget func(), err error) {
	spoken := r.plan.TLS != nil && r.plan.TLS.Certificate != ""
	for _, f := range r.far {
		spoken = spoken || f.ok && f.at.Network == transport.TLS
	}
	if !spoken {
		return nil, func() {}, nil
	}
	c = &transport.TLSConfig{}
	if r.plan.TLS != nil {
		*c = *r.plan.TLS
	}
	if c.Certificate != "" {
		return c, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "releve-preflight-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a directory for the study's certificate: %w", err)
	}
	c.Reserved, c.Certificate, c.Key = true, filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	return c, func() { _ = os.RemoveAll(dir) }, selfSigned(c)
}

// selfSigned writes a certificate that nobody trusts, valid for a day.
func selfSigned(c *transport.TLSConfig) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the study's key: %w", err)
	}
	now := time.Now()
	like := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "releve preflight"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, like, like, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("make the study's certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("write the study's key: %w", err)
	}
	return errors.Join(
		os.WriteFile(c.Certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(c.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}
