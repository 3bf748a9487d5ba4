package abuse

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
)

// serial makes names that were not used before in this process.
var serial atomic.Uint64

func unique(prefix string) string { return prefix + strconv.FormatUint(serial.Add(1), 36) }

const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"

// request is one that is written by hand, so that any part of it can be wrong.
type request struct {
	method, uri string
	network     string         // UDP, TCP or TLS
	from        netip.AddrPort // Via and Contact
	branch      string         // "": a new one
	callID      string
	fromTag     string
	caller      string // user of From
	to          string // whole value of To
	cseq        int
	routes      []string
	extra       []string // further header lines, without their end
	body        string
}

// to a number at Relève, out of nowhere.
func newRequest(method, network string, from, to netip.AddrPort, number string) request {
	uri := "sip:" + number + "@" + to.String()
	if number == "" {
		uri = "sip:" + to.String()
	}
	return request{
		method: method, uri: uri, network: network, from: from, callID: unique("abuse-"), fromTag: unique("t"),
		caller: "0145000001", to: "<" + uri + ">", cseq: 1,
	}
}

func (r *request) bytes() []byte {
	if r.branch == "" {
		r.branch = unique("z9hG4bKabuse")
	}
	contact := "sip:" + r.caller + "@" + r.from.String()
	if r.network != "UDP" {
		contact += ";transport=" + strings.ToLower(r.network)
	}
	b := fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <%s>\r\n",
		r.method, r.uri, r.network, r.from, r.branch, r.caller, r.from.Addr(), r.fromTag, r.to, r.callID, r.cseq, r.method, contact)
	for _, route := range r.routes {
		b = fmt.Appendf(b, "Route: %s\r\n", route)
	}
	for _, line := range r.extra {
		b = fmt.Appendf(b, "%s\r\n", line)
	}
	if r.body != "" {
		b = append(b, "Content-Type: application/sdp\r\n"...)
	}
	return fmt.Appendf(b, "Content-Length: %d\r\n\r\n%s", len(r.body), r.body)
}

// message is one that was received.
type message struct {
	first  string
	status int // 0: a request
	fields [][2]string
}

// readMessage reads one from a stream.
func readMessage(in *bufio.Reader) (m message, err error) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return m, err
		}
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "" && m.first == "": // keep-alive
		case line == "":
			n, err := strconv.Atoi(m.value("Content-Length"))
			if err != nil || n < 0 || n > 1<<16 {
				return m, errors.New("a message without a usable Content-Length came")
			}
			_, err = io.CopyN(io.Discard, in, int64(n))
			return m, err
		case m.first == "":
			m.first = line
			if rest, ok := strings.CutPrefix(line, "SIP/2.0 "); ok {
				m.status, _ = strconv.Atoi(rest[:min(3, len(rest))])
			}
		default:
			name, value, _ := strings.Cut(line, ":")
			m.fields = append(m.fields, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
		}
	}
}

// parseDatagram reads one from a datagram; what is no message is an error.
func parseDatagram(raw []byte) (message, error) {
	return readMessage(bufio.NewReader(strings.NewReader(string(raw))))
}

func (m *message) value(name string) string {
	for _, f := range m.fields {
		if strings.EqualFold(f[0], name) {
			return f[1]
		}
	}
	return ""
}

// method is that of CSeq.
func (m *message) method() string {
	_, method, _ := strings.Cut(m.value("CSeq"), " ")
	return strings.TrimSpace(method)
}

// dialog names the dialog of a response: malformed messages may share a Call-ID.
func (m *message) dialog() string {
	_, tag, _ := strings.Cut(m.value("To"), "tag=")
	return m.value("Call-ID") + " " + tag
}

// routes is the Record-Route as the caller's Route set: backwards (RFC 3261 §12.1.2).
func (m *message) routes() (set []string) {
	for _, f := range m.fields {
		if !strings.EqualFold(f[0], "Record-Route") {
			continue
		}
		for _, one := range strings.Split(f[1], ",") {
			set = append([]string{strings.TrimSpace(one)}, set...)
		}
	}
	return set
}

// contact is the URI of Contact.
func (m *message) contact() string {
	_, rest, ok := strings.Cut(m.value("Contact"), "<")
	if !ok {
		return m.value("Contact")
	}
	uri, _, _ := strings.Cut(rest, ">")
	return uri
}

// answer is what a party says to a request that is none of its calls'.
func answer(m *message, status string) []byte {
	b := []byte("SIP/2.0 " + status + "\r\n")
	for _, f := range m.fields {
		switch strings.ToLower(f[0]) {
		case "via", "from", "to", "call-id", "cseq":
			b = fmt.Appendf(b, "%s: %s\r\n", f[0], f[1])
		}
	}
	return append(b, "Content-Length: 0\r\n\r\n"...)
}
