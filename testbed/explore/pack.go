package explore

import (
	"encoding/binary"
	"fmt"

	"releve/router"
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
)

// packing writes a canonical World as bytes, most fields in one; unpacking reads
// it again. The faults left are not in it: they are kept beside it.
type packing struct{ b []byte }

func (p *packing) u(v uint64)   { p.b = binary.AppendUvarint(p.b, v) }
func (p *packing) i(v int64)    { p.b = binary.AppendVarint(p.b, v) }
func (p *packing) c(v ...uint8) { p.b = append(p.b, v...) }
func (p *packing) seq(v uint32) { p.i(int64(int32(v - licence.CanonCSeq))) }
func (p *packing) flag(on ...bool) {
	v := uint8(0)
	for i, b := range on {
		if b {
			v |= 1 << i
		}
	}
	p.b = append(p.b, v)
}

type unpacking struct{ b []byte }

func (p *unpacking) u() uint64 {
	if v := p.b[0]; v < 0x80 {
		p.b = p.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(p.b)
	p.b = p.b[n:]
	return v
}

func (p *unpacking) i() int64 {
	v := p.u()
	return int64(v>>1) ^ -int64(v&1)
}

func (p *unpacking) c() uint8 {
	v := p.b[0]
	p.b = p.b[1:]
	return v
}

func (p *unpacking) seq() uint32 { return uint32(int32(p.i())) + licence.CanonCSeq }

func (p *unpacking) flag(on ...*bool) {
	v := p.c()
	for i, b := range on {
		*b = v>>i&1 == 1
	}
}

func (p *packing) row(r *row) {
	p.u(uint64(r.shape))
	p.i(int64(r.role - licence.CanonEpoch))
	p.i(int64(r.licence - licence.CanonEpoch))
	p.seq(r.cseq[router.Primary])
	p.seq(r.cseq[router.Secondary])
}

func (p *unpacking) row(r *row) {
	r.shape = uint32(p.u())
	r.role = uint64(p.i()) + licence.CanonEpoch
	r.licence = uint64(p.i()) + licence.CanonEpoch
	r.cseq[router.Primary] = p.seq()
	r.cseq[router.Secondary] = p.seq()
}

func (p *packing) statement(q *statement) {
	if !q.open {
		return
	}
	p.flag(q.applied, q.good)
	p.c(uint8(q.verb))
	p.i(int64(q.epoch) - lease.CanonEpoch)
	if q.verb == 0 {
		p.i(int64(q.version - control.CanonVersion))
		p.row(&q.row)
	}
}

func (p *unpacking) statement(q *statement) {
	if !q.open {
		return
	}
	p.flag(&q.applied, &q.good)
	q.verb = lease.Verb(p.c())
	q.epoch = uint64(p.i() + lease.CanonEpoch)
	if q.verb == 0 {
		q.version = uint64(p.i()) + control.CanonVersion
		p.row(&q.row)
	}
}

func (p *packing) seat(v *seat) {
	txn := v.txn != [router.Servers][licence.MaxIPBX]transaction{}
	based := v.base != control.Base{}
	p.flag(v.up, v.cut, v.asleep != 0, v.save.open, v.ask.open, txn, based, v.pending+v.frozen+v.rounds+uint8(v.copy) != 0)
	if !v.up {
		return
	}
	p.u(uint64(v.id))
	if v.asleep != 0 {
		p.c(v.asleep)
	}
	if based {
		p.base(&v.base)
	}
	if v.pending+v.frozen+v.rounds+uint8(v.copy) != 0 {
		p.c(v.pending|v.frozen<<4, v.rounds|uint8(v.copy)<<4)
	}
	p.statement(&v.save)
	p.statement(&v.ask)
	if !txn {
		return
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range v.txn[x] {
			t := &v.txn[x][i]
			if !t.open {
				p.c(0)
				continue
			}
			p.c(t.left + 1)
			p.seq(t.cseq)
		}
	}
}

func (p *packing) base(b *control.Base) {
	p.i(int64(b.Licence.Epoch))
	for _, c := range b.Licence.CSeq {
		p.i(int64(int32(c)))
	}
	p.i(int64(b.Version))
	p.i(int64(b.Lease))
}

func (p *unpacking) seat(v *seat) {
	var asleep, txn, based, late bool
	p.flag(&v.up, &v.cut, &asleep, &v.save.open, &v.ask.open, &txn, &based, &late)
	if !v.up {
		return
	}
	v.id = uint32(p.u())
	if asleep {
		v.asleep = p.c()
	}
	if based {
		p.base(&v.base)
	}
	if late {
		clocks, counts := p.c(), p.c()
		v.pending, v.frozen = clocks&15, clocks>>4
		v.rounds, v.copy = counts&15, control.Copy(counts>>4)
	}
	p.statement(&v.save)
	p.statement(&v.ask)
	if !txn {
		return
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range v.txn[x] {
			if left := p.c(); left > 0 {
				v.txn[x][i] = transaction{open: true, left: left - 1, cseq: p.seq()}
			}
		}
	}
}

func (p *unpacking) base(b *control.Base) {
	b.Licence.Epoch = uint64(p.i())
	for x := range b.Licence.CSeq {
		b.Licence.CSeq[x] = uint32(int32(p.i()))
	}
	b.Version = uint64(p.i())
	b.Lease = uint64(p.i())
}

func (p *packing) message(m *message) {
	p.flag(m.signed, m.reply, m.served, m.ours)
	p.c(m.from|m.ipbx<<2|uint8(m.user)<<3|uint8(m.req)<<5, m.life)
	p.seq(m.cseq)
	if m.reply || m.served {
		p.u(uint64(m.status))
		p.c(m.granted)
	}
}

func (p *unpacking) message(m *message) {
	p.flag(&m.signed, &m.reply, &m.served, &m.ours)
	v := p.c()
	m.from, m.ipbx, m.user, m.req = v&3, v>>2&1, router.Server(v>>3&3), licence.Request(v>>5)
	m.life, m.cseq = p.c(), p.seq()
	if m.reply || m.served {
		m.status, m.granted = uint16(p.u()), p.c()
	}
}

func (p *packing) world(w *World, s *Space) {
	for n := range s.Nodes {
		p.seat(&w.node[n])
	}
	p.row(&w.store.row)
	p.i(int64(w.store.version - control.CanonVersion))
	if s.Nodes == 2 {
		p.i(int64(w.store.epoch - lease.CanonEpoch))
		p.c(w.store.holder|w.addr<<2, w.store.left)
	}
	if s.Amnesia {
		p.row(&w.behind.row)
		p.i(int64(w.behind.version))
	}
	for i := range int(s.Policy.IPBXs) {
		b := &w.ipbx[i]
		p.c(b.ttl[router.Primary] | b.ttl[router.Secondary]<<4)
		for x := router.Primary; x <= router.Secondary; x++ {
			if b.ttl[x] > 0 {
				p.seq(b.cseq[x])
			}
		}
	}
	p.c(w.n|w.order<<4, uint8(w.server[router.Primary])|uint8(w.server[router.Secondary])<<4)
	if s.Budget.Mirrors+s.Budget.Drains > 0 {
		p.flag(w.drained[router.Primary], w.drained[router.Secondary], w.mirror&1 != 0, w.mirror&2 != 0)
	}
	p.flag(w.jumped, w.client[1].waits, w.client[1].signs, w.client[2].waits, w.client[2].signs)
	for i := range w.net[:w.n] {
		p.message(&w.net[i])
	}
}

func (p *unpacking) world(w *World, s *Space) {
	*w = World{}
	for n := range s.Nodes {
		p.seat(&w.node[n])
	}
	p.row(&w.store.row)
	w.store.version = uint64(p.i()) + control.CanonVersion
	if s.Nodes == 2 {
		w.store.epoch = uint64(p.i()) + lease.CanonEpoch
		v := p.c()
		w.store.holder, w.addr, w.store.left = v&3, v>>2, p.c()
	}
	if s.Amnesia {
		p.row(&w.behind.row)
		w.behind.version = uint64(p.i())
	}
	for i := range int(s.Policy.IPBXs) {
		b := &w.ipbx[i]
		v := p.c()
		b.ttl[router.Primary], b.ttl[router.Secondary] = v&15, v>>4
		for x := router.Primary; x <= router.Secondary; x++ {
			if b.ttl[x] > 0 {
				b.cseq[x] = p.seq()
			}
		}
	}
	v := p.c()
	w.n, w.order = v&15, v>>4
	v = p.c()
	w.server[router.Primary], w.server[router.Secondary] = condition(v&15), condition(v>>4)
	if s.Budget.Mirrors+s.Budget.Drains > 0 {
		var fresh, behind bool
		p.flag(&w.drained[router.Primary], &w.drained[router.Secondary], &fresh, &behind)
		switch {
		case fresh:
			w.mirror = control.CopyFresh
		case behind:
			w.mirror = control.CopyBehind
		}
	}
	p.flag(&w.jumped, &w.client[1].waits, &w.client[1].signs, &w.client[2].waits, &w.client[2].signs)
	for i := range w.net[:w.n] {
		p.message(&w.net[i])
	}
}

// digits of a packed Budget.
func (b *Budget) digits() [15]*uint8 {
	return [...]*uint8{
		&b.Moves, &b.Fails, &b.Dups, &b.Crashes, &b.Unknown, &b.Slow, &b.Restarts,
		&b.Pauses, &b.Cuts, &b.Addresses, &b.Jumps, &b.StoreJump, &b.Refusals,
		&b.Mirrors, &b.Drains,
	}
}

func (b *Budget) pack() uint32 {
	v := uint32(0)
	for i, d := range b.digits() {
		v |= uint32(*d) << (budgetBits * i)
	}
	return v
}

func unpackBudget(v uint32) (b Budget) {
	for i, d := range b.digits() {
		*d = uint8(v >> (budgetBits * i) & (1<<budgetBits - 1))
	}
	return b
}

// String names what is in the budget.
func (b Budget) String() string {
	words := [...]string{
		"command", "server failure", "duplicate", "crash", "unknown outcome", "slow statement", "IPBX restart",
		"pause", "partition", "move of the address", "jump of a clock", "jump of the database's clock", "refusal",
		"trouble of the mirror", "drain",
	}
	t := ""
	for i, d := range b.digits() {
		if *d > 0 {
			t += fmt.Sprintf(", %d %s", *d, words[i])
		}
	}
	if t == "" {
		return "no fault"
	}
	return t[2:]
}
