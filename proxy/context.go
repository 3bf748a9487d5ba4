package proxy

import (
	"errors"

	"releve/proxy/dialog"
	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// context is the response context of one request (RFC 3261 §16.2) with its
// server transaction and its branches. Owned by its shard.
type context struct {
	s        *shard
	id       uint64
	key      uint64 // of the server transaction
	slot     int    // in timerHeap, plus one; 0: none
	deadline router.Instant

	fork   fork.State
	server transaction.State
	flow   transport.Flow // where responses go
	from   side
	raw    []byte // the request as received
	head   message.Head
	stamp  message.Stamp // of its top Via
	reason []byte        // value of Reason in the caller's CANCEL; nil: none
	last   []byte        // last response sent, for repeats

	branches []branch
	first    [1]branch // most have one
	former   []former
	call     *call         // initial INVITE only
	way      way           // mode Single: where it goes
	reg      *registration // a server's REGISTER, mode gate: it is forked nowhere
	waitAt   router.Instant
	waitFor  router.Server
	altered  bool // a request went out otherwise numbered or named than it came
	over     bool // fork said Done
	gone     bool
	rerouted bool // responses go where the sent-by's name leads
	hangsUp  bool // a BYE of the far end, of a call that was in progress at a server
	unsent   bool // our own network let a request of it out no more: what it met says nothing of a server
}

// call is what an initial INVITE adds: the record and what routes it.
type call struct {
	key      dialog.Key
	record   router.CallRecord
	started  router.Instant
	heldAt   router.Instant
	server   router.Server // who serves, or last tried to
	pair     uint64        // caller and number, for the loop guard
	named    bool          // the caller is identified
	service  bool
	reliable bool // the caller requires 100rel
	entry    router.Entry
	outgoing bool
	answered bool
	tabled   bool // and entered into the table: not when another call has its Call-ID
	replaces bool
	hush     func() // ends the prompt that the caller hears; nil: none
}

type cancelState uint8

const (
	cancelNone cancelState = iota
	cancelWanted
	cancelSent
)

// branch is one far end of a context, and the client transaction there.
type branch struct {
	attempt
	target  fork.Target
	more    *more         // nil: one target
	final   []byte        // last final response, Via of ours still on top; for best response and ACK
	line    router.Server // a line reserved for this branch
	doubted bool          // the line is one that explains nothing (dialog.Table.Doubt)
	tries   uint8         // attempts after the first
	refused bool          // our credentials were refused, or are given a rest
	ended   bool
	epoch   uint64 // when it began
	gone    uint64 // hash of the To tag whose 2xx was dismissed last; 0: none
}

// head reads the request as it was sent: for its ACK or CANCEL, so not kept.
func (a *attempt) head() (h message.Head, ok bool) {
	_, r, _ := message.Scan(a.sent, &h)
	return h, r == message.OK
}

// newContext opens the context and server transaction of a request.
func (s *shard) newContext(now router.Instant, key uint64, f transport.Flow, from side, raw []byte, h *message.Head) *context {
	kind := transaction.Server
	if h.Method == message.INVITE {
		kind = transaction.InviteServer
	}
	s.nextID++
	c := s.contexts.take()
	*c = context{s: s, id: s.nextID, key: key, flow: s.p.replyFlow(f, raw, h), from: from, head: *h}
	c.branches = c.first[:0]
	c.raw, c.stamp = s.keep(raw), stamp(f, raw, h)
	c.server, _ = transaction.New(kind, f.Network.Reliable(), now)
	s.servers[key] = c
	return c
}

// replyFlow is where responses to this request go: over UDP to the source
// address, at the source port when rport was asked, else at the port of sent-by;
// over a stream on its connection, and when that is closed at the port of
// sent-by too (RFC 3261 §18.2.2, RFC 3581 §4).
func (p *Proxy) replyFlow(f transport.Flow, raw []byte, h *message.Head) transport.Flow {
	if f.Network == transport.UDP && h.HasRPort {
		return f
	}
	// On a stream Conn is used while it is open, this address after it.
	f.Remote = withPort(f.Remote, sentByPort(h.SentBy.Of(raw), f.Network))
	return f
}

// next is the earliest deadline of all machines of the context.
func (c *context) next() router.Instant {
	d := c.server.Next()
	if c.reg != nil {
		return min(d, c.reg.by)
	}
	d = min(d, c.fork.Next())
	for i := range c.branches {
		b := &c.branches[i]
		d = min(d, b.next(), b.moveAt())
	}
	for j := range c.former {
		d = min(d, c.former[j].next())
	}
	if c.waitAt != 0 {
		d = min(d, c.waitAt)
	}
	return d
}

// arm files the context under its next deadline and lets it go when every
// machine has ended.
func (c *context) arm() {
	if c.gone {
		return
	}
	if c.entomb() {
		return
	}
	d := c.next()
	if d == router.Never && c.ended() {
		c.s.remove(c)
		return
	}
	c.s.timers.set(c, d)
	if int64(d) < c.s.armed.Load() {
		c.s.signal()
	}
}

func (c *context) ended() bool {
	if c.server.Phase != transaction.Terminated {
		return false
	}
	for i := range c.branches {
		if c.branches[i].tx.Phase != transaction.Terminated {
			return false
		}
	}
	for j := range c.former {
		if c.former[j].tx.Phase != transaction.Terminated {
			return false
		}
	}
	return true
}

// remove forgets a context and all that points to it.
func (s *shard) remove(c *context) {
	if c.gone {
		return
	}
	c.gone = true
	s.timers.remove(c)
	if s.servers[c.key] == c {
		delete(s.servers, c.key)
	}
	delete(s.byID, c.id)
	s.p.Dialogs.Leave(c.waiter())
	c.hush()
	for i := range c.branches {
		b := &c.branches[i]
		s.drop(ref{c, uint8(i)})
		c.freeLine(s.p.Now(), b)
		s.release(&b.final)
	}
	for j := range c.former {
		s.drop(ref{c, uint8(formerBase + j)})
	}
	if c.reg != nil {
		delete(s.registrations, c.reg.ticket)
	}
	if c.call != nil && !c.over {
		c.finish(s.p.Now(), router.Lost, router.ReasonFault)
	}
	s.release(&c.raw)
	s.release(&c.last)
}

func (c *context) waiter() dialog.Waiter { return dialog.Waiter{Shard: c.s.index, Context: c.id} }

// tick runs the machines whose time has come.
func (c *context) tick(now router.Instant) {
	c.s.current = c
	if c.server.Next() <= now {
		c.serverActions(now, c.server.Step(now, transaction.Timer, 0))
	}
	if c.reg != nil {
		c.overdue(now)
		c.arm()
		return
	}
	for i := 0; i < len(c.branches) && !c.gone; i++ {
		b := &c.branches[i]
		if b.tx.Next() <= now {
			c.clientActions(now, uint8(i), b.tx.Step(now, transaction.Timer, 0), nil, nil)
		}
		if b = &c.branches[i]; b.moveAt() <= now {
			c.silent(now, uint8(i))
		}
		c.cancelTick(now, &c.branches[i].attempt)
	}
	c.formerTick(now)
	if c.waitAt != 0 && c.waitAt <= now {
		c.waitAt = 0
		c.s.p.give(c.s.p.Dialogs.Poll(c.waitFor, now))
	}
	if c.fork.Next() <= now {
		c.step(now, c.event(now, fork.Tick), nil, nil)
	}
	c.arm()
}

// serverActions performs what the server transaction decided.
func (c *context) serverActions(now router.Instant, a transaction.Actions) {
	if a&transaction.Trying != 0 {
		c.trying(now) // RFC 4320 §4.1
	}
	if a&transaction.Transmit != 0 && len(c.last) > 0 {
		_ = c.s.send(c.flow, c.last) // RFC 3261 §16.9: a response that cannot be sent is dropped
	}
	if a&transaction.Forget != 0 {
		c.s.release(&c.last)
	}
	if a&transaction.Terminate != 0 && c.s.servers[c.key] == c {
		delete(c.s.servers, c.key)
	}
}

// clientActions performs what the client transaction of branch i decided; raw
// and h are the response in hand, if any.
func (c *context) clientActions(now router.Instant, i uint8, a transaction.Actions, raw []byte, h *message.Head) {
	b := &c.branches[i]
	if a&transaction.Transmit != 0 && len(b.sent) > 0 {
		if err := c.s.send(b.flow, b.sent); err != nil {
			c.unsent = c.unsent || errors.Is(err, transport.ErrOwnNetwork)
			a |= b.tx.Step(now, transaction.Failed, 0)
		}
	}
	if a&transaction.SendAck != 0 {
		c.ack(&b.attempt, raw, h)
	}
	if a&(transaction.PassTimeout|transaction.PassFailed|transaction.Terminate) != 0 {
		delete(c.s.calling, ref{c, i})
	}
	if c.movedOn(now, i, a, raw, h) {
		return
	}
	switch {
	case a&transaction.Pass != 0:
		c.passed(now, i, raw, h)
	case a&transaction.PassTimeout != 0:
		c.branchEnded(now, i)
		ev := c.event(now, fork.TimedOut)
		ev.Branch = i
		c.step(now, ev, nil, nil)
	case a&transaction.PassFailed != 0:
		c.failed(now, i, router.Unreachable)
	}
	b = &c.branches[i]
	if a&transaction.Terminate != 0 {
		c.branchEnded(now, i)
		c.s.release(&b.sent)
	}
}

// ack answers a non-2xx final hop by hop (RFC 3261 §17.1.1.3).
func (c *context) ack(a *attempt, raw []byte, h *message.Head) {
	if raw == nil || len(a.sent) == 0 {
		return
	}
	sent, ok := a.head()
	if !ok {
		return
	}
	c.s.buf = message.AppendACK(c.s.buf[:0], a.sent, &sent, raw, h)
	_ = c.s.send(a.flow, c.s.buf)
}

// transportFailed tells what r names that nothing gets through to its peer;
// broken: by the connection it had, another may.
func (c *context) transportFailed(now router.Instant, r ref, cause transport.Cause, broken bool) {
	c.s.current = c
	a := r.attempt()
	delete(c.s.calling, r)
	if a.tx.Phase == transaction.Terminated {
		return
	}
	if r.branch >= formerBase {
		a.tx.Step(now, transaction.Failed, 0)
		c.arm()
		return
	}
	b := &c.branches[r.branch]
	if b.ended {
		return
	}
	b.tx.Step(now, transaction.Failed, 0)
	c.unsent = c.unsent || cause == transport.OwnNetwork
	why := happening(cause)
	if !b.provisional { // a server that rang and broke down is not called again
		var sent bool
		if why, sent = c.onward(now, r.branch, why); sent {
			c.arm()
			return
		}
		if broken && c.again(now, r.branch) {
			c.arm()
			return
		}
	}
	c.failed(now, r.branch, why)
	c.arm()
}

// happening is how the fork reads a transport error.
func happening(cause transport.Cause) router.Happening {
	switch cause {
	case transport.PortUnreachable:
		return router.PortRefused
	case transport.TLSFault:
		return router.TLSFailed
	}
	return router.Unreachable
}

// failed tells the fork that branch i is over without a response.
func (c *context) failed(now router.Instant, i uint8, why router.Happening) {
	c.branchEnded(now, i)
	ev := c.event(now, fork.TransportFailed)
	ev.Branch, ev.Happening = i, why
	c.step(now, ev, nil, nil)
}

// branchEnded gives the branch's line back unless a call took it over.
func (c *context) branchEnded(now router.Instant, i uint8) {
	b := &c.branches[i]
	b.ended = true
	c.freeLine(now, b)
}

func (c *context) freeLine(now router.Instant, b *branch) {
	if b.line == router.NoServer {
		return
	}
	s := b.line
	c.trust(b)
	b.line = router.NoServer
	c.s.p.give(c.s.p.Dialogs.Release(s, now))
}
