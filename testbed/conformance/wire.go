package conformance

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// message is a SIP message as read from the wire: nothing is interpreted, each
// header is its line with its folds and without its last CRLF.
type message struct {
	raw   []byte
	start string
	lines []string
	body  []byte
}

// readMessage splits raw; the body is what Content-Length says of that behind
// the empty line. Total: what is no message has no lines.
func readMessage(raw []byte) *message {
	raw = bytes.TrimLeft(raw, "\r\n")
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	m := &message{raw: raw, body: body}
	for i, line := range strings.Split(string(head), "\r\n") {
		switch {
		case i == 0:
			m.start = line
		case len(m.lines) > 0 && line != "" && (line[0] == ' ' || line[0] == '\t'):
			m.lines[len(m.lines)-1] += "\r\n" + line
		default:
			m.lines = append(m.lines, line)
		}
	}
	if n, err := strconv.Atoi(m.value("content-length")); err == nil && n >= 0 && n <= len(m.body) {
		m.body = m.body[:n]
	}
	return m
}

// short are the compact forms that the parties need (RFC 3261 §7.3.3).
var short = map[string]string{"v": "via", "f": "from", "t": "to", "i": "call-id", "l": "content-length", "m": "contact"}

// nameOf is the long, lower-case name of a header line.
func nameOf(line string) string {
	name, _, _ := strings.Cut(line, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	if long := short[name]; long != "" {
		return long
	}
	return name
}

// all returns the lines of one header.
func (m *message) all(name string) (out []string) {
	for _, l := range m.lines {
		if nameOf(l) == name {
			out = append(out, l)
		}
	}
	return out
}

// value is that of the first header of that name, folds as spaces; "" when none.
func (m *message) value(name string) string {
	for _, l := range m.lines {
		if nameOf(l) == name {
			return valueOf(l)
		}
	}
	return ""
}

func valueOf(line string) string {
	_, v, _ := strings.Cut(line, ":")
	return strings.TrimSpace(unfolded(v))
}

// unfolded turns each fold into one space (RFC 3261 §7.3.1).
func unfolded(line string) string {
	parts := strings.Split(line, "\r\n")
	for i := range parts[1:] {
		parts[i+1] = " " + strings.TrimLeft(parts[i+1], " \t")
	}
	return strings.Join(parts, "")
}

// status is that of a response; 0 for a request.
func (m *message) status() int {
	if !strings.HasPrefix(m.start, "SIP/2.0 ") || len(m.start) < 11 {
		return 0
	}
	n, err := strconv.Atoi(m.start[8:11])
	if err != nil {
		return 0
	}
	return n
}

// method is that of a request, or of a response's CSeq.
func (m *message) method() string {
	if m.status() != 0 {
		f := strings.Fields(m.value("cseq"))
		if len(f) == 2 {
			return f[1]
		}
		return ""
	}
	method, _, _ := strings.Cut(m.start, " ")
	return method
}

// vias counts Via values. Commas in quotes do not occur in what is counted.
func (m *message) vias() (n int) {
	for _, l := range m.all("via") {
		n += 1 + strings.Count(l, ",")
	}
	return n
}

// sentByPort is the port of the top Via; SIP's own when it names none.
func (m *message) sentByPort() uint16 {
	via := m.value("via")
	via, _, _ = strings.Cut(via, ";")
	via, _, _ = strings.Cut(via, ",")
	if i := strings.LastIndex(via, ":"); i > strings.LastIndex(via, "]") {
		if n, err := strconv.ParseUint(strings.TrimSpace(via[i+1:]), 10, 16); err == nil && n > 0 {
			return uint16(n)
		}
	}
	return 5060
}

// readStream reads one message of a stream by its Content-Length (RFC 3261 §18.3).
func readStream(in *bufio.Reader) (*message, error) {
	var head bytes.Buffer
	for !bytes.HasSuffix(head.Bytes(), []byte("\r\n\r\n")) {
		line, err := in.ReadSlice('\n')
		head.Write(line)
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
		if head.Len() == 2 {
			head.Reset() // a line end between messages
		}
		if head.Len() > 1<<17 {
			return nil, fmt.Errorf("a header part of more than %d bytes", 1<<17)
		}
	}
	m := readMessage(head.Bytes())
	n, err := strconv.Atoi(m.value("content-length"))
	if err != nil || n < 0 || n > 1<<17 {
		return nil, fmt.Errorf("Content-Length %q on a stream", m.value("content-length"))
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, err
	}
	m.raw, m.body = append(m.raw, body...), body
	return m, nil
}

// answerTo builds the response of a user agent (RFC 3261 §8.2.6).
func answerTo(m *message, status int, extra ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d Whatever\r\n", status)
	for _, l := range m.all("via") {
		b.WriteString(l + "\r\n")
	}
	for _, name := range []string{"from", "to", "call-id", "cseq"} {
		for _, l := range m.all(name) {
			if name == "to" && !strings.Contains(strings.ToLower(l), ";tag=") {
				l += ";tag=far"
			}
			b.WriteString(l + "\r\n")
		}
	}
	for _, l := range extra {
		b.WriteString(l + "\r\n")
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return []byte(b.String())
}

// ackTo builds the ACK of a non-2xx final (RFC 3261 §17.1.1.3).
func ackTo(invite, final *message) []byte {
	var b strings.Builder
	b.WriteString("ACK" + strings.TrimPrefix(invite.start, invite.method()) + "\r\n")
	b.WriteString("Via: " + firstValue(invite.value("via")) + "\r\n")
	for _, l := range invite.all("from") {
		b.WriteString(l + "\r\n")
	}
	b.WriteString("To: " + final.value("to") + "\r\n")
	b.WriteString("Call-ID: " + invite.value("call-id") + "\r\n")
	number, _, _ := strings.Cut(invite.value("cseq"), " ")
	b.WriteString("CSeq: " + number + " ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
	return []byte(b.String())
}

func firstValue(v string) string {
	v, _, _ = strings.Cut(v, ",")
	return strings.TrimSpace(v)
}
