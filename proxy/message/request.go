package message

import "strconv"

// AppendACK appends the ACK for the non-2xx final resp (scanned into rh) on the
// branch whose INVITE went out as sent (scanned into h), RFC 3261 §17.1.1.3:
// same Request-URI, one Via (the top one of sent), the Route values of sent,
// From, Call-ID and CSeq number of sent, To of the response, credentials of the
// INVITE (RFC 3261 §22.1).
func AppendACK(dst, sent []byte, h *Head, resp []byte, rh *Head) []byte {
	dst = hopByHop(dst, "ACK", sent, h)
	dst = value(dst, "To: ", resp, rh, rh.To)
	return h.finish(dst, sent, "ACK", nil)
}

// AppendCancel appends the CANCEL of the INVITE that went out as sent (RFC 3261
// §9.1). reason is the value of a Reason header (RFC 3326), or that line whole
// with its CRLF; nil: none. dst comes back unchanged when reason is not fit.
func AppendCancel(dst, sent []byte, h *Head, reason []byte) []byte {
	if n := len(reason); n > 8 && string(reason[n-2:]) == crlf && fold(reason[:7], "reason:") {
		reason = trim(reason[7:])
	}
	if !clean(reason) {
		return dst
	}
	dst = hopByHop(dst, "CANCEL", sent, h)
	dst = value(dst, "To: ", sent, h, h.To)
	return h.finish(dst, sent, "CANCEL", reason)
}

// hopByHop writes what ACK and CANCEL share, up to From.
func hopByHop(dst []byte, method string, sent []byte, h *Head) []byte {
	dst = append(append(dst, method...), ' ')
	dst = append(dst, h.URI.Of(sent)...)
	dst = append(dst, " SIP/2.0\r\nVia: "...)
	dst = append(append(dst, h.Via.Of(sent)...), crlf...)
	if h.Routes > 0 {
		dst = copyLinesFrom(dst, sent, h, kindRoute, at(h.RouteLine))
	}
	return value(dst, "From: ", sent, h, h.From)
}

// finish writes Call-ID, CSeq with another method and the rest.
func (h *Head) finish(dst, sent []byte, method string, reason []byte) []byte {
	dst = value(dst, "Call-ID: ", sent, h, h.CallID)
	dst = append(append(dst, "CSeq: "...), h.CSeqValue.Of(sent)...)
	dst = append(append(append(dst, ' '), method...), crlf...)
	dst = append(dst, "Max-Forwards: 70\r\n"...)
	if h.Authorized && method == "ACK" {
		dst = copyLines(dst, sent, h, kindAuthorization)
		dst = copyLines(dst, sent, h, kindProxyAuthorization)
	}
	if len(reason) > 0 {
		dst = append(append(append(dst, "Reason: "...), reason...), crlf...)
	}
	return append(dst, "Content-Length: 0\r\n\r\n"...)
}

// Request is a request of our own. Values are as they stand behind the header
// name, without line end; an empty one leaves the header out.
type Request struct {
	Method, URI, Via, From, To, CallID string
	CSeq                               uint32
	MaxForwards                        int // 0: 70
	Contact                            string
	Routes                             []string // one line each, in order
	Extra                              [][]byte // whole lines made by Line
	Body                               []byte
	ContentType                        string // of Body
}

// Check names the first field that would break the framing; nil: all are fit.
func (q *Request) Check() error {
	if !isToken([]byte(q.Method)) {
		return &FramingError{Field: "Method"}
	}
	for _, v := range [...]struct{ name, value string }{
		{"URI", q.URI},
		{"Via", q.Via},
		{"From", q.From},
		{"To", q.To},
		{"CallID", q.CallID},
		{"Contact", q.Contact},
		{"ContentType", q.ContentType},
	} {
		if !cleanString(v.value) {
			return &FramingError{Field: v.name}
		}
	}
	for _, r := range q.Routes {
		if !cleanString(r) {
			return &FramingError{Field: "Routes"}
		}
	}
	for _, l := range q.Extra {
		if !wholeLine(l) {
			return &FramingError{Field: "Extra"}
		}
	}
	return nil
}

// AppendRequest appends q. Content-Length is always written. dst comes back
// unchanged when a field is not fit (Request.Check).
func AppendRequest(dst []byte, q *Request) []byte {
	if q.Check() != nil {
		return dst
	}
	maxForwards := q.MaxForwards
	if maxForwards == 0 {
		maxForwards = 70
	}
	dst = append(append(dst, q.Method...), ' ')
	dst = append(append(dst, q.URI...), " SIP/2.0\r\n"...)
	dst = text(dst, "Via: ", q.Via)
	dst = append(dst, "Max-Forwards: "...)
	dst = append(strconv.AppendInt(dst, int64(maxForwards), 10), crlf...)
	for _, r := range q.Routes {
		dst = text(dst, "Route: ", r)
	}
	dst = text(dst, "From: ", q.From)
	dst = text(dst, "To: ", q.To)
	dst = text(dst, "Call-ID: ", q.CallID)
	dst = append(dst, "CSeq: "...)
	dst = append(strconv.AppendUint(dst, uint64(q.CSeq), 10), ' ')
	dst = append(append(dst, q.Method...), crlf...)
	dst = text(dst, "Contact: ", q.Contact)
	for _, l := range q.Extra {
		dst = append(dst, l...)
	}
	dst = text(dst, "Content-Type: ", q.ContentType)
	dst = append(dst, "Content-Length: "...)
	dst = append(strconv.AppendInt(dst, int64(len(q.Body)), 10), "\r\n\r\n"...)
	return append(dst, q.Body...)
}

func text(dst []byte, name, v string) []byte {
	if v == "" {
		return dst
	}
	return append(append(append(dst, name...), v...), crlf...)
}
