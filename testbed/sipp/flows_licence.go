package sipp

import (
	"context"
	"fmt"
	"time"

	"releve/testbed/ipbx"
)

// licenceFlows: the registrar is testbed/ipbx, which keeps what SIPp cannot:
// bindings, digest, and a log of both users' bindings.
func licenceFlows() []Flow {
	pair := Site{Registration: "pair", Budget: 40 * time.Second}
	return []Flow{
		{
			Name: "unregister-unanswered-fence", Site: pair, Play: fence,
			Want: []string{delivered}, Switchovers: 1,
		},
		{
			Name: "licence-moves-with-the-calls", Site: pair, Play: moves,
			Want: []string{delivered}, Switchovers: 1,
		},
		{Name: "stale-nonce", Site: pair, NonceLife: 2 * time.Second, Play: refreshed},
		{Name: "423-interval-too-brief", Site: Site{Registration: "pair", MaxGrant: 40 * time.Second}, MinExpires: 40 * time.Second, Play: granted40, Want: []string{served}},
		{Name: "ipbx-restart", Site: pair, Play: ipbxRestarts, Want: []string{served}},
	}
}

// overlapped fails when both servers' users were ever bound together.
func (w *World) overlapped() error {
	if m := w.ipbx.MaxBindingsAtOnce("5001", "5002"); m != 1 {
		return fmt.Errorf("%d bindings of the two users at once, wanted 1", m)
	}
	return nil
}

func moves(ctx context.Context, w *World) error {
	w.party("primary").kill()
	if err := w.call(ctx, answered); err != nil {
		return err
	}
	for _, b := range w.ipbx.Bindings() {
		if b.User != "5002" {
			return fmt.Errorf("%s is bound after the switchover", b.User)
		}
	}
	return w.overlapped()
}

// granted40: the registrar wants 40 s where the file asks for 30.
func granted40(ctx context.Context, w *World) error {
	log, err := w.ipbx.Log()
	if err != nil {
		return err
	}
	if len(log) != 1 || log[0].Kind != "bound" || log[0].Expires != 40*time.Second {
		return fmt.Errorf("bindings %+v, wanted one of 40 s", log)
	}
	return w.call(ctx, answered)
}

// fence: the registrar says nothing while the primary's user must go; its
// binding is waited out, and only then is the secondary's user registered.
func fence(ctx context.Context, w *World) error {
	if err := w.ipbx.SetFault(ipbx.RegistrarSilent, 0); err != nil {
		return err
	}
	began := time.Now()
	w.party("primary").kill()
	p, err := w.dial(answered)
	if err != nil {
		return err
	}
	if err := w.until(ctx, 30*time.Second, "the secondary's user is claimed", func(s status) bool { return s.Registration.Phase == "claim" }); err != nil {
		return err
	}
	waited := time.Since(began)
	if err := w.ipbx.SetFault(ipbx.Healthy, 0); err != nil {
		return err
	}
	if err := p.wait(ctx); err != nil {
		return err
	}
	log, err := w.ipbx.Log()
	if err != nil {
		return err
	}
	for _, b := range log {
		if b.Kind == "removed" {
			return fmt.Errorf("a binding was removed though the registrar was silent")
		}
	}
	if waited < 5*time.Second {
		return fmt.Errorf("claimed after %s although a binding of 10 s could not be proven gone", waited)
	}
	return w.overlapped()
}

// refreshed: each refresh meets a nonce that has gone stale.
func refreshed(ctx context.Context, w *World) error {
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		log, err := w.ipbx.Log()
		if err != nil {
			return err
		}
		n := 0
		for _, b := range log {
			if b.Kind == "expired" || b.Kind == "removed" {
				return fmt.Errorf("the binding was %s", b.Kind)
			}
			if b.Kind == "refreshed" {
				n++
			}
		}
		if n >= 2 {
			return w.until(ctx, time.Second, "bound and no alarm", func(s status) bool {
				return s.Registration.Phase == "bound" && len(s.Alarms) == 0
			})
		}
		select {
		case <-tick.C:
		case <-limit:
			return fmt.Errorf("refreshed %d times in 20 s, wanted 2", n)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ipbxRestarts: the registrar forgets; the user is registered again by itself.
func ipbxRestarts(ctx context.Context, w *World) error {
	if err := w.ipbx.Restart(false); err != nil {
		return err
	}
	err := w.until(ctx, 12*time.Second, "the primary's user is bound again", func(status) bool {
		b := w.ipbx.Bindings()
		return len(b) == 1 && b[0].User == "5001"
	})
	if err != nil {
		return err
	}
	return w.call(ctx, answered)
}
