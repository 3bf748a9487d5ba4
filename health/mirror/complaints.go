package mirror

import (
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// complaints keeps the last that MySQL's driver said in its log, where alone it says
// why a connection broke, and whether TLS was agreed with our certificate shown. With
// TLS 1.3 a server looks at it after that: it breaks the connection then, and its
// alert may be lost with it (RFC 8446 §4.4.4, our end has nothing more to wait for).
// For concurrent use.
type complaints struct {
	mu     sync.Mutex
	last   error
	agreed bool // since forget
}

// errOurCertificate: nobody who is down agrees on TLS first.
var errOurCertificate = errors.New("tls: it broke the connection when it had seen our certificate")

// follow watches the handshakes of c, where a certificate of ours is shown; nil: none.
func (c *complaints) follow(config *tls.Config) {
	if config == nil || len(config.Certificates) == 0 {
		return
	}
	config.VerifyConnection = func(tls.ConnectionState) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.agreed = true
		return nil
	}
}

func (c *complaints) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.agreed = nil, false
}

// Print is what the driver calls.
func (c *complaints) Print(v ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range v {
		if err, ok := one.(error); ok {
			c.last = err
		}
	}
}

// unexplained: the driver says no more than that a connection broke; one of its errors for
// that has no name outside.
func unexplained(err error) bool {
	return errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) || err.Error() == "bad connection"
}

// explain gives a broken connection its reason.
func (c *complaints) explain(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !unexplained(err):
		return err
	case c.agreed && untrusted(c.last) == nil:
		return errOurCertificate
	case c.last != nil:
		return c.last
	}
	return err
}
