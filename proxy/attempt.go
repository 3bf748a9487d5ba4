package proxy

import (
	"errors"
	"slices"
	"syscall"
	"time"

	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// A branch of the fork is one far end; an attempt is one client transaction at
// one of its addresses. The fork does not see attempts: a failure comes to it
// when the last address failed (RFC 3263 §4.3, RFC 3261 §16.6(7)).
//
//	try ─► attempt ─ transport error, Timer B or F, 503, its share of silence ─► former
//	          ▲                                                                   │
//	          └──────── next address, new Via branch ◄────────────────────────────┤
//	          ▲                                                                   │
//	          └── a former one speaks while the present one is silent: they swap ◄┘
//
// A former attempt keeps its transaction: its repeats get their ACK, its late
// 1xx a CANCEL, and its late 2xx is never dropped.

// attempt is one client transaction. Its CANCEL and ACK go where it went, even
// when the name leads elsewhere meanwhile (RFC 3263 §4, RFC 3261 §9.1).
type attempt struct {
	tx     transaction.State
	cancel transaction.State // valid once cancelling == cancelSent
	flow   transport.Flow
	conn   uint32 // which took it, of a stream; 0: not known
	key    uint64
	sent   []byte // as sent; needed for repeats, CANCEL and ACK

	answers *answers // challenges of the IPBX that it answers; nil: none

	cancelling  cancelState
	cancelled   []byte // the CANCEL, for repeats
	provisional bool
}

// former is an attempt that its branch left.
type former struct {
	attempt
	of uint8 // its branch
}

// formerBase is the first number of a former attempt in ref.branch.
const formerBase = 64

// more is what a branch with several targets, or a second way to its only one,
// keeps.
type more struct {
	way    way // as begun; rest is what was not tried yet
	share  time.Duration
	moveAt router.Instant // the present target was silent for its share; Never: it spoke, or is the last
	happen router.Happening
	failed bool // some target failed already, as happen says
}

// largeRequest is the size from which a request goes over TCP when the path MTU
// is not known, in bytes (RFC 3261 §18.1.1).
const largeRequest = 1300

// attempt is what r names.
func (r ref) attempt() *attempt {
	if r.branch >= formerBase {
		return &r.c.former[r.branch-formerBase].attempt
	}
	return &r.c.branches[r.branch].attempt
}

// open sends the request of branch i along w, or to the first of its targets
// that takes it. The happening is that of the failure, when none does.
func (c *context) open(now router.Instant, i uint8, w *way) (router.Happening, bool) {
	b := &c.branches[i]
	if len(w.rest) > 0 {
		b.more = &more{way: *w, share: c.share(b.target, 1+len(w.rest)), moveAt: router.Never}
	}
	why, sent := c.try(now, i, w, 0)
	if sent || b.more == nil {
		return why, sent
	}
	return c.advance(now, i, why)
}

// share is how long one of several targets may say nothing at all. Our choice:
// within the time that the fork gives a server, which runs on (the old attempt
// stays: a late answer still counts); 2 s for any other INVITE, long enough for
// three transmissions; and 4 s for other requests, which have no provisional.
func (c *context) share(t fork.Target, targets int) time.Duration {
	switch {
	case c.head.Method != message.INVITE:
		return 4 * time.Second
	case serverOf(t) != router.NoServer:
		return max(c.s.p.cfg().Policy.ProgressTimeout/time.Duration(targets), 500*time.Millisecond)
	}
	return 2 * time.Second
}

// try sends the request of branch i along w, as its n-th attempt.
func (c *context) try(now router.Instant, i uint8, w *way, n uint8) (router.Happening, bool) {
	b := &c.branches[i]
	b.attempt = attempt{flow: w.flow, answers: w.answers}
	branch := c.s.branch(c.raw, &c.head, b.target, i+n*fork.MaxBranches)
	b.key = c.s.clientKey(branch, false)
	b.sent = c.s.appendRequest(c.s.buffer(), c, w, branch)
	if len(b.sent) > largeRequest && c.enlarge(b, w) {
		b.sent = c.s.appendRequest(b.sent[:0], c, w, branch)
	}
	r := ref{c, i}
	c.s.clients[b.key] = r
	c.s.calling[r] = struct{}{}
	kind := transaction.Client
	if c.head.Method == message.INVITE {
		kind = transaction.InviteClient
	}
	b.tx, _ = transaction.New(kind, b.flow.Network.Reliable(), now)
	var err error
	if b.conn, err = c.s.carry(b.flow, b.sent); err != nil {
		b.tx.Step(now, transaction.Failed, 0)
		delete(c.s.calling, r)
		c.unsent = c.unsent || errors.Is(err, transport.ErrOwnNetwork)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return router.PortRefused, false
		}
		return router.Unreachable, false
	}
	if b.more != nil && len(b.more.way.rest) > 0 {
		b.more.moveAt = now.Add(b.more.share)
	}
	return 0, true
}

