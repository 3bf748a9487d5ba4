package message

import "bytes"

// single is the set of headers that may stand once (RFC 3261 §7.3.1; RFC 4475
// §3.3.8, §3.3.9).
const single = 1<<kindFrom | 1<<kindTo | 1<<kindCallID | 1<<kindCSeq | 1<<kindMaxForwards | 1<<kindContentLength

// header reads one header that Head has a place for. One switch over kinds.
func (s *scanner) header(l *line) {
	h, v := s.h, sp(l.value, l.valueEnd)
	bit := uint32(1) << l.kind
	first := s.seen&bit == 0
	s.seen |= bit
	if !first && single&bit != 0 {
		s.duplicate(l.kind)
		return
	}
	switch l.kind {
	case kindVia:
		s.via(l, first)
	case kindFrom:
		h.From = v
		h.FromTag = s.party(l, "Malformed From")
	case kindTo:
		h.To = v
		h.ToTag = s.party(l, "Malformed To")
	case kindCallID:
		s.callID(l)
	case kindCSeq:
		s.cseq(l)
	case kindMaxForwards:
		s.maxForwards(l)
	case kindContentLength:
		s.contentLength(l)
	case kindRoute:
		s.route(l, first)
	case kindRecordRoute:
		if first {
			h.FirstRR = sp(l.off, l.next)
		}
		h.RecordRoutes += s.count(l)
	case kindContact:
		if first {
			h.Contact = v
			h.ContactURI = contactURI(s.raw, l.value, l.valueEnd)
		}
	default:
		s.lesser(l, v, first)
	}
}

// lesser reads the headers that are only looked at, never validated (RFC 3261
// §16.3(1)).
func (s *scanner) lesser(l *line, v Span, first bool) {
	h, val := s.h, l.val(s.raw)
	switch l.kind {
	case kindAuthorization, kindProxyAuthorization:
		h.Authorized = true
	case kindDiversion:
		h.Diversions += s.count(l)
	case kindHistoryInfo:
		h.Histories += s.forwardings(l)
	case kindRequire:
		h.Require100 = h.Require100 || lists(val, "100rel")
	}
	if !first {
		return
	}
	switch l.kind {
	case kindExpires:
		h.Expires = seconds(val)
	case kindSessionExpires:
		h.SessionExpires = seconds(val)
	case kindRetryAfter:
		h.RetryAfter, h.Retry = true, max(0, seconds(val))
	case kindReplaces:
		h.Replaces = v
	case kindProxyRequire:
		h.ProxyRequire = v
	case kindRSeq:
		h.RSeq = true
	case kindRAck:
		h.RAck = v
	case kindTimestamp:
		h.Timestamp = sp(l.off, l.next)
	case kindReason:
		h.Reason = v
	case kindEvent:
		h.Event = v
	case kindReferTo:
		h.ReferTo = v
	}
}

func (s *scanner) duplicate(k kind) {
	switch k {
	case kindFrom:
		s.bad("Duplicate From")
	case kindTo:
		s.bad("Duplicate To")
	case kindCallID:
		s.bad("Duplicate Call-ID")
	case kindCSeq:
		s.bad("Duplicate CSeq")
	case kindMaxForwards:
		s.bad("Duplicate Max-Forwards")
	default:
		s.bad("Duplicate Content-Length")
	}
}

// seconds reads leading digits, the delta-seconds of Expires, Session-Expires
// and Retry-After; -1 when there are none, at most 2^32-1 (RFC 3261 §20.19).
func seconds(v []byte) int {
	i := 0
	for i < len(v) && '0' <= v[i] && v[i] <= '9' {
		i++
	}
	n, ok := number(v[:i])
	if !ok {
		return -1
	}
	return min(n, 1<<32-1)
}

