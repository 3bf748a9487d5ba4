package explore

import (
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// send puts a REGISTER on the wire. A node that keeps its bindings alive without
// a lease is stopped by nothing but its own permission: whether it has the
// address is not looked at.
func (m *moment) send(n int, f register) {
	w := &m.w
	x, i := f.user, f.ipbx
	if f.cseq > w.store.row.cseq[x] {
		m.breaks("W1: the CSeq sent is above the stored one")
	}
	if newest, ok := m.s.acting(w); ok && newest == n {
		for _, o := range w.net[:w.n] {
			if o.user == x && o.ipbx == i && o.cseq >= f.cseq {
				m.breaks("CSeq went back: %v %d, now %d", o, o.cseq, f.cseq)
			}
		}
		if w.ipbx[i].ttl[x] > 0 && w.ipbx[i].cseq[x] >= f.cseq {
			m.breaks("CSeq went back: bound by %d, now %d", w.ipbx[i].cseq[x], f.cseq)
		}
	}
	life, left := uint8(forever), uint8(1)
	if f.notAfter != router.Never {
		limit := max(time.Duration(f.notAfter), 1)
		left = uint8((limit + Tick - 1) / Tick)
		life = left + 1
	}
	signed := f.authorise || f.pass && w.client[x].signs || !f.pass && m.s.Auth && !m.s.Policy.Licence.NoPassword[x]
	w.node[n].txn[x][i] = transaction{open: true, cseq: f.cseq, left: left}
	m.put(message{from: uint8(n), ipbx: i, user: x, req: f.req, cseq: f.cseq, life: life, signed: signed})
}

func (m *moment) put(o message) {
	if m.w.n < maxFlight {
		m.w.net[m.w.n] = o
		m.w.n++
	}
}

func (m *moment) take(i int) message {
	w := &m.w
	o := w.net[i]
	w.n--
	w.net[i] = w.net[w.n]
	w.net[w.n] = message{}
	return o
}

// register is the registrar (RFC 3261 §10.3), atomic; its reply travels back.
// refused: it answers so, whatever was asked.
func (m *moment) register(i int, granted time.Duration, refused uint16) {
	w := &m.w
	o := m.take(i)
	x, b := o.user, &w.ipbx[o.ipbx]
	if !o.served {
		o.status, o.ours, o.granted = 200, false, 0
		switch {
		case refused > 0:
			o.status = refused
		case m.s.Auth && !o.signed:
			o.status = 401
		case o.req != licence.Fetch && b.ttl[x] > 0 && o.cseq <= b.cseq[x]:
			o.status = 500
		case o.req == licence.Register:
			b.ttl[x], b.cseq[x] = uint8(granted/Tick), o.cseq
		case o.req == licence.Unregister:
			b.ttl[x] = 0
		}
		o.ours = o.status == 200 && b.ttl[x] > 0 && m.s.Lists
		if o.ours {
			o.granted = b.ttl[x]
		}
		m.serve(o)
	}
	if o.life == forever { // transmitted again, and the transaction long gone
		again := o
		again.status, again.ours, again.granted, again.served = 0, false, 0, false
		m.put(again)
	}
	o.reply, o.served, o.life = true, false, 2
	m.put(o)
}

// serve gives the copies of o the same reply.
func (m *moment) serve(o message) {
	for i := range m.w.net[:m.w.n] {
		c := &m.w.net[i]
		if !c.reply && c.user == o.user && c.ipbx == o.ipbx && c.cseq == o.cseq && c.from == o.from && c.life != forever {
			c.served, c.status, c.ours, c.granted = true, o.status, o.ours, o.granted
		}
	}
}

// reply reaches its node.
func (m *moment) reply(o message) {
	v := &m.w.node[o.from]
	t := &v.txn[o.user][o.ipbx]
	if !v.up || !t.open || t.cseq != o.cseq {
		return // no transaction: RFC 3261 §17.1.3
	}
	*t = transaction{}
	m.event(int(o.from), event{
		kind: control.Registrar, registrar: licence.Answer, user: o.user, ipbx: o.ipbx, cseq: o.cseq,
		status: o.status, ours: o.ours, granted: o.granted,
	})
}

// clientRegisters: a server sends us a REGISTER of its own.
func (m *moment) clientRegisters(x router.Server) {
	m.w.client[x].waits = true
	m.event(0, event{kind: control.Registrar, registrar: licence.ServerRegister, user: x, signed: m.w.client[x].signs})
}

// replied: the server has its answer, the only one.
func (m *moment) replied(f register) {
	c := &m.w.client[f.user]
	if !c.waits {
		m.breaks("a server's REGISTER is answered twice")
	}
	c.waits = false
	if f.relay && f.status == 401 {
		c.signs = true
	}
}
