package phone

import (
	"fmt"
	"strconv"
	"strings"
)

// acknowledgeReliable sends PRACK for a reliable provisional (RFC 3262 §4).
func (c *Call) acknowledgeReliable(d *Dialog, m *Message) {
	if !m.Lists("Require", "100rel") {
		return
	}
	n, err := strconv.ParseUint(m.Get("RSeq"), 10, 32)
	if err != nil || uint32(n) <= d.lastRSeq {
		return
	}
	d.lastRSeq = uint32(n)
	cseq, method := m.CSeq()
	p := d.request("PRACK")
	p.Add("RAck", fmt.Sprintf("%d %d %s", n, cseq, method))
	if len(m.Body) > 0 {
		if body := c.takeDescription(m.Body); body != nil {
			p.Add("Content-Type", "application/sdp")
			p.Body = body
		}
	}
	c.step("sent PRACK", nil)
	d.transact(p, func(r *Message) {
		if r == nil || r.Status >= 300 {
			c.refusedPrack++
			return
		}
		c.step(fmt.Sprintf("got %d to PRACK", r.Status), r)
	})
}

// reliable is a provisional of ours that awaits its PRACK (RFC 3262 §3).
type reliable struct {
	c        *Call
	raw      []byte
	rseq     uint32
	repeats  int
	resend   *Timer
	answer   bool // Answer was asked for meanwhile
	answered bool
}

func (r *reliable) stop() {
	if r != nil {
		r.resend.Stop()
	}
}

func (r *reliable) again() {
	if r.answered {
		return
	}
	if r.repeats++; r.repeats > 6 { // 64 × T1 in all
		r.c.pendingRel = nil
		r.c.Reject(504) // RFC 3262 §3: reject with a 5xx
		return
	}
	r.c.p.send(r.raw, r.c.in.reply)
	r.resend = r.c.p.After(r.c.p.cfg.T1<<r.repeats, r.again)
}

// ringReliably sends the provisional with Require: 100rel.
func (c *Call) ringReliably(status int) {
	c.in.ReplyBody(
		status, nil, Field{"Contact", c.p.contact()},
		Field{"Require", "100rel"}, Field{"RSeq", "1"},
	)
	c.pendingRel = &reliable{c: c, raw: c.in.last, rseq: 1}
	c.pendingRel.resend = c.p.After(c.p.cfg.T1, c.pendingRel.again)
}

func (c *Call) prack(r *Inbound) {
	rel := c.pendingRel
	rack, _, _ := strings.Cut(r.Request.Get("RAck"), " ")
	if rel == nil || rack != strconv.Itoa(int(rel.rseq)) {
		r.Reply(481)
		return
	}
	rel.answered = true
	rel.stop()
	c.pendingRel = nil
	c.step("got PRACK", nil)
	r.Reply(200)
	if rel.answer {
		c.Answer()
	}
}
