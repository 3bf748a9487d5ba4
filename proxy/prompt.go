package proxy

import (
	"bytes"

	"releve/proxy/message"
	"releve/router"
)

// signal tells a held caller that he waits: by the prompt where there is one and his
// offer takes it, else by a status alone; 0: by nothing.
//
// The prompt is early media of ours (RFC 3261 §13.2.1, RFC 3264): a 183 that answers
// the offer, with our To tag, in the early dialog of every hold signal (early.go). The
// server that answers later does so with a tag of its own, in a dialog of its own (RFC
// 3261 §12.1, §13.2.2.4), and its media does not pass us. The prompt ends with that
// answer, with any other final, or with early media of a server's own: our choice, so
// that nobody waits in silence while a server is offered his call.
func (c *context) signal(now router.Instant, status uint16) {
	if c.prompt(now) || status == 0 {
		return
	}
	c.reply(now, status, router.ReasonNone)
}

// prompt plays it; false: it cannot be.
func (c *context) prompt(now router.Instant) bool {
	p, h := c.s.p, &c.head
	if p.hooks.Prompt == nil || c.call == nil || c.call.hush != nil || h.Body >= h.End || !describesMedia(c.raw, h) {
		return false
	}
	answer, stop := p.hooks.Prompt(c.raw[h.Body:h.End])
	if answer == nil {
		return false
	}
	c.call.hush = stop
	c.send(now, 183, c.stamp.AppendAnswer(c.s.buf[:0], c.raw, h, 183, phrase(183), c.tag(), answer, p.contactLine(c.flow)))
	return true
}

// describesMedia reports whether the body is an SDP and nothing else.
func describesMedia(raw []byte, h *message.Head) bool {
	kind, ok := message.HeaderValue(raw, h, "Content-Type")
	if _, coded := message.HeaderValue(raw, h, "Content-Encoding"); !ok || coded {
		return false
	}
	kind, _, _ = bytes.Cut(kind, []byte(";"))
	return bytes.EqualFold(bytes.TrimSpace(kind), []byte("application/sdp"))
}

// hush ends the prompt, if one is played.
func (c *context) hush() {
	if c.call != nil && c.call.hush != nil {
		c.call.hush()
	}
}
