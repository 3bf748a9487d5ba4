package app

import (
	"context"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/router"
	"releve/router/control"
)

// drain marks a server so that no new call goes to it, or lifts the mark. The
// mark is durable before it counts. The active server is drained only by force:
// nobody else may take its calls, so the operators' desk does, or they are refused.
func (a *App) drain(ctx context.Context, c admin.Command) (admin.Result, error) {
	server, ok := a.serverCalled(c.Server)
	if !ok {
		return admin.Result{}, &admin.Fault{Status: 404, Code: text.FaultUnknownServer, Detail: c.Server}
	}
	on := c.Name == admin.Drain
	out := admin.Result{Epoch: a.proxy.View().Epoch}
	var kept error
	_, err := a.mind.request(ctx, request{reply: make(chan []control.Effect, 1), do: func() {
		v := a.mind.state.View()
		switch moves := v.Phase == router.Switching || v.Phase == router.Returning; {
		case v.Drained[server] == on:
			out.Already = true
		case on && moves:
			out.Reason = router.ReasonWrongPhase
		case on && v.Active == server && !c.Force:
			out.Reason = router.ReasonStillActive
		default:
			if kept = a.keepDrain(server, on, c); kept == nil {
				a.mind.step(control.Event{Kind: control.Drain, Server: server, On: on})
				out.Accepted = true
			}
		}
	}})
	if kept != nil {
		a.log.Error("drain", "error", kept)
		out.Reason = router.ReasonStoreDown
	}
	if err == nil {
		a.drained(server, c, out)
	}
	return out, err
}

func (a *App) keepDrain(server router.Server, on bool, c admin.Command) error {
	return a.marks.change(func(m *marked) {
		m.Drained[server] = nil
		if on {
			m.Drained[server] = &admin.Mark{At: time.Now().UTC(), By: c.Actor, Note: c.Reason}
		}
	})
}

// drained writes what became of it.
func (a *App) drained(server router.Server, c admin.Command, r admin.Result) {
	code := text.EventDrainStarted
	switch {
	case r.Already:
		return
	case !r.Accepted:
		a.commanded(c, r)
		return
	case c.Name == admin.DrainStop:
		code = text.EventDrainEnded
	case c.Force:
		a.commanded(c, r)
	}
	a.eventBy(c.Actor, code, map[string]string{"server": server.String(), "note": c.Reason})
}

// drainAgain shows the mind the marks of the run before; on the loop.
func (m *mind) drainAgain() {
	for s, mark := range m.app.marks.get().Drained {
		if mark != nil && s != int(router.NoServer) {
			m.step(control.Event{Kind: control.Drain, Server: router.Server(s), On: true})
		}
	}
}

// serverCalled is the server of a name or a role.
func (a *App) serverCalled(name string) (router.Server, bool) {
	for _, c := range a.cfg().Servers {
		if named(c, name) {
			return c.Role, true
		}
	}
	return router.NoServer, false
}

func named(c config.Server, name string) bool { return c.Name == name || c.Role.String() == name }
