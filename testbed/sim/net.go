package sim

import (
	"time"

	"releve/router"
	"releve/router/licence"
)

// link is the way between a node and one peer, both directions. Each trouble
// counts the faults that bring it.
type link struct {
	bursts    int // loss on top of the site's own
	there     int // cut from the node to the peer
	back      int // cut from the peer to the node
	lingering int // messages arrive late and out of order, within t4
	stuck     int // nearly all that the node sends does
}

// burstLoss is the loss of a link in bursts.
const burstLoss = 0.5

const (
	toPeer = iota
	toNode
)

// linksOfNode is how many links a node has: to servers and IPBXs. That to the
// other node is World.between, a connection: nothing is lost on it but by a cut.
const linksOfNode = int(router.Servers) + licence.MaxIPBX

func linkOfServer(x router.Server) int { return int(x) }
func linkOfIPBX(i uint8) int           { return int(router.Servers) + int(i) }

func isServer(i int) bool { return i >= int(router.Primary) && i <= int(router.Secondary) }

// travel lets a message go over a link of the node: it arrives once, never, or
// twice.
func (n *node) travel(i, direction int, arrive func()) {
	w := n.w
	l := &n.links[i]
	if direction == toPeer && l.there > 0 || direction == toNode && l.back > 0 {
		return
	}
	loss, stuck := w.set.loss, direction == toPeer && l.stuck > 0
	if l.bursts > 0 {
		loss += burstLoss
	}
	if w.set.loss > 0 && chance(w.net, w.set.loss/4) && w.luck() {
		w.goals.reach(goalDuplicate)
		w.deliver(l, stuck, loss, arrive)
	}
	w.deliver(l, stuck, loss, arrive)
}

func (w *World) deliver(l *link, stuck bool, loss float64, arrive func()) {
	if chance(w.net, loss) && w.luck() {
		return
	}
	w.after(w.delay(l, stuck), arrive)
}

// plain is how long a message travels when nothing is drawn.
const plain = time.Millisecond

func (w *World) delay(l *link, stuck bool) time.Duration {
	switch n := w.net.IntN(100); {
	case stuck && n < 90:
		return w.late(between(w.net, time.Second, t4))
	case l.lingering > 0 && n < 50:
		return w.late(between(w.net, 0, t4))
	case n < 2:
		return w.late(between(w.net, 0, 50*time.Millisecond))
	}
	return between(w.net, 100*time.Microsecond, 2*time.Millisecond)
}

func (w *World) late(d time.Duration) time.Duration {
	if !w.luck() {
		return plain
	}
	return d
}

// severed: nothing passes one way or the other.
func (l *link) severed() bool { return l.there > 0 || l.back > 0 }

// cut: one way, the other, or both.
func (l *link) cut(which, by int) {
	if which != 1 {
		l.there += by
	}
	if which != 2 {
		l.back += by
	}
}
