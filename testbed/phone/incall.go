package phone

import (
	"fmt"
	"strings"
)

// inDialog treats a request with a To tag.
func (p *Phone) inDialog(r *Inbound) {
	m := r.Request
	c := p.calls[m.CallID()+" "+m.ToTag()]
	if c == nil || !c.ofDialog(m) {
		p.stats.NoDialog++
		r.Reply(481)
		return
	}
	d := c.dialogOf(m)
	n, _ := m.CSeq()
	if d.remoteCSeq != 0 && n <= d.remoteCSeq {
		r.Reply(500) // RFC 3261 §12.2.2
		return
	}
	d.remoteCSeq = n
	c.step("got "+m.Method, nil)
	r.call = c
	c.handle(r)
}

func (c *Call) ofDialog(m *Message) bool { return c.dialogOf(m) != nil }

func (c *Call) dialogOf(m *Message) *Dialog {
	if c.dialog != nil {
		if c.dialog.remoteTag != m.FromTag() {
			return nil
		}
		return c.dialog
	}
	return c.early[m.FromTag()]
}

func (c *Call) handle(r *Inbound) {
	switch r.Request.Method {
	case "BYE":
		r.Reply(200)
		c.finish("bye-received")
	case "INVITE":
		c.reinvited(r)
	case "UPDATE":
		c.updated(r)
	case "PRACK":
		c.prack(r)
	case "REFER":
		if status := c.p.manners.ReferStatus; status != 0 {
			r.Reply(status, Field{"Allow", c.p.allows()})
			return
		}
		if c.OnRefer == nil {
			r.Reply(603)
			return
		}
		c.OnRefer(r)
	case "NOTIFY":
		c.notified(r)
	case "INFO", "OPTIONS", "MESSAGE":
		r.Reply(200)
	default:
		r.Reply(405, Field{"Allow", c.p.allows()})
	}
}

func (c *Call) reinvited(r *Inbound) {
	if c.state < Confirmed || c.reinviting {
		r.Reply(491) // RFC 3261 §14.2
		return
	}
	if status := c.p.manners.ReinviteStatus; status != 0 {
		r.Reply(status)
		return
	}
	if c.p.refusedInvite(r) || c.OnReinvite != nil && !c.OnReinvite(r) {
		return
	}
	body, err := c.describe(r.Request.Body)
	if err != nil {
		r.Reply(488)
		return
	}
	c.in = r
	r.onLost = c.neverACKed
	r.ReplyBody(200, body, append(c.p.sessionFields(r.Request), Field{"Contact", c.p.contact()})...)
}

func (c *Call) updated(r *Inbound) {
	if c.p.manners.NoUpdate {
		r.Reply(405, Field{"Allow", c.p.allows()})
		return
	}
	if len(r.Request.Body) == 0 {
		r.Reply(200, Field{"Contact", c.p.contact()})
		return
	}
	body, err := c.describe(r.Request.Body)
	if err != nil {
		r.Reply(488)
		return
	}
	r.ReplyBody(200, body, Field{"Contact", c.p.contact()})
}

// Reinvite sends a re-INVITE that offers the direction; done gets the final
// status, 0: none came.
func (c *Call) Reinvite(d Direction, done func(status int)) {
	c.modify("INVITE", d, done)
}

// Update sends an UPDATE (RFC 3311) that offers the direction.
func (c *Call) Update(d Direction, done func(status int)) { c.modify("UPDATE", d, done) }

func (c *Call) modify(method string, d Direction, done func(status int)) {
	if c.state != Confirmed || c.reinviting {
		done(0)
		return
	}
	before := c.direction
	c.direction = d
	body, err := c.offer()
	if err != nil {
		done(0)
		return
	}
	c.reinviting, c.offered = true, true
	edit := func(m *Message) {
		m.Add("Content-Type", "application/sdp")
		m.Body = body
	}
	finished := func(m *Message) {
		c.reinviting = false
		status := 0
		if m != nil {
			status = m.Status
		}
		if status < 200 || status >= 300 {
			c.direction, c.offered = before, false
		}
		done(status)
	}
	if method == "INVITE" {
		c.sendReinvite(edit, finished)
		return
	}
	c.send(method, edit, func(m *Message) {
		if m != nil && m.Status < 300 {
			c.takeDescription(m.Body)
		}
		finished(m)
	})
}

