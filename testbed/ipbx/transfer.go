package ipbx

import (
	"net/netip"
	"time"

	"releve/testbed/phone"
)

func sinceStart(c *Call) time.Duration { return time.Since(c.started) }

// referred reacts to a REFER within a leg: 202, NOTIFY 100, a new INVITE to
// Refer-To (with Replaces when it has it), NOTIFY with its final, and BYE to
// the old leg when the new one is answered (RFC 5589 §6, §7). c is nil for a
// call that the IPBX received.
func (x *IPBX) referred(c *Call, leg *phone.Call, r *phone.Inbound) {
	to := phone.ReadReferTo(r.Request.Get("Refer-To"))
	dest, err := phone.Resolve(to.URI)
	if err != nil || phone.UserOf(to.URI) == "" {
		r.Reply(400)
		return
	}
	r.Reply(202)
	x.count(func(s *Stats) { s.Transfers++ })
	x.event(Event{Kind: "transfer", Call: leg.Invite.CallID(), Text: to.URI})
	leg.Notify(100, false)
	var extra []phone.Field
	if to.Replaces != "" {
		extra = append(extra, phone.Field{Name: "Replaces", Value: to.Replaces}, phone.Field{Name: "Require", Value: "replaces"})
	}
	if by := r.Request.Get("Referred-By"); by != "" {
		extra = append(extra, phone.Field{Name: "Referred-By", Value: by})
	}
	if c == nil {
		c = x.wrap(leg)
	}
	c.transfer(leg, to, dest, extra)
}

// wrap makes a Call of one that was received, so that its party can be
// transferred like any other.
func (x *IPBX) wrap(leg *phone.Call) *Call {
	c := &Call{
		x: x, p: leg.Phone(), started: time.Now(), ended: make(chan struct{}), changed: make(chan struct{}),
		spec: CallSpec{From: leg.Number(), RTP: x.cfg.RTP},
	}
	c.result.Outcome = "answered"
	c.adopt(leg, toDirect)
	return c
}

func (c *Call) transfer(old *phone.Call, to phone.Target, dest netip.AddrPort, extra []phone.Field) {
	at := len(c.result.Transfers)
	c.result.Transfers = append(c.result.Transfers, Transfer{To: phone.UserOf(to.URI), Attended: to.Replaces != ""})
	leg, err := c.open(to.URI, dest, extra)
	if err != nil {
		c.result.Transfers[at].Status = 500
		old.Notify(500, true)
		return
	}
	leg.OnAnswer = func(m *phone.Message) { c.transferred(at, old, leg, m) }
	leg.OnFail = func(status int, _ *phone.Message) {
		c.result.Transfers[at].Status = status
		old.Notify(status, true)
		c.notify()
	}
	// The old leg may end before the new one is answered: the transferor hung
	// up and leaves the party to us. The call lives as long as either does.
	old.OnEnd = func(cause string) {
		if c.leg == old && leg.State() < phone.Answered {
			c.leg, c.legs = leg, append(c.legs, leg)
			leg.OnEnd = func(cause string) { c.over(leg, cause) }
			return
		}
		c.over(old, cause)
	}
	c.notify()
}

// transferred makes the new leg the call's and ends the old one.
func (c *Call) transferred(at int, old, leg *phone.Call, m *phone.Message) {
	c.result.Transfers[at].Status, c.result.Transfers[at].Server = m.Status, m.Get("Server")
	c.x.count(func(s *Stats) { s.TransfersDone++ })
	if c.leg == leg {
		c.legs = c.legs[:len(c.legs)-1] // adopted when the transferor hung up
	}
	c.adopt(leg, toDirect)
	if old.State() != phone.Ended {
		old.Notify(m.Status, true)
		old.Hangup()
	}
	c.notify()
}
