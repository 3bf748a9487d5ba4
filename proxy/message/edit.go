package message

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
)

// Edit is what a proxy changes in a message it forwards; everything else comes
// out byte for byte and in order (RFC 3261 §16.6(1)). The zero value but for
// MaxForwards (-1: leave) changes nothing; use KeepAll as the start. Values are
// without the header name and the line end, except Add.
type Edit struct {
	URI     []byte // new Request-URI; nil: keep
	PushVia []byte // "SIP/2.0/UDP 10.0.0.1:5060;branch=…", its own line above the others

	// StampReceived is the source of the request; SetReceived writes received=
	// and SetRPort rport= into the previous top Via (RFC 3261 §18.2.1, RFC
	// 3581 §4). NeedsReceived gives the two.
	StampReceived         netip.AddrPort
	SetReceived, SetRPort bool
	StripVia              bool // remove the top Via value (RFC 3261 §16.7(3))

	// PushRecordRoute are lines before the existing ones, [0] on top (RFC 3261
	// §16.6(4), RFC 5658).
	PushRecordRoute [2][]byte

	DropRoutes    int    // remove the first n Route values
	DropLastRoute bool   // remove the last Route value (RFC 3261 §16.4, strict router upstream)
	PushRoute     []byte // line before the existing Route lines
	LastRoute     []byte // line after the existing Route lines (RFC 3261 §16.6(6))

	MaxForwards int // -1: leave; else the new value, inserted when absent

	SetCSeq bool   // the number in CSeq
	CSeq    uint32 // 0 to 2^31-1
	SetRAck bool   // the CSeq number in RAck, that of the INVITE (RFC 3262 §7.2)
	RAck    uint32

	FromURI          []byte   // new URI in From, all else of it stays; nil: keep
	ToURI            []byte   // likewise in To
	Contact          []byte   // new URI of the first Contact; nil: keep
	History          []byte   // History-Info line after the existing ones: entries stand in order (RFC 7044 §10.3)
	Add              [][]byte // whole lines made by Line, after the Via and Record-Route block
	Drop             []string // names of headers to remove whole, long or compact form
	SetContentLength bool     // add Content-Length when absent (streams, RFC 3261 §16.6(9))
}

// KeepAll is the Edit that changes nothing.
func KeepAll() Edit { return Edit{MaxForwards: -1} }

// Check names the first value that would break the framing of the message: one
// with CR, LF or NUL, or a line of Add that is not "Name: value\r\n". nil: all
// are fit.
func (e *Edit) Check() error {
	for _, v := range [...]struct {
		name  string
		value []byte
	}{
		{"Request-URI", e.URI},
		{"Via", e.PushVia},
		{"Record-Route", e.PushRecordRoute[0]},
		{"Record-Route", e.PushRecordRoute[1]},
		{"Route", e.PushRoute},
		{"Route", e.LastRoute},
		{"From", e.FromURI},
		{"To", e.ToURI},
		{"Contact", e.Contact},
		{"History-Info", e.History},
	} {
		if !clean(v.value) {
			return &FramingError{Field: v.name}
		}
	}
	for _, l := range e.Add {
		if !wholeLine(l) {
			return &FramingError{Field: "Add"}
		}
	}
	return nil
}

func (e *Edit) fit() bool {
	for _, l := range e.Add {
		if !wholeLine(l) {
			return false
		}
	}
	return clean(e.URI) && clean(e.PushVia) && clean(e.PushRecordRoute[0]) && clean(e.PushRecordRoute[1]) &&
		clean(e.PushRoute) && clean(e.LastRoute) && clean(e.Contact) && clean(e.History) &&
		clean(e.FromURI) && clean(e.ToURI)
}

// FramingError refuses a value with CR, LF or NUL, or a malformed line.
type FramingError struct{ Field string }

func (e *FramingError) Error() string {
	return fmt.Sprintf("build message: %s holds CR, LF or NUL or is no header line; pass a single-line value", e.Field)
}

