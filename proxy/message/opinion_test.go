package message

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// disagreement is one thing that sipgo's parser reads otherwise.
type disagreement struct{ what, ours, theirs string }

// known are the disagreements that are sipgo's, each with its reason; what is
// none of them fails.
var known = []struct {
	reason string
	is     func(raw []byte, h *Head, d disagreement) bool
}{
	{"sipgo writes methods in upper case; case matters (RFC 3261 §7.1)", func(_ []byte, _ *Head, d disagreement) bool {
		return (d.what == "method" || d.what == "CSeq") && strings.EqualFold(d.ours, d.theirs)
	}},
	{"sipgo takes one space only between the number and the method of CSeq (RFC 3261 §25.1 LWS)", func(_ []byte, _ *Head, d disagreement) bool {
		return d.what == "CSeq" && strings.EqualFold(strings.Join(strings.Fields(d.theirs), " "), d.ours)
	}},
	{"sipgo takes a further Via value that is malformed for a part of the first; we read the top one alone (RFC 3261 §16.3(1))", func(_ []byte, h *Head, d disagreement) bool {
		return d.what == "branch" && h.Vias > 1 && d.ours == ""
	}},
	{"sipgo takes the case of a parameter's name for significant (RFC 3261 §7.3.1)", func(raw []byte, h *Head, d disagreement) bool {
		v, name := valueBehind(raw, h, d)
		return name != "" && bytes.Count(bytes.ToLower(v), []byte(name)) > bytes.Count(v, []byte(name))
	}},
	{"sipgo reads the last of two parameters of one name, we the first", func(raw []byte, h *Head, d disagreement) bool {
		v, name := valueBehind(raw, h, d)
		return name != "" && bytes.Count(v, []byte(";"+name)) > 1
	}},
	{"sipgo loses parameters with white space around ';' or '=' (RFC 3261 §25.1 SEMI, EQUAL)", func(raw []byte, h *Head, d disagreement) bool {
		v, _ := valueBehind(raw, h, d)
		return spaced(v)
	}},
}

// valueBehind is the header value that a parameter stands in, and its name.
func valueBehind(raw []byte, h *Head, d disagreement) (value []byte, name string) {
	switch d.what {
	case "From tag":
		return h.From.Of(raw), "tag"
	case "To tag":
		return h.To.Of(raw), "tag"
	case "branch":
		return h.Via.Of(raw), "branch"
	}
	return nil, ""
}

// spaced reports white space beside a ';' or '='.
func spaced(value []byte) bool {
	for i, c := range value {
		if (c == ';' || c == '=') && (i > 0 && isLWS(value[i-1]) || i+1 < len(value) && isLWS(value[i+1])) {
			return true
		}
	}
	return false
}

// opinions lists where the two parsers differ on a message that both accept.
func opinions(raw []byte, h *Head, m sip.Message) (all []disagreement) {
	differ := func(what string, ours, theirs any) {
		if a, b := fmt.Sprint(ours), fmt.Sprint(theirs); a != b {
			all = append(all, disagreement{what, a, b})
		}
	}
	if req, ok := m.(*sip.Request); ok != h.Request {
		differ("kind", h.Request, ok)
		return all
	} else if ok {
		u, _ := ParseURI(h.URI.Of(raw))
		differ("method", string(h.Token.Of(raw)), req.Method)
		if u.sip() { // sipgo reads no number in a tel URI
			differ("user", string(h.UserOf.Of(raw)), req.Recipient.User)
			differ("host", string(u.Host), req.Recipient.Host)
			differ("port", u.Port, req.Recipient.Port)
		}
	} else {
		differ("status", h.Status, m.(*sip.Response).StatusCode)
	}
	if c := m.CallID(); c != nil {
		differ("Call-ID", string(h.CallID.Of(raw)), string(*c))
	}
	if c := m.CSeq(); c != nil {
		differ("CSeq", fmt.Sprint(h.CSeq, " ", string(h.CSeqMethod.Of(raw))), fmt.Sprint(c.SeqNo, " ", c.MethodName))
	}
	if f := m.From(); f != nil {
		differ("From tag", string(h.FromTag.Of(raw)), tagOf(f.Params))
	}
	if t := m.To(); t != nil {
		differ("To tag", string(h.ToTag.Of(raw)), tagOf(t.Params))
	}
	if v := m.Via(); v != nil {
		branch, _ := v.Params.Get("branch")
		differ("branch", string(h.Branch.Of(raw)), branch)
	}
	if l := m.ContentLength(); l != nil && h.ContentLength >= 0 {
		differ("Content-Length", h.ContentLength, int(*l))
		differ("body", string(raw[h.Body:h.End]), string(m.Body()))
	}
	return all
}

// second gives sipgo's reading; false when it refuses or panics.
func second(in []byte) (m sip.Message, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	m, err := sip.NewParser().ParseSIP(bytes.Clone(in))
	return m, err == nil && m != nil
}

// FuzzSecondOpinion: where both accept a message, both read the same, but for
// what is known of sipgo's parser.
func FuzzSecondOpinion(f *testing.F) {
	for _, b := range torturous() {
		f.Add(b)
	}
	f.Add([]byte(invite))
	f.Add([]byte(ringing))
	f.Fuzz(func(t *testing.T, in []byte) {
		var h Head
		raw, r, _ := Scan(in, &h)
		if r != OK {
			return
		}
		m, ok := second(in)
		if !ok {
			return
		}
		for _, d := range opinions(raw, &h, m) {
			if explained(raw, &h, d) == "" {
				t.Errorf("%s: %q, sipgo %q\n%q", d.what, d.ours, d.theirs, in)
			}
		}
	})
}

// TestSecondOpinion compares legal messages with odd parts in any order, and
// shows that each known disagreement exists.
func TestSecondOpinion(t *testing.T) {
	messages := torturous()
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range 3000 {
		messages[fmt.Sprint("generated ", i)] = generate(rnd)
	}
	for i, pair := range [][2]string{
		{"4711 INVITE", "4711  INVITE"},
		{"INVITE", "Invite"},
		{";tag=f1", ";Tag=f1"},
		{";tag=f1", ";tag=f1;tag=f2"},
		{";tag=f1", " ; tag = f1"},
		{":5060;rport;branch=z9hG4bKa1\r\nv: SIP/2.0/TCP gw.example.net;", ",gw.example.net;"},
	} {
		messages[fmt.Sprint("known ", i)] = []byte(strings.ReplaceAll(invite, pair[0], pair[1]))
	}
	met, compared := map[string]bool{}, 0
	for name, in := range messages {
		var h Head
		raw, r, _ := Scan(in, &h)
		m, ok := second(in)
		if r != OK || !ok {
			continue
		}
		compared++
		for _, d := range opinions(raw, &h, m) {
			why := explained(raw, &h, d)
			if met[why] = true; why == "" {
				t.Errorf("%s: %s: %q, sipgo %q\n%s", name, d.what, d.ours, d.theirs, in)
			}
		}
	}
	if compared < 1000 {
		t.Errorf("only %d messages compared", compared)
	}
	for _, k := range known {
		if !met[k.reason] {
			t.Errorf("nothing shows it any more: %s", k.reason)
		}
	}
}

func explained(raw []byte, h *Head, d disagreement) string {
	for _, k := range known {
		if k.is(raw, h, d) {
			return k.reason
		}
	}
	return ""
}
