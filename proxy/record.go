package proxy

import (
	"time"

	"releve/proxy/dialog"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
)

// KeyOf is the key of a call in Dialogs.
func (p *Proxy) KeyOf(callID string) dialog.Key { return p.callKey([]byte(callID)) }

func (p *Proxy) callKey(callID []byte) dialog.Key { return dialog.Key(p.hash(callID)) }

// newCall opens the record of an initial INVITE.
func (p *Proxy) newCall(now router.Instant, f transport.Flow, from side, raw []byte, h *message.Head) *call {
	entry := p.cfg().Listeners[f.Listener].Entry
	if from.kind == fromServer {
		entry = router.Inline
	}
	to := string(h.UserOf.Of(raw))
	caller := userOf(h.From.Of(raw))
	c := &call{
		key: p.callKey(h.CallID.Of(raw)), started: now, entry: entry,
		service: p.cfg().ServiceNumbers[to], reliable: h.Require100,
		named: len(caller) > 0 && string(caller) != "anonymous",
	}
	c.pair = p.hash(append(append(append([]byte(nil), caller...), 0), to...))
	c.record = router.CallRecord{
		CallID: string(h.CallID.Of(raw)), From: string(caller), To: to,
		Outgoing: from.kind == fromServer, Entry: entry.String(),
		Started: p.start.Add(time.Duration(now)),
	}
	return c
}

// answered enters the call into the table when its 2xx goes up; the branch's
// line becomes the call's.
func (c *context) answered(now router.Instant, i uint8, raw []byte, h *message.Head) {
	b := &c.branches[i]
	if c.call.answered {
		return
	}
	c.call.answered = true
	r := &c.call.record
	r.Server, r.Epoch = c.servedBy(i), b.epoch
	if s := c.call.server; s != router.NoServer && b.line == router.NoServer && !c.call.replaces {
		c.s.p.Dialogs.Reserve(s) // it had been given up, and its line with it
		b.line = s
	}
	c.trust(b)
	d := dialog.Call{
		Key: c.call.key, CallID: r.CallID, From: r.From, To: r.To, Server: c.call.server,
		Outgoing: c.call.outgoing, Epoch: r.Epoch, Started: c.call.started, Answered: max(now, 1),
		Line: b.line != router.NoServer, Lapses: lapses(now, h), Record: *r, Legs: c.legs(i, raw, h),
	}
	if c.call.tabled = c.s.p.Dialogs.Add(d); c.call.tabled {
		b.line = router.NoServer
	}
}

// sessionGrace is how long after its session timer a call is still known: the
// BYE that ends it then may be repeated for 64*T1 (RFC 4028 §10; our choice).
const sessionGrace = 32 * time.Second

// lapses is when a call ends that is not refreshed any more, by the 2xx that
// set or refreshed its session timer; 0: none runs (RFC 4028 §7.2, §9).
func lapses(now router.Instant, h *message.Head) router.Instant {
	if h.SessionExpires <= 0 {
		return 0
	}
	return now.Add(time.Duration(h.SessionExpires)*time.Second + sessionGrace)
}

// refreshed notes a 2xx to a re-INVITE or UPDATE: it sets the session timer
// anew, or ends it (RFC 4028 §7.4), and names the remote targets of both ends from
// now on (RFC 3261 §12.2.1.2, §12.2.2).
func (c *context) refreshed(now router.Instant, raw []byte, h *message.Head) {
	if h.Method != message.INVITE && h.Method != message.UPDATE {
		return
	}
	ipbx, server := c.head.ContactURI.Of(c.raw), h.ContactURI.Of(raw)
	if c.from.kind == fromServer {
		ipbx, server = server, ipbx
	}
	c.s.p.Dialogs.Refreshed(c.s.p.callKey(c.head.CallID.Of(c.raw)), lapses(now, h), server, ipbx)
}

// unhold ends the hold of a call, if it is held.
func (c *context) unhold(now router.Instant) {
	if c.call.heldAt == 0 {
		return
	}
	c.call.record.Held += now.Sub(c.call.heldAt)
	c.call.heldAt = 0
	c.s.p.held.Add(-1)
}

