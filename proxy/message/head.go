// Package message scans, checks and edits SIP messages as bytes: RFC 3261
// §16.3, 16.4, 16.6, 16.7(3), §8.2.6 (responses of our own), §9.1 and §17.1.1.3
// (CANCEL and ACK built from an INVITE as it was sent).
//
// A Head is offsets into the message it was scanned from: nothing is copied,
// nothing is allocated, and it is valid as long as those bytes are. Two legal
// oddities are normalised into a new buffer: a folded line of a header that a
// proxy reads, and a lower-case "sip/2.0"; the caller sees the same Head and
// other bytes. sipgo's parser judges nothing here: it corrupts legal Via and
// tag syntax (spaces around "=", quoted parameters) and upper-cases methods;
// the tests use it as the second opinion on what Scan read.
//
//	datagram ─ Scan ─┬─ OK ────── AppendForward (a request or response, edited)
//	                 │       └─── AppendResponse, AppendACK, AppendCancel
//	                 ├─ Bad ───── AppendResponse with Fault
//	                 ├─ Drop ──── counted
//	                 └─ KeepAlive ignored
//
// No value with CR, LF or NUL is ever written: the Append functions return dst
// unchanged when one of their arguments would break the framing; Edit.Check,
// Request.Check and Line say which.
//
// The package keeps no state. Pure; functions are safe for concurrent use.
// Keys is the exception: it holds hash states and belongs to one shard.
package message

// Method is a request method.
type Method uint8

// The methods a proxy treats in a way of their own; all others are Other and
// forwarded as they are (RFC 3261 §16.3(1)). Method names are case-sensitive
// (RFC 3261 §7.1).
const (
	Other Method = iota
	INVITE
	ACK
	CANCEL
	BYE
	OPTIONS
	REGISTER
	PRACK
	UPDATE
	REFER
	NOTIFY
	SUBSCRIBE
	INFO
	MESSAGE
	PUBLISH
)

// Span is a part of the message: raw[Off:Off+Len]. Len 0 with Off 0 means absent.
type Span struct{ Off, Len uint16 }

// Of returns the bytes of the span.
func (s Span) Of(raw []byte) []byte { return raw[s.Off : int(s.Off)+int(s.Len)] }

// Empty reports whether the part is absent or has no bytes.
func (s Span) Empty() bool { return s.Len == 0 }

// Head is what a proxy reads of one message. All spans point into the bytes
// that Scan returned.
type Head struct {
	Request bool
	Method  Method // of the request, or of CSeq in a response
	Status  uint16 // responses: 100–699
	Token   Span   // method as written (requests)
	URI     Span   // Request-URI
	UserOf  Span   // user part of the Request-URI, undecoded
	HostOf  Span   // host[:port] of the Request-URI

	// Top Via.
	ViaLine      Span // first Via header line whole, "Via: …\r\n"
	Via          Span // first value (without the comma or line end)
	ViaTransport Span // "UDP"
	SentBy       Span // host[:port]
	Branch       Span
	Received     Span // value of received=; Off is set even when the value is empty
	RPort        Span // value of rport=, empty when the flag stands alone (Off: where the name ends)
	HasRPort     bool
	Keep         Span // value of keep=, as RPort (RFC 6223)
	HasKeep      bool
	Vias         uint16 // number of Via values in the message

	CallID      Span
	CSeq        uint32
	CSeqMethod  Span
	CSeqValue   Span // the digits
	From, To    Span // header values whole
	FromTag     Span
	ToTag       Span
	Contact     Span // first Contact value whole (to the line end)
	ContactURI  Span // URI of the first Contact value
	MaxForwards int  // -1 absent
	MaxFwdValue Span

	// Route: up to four top values, each URI with its angle brackets removed.
	RouteLine  Span    // first Route header line whole
	Route      [4]Span // URIs
	RouteValue [4]Span // values whole, "<sip:…>;param"
	Routes     uint16  // number of Route values in the message

	RecordRoutes uint16 // number of Record-Route values
	FirstRR      Span   // first Record-Route line whole (empty: none)

	ContentLength int // -1 absent
	Body          int // offset of the body, = len(raw) when there is none
	End           int // offset of the end of the message (≤ len(raw))

	Expires        int  // -1 absent
	RetryAfter     bool // header present
	Retry          int  // seconds; 0 when absent or unreadable
	Replaces       Span
	ProxyRequire   Span
	Require100     bool // Require lists 100rel
	RSeq           bool
	Timestamp      Span   // header line whole
	Authorized     bool   // carries Authorization or Proxy-Authorization
	Reason         Span   // value of the first Reason header
	Diversions     uint16 // Diversion entries
	Histories      uint16 // History-Info entries that tell of a forwarding: those with a cause
	Event          Span
	ReferTo        Span
	SessionExpires int  // delta-seconds; -1 absent
	RAck           Span // header value whole, "776656 1 INVITE"

	Start  int // offset of the start line: CRLFs before it are ignored (RFC 3261 §7.5)
	ViaEnd int // offset after the unbroken run of Via lines that begins at ViaLine; without Via: after the start line; where new lines go

	Lines       uint16 // header lines
	LongestLine uint16 // bytes of the longest one, folds and CRLF included

	dirty bool // bare CR, LF or NUL in the header part: never echo a value unfiltered
}

// Result is what Scan says of a message.
type Result uint8

// OK: Head is filled. KeepAlive: CRLF or a STUN-like datagram; ignore.
// Drop: not worth an answer (a malformed response or ACK, or a request that
// names no way back). Bad: answer with Status (RFC 3261 §16.3, §8.2).
const (
	OK Result = iota
	KeepAlive
	Drop
	Bad
)

// Fault explains a Result other than OK.
type Fault struct {
	Status uint16 // 400, 416, 420, 483, 505, 513, …
	Reason string // reason phrase to send, e.g. "Missing Call-ID"
}

// Forwarded is how often a request says that its call was forwarded. The same
// forwarding may stand in both headers: the greater number counts.
func (h *Head) Forwarded() uint16 { return max(h.Diversions, h.Histories) }
