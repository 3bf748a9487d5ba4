package sim

import (
	"time"

	"releve/proxy/fork"
	"releve/proxy/transaction"
	"releve/router"
	"releve/router/control"
)

// leg is one branch: the node's INVITE client transaction, the real one, and
// that of its CANCEL, and what the peer makes of them. The peer is a server, the
// desk or an IPBX; the last two answer.
type leg struct {
	call   *call
	n      *node
	life   int
	branch uint8
	target fork.Target
	server *server // nil: the desk or an IPBX

	// At the node.
	invite   transaction.State
	undo     transaction.State // the CANCEL's
	armed    router.Instant    // when either wants its timer, Mono
	spoke    bool              // a provisional came
	ended    bool              // a final came, or it failed
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
	var a transaction.Actions
	l.invite, a = transaction.New(transaction.InviteClient, false, n.clock().Mono)
	l.does(a, 0, false)
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

// does performs what the INVITE's transaction wants.
func (l *leg) does(a transaction.Actions, status uint16, retryAfter bool) {
	if a&transaction.Transmit != 0 {
		l.n.travel(l.way(), toPeer, l.arrive)
	}
	if a&transaction.SendAck != 0 {
		l.acknowledge()
	}
	switch {
	case a&transaction.Pass != 0:
		l.passed(status, retryAfter)
	case a&transaction.PassTimeout != 0:
		l.end()
		l.call.step(fork.Event{Kind: fork.TimedOut, Branch: l.branch})
	case a&transaction.PassFailed != 0:
		l.end()
		l.call.step(fork.Event{Kind: fork.TransportFailed, Branch: l.branch, Happening: router.PortRefused})
	}
	l.arm()
}

// arm files the next timer of either transaction.
func (l *leg) arm() {
	next := l.invite.Next()
	if l.cancel == cancelSent {
		next = min(next, l.undo.Next())
	}
	if next == router.Never || next >= l.armed && l.armed != 0 {
		return
	}
	l.armed = next
	n := l.n
	n.w.at(n.when(next), func() {
		n.do(l.life, func() {
			if l.armed != next {
				return // another was filed, for earlier
			}
			l.armed = 0
			l.timers(n.clock().Mono)
		})
	})
}

func (l *leg) timers(now router.Instant) {
	if l.cancel == cancelSent && now >= l.undo.Next() {
		l.undoes(l.undo.Step(now, transaction.Timer, 0))
	}
	if now >= l.invite.Next() {
		l.does(l.invite.Step(now, transaction.Timer, 0), 0, false)
		return
	}
	l.arm()
}

// acknowledge sends the ACK that ends the peer's repeats.
func (l *leg) acknowledge() {
	l.n.travel(l.way(), toPeer, func() { l.heard = true })
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
		if !l.call.stale {
			l.does(l.invite.Step(l.n.clock().Mono, transaction.Failed, 0), 0, false)
		}
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
	l.toNode(func() { l.response(l.status, l.after) })
	w.after(gap, func() { l.repeat(min(2*gap, longestT2), until) })
}

// response is one that reached the node.
func (l *leg) response(status uint16, retryAfter bool) {
	if l.call.stale {
		return // another node has the address, and no context
	}
	if l.server != nil {
		l.n.answered[l.server.which] = max(l.n.clock().Mono, 1)
	}
	l.does(l.invite.Step(l.n.clock().Mono, transaction.Response, status), status, retryAfter)
}

// passed is a response that the transaction gives to the response context.
func (l *leg) passed(status uint16, retryAfter bool) {
	c, n := l.call, l.n
	switch {
	case status < 200:
		l.spoke = true
		if l.cancel == cancelWanted {
			l.sendCancel()
		}
	case status >= 300:
		l.end()
	default:
		l.ended = true
	}
	if status/100 == 2 {
		if l.server != nil && !l.heard {
			defer n.feed(control.Event{Kind: control.Answered, Server: l.server.which})
		}
	}
	c.step(fork.Event{Kind: fork.Response, Branch: l.branch, Status: status, RetryAfter: retryAfter})
	if status/100 == 2 && !c.stale { // else nobody is left to acknowledge it
		l.acknowledge()
	}
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
	l.stop()
	l.cancelled()
	l.freeLine()
}

// stop: the INVITE is repeated no more.
func (l *leg) stop() {
	l.does(l.invite.Step(l.n.clock().Mono, transaction.Stop, 0), 0, false)
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
	var a transaction.Actions
	l.undo, a = transaction.New(transaction.Client, false, l.n.clock().Mono)
	l.undoes(a)
	l.stop()
}

// undoes performs what the CANCEL's transaction wants.
func (l *leg) undoes(a transaction.Actions) {
	if a&transaction.Transmit != 0 {
		l.n.travel(l.way(), toPeer, l.cancelArrives)
	}
	l.arm()
}

// cancelArrives: the peer answers the CANCEL, and the INVITE with 487.
func (l *leg) cancelArrives() {
	answer := func() {
		l.toNode(func() { l.undoes(l.undo.Step(l.n.clock().Mono, transaction.Response, 200)) })
		if l.known && !l.over {
			l.final(487, false)
		}
	}
	if l.server == nil {
		answer()
		return
	}
	l.server.arrives(func() {
		if !l.server.mode.gone() {
			answer()
		}
	})
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
