package sim

import (
	"time"

	"releve/router"
	"releve/router/control"
)

// mirror is the mirrored database: the faults that are about it.
type mirror struct{ behind, unseen int }

// mirrorEvery is how often a node's watch looks.
const mirrorEvery = 2 * time.Second

// watchMirror lets the node's watch look at the mirror from now on. What it found
// last is shown when it is another than before; the first look knows nothing of
// the life before.
func (n *node) watchMirror() {
	if !n.w.set.control.Mirror {
		return
	}
	n.copy = control.CopyUnknown
	n.timer(between(n.w.clocks, 0, mirrorEvery), n.lookAtMirror)
}

func (n *node) lookAtMirror() {
	if c := n.seenOfMirror(); c != n.copy {
		n.copy = c
		n.logf("mirror: %s", [...]string{"unknown", "well", "behind"}[c])
		n.feed(control.Event{Kind: control.Mirror, Copy: c})
	}
	if n.up {
		n.timer(mirrorEvery, n.lookAtMirror)
	}
}

func (n *node) seenOfMirror() control.Copy {
	switch m := &n.w.mirror; {
	case m.unseen > 0 || n.alone > 0:
		return control.CopyUnknown
	case m.behind > 0:
		return control.CopyBehind
	}
	return control.CopyFresh
}

// stays: at the end of the faults the primary of some sites is dead for good.
func (w *World) stays(x router.Server) bool { return w.set.grave && x == router.Primary }

// bury kills the primary of such a site. The mirror is well and nothing is drained
// by now: whatever kept the switchover from being made, it is made.
func (w *World) bury() {
	if !w.set.grave {
		return
	}
	s := w.servers[router.Primary]
	if !s.mode.gone() {
		s.become(refuses)
	}
	s.excuse(everywhere)
}
