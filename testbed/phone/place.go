package phone

import (
	"fmt"
	"net/netip"
)

// Outgoing describes a call to place.
type Outgoing struct {
	To       netip.AddrPort // next hop
	URI      string         // Request-URI
	From     string         // From value without tag; empty: our Contact
	ToURI    string         // URI of To; empty: URI
	CallID   string         // empty: a new one
	Extra    []Field        // further headers
	NoOffer  bool           // INVITE without SDP: the answerer offers
	SDP      []byte         // an offer of the caller's own; nil: ours
	Media    bool           // open a media socket and send Audio
	Mute     bool           // open it, but send nothing
	Audio    []byte         // one second of A-law to loop; nil: Prompt
	Reliable bool           // Supported: 100rel
	Require  bool           // Require: 100rel
}

var prompt = tone(440, 554)

// Place sends an INVITE. Set the callbacks before the lock is released.
func (p *Phone) Place(o Outgoing) (*Call, error) {
	tag := p.newTag()
	m := p.inviteFor(o, tag)
	c := p.newCall(m, tag)
	c.Peer, c.wantMedia, c.mute, c.audio = o.To, o.Media, o.Mute, o.Audio
	if !o.NoOffer {
		body := o.SDP
		if body == nil {
			var err error
			if body, err = c.offer(); err != nil {
				c.drop()
				delete(p.calls, c.Key())
				return nil, err
			}
		}
		c.offered = true
		m.Add("Content-Type", "application/sdp")
		m.Body = body
	}
	c.step("sent INVITE", nil)
	c.txn = p.start(m, o.To, c.placed, func() {
		c.status = 408
		c.fail("timeout", nil)
	})
	return c, nil
}

func (p *Phone) inviteFor(o Outgoing, tag string) *Message {
	if o.CallID == "" {
		o.CallID = p.newTag() + "@" + p.local.Addr().String()
	}
	if o.From == "" {
		o.From = p.contact()
	}
	if o.ToURI == "" {
		o.ToURI = o.URI
	}
	m := &Message{Method: "INVITE", URI: o.URI}
	m.Add("Max-Forwards", "70")
	m.Add("From", o.From+";tag="+tag)
	m.Add("To", "<"+o.ToURI+">")
	m.Add("Call-ID", o.CallID)
	m.Add("CSeq", "1 INVITE")
	m.Add("Contact", p.contact())
	m.Add("User-Agent", p.cfg.Name)
	m.Add("Allow", p.allows())
	m.Fields = append(m.Fields, p.sessionFields(nil)...)
	require := o.Require || p.manners.NeedReliable
	if require {
		m.Add("Require", "100rel")
	}
	supported := "replaces"
	if o.Reliable || require {
		supported = "100rel, replaces"
	}
	m.Add("Supported", supported)
	m.Fields = append(m.Fields, o.Extra...)
	return m
}

const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO"

// Cancel gives an unanswered call up.
func (c *Call) Cancel() {
	if c.txn == nil || c.state >= Answered {
		return
	}
	c.step("sent CANCEL", nil)
	c.byeWanted = true
	c.txn.cancelInvite()
}

// placed treats the responses to our INVITE.
func (c *Call) placed(m *Message) {
	if m.Status < 200 {
		c.progress(m)
		return
	}
	if m.Status >= 300 {
		c.step(fmt.Sprintf("got %d", m.Status), m)
		c.status = m.Status
		cause := "refused"
		if m.Status == 487 {
			cause = "cancelled"
		}
		c.fail(cause, m)
		return
	}
	switch {
	case c.dialog != nil && c.dialog.remoteTag == m.ToTag():
		n, _ := m.CSeq()
		c.dialog.sendACK(n, nil) // a repeated 2xx
	case c.dialog != nil || c.state == Ended:
		c.release(m)
	default:
		c.answered(m)
	}
}

func (c *Call) progress(m *Message) {
	c.step(fmt.Sprintf("got %d", m.Status), m)
	if c.state == Ended {
		return
	}
	if m.Status > 100 && m.ToTag() != "" {
		if c.state == Trying {
			c.state = Ringing
		}
		d := c.early[m.ToTag()]
		if d == nil {
			d = c.p.uacDialog(c.Invite, m)
			c.early[m.ToTag()] = d
		}
		c.acknowledgeReliable(d, m)
	}
	if c.OnProvisional != nil {
		c.OnProvisional(m)
	}
	c.notify()
}

func (c *Call) fail(cause string, m *Message) {
	if c.state == Ended {
		return
	}
	if c.OnFail != nil {
		c.OnFail(c.status, m)
	}
	c.finish(cause)
}

// answered makes the call of the first 2xx; its Route set stands, whatever an
// early dialog said (RFC 3261 §13.2.2.4).
func (c *Call) answered(m *Message) {
	c.step(fmt.Sprintf("got %d", m.Status), m)
	c.status, c.server, c.state = m.Status, m.Get("Server"), Answered
	c.dialog = c.p.uacDialog(c.Invite, m)
	if early := c.early[m.ToTag()]; early != nil {
		c.dialog.cseq, c.dialog.remoteCSeq = early.cseq, early.remoteCSeq
	}
	n, _ := m.CSeq()
	c.dialog.sendACK(n, c.takeDescription(m.Body))
	c.acks++
	c.state = Confirmed
	c.step("sent ACK", nil)
	if c.OnAnswer != nil {
		c.OnAnswer(m)
	}
	if c.byeWanted { // our CANCEL crossed the 2xx
		c.Hangup()
	}
}

// release acknowledges and ends a 2xx that another fork, or the end of the
// call, made useless.
func (c *Call) release(m *Message) {
	d := c.p.uacDialog(c.Invite, m)
	n, _ := m.CSeq()
	d.sendACK(n, nil)
	if c.late[m.ToTag()] {
		return // a repeat: acknowledged, already released
	}
	c.late[m.ToTag()] = true
	c.extra++
	c.step(fmt.Sprintf("released late %d", m.Status), m)
	d.transact(d.request("BYE"), func(*Message) {})
}
