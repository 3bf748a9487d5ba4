package proxy

import (
	"strconv"
	"time"

	"releve/proxy/admission"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
)

// Overload (RFC 3261 §21.5.4, RFC 7339): what is new is turned away with one
// cheap answer, the least important first. What belongs to a call in progress,
// ACK, CANCEL and REGISTER never ask.

// pingRate is how many OPTIONS for Relève itself are answered a second. Our
// choice: an answer costs no more than a refusal, and an IPBX whose keep-alive is
// refused would take the whole trunk away; what is more than that is a scan, and
// is dropped.
const pingRate = 20

// shed turns a new request away when Relève is overloaded; true: it did.
func (s *shard) shed(now router.Instant, key uint64, f transport.Flow, from side, raw []byte, h *message.Head) bool {
	p := s.p
	switch {
	case !h.ToTag.Empty():
		return s.crowded(f, raw, h)
	case h.Method == message.REGISTER:
		return false
	case h.Method == message.OPTIONS && p.forUs(raw, h, from):
		if p.pings.Take(now, p.pingRate) {
			return false
		}
		p.refused(BoundPings)
		return true
	}
	if s.turned.has(key, now) {
		p.unavailable(f, raw, h) // a repeat of what was turned away gets the same answer
		return true
	}
	bound := p.overloaded(now, from, classOf(from, raw, h), h.Method == message.INVITE)
	if bound == Bounds {
		return false
	}
	p.refused(bound)
	if bound == BoundCalls && h.Method != message.INVITE {
		// Calls are still admitted: Relève as a whole is not overloaded.
		p.answerStateless(f, raw, h, 480, phrase(480))
		return true
	}
	if !s.turned.add(key, now) {
		p.Stats.Unremembered.Add(1)
	}
	p.unavailable(f, raw, h)
	return true
}

// crowded bounds the requests of calls in progress, at twice the limit: our
// choice, they are the last to be refused, and a 500 ends no dialog (RFC 5057
// §5.3).
func (s *shard) crowded(f transport.Flow, raw []byte, h *message.Head) bool {
	p := s.p
	if p.InProgress() < int64(2*p.cfg().Limits.Transactions) {
		return false
	}
	p.refused(BoundTransactions)
	p.answerStateless(f, raw, h, 500, phrase(500))
	return true
}

// overloaded is the limit that a new request meets; Bounds: none.
func (p *Proxy) overloaded(now router.Instant, from side, c admission.Class, invite bool) Bound {
	room := int64(p.cfg().Limits.Transactions)
	if c == admission.Urgent {
		room *= 2
	}
	switch {
	case p.InProgress() >= room:
		return BoundTransactions
	case invite && p.Dialogs.Full():
		return BoundDialogs
	case p.gate.Ask(now, c, p.sourceOf(from)) != admission.Admitted:
		return BoundCalls
	}
	return Bounds
}

// InProgress is the number of transactions of all shards, tails included, as of
// their last turns.
func (p *Proxy) InProgress() (n int64) {
	for _, s := range p.shards {
		n += s.load.Load()
	}
	return n
}

// unavailable is the answer of an overloaded Relève: 503 with a Retry-After that
// spreads the callers. It is the same for a repeat, and keeps nothing.
func (p *Proxy) unavailable(f transport.Flow, raw []byte, h *message.Head) {
	after := admission.RetryAfter(p.hash(h.Via.Of(raw)))
	line := append(strconv.AppendInt([]byte("Retry-After: "), int64(after), 10), "\r\n"...)
	p.answerStateless(f, raw, h, 503, phrase(503), line)
}

// classOf is how important a new request is. Our choice: an attended transfer
// (RFC 3891) belongs to calls in progress and is as urgent as an emergency.
func classOf(from side, raw []byte, h *message.Head) admission.Class {
	switch {
	case h.Method != message.INVITE:
		return admission.Other
	case !h.Replaces.Empty(), from.kind == fromServer && emergency(h.UserOf.Of(raw)), prioritised(raw, h):
		return admission.Urgent
	}
	return admission.Call
}

// emergency reports a number of the emergency services in France and Europe,
// as the site dials it.
func emergency(user []byte) bool {
	switch string(user) {
	case "112", "15", "17", "18", "114", "115", "119", "191", "196", "197":
		return true
	}
	return false
}

// prioritised: the caller, whom we know, says that this call goes first
// (RFC 4412 §3.1, RFC 3261 §20.26).
func prioritised(raw []byte, h *message.Head) bool {
	if _, ok := message.HeaderValue(raw, h, "Resource-Priority"); ok {
		return true
	}
	v, ok := message.HeaderValue(raw, h, "Priority")
	return ok && message.EqualFold(v, "emergency")
}

// turnedAway remembers whom we turned away, so that a repeat which crossed our
// 503 on the way does not become a call that nobody waits for.
//
//	now ──turnedFor──► before ──turnedFor──► forgotten
type turnedAway struct {
	now, before map[uint64]struct{} // keys of server transactions
	renewed     router.Instant      // when now began
}

const (
	turnedFor = 32 * time.Second // 64*T1: as long as an INVITE is repeated
	// maxTurned bounds one generation of one shard; whoever comes after it is
	// turned away all the same, but not remembered.
	maxTurned = 65_536
)

func (t *turnedAway) turn(now router.Instant) {
	switch age := now.Sub(t.renewed); {
	case t.now == nil && t.before == nil, age < turnedFor:
	case age < 2*turnedFor:
		t.now, t.before, t.renewed = nil, t.now, now
	default:
		*t = turnedAway{renewed: now}
	}
}

func (t *turnedAway) has(key uint64, now router.Instant) bool {
	t.turn(now)
	if _, ok := t.now[key]; ok {
		return true
	}
	_, ok := t.before[key]
	return ok
}

// add remembers key; false: there is no room.
func (t *turnedAway) add(key uint64, now router.Instant) bool {
	t.turn(now)
	if t.now == nil {
		t.now, t.renewed = make(map[uint64]struct{}), now
	}
	if len(t.now) >= maxTurned {
		return false
	}
	t.now[key] = struct{}{}
	return true
}
