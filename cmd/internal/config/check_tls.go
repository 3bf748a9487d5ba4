package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"
)

// maxPEM bounds a certificate or key file, in bytes, our choice: a chain of
// RSA certificates stays far below.
const maxPEM = 1 << 20

// endsSoon is when a certificate's end is near, our choice: it leaves time to
// order a new one.
const endsSoon = 30 * 24 * time.Hour

// tls: who speaks TLS has a certificate and its key, readable, belonging
// together, and valid now.
func (k *checker) tls() {
	if who, path := k.speaksTLS(); who != "" && k.sound("tls.certificate", "tls.key") {
		for _, key := range []struct{ path, value string }{
			{"tls.certificate", k.TLS.Certificate}, {"tls.key", k.TLS.Key},
		} {
			if key.value == "" {
				k.fault(path, CodeTLSMissing, k.say.ConfigTLSMissing(who, key.path))
			}
		}
	}
	certificate, okCertificate := k.pem("tls.certificate", k.TLS.Certificate)
	private, okKey := k.pem("tls.key", k.TLS.Key)
	okCertificate = okCertificate && k.holdsCertificate(certificate)
	okKey = okKey && k.holdsKey(private)
	if okCertificate && okKey {
		k.pair(certificate, private)
	}
	if raw, ok := k.pem("tls.ca", k.TLS.CA); ok && !x509.NewCertPool().AppendCertsFromPEM(raw) {
		k.fault("tls.ca", CodeTLSFile, k.say.ConfigNoCertificate("tls.ca", k.TLS.CA))
	}
}

// speaksTLS returns the first listener or party that speaks TLS, and its place.
func (k *checker) speaksTLS() (who, path string) {
	for _, l := range k.Listen {
		if l.Transport == "tls" {
			return "tls://" + l.Address.String(), "listen"
		}
	}
	for _, p := range k.parties() {
		if p.uri.Network() == "tls" && !p.uri.IsZero() {
			return p.name, p.path
		}
	}
	return "", ""
}

// pem reads the file that path names.
func (k *checker) pem(path, file string) ([]byte, bool) {
	if file == "" || !k.sound(path) {
		return nil, false
	}
	raw, err := readBounded(file, maxPEM)
	if err != nil {
		k.fault(path, CodeTLSFile, k.say.ConfigTLSFile(path, file, k.say.Cause(plainCause(err))))
		return nil, false
	}
	return raw, true
}

// holdsCertificate tells a file of another kind (the key's, a DER one) from a
// certificate that does not go with its key.
func (k *checker) holdsCertificate(raw []byte) bool {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return true
		}
	}
	k.fault("tls.certificate", CodeTLSFile, k.say.ConfigNoCertificate("tls.certificate", k.TLS.Certificate))
	return false
}

// holdsKey: the file has a private key, and no pass phrase guards it, for there
// is nobody to type it when the service starts.
func (k *checker) holdsKey(raw []byte) bool {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		case strings.HasPrefix(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			k.fault("tls.key", CodeTLSFile, k.say.ConfigKeyEncrypted(k.TLS.Key))
			return false
		default:
			return true
		}
	}
	k.fault("tls.key", CodeTLSFile, k.say.ConfigNoKey(k.TLS.Key))
	return false
}

// pair: the key is that of the certificate, which is valid today and for a
// while.
func (k *checker) pair(certificate, private []byte) {
	pair, err := tls.X509KeyPair(certificate, private)
	if err != nil {
		k.fault("tls.certificate", CodeTLSFile, k.say.ConfigTLSPair(k.TLS.Certificate, k.TLS.Key, k.say.Cause(err.Error())))
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		k.fault("tls.certificate", CodeTLSFile, k.say.ConfigNoCertificate("tls.certificate", k.TLS.Certificate))
		return
	}
	switch now := time.Now(); {
	case now.Before(leaf.NotBefore):
		k.fault("tls.certificate", CodeTLSExpired, k.say.ConfigTLSEarly(k.TLS.Certificate, leaf.NotBefore))
	case !now.Before(leaf.NotAfter):
		k.fault("tls.certificate", CodeTLSExpired, k.say.ConfigTLSExpired(k.TLS.Certificate, leaf.NotAfter))
	case leaf.NotAfter.Sub(now) < endsSoon:
		k.advise("tls.certificate", CodeTLSEnding, k.say.ConfigTLSEnding(k.TLS.Certificate, leaf.NotAfter))
	}
}
