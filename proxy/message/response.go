package message

import (
	"net/netip"
	"strconv"
)

// Stamp is what a response of ours carries in the top Via of the request: the
// source the request came from, and which of received= and rport= to write
// (NeedsReceived). The zero value writes nothing.
type Stamp struct {
	Addr            netip.AddrPort
	Received, RPort bool
}

// AppendResponse appends a response of our own to the request raw (RFC 3261
// §8.2.6): all Via values in order, From, To with toTag unless it has a tag or
// status is 100, Call-ID, CSeq; Record-Route for 101–299 to a request that
// forms a dialog (RFC 3261 §12.1.1); Timestamp on 100; then extra, whole lines
// made by Line; Content-Length: 0. After a Bad scan, what was not found is left
// out and bytes that would break the framing become spaces. dst comes back
// unchanged when reason, toTag or a line of extra is not fit.
func AppendResponse(dst, raw []byte, h *Head, status int, reason, toTag string, extra ...[]byte) []byte {
	return Stamp{}.AppendResponse(dst, raw, h, status, reason, toTag, extra...)
}

// AppendResponse is the function of that name with the top Via stamped.
func (s Stamp) AppendResponse(dst, raw []byte, h *Head, status int, reason, toTag string, extra ...[]byte) []byte {
	if status < 100 || status > 699 || !cleanString(reason) || !cleanString(toTag) {
		return dst
	}
	for _, l := range extra {
		if !wholeLine(l) {
			return dst
		}
	}
	dst = append(dst, "SIP/2.0 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(append(dst, reason...), crlf...)
	dst = s.vias(dst, raw, h)
	if status > 100 && status < 300 && h.RecordRoutes > 0 && formsDialog(h.Method) {
		dst = copyLines(dst, raw, h, kindRecordRoute)
	}
	dst = value(dst, "From: ", raw, h, h.From)
	if !h.To.Empty() {
		dst = append(append(dst, "To: "...), h.To.Of(raw)...)
		blank(dst[len(dst)-int(h.To.Len):], h)
		if status > 100 && h.ToTag.Empty() && toTag != "" {
			dst = append(append(dst, ";tag="...), toTag...)
		}
		dst = append(dst, crlf...)
	}
	dst = value(dst, "Call-ID: ", raw, h, h.CallID)
	dst = cseqLine(dst, raw, h)
	if status == 100 && !h.Timestamp.Empty() && !h.dirty {
		dst = append(dst, h.Timestamp.Of(raw)...)
	}
	for _, l := range extra {
		dst = append(dst, l...)
	}
	return append(dst, "Content-Length: 0\r\n\r\n"...)
}

// AppendAnswer is AppendResponse with an SDP body.
func (s Stamp) AppendAnswer(dst, raw []byte, h *Head, status int, reason, toTag string, body []byte, extra ...[]byte) []byte {
	const none = "Content-Length: 0\r\n\r\n"
	before := len(dst)
	if dst = s.AppendResponse(dst, raw, h, status, reason, toTag, extra...); len(dst) == before {
		return dst
	}
	dst = append(dst[:len(dst)-len(none)], "Content-Type: application/sdp\r\nContent-Length: "...)
	dst = append(strconv.AppendInt(dst, int64(len(body)), 10), "\r\n\r\n"...)
	return append(dst, body...)
}

func formsDialog(m Method) bool {
	return m == INVITE || m == SUBSCRIBE || m == REFER || m == NOTIFY
}

// vias copies the Via values, the first one stamped.
func (s Stamp) vias(dst, raw []byte, h *Head) []byte {
	if h.Via.Empty() {
		return dst
	}
	cs := stampCuts(make([]cut, 0, 3), raw, h, s.Addr, s.Received, s.RPort)
	mark := len(dst)
	dst = append(dst, "Via: "...)
	pos := at(h.Via)
	for i := range cs {
		c := &cs[i]
		dst = append(dst, raw[pos:c.off]...)
		dst = c.append(dst, nil, s.Addr)
		pos = c.end
	}
	rest := max(pos, upto(h.ViaLine)-len(crlf)) // a line cut short has no CRLF
	dst = append(dst, raw[pos:trimEnd(raw, pos, rest)]...)
	blank(dst[mark:], h)
	dst = append(dst, crlf...)
	if h.Vias == 1 {
		return dst
	}
	return copyLinesFrom(dst, raw, h, kindVia, upto(h.ViaLine))
}

// copyLines copies every line of one kind as it came.
func copyLines(dst, raw []byte, h *Head, k kind) []byte {
	return copyLinesFrom(dst, raw, h, k, h.firstLine(raw))
}

func copyLinesFrom(dst, raw []byte, h *Head, k kind, pos int) []byte {
	var l line
	for h.more(raw, &pos, &l) {
		if l.kind != k || l.unending {
			continue
		}
		mark := len(dst)
		dst = append(dst, raw[l.off:l.next-2]...)
		blank(dst[mark:], h)
		dst = append(dst, crlf...)
	}
	return dst
}

// value writes one header from a span; nothing when it was not found.
func value(dst []byte, name string, raw []byte, h *Head, s Span) []byte {
	if s.Empty() {
		return dst
	}
	dst = append(append(dst, name...), s.Of(raw)...)
	blank(dst[len(dst)-int(s.Len):], h)
	return append(dst, crlf...)
}

func cseqLine(dst, raw []byte, h *Head) []byte {
	if h.CSeqMethod.Empty() {
		return dst
	}
	return value(dst, "CSeq: ", raw, h, sp(at(h.CSeqValue), upto(h.CSeqMethod)))
}

// blank turns what breaks the framing into spaces; only in the answer to a
// message that Scan found to hold such bytes.
func blank(b []byte, h *Head) {
	if !h.dirty {
		return
	}
	for i, c := range b {
		if c == '\r' || c == '\n' || c == 0 {
			b[i] = ' '
		}
	}
}

func cleanString(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == '\r' || c == '\n' || c == 0 {
			return false
		}
	}
	return true
}
