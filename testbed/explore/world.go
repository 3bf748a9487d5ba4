package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"releve/router"
	"releve/router/licence"
)

// Tick is the step of time: T4 of a message, Txn of a request.
const Tick = 5 * time.Second

// Budget bounds the faults of one walk. Losses are unbounded.
type Budget struct {
	Moves, Dups, Crashes, Unknown, Restarts, Pauses, Slow uint8
}

// maxFlight bounds the messages in flight; one more is lost.
const maxFlight = 4

// forever is the life of a message that mutant 3 transmits without end.
const forever = 255

// message is a request, or the reply to one. A request stands for all its
// transmissions; a copy of a request that was processed gets the same reply
// from the registrar's transaction (RFC 3261 §17.2.2).
type message struct {
	user    router.Server
	req     licence.Request
	cseq    uint32
	reply   bool
	served  bool
	life    uint8 // ticks until the last transmission is dead
	status  uint16
	ours    bool
	granted uint8 // ticks
}

// transaction is the node's side of an open request.
type transaction struct {
	open bool
	req  licence.Request
	cseq uint32
	left uint8 // ticks
}

// World is one node, its store, one registrar and the network between them.
type World[N comparable] struct {
	node N
	up   bool
	want router.Server

	store, asked licence.Row
	saving       bool

	ttl  [router.Servers]uint8 // bindings at the registrar, ticks
	cseq [router.Servers]uint32
	net  [maxFlight]message // sorted, then zero
	n    uint8
	txn  [router.Servers]transaction

	left Budget
}

// Space is the Model: World around a Machine.
type Space[N comparable] struct {
	Machine Machine[N]
	Policy  licence.Policy
	Budget  Budget
	Lists   bool // the registrar lists bindings in its 2xx
	Longer  bool // and may grant MaxGrant whatever was asked
	OnlyS1  bool // check nothing but "never two users bound"
}

// DefaultPolicy has all durations in ticks: a binding lives 2 or 4.
func DefaultPolicy() licence.Policy {
	return licence.Policy{
		Mode: licence.Pair, IPBXs: 1, Expires: 2 * Tick, MaxGrant: 4 * Tick,
		Txn: Tick, Slack: 0, NoFetch: true,
	}
}

// Start is a node that was just told to bind the primary.
func (s Space[N]) Start() World[N] {
	w := World[N]{want: router.Primary, left: s.Budget}
	at := s.at(&w, 0)
	at.boot()
	return at.canon()
}

// Goal: exactly the wanted user is bound.
func (s Space[N]) Goal(w World[N]) bool {
	return w.up && w.ttl[w.want] > 0 && w.ttl[w.want.Other()] == 0
}

// Check is S1, and S3 and S4 in every state: who is bound or may become so is
// possible by the stored row and inside the node's fence, and the row never
// holds two users possible.
func (s Space[N]) Check(w World[N]) string {
	if w.ttl[router.Primary] > 0 && w.ttl[router.Secondary] > 0 {
		return "S1: two users are bound"
	}
	if s.OnlyS1 {
		return ""
	}
	if w.store.Possible[router.Primary][0] && w.store.Possible[router.Secondary][0] {
		return "S4: the stored row claims one user while the other is possible"
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		last := s.expiry(w, x)
		if last == 0 {
			continue
		}
		if !w.store.Possible[x][0] {
			return fmt.Sprintf("S3: %v may be bound, the stored row says it cannot", x)
		}
		if !w.up {
			continue
		}
		if fence, possible := s.Machine.Fence(w.node, x); !possible || fence < last {
			return fmt.Sprintf("S3: %v may be bound for %v, the node reckons with %v", x, last, fence)
		}
	}
	return ""
}

// expiry is the latest end of a binding of x that exists or that a request in
// flight can still cause; 0 for none.
func (s Space[N]) expiry(w World[N], x router.Server) time.Duration {
	last := time.Duration(w.ttl[x]) * Tick
	for _, m := range w.net[:w.n] {
		if m.user == x && m.req == licence.Register && !m.reply && !m.served {
			last = max(last, time.Duration(m.life-1)*Tick+s.Policy.MaxGrant)
		}
	}
	return last
}

// moment is one transition in the making.
type moment[N comparable] struct {
	s      *Space[N]
	w      World[N]
	now    router.Clock
	broken string
}

func (s Space[N]) at(w *World[N], t time.Duration) *moment[N] {
	return &moment[N]{s: &s, w: *w, now: router.Clock{Mono: router.Instant(t), High: router.Instant(t)}}
}

// boot starts the process and repeats the move that the role machine wants.
func (m *moment[N]) boot() {
	n, out := m.s.Machine.Boot(m.w.store)
	m.w.node, m.w.up = n, true
	m.perform(out)
	epoch := m.w.store.Epoch
	if m.w.store.Holder != m.w.want {
		epoch++
	}
	m.event(licence.Event{Kind: licence.Move, To: m.w.want, Epoch: epoch})
}

func (m *moment[N]) event(e licence.Event) {
	if m.w.up {
		m.perform(m.s.Machine.Step(&m.w.node, m.now, e))
	}
}

func (m *moment[N]) perform(out []licence.Effect) {
	for _, f := range out {
		switch f.Kind {
		case licence.Save:
			m.w.saving, m.w.asked = true, f.Row
		case licence.Send:
			m.send(f)
		case licence.BoundNow:
			if f.User != m.w.want || m.w.ttl[f.User.Other()] > 0 {
				m.breaks(fmt.Sprintf("BoundNow for %v, wanted %v", f.User, m.w.want))
			}
		case licence.Alarm:
		}
	}
}

