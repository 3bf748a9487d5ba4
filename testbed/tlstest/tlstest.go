// Package tlstest makes certificates for tests and for the test bed: an
// authority and what it signs, as PEM files in a directory. Keys are fresh each
// time; nothing here is secret. An Authority is not safe for concurrent use.
package tlstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Authority signs certificates.
type Authority struct {
	File string // its own certificate
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Leaf is a certificate to be made.
type Leaf struct {
	Name string // of the files: NAME.pem and NAME.key; what is there is replaced
	// SANs are told apart by their form: an IP address, a URI (scheme:…), an
	// e-mail address, else a DNS name. None: the certificate has no SAN.
	SANs       []string
	CommonName string
	NotBefore  time.Time          // zero: an hour ago
	NotAfter   time.Time          // zero: in a day
	Usages     []x509.ExtKeyUsage // nil: serverAuth and clientAuth
}

// Pair names the files of a certificate and its key.
type Pair struct{ Certificate, Key string }

// NewAuthority makes an authority and writes its certificate to dir/NAME.pem.
func NewAuthority(dir, name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the authority's key: %w", err)
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign the authority: %w", err)
	}
	a := &Authority{File: filepath.Join(dir, name+".pem"), dir: dir, key: key}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return a, write(a.File, "CERTIFICATE", der)
}

// Pool holds the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// Issue makes a key and a certificate for it and writes both.
func (a *Authority) Issue(l Leaf) (Pair, error) {
	p := Pair{Certificate: filepath.Join(a.dir, l.Name+".pem"), Key: filepath.Join(a.dir, l.Name+".key")}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return p, fmt.Errorf("make the key of %s: %w", l.Name, err)
	}
	c, err := l.template()
	if err != nil {
		return p, err
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return p, fmt.Errorf("sign %s: %w", l.Name, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return p, fmt.Errorf("write the key of %s: %w", l.Name, err)
	}
	if err := write(p.Key, "PRIVATE KEY", keyDER); err != nil {
		return p, err
	}
	return p, write(p.Certificate, "CERTIFICATE", der)
}

func (l Leaf) template() (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: l.CommonName},
		NotBefore: l.NotBefore, NotAfter: l.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: l.Usages,
	}
	if c.NotBefore.IsZero() {
		c.NotBefore = time.Now().Add(-time.Hour)
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(24 * time.Hour)
	}
	if c.ExtKeyUsage == nil {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	for _, name := range l.SANs {
		switch ip := net.ParseIP(name); {
		case ip != nil:
			c.IPAddresses = append(c.IPAddresses, ip)
		case strings.Contains(name, ":"):
			u, err := url.Parse(name)
			if err != nil {
				return nil, fmt.Errorf("alternative name %q: %w", name, err)
			}
			c.URIs = append(c.URIs, u)
		case strings.Contains(name, "@"):
			c.EmailAddresses = append(c.EmailAddresses, name)
		default:
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return c, nil
}

// write replaces a file whole: who reads it meanwhile sees the old or the new.
func write(path, kind string, der []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", kind, err)
	}
	return os.Rename(next, path)
}
