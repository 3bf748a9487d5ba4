package proxy

import (
	"strconv"

	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// response handles a response from downstream (RFC 3261 §16.7).
func (s *shard) response(now router.Instant, f transport.Flow, raw []byte, h *message.Head) {
	r, ok := s.clients[s.clientKey(h.Branch.Of(raw), h.Method == message.CANCEL)]
	if !ok {
		if t := s.tails.ofClient(s.clientKey(h.Branch.Of(raw), h.Method == message.CANCEL)); t != nil {
			s.trailing(t, s.p.side(f), raw, h)
			return
		}
		s.stray(s.p.side(f), raw, h)
		return
	}
	c := r.c
	s.current = c
	if h.Method == message.CANCEL {
		if a := r.attempt(); a.cancelling == cancelSent {
			a.cancel.Step(now, transaction.Response, h.Status)
		}
		c.arm()
		return
	}
	if h.Method != c.head.Method {
		s.p.Stats.Stray.Add(1) // RFC 3261 §17.1.3: the CSeq method must match
		return
	}
	delete(s.calling, r)
	if r.branch >= formerBase {
		if !c.formerSpoke(now, r, raw, h) {
			c.arm()
			return
		}
		defer c.arm()
		defer c.giveUp(now, r.branch)
		r.branch = c.former[r.branch-formerBase].of
	}
	b := &c.branches[r.branch]
	c.credited(b, h)
	if h.Status < 200 {
		b.provisional = true
	}
	if b.tx.Phase == transaction.Terminated && h.Method == message.INVITE && h.Status/100 == 2 {
		// Our choice: the machine is gone (Timer B, ICMP), its context is not: a
		// late 2xx is never dropped, the fork relays or releases it.
		c.passed(now, r.branch, raw, h)
		c.arm()
		return
	}
	c.clientActions(now, r.branch, b.tx.Step(now, transaction.Response, h.Status), raw, h)
	b = &c.branches[r.branch]
	if h.Status < 200 && b.cancelling == cancelWanted {
		c.cancel(now, r.branch)
	}
	c.arm()
}

// passed gives the fork a response that the branch's transaction passed up.
func (c *context) passed(now router.Instant, i uint8, raw []byte, h *message.Head) {
	b := &c.branches[i]
	if h.Status >= 200 {
		if b.ended && h.Status < 300 {
			b.ended = false // a repeat or a second 2xx: the fork decides again
		}
		if h.Status >= 300 {
			c.branchEnded(now, i)
			b.final = append(b.final[:0], raw...)
			if h.Status == 481 {
				c.denied(now, i)
			}
			if h.Status == 503 && h.RetryAfter && c.call != nil {
				c.s.p.spare(now, b.target, h.Retry)
			}
		} else if s := serverOf(b.target); s != router.NoServer && c.head.Method == message.INVITE {
			c.s.p.Stats.ServedAt[s].Store(max(int64(now), 1))
			if c.s.p.hooks.Served != nil && c.s.p.view.Load().Verifying {
				c.s.p.hooks.Served(s)
			}
		}
	} else if h.Status > 100 && c.fork.GivenUp(i) {
		c.s.p.Stats.LateDrops.Add(1)
	}
	ev := c.event(now, fork.Response)
	ev.Branch, ev.Status, ev.RetryAfter = i, h.Status, h.RetryAfter
	c.step(now, ev, raw, h)
}

// relay sends a branch's response upstream: the one in hand, else the stored
// final (RFC 3261 §16.7(8), (9)).
func (c *context) relay(now router.Instant, i uint8, raw []byte, h *message.Head) {
	if raw == nil {
		c.relayStored(now, i)
		return
	}
	if h.Status == 503 {
		// A lone 503 becomes 500: a client told 503 avoids us for every call
		// (RFC 3261 §16.7(6)).
		c.reply(now, 500, router.ReasonServerFailed)
		return
	}
	if b := &c.branches[i]; b.refused && (h.Status == 401 || h.Status == 407) {
		// The server is not to be asked for a password that was not its own: our
		// choice, 403 as RFC 3261 §21.4.4 has it.
		c.reply(now, 403, router.ReasonThisCallOnly)
		return
	}
	edit := message.Edit{StripVia: true, MaxForwards: -1, SetContentLength: c.flow.Network.Reliable()}
	if h.Status == 401 || h.Status == 407 {
		edit.Add = c.challenges(i)
	}
	if c.s.p.cfg().rewrites {
		edit.Contact = c.s.disguise(nil, c.s.p.side(c.branches[i].flow), c.way.token.From, c.flow, raw, h)
	}
	if c.altered {
		c.restored(&edit, raw, h)
	}
	if h.Body < h.End {
		c.hush() // a sound of its own
	}
	c.send(now, h.Status, message.AppendForward(c.s.buf[:0], raw, h, &edit))
	switch {
	case h.Status < 200 || h.Status >= 300:
	case c.call != nil:
		c.answered(now, i, raw, h)
		c.agreed(&c.branches[i], raw, h)
	case !c.head.ToTag.Empty():
		c.refreshed(now, raw, h)
	}
}

func (c *context) relayStored(now router.Instant, i uint8) {
	var h message.Head
	raw, r, _ := message.Scan(c.branches[i].final, &h)
	if r != message.OK {
		c.reply(now, 500, router.ReasonFault)
		return
	}
	c.relay(now, i, raw, &h)
}

// challenges are those of the other branches, added to a 401 or 407 that goes
// up (RFC 3261 §16.7(7)).
func (c *context) challenges(chosen uint8) [][]byte {
	var out [][]byte
	for i := range c.branches {
		b := &c.branches[i]
		if uint8(i) == chosen || len(b.final) == 0 {
			continue
		}
		var h message.Head
		raw, r, _ := message.Scan(b.final, &h)
		if r != message.OK || (h.Status != 401 && h.Status != 407) {
			continue
		}
		for _, name := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
			for v := range message.Fields(raw, &h, name) {
				if line, err := message.Line(name, string(v)); err == nil {
					out = append(out, line)
				}
			}
		}
	}
	return out
}

