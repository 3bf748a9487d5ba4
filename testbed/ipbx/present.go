package ipbx

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

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
	uri := c.spec.uri
	if uri == "" {
		uri = "sip:" + c.spec.To + "@" + to.String()
	}
	if c.x.lets(to) {
		return errAvoided
	}
	return c.place(target, uri, to, c.spec.Extra)
}

// errAvoided: the target said Retry-After, and this IPBX obeys.
var errAvoided = errors.New("the target asked to be let alone for a while")

// lets says that target is let be, as its Retry-After asked.
func (x *IPBX) lets(target netip.AddrPort) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.habits.obeys && time.Now().Before(x.avoided[target])
}

// avoid notes a Retry-After (RFC 3261 §20.33).
func (x *IPBX) avoid(target netip.AddrPort, m *phone.Message) {
	if m == nil {
		return // no answer at all
	}
	value, _, _ := strings.Cut(m.Get("Retry-After"), ";")
	n, err := strconv.Atoi(strings.TrimSpace(strings.Fields(value + " (")[0]))
	if err != nil || n <= 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.avoided[target] = time.Now().Add(time.Duration(n) * time.Second)
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
	switch short := c.x.habit().noAnswer; {
	case target == toPrimary:
		c.p.After(c.x.cfg.NoAnswer, func() { c.unanswered(leg) })
	case short > 0:
		c.p.After(short, func() {
			if c.leg == leg {
				c.giveUp()
			}
		})
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
		c.follow("ringing", m.Status)
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
	c.retry(toOverflow)
	leg.Cancel()
}

// retry presents the call to another target, or ends it as failed.
func (c *Call) retry(target string) {
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
	c.x.avoid(leg.Peer, m)
	switch {
	case c.given || status == 487 || status >= 600:
	case status == 302 && len(c.legs) <= maxRedirects:
		c.redirected(m.Get("Contact"))
	case c.target == toPrimary:
		c.retry(toOverflow)
	case c.presentsAgain(status):
		c.x.count(func(s *Stats) { s.Represented++ })
		c.retry(c.first())
	}
}

// presentsAgain says whether this refusal makes the IPBX present the call once
// more, and counts.
func (c *Call) presentsAgain(status int) bool {
	if c.target == toDirect && c.in == nil {
		return false
	}
	if status == 486 && c.left > 0 {
		c.left--
		return true
	}
	if c.again[status] >= c.x.habit().represent[status] {
		return false
	}
	if c.again == nil {
		c.again = map[int]int{}
	}
	c.again[status]++
	return true
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
	c.follow("answered", m.Status)
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
	c.follow("over", c.result.Status)
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