// Line makes a header line for Edit.Add, AppendResponse and Request.Extra. It
// refuses a name that is no token and a value with CR, LF or NUL: a header can
// only be injected by passing one through here. Check looks again, so a line
// built by hand is caught too.
func Line(name, value string) ([]byte, error) {
	if !isToken([]byte(name)) || !clean([]byte(value)) {
		return nil, &FramingError{Field: name}
	}
	b := make([]byte, 0, len(name)+len(value)+4)
	b = append(append(append(b, name...), ": "...), value...)
	return append(b, crlf...), nil
}

// clean reports that b has no CR, LF or NUL.
func clean(b []byte) bool {
	for _, c := range b {
		if c == '\r' || c == '\n' || c == 0 {
			return false
		}
	}
	return true
}

// wholeLine reports that b is "Name: value\r\n" and nothing more.
func wholeLine(b []byte) bool {
	n := len(b) - 2
	if n < 2 || string(b[n:]) != crlf || !clean(b[:n]) {
		return false
	}
	colon := bytes.IndexByte(b, ':')
	return colon > 0 && isToken(b[:colon])
}

// cut replaces raw[off:end] by pre, a content and post. off == end inserts. It
// names its content and does not point to it: a list of cuts that held slices
// of an Edit would move the caller's buffers to the heap.
type cut struct {
	off, end  int
	pre, post string
	num       uint32 // of isNumber, and the index of isAdd
	what      content
}

// content says what stands between pre and post.
type content uint8

const (
	isNothing content = iota
	isNumber
	isAddress // of the source
	isURI
	isVia
	isRecordRoute0
	isRecordRoute1
	isRoute
	isLastRoute
	isContact
	isFrom
	isTo
	isHistory
	isAdd
)

// append writes what replaces raw[c.off:c.end].
func (c *cut) append(dst []byte, e *Edit, src netip.AddrPort) []byte {
	dst = append(dst, c.pre...)
	switch c.what {
	case isNothing:
	case isNumber:
		dst = strconv.AppendUint(dst, uint64(c.num), 10)
	case isAddress:
		dst = src.Addr().Unmap().AppendTo(dst)
	default:
		dst = append(dst, e.text(c)...)
	}
	return append(dst, c.post...)
}

func (e *Edit) text(c *cut) []byte {
	switch c.what {
	case isURI:
		return e.URI
	case isVia:
		return e.PushVia
	case isRecordRoute0, isRecordRoute1:
		return e.PushRecordRoute[c.what-isRecordRoute0]
	case isRoute:
		return e.PushRoute
	case isLastRoute:
		return e.LastRoute
	case isContact:
		return e.Contact
	case isFrom:
		return e.FromURI
	case isTo:
		return e.ToURI
	case isHistory:
		return e.History
	}
	return e.Add[c.num]
}

// cuts is kept sorted by offset, insertions before replacements at the same
// one, otherwise in order of addition.
func addCut(cs []cut, c cut) []cut {
	i := len(cs)
	for i > 0 && (cs[i-1].off > c.off || cs[i-1].off == c.off && c.off == c.end && cs[i-1].end > cs[i-1].off) {
		i--
	}
	cs = append(cs, c)
	copy(cs[i+1:], cs[i:])
	cs[i] = c
	return cs
}

// AppendForward appends raw, as h was scanned from it, with the edits of e.
// Bytes before the start line and after the body are left out. When a value of
// e is not fit (Edit.Check), dst comes back unchanged: nothing is ever written
// that could be read as another header. No allocation beyond dst's growth
// unless Drop removes more than a dozen lines.
func AppendForward(dst, raw []byte, h *Head, e *Edit) []byte {
	if !e.fit() {
		return dst
	}
	cs := make([]cut, 0, 20)
	if e.URI != nil {
		cs = addCut(cs, cut{off: at(h.URI), end: upto(h.URI), what: isURI})
	}
	cs = e.vias(cs, raw, h)
	cs = e.routes(cs, raw, h)
	cs = e.numbers(cs, raw, h)
	cs = e.parties(cs, raw, h)
	cs = e.lines(cs, raw, h)
	pos := h.Start
	for i := range cs {
		c := &cs[i]
		if c.off < pos {
			continue // inside a line that Drop removed
		}
		dst = append(dst, raw[pos:c.off]...)
		dst = c.append(dst, e, e.StampReceived)
		pos = c.end
	}
	return append(dst, raw[pos:h.End]...)
}

