package sim

import (
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// Modes but trunk: each server that lives registers here for each IPBX, again
// and again, at the node that has the address. In gate without a password of
// ours its Authorization passes through.

// registersEvery is how often a server refreshes what it was granted.
const registersEvery = 20 * time.Second

// client is a server's side of its registration meant for one IPBX.
type client struct {
	signs bool // it has met a challenge
	again bool // it has answered one in this turn
}

// ticket is a server's REGISTER that waits for the node's answer.
type ticket struct {
	server *server
	ipbx   uint8
	signed bool
}

// startRegistering begins the servers' registrations.
func (w *World) startRegistering() {
	if !w.set.registering {
		return
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range w.ipbxs {
			w.at(router.Instant(between(w.load, 0, registersEvery)), func() { w.servers[x].registersAgain(uint8(i)) })
		}
	}
}

func (s *server) registersAgain(i uint8) {
	s.clients[i].again = false
	s.registers(i)
	s.w.after(registersEvery, func() { s.registersAgain(i) })
}

// registers sends one REGISTER, again until it is heard (Timer E). Copies are
// the node's transaction layer's matter: it takes one.
func (s *server) registers(i uint8) {
	w := s.w
	if s.mode.gone() || s.frozenTo > w.now {
		return
	}
	signed, arrived := s.clients[i].signs, false
	for _, d := range [...]time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond} {
		w.after(d, func() {
			if arrived || s.mode.gone() || s.frozenTo > w.now {
				return
			}
			n := w.entry()
			n.travel(linkOfServer(s.which), toNode, func() {
				if arrived || !n.up {
					return
				}
				arrived = true
				n.do(n.life, func() { n.serverRegisters(s, i, signed) })
			})
		})
	}
}

func (n *node) serverRegisters(s *server, i uint8, signed bool) {
	n.lastTicket++
	if n.tickets == nil {
		n.tickets = map[uint32]ticket{}
	}
	n.tickets[n.lastTicket] = ticket{s, i, signed}
	n.feed(control.Event{Kind: control.Registrar, Register: licence.Event{
		Kind: licence.ServerRegister, User: s.which, IPBX: i, Ticket: n.lastTicket,
		Expires: n.w.set.policy.Expires, Signed: signed,
	}})
}

// reply answers a server's REGISTER: each once.
func (n *node) reply(f *licence.Effect) {
	w := n.w
	t, open := n.tickets[f.Ticket]
	if !open {
		w.broken("REGISTER %d of %v is answered twice", f.Ticket, f.User)
		return
	}
	delete(n.tickets, f.Ticket)
	w.note('R', uint64(f.User)<<16|uint64(f.Status), uint64(f.Expires))
	if w.tracing() {
		n.logf("reply %d to REGISTER of %v, ipbx %d: relayed %v, expires %v", f.Status, f.User, f.IPBX, f.Relay, f.Expires)
	}
	challenged := f.Relay && (f.Status == 401 || f.Status == 407)
	if f.Relay {
		w.goals.reach(goalPassed)
	}
	n.travel(linkOfServer(t.server.which), toPeer, func() {
		if c := &t.server.clients[t.ipbx]; challenged && !c.again {
			c.signs, c.again = true, true
			t.server.registers(t.ipbx)
		}
	})
}
