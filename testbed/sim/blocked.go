package sim

import (
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/role"
)

// What may block a switchover, and never cause one: the mirror and an operator's
// drain; and orders, which have their time.

// learns keeps what a node last knew of the mirror: what it was told, else what was
// stored when it began to decide.
func (k *watch) learns(e control.Event) {
	switch {
	case e.Kind == control.Mirror && e.Copy != control.CopyUnknown:
		k.copy = e.Copy
	case e.Kind == control.LeaseDone && e.Version > 0 && k.copy == control.CopyUnknown:
		k.copy = e.Row.Copy
	}
}

// causes: neither what is seen of the mirror nor a drain, nor its end, changes a
// role or moves the licence. Rounds that follow may.
func (k *watch) causes(n *node, e control.Event, what string) {
	switch e.Kind {
	case control.Mirror:
		n.w.broken("what is seen of the mirror %s", what)
	case control.Drain:
		n.w.broken("a drain %s", what)
	}
}

// due is what a tick would do now in the place of an event that causes nothing:
// whatever comes first after a REGISTER has fallen due, or a lease has ended, has it
// sent. Nil for other events.
func (n *node) due(e control.Event) []control.Effect {
	if e.Kind != control.Mirror && e.Kind != control.Drain {
		return nil
	}
	twin := n.state
	return twin.Step(n.clock(), control.Event{Kind: control.Tick}, nil)
}

// blocked says what keeps the secondary from taking over by itself: an operator who
// drains it, or a mirror that was behind when it was last known. "": nothing.
func (k *watch) blocked(n *node) string {
	switch {
	case n.drained[router.Secondary]:
		return "that is drained"
	case n.w.set.control.Mirror && k.copy == control.CopyBehind:
		return "whose mirror was behind when it was last known"
	}
	return ""
}

// tolerance is what a clock may be wrong while an order waits.
const tolerance = 50 * time.Millisecond

// begins: the licence is about to move, by the node that decides. Nothing of it was
// begun before, so what blocks it now blocks it, and an order must be young.
func (k *watch) begins(n *node, v router.View) {
	w := n.w
	if !n.state.Holds(n.clock()) || w.store.row.Licence.Epoch >= v.Epoch {
		return
	}
	switch reason := n.state.Row().Role.Reason; {
	case v.Phase == router.Switching && reason == router.ReasonConfirmed && k.blocked(n) != "":
		w.broken("the licence moves by itself to a secondary %s", k.blocked(n))
	case reason == router.ReasonOperator && w.now.Sub(w.ordered) > role.OrderFor+tolerance:
		w.broken("an order is carried out %v after it was given", w.now.Sub(w.ordered))
	}
}
