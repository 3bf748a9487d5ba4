package message

import (
	"bytes"
	"net/netip"
)

// URI is a parsed sip, sips or tel URI. The slices point into what was parsed.
type URI struct {
	Scheme   []byte // as written
	User     []byte // undecoded, without password; of a tel URI the number; nil: none
	Host     []byte // without port, IPv6 with its brackets; nil for tel
	Port     int    // 0: none
	Params   []byte // ";transport=udp;lr", nil: none
	Headers  []byte // "?subject=x", nil: none
	HostPort []byte // host[:port] as written

	password         []byte
	userOff, hostOff int // of User and Host in what was parsed
}

func (u URI) sip() bool   { return fold(u.Scheme, "sip") || fold(u.Scheme, "sips") }
func (u URI) known() bool { return u.sip() || fold(u.Scheme, "tel") }

// ParseURI parses a URI without angle brackets (RFC 3261 §19.1.1, RFC 3966).
// ok is false when it is malformed or of another scheme than sip, sips or tel;
// Scheme is filled then as far as it has the form of one. White space, control
// characters, quotes and angle brackets are refused, and more than one '@'.
func ParseURI(b []byte) (u URI, ok bool) {
	colon := bytes.IndexByte(b, ':')
	if colon < 1 || !schemeForm(b[:colon]) {
		return u, false
	}
	u.Scheme = b[:colon]
	for _, c := range b {
		if c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return u, false
		}
	}
	switch {
	case u.sip():
		return u, u.parseSIP(b, colon+1)
	case fold(u.Scheme, "tel"):
		u.userOff = colon + 1
		u.User = b[colon+1:]
		if i := bytes.IndexByte(u.User, ';'); i >= 0 {
			u.User, u.Params = u.User[:i], u.User[i:]
		}
		return u, len(u.User) > 0
	}
	return u, false
}

func schemeForm(b []byte) bool {
	if c := b[0] | 0x20; c < 'a' || c > 'z' {
		return false
	}
	for _, c := range b {
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// parseSIP reads [user[:password]@]host[:port][;params][?headers] from p on.
// '@' cannot stand unescaped behind the host, so the only one ends the user.
func (u *URI) parseSIP(b []byte, p int) bool {
	if at := bytes.IndexByte(b[p:], '@'); at >= 0 {
		if at == 0 || bytes.IndexByte(b[p+at+1:], '@') >= 0 {
			return false
		}
		u.User, u.userOff = b[p:p+at], p
		if c := bytes.IndexByte(u.User, ':'); c >= 0 {
			u.User, u.password = u.User[:c], u.User[c+1:]
		}
		if len(u.User) == 0 {
			return false
		}
		p += at + 1
	}
	end, ok := hostAt(b, p, len(b))
	if !ok {
		return false
	}
	u.Host, u.hostOff = b[p:end], p
	if end < len(b) && b[end] == ':' {
		e, ok := portAt(b, end, len(b))
		if !ok {
			return false
		}
		u.Port, _ = number(b[end+1 : e])
		end = e
	}
	u.HostPort = b[p:end]
	rest := b[end:]
	if q := bytes.IndexByte(rest, '?'); q >= 0 {
		rest, u.Headers = rest[:q], rest[q:]
	}
	if len(rest) > 0 {
		u.Params = rest
	}
	return len(rest) == 0 || rest[0] == ';'
}

// Param returns the value of the URI parameter called name (lower case, any
// case matches); nil and true for a flag such as lr.
func (u URI) Param(name string) ([]byte, bool) {
	_, v, has, found := param(u.Params, 0, len(u.Params), name)
	if !has {
		v = nil
	}
	return v, found
}

// hostPort splits host[:port], white space around ':' allowed; port 0: none.
func hostPort(b []byte) (host []byte, port int) {
	end, ok := hostAt(b, 0, len(b))
	if !ok {
		return b, 0
	}
	e, ok := portAt(b, end, len(b))
	if !ok || e == end {
		return b[:end], 0
	}
	i := bytes.IndexByte(b[end:e], ':') + end
	port, _ = number(trim(b[i+1 : e]))
	return b[:end], port
}

// AddrPort reads host[:port] when the host is an IP literal, IPv6 in brackets
// (or, without a port, bare as received= has it). Without a port it is 0. No
// allocation for IPv4.
func AddrPort(b []byte) (netip.AddrPort, bool) {
	if bytes.Count(b, []byte(":")) > 1 && b[0] != '[' {
		a, ok := addrOf(b)
		return netip.AddrPortFrom(a, 0), ok
	}
	host, port := hostPort(b)
	a, ok := addrOf(host)
	return netip.AddrPortFrom(a, uint16(port)), ok
}

// addrOf reads an IP literal, IPv6 with or without brackets.
func addrOf(b []byte) (netip.Addr, bool) {
	if n := len(b); n > 1 && b[0] == '[' && b[n-1] == ']' {
		b = b[1 : n-1]
	}
	if bytes.IndexByte(b, ':') >= 0 {
		a, err := netip.ParseAddr(string(b))
		return a, err == nil && a.Zone() == ""
	}
	return addr4(b)
}

func addr4(b []byte) (netip.Addr, bool) {
	var a [4]byte
	i, n, digits := 0, 0, 0
	for _, c := range b {
		switch {
		case c == '.' && digits > 0 && i < 3:
			a[i] = byte(n)
			i, n, digits = i+1, 0, 0
		case '0' <= c && c <= '9' && digits < 3:
			n, digits = n*10+int(c-'0'), digits+1
			if n > 255 {
				return netip.Addr{}, false
			}
		default:
			return netip.Addr{}, false
		}
	}
	if i != 3 || digits == 0 {
		return netip.Addr{}, false
	}
	a[3] = byte(n)
	return netip.AddrFrom4(a), true
}

// Unescape decodes the %HH of a user part (RFC 3261 §19.1.2); what is no
// escape stays. It returns b itself when there is nothing to decode.
func Unescape(b []byte) []byte {
	if bytes.IndexByte(b, '%') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		c, n := escaped(b[i:])
		out = append(out, c)
		i += n - 1
	}
	return out
}

// escaped returns the first character of b, decoded, and its length.
func escaped(b []byte) (byte, int) {
	if b[0] == '%' && len(b) >= 3 {
		hi, ok1 := hexDigit(b[1])
		lo, ok2 := hexDigit(b[2])
		if ok1 && ok2 {
			return hi<<4 | lo, 3
		}
	}
	return b[0], 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
