package sim

import (
	"time"

	"releve/health"
	"releve/router"
	"releve/router/control"
)

// The test call: a real INVITE that wants an answer and something to hear.
const (
	testCallLimit = 8 * time.Second // for the answer
	testCallEars  = 2 * time.Second // for the sound
)

// trial is a test call under way.
type trial struct {
	n       *node
	life    int
	server  *server
	began   router.Instant
	arrived bool
	done    bool
}

// testCall places one, when a line is free.
func (n *node) testCall(x router.Server) {
	t := &trial{n: n, life: n.life, server: n.w.servers[x], began: n.w.now}
	n.w.goals.reach(goalTestCall)
	if n.table.Occupancy(x, 0) == router.Full {
		n.timer(0, func() { t.end(health.CallUnknown) })
		return
	}
	n.table.Reserve(x)
	t.server.trials++
	t.send(firstGap)
	n.timer(testCallLimit, func() { t.end(health.CallStuck) })
}

func (t *trial) send(gap time.Duration) {
	if t.done || t.arrived {
		return
	}
	t.n.travel(linkOfServer(t.server.which), toPeer, t.arrive)
	t.n.timer(gap, func() { t.send(2 * gap) })
}

// arrive is what the server makes of it.
func (t *trial) arrive() {
	s := t.server
	s.arrives(func() {
		if t.arrived {
			return
		}
		switch r, took := s.tried(); {
		case r == health.CallUnknown: // it says nothing
		case s.mode == refuses:
			t.answer(health.CallStuck, 0, firstGap)
		default:
			t.arrived = true
			t.answer(r, took, firstGap)
		}
	})
}

// tried is how a test call fares at the server, and when that shows.
func (s *server) tried() (health.CallResult, time.Duration) {
	w := s.w
	switch {
	case s.mode == dead, s.mode == hung, s.mode == grayMute, s.mode == grayRings:
		return health.CallUnknown, 0
	case s.mode == refuses:
		return health.CallStuck, 0
	case s.mode == gray500, s.mode == broken500, s.mode == grayMost && chance(w.load, 0.67), s.mode == graySome && chance(w.load, 0.25):
		return health.CallErr, 0
	case s.mode == busy503, s.mode == gray486, s.inUse >= s.lines:
		return health.CallBusy, 0
	case s.mode == graySilent:
		return health.CallMute, testCallEars + time.Second
	case s.mode == slow:
		return health.CallGood, 5 * time.Second
	}
	return health.CallGood, time.Second
}

// answer is repeated until it is heard.
func (t *trial) answer(r health.CallResult, took, gap time.Duration) {
	w := t.n.w
	w.after(took, func() {
		if t.done {
			return
		}
		t.n.travel(linkOfServer(t.server.which), toNode, func() { t.n.do(t.life, func() { t.end(r) }) })
		if gap < testCallLimit {
			t.answer(r, gap, 2*gap)
		}
	})
}

func (t *trial) end(r health.CallResult) {
	n := t.n
	if t.done {
		return
	}
	t.done = true
	n.w.note('t', uint64(t.server.which), uint64(r))
	if n.w.tracing() {
		n.logf("test call of %v: %d", t.server.which, r)
	}
	if r != health.CallUnknown { // it was made
		t.server.trials--
		n.give(n.table.Release(t.server.which, n.clock().Mono))
	}
	n.feed(control.Event{Kind: control.CallDone, Server: t.server.which, Call: r, RTT: n.w.now.Sub(t.began)})
}
