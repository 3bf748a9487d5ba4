package mirror

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// TLS to the databases. PostgreSQL's is pgx's own: sslmode, sslrootcert, sslcert and
// sslkey of the address, as libpq has them. MySQL's is here, in the words of its
// own clients:
//
//	tls       true (certificate and name are verified), skip-verify, preferred, false
//	ssl-ca    PEM file of the authorities to believe; "": the system's
//	ssl-cert, ssl-key   PEM files of our certificate and its key; "": none
//
// Any file says tls=true. Files are read at the start, and again while the database
// refuses us or we it: a renewed certificate counts without a reload.

// secure reads the TLS settings of an address of MySQL.
func secure(config *mysql.Config, settings url.Values) error {
	mode, files := "", map[string]string{}
	for key, values := range settings {
		switch value := values[0]; {
		case key == "tls" && (value == "true" || value == "false" || value == "skip-verify" || value == "preferred"):
			mode = value
		case key == "ssl-ca" || key == "ssl-cert" || key == "ssl-key":
			files[key] = value
		default:
			return fmt.Errorf("read the address: %s=%s is not known; only tls=true, skip-verify, preferred or false, and ssl-ca, ssl-cert, ssl-key", key, value)
		}
	}
	switch {
	case len(files) == 0:
		config.TLSConfig = mode
		return nil
	case mode == "false":
		return errors.New("read the address: tls=false, and files for TLS; remove one of them")
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: mode == "skip-verify" || mode == "preferred"}
	config.TLS, config.AllowFallbackToPlaintext = c, mode == "preferred"
	if file := files["ssl-ca"]; file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read ssl-ca: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(raw) {
			return fmt.Errorf("read ssl-ca: %s holds no certificate", file)
		}
	}
	if files["ssl-cert"] == "" && files["ssl-key"] == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(files["ssl-cert"], files["ssl-key"])
	if err != nil {
		return fmt.Errorf("read ssl-cert and ssl-key: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

// untrusted finds what kept an encrypted connection from being made; nil: nothing of
// the kind. The other end is there: it answered, and one of us does not believe the
// other. pgx says with a plain error that the server speaks no TLS.
func untrusted(err error) error {
	var verified *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case errors.As(err, &verified):
		return verified.Err
	case errors.As(err, &header):
		return header
	case errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error"):
		return alert.Err // crypto/tls: an alert, theirs or ours
	case errors.Is(err, mysql.ErrNoTLS):
		return mysql.ErrNoTLS
	case errors.Is(err, errOurCertificate):
		return errOurCertificate
	case err != nil && strings.Contains(err.Error(), "server refused TLS connection"):
		return errors.New("the server refused TLS")
	}
	return nil
}

// fileKeys are the settings of an address that name a file, of either kind.
var fileKeys = [...]string{"ssl-ca", "ssl-cert", "ssl-key", "sslrootcert", "sslcert", "sslkey"}

func hasFiles(u *url.URL) bool {
	for _, key := range fileKeys {
		if u.Query().Has(key) {
			return true
		}
	}
	return false
}

// renewed asks through a source that is made anew, its files read again, after each
// answer that they may be the cause of.
type renewed struct {
	again func() source

	mu  sync.Mutex
	now source // guarded by mu; replaced by the asking goroutine alone
}

func (r *renewed) source() source {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *renewed) ask(ctx context.Context, beat uint64) Answer {
	s := r.source()
	a := s.ask(ctx, beat)
	if _, unread := s.(unreadable); !unread && a.Reach != Denied {
		return a
	}
	s.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.again()
	return a
}

func (r *renewed) measure(ctx context.Context) int64 { return r.source().measure(ctx) }
func (r *renewed) close()                            { r.source().close() }
