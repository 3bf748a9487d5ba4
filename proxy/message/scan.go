package message

import "bytes"

const (
	// MaxMessage is the longest message in bytes: what a datagram can hold
	// (RFC 3261 §18.1.1). A longer one is Bad 513.
	MaxMessage = 65535
	// MaxLines is the largest number of header lines that are read: the work of
	// one Scan is bounded. What a proxy takes is its own, lower limit.
	MaxLines = 1024
)

// scanner is the state of one Scan; it lives on the stack.
type scanner struct {
	raw  []byte
	h    *Head
	f    Fault // the first that was found
	seen uint32
	odd  bool // met something to normalise
	lfs  int  // line feeds accounted for by CRLF
}

// Scan reads one message into h. out is raw unless something legal but odd had
// to be normalised; then it is a new buffer, and the spans of h point there.
// The fast path allocates nothing. raw is one datagram, or one framed message
// of a stream.
//
// A message is checked as far as a proxy reads it (RFC 3261 §16.3(1)): start
// line, Via, From, To, Call-ID, CSeq, Max-Forwards, Route, Content-Length and
// the absence of bare CR, LF and NUL (a NUL may stand in a quoted-pair). With
// Bad, h holds the Via, From, To, Call-ID and CSeq as far as they were found,
// enough for AppendResponse. Max-Forwards 0 is OK here: RFC 3261 §16.3(3) is
// the proxy's. With Drop, Fault says why, for the counter.
func Scan(raw []byte, h *Head) (out []byte, r Result, f Fault) {
	start := 0
	for start+1 < len(raw) && raw[start] == '\r' && raw[start+1] == '\n' {
		start += 2
	}
	if r, f, done := notSIP(raw, start, h); done {
		return raw, r, f
	}
	s := scanner{raw: raw, h: h}
	if len(raw) > MaxMessage {
		s.fail(513, "Message Too Large")
		s.raw = raw[:MaxMessage]
	}
	s.message(start)
	if s.odd {
		out = normalise(s.raw, h)
		s = scanner{raw: out, h: h, f: s.f}
		if s.f.Status != 513 {
			s.f = Fault{}
		}
		s.message(0)
		s.raw = out
		return out, s.result(), s.f
	}
	return raw, s.result(), s.f
}

// notSIP sorts out what is no message: CRLF keep-alives (RFC 5626 §4.4.1) and
// STUN, whose first byte is 0 or 1 (RFC 5626 §4.4.2).
func notSIP(raw []byte, start int, h *Head) (Result, Fault, bool) {
	reset(h)
	h.Body, h.End = len(raw), len(raw)
	if start == len(raw) || raw[start] <= 1 || start >= MaxMessage {
		return KeepAlive, Fault{}, true
	}
	if start == len(raw)-1 && (raw[start] == '\r' || raw[start] == '\n') {
		return KeepAlive, Fault{}, true
	}
	return OK, Fault{}, false
}

func reset(h *Head) {
	*h = Head{MaxForwards: -1, ContentLength: -1, Expires: -1, SessionExpires: -1}
}

// fail keeps the first fault; scanning goes on to find what an answer needs.
func (s *scanner) fail(status uint16, reason string) {
	if s.f.Status == 0 {
		s.f = Fault{Status: status, Reason: reason}
	}
}

func (s *scanner) bad(reason string) { s.fail(400, reason) }

// message scans from the start line to the end of the body.
func (s *scanner) message(start int) {
	h := s.h
	reset(h)
	h.Start, h.Body, h.End = start, len(s.raw), len(s.raw)
	i := bytes.Index(s.raw[start:], []byte(crlf))
	if i < 0 {
		s.bad("Malformed Start Line")
		return
	}
	s.startLine(start, start+i)
	h.ViaEnd = start + i + 2
	s.lfs = 1
	s.headers(start + i + 2)
	s.framing(start)
	s.complete()
}

// headers reads the header lines from pos to the empty line.
func (s *scanner) headers(pos int) {
	var l line
	for n := 0; ; n++ {
		if pos >= len(s.raw) {
			s.bad("Missing Empty Line")
			break
		}
		if s.raw[pos] == '\r' && pos+1 < len(s.raw) && s.raw[pos+1] == '\n' {
			pos += 2
			s.lfs++
			break
		}
		if n == MaxLines {
			s.bad("Too Many Header Lines")
			break
		}
		readLine(s.raw, pos, &l)
		s.h.Lines++
		s.h.LongestLine = max(s.h.LongestLine, uint16(min(l.next-l.off, MaxMessage)))
		s.line(&l)
		pos = l.next
	}
	s.h.Body = pos
}

