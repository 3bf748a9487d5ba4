package app

import (
	"context"
	"slices"

	"releve/cmd/internal/admin"
	"releve/router"
	"releve/router/control"
)

// order gives an operator's act to the loop, with who gave it and why.
func (m *mind) order(ctx context.Context, c admin.Command) ([]control.Effect, error) {
	return m.request(ctx, request{
		event: control.Event{Kind: control.Operate, Command: commands[c.Name], Force: c.Force},
		order: &c, reply: make(chan []control.Effect, 1),
	})
}

// obey steps what was asked for. The order is kept until the view shows its
// effect, which comes with the save; a refused one changes nothing.
func (m *mind) obey(r request) []control.Effect {
	if r.do != nil {
		r.do()
		return nil
	}
	former := m.ordered
	if r.order != nil {
		m.ordered = r.order
	}
	effects := m.step(r.event)
	if r.order != nil && slices.ContainsFunc(effects, func(e control.Effect) bool { return e.Kind == control.Refuse }) {
		m.ordered = former
	}
	return effects
}

// ordering is who ordered the change of phase from old to v, and why; "releve"
// when nobody did.
func (m *mind) ordering(old, v router.View) (actor, note string) {
	name := ""
	switch {
	case v.Phase == router.Maintenance:
		name = admin.MaintenanceStart
	case old.Phase == router.Maintenance:
		name = admin.MaintenanceStop
	case v.Phase == router.Switching && m.reasonOf(v) == router.ReasonOperator:
		name = admin.Switchover
	case v.Phase == router.Returning:
		name = admin.Return
	}
	if m.ordered == nil || m.ordered.Name != name {
		return "releve", ""
	}
	actor, note = m.ordered.Actor, m.ordered.Reason
	m.ordered = nil
	return actor, note
}

// orderLate: what an operator ordered was stored too late, and is not carried out.
func (m *mind) orderLate(e *control.Effect) {
	c := admin.Command{Name: admin.Return, Actor: "releve"}
	if e.Server == router.Secondary {
		c.Name = admin.Switchover
	}
	if m.ordered != nil && m.ordered.Name == c.Name {
		c.Actor, c.Reason = m.ordered.Actor, m.ordered.Reason
		m.ordered = nil
	}
	m.app.commanded(c, admin.Result{Reason: e.Reason})
}
