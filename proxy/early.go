package proxy

import (
	"bytes"
	"strconv"

	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// ownTag begins our To tags.
const ownTag = "rlv"

// early finds the held call whose early dialog with us a request names: our
// hold signal made us its user agent server (RFC 3261 §12.1.1).
func (s *shard) early(raw []byte, h *message.Head) *context {
	digits, ours := bytes.CutPrefix(h.ToTag.Of(raw), []byte(ownTag))
	if !ours {
		return nil
	}
	key, err := strconv.ParseUint(string(digits), 36, 64)
	if err != nil {
		return nil
	}
	c := s.servers[key]
	if c == nil || c.call == nil || c.server.Phase != transaction.Proceeding {
		return nil
	}
	return c
}

// inEarlyDialog answers a request of that early dialog: BYE ends the call as a
// CANCEL does (RFC 3261 §15); an offer is refused, for no media flows with us;
// the rest is acknowledged.
func (c *context) inEarlyDialog(now router.Instant, f transport.Flow, raw []byte, h *message.Head) {
	status := 200
	if h.Method != message.BYE && h.Body < h.End {
		status = 488
	}
	c.s.p.answerTagged(f, raw, h, status, phrase(uint16(status)), c.tag())
	if h.Method == message.BYE {
		c.step(now, c.event(now, fork.Cancelled), nil, nil)
	}
	c.arm()
}
