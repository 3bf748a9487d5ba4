package preflight

import (
	"net/netip"
	"strings"

	"releve/proxy/message"
)

// hostOf is the address that a URI names; false: a name, or nothing. Port 5060 when
// none is given.
func hostOf(uri string) (netip.AddrPort, bool) {
	a, ok := message.AddrPort([]byte(hostPort(uri)))
	if ok && a.Port() == 0 {
		a = netip.AddrPortFrom(a.Addr(), 5060)
	}
	return a, ok && a.IsValid()
}

// hostPort is the host and port of a URI as written.
func hostPort(uri string) string {
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, ";?>"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return strings.TrimSpace(rest)
}

// hostName is the host of a URI without its port.
func hostName(uri string) string {
	h := hostPort(uri)
	if i := strings.LastIndexByte(h, ':'); i >= 0 && !strings.HasSuffix(h, "]") {
		h = h[:i]
	}
	return strings.ToLower(strings.Trim(h, "[]"))
}

// userOf is the user of a URI.
func userOf(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	user, _, ok := strings.Cut(rest, "@")
	if !ok {
		return ""
	}
	return user
}

func transportOf(uri, name string) bool {
	return strings.Contains(strings.ToLower(uri), "transport="+name)
}

// addressOf is the host of a URI written for a new one.
func withUser(user, uri string) string {
	scheme, _, _ := strings.Cut(uri, ":")
	_, params, _ := strings.Cut(uri, ";")
	out := scheme + ":" + user + "@" + hostPort(uri)
	if params != "" {
		out += ";" + params
	}
	return out
}