// sendReinvite is send for INVITE: every 2xx gets its ACK.
func (c *Call) sendReinvite(edit func(*Message), done func(*Message)) {
	to, err := c.dialog.destination()
	if err != nil {
		done(nil)
		return
	}
	m := c.dialog.request("INVITE")
	edit(m)
	c.step("sent re-INVITE", nil)
	final := false
	c.p.start(m, to, func(r *Message) {
		if r.Status < 200 {
			return
		}
		if r.Status < 300 {
			n, _ := r.CSeq()
			c.dialog.sendACK(n, c.takeDescription(r.Body))
		}
		if final {
			return
		}
		final = true
		c.step(fmt.Sprintf("got %d to re-INVITE", r.Status), r)
		done(r)
		if r.Status == 481 || r.Status == 408 {
			c.finish("no-dialog")
		}
	}, func() {
		done(nil)
		c.finish("no-dialog")
	})
}

// describe answers an offer, or offers when there is none; it follows the
// peer's direction.
func (c *Call) describe(offer []byte) ([]byte, error) {
	if len(offer) == 0 {
		c.offered, c.codecs = true, nil
		return c.offer()
	}
	remote, ok := readSession(offer)
	common := c.p.common(remote.codecs)
	if !ok || !speaks(common) {
		return nil, fmt.Errorf("answer offer: no audio of ours in it")
	}
	c.remote, c.direction, c.codecs = remote, remote.direction.answering(), common
	return c.offer()
}

// offer writes our session description and opens the media when wanted.
func (c *Call) offer() ([]byte, error) {
	at := c.p.noMedia()
	if c.wantMedia {
		if c.media == nil {
			audio := c.audio
			if audio == nil {
				audio = prompt
			}
			s, err := c.p.openMedia(audio, c.heardFirst)
			if err != nil {
				return nil, fmt.Errorf("open media: %w", err)
			}
			c.media = s
		}
		at = c.media.local()
	}
	c.sdpVer++
	c.applyMedia()
	if len(c.codecs) == 0 {
		c.codecs = c.p.ours()
	}
	return session(c.sdpID, c.sdpVer, at, c.direction, c.codecs), nil
}

// heardFirst runs in the receiving goroutine.
func (c *Call) heardFirst() {
	c.p.Do(func() {
		c.step("heard audio", nil)
		if c.OnAudio != nil {
			c.OnAudio()
		}
	})
}

// takeDescription reads the peer's SDP: the answer to our offer, or an offer,
// for which it returns our answer.
func (c *Call) takeDescription(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	remote, ok := readSession(body)
	if !ok {
		return nil
	}
	c.remote = remote
	if common := c.p.common(remote.codecs); speaks(common) {
		c.codecs = common
	}
	if c.offered {
		c.offered, c.agreed = false, true
		c.applyMedia()
		return nil
	}
	if c.agreed {
		c.applyMedia()
		return nil
	}
	c.agreed = true
	c.direction = remote.direction.answering()
	answer, err := c.offer()
	if err != nil {
		return nil
	}
	return answer
}

func (c *Call) applyMedia() {
	if c.media == nil || !c.remote.at.IsValid() {
		return
	}
	peerHears := c.remote.direction == SendRecv || c.remote.direction == RecvOnly
	weSend := c.direction == SendRecv || c.direction == SendOnly
	c.media.speak(c.codecs, c.p.manners.LoseEvery)
	c.media.set(c.remote.at, peerHears && weSend && !c.mute)
}

// notified reads the sipfrag of a NOTIFY (RFC 3515 §2.4.5).
func (c *Call) notified(r *Inbound) {
	r.Reply(200)
	parts := strings.Fields(string(r.Request.Body))
	status := 0
	if len(parts) >= 2 && strings.HasPrefix(parts[0], "SIP/") {
		_, _ = fmt.Sscanf(parts[1], "%d", &status)
	}
	c.step(fmt.Sprintf("got NOTIFY %d", status), nil)
	if c.OnNotify != nil && status != 0 {
		c.OnNotify(status)
	}
}