// line checks the form of one header line and reads it.
func (s *scanner) line(l *line) {
	switch {
	case l.unending:
		s.bad("Missing Empty Line")
	case l.bareCR:
		s.bad("Bare CR In Header")
	case l.noColon, l.kind == kindOther && !isToken(l.name(s.raw)):
		s.bad("Malformed Header Line")
	}
	s.h.dirty = s.h.dirty || l.bareCR
	if !l.unending {
		s.lfs++
	}
	if l.folded {
		s.lfs += bytes.Count(s.raw[l.off:l.next], []byte(crlf)) - 1
		if l.kind != kindOther {
			s.odd = true
		}
	}
	if l.kind != kindOther {
		s.header(l)
	}
	if l.kind == kindVia && (at(s.h.ViaLine) == l.off || s.h.ViaEnd == l.off) {
		s.h.ViaEnd = l.next
	}
}

// framing checks for bare LF and NUL and finds the end of the body (RFC 3261
// §18.3).
func (s *scanner) framing(start int) {
	h := s.h
	head := s.raw[start:h.Body]
	if bytes.Count(head, []byte("\n")) != s.lfs {
		h.dirty = true
		s.bad("Bare LF In Header")
	}
	if bytes.IndexByte(head, 0) >= 0 && !nulQuoted(head) {
		h.dirty = true
		s.bad("NUL In Header")
	}
	if h.ContentLength < 0 {
		return
	}
	if h.ContentLength > len(s.raw)-h.Body {
		s.bad("Content-Length Beyond Message")
		return
	}
	h.End = h.Body + h.ContentLength
}

// nulQuoted reports whether every NUL is the second half of a quoted-pair,
// where the grammar allows it (RFC 3261 §25.1, RFC 4475 §3.1.1.2).
func nulQuoted(head []byte) bool {
	quoted := false
	for i := 0; i < len(head); i++ {
		switch head[i] {
		case 0:
			return false
		case '"':
			quoted = !quoted
		case '\\':
			if quoted {
				i++
			}
		case '\n':
			if i+1 >= len(head) || !isWSP(head[i+1]) {
				quoted = false
			}
		}
	}
	return true
}

// complete checks that what RFC 3261 §8.1.1 demands is there.
func (s *scanner) complete() {
	h := s.h
	switch {
	case s.seen&(1<<kindTo) == 0:
		s.bad("Missing To")
	case s.seen&(1<<kindFrom) == 0:
		s.bad("Missing From")
	case s.seen&(1<<kindCallID) == 0:
		s.bad("Missing Call-ID")
	case s.seen&(1<<kindCSeq) == 0:
		s.bad("Missing CSeq")
	case h.SentBy.Empty():
		s.bad("Missing Via")
	}
	if h.Request && s.seen&(1<<kindCSeq) != 0 && !bytes.Equal(h.CSeqMethod.Of(s.raw), h.Token.Of(s.raw)) {
		s.bad("CSeq Method Mismatch")
	}
	if !h.Request {
		h.Method = methodOf(h.CSeqMethod.Of(s.raw))
	}
}

// result turns a fault into what is to be done (RFC 3261 §16.3, §17.1.1.3: an
// ACK is never answered, nor is a response).
func (s *scanner) result() Result {
	switch {
	case s.f.Status == 0:
		return OK
	case !s.h.Request, s.h.Method == ACK, s.h.SentBy.Empty():
		return Drop
	}
	return Bad
}

// normalise returns the message with the folded lines of headers that the
// scanner reads unfolded (RFC 3261 §7.3.1: a fold is one space) and the
// version of the start line in upper case (RFC 3261 §7.1). Other lines stay
// as they came, folds and all.
func normalise(raw []byte, h *Head) []byte {
	out := make([]byte, 0, len(raw))
	first := h.firstLine(raw)
	out = append(out, raw[h.Start:first]...)
	if v := len(out) - 2 - len(version); h.Request && v >= 0 && fold(out[v:v+len(version)], "sip/2.0") {
		copy(out[v:], version)
	}
	if !h.Request && len(out) >= len(version) && fold(out[:len(version)], "sip/2.0") {
		copy(out, version)
	}
	var l line
	pos := first
	for h.more(raw, &pos, &l) {
		if l.folded && l.kind != kindOther {
			out = unfold(out, raw[l.off:l.next])
			continue
		}
		out = append(out, raw[l.off:l.next]...)
	}
	return append(out, raw[pos:]...)
}

const version = "SIP/2.0"

// unfold appends one header line, each fold turned into one space.
func unfold(out, ln []byte) []byte {
	for i := 0; i < len(ln); i++ {
		if ln[i] == '\r' && i+2 < len(ln) && ln[i+1] == '\n' {
			for i += 2; i < len(ln) && isWSP(ln[i]); i++ {
			}
			out = append(out, ' ')
			i--
			continue
		}
		out = append(out, ln[i])
	}
	return out
}
