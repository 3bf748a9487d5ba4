package sim

import (
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// ipbx is one IPBX: its registrar, and whether it is there at all.
type ipbx struct {
	w     *World
	index uint8

	expiry [router.Servers]router.Instant // of our Contact, per user
	cseq   [router.Servers]uint32
	served []served // Timer J: a repeated request gets its answer again

	aged   [router.Servers]bool // the last answer to this user was that its nonce has aged
	mute   int                  // faults that silence it
	deaf   int                  // … to REGISTER only
	wrong  int                  // it accepts no password
	status uint16               // answers every REGISTER with it; 0: serves
}

type served struct {
	node   int
	user   router.Server
	cseq   uint32
	answer licence.Event
}

// servedLimit bounds the remembered transactions; more than live for Timer J.
const servedLimit = 32

func newIPBX(w *World, index uint8) *ipbx { return &ipbx{w: w, index: index} }

func (b *ipbx) silent() bool { return b.mute > 0 }

func (b *ipbx) bound(x router.Server) bool { return b.expiry[x] > b.w.now }

// restart loses the bindings, or keeps them; transactions are lost either way.
func (b *ipbx) restart(keeps bool) {
	b.served = b.served[:0]
	if !keeps {
		b.expiry = [router.Servers]router.Instant{}
	}
}

// registration is one REGISTER transaction of the node.
type registration struct {
	n    *node
	life int
	f    licence.Effect
	open bool
}

// register transmits until NotAfter by the node's High clock, then reports that
// time is up.
func (n *node) register(f *licence.Effect) {
	w := n.w
	n.watch.registers(n, f)
	w.refreshes(n, f)
	w.note('r', uint64(f.User)<<8|uint64(f.Request), uint64(f.CSeq))
	if w.tracing() {
		n.logf("send %s of %v to ipbx %d, cseq %d", requestText[f.Request], f.User, f.IPBX, f.CSeq)
	}
	t := &registration{n: n, life: n.life, f: *f, open: true}
	if f.Pass {
		t.f.Authorise = n.tickets[f.Ticket].signed
	}
	t.transmit(500 * time.Millisecond)
}

// transmit sends once more, with RFC 3261's Timer E behind it.
func (t *registration) transmit(gap time.Duration) {
	w := t.n.w
	if !t.open {
		return
	}
	now := t.n.clock().High
	if now > t.f.NotAfter {
		t.expired()
		return
	}
	b := w.ipbxs[t.f.IPBX]
	t.n.travel(linkOfIPBX(b.index), toPeer, func() { b.receive(t) })
	if left := t.f.NotAfter.Sub(now); gap > left {
		t.n.timer(left+1, t.expired)
		return
	}
	t.n.timer(gap, func() { t.transmit(min(2*gap, 4*time.Second)) })
}

func (t *registration) expired() {
	if !t.open {
		return
	}
	if t.n.clock().High <= t.f.NotAfter {
		t.n.timer(time.Millisecond, t.expired)
		return
	}
	t.open = false
	t.n.feed(control.Event{Kind: control.Registrar, Register: licence.Event{
		Kind: licence.TimedOut, User: t.f.User, IPBX: t.f.IPBX, CSeq: t.f.CSeq,
	}})
}

// receive is a REGISTER that arrived at the IPBX.
func (b *ipbx) receive(t *registration) {
	w := b.w
	if b.silent() || b.deaf > 0 {
		return
	}
	answer, again := b.before(t)
	if !again {
		answer = b.process(&t.f)
		b.served = append(b.served, served{t.n.index, t.f.User, t.f.CSeq, answer})
		if len(b.served) > servedLimit {
			b.served = append(b.served[:0], b.served[len(b.served)-servedLimit:]...)
		}
	}
	t.n.travel(linkOfIPBX(b.index), toNode, func() {
		t.n.do(t.life, func() {
			t.open = false
			if w.tracing() {
				t.n.logf("answer %d to %s of %v, cseq %d: ours %v, granted %v", answer.Status, requestText[t.f.Request], t.f.User, t.f.CSeq, answer.Ours, answer.Granted)
			}
			t.n.feed(control.Event{Kind: control.Registrar, Register: answer})
		})
	})
}

func (b *ipbx) before(t *registration) (licence.Event, bool) {
	for _, s := range b.served {
		if s.node == t.n.index && s.user == t.f.User && s.cseq == t.f.CSeq {
			return s.answer, true
		}
	}
	return licence.Event{}, false
}

// process is RFC 3261 §10.3.
func (b *ipbx) process(f *licence.Effect) licence.Event {
	w, x := b.w, f.User
	e := licence.Event{Kind: licence.Answer, User: x, IPBX: f.IPBX, CSeq: f.CSeq, Status: 200}
	switch {
	case b.status != 0:
		e.Status = b.status
		return e
	case b.wrong > 0:
		e.Status, e.Usable = 401, true
		return e
	case w.set.auth && !f.Authorise:
		e.Status, e.Usable, e.Stale = 401, true, true // the first challenge
		return e
	case w.set.auth && !b.aged[x] && chance(w.net, 0.02):
		b.aged[x] = true // never twice in a row: the next nonce is fresh
		e.Status, e.Usable, e.Stale = 401, true, true
		return e
	}
	b.aged[x] = false
	switch {
	case f.Request == licence.Register && f.Expires < w.set.tooBrief:
		e.Status, e.MinExpires = 423, w.set.tooBrief
		return e
	case f.Request != licence.Fetch && b.bound(x) && f.CSeq <= b.cseq[x]:
		e.Status = 500 // out of order: nothing changes, RFC 3261 §10.3(7)
		return e
	case f.Request == licence.Register:
		granted := f.Expires
		if w.set.grants > 0 {
			granted = w.set.grants
		}
		b.expiry[x], b.cseq[x] = w.now.Add(granted), f.CSeq
	case f.Request == licence.Unregister:
		b.expiry[x], b.cseq[x] = 0, f.CSeq
	}
	w.note('B', uint64(b.index)<<16|uint64(x)<<8|uint64(f.Request), uint64(b.expiry[x]))
	e.HasList = true
	if w.set.rewrites && b.bound(x) {
		e.Foreign = 1
	}
	if e.Ours = b.bound(x) && !w.set.omits && !w.set.rewrites; e.Ours {
		e.Granted = b.expiry[x].Sub(w.now)
	}
	return e
}