func (m *moment[N]) breaks(rule string) {
	if m.broken == "" && !m.s.OnlyS1 {
		m.broken = rule
	}
}

func (m *moment[N]) send(f licence.Effect) {
	w := &m.w
	if f.CSeq > w.store.CSeq[f.User] {
		m.breaks("W1: the CSeq sent is above the stored one")
	}
	for _, o := range w.net[:w.n] {
		if o.user == f.User && o.cseq >= f.CSeq {
			m.breaks("CSeq went back")
		}
	}
	if w.ttl[f.User] > 0 && w.cseq[f.User] >= f.CSeq {
		m.breaks("CSeq went back")
	}
	life, left := uint8(forever), uint8(1)
	if f.NotAfter != router.Never {
		limit := f.NotAfter.Sub(m.now.High)
		left = uint8((limit + Tick - 1) / Tick)
		life = left + 1
	}
	w.txn[f.User] = transaction{open: true, req: f.Request, cseq: f.CSeq, left: left}
	m.put(message{user: f.User, req: f.Request, cseq: f.CSeq, life: life})
}

func (m *moment[N]) put(o message) {
	if m.w.n < maxFlight {
		m.w.net[m.w.n] = o
		m.w.n++
	}
}

func (m *moment[N]) take(i int) message {
	w := &m.w
	o := w.net[i]
	w.n--
	w.net[i] = w.net[w.n]
	w.net[w.n] = message{}
	return o
}

// canon sorts, rebases and ranks.
func (m *moment[N]) canon() World[N] {
	w := m.w
	base := licence.Base{Epoch: w.store.Epoch - licence.CanonEpoch}
	for x := range base.CSeq {
		base.CSeq[x] = w.store.CSeq[x] - licence.CanonCSeq
	}
	if w.up {
		base = m.s.Machine.Base(w.node)
		w.node = m.s.Machine.Canon(w.node, m.now)
	} else {
		var none N
		w.node, w.saving, w.txn = none, false, [router.Servers]transaction{}
	}
	w.store = base.Row(w.store)
	if w.saving {
		w.asked = base.Row(w.asked)
	} else {
		w.asked = licence.Row{}
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		w.rank(x, base.CSeq[x])
	}
	slices.SortFunc(w.net[:w.n], func(a, b message) int {
		return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.cseq, b.cseq), cmp.Compare(a.life, b.life),
			cmp.Compare(b2i(a.reply), b2i(b.reply)), cmp.Compare(b2i(a.served), b2i(b.served)),
			cmp.Compare(a.granted, b.granted), cmp.Compare(a.status, b.status), cmp.Compare(b2i(a.ours), b2i(b.ours)))
	})
	return w
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// rank keeps the CSeqs from the stored or the one in use upwards and closes the
// gaps below: only their order means anything.
func (w *World[N]) rank(x router.Server, base uint32) {
	var refs [maxFlight + 2]*uint32
	n := 0
	ref := func(c *uint32) { refs[n] = c; n++ }
	if w.ttl[x] == 0 {
		w.cseq[x] = 0 // no binding: any CSeq is accepted
	} else {
		ref(&w.cseq[x])
	}
	if !w.txn[x].open {
		w.txn[x] = transaction{}
	} else {
		ref(&w.txn[x].cseq)
	}
	for i := range w.net[:w.n] {
		if w.net[i].user == x {
			ref(&w.net[i].cseq)
		}
	}
	slices.SortFunc(refs[:n], func(a, b *uint32) int { return cmp.Compare(*b, *a) })
	floor := min(uint32(licence.CanonCSeq), w.store.CSeq[x])
	if w.saving {
		floor = min(floor, w.asked.CSeq[x])
	}
	rank, last := floor, uint32(0)
	for _, c := range refs[:n] {
		v := *c - base
		switch {
		case v >= floor:
			*c = v
			continue
		case v != last:
			rank--
		}
		*c, last = rank, v
	}
}

// Text is one line of a trace.
func (s Space[N]) Text(w World[N]) string {
	var t strings.Builder
	fmt.Fprintf(&t, "registrar{primary %d, secondary %d}", w.ttl[router.Primary], w.ttl[router.Secondary])
	fmt.Fprintf(&t, " store{%s}", rowText(w.store))
	for _, m := range w.net[:w.n] {
		fmt.Fprintf(&t, " %s", m)
	}
	if w.saving {
		fmt.Fprintf(&t, " saving{%s}", rowText(w.asked))
	}
	if !w.up {
		t.WriteString(" node down")
	}
	return t.String()
}

func rowText(r licence.Row) string {
	phase := [...]string{"idle", "bound", "drain", "unreg", "claim", "confirm"}[r.Phase]
	t := fmt.Sprintf("%s %v", phase, r.Holder)
	for x := router.Primary; x <= router.Secondary; x++ {
		if r.Possible[x][0] {
			t += fmt.Sprintf(", %v possible", x)
		}
	}
	return t
}

func (m message) String() string {
	name := [...]string{"REGISTER", "un-REGISTER", "fetch"}[m.req]
	if m.reply {
		return fmt.Sprintf("←%d(%s %v)", m.status, name, m.user)
	}
	return fmt.Sprintf("→%s(%v)", name, m.user)
}