// lists reports whether the comma-separated value holds the lower-case token.
func lists(v []byte, token string) bool {
	for len(v) > 0 {
		item := v
		if i := bytes.IndexByte(v, ','); i >= 0 {
			item, v = v[:i], v[i+1:]
		} else {
			v = nil
		}
		if item = trim(item); fold(item, token) {
			return true
		}
	}
	return false
}

// count counts the values of a line.
func (s *scanner) count(l *line) (n uint16) {
	for p := l.value; p < l.valueEnd; n++ {
		end, _ := valueEnd(s.raw, p, l.valueEnd)
		p = end + 1
	}
	return n
}

// forwardings counts the History-Info entries with a cause, be it the parameter
// of RFC 4458 or the Reason within the URI (RFC 7044 §10.2). The others tell of
// proxies on the way that only looked the number up: Avaya's writes one for each
// application of a plain call.
func (s *scanner) forwardings(l *line) (n uint16) {
	for p := l.value; p < l.valueEnd; {
		end, _ := valueEnd(s.raw, p, l.valueEnd)
		if hasCause(s.raw[p:end]) {
			n++
		}
		p = end + 1
	}
	return n
}

// hasCause reports whether b holds "cause=", the sign plain or escaped.
func hasCause(b []byte) bool {
	const name = "cause"
	for i := 0; i+len(name) < len(b); i++ {
		if rest := b[i+len(name):]; fold(b[i:i+len(name)], name) && (rest[0] == '=' || len(rest) > 2 && fold(rest[:3], "%3d")) {
			return true
		}
	}
	return false
}

func (s *scanner) callID(l *line) {
	v := l.val(s.raw)
	s.h.CallID = sp(l.value, l.valueEnd)
	if len(v) == 0 || bytes.IndexByte(v, ' ') >= 0 || bytes.IndexByte(v, '\t') >= 0 {
		s.bad("Malformed Call-ID")
	}
}

// cseq reads "4711 INVITE"; the number is below 2^31 (RFC 3261 §8.1.1.5).
func (s *scanner) cseq(l *line) {
	p := l.value
	for p < l.valueEnd && '0' <= s.raw[p] && s.raw[p] <= '9' {
		p++
	}
	m := skipLWS(s.raw, p, l.valueEnd)
	s.h.CSeqValue, s.h.CSeqMethod = sp(l.value, p), sp(m, l.valueEnd)
	n, ok := number(s.raw[l.value:p])
	if !ok || n >= 1<<31 || m == p || !isToken(s.raw[m:l.valueEnd]) {
		s.bad("Malformed CSeq")
		return
	}
	s.h.CSeq = uint32(n)
}

func (s *scanner) maxForwards(l *line) {
	n, ok := number(l.val(s.raw))
	if !ok || n > 255 {
		s.bad("Malformed Max-Forwards")
		return
	}
	s.h.MaxForwards, s.h.MaxFwdValue = n, sp(l.value, l.valueEnd)
}

func (s *scanner) contentLength(l *line) {
	n, ok := number(l.val(s.raw))
	if !ok {
		s.bad("Malformed Content-Length")
		return
	}
	s.h.ContentLength = n
}

// party checks a From or To value and returns its tag (RFC 3261 §20.10). Quotes
// must be closed and a comma may stand only inside quotes or brackets (RFC
// 4475 §3.1.2.6, §3.1.2.15). The URI itself is not the proxy's business (RFC
// 4475 §3.3.4).
func (s *scanner) party(l *line, fault string) Span {
	raw, end := s.raw, l.valueEnd
	comma, ok := valueEnd(raw, l.value, end)
	if l.value == end || !ok || comma != end {
		s.bad(fault)
		return Span{}
	}
	_, params, ok := address(raw, l.value, end)
	if !ok || !listed(raw, params, end) {
		s.bad(fault)
		return Span{}
	}
	off, tag, _, _ := param(raw, params, end, "tag")
	return sp(off, off+len(tag))
}

