package fork

import (
	"time"

	"releve/router"
)

// arriveOutgoing: a server places a call. The redundant IPBXs are tried in
// order, each once, beginning with the one Route chose.
func (c *step) arriveOutgoing() {
	s, e := c.s, &c.e
	switch {
	case e.Decision.Action == router.Refuse:
		c.reply(orStatus(e.Decision.Status, 403), router.Failed, e.Decision.Reason)
		return
	case c.p.IPBXs == 0:
		c.reply(480, router.Failed, router.ReasonNoRoute)
		return
	case e.Decision.Reason == router.ReasonNone:
		s.why = causeOf(router.ReasonOutgoing)
	}
	s.stage = relayed
	s.start = ToIPBX
	if e.First >= ToIPBX && e.First < ToIPBX+Target(c.p.IPBXs) {
		s.start = e.First
	}
	s.tried = 1
	c.offerIPBX(s.start)
}

// ipbxPatience is how long an IPBX may say nothing at all while another one is
// left. Our choice: long enough for three transmissions of the INVITE, a
// fraction of Timer B, which would cost every outgoing call 32 s.
const ipbxPatience = 4 * time.Second

// offerIPBX begins a branch at one of the redundant IPBXs. Its silence is
// bounded while another is left; a call that an IPBX treats is not.
func (c *step) offerIPBX(t Target) {
	s := c.s
	c.stopClocks()
	b := c.begin(t, plain)
	if c.another() {
		s.clocked, s.noProgress = b, c.clock(ipbxPatience)
	}
}

// another reports whether an IPBX is left that this call was not offered to.
func (c *step) another() bool {
	return c.s.tried < min(c.p.IPBXs, MaxBranches) && !c.s.noBranch
}

// nextIPBX: transport failure, time-out or 503 lead to the next IPBX; when none
// is left the best response goes up.
func (c *step) nextIPBX() {
	s := c.s
	if c.another() {
		t := ToIPBX + (s.start-ToIPBX+Target(s.tried))%Target(c.p.IPBXs)
		s.tried++
		c.offerIPBX(t)
		return
	}
	for i := range s.n {
		if s.branches[i].timedOut { // a 408 is the lower class (RFC 3261 §16.7(6))
			c.noAnswerAtAll()
			return
		}
	}
	c.reply(500, router.Failed, router.ReasonNoRoute) // 503s, sent or ours
}

// noAnswerAtAll: 408 to an INVITE; nothing to other methods, whose client has
// long given up (RFC 4320 §4.2).
func (c *step) noAnswerAtAll() {
	if c.s.invite {
		c.reply(408, router.Failed, router.ReasonNoRoute)
		return
	}
	c.done(router.Failed, router.ReasonNoRoute)
}

// failPlain: the one branch of a request that has one place to go. A transport
// error is a 503 (RFC 3261 §16.9), which goes up as 500 (§16.7(6)).
func (c *step) failPlain(h router.Happening, timedOut bool) {
	if timedOut {
		c.noAnswerAtAll()
		return
	}
	reason := router.ReasonNoRoute
	switch h {
	case router.PortRefused:
		reason = router.ReasonPortRefused
	case router.TLSFailed:
		reason = router.ReasonTLSFailed
	}
	c.reply(500, router.Failed, reason)
}
