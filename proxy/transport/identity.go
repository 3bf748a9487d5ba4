package transport

import (
	"crypto/x509"
	"encoding/asn1"
	"net/netip"
	"slices"
	"strings"
)

// This file decides for whom a certificate speaks (RFC 5922 §7). It is pure:
// the chain is verified elsewhere, before.

// subjectAltName (RFC 5280 §4.2.1.6).
var subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// speaksFor reports whether the certificate shows the SIP domain: whole and
// without regard to case, no wildcard matches anything (RFC 5922 §7.2). A domain
// that is an IP literal is looked for among the addresses too (our choice: §7
// does not speak of iPAddress, and sites without DNS have nothing else).
func speaksFor(c *x509.Certificate, domain string) bool {
	if addr, err := netip.ParseAddr(strings.Trim(domain, "[]")); err == nil {
		addr = addr.Unmap()
		return slices.Contains(addressesOf(c), addr) || slices.ContainsFunc(urisOf(c), func(host string) bool {
			a, err := netip.ParseAddr(host)
			return err == nil && a.Unmap() == addr
		})
	}
	domain, ok := canonical(domain)
	return ok && slices.Contains(domainsOf(c), domain)
}

// domainsOf lists the SIP domains of a certificate, in lower case: the sip: URIs
// of its SAN; when there is none the DNS names of its SAN; the CN only when
// there is no SAN at all (RFC 5922 §7.1).
func domainsOf(c *x509.Certificate) []string {
	var domains []string
	for _, host := range urisOf(c) {
		if name, ok := canonical(host); ok {
			domains = append(domains, name)
		}
	}
	if len(urisOf(c)) > 0 {
		return domains
	}
	for _, host := range c.DNSNames {
		if name, ok := canonical(host); ok {
			domains = append(domains, name)
		}
	}
	if !hasSAN(c) {
		if name, ok := canonical(c.Subject.CommonName); ok {
			return []string{name}
		}
	}
	return domains
}

// urisOf lists the hosts of the SAN's URIs that name a SIP domain: scheme sip,
// not sips, and no user part, which would name a person (RFC 5922 §7.1).
func urisOf(c *x509.Certificate) []string {
	var hosts []string
	for _, u := range c.URIs {
		if !strings.EqualFold(u.Scheme, "sip") || u.Opaque == "" || strings.Contains(u.Opaque, "@") {
			continue
		}
		host, _, _ := strings.Cut(u.Opaque, ";")
		if bracketed, rest, ok := strings.Cut(strings.TrimPrefix(host, "["), "]"); ok && strings.HasPrefix(host, "[") {
			if rest == "" || rest[0] == ':' {
				hosts = append(hosts, bracketed)
			}
			continue
		}
		host, _, _ = strings.Cut(host, ":")
		hosts = append(hosts, host)
	}
	return hosts
}

func addressesOf(c *x509.Certificate) []netip.Addr {
	var addrs []netip.Addr
	for _, ip := range c.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	return addrs
}

// hasSAN reports a SAN of any kind: one with e-mail addresses only keeps the CN
// from being read.
func hasSAN(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if e.Id.Equal(subjectAltName) {
			return true
		}
	}
	return false
}

// nameable reports whether any certificate could speak for the domain; empty
// stands for the address.
func nameable(domain string) bool {
	if _, err := netip.ParseAddr(strings.Trim(domain, "[]")); err == nil || domain == "" {
		return true
	}
	_, ok := canonical(domain)
	return ok
}

// canonical is the form in which DNS names are compared; false when it is none:
// empty, a wildcard, an address, or with bytes that no host name has.
func canonical(name string) (string, bool) {
	name = strings.TrimSuffix(name, ".")
	if name == "" {
		return "", false
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		default:
			return "", false
		}
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", false
	}
	return strings.ToLower(name), true
}