// address finds the URI in a name-addr or addr-spec that begins at off, and
// where the header parameters begin (at a ';' or end). ok is false when a
// bracket or quote is left open.
func address(raw []byte, off, end int) (uri Span, params int, ok bool) {
	p := off
	for p < end {
		switch raw[p] {
		case '"':
			if p = quoteEnd(raw, p, end); p < 0 {
				return Span{}, end, false
			}
			continue
		case '<':
			n := bytes.IndexByte(raw[p:end], '>')
			if n < 0 {
				return Span{}, end, false
			}
			return sp(p+1, p+n), p + n + 1, true
		case ';':
			return sp(off, trimEnd(raw, off, p)), p, true
		}
		p++
	}
	return sp(off, trimEnd(raw, off, end)), end, true
}

// listed reports whether ";a=b;c" fills raw[off:end] without other text: else
// one element would read a tag there and another would not. Empty parameters
// pass, some senders leave them.
func listed(raw []byte, off, end int) bool {
	for p := skipLWS(raw, off, end); p < end; p = skipLWS(raw, p, end) {
		if raw[p] != ';' {
			return false
		}
		p = skipLWS(raw, p+1, end)
		for p < end && raw[p] != '=' && raw[p] != ';' && !isLWS(raw[p]) {
			p++
		}
		_, p, _ = paramValue(raw, p, end)
	}
	return true
}

// param finds the parameter called name (lower case) in ";a=b;c" between off
// and end. at is where its value begins (for a flag: where its name ends).
// Quotes are kept.
func param(raw []byte, off, end int, name string) (at int, value []byte, hasValue, found bool) {
	for p := off; p < end; {
		if raw[p] != ';' {
			p++
			continue
		}
		n := skipLWS(raw, p+1, end)
		e := n
		for e < end && raw[e] != '=' && raw[e] != ';' && !isLWS(raw[e]) {
			e++
		}
		v, ve, has := paramValue(raw, e, end)
		if fold(raw[n:e], name) {
			return v, raw[v:ve], has, true
		}
		p = ve
	}
	return 0, nil, false, false
}

// paramValue reads "= value" after a parameter name that ends at p.
func paramValue(raw []byte, p, end int) (off, valEnd int, has bool) {
	q := skipLWS(raw, p, end)
	if q >= end || raw[q] != '=' {
		return p, p, false
	}
	equals := q
	q = skipLWS(raw, q+1, end)
	if q < end && raw[q] == '"' {
		if e := quoteEnd(raw, q, end); e > 0 {
			return q, e, true
		}
		return q, end, true
	}
	e := q
	for e < end && raw[e] != ';' && raw[e] != ',' && !isLWS(raw[e]) {
		e++
	}
	if e == q {
		return equals + 1, equals + 1, true // empty: a value can be written right behind the '='
	}
	return q, e, true
}

// contactURI is the URI of the first Contact value; empty for "*".
func contactURI(raw []byte, off, end int) Span {
	e, _ := valueEnd(raw, off, end)
	uri, _, ok := address(raw, off, e)
	if !ok || string(uri.Of(raw)) == "*" {
		return Span{}
	}
	return uri
}

// route reads the values of a Route line; a value without brackets is
// malformed (RFC 3261 §20.34).
func (s *scanner) route(l *line, first bool) {
	h := s.h
	if first {
		h.RouteLine = sp(l.off, l.next)
	}
	for p := l.value; p < l.valueEnd; {
		p = skipLWS(s.raw, p, l.valueEnd)
		end, ok := valueEnd(s.raw, p, l.valueEnd)
		uri, _, closed := address(s.raw, p, end)
		if !ok || !closed || uri.Empty() || s.raw[uri.Off-1] != '<' {
			s.bad("Malformed Route")
			return
		}
		if int(h.Routes) < len(h.Route) {
			h.Route[h.Routes] = uri
			h.RouteValue[h.Routes] = sp(p, trimEnd(s.raw, p, end))
		}
		h.Routes++
		p = end + 1
	}
}
