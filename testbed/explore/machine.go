package explore

import (
	"time"

	"releve/router"
	"releve/router/licence"
)

// Machine drives one node's mind, of type N: the licence machine itself, or a
// machine that contains it. All methods are pure.
type Machine[N comparable] interface {
	// Boot is a process just started with the stored row.
	Boot(row licence.Row) (N, []licence.Effect)
	// Step takes one licence event.
	Step(n *N, now router.Clock, e licence.Event) []licence.Effect
	// Canon moves now to zero and the rising numbers to fixed ones; Base is
	// what it takes out of them.
	Canon(n N, now router.Clock) N
	Base(n N) licence.Base
	// Fence tells, at Mono 0, until when the node reckons with a binding of x;
	// false when it reckons with none.
	Fence(n N, x router.Server) (time.Duration, bool)
}

// Licence is licence.State alone.
type Licence struct{ Policy licence.Policy }

// Boot implements Machine.
func (m Licence) Boot(row licence.Row) (licence.State, []licence.Effect) {
	n := licence.New(m.Policy, licence.Row{})
	return n, n.Step(router.Clock{}, licence.Event{Kind: licence.Boot, Row: row}, nil)
}

// Step implements Machine.
func (m Licence) Step(n *licence.State, now router.Clock, e licence.Event) []licence.Effect {
	return n.Step(now, e, nil)
}

// Canon implements Machine.
func (m Licence) Canon(n licence.State, now router.Clock) licence.State { return n.Canon(now) }

// Base implements Machine.
func (m Licence) Base(n licence.State) licence.Base { return n.Base() }

// Fence implements Machine.
func (m Licence) Fence(n licence.State, x router.Server) (time.Duration, bool) {
	b := n.Status(router.Clock{}).Bindings[x][0]
	return b.Fence, b.Possible
}
