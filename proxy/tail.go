package proxy

import (
	"time"

	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// tails are what is left of contexts whose work is done and whose transactions
// only wait for repeats: Timers L and M of an answered INVITE, Timer J of any
// other request (RFC 6026 §7, RFC 3261 §17.2.2). At 1,000 calls/s they are
// 64,000 at a time, so each is a few words instead of a context. All last 64*T1,
// so the ring is in the order of their ends; one that enters late stays a
// little longer. Owned by the shard.
//
//	context ──final relayed, machines in their tails──► tail ──64*T1──► gone
type tails struct {
	ring     []tail // a power of two long; number n is at n modulo its length
	first    uint64 // number of the oldest
	next     uint64 // number of the next one
	byServer map[uint64]uint64
	byClient map[uint64]uint64
}

// tail is one of them.
type tail struct {
	server, client uint64         // keys, as of a context and its branch
	flow           transport.Flow // where responses go
	last           []byte         // other than INVITE: the final, for repeats; INVITE: nil
	end            router.Instant
}

// tailSlack is how much longer than its timer a tail may stay, so that one turn
// of the shard drops a lot of them: our choice.
const tailSlack = 250 * time.Millisecond

func newTails() tails {
	return tails{byServer: make(map[uint64]uint64), byClient: make(map[uint64]uint64)}
}

func (t *tails) len() int { return int(t.next - t.first) }

func (t *tails) at(n uint64) *tail { return &t.ring[n&uint64(len(t.ring)-1)] }

func (t *tails) add(v tail) {
	if t.len() == len(t.ring) {
		t.resize(max(64, 2*len(t.ring)))
	}
	t.byServer[v.server], t.byClient[v.client] = t.next, t.next
	*t.at(t.next) = v
	t.next++
}

func (t *tails) resize(n int) {
	old := *t
	t.ring = make([]tail, n)
	for i := t.first; i < t.next; i++ {
		*t.at(i) = *old.at(i)
	}
}

// expire drops those whose time is up; what a burst took is given back.
func (t *tails) expire(now router.Instant) {
	for t.first < t.next {
		v := t.at(t.first)
		if v.end > now {
			break
		}
		// A later transaction may have the same key: a caller that uses a branch again.
		if t.byServer[v.server] == t.first {
			delete(t.byServer, v.server)
		}
		if t.byClient[v.client] == t.first {
			delete(t.byClient, v.client)
		}
		*v = tail{}
		t.first++
	}
	switch n := len(t.ring); {
	case n > 64 && t.len() == 0:
		*t = newTails() // a map never shrinks
	case n > 1024 && t.len() < n/8:
		t.resize(n / 4)
	}
}

// due is when the oldest is to be dropped; Never when there is none.
func (t *tails) due() router.Instant {
	if t.len() == 0 {
		return router.Never
	}
	return t.at(t.first).end.Add(tailSlack)
}

// ofServer and ofClient find a tail; nil when there is none.
func (t *tails) ofServer(key uint64) *tail { return t.find(t.byServer, key) }

func (t *tails) ofClient(key uint64) *tail { return t.find(t.byClient, key) }

func (t *tails) find(by map[uint64]uint64, key uint64) *tail {
	n, ok := by[key]
	if !ok {
		return nil
	}
	return t.at(n)
}

// entomb replaces a context by its tail when nothing else is left of it; false
// when it must stay: more than one branch, a CANCEL, a refused INVITE whose ACK
// is awaited, a stream whose transactions end at once anyway, one whose repeats are
// to be numbered or named as the first response was, one whose
// responses may yet have to find their way by a name.
func (c *context) entomb() bool {
	if !c.over || c.altered || len(c.branches) != 1 || len(c.former) != 0 || c.byName() || c.waitAt != 0 || c.fork.Next() != router.Never {
		return false
	}
	b := &c.branches[0]
	if b.cancelling != cancelNone || b.line != router.NoServer {
		return false
	}
	v := tail{server: c.key, client: b.key, flow: c.flow, end: c.server.Next()}
	if c.head.Method == message.INVITE {
		if c.server.Phase != transaction.Accepted || b.tx.Phase != transaction.Accepted {
			return false
		}
	} else {
		if c.server.Phase != transaction.Completed || b.tx.Phase < transaction.Completed || len(c.last) == 0 {
			return false
		}
		v.last = append(make([]byte, 0, len(c.last)), c.last...)
	}
	s := c.s
	s.remove(c)
	s.contexts.spend(c)
	s.tails.add(v)
	if int64(s.tails.due()) < s.armed.Load() {
		s.signal()
	}
	return true
}

// repeated treats a repeat of a request whose context is a tail: the final goes
// out again; an INVITE's 2xx is repeated by the callee (RFC 6026 §7.1).
func (s *shard) repeated(t *tail) {
	if len(t.last) > 0 {
		_ = s.send(t.flow, t.last)
	}
}

// trailing treats a response whose context is a tail: every 2xx to an INVITE
// goes up (RFC 6026 §7.2, RFC 3261 §16.7(5)), all else is absorbed.
func (s *shard) trailing(t *tail, from side, raw []byte, h *message.Head) {
	if h.Method != message.INVITE || t.last != nil || h.Status < 200 || h.Status >= 300 {
		return
	}
	edit := message.Edit{StripVia: true, MaxForwards: -1, SetContentLength: t.flow.Network.Reliable()}
	if s.p.cfg().rewrites {
		edit.Contact = s.disguise(nil, from, "", t.flow, raw, h)
	}
	out := message.AppendForward(s.buf[:0], raw, h, &edit)
	s.buf = out[:0]
	_ = s.send(t.flow, out)
}
