package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
)

// URI is a SIP address of the configuration: sip:user@host:port;transport=….
type URI struct {
	User      string
	Host      string         // as written; the domain of an AOR may be a name
	Addr      netip.AddrPort // zero when Host is a name
	Transport string         // udp or tcp
}

// IsZero says that no address was configured.
func (u URI) IsZero() bool { return u == URI{} }

// String prints the address as the configuration takes it.
func (u URI) String() string {
	if u.IsZero() {
		return ""
	}
	var b strings.Builder
	b.WriteString("sip:")
	if u.User != "" {
		b.WriteString(u.User + "@")
	}
	if u.Addr.IsValid() {
		b.WriteString(u.Addr.String())
	} else {
		b.WriteString(u.Host)
	}
	if u.Transport == "tcp" {
		b.WriteString(";transport=tcp")
	}
	return b.String()
}

// AOR prints the address of record: no port, no parameter (RFC 3261 §10.2).
func (u URI) AOR() string {
	if u.User == "" {
		return "sip:" + u.Host
	}
	return "sip:" + u.User + "@" + u.Host
}

// uriFault says why a SIP address was refused.
type uriFault uint8

const (
	uriOK uriFault = iota
	uriMalformed
	uriName // the host is a name
	uriTLS  // sips or transport=tls
)

// parseURI reads a SIP address. With uriName the rest of the URI is filled.
func parseURI(s string) (URI, uriFault) {
	u := URI{Transport: "udp"}
	scheme, rest, _ := strings.Cut(s, ":")
	switch strings.ToLower(scheme) {
	case "sip":
	case "sips":
		return URI{}, uriTLS
	default:
		return URI{}, uriMalformed
	}
	if strings.ContainsAny(rest, " \t<>?\"") {
		return URI{}, uriMalformed
	}
	hostport, params, _ := strings.Cut(rest, ";")
	if i := strings.LastIndexByte(hostport, '@'); i >= 0 {
		u.User, hostport = hostport[:i], hostport[i+1:]
		if !plainUser(u.User) {
			return URI{}, uriMalformed
		}
	}
	if f := u.params(params); f != uriOK {
		return URI{}, f
	}
	return u, u.host(hostport)
}

func (u *URI) params(params string) uriFault {
	for p := range strings.SplitSeq(params, ";") {
		if p == "" {
			continue
		}
		name, value, _ := strings.Cut(strings.ToLower(p), "=")
		switch {
		case name != "transport":
			return uriMalformed
		case value == "udp" || value == "tcp":
			u.Transport = value
		case value == "tls":
			return uriTLS
		default:
			return uriMalformed
		}
	}
	return uriOK
}

// host reads host[:port]; the port is 5060 when not given.
func (u *URI) host(s string) uriFault {
	if a, err := netip.ParseAddrPort(s); err == nil && a.Port() != 0 && a.Addr().Zone() == "" {
		u.Host, u.Addr = a.Addr().String(), a
		return uriOK
	}
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if a, err := netip.ParseAddr(bare); err == nil && a.Zone() == "" && a.Is6() == (bare != s) {
		u.Host, u.Addr = a.String(), netip.AddrPortFrom(a, 5060)
		return uriOK
	}
	name, port, hasPort := strings.Cut(s, ":")
	if hasPort {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return uriMalformed
		}
	}
	if !plainName(name) {
		return uriMalformed
	}
	u.Host = name
	return uriName
}

// plainName accepts a host name (RFC 1123), or what looks like one. Digits and
// dots alone are a mistyped IP address.
func plainName(s string) bool {
	if s == "" || len(s) > 253 || strings.Trim(s, "0123456789.") == "" {
		return false
	}
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}

// plainUser accepts the user parts that telephony uses, our choice: no
// escapes, no password, so that the user is compared as it is written.
func plainUser(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-._+*#") == ""
}

// plainNumber accepts a phone number: digits, * and #, one leading +.
func plainNumber(s string) bool {
	s = strings.TrimPrefix(s, "+")
	return s != "" && len(s) <= 32 && strings.Trim(s, "0123456789*#") == ""
}

func replaceAddress(word string, a netip.Addr) string {
	return strings.ReplaceAll(word, "{address}", a.String())
}

// Version is a Wel'Suite version, compared part by part.
type Version [3]uint16

// oldestAboveBase is the first Wel'Suite version of the levels above base.
var oldestAboveBase = Version{5, 3, 6}

// IsZero says that no version was given.
func (v Version) IsZero() bool { return v == Version{} }

// String prints 5.3.6; "" for the zero Version.
func (v Version) String() string {
	if v.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
}

// Before says that v is older than w.
func (v Version) Before(w Version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

// parseVersion reads 5.3.6, 5.3 (as 5.3.0) or 5.
func parseVersion(s string) (Version, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return Version{}, false
	}
	var v Version
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return Version{}, false
		}
		v[i] = uint16(n)
	}
	return v, !v.IsZero()
}

// Secret is a password with where it came from. It prints as *** in every
// verb, JSON and slog.
type Secret struct {
	File  string // password_file
	Env   string // password_env
	value string
}

// NewSecret holds a password that was not read by Load.
func NewSecret(value string) Secret { return Secret{value: value} }

// Value returns the password itself, for the digest and nothing else.
func (s Secret) Value() string { return s.value }

const stars = "***"

// String hides the password.
func (s Secret) String() string { return stars }

// GoString hides the password from %#v.
func (s Secret) GoString() string { return stars }

// Format hides the password from every verb of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(stars)) }

// MarshalText hides the password from JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(stars), nil }

// LogValue hides the password from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(stars) }
