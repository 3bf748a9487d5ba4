package sim

import (
	"time"

	"releve/router"
)

// link is the way between the node and one peer, both directions. Each trouble
// counts the faults that bring it.
type link struct {
	bursts    int // loss on top of the site's own
	there     int // cut from the node to the peer
	back      int // cut from the peer to the node
	lingering int // messages arrive late and out of order, within t4
}

// burstLoss is the loss of a link in bursts.
const burstLoss = 0.5

const (
	toPeer = iota
	toNode
)

func linkOfServer(x router.Server) int { return int(x) }
func linkOfIPBX(i uint8) int           { return int(router.Servers) + int(i) }

// travel lets a message go over a link: it arrives once, never, or twice.
func (w *World) travel(n, direction int, arrive func()) {
	l := &w.links[n]
	if direction == toPeer && l.there > 0 || direction == toNode && l.back > 0 {
		return
	}
	loss := w.set.loss
	if l.bursts > 0 {
		loss += burstLoss
	}
	copies := 1
	if w.set.loss > 0 && chance(w.net, w.set.loss/4) {
		copies = 2
		w.goals.reach(goalDuplicate)
	}
	for range copies {
		if chance(w.net, loss) {
			continue
		}
		w.after(w.delay(l), arrive)
	}
}

func (w *World) delay(l *link) time.Duration {
	switch n := w.net.IntN(100); {
	case l.lingering > 0 && n < 50:
		return between(w.net, 0, t4)
	case n < 2:
		return between(w.net, 0, 50*time.Millisecond)
	}
	return between(w.net, 100*time.Microsecond, 2*time.Millisecond)
}

// severed: nothing passes one way or the other.
func (l *link) severed() bool { return l.there > 0 || l.back > 0 }