func (c *context) servedBy(i uint8) string {
	b := &c.branches[i]
	switch {
	case c.call.outgoing:
		return c.call.server.String()
	case serverOf(b.target) != router.NoServer:
		c.call.server = serverOf(b.target)
		return c.call.server.String()
	}
	c.call.server = router.NoServer
	return "rescue"
}

// finish closes the record: an answered call goes on in the table and is
// recorded when it ends, any other is recorded now.
func (c *context) finish(now router.Instant, o router.Outcome, why router.Reason) {
	if c.over {
		return
	}
	p := c.s.p
	r := &c.call.record
	c.unhold(now)
	r.Outcome, r.Reason = o.String(), why
	p.Stats.Outcomes[o].Add(1)
	if o == router.Dissuaded && c.call.named {
		p.Dialogs.Dissuaded(c.call.pair, now)
	}
	if c.call.tabled {
		p.Dialogs.Update(c.call.key, *r)
		return
	}
	if r.Server == "" {
		r.Server = c.call.server.String()
	}
	p.record(*r)
}

func (p *Proxy) record(r router.CallRecord) {
	if p.hooks.Record != nil {
		p.hooks.Record(r)
	}
}

// endedUnknown records a call that an earlier run of Relève set up: its token
// tells all that is left of it.
func (p *Proxy) endedUnknown(now router.Instant, raw []byte, h *message.Head, t message.Token, from side) {
	caller, callee := userOf(h.From.Of(raw)), userOf(h.To.Of(raw))
	if endedBy(from, !t.FromIPBX) == byCallee {
		caller, callee = callee, caller // the BYE runs against the INVITE
	}
	by := endedBy(from, !t.FromIPBX)
	p.record(router.CallRecord{
		CallID: string(h.CallID.Of(raw)), From: string(caller), To: string(callee), Outgoing: !t.FromIPBX,
		Entry: router.Inline.String(), Server: t.Server.String(), Epoch: t.Epoch, Outcome: router.Answered.String(),
		Reason: router.ReasonRestarted, Status: 200, Started: p.start.Add(time.Duration(now)), EndedBy: by,
	})
}

// Who ended a call.
const (
	byCaller = "caller"
	byCallee = "callee"
	byReleve = "relève"
)

// endedBy names the party behind a BYE.
func endedBy(from side, outgoing bool) string {
	if from.kind == fromDesk {
		return byCallee // it places no calls
	}
	if (from.kind == fromServer) == outgoing {
		return byCaller
	}
	return byCallee
}

// bye closes a call at its first BYE; by is who sent it. A BYE of an early dialog
// (RFC 3261 §15) ends nothing here: the INVITE's own final does.
func (s *shard) bye(now router.Instant, raw []byte, h *message.Head, w way, from side) {
	p := s.p
	key := p.callKey(h.CallID.Of(raw))
	outgoing, known := p.Dialogs.Outgoing(key)
	switch {
	case known:
		p.endCall(key, now, router.ReasonNone, endedBy(from, outgoing))
	case w.signed && !p.Dialogs.Ended(key) && !s.settingUp(key):
		p.endedUnknown(now, raw, h, w.token, from)
	}
}

// settingUp reports whether a call has not had its final yet. Rarely asked, so
// nothing is kept for it.
func (s *shard) settingUp(k dialog.Key) bool {
	for _, c := range s.servers {
		if c.call != nil && c.call.key == k && !c.over {
			return true
		}
	}
	return false
}

// endCall closes an answered call once: at the first BYE, or when it lasted
// too long. False: no such call is in progress.
func (p *Proxy) endCall(k dialog.Key, now router.Instant, why router.Reason, by string) bool {
	call, grants, ok := p.Dialogs.End(k, now)
	if !ok {
		return false
	}
	p.give(grants)
	call.Record.Duration = now.Sub(call.Answered)
	call.Record.EndedBy = by
	if why != router.ReasonNone {
		call.Record.Reason = why
	}
	p.record(call.Record)
	return true
}
