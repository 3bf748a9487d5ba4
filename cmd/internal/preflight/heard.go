package preflight

import (
	"bytes"
	"crypto/rand"
	"net/netip"
	"strings"
	"time"

	"releve/proxy/message"
	"releve/proxy/transport"
)

// heard is one message received, or what came instead of one.
type heard struct {
	raw  []byte
	head message.Head
	flow transport.Flow
	at   time.Time

	broken  bool // the way there failed; nothing was received
	failed  transport.Cause
	garbage bool // something came that is no SIP
}

// newHeard keeps a copy of what was received; nil: nobody can read it.
func newHeard(f transport.Flow, raw []byte) *heard {
	m := &heard{flow: f, at: time.Now()}
	kept, r, _ := message.Scan(bytes.Clone(raw), &m.head)
	if r != message.OK {
		return nil
	}
	m.raw = kept
	return m
}

// get is the first value of a header; "": there is none.
func (m *heard) get(name string) string {
	if m == nil {
		return ""
	}
	v, _ := message.HeaderValue(m.raw, &m.head, name)
	return printable(string(v))
}

// lists says whether a header lists a token, in any case.
func (m *heard) lists(name, token string) bool {
	if m == nil {
		return false
	}
	for v := range message.Values(m.raw, &m.head, name) {
		if strings.EqualFold(strings.TrimSpace(string(v)), token) {
			return true
		}
	}
	return false
}

func (m *heard) body() []byte { return m.raw[m.head.Body:m.head.End] }

func (m *heard) status() int {
	if m == nil {
		return 0
	}
	return int(m.head.Status)
}

// agent is what the far end calls itself.
func (m *heard) agent() string {
	if a := m.get("Server"); a != "" {
		return a
	}
	return m.get("User-Agent")
}

// replyTo is where a response to a request goes (RFC 3261 §18.2.2, RFC 3581 §4).
func (m *heard) replyTo() transport.Flow {
	f := m.flow
	if f.Network != transport.UDP || m.head.HasRPort {
		return f
	}
	if port, ok := sentByPort(string(m.head.SentBy.Of(m.raw))); ok {
		f.Remote = netip.AddrPortFrom(f.Remote.Addr(), port)
	}
	return f
}

// sentByPort is the port of a sent-by; a stranger's word, taken for its port only.
func sentByPort(sentBy string) (uint16, bool) {
	if a, ok := message.AddrPort([]byte(sentBy)); ok {
		if a.Port() == 0 {
			return 5060, true
		}
		return a.Port(), true
	}
	return 0, false
}

// maxValue bounds what of a stranger's words enters a report.
const maxValue = 200

// printable keeps control characters and endless values out of a report.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u202e' || r == '\ufffd' {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxValue {
		s = strings.ToValidUTF8(s[:maxValue], "") + "…"
	}
	return strings.TrimSpace(s)
}

func newTag() string    { return tagMark + strings.ToLower(rand.Text()[:12]) }
func newBranch() string { return message.Cookie + "rlvp" + strings.ToLower(rand.Text()[:16]) }
