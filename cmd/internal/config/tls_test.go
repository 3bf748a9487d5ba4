package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/text"
)

// certificate writes a self-signed certificate that ends in left (past when
// negative), and its key.
func certificate(t *testing.T, dir, cert, key string, left time.Duration) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(left)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"releve.example"},
		NotBefore: end.Add(-400 * 24 * time.Hour), NotAfter: end,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, cert), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, filepath.Join(dir, key), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}

// TestCertificateAge: an ended certificate and one of tomorrow are refused, one
// that ends within 30 days is said.
func TestCertificateAge(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		left   time.Duration
		code   Code
		advice bool
	}{
		{-day, CodeTLSExpired, false},
		{500 * day, CodeTLSExpired, false}, // begins in 100 days
		{29 * day, CodeTLSEnding, true},
		{31 * day, "", false},
	} {
		path, dir := file(t, "good_full.yaml")
		t.Setenv("RELEVE_TEST_5002", "other")
		certificate(t, dir, "cert.pem", "key.pem", c.left)
		_, problems, err := Load(path, text.English)
		found := ""
		for _, p := range problems {
			if strings.HasPrefix(p.Path, "tls.") {
				found += string(p.Code)
				if p.Advice != c.advice {
					t.Errorf("%v: advice %v: %s", c.left, p.Advice, p)
				}
			}
		}
		if found != string(c.code) || (err != nil) != (c.code != "" && !c.advice) {
			t.Errorf("%v left: %q %v, want %q", c.left, found, err, c.code)
		}
	}
}
