package proxy

import (
	"slices"
	"strconv"
	"time"

	"releve/proxy/fork"
	"releve/router"
)

// Manners are what one kind of IPBX wants otherwise than another. The zero
// value: the HoldSignal, RejectStatus and Requeue of Config.Policy, Config.Q850,
// and nothing else.
type Manners struct {
	HoldSignal     uint16 // 0 none, 180, 182 or 183: what a held caller hears
	Status         uint16 // of the reject of a dissuaded call
	Q850           int    // cause in our Reason (RFC 3326); 0: none
	Requeue        bool   // a dissuaded call is re-offered; false: this IPBX presents it again by itself
	RewriteContact bool   // it ignores Record-Route: every Contact it sees names us
	RedirectRescue bool   // rescue by 302 instead of by forwarding
	Diversion      bool   // an overflowed call says so by Diversion (RFC 5806)
	HistoryInfo    bool   // an overflowed call says so by History-Info (RFC 7044)
}

// policies gives each IPBX its own.
func (c *settings) policies() {
	c.IPBXs = slices.Clone(c.IPBXs)
	for i := range c.IPBXs {
		m := &c.IPBXs[i].Manners
		if *m == (Manners{}) {
			o := &c.Policy
			*m = Manners{HoldSignal: o.HoldSignal, Status: o.RejectStatus, Requeue: o.Requeue, Q850: c.Q850}
		}
		own := c.Policy
		own.HoldSignal, own.RejectStatus, own.Requeue = m.HoldSignal, m.Status, m.Requeue
		own.Redirect = m.RedirectRescue
		c.policy = append(c.policy, own)
		c.rewrites = c.rewrites || m.RewriteContact
	}
}

// policyOf is the policy for what comes from one side.
func (p *Proxy) policyOf(from side) *fork.Policy {
	if from.kind == fromIPBX {
		return &p.cfg().policy[from.index]
	}
	return &p.cfg().Policy
}

// mannersOf are those of the IPBX a message comes from or goes to; nil: it is
// none.
func (p *Proxy) mannersOf(s side) *Manners {
	if s.kind != fromIPBX {
		return nil
	}
	return &p.cfg().IPBXs[s.index].Manners
}

// reasonLine explains a refusal of ours (RFC 3326), with the Q.850 cause that
// the IPBX's reports show; never a Retry-After.
func (p *Proxy) reasonLine(from side, status uint16) []byte {
	cause := p.cfg().Q850
	if m := p.mannersOf(from); m != nil {
		cause = m.Q850
	}
	if cause == 0 || status == 487 {
		return nil
	}
	switch status {
	case 480, 500:
		cause = 41 // temporary failure (Q.850)
	case 403:
		cause = 21 // call rejected
	case 408:
		cause = 102 // recovery on timer expiry (RFC 3398 §8.2.6.1)
	}
	return []byte("Reason: Q.850;cause=" + strconv.Itoa(cause) + "\r\n")
}

// maxSpared is the longest that a Retry-After is honoured: our choice, one bad
// number must not take a server out for an hour.
const maxSpared = time.Minute

// spare honours the Retry-After of a 503 to a new call: the far end that sent it
// is offered no other one until then (RFC 3261 §21.5.4); dialogs go on.
func (p *Proxy) spare(now router.Instant, t fork.Target, seconds int) {
	until := int64(now.Add(min(time.Duration(min(seconds, 3600))*time.Second, maxSpared)))
	switch s := serverOf(t); {
	case seconds <= 0:
	case s != router.NoServer:
		p.spared[s].Store(until)
	case t >= fork.ToIPBX && int(t-fork.ToIPBX) < len(p.cfg().IPBXs):
		p.spared[int(router.Servers)+int(t-fork.ToIPBX)].Store(until)
	}
}

// sparedUntil is until when a server asked to be left alone; 0: it did not, or
// that is over.
func (p *Proxy) sparedUntil(now router.Instant, s router.Server) router.Instant {
	return p.pause(now, int(s))
}

// ipbxSpared reports whether an IPBX asked so.
func (p *Proxy) ipbxSpared(now router.Instant, i int) bool {
	return p.pause(now, int(router.Servers)+i) != 0
}

func (p *Proxy) pause(now router.Instant, place int) router.Instant {
	if until := router.Instant(p.spared[place].Load()); until > now {
		return until
	}
	return 0
}
