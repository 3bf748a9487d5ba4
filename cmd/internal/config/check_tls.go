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
	k.keyPair("tls", k.TLS.Certificate, k.TLS.Key)
	if raw, ok := k.pem("tls.ca", k.TLS.CA); ok && !x509.NewCertPool().AppendCertsFromPEM(raw) {
		k.fault("tls.ca", CodeTLSFile, k.say.ConfigNoCertificate("tls.ca", k.TLS.CA))
	}
}

// keyPair judges the certificate and the key of a section.
func (k *checker) keyPair(section, certificate, key string) {
	chain, okCertificate := k.pem(section+".certificate", certificate)
	private, okKey := k.pem(section+".key", key)
	okCertificate = okCertificate && k.holdsCertificate(section+".certificate", certificate, chain)
	okKey = okKey && k.holdsKey(section+".key", key, private)
	if okCertificate && okKey {
		k.pair(section+".certificate", certificate, key, chain, private)
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
func (k *checker) holdsCertificate(path, file string, raw []byte) bool {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return true
		}
	}
	k.fault(path, CodeTLSFile, k.say.ConfigNoCertificate(path, file))
	return false
}

// holdsKey: the file has a private key, and no pass phrase guards it, for there
// is nobody to type it when the service starts.
func (k *checker) holdsKey(path, file string, raw []byte) bool {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		case strings.HasPrefix(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			k.fault(path, CodeTLSFile, k.say.ConfigKeyEncrypted(path, file))
			return false
		default:
			return true
		}
	}
	k.fault(path, CodeTLSFile, k.say.ConfigNoKey(path, file))
	return false
}

// pair: the key is that of the certificate, which is valid today and for a
// while.
func (k *checker) pair(path, file, key string, certificate, private []byte) {
	pair, err := tls.X509KeyPair(certificate, private)
	if err != nil {
		k.fault(path, CodeTLSFile, k.say.ConfigTLSPair(file, key, k.say.Cause(err.Error())))
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		k.fault(path, CodeTLSFile, k.say.ConfigNoCertificate(path, file))
		return
	}
	switch now := time.Now(); {
	case now.Before(leaf.NotBefore):
		k.fault(path, CodeTLSExpired, k.say.ConfigTLSEarly(file, leaf.NotBefore))
	case !now.Before(leaf.NotAfter):
		k.fault(path, CodeTLSExpired, k.say.ConfigTLSExpired(file, leaf.NotAfter))
	case leaf.NotAfter.Sub(now) < endsSoon:
		k.advise(path, CodeTLSEnding, k.say.ConfigTLSEnding(file, leaf.NotAfter))
	}
}
