package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// TLSConfig names the files in PEM. They are read by New, and again at the first
// handshake after they changed; what is unreadable then leaves what was read
// before in force and shows in TLSFault and Counters.CertificateFaults.
type TLSConfig struct {
	Certificate string // ours, the leaf first, then what leads to the authority
	Key         string
	// CA holds the authorities that peers' certificates must chain to; empty:
	// those of the system, for servers that we dial only.
	CA string
	// Reserved: ours is for those who connect to us, and not shown to those we dial.
	Reserved   bool
	MinVersion uint16 // tls.VersionTLS12 or tls.VersionTLS13; 0: 1.2
	// Client says what those who connect to us must show. NoClientCert: nothing.
	// RequestClientCert: a certificate we do not trust counts as none.
	// VerifyClientCertIfGiven: it ends the handshake. RequireAnyClientCert and
	// RequireAndVerifyClientCert mean the same here: one that chains to CA.
	Client tls.ClientAuthType
}

func (c *TLSConfig) complete() error {
	switch c.MinVersion {
	case 0:
		c.MinVersion = tls.VersionTLS12
	case tls.VersionTLS12, tls.VersionTLS13:
	default:
		return fmt.Errorf("tls: lowest version %s is not served; give 1.2 or 1.3", tls.VersionName(c.MinVersion))
	}
	// Our choice: with the system's authorities anyone on earth could show one.
	if c.required() && c.CA == "" {
		return errors.New("tls: certificates are required of those who connect, but not which authority signs them; give tls.ca")
	}
	return nil
}

// required reports whether a connection without a trusted certificate is refused.
func (c *TLSConfig) required() bool {
	return c.Client == tls.RequireAnyClientCert || c.Client == tls.RequireAndVerifyClientCert
}

// stamp tells one content of a file from the next.
type stamp struct {
	changed time.Time
	size    int64
	inode   uint64
}

// credentials are what the files said when they last could be read. Safe for
// concurrent use.
type credentials struct {
	files   TLSConfig
	recheck time.Duration
	count   *counters

	mu      sync.Mutex // guards what follows
	checked time.Time
	stamps  [3]stamp
	now     keyring
	fault   error // of the last attempt to read them; nil: all is in force
}

// keyring is our certificate and whom we trust.
type keyring struct {
	pair *tls.Certificate
	pool *x509.CertPool // nil: the system's
}

// readCredentials is for New: without a usable certificate there is no start.
func (t *Transport) readCredentials() error {
	for _, l := range t.cfg.Listen {
		if l.Network != TLS {
			continue
		}
		c := *t.cfg.TLS
		if err := c.complete(); err != nil {
			return err
		}
		t.files = &credentials{files: c, recheck: t.limits.recheck, count: &t.count}
		t.files.current(time.Now())
		if t.files.now.pair == nil {
			return t.files.fault
		}
		return nil
	}
	return nil
}

// current looks at the files when it is time to, and returns what is in force.
func (c *credentials) current(now time.Time) keyring {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.checked.IsZero() && now.Sub(c.checked) < c.recheck {
		return c.now
	}
	c.checked = now
	stamps := [3]stamp{stampOf(c.files.Certificate), stampOf(c.files.Key), stampOf(c.files.CA)}
	if stamps == c.stamps && c.fault == nil {
		return c.now
	}
	next, err := c.files.read(now)
	if err != nil && (c.fault == nil || c.stamps != stamps) {
		c.count.certificateFaults.Add(1) // once per content, not per look
	}
	if err == nil || (c.now.pair == nil && next.pair != nil) {
		c.now = next
		c.count.certificatesRead.Add(1)
	}
	c.stamps, c.fault = stamps, err
	return c.now
}

func stampOf(path string) stamp {
	i, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	s := stamp{changed: i.ModTime(), size: i.Size()}
	if sys, ok := i.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
	}
	return s
}

// read reads all files. A certificate out of its time comes with an error: it
// serves only when there is no other (a wrong clock must not keep calls away
// from the networks that need none).
func (c *TLSConfig) read(now time.Time) (keyring, error) {
	pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return keyring{}, fmt.Errorf("read tls.certificate %s and tls.key %s: %w; put a pair that belongs together there", c.Certificate, c.Key, err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return keyring{}, fmt.Errorf("read tls.certificate %s: %w", c.Certificate, err)
		}
	}
	id := keyring{pair: &pair}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return keyring{}, fmt.Errorf("read tls.ca: %w", err)
		}
		if id.pool = x509.NewCertPool(); !id.pool.AppendCertsFromPEM(pem) {
			return keyring{}, fmt.Errorf("read tls.ca %s: no certificate in it; give the authorities in PEM", c.CA)
		}
	}
	return id, outOfTime(pair.Leaf, now)
}

func outOfTime(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("tls.certificate ended on %s; have it renewed", leaf.NotAfter.Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("tls.certificate begins on %s; correct it, or this machine's clock", leaf.NotBefore.Format(time.RFC3339))
	}
	return nil
}

// TLSFault is what is wrong with the certificate files, looking again when the
// last look is a second old: unreadable, not belonging together, or out of their
// time. nil: nothing, or no TLS listener.
func (t *Transport) TLSFault() error {
	if t.files == nil {
		return nil
	}
	now := time.Now()
	inForce := t.files.current(now)
	t.files.mu.Lock()
	defer t.files.mu.Unlock()
	if t.files.fault != nil {
		return t.files.fault
	}
	return outOfTime(inForce.pair.Leaf, now)
}

// CertificateEnd is when the certificate in force ends; zero: no TLS listener.
func (t *Transport) CertificateEnd() time.Time {
	if t.files == nil {
		return time.Time{}
	}
	return t.files.current(time.Now()).pair.Leaf.NotAfter
}
