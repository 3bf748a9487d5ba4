package transport

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// certificate is one as parsed, with the alternative names given as in tlstest.
func certificate(cn string, sans ...string) *x509.Certificate {
	c := &x509.Certificate{}
	c.Subject.CommonName = cn
	for _, s := range sans {
		ip := net.ParseIP(s)
		switch {
		case ip != nil:
			c.IPAddresses = append(c.IPAddresses, ip)
		case strings.Contains(s, ":"):
			u, err := url.Parse(s)
			if err != nil {
				panic(err)
			}
			c.URIs = append(c.URIs, u)
		case strings.Contains(s, "@"):
			c.EmailAddresses = append(c.EmailAddresses, s)
		default:
			c.DNSNames = append(c.DNSNames, s)
		}
	}
	if len(sans) > 0 {
		c.Extensions = []pkix.Extension{{Id: subjectAltName}}
	}
	return c
}

func sans(s ...string) []string { return s }

func TestSpeaksFor(t *testing.T) {
	for _, c := range []struct {
		name, cn string
		sans     []string
		domain   string
		want     bool
	}{
		{"URI", "", sans("sip:example.com"), "example.com", true},
		{"URI, other case", "", sans("SIP:Example.COM"), "eXample.com", true},
		{"URI with port and parameters", "", sans("sip:example.com:5061;transport=tls"), "example.com", true},
		{"URI of another", "", sans("sip:example.org"), "example.com", false},
		{"URI of a subdomain", "", sans("sip:sip.example.com"), "example.com", false},
		{"URI of a parent", "", sans("sip:example.com"), "sip.example.com", false},
		{"second URI", "", sans("sip:a.example", "sip:b.example"), "b.example", true},
		{"URI of a person", "", sans("sip:alice@example.com"), "example.com", false},
		{"URI sips", "", sans("sips:example.com"), "example.com", false},
		{"URI http", "", sans("http://example.com"), "example.com", false},
		{"sip with slashes", "", sans("sip://example.com"), "example.com", false},
		{"wildcard URI", "", sans("sip:*.example.com"), "sip.example.com", false},
		{"DNS", "", sans("example.com"), "Example.com", true},
		{"DNS, root given", "", sans("example.com"), "example.com.", true},
		{"DNS beside a URI does not count", "", sans("sip:other.example", "example.com"), "example.com", false},
		{"DNS beside a person's URI", "", sans("sip:alice@example.com", "example.com"), "example.com", true},
		{"DNS beside a foreign URI", "", sans("spiffe://x/y", "example.com"), "example.com", true},
		{"wildcard", "", sans("*.example.com"), "sip.example.com", false},
		{"wildcard asked for", "", sans("*.example.com"), "*.example.com", false},
		{"wildcard inside", "", sans("s*.example.com"), "sip.example.com", false},
		{"CN without SAN", "Example.com", nil, "example.com", true},
		{"CN beside a DNS name", "example.com", sans("other.example"), "example.com", false},
		{"CN beside an e-mail address", "example.com", sans("a@example.com"), "example.com", false},
		{"CN beside an address", "example.com", sans("192.0.2.1"), "example.com", false},
		{"CN wildcard", "*.example.com", nil, "sip.example.com", false},
		{"CN of a person", "Relève example.com", nil, "example.com", false},
		{"CN that folds to ASCII", "example.\u212aom", nil, "example.kom", false},
		{"CN an address", "192.0.2.1", nil, "192.0.2.1", false},
		{"address", "", sans("192.0.2.1"), "192.0.2.1", true},
		{"address of another", "", sans("192.0.2.2"), "192.0.2.1", false},
		{"address beside a URI", "", sans("sip:example.com", "192.0.2.1"), "192.0.2.1", true},
		{"address in a URI", "", sans("sip:192.0.2.1:5061"), "192.0.2.1", true},
		{"address as a DNS name", "", sans("sip:x@y", "192.0.2.1.example"), "192.0.2.1", false},
		{"IPv6", "", sans("2001:db8::1"), "2001:DB8:0::1", true},
		{"IPv6 in brackets", "", sans("2001:db8::1"), "[2001:db8::1]", true},
		{"IPv6 in a URI", "", sans("sip:[2001:db8::1]:5061"), "2001:db8::1", true},
		{"IPv4 mapped", "", sans("192.0.2.1"), "::ffff:192.0.2.1", true},
		{"nothing asked for", "", sans("example.com"), "", false},
		{"nothing shown", "", nil, "example.com", false},
		{"nothing at all", "", nil, "", false},
	} {
		if got := speaksFor(certificate(c.cn, c.sans...), c.domain); got != c.want {
			t.Errorf("%s: CN %q, SAN %q for %q: %v, want %v", c.name, c.cn, c.sans, c.domain, got, c.want)
		}
	}
}

func TestIdentitiesOf(t *testing.T) {
	c := certificate("cn.example", "sip:B.example", "sip:192.0.2.7", "a.example", "192.0.2.1", "2001:db8::1")
	want := []string{"b.example", "192.0.2.7", "192.0.2.1", "2001:db8::1"}
	if got := identitiesOf(c); !slices.Equal(got, want) {
		t.Errorf("identities %q, want %q", got, want)
	}
}

func FuzzSpeaksFor(f *testing.F) {
	for _, s := range []string{"sip:example.com", "example.com", "sip:[::1", "sip:]", "*.example.com", "sip:;x", "[::1]"} {
		f.Add(s, "example.com")
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, san, domain string) {
		c := &x509.Certificate{DNSNames: []string{san}}
		if u, err := url.Parse(san); err == nil {
			c.URIs = []*url.URL{u}
		}
		// Whatever it speaks for, it names: no match out of nothing.
		if speaksFor(c, domain) && !strings.Contains(strings.ToLower(san), strings.ToLower(strings.Trim(domain, "[]."))) {
			if _, err := netip.ParseAddr(strings.Trim(domain, "[]")); err != nil {
				t.Fatalf("%q speaks for %q", san, domain)
			}
		}
	})
}
