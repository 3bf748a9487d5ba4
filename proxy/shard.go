package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"releve/proxy/dialog"
	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// shard owns the response contexts whose Call-ID hashes to it. Everything but
// mail, wake and ruled is guarded by mu.
type shard struct {
	p     *Proxy
	index int

	mu            sync.Mutex
	servers       map[uint64]*context // by serverKey
	clients       map[uint64]ref      // by clientKey
	calling       map[ref]struct{}    // branches that heard nothing yet: a transport error is theirs
	byID          map[uint64]*context // held or waiting ones
	parked        map[uint64]*parked  // by serverKey
	timers        timerHeap
	registrations map[uint32]*context // servers' REGISTERs that wait, by ticket
	lastTicket    uint32
	tails         tails
	contexts      contexts
	turned        turnedAway
	nextID        uint64
	keys          *message.Keys // of this shard
	free          [][]byte      // message buffers
	buf           []byte        // what is being built now
	id            []byte        // the branch of what is being built
	effects       []fork.Effect // room for a step
	current       *context      // whose processing a panic would end

	resuming bool // the request in hand was parked: it does not wait again

	mailMu sync.Mutex
	mail   []posted
	wake   chan struct{}
	ruled  atomic.Bool // the View changed since the held calls last saw it
	armed  atomic.Int64
	load   atomic.Int64 // size, as of the last turn or message
}

// ref names a branch of a context.
type ref struct {
	c      *context
	branch uint8
}

type postKind uint8

const (
	postTurn postKind = iota
	postFailed
	postResolved
	postAstray
	postRegistered
)

// posted is an event from outside the shard's lock.
type posted struct {
	kind    postKind
	context uint64
	server  router.Server
	flow    transport.Flow
	cause   transport.Cause
	reply   *RegisterReply // postRegistered
}

// maxMail bounds the events posted to one shard between two of its turns.
const maxMail = 65_536

func newShard(p *Proxy, index int) *shard {
	s := &shard{
		p: p, index: index, keys: p.cfg().Keys.Clone(),
		servers: make(map[uint64]*context), clients: make(map[uint64]ref), byID: make(map[uint64]*context),
		calling:       make(map[ref]struct{}),
		parked:        make(map[uint64]*parked),
		registrations: make(map[uint32]*context),
		tails:         newTails(),
		effects:       make([]fork.Effect, 0, 16), // what Step needs at most
		wake:          make(chan struct{}, 1),
	}
	s.armed.Store(int64(router.Never)) // the first deadline wakes run
	return s
}

func (s *shard) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *shard) post(m posted) {
	s.mailMu.Lock()
	full := len(s.mail) >= maxMail
	// A peer that refuses every datagram says so once per turn.
	if n := len(s.mail); !full && (n == 0 || s.mail[n-1] != m) {
		s.mail = append(s.mail, m)
	}
	s.mailMu.Unlock()
	if full {
		s.p.refused(BoundEvents)
		return
	}
	s.signal()
}

// run is the shard's goroutine: timers, posted events, new views.
func (s *shard) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-s.p.stop:
			return
		case <-s.wake:
		case <-timer.C:
		}
		next := s.turn()
		wait := time.Hour
		if next != router.Never {
			wait = max(next.Sub(s.p.Now()), 0)
		}
		timer.Reset(wait)
	}
}

// turn handles what is due and returns the next deadline.
func (s *shard) turn() router.Instant {
	s.mailMu.Lock()
	mail := s.mail
	s.mail = nil
	s.mailMu.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.p.Now()
	if due := s.timers.next(); due != router.Never {
		s.p.gate.Late(now, now.Sub(due))
	}
	for _, m := range mail {
		s.guard(func() { s.deliver(now, m) })
	}
	if s.ruled.Swap(false) {
		s.rule(now)
	}
	for {
		c := s.timers.due(now)
		if c == nil {
			break
		}
		s.guard(func() { c.tick(now) })
	}
	s.tails.expire(now)
	s.load.Store(s.size())
	next := min(s.timers.next(), s.tails.due())
	s.armed.Store(int64(next))
	return next
}

// size is the number of transactions, tails included.
func (s *shard) size() int64 { return int64(len(s.servers) + s.tails.len()) }

// deliver hands a posted event to its context.
func (s *shard) deliver(now router.Instant, m posted) {
	switch m.kind {
	case postTurn:
		if c := s.byID[m.context]; c != nil && c.fork.Waiting() {
			c.turn(now, m.server)
			return
		}
		s.p.give(s.p.Dialogs.Release(m.server, now)) // it left meanwhile: the line goes to the next
	case postFailed:
		for _, r := range s.concerned(m.flow) {
			r.c.transportFailed(now, r, m.cause, m.flow.Conn != 0)
		}
		s.astray(now, m.flow, true)
	case postAstray:
		s.astray(now, m.flow, false)
	case postResolved:
		s.resume(now, m.context)
	case postRegistered:
		s.registered(now, m.reply)
	}
}

