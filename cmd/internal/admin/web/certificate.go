package web

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"

	"releve/cmd/internal/config"
)

// recheck is how often the certificate files are looked at, our choice: as on the
// SIP side, and never more often, whatever the handshakes.
const recheck = time.Second

// certificate holds the pair in force and takes new files without a restart. Files
// that cannot be used leave the former ones in force.
type certificate struct {
	files config.AdminTLS

	mu      sync.Mutex // guards what follows
	checked time.Time
	stamps  [2]stamp
	pair    *tls.Certificate
	fault   error // of the last look; nil: what is in force is what the files hold
}

// stamp tells two contents of a file apart without reading it.
type stamp struct {
	changed time.Time
	size    int64
}

func stampOf(path string) stamp {
	i, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{i.ModTime(), i.Size()}
}

// newCertificate needs a usable pair: without one nobody could log in.
func newCertificate(files config.AdminTLS) (*certificate, error) {
	c := &certificate{files: files}
	c.look(time.Now())
	if c.pair == nil {
		return nil, c.fault
	}
	return c, nil
}

func (c *certificate) look(now time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.checked.IsZero() && now.Sub(c.checked) < recheck {
		return c.pair
	}
	c.checked = now
	stamps := [2]stamp{stampOf(c.files.Certificate), stampOf(c.files.Key)}
	if stamps == c.stamps && c.fault == nil {
		return c.pair
	}
	c.stamps = stamps
	pair, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	if err == nil && pair.Leaf == nil {
		pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	if err != nil {
		c.fault = fmt.Errorf("read admin.tls.certificate %s and admin.tls.key %s: %w; put a pair that belongs together there", c.files.Certificate, c.files.Key, err)
		return c.pair
	}
	c.pair, c.fault = &pair, nil
	return c.pair
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.look(time.Now()), nil
}

func (c *certificate) state(now time.Time) (end time.Time, fault error) {
	pair := c.look(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault == nil && now.After(pair.Leaf.NotAfter) {
		return pair.Leaf.NotAfter, fmt.Errorf("admin.tls.certificate ended on %s; have it renewed", pair.Leaf.NotAfter.Format(time.RFC3339))
	}
	return pair.Leaf.NotAfter, c.fault
}
