package transport

import (
	"crypto/tls"
	"os"
	"strings"
	"testing"
	"time"

	"releve/testbed/tlstest"
)

// shown is the name in the certificate that a new connection gets.
func shown(t *testing.T, tr *Transport, s site) string {
	t.Helper()
	c := dialTLS(t, tr.Addr(0), s.client(t))
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0].URIs[0].Opaque
}

// New files serve without a restart; broken ones leave the old in force, are
// counted once, and are known.
func TestCertificatesReadAgain(t *testing.T) {
	s := newSite(t)
	limits := defaultLimits()
	limits.recheck = 0
	r := newRecorder()
	tr := startWith(t, s.on("127.0.36.1:0"), r, limits)
	old := dialTLS(t, tr.Addr(0), s.client(t))
	expect := func(step, name, fault string, faults uint64) {
		t.Helper()
		if got := shown(t, tr, s); got != name {
			t.Errorf("%s: shows %s, want %s", step, got, name)
		}
		err := tr.TLSFault()
		if (err == nil) != (fault == "") || (err != nil && !strings.Contains(err.Error(), fault)) {
			t.Errorf("%s: fault %v, want %q", step, err, fault)
		}
		if got := tr.Counters().CertificateFaults; got != faults {
			t.Errorf("%s: %d faults counted, want %d", step, got, faults)
		}
	}
	expect("at start", "releve.example", "", 0)
	s.issue(t, tlstest.Leaf{Name: "ours", SANs: sans("sip:next.example")})
	expect("renewed", "next.example", "", 0)

	key, err := os.ReadFile(s.ours.Key)
	if err != nil {
		t.Fatal(err)
	}
	other := s.issue(t, tlstest.Leaf{Name: "other", SANs: sans("sip:third.example")})
	replace := func(path string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	replace(s.ours.Key, []byte("no key"))
	expect("key broken", "next.example", "tls.key", 1)
	if err := os.Remove(s.ours.Key); err != nil {
		t.Fatal(err)
	}
	expect("key gone", "next.example", "tls.key", 2)
	replace(s.ours.Key, key)
	expect("key back", "next.example", "", 2)

	thirdCert, err := os.ReadFile(other.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	thirdKey, err := os.ReadFile(other.Key)
	if err != nil {
		t.Fatal(err)
	}
	replace(s.ours.Certificate, thirdCert)
	expect("half replaced", "next.example", "belongs together", 3)
	replace(s.ours.Key, thirdKey)
	expect("replaced", "third.example", "", 3)

	s.issue(t, tlstest.Leaf{Name: "ours", SANs: sans("sip:late.example"), NotAfter: time.Now().Add(-time.Minute)})
	expect("expired", "third.example", "ended on", 4)
	replace(s.ca.File, []byte("no authority"))
	s.issue(t, tlstest.Leaf{Name: "ours", SANs: sans("sip:fourth.example")})
	expect("authority broken", "third.example", "tls.ca", 5)
	if got := tr.Counters().CertificatesRead; got != 4 { // at start, renewed, key back, replaced
		t.Errorf("read %d times", got)
	}

	say(t, old, bye) // who is connected did not notice
	r.count(t, 1)
}

// A new authority is trusted, and the old one no longer, from the next handshake on.
func TestAuthorityReadAgain(t *testing.T) {
	s, next := newSite(t, "sip:far.example"), newSite(t, "sip:far.example")
	limits := defaultLimits()
	limits.recheck = 0
	c := s.on("127.0.36.2:0")
	c.TLS.Client = tls.RequireAndVerifyClientCert
	r := newRecorder()
	tr := startWith(t, c, r, limits)
	try := func(who site) error {
		conn := tls.Client(streamTo(t, tr.Addr(0)), s.client(t, who.far))
		defer func() { _ = conn.Close() }()
		if _, err := conn.Write([]byte("\r\n\r\n")); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 2))
		return err
	}
	if err := try(s); err != nil {
		t.Fatal(err)
	}
	if err := try(next); err == nil {
		t.Fatal("a stranger's certificate was taken")
	}
	pem, err := os.ReadFile(next.ca.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.ca.File, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := try(next); err != nil {
		t.Fatal(err)
	}
	if err := try(s); err == nil {
		t.Fatal("the old authority's certificate was taken")
	}
}

func TestTLSConfigRefused(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		name, want string
		change     func(*TLSConfig)
	}{
		{"no such file", "tls.certificate", func(c *TLSConfig) { c.Certificate += "x" }},
		{"another's key", "belongs together", func(c *TLSConfig) { c.Key = s.far.Key }},
		{"no authority in the file", "tls.ca", func(c *TLSConfig) { c.CA = s.ours.Key }},
		{"version", "1.2 or 1.3", func(c *TLSConfig) { c.MinVersion = tls.VersionTLS11 }},
		{"required of whom", "give tls.ca", func(c *TLSConfig) { c.Client, c.CA = tls.RequireAndVerifyClientCert, "" }},
	} {
		config := s.on("127.0.36.3:0")
		c.change(config.TLS)
		tr, err := New(config, newRecorder())
		if err == nil {
			tr.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// An expired certificate must not keep calls away from UDP and TCP.
func TestExpiredAtStart(t *testing.T) {
	s := newSite(t)
	end := time.Now().Add(-time.Hour).Truncate(time.Second)
	s.issue(t, tlstest.Leaf{Name: "ours", SANs: sans("sip:releve.example"), NotBefore: end.Add(-time.Hour), NotAfter: end})
	tr := start(t, s.on("127.0.36.4:0"), newRecorder())
	if got := shown(t, tr, s); got != "releve.example" {
		t.Errorf("shows %s", got)
	}
	if err := tr.TLSFault(); err == nil || !tr.CertificateEnd().Equal(end) {
		t.Errorf("fault %v, end %s", err, tr.CertificateEnd())
	}
}

func TestLowestVersion(t *testing.T) {
	s := newSite(t)
	c := s.on("127.0.36.5:0")
	c.TLS.MinVersion = tls.VersionTLS13
	tr := start(t, c, newRecorder())
	with := s.client(t)
	with.MaxVersion = tls.VersionTLS12
	if err := tls.Client(streamTo(t, tr.Addr(0)), with).Handshake(); err == nil {
		t.Error("TLS 1.2 was served")
	}
	dialTLS(t, tr.Addr(0), s.client(t))
}