// enlarge moves a large request to TCP where its peer takes that; UDP stays the
// next way (RFC 3261 §18.1.1).
func (c *context) enlarge(b *branch, w *way) bool {
	flow, ok := c.s.p.largeFlow(w)
	if !ok {
		return false
	}
	again := target{addr: w.flow.Remote, network: transport.UDP, plain: true}
	if b.more == nil {
		b.more = &more{way: *w, share: c.share(b.target, 2), moveAt: router.Never}
	}
	b.more.way.rest = append([]target{again}, b.more.way.rest...)
	w.flow, b.flow = flow, flow
	return true
}

// largeFlow is the TCP way to where w goes by UDP, for a large request.
func (p *Proxy) largeFlow(w *way) (transport.Flow, bool) {
	if w.flow.Network != transport.UDP || w.plain || w.peer == nil || !w.peer.LargeByTCP {
		return transport.Flow{}, false
	}
	return p.flowTo(target{addr: w.flow.Remote, network: transport.TCP}, nil, w.flow.Listener)
}

// advance goes on to the next target that takes the request. When none does,
// the happening of the whole branch: a refusal only when all refused.
func (c *context) advance(now router.Instant, i uint8, why router.Happening) (router.Happening, bool) {
	b := &c.branches[i]
	m := b.more
	m.moveAt = router.Never
	if m.failed && m.happen != why {
		why = router.Unreachable
	}
	m.happen, m.failed = why, true
	for len(m.way.rest) > 0 {
		t := m.way.rest[0]
		m.way.rest = m.way.rest[1:]
		w := m.way
		if !c.s.p.aim(&w, t, w.flow.Listener) {
			continue
		}
		w.answers = b.answers.carried(t.addr == b.flow.Remote)
		b.tries++
		c.retire(now, i)
		c.s.p.Stats.Retargeted.Add(1)
		next, sent := c.try(now, i, &w, b.tries)
		if sent {
			return 0, true
		}
		if next != m.happen {
			m.happen = router.Unreachable
		}
	}
	return m.happen, false
}

// onward reports whether branch i goes on at another target after a failure of
// the kinds that RFC 3263 §4.3 names. What was given up does not.
func (c *context) onward(now router.Instant, i uint8, why router.Happening) (router.Happening, bool) {
	b := &c.branches[i]
	if b.more == nil {
		return why, false
	}
	if b.given(c, i) {
		b.more.moveAt = router.Never
		return why, false
	}
	return c.advance(now, i, why)
}

// again sends a request once more, on a new connection, when the one it went by
// broke before any answer: that may have been dead for hours, behind a firewall
// that forgot it. A BYE that is lost there leaves a call for ever, an INVITE looks
// like a dead server. Our choice: once, as a new branch; what the new connection
// meets is the verdict (a killed process refuses it at once).
func (c *context) again(now router.Instant, i uint8) bool {
	b := &c.branches[i]
	tried := slices.ContainsFunc(c.former, func(f former) bool { return f.of == i })
	if b.more != nil || tried || b.given(c, i) {
		return false
	}
	w, ok := c.s.p.hop(c, b.target)
	if !ok {
		return false
	}
	c.retire(now, i)
	b.tries++
	_, sent := c.try(now, i, &w, b.tries)
	return sent
}

// given: nothing is to be begun for this branch any more.
func (b *branch) given(c *context, i uint8) bool {
	return b.cancelling != cancelNone || b.ended || c.over || c.fork.Final() || c.fork.GivenUp(i) || c.fork.Ended(i)
}

// retire files the present attempt of branch i among the former ones.
func (c *context) retire(now router.Instant, i uint8) {
	b := &c.branches[i]
	j := len(c.former)
	c.former = append(c.former, former{b.attempt, i})
	old := &c.former[j].attempt
	delete(c.s.calling, ref{c, i})
	if c.s.clients[old.key] == (ref{c, i}) {
		c.s.clients[old.key] = ref{c, uint8(formerBase + j)}
	}
	c.giveUp(now, uint8(formerBase+j))
}

// giveUp stops an attempt: it is repeated no more, and cancelled when it speaks
// (RFC 3261 §9.1).
func (c *context) giveUp(now router.Instant, n uint8) {
	a := (ref{c, n}).attempt()
	if a.tx.Phase == transaction.Calling {
		a.tx.Step(now, transaction.Stop, 0)
	}
	c.cancelAttempt(now, n)
}

