package sim

import (
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/licence"
	"releve/router/role"
)

// What operators do: commands, drains, and a move in the midst of a refresh.

// refreshes: a REGISTER leaves. When a move is wanted at a refresh, its copies
// will linger, and the move comes before they are dead.
func (w *World) refreshes(n *node, f *licence.Effect) {
	if !n.atRefresh || f.Request != licence.Register {
		return
	}
	n.atRefresh = false
	l := &n.links[linkOfIPBX(f.IPBX)]
	l.stuck++
	w.after(between(w.clocks, 500*time.Millisecond, 4*time.Second), func() { l.stuck = max(l.stuck-1, 0) })
	command := role.Switchover
	if n.state.View().Active == router.Secondary {
		command = role.Return
	}
	move := between(w.clocks, 0, 6*time.Second)
	if !n.shared() && chance(w.clocks, 0.3) { // the process dies before it hears of it
		life := n.life
		w.after(between(w.clocks, 0, 500*time.Millisecond), func() {
			if n.up && n.life == life && w.now < w.set.heal {
				n.die()
				w.after(between(w.clocks, 50*time.Millisecond, time.Second), n.boot)
			}
		})
		move = between(w.clocks, 1500*time.Millisecond, 4*time.Second)
	}
	w.after(move, func() {
		if w.now < w.set.heal {
			w.operate(command, true)
		}
	})
}

func (w *World) operate(c role.Command, force bool) {
	n := w.holder()
	if n == nil {
		n = w.entry()
	}
	if n.up && n.pausedTo <= w.now {
		n.logf("operator: command %d force %v", c, force)
		n.feed(control.Event{Kind: control.Operate, Command: c, Force: force})
	}
}

// drain marks a server at every node; it is each node's own mark, which outlives
// the process. While the roles move it is refused, and of the active server
// without force.
func (w *World) drain(x router.Server, force bool) {
	n := w.holder()
	if n == nil || n.pausedTo > w.now || w.drained[x] {
		return
	}
	if v := n.state.View(); moving(v.Phase) || v.Active == x && !force {
		return
	}
	w.mark(x, true)
}

func (w *World) undrain(x router.Server) {
	if w.drained[x] {
		w.mark(x, false)
	}
}

func (w *World) mark(x router.Server, on bool) {
	w.drained[x] = on
	w.logf("operator: drain of %v: %v", x, on)
	for _, n := range w.nodes {
		n.do(n.life, func() { n.drain(x) })
	}
}

// drain shows the mind the mark of a server, if that is news.
func (n *node) drain(x router.Server) {
	if n.drained[x] != n.w.drained[x] {
		n.drained[x] = n.w.drained[x]
		n.feed(control.Event{Kind: control.Drain, Server: x, On: n.drained[x]})
	}
}
