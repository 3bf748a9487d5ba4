package config

import (
	"net/netip"
	"time"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
)

// TLS is what a tls listener shows and what it asks of others. The files are
// PEM and may change while Relève runs.
type TLS struct {
	Certificate string // the chain, leaf first
	Key         string
	CA          string // whom we believe; "": the system's authorities
	MinVersion  string // 1.2 (default) or 1.3
	Client      string // none (default), request or require: the certificate of who calls us
}

// DNS says who resolves the names of peers (RFC 3263).
type DNS struct {
	Servers []netip.AddrPort // at most 8, port 53 when not given; none: /etc/resolv.conf
	Timeout time.Duration    // 100 ms–10 s, 2 s: of one query
	Stale   time.Duration    // 0–168 h, 24 h: how long an answer serves on after its time when DNS is silent (RFC 8767)
}

// Limits bound what others can make Relève do and hold. What is over a limit
// is refused or dropped, counted, and raises an alarm.
type Limits struct {
	CallsPerSecond       int    // 1–10000, 3000: new calls admitted per second
	SourceRate           int    // 10–1000000, 50000: messages per second of one IPBX or server, all its addresses together
	SourceBurst          int    // 10–1000000, 100000: messages of one of them at once; at least SourceRate/10
	Strangers            string // ignore (default) or refuse (403): who is no peer
	Connections          int    // 2–50000, 1000: TCP and TLS connections accepted
	ConnectionsPerSource int    // 1–50000, 250, at most Connections
	MessageSize          int    // 1500–65535, 65535: bytes of one message
	Headers              int    // 32–1024, 256: header fields of one message
	Vias                 int    // 2–255, 70: Via values of one message; 70 is where Max-Forwards starts (RFC 3261 §8.1.1.6)
	URI                  int    // 256–65535, 2048: bytes of a Request-URI
	Line                 int    // 1024–65535, 16384: bytes of one header line
	Transactions         int    // 1000–2000000, 400000: requests in progress
	HeldCalls            int    // 1–100000, 1000: calls held at once
}

func (r *reader) tls(t *TLS) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"certificate", r.path(&t.Certificate)},
			field{"key", r.path(&t.Key)},
			field{"ca", r.path(&t.CA)},
			field{"min_version", oneOf(r, &t.MinVersion, plain("1.2", "1.3")...)},
			field{"client", oneOf(r, &t.Client, plain("none", "request", "require")...)},
		)
	}
}

func (r *reader) dns(d *DNS) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"servers", func(n *yaml.Node, p string) {
				r.list(n, p, 8, func(e *yaml.Node, at string) {
					if a, ok := r.addressPort(e, at, 53); ok {
						d.Servers = append(d.Servers, a)
					}
				})
			}},
			field{"timeout", r.duration(&d.Timeout, 100*time.Millisecond, 10*time.Second)},
			field{"stale", r.duration(&d.Stale, 0, 168*time.Hour)},
		)
	}
}

func (r *reader) limits(l *Limits) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"calls_per_second", r.whole(&l.CallsPerSecond, 1, 10_000)},
			field{"source_rate", r.whole(&l.SourceRate, 10, 1_000_000)},
			field{"source_burst", r.whole(&l.SourceBurst, 10, 1_000_000)},
			field{"strangers", oneOf(r, &l.Strangers, plain("ignore", "refuse")...)},
			field{"connections", r.whole(&l.Connections, 2, 50_000)},
			field{"connections_per_source", r.whole(&l.ConnectionsPerSource, 1, 50_000)},
			field{"message_size", r.whole(&l.MessageSize, 1500, 65_535)},
			field{"headers", r.whole(&l.Headers, 32, 1024)},
			field{"vias", r.whole(&l.Vias, 2, 255)},
			field{"uri", r.whole(&l.URI, 256, 65_535)},
			field{"line", r.whole(&l.Line, 1024, 65_535)},
			field{"transactions", r.whole(&l.Transactions, 1000, 2_000_000)},
			field{"held_calls", r.whole(&l.HeldCalls, 1, 100_000)},
		)
	}
}

// addressPort reads an IP address, with a port or with the given one.
func (r *reader) addressPort(n *yaml.Node, path string, port uint16) (netip.AddrPort, bool) {
	s, ok := r.scalar(n, path)
	if !ok {
		return netip.AddrPort{}, false
	}
	if a, err := netip.ParseAddrPort(s); err == nil && a.Addr().Zone() == "" && !a.Addr().IsUnspecified() && a.Port() != 0 {
		return a, true
	}
	a, ok := r.ip(n, path)
	return netip.AddrPortFrom(a, port), ok
}

func (t TLS) tree() *yaml.Node {
	p := newPairs()
	p.plain("certificate", t.Certificate)
	p.plain("key", t.Key)
	p.plain("ca", t.CA)
	p.quoted("min_version", t.MinVersion)
	p.plain("client", t.Client)
	return p.node
}

func (d DNS) tree() *yaml.Node {
	p := newPairs()
	p.put("servers", listNode(each(d.Servers, func(a netip.AddrPort) *yaml.Node { return quotedNode(a.String()) }), true))
	p.plain("timeout", text.Short(d.Timeout))
	p.plain("stale", text.Short(d.Stale))
	return p.node
}

func (l Limits) tree() *yaml.Node {
	p := newPairs()
	p.number("calls_per_second", l.CallsPerSecond)
	p.number("source_rate", l.SourceRate)
	p.number("source_burst", l.SourceBurst)
	p.plain("strangers", l.Strangers)
	p.number("connections", l.Connections)
	p.number("connections_per_source", l.ConnectionsPerSource)
	p.number("message_size", l.MessageSize)
	p.number("headers", l.Headers)
	p.number("vias", l.Vias)
	p.number("uri", l.URI)
	p.number("line", l.Line)
	p.number("transactions", l.Transactions)
	p.number("held_calls", l.HeldCalls)
	return p.node
}
