package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
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

// TestWrongPEM: files swapped, of another kind, or guarded by a pass phrase are
// told apart from a key of another certificate.
func TestWrongPEM(t *testing.T) {
	path, dir := file(t, "good_full.yaml")
	t.Setenv("RELEVE_TEST_5002", "other")
	certificate(t, dir, "cert.pem", "key.pem", 90*24*time.Hour)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	good := map[string]string{cert: read(t, cert), key: read(t, key)}
	certificate(t, dir, "cert.pem", "key.pem", 90*24*time.Hour)
	for name, c := range map[string]struct{ cert, key, want string }{
		"good":           {good[cert], good[key], ""},
		"swapped":        {good[key], good[cert], "holds no PEM certificate; holds no PEM private key"},
		"both in one":    {good[key] + good[cert], good[cert] + good[key], ""},
		"other":          {good[cert], read(t, key), "the key is not that of the certificate"},
		"text":           {"hello", good[key], "holds no PEM certificate"},
		"pkcs8 guarded":  {good[cert], "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n", "pass phrase"},
		"legacy guarded": {good[cert], "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMAA=\n-----END RSA PRIVATE KEY-----\n", "pass phrase"},
	} {
		write(t, cert, c.cert)
		write(t, key, c.key)
		_, problems, _ := Load(path, text.English)
		var said []string
		for _, p := range problems {
			if p.Code == CodeTLSFile {
				said = append(said, p.Message)
			}
		}
		for i, want := range strings.Split(c.want, "; ") {
			if (c.want == "") != (len(said) == 0) || want != "" && (len(said) <= i || !strings.Contains(said[i], want)) {
				t.Errorf("%s: %q, want %q", name, said, c.want)
			}
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
