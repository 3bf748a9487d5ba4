package phone

import (
	"fmt"
	"net/url"
	"strings"
)

// incoming makes a call of an initial INVITE.
func (p *Phone) incoming(r *Inbound) {
	if p.cfg.OnInvite == nil {
		r.Reply(480)
		return
	}
	for _, tag := range r.Request.Values("Require") {
		if tag != "100rel" && tag != "replaces" && tag != "timer" {
			r.Reply(420, Field{"Unsupported", tag})
			return
		}
	}
	if p.refusedInvite(r) {
		return
	}
	if uri := uriOf(r.Request.Get("Contact")); !strings.HasPrefix(uri, "sip:") && !strings.HasPrefix(uri, "sips:") {
		r.Reply(400) // no request of ours could reach the caller, not even a BYE (RFC 3261 §8.1.1.8)
		return
	}
	r.tag = p.newTag()
	replaced, ok := p.replaced(r.Request)
	if !ok {
		p.stats.NoDialog++
		r.Reply(481) // RFC 3891 §3
		return
	}
	c := p.newCall(r.Request, r.tag)
	c.Incoming, c.Peer, c.in, c.Replaces = true, r.From, r, replaced
	r.call = c
	r.onLost = c.neverACKed
	c.dialog = p.uasDialog(r.Request, r.tag)
	c.step("got INVITE", nil)
	p.cfg.OnInvite(c)
}

// replaced finds the call that a Replaces header names; ok is false when there
// is a header and no such call (RFC 3891 §3).
func (p *Phone) replaced(invite *Message) (*Call, bool) {
	v := invite.Get("Replaces")
	if v == "" {
		return nil, true
	}
	callID, _, _ := strings.Cut(v, ";")
	c := p.calls[strings.TrimSpace(callID)+" "+param(v, "to-tag")]
	if c == nil || c.dialog == nil || c.dialog.remoteTag != param(v, "from-tag") {
		return nil, false
	}
	return c, true
}

// Trying sends 100.
func (c *Call) Trying() {
	if c.in.respondable() {
		c.in.Reply(100)
		c.step("sent 100", nil)
	}
}

// Ring sends an 18x; reliably (RFC 3262) when wanted and the caller supports it.
func (c *Call) Ring(status int, reliably bool) {
	if !c.in.respondable() || c.state > Ringing {
		return
	}
	c.state = Ringing
	can := c.Invite.Lists("Supported", "100rel") || c.Invite.Lists("Require", "100rel")
	if (reliably && can) || c.Invite.Lists("Require", "100rel") {
		c.ringReliably(status)
	} else {
		c.in.ReplyBody(status, nil, Field{"Contact", c.p.contact()})
	}
	if c.p.manners.SecondEarly {
		c.ringAgain(status)
	}
	c.step(fmt.Sprintf("sent %d", status), nil)
}

// ringAgain sends the provisional a second time, from another early dialog: a
// branch that will never answer (RFC 3261 §12.1).
func (c *Call) ringAgain(status int) {
	if c.otherTag == "" {
		c.otherTag = c.p.newTag()
	}
	m := response(c.Invite, status, c.otherTag)
	m.Add("Server", c.p.cfg.Name)
	m.Add("Contact", c.p.contact())
	c.p.send(m.bytes(), c.in.reply)
}

// Ignore leaves the INVITE, and a CANCEL of it, without a further word, as a
// process that hangs; the call is forgotten.
func (c *Call) Ignore() {
	c.in.ignored, c.in.call = true, nil
	c.in.Drop()
	c.drop()
	delete(c.p.calls, c.Key())
}

// UseMedia makes Answer open a media socket; mute receives only. audio is one
// second of A-law, nil: the prompt.
func (c *Call) UseMedia(mute bool, audio []byte) {
	c.wantMedia, c.mute, c.audio = true, mute, audio
}

// Answer sends 200, once a reliable provisional has its PRACK.
func (c *Call) Answer() {
	if !c.in.respondable() {
		return
	}
	if c.pendingRel != nil {
		c.pendingRel.answer = true
		return
	}
	body, err := c.describe(c.Invite.Body)
	if err != nil {
		c.Reject(488)
		return
	}
	c.state, c.status = Answered, 200
	extra := c.p.sessionFields(c.Invite)
	if rr := c.p.manners.RecordRoute; rr != "" {
		extra = append(extra, Field{"Record-Route", rr})
	}
	c.in.ReplyBody(200, body, append(
		extra,
		Field{"Contact", c.p.contact()}, Field{"Allow", c.p.allows()}, Field{"Supported", "replaces, 100rel"},
	)...)
	c.step("sent 200", nil)
	if c.OnAnswer != nil {
		c.OnAnswer(nil)
	}
	if c.Replaces != nil {
		c.Replaces.Hangup()
	}
}

// Reject refuses the call.
func (c *Call) Reject(status int, extra ...Field) {
	if !c.in.respondable() {
		return
	}
	c.status = status
	c.in.onLost = nil
	c.in.Reply(status, extra...)
	c.step(fmt.Sprintf("sent %d", status), nil)
	c.finish("refused")
}

// cancelled answers the INVITE of a cancelled call with 487 (RFC 3261 §9.2).
func (c *Call) cancelled() {
	c.step("got CANCEL", nil)
	c.status = 487
	c.in.onLost = nil
	c.in.Reply(487)
	c.finish("cancelled")
}

func (c *Call) ackArrived(m *Message) {
	c.acks++
	c.in.ackArrived()
	if len(m.Body) > 0 && c.offered {
		c.takeDescription(m.Body)
	}
	if c.state != Answered {
		c.notify()
		return
	}
	c.state = Confirmed
	c.step("got ACK", nil)
	if c.OnAck != nil {
		c.OnAck()
	}
	if c.byeWanted {
		c.Hangup()
	}
}

// unescape reads the header part of a Refer-To URI, "Replaces=…".
func unescape(s string) string {
	out, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return out
}

// neverACKed ends a call whose 2xx was not acknowledged in 64*T1: by a BYE
// (RFC 3261 §13.3.1.4, §14.2).
func (c *Call) neverACKed() {
	c.send("BYE", nil, nil)
	c.finish("ack-lost")
}