// concerned are the branches that a transport error at f ends, oldest first:
// over UDP those that heard nothing yet, for ICMP may speak of any datagram; on
// a stream all that went by that connection and wait for a response (RFC 3261 §16.9).
func (s *shard) concerned(f transport.Flow) (out []ref) {
	take := func(r ref) {
		a := r.attempt()
		elsewhere := a.conn != 0 && f.Conn != 0 && a.conn != f.Conn // a former connection's end is told late
		if a.tx.Phase <= transaction.Proceeding && a.flow.Remote == f.Remote && a.flow.Network == f.Network && !elsewhere {
			out = append(out, r)
		}
	}
	if f.Network.Reliable() {
		for k, r := range s.clients {
			if k == r.attempt().key { // not its CANCEL
				take(r)
			}
		}
	} else {
		for r := range s.calling {
			take(r)
		}
	}
	slices.SortFunc(out, func(a, b ref) int {
		return cmp.Or(cmp.Compare(a.c.id, b.c.id), cmp.Compare(a.branch, b.branch))
	})
	return out
}

// rule shows the present View to every held or waiting call.
func (s *shard) rule(now router.Instant) {
	for _, id := range slices.Sorted(maps.Keys(s.byID)) { // first come, first served
		if c := s.byID[id]; c != nil {
			s.guard(func() { c.ruled(now) })
		}
	}
}

// guard ends one call, not the process, when f panics.
func (s *shard) guard(f func()) {
	s.contexts.settle()
	defer func() {
		r := recover()
		c := s.current
		s.current = nil
		if r == nil {
			return
		}
		s.p.Caught(r, c.callID())
		if c != nil {
			s.abort(c)
			s.bury(c)
		}
	}()
	f()
}

// Caught counts and tells a panic r that was caught, by its deferred function;
// call is the Call-ID of what it ended, empty: of none.
func (p *Proxy) Caught(r any, call string) {
	p.Stats.Panics.Add(1)
	defer func() { _ = recover() }() // a hook that panics itself must not end the process
	if p.hooks.Fault != nil {
		p.hooks.Fault(fmt.Sprintf("panic: %v\n%s", r, debug.Stack()), call)
	}
}

// callID names the call of a context that may be gone or half made.
func (c *context) callID() string {
	if c == nil || upto(c.head.CallID) > len(c.raw) {
		return ""
	}
	return string(c.head.CallID.Of(c.raw))
}

func upto(s message.Span) int { return int(s.Off) + int(s.Len) }

// bury forgets a call that a panic ended. A hook that panics again on its record
// costs the record, not the process.
func (s *shard) bury(c *context) {
	defer func() { _ = recover() }() // the first panic is counted and reported
	s.remove(c)
}

// abort tells both sides of a call that a panic ends it, as far as its context
// can still do so. Nothing is repeated: the context goes.
func (s *shard) abort(c *context) {
	defer func() { _ = recover() }() // the panic is counted and reported already
	now := s.p.Now()
	if c.server.Phase <= transaction.Proceeding {
		c.reply(now, 500, router.ReasonFault)
	}
	for i := range c.branches {
		if c.branches[i].tx.Phase <= transaction.Proceeding {
			c.cancel(now, uint8(i))
		}
	}
}

// give posts granted lines to the calls that wait for them.
func (p *Proxy) give(grants []dialog.Grant) {
	for _, g := range grants {
		p.shards[g.Waiter.Shard].post(posted{kind: postTurn, context: g.Waiter.Context, server: g.Server})
	}
}

// buffer returns an empty buffer to keep a message in.
func (s *shard) buffer() []byte {
	if n := len(s.free); n > 0 {
		b := s.free[n-1]
		s.free = s.free[:n-1]
		return b[:0]
	}
	return make([]byte, 0, 1024)
}

// maxFree bounds the buffers a shard keeps for reuse.
const maxFree = 256

func (s *shard) release(b *[]byte) {
	if cap(*b) > 0 && cap(*b) <= 4096 && len(s.free) < maxFree {
		s.free = append(s.free, (*b)[:0])
	}
	*b = nil
}

// keep copies raw into a buffer of the shard.
func (s *shard) keep(raw []byte) []byte { return append(s.buffer(), raw...) }

// errUnfit: a value would have broken the framing of the message, so nothing was
// built (message.Edit.Check).
var errUnfit = errors.New("build the message: a value holds a line end or a NUL; look for it in the configuration")

// send hands a message to the wire; an error is a transport error. A datagram
// that a full buffer dropped is none: it is lost like any other, and repeated.
func (s *shard) send(f transport.Flow, raw []byte) error {
	if len(raw) == 0 {
		s.p.Stats.Unsent.Add(1)
		return errUnfit
	}
	return s.unsent(s.p.wire.Send(f, raw))
}

// carry is send, and says which connection took the message; 0: it is not known.
func (s *shard) carry(f transport.Flow, raw []byte) (conn uint32, err error) {
	if s.p.carrier == nil || !f.Network.Reliable() || len(raw) == 0 {
		return 0, s.send(f, raw)
	}
	conn, err = s.p.carrier.Carry(f, raw)
	return conn, s.unsent(err)
}

// unsent counts what did not leave; a full socket is as good as a loss on the way.
func (s *shard) unsent(err error) error {
	if err == nil {
		return nil
	}
	s.p.Stats.Unsent.Add(1)
	if errors.Is(err, transport.ErrFull) {
		return nil
	}
	return err
}
