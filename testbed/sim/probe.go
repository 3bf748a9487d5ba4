package sim

import (
	"time"

	"releve/health"
	"releve/router"
	"releve/router/control"
)

// The prober sends an OPTIONS twice and waits one second, as the real one does.
const (
	probeAgain = 500 * time.Millisecond
	probeLimit = time.Second
)

// inquiry is one OPTIONS under way.
type inquiry struct {
	n    *node
	life int
	sent router.Instant
	done bool
	end  func(e router.Evidence, took time.Duration)
}

func (q *inquiry) finish(e router.Evidence) {
	q.n.do(q.life, func() {
		if !q.done {
			q.done = true
			q.end(e, q.n.w.now.Sub(q.sent))
		}
	})
}

// ask sends OPTIONS by the given way.
func (n *node) ask(send func(*inquiry), end func(router.Evidence, time.Duration)) {
	q := &inquiry{n: n, life: n.life, sent: n.w.now, end: end}
	send(q)
	n.timer(probeAgain, func() {
		if q.done {
			return
		}
		send(q)
		n.timer(probeLimit-probeAgain, func() { q.finish(router.Silent) })
	})
}

func (n *node) probe(x router.Server, round uint64) {
	s := n.w.servers[x]
	if n.noProbes {
		if !n.muteProbes {
			n.timer(0, func() {
				n.feed(control.Event{Kind: control.ProbeDone, Server: x, Round: round, Evidence: router.NoEvidence})
			})
		}
		return
	}
	n.ask(s.options, func(e router.Evidence, took time.Duration) {
		if e == router.OK {
			n.answered[x] = n.clock().Mono
		}
		if round != 0 {
			s.unheard(e)
		}
		ev := control.Event{Kind: control.ProbeDone, Server: x, Round: round, Evidence: e, RTT: took}
		if n.w.set.hostCheck {
			ev.Host = s.hostSeen()
		}
		n.feed(ev)
	})
}

func (n *node) probeIPBX(i uint8, round uint64) {
	b := n.w.ipbxs[i]
	n.ask(b.options, func(e router.Evidence, took time.Duration) {
		n.feed(control.Event{Kind: control.IPBXProbe, IPBX: i, Round: round, Evidence: e, RTT: took})
	})
}

// options is what a server makes of an OPTIONS.
func (s *server) options(q *inquiry) {
	w, way := s.w, linkOfServer(s.which)
	w.travel(way, toPeer, func() {
		s.arrives(func() {
			e, took := s.mode.options(w)
			if e == router.Silent {
				return
			}
			w.after(took, func() { w.travel(way, toNode, func() { q.finish(e) }) })
		})
	})
}

// hostSeen is what a tcp check beside the OPTIONS finds.
func (s *server) hostSeen() health.Presence {
	if s.mode == dead || s.frozenTo > s.w.now || s.w.links[linkOfServer(s.which)].severed() {
		return health.Down
	}
	return health.Up
}

func (b *ipbx) options(q *inquiry) {
	w, way := b.w, linkOfIPBX(b.index)
	w.travel(way, toPeer, func() {
		if b.silent() {
			return
		}
		w.travel(way, toNode, func() { q.finish(router.OK) })
	})
}