// send passes a response through the server transaction. built lies in the
// shard's scratch buffer.
func (c *context) send(now router.Instant, status uint16, built []byte) {
	c.s.buf = built[:0]
	if c.last == nil {
		c.last = c.s.buffer()
	}
	c.last = append(c.last[:0], built...)
	if status >= 200 {
		c.hush()
	}
	if c.call != nil && status >= 200 && c.call.record.Status == 0 {
		c.call.record.Status = status
		c.call.record.Setup = now.Sub(c.call.started)
	}
	c.serverActions(now, c.server.Step(now, transaction.Send, status))
	if c.server.Phase == transaction.Accepted || c.server.Phase == transaction.Terminated {
		c.s.release(&c.last) // 2xx are repeated by the callee, not by us (RFC 6026 §7.1)
	}
}

// stamp is what the top Via of a request from f must say (RFC 3261 §18.2.1,
// RFC 3581 §4).
func stamp(f transport.Flow, raw []byte, h *message.Head) message.Stamp {
	st := message.Stamp{Addr: f.Remote}
	st.Received, st.RPort = message.NeedsReceived(raw, h, f.Remote)
	return st
}

// reply sends a response of our own upstream.
func (c *context) reply(now router.Instant, status uint16, why router.Reason) {
	var extra [][]byte
	p := c.s.p
	if status >= 300 && c.call != nil && c.head.Method == message.INVITE {
		if line := p.reasonLine(c.from, status); line != nil {
			extra = append(extra, line)
		}
	}
	if status == 180 || status == 182 || status == 183 {
		extra = append(extra, p.contactLine(c.flow))
	}
	if status == 302 { // rescue by redirection
		if line, err := message.Line("Contact", "<"+string(p.rescueURI(p.secured(c.raw, &c.head)))+">"); err == nil {
			extra = append(extra, line)
		}
		c.call.record.Server = "rescue"
	}
	if len(c.raw) == 0 {
		return
	}
	c.send(now, status, c.stamp.AppendResponse(c.s.buf[:0], c.raw, &c.head, int(status), phrase(status), c.tag(), extra...))
}

