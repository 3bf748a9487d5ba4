package explore

import (
	"cmp"
	"slices"

	"releve/router"
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
)

// canon sorts, rebases and ranks: worlds that behave alike become equal.
func (m *moment) canon() {
	w := &m.w
	for n := range w.node {
		v := &w.node[n]
		if !v.up {
			*v = seat{cut: v.cut}
		}
	}
	m.forgotten()
	m.ordered()
	m.rebase(w)
	for x := router.Primary; x <= router.Secondary; x++ {
		m.s.rank(w, x)
	}
	slices.SortFunc(w.net[:w.n], compare)
}

// forgotten takes out what can do nothing any more: a message whose sender does
// not wait for it and that changes nothing at the registrar, be it a reply, a
// fetch, or a request that was answered already. Of others nobody is the sender.
func (m *moment) forgotten() {
	w := &m.w
	for i := int(w.n) - 1; i >= 0; i-- {
		o := &w.net[i]
		if o.from != nobody {
			v := &w.node[o.from]
			if t := &v.txn[o.user][o.ipbx]; v.up && t.open && t.cseq == o.cseq {
				continue
			}
			o.from = nobody
		}
		if o.reply || o.served || o.req == licence.Fetch {
			m.take(i)
		}
	}
}

// swap renames the two nodes. Which is which means nothing.
func (m *moment) swap() {
	w := &m.w
	w.node[0], w.node[1] = w.node[1], w.node[0]
	w.addr = 1 - w.addr
	if w.store.holder != 0 {
		w.store.holder = 3 - w.store.holder
	}
	for i := range w.net[:w.n] {
		if o := &w.net[i]; o.from != nobody {
			o.from = 1 - o.from
		}
	}
	slices.SortFunc(w.net[:w.n], compare)
}

func compare(a, b message) int {
	return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.ipbx, b.ipbx), cmp.Compare(a.cseq, b.cseq), cmp.Compare(a.life, b.life),
		cmp.Compare(b2i(a.reply), b2i(b.reply)), cmp.Compare(b2i(a.served), b2i(b.served)), cmp.Compare(a.from, b.from),
		cmp.Compare(a.granted, b.granted), cmp.Compare(a.status, b.status), cmp.Compare(b2i(a.ours), b2i(b.ours)),
		cmp.Compare(b2i(a.signed), b2i(b.signed)), cmp.Compare(a.req, b.req))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// rebase moves epochs and versions so that the stored ones are fixed.
func (m *moment) rebase(w *World) {
	d := control.Base{Licence: licence.Base{Epoch: w.store.row.role - licence.CanonEpoch}}
	if w.store.version != 0 {
		d.Version = w.store.version - control.CanonVersion
	}
	if m.s.Nodes == 2 {
		d.Lease = w.store.epoch - lease.CanonEpoch
	}
	w.store.row = w.store.row.less(d)
	w.store.version -= d.Version
	w.store.epoch -= d.Lease
	if w.behind != (replica{}) {
		w.behind.row = w.behind.row.less(d)
		w.behind.version -= d.Version
	}
	for n := range w.node {
		v := &w.node[n]
		if !v.up {
			continue
		}
		if !m.mind.about.at(v.id).idles {
			v.base.Licence.Epoch -= d.Licence.Epoch
			v.base.Version -= d.Version
			v.base.Lease -= d.Lease
			if m.s.Nodes == 1 {
				v.base.Lease = 0 // held for ever
			}
		}
		v.save.rebase(d)
		v.ask.rebase(d)
	}
}

func (q *statement) rebase(d control.Base) {
	if !q.open {
		*q = statement{}
		return
	}
	if q.epoch != 0 {
		q.epoch -= d.Lease
	}
	if q.verb == 0 {
		q.row, q.version = q.row.less(d), q.version-d.Version
	}
}

// rank moves the CSeqs of user x so that the newest node's own is fixed, keeps
// those from the oldest that a node reckons with upwards, and closes the gaps
// below: only their order means anything.
func (s *Space) rank(w *World, x router.Server) {
	ref, floor, ok := uint32(0), uint32(0), false
	lower := func(c uint32) {
		if floor = min(floor, c); !ok {
			floor = c
		}
		ok = true
	}
	for n := range w.node {
		v := &w.node[n]
		if v.up && !s.mind.about.at(v.id).idles {
			ref = max(ref, v.base.Licence.CSeq[x]+licence.CanonCSeq)
		}
	}
	if ref == 0 {
		ref = w.store.row.cseq[x]
	}
	shift := ref - licence.CanonCSeq
	var refs [maxFlight + 2*licence.MaxIPBX]*uint32
	k := 0
	move := func(c *uint32) {
		*c -= shift
		refs[k] = c
		k++
	}
	w.store.row.cseq[x] -= shift
	lower(w.store.row.cseq[x])
	if w.behind != (replica{}) {
		w.behind.row.cseq[x] -= shift
		lower(w.behind.row.cseq[x])
	}
	for n := range w.node {
		v := &w.node[n]
		if v.up && !s.mind.about.at(v.id).idles {
			v.base.Licence.CSeq[x] -= shift
			lower(v.base.Licence.CSeq[x] + s.mind.about.at(v.id).low[x])
		}
		if v.save.open {
			v.save.row.cseq[x] -= shift
			lower(v.save.row.cseq[x])
		}
		for i := range v.txn[x] {
			if t := &v.txn[x][i]; t.open {
				t.cseq -= shift
				lower(t.cseq)
			}
		}
	}
	for i := range w.ipbx {
		if w.ipbx[i].ttl[x] == 0 {
			w.ipbx[i].cseq[x] = 0 // no binding: any CSeq is accepted
		} else {
			move(&w.ipbx[i].cseq[x])
		}
	}
	for i := range w.net[:w.n] {
		if w.net[i].user == x {
			move(&w.net[i].cseq)
		}
	}
	slices.SortFunc(refs[:k], func(a, b *uint32) int { return cmp.Compare(*b, *a) })
	rank, last := floor, uint32(0)
	for _, c := range refs[:k] {
		switch v := *c; {
		case v >= floor && v < 1<<31:
			continue
		case v != last:
			last = v
			rank--
		}
		*c = rank
	}
}
