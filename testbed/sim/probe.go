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

func (n *node) probe(x router.Server, round uint64) { n.probed(x, round, nil) }

// probed probes a server, shows the mind what came of it, and then calls after.
func (n *node) probed(x router.Server, round uint64, after func(router.Evidence)) {
	s := n.w.servers[x]
	if n.noProbes {
		if !n.muteProbes {
			n.timer(0, func() {
				n.feed(control.Event{Kind: control.ProbeDone, Server: x, Round: round, Evidence: router.NoEvidence})
			})
		}
		return // the other node is not answered either
	}
	n.ask(s.options, func(e router.Evidence, took time.Duration) {
		if e == router.OK {
			n.answered[x] = n.clock().Mono
		}
		if round != 0 || after != nil {
			s.unheard(n, e)
		}
		ev := control.Event{Kind: control.ProbeDone, Server: x, Round: round, Evidence: e, RTT: took}
		if n.w.set.hostCheck {
			ev.Host = s.hostSeen(n)
		}
		n.feed(ev)
		if after != nil {
			after(e)
		}
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
	q.n.travel(way, toPeer, func() {
		s.arrives(func() {
			e, took := s.mode.options(w)
			if e == router.Silent {
				return
			}
			w.after(took, func() { q.n.travel(way, toNode, func() { q.finish(e) }) })
		})
	})
}

// hostSeen is what a tcp check beside the OPTIONS finds.
func (s *server) hostSeen(n *node) health.Presence {
	if s.mode == dead || s.frozenTo > s.w.now || n.links[linkOfServer(s.which)].severed() {
		return health.Down
	}
	return health.Up
}

func (b *ipbx) options(q *inquiry) {
	way := linkOfIPBX(b.index)
	q.n.travel(way, toPeer, func() {
		if b.silent() {
			return
		}
		q.n.travel(way, toNode, func() { q.finish(router.OK) })
	})
}
