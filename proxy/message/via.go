package message

import (
	"bytes"
	"net/netip"
)

// via counts the values of a Via line and reads the first value of the first
// line. Values joined by commas are ordinary.
func (s *scanner) via(l *line, first bool) {
	h := s.h
	v := l.val(s.raw)
	if bytes.IndexByte(v, ',') < 0 && bytes.IndexByte(v, '"') < 0 {
		s.viaValue(l, l.value, l.valueEnd, first)
		return
	}
	for p := l.value; ; {
		p = skipLWS(s.raw, p, l.valueEnd)
		end, ok := valueEnd(s.raw, p, l.valueEnd)
		if !ok {
			s.bad("Malformed Via")
		}
		s.viaValue(l, p, end, first)
		if first = false; end == l.valueEnd || h.Vias == maxVias {
			return
		}
		p = end + 1
	}
}

// maxVias keeps the counter from wrapping; a message of MaxMessage bytes cannot
// hold that many whole values.
const maxVias = 1<<16 - 1

// viaValue takes one value, raw[p:end]; top: the first one of the message.
func (s *scanner) viaValue(l *line, p, end int, top bool) {
	h := s.h
	h.Vias++
	end = trimEnd(s.raw, p, end)
	if p == end {
		s.bad("Malformed Via")
	}
	if !top {
		return
	}
	h.ViaLine, h.Via = sp(l.off, l.next), sp(p, end)
	if !s.topVia(p, end) {
		s.bad("Malformed Via")
	}
}

// topVia reads "SIP/2.0/UDP host:port;params" (RFC 3261 §20.42). White space
// may stand around "/", ":", ";" and "=". False when malformed; what was read
// until then stays.
func (s *scanner) topVia(p, end int) bool {
	h, raw := s.h, s.raw
	name, p := tokenAt(raw, p, end)
	ver, p := slashToken(raw, p, end)
	transport, p := slashToken(raw, p, end)
	h.ViaTransport = transport
	host := skipLWS(raw, p, end)
	if transport.Empty() || host == p {
		return false
	}
	hostEnd, ok := hostAt(raw, host, end)
	if hostEnd == host {
		return false
	}
	p, portOK := portAt(raw, hostEnd, end)
	h.SentBy = sp(host, p)
	return s.viaParams(p, end) && ok && portOK && fold(name.Of(raw), "sip") && string(ver.Of(raw)) == "2.0"
}

func tokenAt(raw []byte, p, end int) (Span, int) {
	off := p
	for p < end && tokenByte(raw[p]) {
		p++
	}
	return sp(off, p), p
}

func slashToken(raw []byte, p, end int) (Span, int) {
	p = skipLWS(raw, p, end)
	if p >= end || raw[p] != '/' {
		return Span{}, p
	}
	return tokenAt(raw, skipLWS(raw, p+1, end), end)
}

// hostAt returns the end of the host that begins at p and whether it has the
// form of a name, an IPv4 address or a bracketed IPv6 one.
func hostAt(raw []byte, p, end int) (int, bool) {
	if p < end && raw[p] == '[' {
		n := bytes.IndexByte(raw[p:end], ']')
		if n < 0 {
			return p, false
		}
		return p + n + 1, v6Form(raw[p+1 : p+n])
	}
	off := p
	for p < end && hostByte(raw[p]) {
		p++
	}
	return p, p > off
}

// hostByte takes '_' too: names of Windows machines have it.
func hostByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_'
}

// v6Form reports whether b looks like an IPv6 address: hex, colons, dots, and
// no ":::" (RFC 5118 §4.10).
func v6Form(b []byte) bool {
	colons, run := 0, 0
	for _, c := range b {
		switch {
		case c == ':':
			colons++
			if run++; run > 2 {
				return false
			}
			continue
		case '0' <= c && c <= '9', 'a' <= c|0x20 && c|0x20 <= 'f', c == '.':
		default:
			return false
		}
		run = 0
	}
	return colons >= 2
}

// portAt reads an optional ":port" after the host that ends at p.
func portAt(raw []byte, p, end int) (int, bool) {
	q := skipLWS(raw, p, end)
	if q >= end || raw[q] != ':' {
		return p, true
	}
	q = skipLWS(raw, q+1, end)
	e := q
	for e < end && '0' <= raw[e] && raw[e] <= '9' {
		e++
	}
	n, ok := number(raw[q:e])
	return e, ok && n <= 65535
}

// viaParams reads the parameters of the top Via.
func (s *scanner) viaParams(p, end int) bool {
	h, raw := s.h, s.raw
	for {
		p = skipLWS(raw, p, end)
		if p == end {
			return true
		}
		if raw[p] != ';' {
			return false
		}
		name, e := tokenAt(raw, skipLWS(raw, p+1, end), end)
		if name.Empty() {
			return false
		}
		v, ve, _ := paramValue(raw, e, end)
		n := name.Of(raw)
		switch {
		case fold(n, "branch") && h.Branch.Off == 0:
			h.Branch = sp(v, ve)
		case fold(n, "received") && h.Received.Off == 0:
			h.Received = sp(v, ve)
		case fold(n, "rport") && !h.HasRPort:
			h.HasRPort, h.RPort = true, sp(v, ve)
		case fold(n, "keep") && !h.HasKeep:
			h.HasKeep, h.Keep = true, sp(v, ve)
		}
		p = ve
	}
}

// keepEvery is what a neighbour that asks is told to ping at, in seconds (RFC 6223
// §4.1). Our choice: that of RFC 5626's own example, well below what firewalls
// forget a connection after.
const keepEvery = 30

// asksToKeep reports whether the sender of a request offers keep-alives that are
// answered here (RFC 6223 §4.3, §4.4): with REGISTER and the INVITE of a new
// dialog, by TCP or TLS. Over UDP they would be STUN, which we do not speak.
func asksToKeep(raw []byte, h *Head) bool {
	if !h.HasKeep || !h.Keep.Empty() || h.Keep.Off > 0 && raw[h.Keep.Off-1] == '=' {
		return false
	}
	if h.Method != REGISTER && (h.Method != INVITE || !h.ToTag.Empty()) {
		return false
	}
	t := h.ViaTransport.Of(raw)
	return fold(t, "tcp") || fold(t, "tls")
}

// NeedsReceived says what a server must write into the top Via of a request
// that came from src: received when the sent-by host is a name or another
// address, when rport was asked for, or when the sender wrote a received of its
// own, which is not to be believed; rport when it was asked for (RFC 3261
// §18.2.1, RFC 3581 §4).
func NeedsReceived(raw []byte, h *Head, src netip.AddrPort) (received, rport bool) {
	host, _ := hostPort(h.SentBy.Of(raw))
	addr, ok := addrOf(host)
	return h.HasRPort || h.Received.Off != 0 || !ok || addr.Unmap() != src.Addr().Unmap(), h.HasRPort
}
