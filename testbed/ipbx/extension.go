package ipbx

import (
	"fmt"
	"path"
	"time"

	"releve/testbed/phone"
)

// Extension is how the numbers of one pattern behave when called.
type Extension struct {
	Pattern string        `json:"pattern"` // shell pattern: "20??", "9", "*"
	Answer  string        `json:"answer"`  // answer (also when empty), busy, no-answer, reject, silent
	Status  int           `json:"status"`  // reject: the status
	Ring    time.Duration `json:"ring"`    // 180 until then
	Talk    time.Duration `json:"talk"`    // BYE after; 0: the other side ends the call
	Mute    bool          `json:"mute"`    // with Config.RTP: hear only
}

func (x *IPBX) compile() error {
	x.answers = append([]Extension(nil), x.cfg.Extensions...)
	if len(x.answers) == 0 {
		x.answers = []Extension{{Pattern: "*"}}
	}
	for _, e := range x.answers {
		if _, err := path.Match(e.Pattern, ""); err != nil {
			return fmt.Errorf("extension %q: %w", e.Pattern, err)
		}
		switch e.Answer {
		case "", "answer", "busy", "no-answer", "reject", "silent":
		default:
			return fmt.Errorf("extension %q: answer %q: write answer, busy, no-answer, reject or silent", e.Pattern, e.Answer)
		}
	}
	return nil
}

func (x *IPBX) extension(number string) (Extension, bool) {
	for _, e := range x.answers {
		if ok, _ := path.Match(e.Pattern, number); ok {
			return e, true
		}
	}
	return Extension{}, number == x.cfg.Rescue // the desk exists even where no pattern names it
}

// incoming serves a call to one of our numbers.
func (x *IPBX) incoming(c *phone.Call) {
	x.count(func(s *Stats) { s.Incoming++ })
	number := c.Number()
	x.event(Event{Kind: "incoming", Call: c.Invite.CallID(), User: caller(c.Invite), Text: number})
	if status, extra := x.refuse(c); status != 0 {
		c.Reject(status, extra...)
		return
	}
	if users, releve, ok := x.behind(number); ok {
		x.through(c, users, releve)
		return
	}
	e, ok := x.extension(number)
	if !ok {
		c.Reject(404)
		return
	}
	switch e.Answer {
	case "busy":
		c.Reject(486)
	case "reject":
		c.Reject(e.Status)
	case "silent":
		c.Ignore()
	case "no-answer":
		c.Trying()
		c.Ring(180, false)
	default:
		x.ring(c, e)
	}
}

func (x *IPBX) ring(c *phone.Call, e Extension) {
	if x.cfg.RTP {
		c.UseMedia(e.Mute, nil)
	}
	c.OnAck = func() { x.talk(c, e) }
	c.OnRefer = func(r *phone.Inbound) { x.referred(nil, c, r) }
	c.Trying()
	c.Ring(180, false)
	if e.Ring == 0 || c.Replaces != nil {
		c.Answer()
		return
	}
	c.Phone().After(e.Ring, c.Answer)
}

func (x *IPBX) talk(c *phone.Call, e Extension) {
	rescued := c.Number() == x.cfg.Rescue
	x.count(func(s *Stats) {
		s.IncomingAnswered++
		if rescued {
			s.Rescued++
		}
	})
	if rescued {
		x.event(Event{Kind: "rescue", Call: c.Invite.CallID()})
	}
	if e.Talk > 0 {
		c.Phone().After(e.Talk, c.Hangup)
	}
}

// refuse is the gateway's policy; 0 lets the call in.
func (x *IPBX) refuse(c *phone.Call) (int, []phone.Field) {
	if c.Replaces != nil || c.Peer == c.Phone().Addr() {
		return 0, nil // our own parties calling each other after a transfer
	}
	if x.cfg.OnlyRegistered && !x.reg.registered(caller(c.Invite)) {
		x.count(func(s *Stats) { s.Unregistered++ })
		return 403, nil
	}
	if !x.cfg.ChallengeCalls {
		return 0, nil
	}
	if status, fields := x.reg.authorise(c.Invite, "Proxy-Authorization", "Proxy-Authenticate", 407); status != 0 {
		return status, fields
	}
	return 0, nil
}

// caller is the user that a call claims to come from.
func caller(m *phone.Message) string {
	if pai := m.Get("P-Asserted-Identity"); pai != "" {
		return phone.UserOf(pai)
	}
	return phone.UserOf(m.Get("From"))
}
