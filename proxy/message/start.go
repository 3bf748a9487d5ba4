package message

import "bytes"

// startLine reads raw[off:end], a request or status line.
func (s *scanner) startLine(off, end int) {
	if ln := s.raw[off:end]; len(ln) > 4 && fold(ln[:4], "sip/") {
		s.statusLine(off, end)
		return
	}
	s.h.Request = true
	s.requestLine(off, end)
}

// statusLine reads "SIP/2.0 200 OK" (RFC 3261 §7.2); the reason may be empty.
func (s *scanner) statusLine(off, end int) {
	ln := s.raw[off:end]
	if !s.version(ln[:min(len(ln), len(version))]) {
		return
	}
	if len(ln) < 11 || ln[7] != ' ' || len(ln) > 11 && ln[11] != ' ' {
		s.bad("Malformed Status Line")
		return
	}
	n, ok := number(ln[8:11])
	if !ok || n < 100 || n > 699 {
		s.bad("Malformed Status Code")
		return
	}
	s.h.Status = uint16(n)
}

// version takes SIP/2.0 in any case; a lower-case one is normalised (RFC 3261
// §7.1).
func (s *scanner) version(b []byte) bool {
	switch {
	case string(b) == version:
		return true
	case fold(b, "sip/2.0"):
		s.odd = true
		return true
	case len(b) > 4 && fold(b[:4], "sip/") && versionNumber(b[4:]):
		s.fail(505, "Version Not Supported")
		return false
	}
	s.bad("Malformed Start Line")
	return false
}

func versionNumber(b []byte) bool {
	dot := bytes.IndexByte(b, '.')
	if dot < 1 {
		return false
	}
	_, major := number(b[:dot])
	_, minor := number(b[dot+1:])
	return major && minor
}

// requestLine reads "INVITE sip:… SIP/2.0" (RFC 3261 §7.1): single spaces, no
// white space in the URI and none at the end (RFC 4475 §3.1.2.8–10: our choice
// is 400).
func (s *scanner) requestLine(off, end int) {
	ln := s.raw[off:end]
	first, last := bytes.IndexByte(ln, ' '), bytes.LastIndexByte(ln, ' ')
	if first < 0 {
		s.bad("Malformed Request Line")
		return
	}
	h := s.h
	h.Token, h.Method = sp(off, off+first), methodOf(ln[:first])
	if !isToken(ln[:first]) {
		s.bad("Malformed Method")
	}
	if last == first {
		s.bad("Malformed Request Line")
		return
	}
	h.URI = sp(off+first+1, off+last)
	s.version(ln[last+1:])
	s.requestURI(off+first+1, off+last)
}

// requestURI checks the scheme (RFC 3261 §16.3(2)) and the form; headers in a
// Request-URI are refused (RFC 3261 §19.1.1; they hide a Route, RFC 4475
// §3.1.2.11).
func (s *scanner) requestURI(off, end int) {
	b := s.raw[off:end]
	u, ok := ParseURI(b)
	switch {
	case len(u.Scheme) == 0:
		s.bad("Malformed Request-URI")
		return
	case !u.known():
		s.fail(416, "Unsupported URI Scheme")
		return
	case !ok:
		s.bad("Malformed Request-URI")
		return
	case len(u.Headers) > 0:
		s.bad("Headers In Request-URI")
	}
	if len(u.User) > 0 {
		i := off + u.userOff
		s.h.UserOf = sp(i, i+len(u.User))
	}
	if len(u.Host) > 0 {
		s.h.HostOf = sp(off+u.hostOff, off+u.hostOff+len(u.HostPort))
	}
}

// sp is the span raw[off:end]; Scan sees no more than MaxMessage bytes.
func sp(off, end int) Span { return Span{Off: uint16(off), Len: uint16(end - off)} }

// number reads decimal digits; larger than 2^63-1 is held at that.
func number(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (1<<63-1-9)/10 {
			n = (1<<63 - 1 - 9) / 10
			continue
		}
		n = n*10 + int(c-'0')
	}
	return n, len(b) > 0
}
