package phone

import (
	"fmt"
	"net/url"
	"strings"
)

// Target is what a Refer-To header asks for.
type Target struct {
	URI      string // without the header part
	Replaces string // value of the Replaces header to send; empty: a blind transfer
}

// ReadReferTo reads a Refer-To value (RFC 3515 §2.1, RFC 3891 §6.1). Safe to
// call anywhere.
func ReadReferTo(value string) Target {
	uri, headers, _ := strings.Cut(uriOf(value), "?")
	t := Target{URI: uri}
	for _, h := range strings.Split(headers, "&") {
		name, v, _ := strings.Cut(h, "=")
		if strings.EqualFold(name, "Replaces") {
			t.Replaces = unescape(v)
		}
	}
	return t
}

// Refer asks the peer to call uri (a blind transfer); done gets the final
// status of the REFER, 0: none. The progress comes to OnNotify.
func (c *Call) Refer(uri string, done func(status int)) { c.refer("<"+uri+">", done) }

// ReferReplacing asks the peer to take over other, a confirmed call of ours,
// by calling uri with Replaces (an attended transfer, RFC 5589 §7).
func (c *Call) ReferReplacing(uri string, other *Call, done func(status int)) {
	if other.dialog == nil {
		done(0)
		return
	}
	// to-tag is the tag at the party that gets the INVITE: the far end of other.
	v := fmt.Sprintf("%s;to-tag=%s;from-tag=%s", other.dialog.callID, other.dialog.remoteTag, other.tag)
	c.refer("<"+uri+"?Replaces="+url.QueryEscape(v)+">", done)
}

func (c *Call) refer(to string, done func(status int)) {
	c.send("REFER", func(m *Message) {
		m.Add("Refer-To", to)
		m.Add("Referred-By", c.p.contact())
	}, func(m *Message) {
		if m == nil {
			done(0)
			return
		}
		done(m.Status)
	})
}

// Notify tells the peer how the call it referred us to goes (RFC 3515 §2.4.4).
func (c *Call) Notify(status int, last bool) {
	state := "active;expires=60"
	if last {
		state = "terminated;reason=noresource"
	}
	c.send("NOTIFY", func(m *Message) {
		m.Add("Event", "refer")
		m.Add("Subscription-State", state)
		m.Add("Content-Type", "message/sipfrag;version=2.0")
		m.Body = fmt.Appendf(nil, "SIP/2.0 %d %s\r\n", status, phrases[status])
	}, nil)
}

// Target returns the URI of the peer's Contact.
func (c *Call) Target() string {
	if c.dialog == nil {
		return ""
	}
	return c.dialog.target
}
