package proxy

import (
	"bytes"

	"releve/proxy/dialog"
	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// request handles a request (RFC 3261 §16.3–16.5, §17.2.3).
func (s *shard) request(now router.Instant, f transport.Flow, from side, raw []byte, h *message.Head) {
	key := s.serverKey(raw, h, h.Method)
	c := s.servers[key]
	switch {
	case h.Method == message.ACK:
		s.acked(now, f, raw, h, c)
	case h.Method == message.CANCEL:
		s.cancelled(now, f, raw, h, c)
	case c != nil:
		s.current = c
		c.serverActions(now, c.server.Step(now, transaction.Request, 0))
		c.arm()
	case s.tails.ofServer(key) != nil:
		s.repeated(s.tails.ofServer(key))
	case s.parked[key] != nil: // a repeat
	default:
		s.opened(now, key, f, from, raw, h)
	}
}

// acked treats an ACK: of a non-2xx it ends here (RFC 3261 §17.2.1), of a 2xx
// it follows the route set without a transaction (RFC 3261 §16.11, §17).
func (s *shard) acked(now router.Instant, f transport.Flow, raw []byte, h *message.Head, c *context) {
	if c != nil {
		s.current = c
		a := c.server.Step(now, transaction.Ack, 0)
		c.serverActions(now, a)
		c.arm()
		if a&transaction.Pass == 0 {
			return
		}
		// An ACK of a 2xx with the INVITE's branch still reaches the callee
		// (RFC 6026 §7.1).
	}
	if bytes.HasPrefix(h.ToTag.Of(raw), []byte(ownTag)) {
		return // of a refusal of ours that kept nothing
	}
	if h.MaxForwards == 0 || !s.ofDialog(raw, h) {
		s.p.Stats.Stray.Add(1)
		return
	}
	way, ok, wait := s.dialogWay(s.serverKey(raw, h, message.ACK), f, raw, h)
	if wait {
		return
	}
	if !ok {
		s.p.Stats.Stray.Add(1)
		return
	}
	s.renumber(s.p.side(f), raw, h, &way)
	out := s.appendInDialog(s.buf[:0], f, raw, h, &way, 0)
	if len(out) > largeRequest {
		if flow, large := s.p.largeFlow(&way); large {
			way.flow = flow
			out = s.appendInDialog(out[:0], f, raw, h, &way, 0)
		}
	}
	s.buf = out[:0]
	_ = s.send(way.flow, out)
}

// cancelled treats a CANCEL (RFC 3261 §9.2, §16.10): 200 at once when the
// INVITE is known, else 481; our deviation from "forward statelessly" is that
// no other node could know the INVITE.
func (s *shard) cancelled(now router.Instant, f transport.Flow, raw []byte, h *message.Head, c *context) {
	if c != nil && c.flow.Remote.Addr() != f.Remote.Addr() {
		// Only the hop that sent the INVITE may cancel it (RFC 3261 §9.2, §26.1.4).
		s.p.Stats.Stray.Add(1)
		s.p.answerStateless(f, raw, h, 481, phrase(481))
		return
	}
	if c == nil || c.head.Method != message.INVITE {
		if t := s.tails.ofServer(s.serverKey(raw, h, message.INVITE)); t != nil && t.last == nil {
			s.p.answerTagged(f, raw, h, 200, phrase(200), tagOf(t.server)) // it came too late
			return
		}
		if s.cancelsOther(raw, h) {
			s.p.answerStateless(f, raw, h, 200, phrase(200)) // and nothing else: only an INVITE is cancelled
			return
		}
		s.p.answerStateless(f, raw, h, 481, phrase(481))
		return
	}
	s.current = c
	s.p.answerTagged(f, raw, h, 200, phrase(200), c.tag()) // RFC 3261 §9.2: the tag of the INVITE's responses
	if c.server.Phase == transaction.Proceeding {
		c.reason = reasons(raw, h)
		c.step(now, c.event(now, fork.Cancelled), nil, nil)
	}
	c.arm()
}

// opened handles a request that no transaction knows.
func (s *shard) opened(now router.Instant, key uint64, f transport.Flow, from side, raw []byte, h *message.Head) {
	p := s.p
	if s.shed(now, key, f, from, raw, h) {
		return
	}
	if bound, status, reason := p.oversize(h); status != 0 {
		p.refused(bound)
		p.answerStateless(f, raw, h, status, reason)
		return
	}
	if unreachable(raw, h) {
		p.answerStateless(f, raw, h, 400, "Malformed Contact")
		return
	}
	status, extra := s.check(raw, h)
	if status == 0 {
		status, extra = p.checkSecure(raw, h, from)
	}
	if status != 0 {
		p.answerStateless(f, raw, h, status, phrase(uint16(status)), extra...)
		return
	}
	switch {
	case s.ofDialog(raw, h):
		s.inDialog(now, key, f, from, raw, h)
	case h.Method == message.REGISTER:
		s.register(now, key, f, from, raw, h)
	case h.Method == message.OPTIONS && p.forUs(raw, h, from):
		p.options(f, raw, h)
	case from.kind == fromDesk:
		// Our choice: the desk takes calls and places none, so that an address is
		// never a way round ipbx.sources.
		p.answerStateless(f, raw, h, 403, phrase(403))
	case h.Method == message.INVITE:
		s.invite(now, key, f, from, raw, h)
	default:
		s.outOfDialog(now, key, f, from, raw, h)
	}
}

// ofDialog reports whether a request belongs to a dialog: it has a To tag, or,
// where the callee gave none as RFC 2543 allowed (RFC 3261 §12.1.2), our token of
// its call is in its first Route.
func (s *shard) ofDialog(raw []byte, h *message.Head) bool {
	if !h.ToTag.Empty() || h.Routes == 0 {
		return !h.ToTag.Empty()
	}
	first := h.Route[0].Of(raw)
	return s.p.ours(first) && s.tokenOf(first, raw, h, &way{})
}

// addition is room for what we add to a request, in bytes.
const addition = 1024

// check refuses what a proxy must not forward (RFC 3261 §16.3).
func (s *shard) check(raw []byte, h *message.Head) (status int, extra [][]byte) {
	if h.MaxForwards == 0 && (h.Method != message.OPTIONS || !h.ToTag.Empty()) {
		return 483, nil // §16.3(3)
	}
	if !h.ProxyRequire.Empty() {
		// Relève knows no option tag of Proxy-Require: all are unsupported.
		return 420, unsupported(raw, h, "Proxy-Require") // §16.3(5)
	}
	if h.Vias > 1 {
		hash := message.LoopHash(raw, h, s.keys)
		for i := range s.p.cfg().Listeners {
			if message.Looped(raw, h, []byte(s.p.cfg().Listeners[i].SentBy), hash) {
				return 482, nil // §16.3(4), RFC 5393 §4.2
			}
		}
	}
	return 0, nil
}

// unreachable reports an initial INVITE whose Contact is no URI that Relève takes
// in a Request-URI. Our choice, stricter than RFC 3261 §16.3(1): every request of
// the callee would be refused for it, its BYE too, and the call would keep its
// line.
func unreachable(raw []byte, h *message.Head) bool {
	if h.Method != message.INVITE || !h.ToTag.Empty() || h.Contact.Empty() {
		return false
	}
	_, ok := message.ParseURI(h.ContactURI.Of(raw))
	return !ok
}

// trying answers an INVITE at once (RFC 3261 §16.2, §17.2.1).
func (c *context) trying(now router.Instant) { c.reply(now, 100, router.ReasonNone) }

// invite routes an initial INVITE.
func (s *shard) invite(now router.Instant, key uint64, f transport.Flow, from side, raw []byte, h *message.Head) {
	p := s.p
	p.Stats.Offered.Add(1)
	c := s.newContext(now, key, f, from, raw, h)
	s.current = c
	c.call = p.newCall(now, f, from, raw, h)
	c.trying(now)
	view := p.View()
	d := router.Route(p.routed(now, c, view, raw, h), view)
	mode, first := fork.Incoming, fork.ToNone
	if from.kind == fromServer {
		mode = fork.Outgoing
		c.call.outgoing, c.call.server = true, from.server()
		first = fork.ToIPBX + fork.Target(p.reachable(now))
		if d.Action == router.Refuse && p.hooks.PassiveCall != nil {
			p.hooks.PassiveCall(from.server())
		}
	}
	c.call.record.Reason = d.Reason
	c.call.record.Epoch = view.Epoch
	c.fork = fork.New(&p.cfg().Policy, mode, true, now)
	ev := c.event(now, fork.Arrive)
	ev.Decision, ev.First = d, first
	c.step(now, ev, nil, nil)
	c.arm()
}

// routed is what Route knows of this call.
func (p *Proxy) routed(now router.Instant, c *context, v router.View, raw []byte, h *message.Head) router.Call {
	call := router.Call{
		From: c.from.server(), Entry: c.call.entry, ServiceNumber: c.call.service,
		Manual: !p.cfg().Policy.Automatic, HoldBudget: now.Add(p.cfg().Policy.HoldBudget),
	}
	if c.from.kind == fromServer {
		if call.From != v.Active {
			call.HeldByPassive = p.Dialogs.PlaceFromPassive(call.From)
		}
		return call
	}
	if !h.Replaces.Empty() {
		call.Replaces, c.call.replaces = true, true
		call.Owner, _ = p.Dialogs.Owner(p.callKey(dialogOf(h.Replaces.Of(raw))))
	}
	call.Looped = h.Forwarded() > 5 || c.call.named && p.Dialogs.Looped(c.call.pair, now)
	call.Occupancy = p.Dialogs.Occupancy(v.Active, 0)
	call.AnsweredLately = p.answeredLately(v.Active, now)
	call.Spared = p.sparedUntil(now, v.Active) != 0
	return call
}

// inDialog relays a request of a dialog by its route set (RFC 3261 §16.4–16.6).
func (s *shard) inDialog(now router.Instant, key uint64, f transport.Flow, from side, raw []byte, h *message.Head) {
	p := s.p
	if c := s.early(raw, h); c != nil {
		s.current = c
		c.inEarlyDialog(now, f, raw, h)
		return
	}
	if status := p.asked(raw, h); status != 0 {
		p.answerStateless(f, raw, h, status, phrase(uint16(status)))
		return
	}
	way, ok, wait := s.dialogWay(key, f, raw, h)
	if wait {
		return
	}
	if !ok {
		p.refuseWay(f, raw, h, &way)
		return
	}
	s.renumber(from, raw, h, &way)
	c := s.newContext(now, key, f, from, raw, h)
	s.current = c
	c.way = way
	if h.Method == message.INVITE {
		c.trying(now)
	}
	switch {
	case h.Method == message.BYE:
		// Once it was sent: a call that waits for the line is offered from another
		// shard, and must not overtake the BYE on its way to the server.
		_, known := p.Dialogs.Owner(p.callKey(h.CallID.Of(raw)))
		c.hangsUp = known && from.kind != fromServer
		defer s.bye(now, raw, h, way, from)
	case from.kind == fromServer:
		p.Dialogs.Used(p.callKey(h.CallID.Of(raw)), dialog.AtIPBX, way.change.numberOr(h.CSeq))
	case from.kind == fromIPBX:
		p.Dialogs.Used(p.callKey(h.CallID.Of(raw)), dialog.AtServer, h.CSeq)
	}
	s.single(now, c)
}

// outOfDialog relays any other request that opens no call: from the IPBX to
// the active server, from a server to the first IPBX that can be reached.
func (s *shard) outOfDialog(now router.Instant, key uint64, f transport.Flow, from side, raw []byte, h *message.Head) {
	c := s.newContext(now, key, f, from, raw, h)
	s.current = c
	if from.kind == fromServer {
		c.fork = fork.New(&s.p.cfg().Policy, fork.Outgoing, false, now)
		c.step(now, c.event(now, fork.Arrive), nil, nil)
		c.arm()
		return
	}
	hop, ok := s.p.hop(c, fork.Target(s.p.View().Active))
	if !ok {
		c.reply(now, 480, router.ReasonNoRoute)
		c.arm()
		return
	}
	c.way = hop
	s.single(now, c)
}

func (s *shard) single(now router.Instant, c *context) {
	c.fork = fork.New(&s.p.cfg().Policy, fork.Single, c.head.Method == message.INVITE, now)
	ev := c.event(now, fork.Arrive)
	ev.First = fork.ToRoute
	c.step(now, ev, nil, nil)
	c.arm()
}
