package sim

import (
	"time"

	"releve/proxy/fork"
	"releve/router"
	"releve/router/control"
)

// leg is one branch: the node's INVITE client transaction and what the peer
// makes of it. The peer is a server, the desk or an IPBX; the last two answer.
type leg struct {
	call   *call
	n      *node
	life   int
	branch uint8
	target fork.Target
	server *server // nil: the desk or an IPBX

	// At the node.
	spoke    bool // a provisional came
	ended    bool // a final came, or it failed
	silenced bool // no more transmissions
	cancel   cancelling
	reserved router.Server // a line of our own table

	// At the peer.
	known  bool // it has the INVITE
	line   bool // it holds a line
	over   bool // it has sent its final
	status uint16
	after  bool // Retry-After
	heard  bool // its final was acknowledged
	gone   bool // it no longer knows of it
}

type cancelling uint8

const (
	notCancelled cancelling = iota
	cancelWanted
	cancelSent
)

const (
	timerB    = 32 * time.Second
	firstGap  = 500 * time.Millisecond // T1
	longestT2 = 4 * time.Second
)

// start begins branch b at target t.
func (c *call) start(b uint8, t fork.Target) {
	n := c.n
	l := &leg{call: c, n: n, life: n.life, branch: b, target: t}
	if x := serverOf(t); x != router.NoServer {
		l.server = n.w.servers[x]
		n.table.Reserve(x)
		l.reserved = x
	}
	c.legs = append(c.legs, l)
	l.transmit(firstGap)
	n.timer(timerB, func() {
		if !l.spoke && !l.ended {
			l.end()
			c.step(fork.Event{Kind: fork.TimedOut, Branch: b})
		}
	})
}

// way is the link to the peer; negative: one that is never cut.
func (l *leg) way() int {
	switch {
	case l.server != nil:
		return linkOfServer(l.server.which)
	case l.target >= fork.ToIPBX:
		return linkOfIPBX(uint8(l.target - fork.ToIPBX))
	}
	return linkOfIPBX(0) // the desk is behind the first IPBX
}

func (l *leg) transmit(gap time.Duration) {
	if l.spoke || l.ended || l.silenced {
		return
	}
	l.n.travel(l.way(), toPeer, l.arrive)
	l.n.timer(gap, func() { l.transmit(2 * gap) })
}

func (l *leg) arrive() {
	switch {
	case l.known || l.gone:
	case l.server != nil:
		l.server.arrives(func() {
			if !l.known && !l.gone {
				l.server.invited(l)
			}
		})
	default:
		b := l.n.w.ipbxs[l.way()-linkOfIPBX(0)]
		if !b.silent() {
			l.known = true
			l.provisional(100)
			l.n.w.after(800*time.Millisecond, func() { l.final(200, false) })
		}
	}
}

// refused: the peer's host answers with ICMP.
func (l *leg) refused() {
	l.toNode(func() {
		if l.ended {
			return
		}
		l.end()
		l.call.step(fork.Event{Kind: fork.TransportFailed, Branch: l.branch, Happening: router.PortRefused})
	})
}

// toNode sends something from the peer to the node.
func (l *leg) toNode(do func()) {
	l.n.travel(l.way(), toNode, func() { l.n.do(l.life, do) })
}

// provisional is sent once; it may get lost.
func (l *leg) provisional(status uint16) {
	if l.over || l.gone {
		return
	}
	l.toNode(func() { l.response(status, false) })
}

// final is repeated until it is acknowledged, or nobody acknowledges it.
func (l *leg) final(status uint16, retryAfter bool) {
	if l.over || l.gone {
		return
	}
	l.over, l.status, l.after = true, status, retryAfter
	if status >= 300 && l.server != nil {
		l.server.drop(l)
	}
	l.repeat(firstGap, l.n.w.now.Add(timerB))
}

func (l *leg) repeat(gap time.Duration, until router.Instant) {
	w := l.n.w
	switch {
	case l.heard || l.gone:
		return
	case w.now >= until:
		l.hangUp() // RFC 3261 §13.3.1.4: never acknowledged
		return
	}
	l.toNode(func() {
		l.response(l.status, l.after)
		if !l.call.stale { // else nobody is left to acknowledge it
			l.n.travel(l.way(), toPeer, func() { l.heard = true })
		}
	})
	w.after(gap, func() { l.repeat(min(2*gap, longestT2), until) })
}

// response is one that reached the node.
func (l *leg) response(status uint16, retryAfter bool) {
	c, n := l.call, l.n
	if c.stale {
		return // another node has the address, and no context
	}
	if l.server != nil {
		n.answered[l.server.which] = max(n.clock().Mono, 1)
	}
	if status < 200 {
		l.spoke = true
		if l.cancel == cancelWanted {
			l.sendCancel()
		}
	} else {
		if l.ended && status >= 300 {
			return // absorbed by the transaction
		}
		l.ended = true
		if status >= 300 {
			l.freeLine()
		}
	}
	if status/100 == 2 && l.server != nil && !l.heard {
		defer n.feed(control.Event{Kind: control.Answered, Server: l.server.which})
	}
	c.step(fork.Event{Kind: fork.Response, Branch: l.branch, Status: status, RetryAfter: retryAfter})
}

// end closes the client transaction without a final.
func (l *leg) end() {
	l.ended = true
	l.freeLine()
}

// freeLine gives the line of our own table back.
func (l *leg) freeLine() {
	if x := l.reserved; x != router.NoServer {
		l.reserved = router.NoServer
		l.n.give(l.n.table.Release(x, l.n.clock().Mono))
	}
}

func (l *leg) abandon() {
	l.silenced = true
	l.cancelled()
	l.freeLine()
}

// cancelled sends CANCEL, or remembers to (RFC 3261 §9.1).
func (l *leg) cancelled() {
	if l.ended || l.cancel == cancelSent {
		return
	}
	l.cancel = cancelWanted
	if l.spoke {
		l.sendCancel()
	}
}

func (l *leg) sendCancel() {
	l.cancel = cancelSent
	l.n.timer(timerB, func() { // gone 64*T1 later, answered or not (RFC 3261 §9.1)
		if !l.ended {
			l.end()
			l.call.step(fork.Event{Kind: fork.TimedOut, Branch: l.branch})
		}
	})
	l.repeatCancel(firstGap, l.n.w.now.Add(timerB))
}

func (l *leg) repeatCancel(gap time.Duration, until router.Instant) {
	w := l.n.w
	if l.ended || w.now >= until {
		return
	}
	l.n.travel(l.way(), toPeer, func() {
		if l.server == nil {
			l.final(487, false)
			return
		}
		l.server.arrives(func() {
			if l.known && !l.over {
				l.final(487, false)
			}
		})
	})
	l.n.timer(gap, func() { l.repeatCancel(min(2*gap, longestT2), until) })
}

// hangUp ends the call at the peer: BYE, or nobody ever acknowledged it.
func (l *leg) hangUp() {
	l.gone, l.over = true, true
	if l.server != nil {
		l.server.drop(l)
	}
}

// serverGone: the process that had the leg is no more.
func (l *leg) serverGone() {
	l.gone, l.line = true, false
}

func serverOf(t fork.Target) router.Server {
	switch t {
	case fork.ToPrimary:
		return router.Primary
	case fork.ToSecondary:
		return router.Secondary
	}
	return router.NoServer
}