// swap makes former attempt j the present one of its branch.
func (c *context) swap(j uint8) {
	f := &c.former[j]
	b := &c.branches[f.of]
	f.attempt, b.attempt = b.attempt, f.attempt
	delete(c.s.calling, ref{c, f.of})
	c.file(ref{c, f.of})
	c.file(ref{c, formerBase + j})
	if b.more != nil {
		b.more.moveAt = router.Never
	}
}

// file enters an attempt under its keys.
func (c *context) file(r ref) {
	a := r.attempt()
	c.s.clients[a.key] = r
	if a.cancelling == cancelSent {
		c.s.clients[^a.key] = r
	}
}

// formerSpoke treats a response to a former attempt. True: that attempt is the
// branch's present one now, the response is to be treated as any other, and r
// names the one to be given up after it: a 2xx always counts, and so does
// whatever comes while the present target is silent.
func (c *context) formerSpoke(now router.Instant, r ref, raw []byte, h *message.Head) bool {
	j := r.branch - formerBase
	f := &c.former[j]
	b := &c.branches[f.of]
	accepted := h.Method == message.INVITE && h.Status/100 == 2
	if accepted || !b.provisional && h.Status != 503 && f.tx.Phase <= transaction.Proceeding && !b.given(c, f.of) {
		c.swap(j)
		if b.cancelling == cancelWanted {
			b.cancelling = cancelNone // it was to be cancelled because it was silent
		}
		return true
	}
	a := f.tx.Step(now, transaction.Response, h.Status)
	if a&transaction.SendAck != 0 {
		c.ack(&f.attempt, raw, h)
	}
	if h.Status < 200 {
		f.provisional = true
		c.cancelAttempt(now, r.branch)
	}
	return false
}

// formerTick runs the machines of the former attempts.
func (c *context) formerTick(now router.Instant) {
	for j := range c.former {
		c.attemptTick(now, &c.former[j].attempt)
	}
}

func (c *context) attemptTick(now router.Instant, a *attempt) {
	if a.tx.Next() <= now {
		a.tx.Step(now, transaction.Timer, 0) // stopped: nothing is sent, and nobody waits for its end
	}
	c.cancelTick(now, a)
}

// cancelTick repeats a CANCEL that is due.
func (c *context) cancelTick(now router.Instant, a *attempt) {
	if a.cancelling == cancelSent && a.cancel.Next() <= now {
		if a.cancel.Step(now, transaction.Timer, 0)&transaction.Transmit != 0 {
			_ = c.s.send(a.flow, a.cancelled)
		}
	}
}

// next is the earliest deadline of the attempt's machines.
func (a *attempt) next() router.Instant {
	if a.cancelling == cancelSent {
		return min(a.tx.Next(), a.cancel.Next())
	}
	return a.tx.Next()
}

// moveAt is when branch b goes on to its next target unless it is heard of.
func (b *branch) moveAt() router.Instant {
	if b.more == nil {
		return router.Never
	}
	return b.more.moveAt
}

// movedOn reports whether branch i goes on at another target instead of telling
// the fork what its transaction decided: a challenge that is answered, a 503,
// silence, or a failure.
func (c *context) movedOn(now router.Instant, i uint8, a transaction.Actions, raw []byte, h *message.Head) (moved bool) {
	if a&transaction.Pass != 0 && h != nil && c.challenged(now, i, raw, h) {
		return true
	}
	b := &c.branches[i]
	if b.more == nil {
		return false
	}
	switch {
	case a&transaction.Pass != 0 && h != nil && h.Status == 503:
		_, moved = c.onward(now, i, router.Unreachable)
	case a&transaction.Pass != 0:
		b.more.moveAt = router.Never // it speaks
	case a&transaction.PassTimeout != 0 && !b.provisional:
		_, moved = c.onward(now, i, router.NoProgress)
	case a&transaction.PassFailed != 0 && !b.provisional:
		_, moved = c.onward(now, i, router.Unreachable)
	}
	return moved
}

// silent: the present target of branch i said nothing for its share.
func (c *context) silent(now router.Instant, i uint8) {
	b := &c.branches[i]
	b.more.moveAt = router.Never
	if b.tx.Phase == transaction.Calling && !b.provisional {
		// When none takes it there is nothing to tell: the last one sent still has
		// its Timer B or F.
		if why, sent := c.onward(now, i, router.NoProgress); !sent && b.tx.Phase == transaction.Terminated {
			c.failed(now, i, why)
		}
	}
}

// drop forgets the keys and the messages of an attempt.
func (s *shard) drop(r ref) {
	a := r.attempt()
	for _, k := range [...]uint64{a.key, ^a.key} {
		if s.clients[k] == r {
			delete(s.clients, k)
		}
	}
	delete(s.calling, r)
	s.release(&a.sent)
	s.release(&a.cancelled)
}
