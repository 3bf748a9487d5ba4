package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// certificates are the PEM files of a row that uses TLS.
type certificates struct {
	ca                string
	ipbx, ipbxKey     string
	releve, releveKey string
	servers           [2]string // certificate and key in one file: primary, secondary
}

// makeCertificates writes a certificate authority of the row and what it signs:
// one certificate for each address, which stands in it as an IP address and as
// the SIP domain (RFC 5922 §7.1).
func makeCertificates(dir string, n network) (*certificates, error) {
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "interop"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, root, root, &authority.PublicKey, authority)
	if err != nil {
		return nil, err
	}
	c := &certificates{ca: filepath.Join(dir, "ca.pem")}
	if err := writePEM(c.ca, "CERTIFICATE", raw); err != nil {
		return nil, err
	}
	var keys [2]string
	for i, leaf := range []struct {
		name      string
		addr      netip.Addr
		cert, key *string
	}{
		{"ipbx", n.addr(hostIPBX), &c.ipbx, &c.ipbxKey},
		{"releve", n.addr(hostReleve), &c.releve, &c.releveKey},
		{"primary", n.connecting(hostFirst).Addr(), &c.servers[0], &keys[0]},
		{"secondary", n.connecting(hostSecond).Addr(), &c.servers[1], &keys[1]},
	} {
		*leaf.cert, *leaf.key = filepath.Join(dir, leaf.name+".pem"), filepath.Join(dir, leaf.name+".key")
		if err := sign(root, authority, int64(i+2), leaf.addr, *leaf.cert, *leaf.key); err != nil {
			return nil, err
		}
	}
	for i := range c.servers {
		if err := join(c.servers[i], keys[i]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// join appends a key to its certificate.
func join(cert, key string) error {
	a, err := os.ReadFile(cert)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(key)
	if err != nil {
		return err
	}
	return os.WriteFile(cert, append(a, b...), 0o600)
}

func sign(root *x509.Certificate, authority *ecdsa.PrivateKey, serial int64, addr netip.Addr, cert, key string) error {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: addr.String()},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IP(addr.AsSlice())},
		URIs:        []*url.URL{{Scheme: "sip", Opaque: addr.String()}},
	}
	raw, err := x509.CreateCertificate(rand.Reader, leaf, root, &own.PublicKey, authority)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return err
	}
	if err := writePEM(cert, "CERTIFICATE", raw); err != nil {
		return err
	}
	return writePEM(key, "PRIVATE KEY", secret)
}

func writePEM(path, kind string, raw []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600)
}