func at(s Span) int   { return int(s.Off) }
func upto(s Span) int { return int(s.Off) + int(s.Len) }

// top is where a line above all others of its kind goes.
func (h *Head) top(first Span) int {
	if first.Empty() {
		return h.ViaEnd
	}
	return at(first)
}

func (e *Edit) vias(cs []cut, raw []byte, h *Head) []cut {
	if e.PushVia != nil {
		i := h.top(h.ViaLine)
		cs = addCut(cs, cut{off: i, end: i, pre: "Via: ", what: isVia, post: crlf})
	}
	if h.ViaLine.Empty() {
		return cs
	}
	if e.StripVia {
		off, end := at(h.ViaLine), upto(h.ViaLine)
		if next := skipLWS(raw, upto(h.Via), end); next < end && raw[next] == ',' {
			off, end = at(h.Via), skipLWS(raw, next+1, end)
		}
		return addCut(cs, cut{off: off, end: end})
	}
	return stampCuts(cs, raw, h, e.StampReceived, e.SetReceived, e.SetRPort)
}

// stampCuts writes received= and rport= of src into the top Via, and the answer to
// a keep that asks. In a request that goes on too: its response brings them back.
func stampCuts(cs []cut, raw []byte, h *Head, src netip.AddrPort, received, rport bool) []cut {
	if asksToKeep(raw, h) { // first: it may end where the others are appended
		c := cut{off: upto(h.Via), end: upto(h.Via), num: keepEvery, what: isNumber}
		cs = addCut(cs, c.over(raw, h.Keep))
	}
	if rport {
		c := cut{off: upto(h.Via), end: upto(h.Via), pre: ";rport=", num: uint32(src.Port()), what: isNumber}
		cs = addCut(cs, c.over(raw, h.RPort))
	}
	if received {
		c := cut{off: upto(h.Via), end: upto(h.Via), pre: ";received=", what: isAddress}
		cs = addCut(cs, c.over(raw, h.Received))
	}
	return cs
}

// over turns an appended parameter into the value of one that is there, at s
// (with a value, with "=" alone, or a flag).
func (c cut) over(raw []byte, s Span) cut {
	if s.Off == 0 {
		return c
	}
	c.off, c.end, c.pre = at(s), upto(s), "="
	if s.Len > 0 || raw[s.Off-1] == '=' {
		c.pre = ""
	}
	return c
}

func (e *Edit) routes(cs []cut, raw []byte, h *Head) []cut {
	rr := h.top(h.FirstRR)
	for i, v := range e.PushRecordRoute {
		if v != nil {
			cs = addCut(cs, cut{off: rr, end: rr, pre: "Record-Route: ", what: isRecordRoute0 + content(i), post: crlf})
		}
	}
	if e.PushRoute != nil {
		i := h.top(h.RouteLine)
		cs = addCut(cs, cut{off: i, end: i, pre: "Route: ", what: isRoute, post: crlf})
	}
	if e.DropRoutes > 0 || e.DropLastRoute || e.LastRoute != nil {
		cs = e.dropRoutes(cs, raw, h)
	}
	return cs
}

func (e *Edit) lines(cs []cut, raw []byte, h *Head) []cut {
	for i := range e.Add {
		cs = addCut(cs, cut{off: h.ViaEnd, end: h.ViaEnd, num: uint32(i), what: isAdd})
	}
	if e.Contact != nil && !h.ContactURI.Empty() {
		c := cut{off: at(h.ContactURI), end: upto(h.ContactURI), what: isContact}
		if raw[c.off-1] != '<' {
			c.pre, c.post = "<", ">"
		}
		cs = addCut(cs, c)
	}
	if e.History != nil {
		i := h.afterHistory(raw)
		cs = addCut(cs, cut{off: i, end: i, pre: "History-Info: ", what: isHistory, post: crlf})
	}
	if e.SetContentLength && h.ContentLength < 0 {
		cs = addCut(cs, cut{off: h.ViaEnd, end: h.ViaEnd, pre: "Content-Length: ", num: uint32(h.End - h.Body), what: isNumber, post: crlf})
	}
	if len(e.Drop) > 0 {
		cs = e.dropLines(cs, raw, h)
	}
	return cs
}
