package config

import (
	"net/netip"
	"strconv"
	"strings"
)

// URI is a SIP address of the configuration: sip:user@host:port;transport=….
type URI struct {
	User      string
	Host      string         // as written: an IP address without brackets, or a name
	Addr      netip.AddrPort // zero when Host is a name; else with the port that applies
	Port      uint16         // 0: none given
	Transport string         // udp, tcp or tls; "": none given
	Secure    bool           // sips: TLS on every hop (RFC 5630 §3)
}

// IsZero says that no address was configured.
func (u URI) IsZero() bool { return u == URI{} }

// IsName says that the host is a name that DNS resolves.
func (u URI) IsName() bool { return u.Host != "" && !u.Addr.IsValid() }

// Network is the transport that the address means: udp, tcp or tls. An IP
// address that names none means UDP, or TLS when it is a sips one (RFC 3263
// §4.1); sips over TCP is TLS (RFC 5630 §3.1.3). "" for a name that gives none:
// DNS answers that.
func (u URI) Network() string {
	switch {
	case u.Secure:
		return "tls"
	case u.Transport != "" || u.IsName():
		return u.Transport
	}
	return "udp"
}

// String prints the address as the configuration takes it.
func (u URI) String() string {
	if u.IsZero() {
		return ""
	}
	var b strings.Builder
	b.WriteString(u.scheme())
	if u.User != "" {
		b.WriteString(u.User + "@")
	}
	b.WriteString(u.hostPort())
	if u.Transport != "" {
		b.WriteString(";transport=" + u.Transport)
	}
	return b.String()
}

// hostPort is the address without scheme and user; a name's port only when
// given.
func (u URI) hostPort() string {
	switch {
	case u.Addr.IsValid():
		return u.Addr.String()
	case u.Port != 0:
		return u.Host + ":" + strconv.Itoa(int(u.Port))
	}
	return u.Host
}

func (u URI) scheme() string {
	if u.Secure {
		return "sips:"
	}
	return "sip:"
}

// AOR prints the address of record: no port, no parameter (RFC 3261 §10.2).
func (u URI) AOR() string {
	host := u.Host
	if strings.Contains(host, ":") { // IPv6 stands in brackets (RFC 3261 §25.1)
		host = "[" + host + "]"
	}
	if u.User == "" {
		return u.scheme() + host
	}
	return u.scheme() + u.User + "@" + host
}

// ParseURI reads a SIP address as the file takes it; false when it is none.
func ParseURI(s string) (URI, bool) { return parseURI(s) }

// parseURI reads a SIP address; false when it is none.
func parseURI(s string) (URI, bool) {
	u := URI{}
	scheme, rest, _ := strings.Cut(s, ":")
	switch strings.ToLower(scheme) {
	case "sip":
	case "sips":
		u.Secure = true
	default:
		return URI{}, false
	}
	hostport, params, _ := strings.Cut(rest, ";")
	if i := strings.LastIndexByte(hostport, '@'); i >= 0 {
		u.User, hostport = hostport[:i], hostport[i+1:]
		if !plainUser(u.User) {
			return URI{}, false
		}
	}
	if !u.params(params) || !u.host(hostport) {
		return URI{}, false
	}
	return u, true
}

// params reads the transport, the only parameter that a configured address
// has. sips over UDP does not exist (RFC 5630 §3.1.3).
func (u *URI) params(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		if p == "" {
			continue
		}
		name, value, _ := strings.Cut(strings.ToLower(p), "=")
		if name != "transport" || u.Transport != "" {
			return false
		}
		switch value {
		case "udp", "tcp", "tls":
			u.Transport = value
		default:
			return false
		}
	}
	return !u.Secure || u.Transport != "udp"
}

// standardPort is 5060, and 5061 over TLS (RFC 3261 §19.1.2).
func (u *URI) standardPort() uint16 {
	if u.Network() == "tls" {
		return 5061
	}
	return 5060
}

// host reads host[:port].
func (u *URI) host(s string) bool {
	if a, err := netip.ParseAddrPort(s); err == nil {
		u.Host, u.Addr, u.Port = a.Addr().String(), a, a.Port()
		return a.Port() != 0 && a.Addr().Zone() == ""
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	if a, err := netip.ParseAddr(bare); err == nil {
		u.Host, u.Addr = a.String(), netip.AddrPortFrom(a, u.standardPort())
		return a.Zone() == "" && a.Is6() == (bare != s)
	}
	name, port, given := strings.Cut(s, ":")
	if given {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return false
		}
		u.Port = uint16(n)
	}
	u.Host = name
	return plainName(name)
}
