package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"releve/cmd/internal/config"
)

// How the speed of a safe write is tried: our choice.
const (
	syncWrites = 5
	syncBytes  = 4096
)

// disk looks at the store's directory, or at where it would be made; it writes
// one small file there, and takes it away.
func disk(dir string) DiskFacts {
	d := DiskFacts{Path: dir}
	info, err := os.Stat(dir)
	d.Exists = err == nil
	if err == nil && !info.IsDir() {
		d.Writable = unix.ENOTDIR.Error()
	}
	at := dir
	for !d.Exists && at != "/" && at != "." {
		at = filepath.Dir(at)
		if _, err := os.Stat(at); err == nil {
			break
		}
	}
	var s unix.Statfs_t
	if err := unix.Statfs(at, &s); err != nil {
		d.Why = err.Error()
	} else {
		size := uint64(s.Bsize)
		d.Free, d.Total, d.FreeNodes, d.AllNodes = s.Bavail*size, s.Blocks*size, s.Ffree, s.Files
	}
	switch {
	case d.Writable != "":
	case d.Exists:
		d.Syncs, d.Slowest, err = timed(dir)
		if err != nil {
			d.Writable = plain(err)
		}
	default:
		if err := unix.Access(at, unix.W_OK|unix.X_OK); err != nil {
			d.Writable = at + ": " + err.Error()
		}
	}
	return d
}

// timed writes and syncs a file in dir a few times: the slowest counts.
func timed(dir string) (n int, slowest time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, syncBytes)
	for n < syncWrites {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return n, slowest, err
		}
		if err := f.Sync(); err != nil {
			return n, slowest, err
		}
		slowest = max(slowest, time.Since(start))
		n++
	}
	return n, slowest, nil
}

// plain drops the path from an error that the sentence already names.
func plain(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func fileFacts(path string) FileFacts {
	f := FileFacts{File: path}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Missing, f.Why = true, plain(err)
	case err != nil:
		f.Why = plain(err)
	default:
		f.Mode = uint32(info.Mode().Perm())
	}
	return f
}

// secrets looks at every password that the configuration says is somewhere.
func secrets(c *config.Config) (out []SecretFacts) {
	add := func(s config.Secret) {
		switch {
		case s.File != "":
			f := fileFacts(s.File)
			if f.Why == "" {
				if opened, err := os.Open(s.File); err != nil {
					f.Why = plain(err)
				} else {
					_ = opened.Close()
				}
			}
			out = append(out, SecretFacts{FileFacts: f})
		case s.Env != "":
			out = append(out, SecretFacts{Env: s.Env, Unset: os.Getenv(s.Env) == ""})
		}
	}
	for _, u := range c.Registration.Users {
		add(u.Password)
	}
	for _, k := range c.Checks {
		add(k.Password)
	}
	add(c.Mirror.Main.Password)
	add(c.Mirror.Mirror.Password)
	add(c.Alarms.Mail.Password)
	add(c.Store.Password)
	for _, s := range []config.Secret{c.Alarms.SNMP.Community, c.Alarms.SNMP.AuthPassword, c.Alarms.SNMP.PrivPassword} {
		add(s)
	}
	for _, w := range c.Alarms.Webhooks {
		add(w.URLSecret)
		add(w.Secret)
	}
	return out
}

// certificates are those of SIP and of the alarm screen.
func certificates(c *config.Config) (out []CertificateFacts) {
	if c.TLS.Certificate != "" || speaksTLS(c) {
		f, leaf := certificate(c.TLS.Certificate, c.TLS.Key, c.TLS.CA)
		for _, l := range c.Listen {
			if leaf != nil && l.Transport == "tls" && !covers(leaf, l.Advertise.Addr()) {
				f.MissingName = l.Advertise.Addr().String()
			}
		}
		out = append(out, f)
	}
	if c.Admin.Listen.IsValid() && c.Admin.Secured() {
		f, _ := certificate(c.Admin.TLS.Certificate, c.Admin.TLS.Key, "")
		f.Untrusted = false // browsers have authorities of their own
		out = append(out, f)
	}
	return out
}

// certificate reads a chain and its key as a listener does.
func certificate(file, key, ca string) (CertificateFacts, *x509.Certificate) {
	f := CertificateFacts{File: file}
	pair, err := tls.LoadX509KeyPair(file, key)
	if err != nil {
		f.Why = plain(err)
		return f, nil
	}
	chain := make([]*x509.Certificate, 0, len(pair.Certificate))
	for _, raw := range pair.Certificate {
		one, err := x509.ParseCertificate(raw)
		if err != nil {
			f.Why = err.Error()
			return f, nil
		}
		chain = append(chain, one)
	}
	leaf := chain[0]
	f.Name, f.Issuer, f.Start, f.End = leaf.Subject.CommonName, leaf.Issuer.CommonName, leaf.NotBefore, leaf.NotAfter
	if f.Name == "" && len(leaf.DNSNames) > 0 {
		f.Name = leaf.DNSNames[0]
	}
	f.Untrusted = !trusted(chain, ca)
	return f, leaf
}

func speaksTLS(c *config.Config) bool {
	for _, l := range c.Listen {
		if l.Transport == "tls" {
			return true
		}
	}
	for _, p := range peers(c) {
		if p.uri.Network() == "tls" {
			return true
		}
	}
	return false
}

// trusted follows the chain to tls.ca, else to the system's authorities. A
// certificate that is over, or not yet valid, is judged apart.
func trusted(chain []*x509.Certificate, ca string) bool {
	o := x509.VerifyOptions{
		Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, CurrentTime: time.Now(),
	}
	if leaf := chain[0]; o.CurrentTime.Before(leaf.NotBefore) || !o.CurrentTime.Before(leaf.NotAfter) {
		o.CurrentTime = leaf.NotBefore.Add(time.Second)
	}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	if ca != "" {
		raw, err := os.ReadFile(ca)
		if err != nil {
			return false
		}
		o.Roots = x509.NewCertPool()
		o.Roots.AppendCertsFromPEM(raw)
	}
	_, err := chain[0].Verify(o)
	return err == nil
}

// covers: peers that call the address by a name check that name; one that
// calls the address itself wants it in the certificate (RFC 5922 §7.1).
func covers(leaf *x509.Certificate, a netip.Addr) bool {
	return len(leaf.DNSNames) > 0 || leaf.VerifyHostname(a.String()) == nil
}
