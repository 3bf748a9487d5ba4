package app

import (
	"context"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/router"
	"releve/router/control"
	"releve/router/role"
)

var commands = map[string]role.Command{
	admin.Switchover: role.Switchover, admin.Return: role.Return,
	admin.MaintenanceStart: role.MaintenanceStart, admin.MaintenanceStop: role.MaintenanceStop,
}

// Command gives an operator's act to the mind.
func (a *App) Command(ctx context.Context, c admin.Command) (admin.Result, error) {
	if c.Name == admin.Drain || c.Name == admin.DrainStop {
		return a.drain(ctx, c)
	}
	view := a.proxy.View()
	if c.ExpectedActive != "" && c.ExpectedActive != view.Active.String() {
		return admin.Result{Reason: router.ReasonWrongPhase, Epoch: view.Epoch}, nil
	}
	if already(c.Name, view) {
		return admin.Result{Already: true, Epoch: view.Epoch}, nil
	}
	if a.mind.storeless(ctx) {
		out := admin.Result{Reason: router.ReasonStoreDown, Epoch: view.Epoch}
		a.commanded(c, out)
		return out, nil
	}
	effects, err := a.mind.order(ctx, c)
	if err != nil {
		return admin.Result{}, err
	}
	out := admin.Result{Accepted: true, Epoch: a.proxy.View().Epoch}
	for _, e := range effects {
		if e.Kind == control.Refuse {
			out.Accepted, out.Reason = false, e.Reason
		}
	}
	a.commanded(c, out)
	return out, nil
}

func already(name string, v router.View) bool {
	switch name {
	case admin.Switchover:
		return v.Active == router.Secondary && v.Phase == router.OnSecondary
	case admin.Return:
		return v.Active == router.Primary && v.Phase == router.Normal
	case admin.MaintenanceStart:
		return v.Phase == router.Maintenance
	}
	return false
}

func (a *App) commanded(c admin.Command, r admin.Result) {
	p := map[string]string{"command": c.Name, "note": c.Reason, "reason": string(r.Reason)}
	switch {
	case !r.Accepted:
		a.eventBy(c.Actor, text.EventCommandRefused, p)
	case c.Force:
		a.eventBy(c.Actor, text.EventCommandForced, p)
	}
}
