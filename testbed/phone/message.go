package phone

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Field is one header line; its value is kept as it came.
type Field struct{ Name, Value string }

// Message is one SIP message. Status 0 is a request.
type Message struct {
	Method string // of the request, or of CSeq in a response
	URI    string // Request-URI as written
	Status int
	Phrase string
	Fields []Field
	Body   []byte
}

var longNames = map[string]string{
	"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "l": "Content-Length",
	"c": "Content-Type", "k": "Supported", "r": "Refer-To", "o": "Event", "x": "Session-Expires",
	"b": "Referred-By", "s": "Subject", "e": "Content-Encoding", "u": "Allow-Events",
}

// newParser leaves every header but Content-Length as it was written: sipgo's
// typed headers lose parameters.
func newParser() *sip.Parser {
	all := sip.DefaultHeadersParser()
	return sip.NewParser(sip.WithHeadersParsers(map[string]sip.HeaderParser{
		"content-length": all["content-length"], "l": all["l"],
	}))
}

// parse reads one datagram with sipgo and takes it into our own flat form.
func parse(p *sip.Parser, raw []byte) (*Message, error) {
	parsed, err := p.ParseSIP(raw)
	if err != nil {
		return nil, fmt.Errorf("parse message: %w", err)
	}
	m := &Message{Body: parsed.Body()}
	var fields []sip.Header
	switch t := parsed.(type) {
	case *sip.Request:
		first, _, _ := bytes.Cut(raw, []byte("\r\n"))
		parts := strings.SplitN(string(first), " ", 3)
		m.Method, m.URI = parts[0], parts[1]
		fields = t.Headers()
	case *sip.Response:
		m.Status, m.Phrase = t.StatusCode, t.Reason
		fields = t.Headers()
	}
	m.Fields = make([]Field, 0, len(fields))
	for _, f := range fields {
		name := f.Name()
		if long, ok := longNames[strings.ToLower(name)]; ok {
			name = long
		}
		m.Fields = append(m.Fields, Field{name, f.Value()})
	}
	return m, m.complete()
}

var errIncomplete = errors.New("message lacks Via, From, To, Call-ID or CSeq")

func (m *Message) complete() error {
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		if m.Get(name) == "" {
			return errIncomplete
		}
	}
	if m.Status != 0 {
		_, m.Method = m.CSeq()
	}
	return nil
}

// Get returns the first value of the header, "" when it is absent.
func (m *Message) Get(name string) string {
	for i := range m.Fields {
		if strings.EqualFold(m.Fields[i].Name, name) {
			return m.Fields[i].Value
		}
	}
	return ""
}

// Values returns every value of a list header, in order: lines and commas alike.
func (m *Message) Values(name string) []string {
	var out []string
	for i := range m.Fields {
		if strings.EqualFold(m.Fields[i].Name, name) {
			out = append(out, splitList(m.Fields[i].Value)...)
		}
	}
	return out
}

// Add appends a header line.
func (m *Message) Add(name, value string) { m.Fields = append(m.Fields, Field{name, value}) }

// Set replaces the first line of that name, or appends one.
func (m *Message) Set(name, value string) {
	for i := range m.Fields {
		if strings.EqualFold(m.Fields[i].Name, name) {
			m.Fields[i].Value = value
			return
		}
	}
	m.Add(name, value)
}

// Lists reports whether the list header names token (an option tag).
func (m *Message) Lists(name, token string) bool {
	for _, v := range m.Values(name) {
		if strings.EqualFold(v, token) {
			return true
		}
	}
	return false
}

// CSeq returns number and method; 0 when unreadable.
func (m *Message) CSeq() (uint32, string) {
	number, method, _ := strings.Cut(m.Get("CSeq"), " ")
	n, _ := strconv.ParseUint(strings.TrimSpace(number), 10, 32)
	return uint32(n), strings.TrimSpace(method)
}

// CallID, FromTag and ToTag name the dialog.
func (m *Message) CallID() string { return m.Get("Call-ID") }

// FromTag returns the tag of From, "" when it has none.
func (m *Message) FromTag() string { return param(m.Get("From"), "tag") }

// ToTag returns the tag of To, "" when it has none.
func (m *Message) ToTag() string { return param(m.Get("To"), "tag") }

// branch returns the branch of the top Via.
func (m *Message) branch() string {
	vias := m.Values("Via")
	if len(vias) == 0 {
		return ""
	}
	return param(vias[0], "branch")
}

// bytes writes the message with a right Content-Length.
func (m *Message) bytes() []byte {
	b := make([]byte, 0, 512+len(m.Body))
	if m.Status == 0 {
		b = fmt.Appendf(b, "%s %s SIP/2.0\r\n", m.Method, m.URI)
	} else {
		b = fmt.Appendf(b, "SIP/2.0 %d %s\r\n", m.Status, m.Phrase)
	}
	for i := range m.Fields {
		if strings.EqualFold(m.Fields[i].Name, "Content-Length") {
			continue
		}
		b = append(b, m.Fields[i].Name...)
		b = append(b, ": "...)
		b = append(b, m.Fields[i].Value...)
		b = append(b, "\r\n"...)
	}
	b = fmt.Appendf(b, "Content-Length: %d\r\n\r\n", len(m.Body))
	return append(b, m.Body...)
}

var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 182: "Queued", 183: "Session Progress", 200: "OK", 202: "Accepted",
	302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 408: "Request Timeout", 420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small", 423: "Interval Too Brief",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 486: "Busy Here",
	487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending",
	500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Server Time-out", 600: "Busy Everywhere", 603: "Decline",
}

// response builds the answer to a request (RFC 3261 §8.2.6.2). tag goes into
// To when the request has none and status is not 100.
func response(req *Message, status int, tag string) *Message {
	phrase := phrases[status]
	if phrase == "" {
		phrase = "Status " + strconv.Itoa(status)
	}
	m := &Message{Status: status, Phrase: phrase, Method: req.Method}
	for _, f := range req.Fields {
		switch strings.ToLower(f.Name) {
		case "via", "from", "call-id", "cseq":
			m.Fields = append(m.Fields, f)
		case "record-route":
			if status > 100 && status < 300 {
				m.Fields = append(m.Fields, f)
			}
		case "timestamp":
			if status == 100 {
				m.Fields = append(m.Fields, f)
			}
		case "to":
			if status > 100 && req.ToTag() == "" && tag != "" {
				f.Value += ";tag=" + tag
			}
			m.Fields = append(m.Fields, f)
		}
	}
	return m
}