// reasons are all Reason values of a request, joined (RFC 3326 §2).
func reasons(raw []byte, h *message.Head) []byte {
	if h.Reason.Empty() {
		return nil
	}
	var out []byte
	for v := range message.Fields(raw, h, "Reason") {
		if len(out) > 0 {
			out = append(out, ", "...)
		}
		out = append(out, v...)
	}
	return out
}

func (p *Proxy) contactLine(f transport.Flow) []byte {
	return append(p.appendOwnURI([]byte("Contact: <"), f.Listener, false), ">\r\n"...)
}

// tag is our To tag for this request: the same for each response of ours.
func (c *context) tag() string { return tagOf(c.key) }

func tagOf(server uint64) string { return ownTag + strconv.FormatUint(server, 36) }

// answerStateless answers a request without keeping anything.
func (p *Proxy) answerStateless(f transport.Flow, raw []byte, h *message.Head, status int, reason string, extra ...[]byte) {
	tag := ownTag + strconv.FormatUint(p.hash(h.Via.Of(raw)), 36)
	p.answerTagged(f, raw, h, status, reason, tag, extra...)
}

func (p *Proxy) answerTagged(f transport.Flow, raw []byte, h *message.Head, status int, reason, tag string, extra ...[]byte) {
	to := p.replyFlow(f, raw, h)
	out := stamp(f, raw, h).AppendResponse(nil, raw, h, status, reason, tag, extra...)
	if len(out) == 0 || p.wire.Send(to, out) != nil {
		p.Stats.Unsent.Add(1)
	}
}

// stray relays a response that has no context when our key signed its branch:
// a call that was ringing when this node started (RFC 3261 §16.11, RFC 6026
// §7.3 forbids the others). Only 18x and 2xx to INVITE (RFC 4320 §4.2).
func (s *shard) stray(from side, raw []byte, h *message.Head) {
	s.p.Stats.Stray.Add(1)
	if h.Method != message.INVITE || h.Status == 100 || h.Status >= 300 || !s.made(h.Branch.Of(raw)) {
		return
	}
	edit := message.Edit{StripVia: true, MaxForwards: -1}
	out := message.AppendForward(s.buf[:0], raw, h, &edit)
	s.buf = out[:0]
	var next message.Head
	if _, r, _ := message.Scan(out, &next); r != message.OK {
		return
	}
	f, ok := s.p.viaFlow(out, &next)
	if !ok {
		return
	}
	s.restoredAlone(&edit, from, raw, h)
	if edit.Contact = s.disguise(nil, from, "", f, raw, h); edit.Contact != nil || edit.SetCSeq || edit.FromURI != nil || edit.ToURI != nil {
		out = message.AppendForward(s.buf[:0], raw, h, &edit)
		s.buf = out[:0]
	}
	_ = s.send(f, out)
}

// made reports whether our key signed a branch.
func (s *shard) made(branch []byte) bool {
	_, _, ok := s.keys.OursBranch(branch)
	return ok
}

var phrases = map[uint16]string{
	100: "Trying", 180: "Ringing", 182: "Queued", 183: "Session Progress", 200: "OK",
	400: "Bad Request", 403: "Forbidden", 404: "Not Found", 408: "Request Timeout", 416: "Unsupported URI Scheme", 420: "Bad Extension",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
	414: "Request-URI Too Long", 483: "Too Many Hops", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
	500: "Server Internal Error", 503: "Service Unavailable", 504: "Server Time-out", 513: "Message Too Large", 600: "Busy Everywhere", 603: "Decline",
}

func phrase(status uint16) string {
	if p, ok := phrases[status]; ok {
		return p
	}
	return "Refused"
}
