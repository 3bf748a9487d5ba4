package app

import (
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/health/alarm"
	"releve/testbed/tlstest"
)

// What the sockets bound was once counted where no operator could read it.
func TestWireIsCountedForMonitoring(t *testing.T) {
	s := still(t)
	w := httptest.NewRecorder()
	s.node.metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	want := []string{`releve_connections 0`, `releve_source_dropped_total{source="ipbx"} 0`, `releve_source_dropped_total{source="principal"} 0`}
	for _, e := range wireEvents {
		want = append(want, `releve_wire_total{event="`+e.name+`"} 0`)
	}
	for _, line := range want {
		if !strings.Contains(w.Body.String(), "\n"+line+"\n") {
			t.Errorf("no %s", line)
		}
	}
}

// Certificates that end soon, or that cannot be used, were once known to the
// sockets alone.
func TestCertificatesAreWatched(t *testing.T) {
	t.Parallel() // it waits
	var ca *tlstest.Authority
	s := stillWith(t, func(dir, body string) string {
		var err error
		if ca, err = tlstest.NewAuthority(dir, "authority"); err != nil {
			t.Fatal(err)
		}
		issue(t, ca, 40*24*time.Hour)
		body = strings.Replace(body, "keys:", fmt.Sprintf("  - {address: \"tls://%s\"}\nkeys:", freePort(t, "127.0.41.9")), 1)
		return body + fmt.Sprintf("tls: {certificate: %[1]s/releve.pem, key: %[1]s/releve.key, ca: %[1]s/authority.pem}\n", dir)
	})
	m := s.node.mind
	look := func(what string, ending, broken bool) {
		t.Helper()
		m.certificates(time.Now())
		if s.alarmed(alarm.CertificateEnding) != ending || s.alarmed(alarm.CertificateBroken) != broken {
			t.Errorf("%s: ending %v, broken %v", what, s.alarmed(alarm.CertificateEnding), s.alarmed(alarm.CertificateBroken))
		}
	}
	look("forty days left", false, false)
	m.certificates(time.Now().Add(35 * 24 * time.Hour))
	if a := s.node.Alarms(t.Context()); len(a) != 1 || a[0].Number != uint16(alarm.CertificateEnding) || a[0].Severity != "major" {
		t.Errorf("five days left: %+v", a)
	}
	look("renewed", false, false)
	if err := os.WriteFile(filepath.Join(s.dir, "releve.key"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.until("the files that do not belong together are seen", func() bool {
		m.certificates(time.Now())
		return s.alarmed(alarm.CertificateBroken)
	})
	issue(t, ca, 40*24*time.Hour)
	s.until("the new pair is seen", func() bool {
		m.certificates(time.Now())
		return !s.alarmed(alarm.CertificateBroken)
	})
}

// An IPBX that calls by TCP from an address which ipbx.sources lacks comes back
// too seldom for three refusals in a minute: nothing once told of it.
func TestOneConnectionOfAStrangerIsTold(t *testing.T) {
	at := freePort(t, "127.0.41.9")
	s := stillWith(t, func(_, body string) string {
		return strings.Replace(body, "keys:", fmt.Sprintf("  - {address: \"tcp://%s\"}\nkeys:", at), 1)
	})
	s.node.wire.Start()
	m := s.boot()
	now := time.Now()
	m.count(now)
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 41, 66)}}
	if c, err := from.Dial("tcp", at.String()); err == nil { // the reset may come first
		defer c.Close()
	}
	s.until("the connection is refused", func() bool { return s.node.wire.Counters().ConnectionsRefused == 1 })
	m.count(now.Add(time.Second))
	if a := s.node.Alarms(t.Context()); len(a) != 1 || a[0].Number != uint16(alarm.UnknownSource) || a[0].Object != "127.0.41.66" {
		t.Errorf("%+v", a)
	}
}

func issue(t *testing.T, ca *tlstest.Authority, lasts time.Duration) {
	t.Helper()
	if _, err := ca.Issue(tlstest.Leaf{Name: "releve", SANs: []string{"127.0.41.9"}, NotAfter: time.Now().Add(lasts)}); err != nil {
		t.Fatal(err)
	}
}
