package ipbx

import (
	"fmt"
	"net/netip"

	"releve/testbed/phone"
)

// The targets of a presentation.
const (
	toReleve   = "releve"
	toOverflow = "overflow"
	toPrimary  = "primary"
	toDirect   = "direct"
)

func (c *Call) first() string {
	switch {
	case c.spec.Dest.IsValid():
		return toDirect
	case c.x.cfg.Presentation == Overflow:
		return toPrimary
	}
	return toReleve
}

func (c *Call) address(target string) netip.AddrPort {
	switch target {
	case toDirect:
		return c.spec.Dest
	case toPrimary:
		return c.x.cfg.Primary
	case toOverflow:
		return c.x.cfg.OverflowEntry
	}
	return c.x.cfg.Releve
}

// present offers the call to a target in a new leg with a Call-ID of its own.
func (c *Call) present(target string) error {
	to := c.address(target)
	if !to.IsValid() {
		return fmt.Errorf("present to %s: no address is configured for it", target)
	}
	return c.place(target, "sip:"+c.spec.To+"@"+to.String(), to, c.spec.Extra)
}

// place starts a leg and makes it the one that counts.
func (c *Call) place(target, uri string, to netip.AddrPort, extra []phone.Field) error {
	leg, err := c.open(uri, to, extra)
	if err != nil {
		return err
	}
	c.adopt(leg, target)
	c.result.Presentations++
	c.x.count(func(s *Stats) { s.Presentations++ })
	leg.OnFail = func(status int, m *phone.Message) { c.refused(leg, status, m) }
	if d := c.spec.CancelAfter; d > 0 && len(c.legs) == 1 {
		c.p.After(d, c.giveUp)
	}
	if target == toPrimary {
		c.p.After(c.x.cfg.NoAnswer, func() { c.unanswered(leg) })
	}
	return nil
}

func (c *Call) open(uri string, to netip.AddrPort, extra []phone.Field) (*phone.Call, error) {
	from := fmt.Sprintf("<sip:%s@%s>", c.spec.From, c.p.Addr())
	if c.spec.Display != "" {
		from = fmt.Sprintf("%q %s", c.spec.Display, from)
	}
	o := phone.Outgoing{
		To: to, URI: uri, From: from, Extra: extra, NoOffer: c.spec.NoOffer,
		Media: c.spec.RTP, Mute: c.spec.Mute, Reliable: c.spec.Reliable, Require: c.spec.Require,
	}
	if c.spec.SDP != "" {
		o.SDP = []byte(c.spec.SDP)
	}
	return c.p.Place(o)
}

// adopt makes leg the current one and follows it.
func (c *Call) adopt(leg *phone.Call, target string) {
	c.leg, c.target = leg, target
	c.legs = append(c.legs, leg)
	leg.OnProvisional = c.progress
	leg.OnAnswer = func(m *phone.Message) { c.answered(leg, m) }
	leg.OnEnd = func(cause string) { c.over(leg, cause) }
	leg.OnAudio = c.notify
	leg.OnRefer = func(r *phone.Inbound) { c.x.referred(c, leg, r) }
}

func (c *Call) progress(m *phone.Message) {
	since := sinceStart(c)
	if m.Status == 100 && c.result.Trying == 0 {
		c.result.Trying = since
	}
	if m.Status > 100 && c.result.Ringing == 0 {
		c.result.Ringing = since
	}
	c.notify()
}

func (c *Call) giveUp() {
	if c.leg.State() < phone.Answered {
		c.cancel()
	}
}

// unanswered is the end of the primary's ringing time: the overflow.
func (c *Call) unanswered(leg *phone.Call) {
	if c.leg != leg || leg.State() >= phone.Answered || c.given {
		return
	}
	c.again(toOverflow)
	leg.Cancel()
}

// again presents the call to another target, or ends it as failed.
func (c *Call) again(target string) {
	if err := c.present(target); err != nil {
		c.x.event(Event{Kind: "fault", Call: c.legs[0].Invite.CallID(), Text: err.Error()})
	}
}

// refused decides what follows a leg that was not answered.
func (c *Call) refused(leg *phone.Call, status int, m *phone.Message) {
	if c.leg != leg {
		return // a leg given up before
	}
	c.result.Status = status
	switch {
	case c.given || status == 487 || status >= 600:
	case status == 302 && len(c.legs) <= maxRedirects:
		c.redirected(m.Get("Contact"))
	case c.target == toPrimary:
		c.again(toOverflow)
	case status == 486 && c.left > 0 && c.target != toDirect:
		c.left--
		c.x.count(func(s *Stats) { s.Represented++ })
		c.again(c.first())
	}
}

// maxRedirects bounds the 302s that one call follows.
const maxRedirects = 5

// redirected follows a 302 to its first Contact (RFC 3261 §8.1.3.4): how
// Relève may send a call to the operators' desk.
func (c *Call) redirected(contact string) {
	uri := phone.URIOf(contact)
	to, err := phone.Resolve(uri)
	if err == nil {
		err = c.place(toDirect, uri, to, c.spec.Extra)
	}
	if err != nil {
		c.x.event(Event{Kind: "fault", Call: c.legs[0].Invite.CallID(), Text: err.Error()})
	}
}

func (c *Call) answered(leg *phone.Call, m *phone.Message) {
	if c.leg != leg {
		leg.Hangup() // it answered after it was given up
		return
	}
	if c.result.Outcome == "" {
		c.result.Outcome, c.result.Setup = "answered", sinceStart(c)
		c.result.AnsweredBy = m.Get("Server")
		c.x.count(func(s *Stats) { s.Answered++ })
		c.x.event(Event{Kind: "call-answered", Call: c.legs[0].Invite.CallID(), Text: c.result.AnsweredBy})
	}
	c.result.Status = m.Status
	if d := c.spec.Duration; d > 0 && len(c.result.Transfers) == 0 {
		c.p.After(d, func() { c.leg.Hangup() })
	}
	c.notify()
}

// over ends the call with the leg that counts.
func (c *Call) over(leg *phone.Call, cause string) {
	if c.leg != leg {
		return
	}
	c.result.Cause = cause
	if c.result.Outcome == "" {
		c.result.Setup = sinceStart(c)
		c.unserved(cause)
	}
	c.x.event(Event{Kind: "call-ended", Call: c.legs[0].Invite.CallID(), Text: c.result.Outcome + " " + cause})
	close(c.ended)
	c.notify()
}

func (c *Call) unserved(cause string) {
	switch {
	case c.given || cause == "cancelled":
		c.result.Outcome = "cancelled"
		c.x.count(func(s *Stats) { s.Cancelled++ })
	case cause == "refused":
		c.result.Outcome = "refused"
		c.x.count(func(s *Stats) { s.Refused++ })
	default:
		c.result.Outcome = "failed" // no final came
		if cause == "lost" {
			c.result.Outcome = "lost" // we were restarted
		}
		c.x.count(func(s *Stats) { s.Failed++ })
	}
}
