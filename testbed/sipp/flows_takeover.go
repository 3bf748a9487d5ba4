package sipp

import (
	"context"
	"net/netip"
	"time"
)

const delivered = "answered delivered-to-secondary secondary 200"

// takeoverFlows: the primary is dead, and confirmed so.
func takeoverFlows() []Flow {
	return []Flow{
		{
			Name: "refused-port", Calls: []Script{answered, {Name: "uac-answered", With: Params{"From": "101"}}}, Play: afterKilling("primary"),
			Want: []string{delivered, "answered active-serves secondary 200"}, Switchovers: 1,
			Saw: []Count{received("secondary", "INVITE", 2)},
		},
		{
			Name: "silent-server", Site: Site{Extra: 1}, Calls: []Script{answered}, Play: afterPausing(false),
			Primary: Script{Name: "uas-never"}, Want: []string{delivered}, Switchovers: 1,
		},
		{
			Name: "cancel-while-held", Site: Site{Extra: 2}, Play: cancelWhileHeld,
			Primary: Script{Name: "uas-cancelled", With: Params{"Status": "180 Ringing", "Ring": "10"}},
			Want:    []string{"cancelled caller-cancelled primary 487"},
			Saw:     []Count{received("primary", "CANCEL", 1)},
		},
		{
			Name: "two-callers-one-verification", Play: twoCallers, Primary: Script{Name: "uas-never"},
			Want: []string{delivered, delivered}, Switchovers: 1, Verifications: n(1),
			Saw: []Count{received("secondary", "INVITE", 2)},
		},
		{
			Name: "overflow-entry-delivered", Play: func(ctx context.Context, w *World) error {
				w.party("primary").kill()
				return overflowed(ctx, w, answered)
			},
			Want: []string{delivered}, Switchovers: 1,
		},
		{
			Name: "rescue-when-both-are-down", Site: Site{Rescue: true}, Calls: []Script{answered}, Play: afterKilling("primary", "secondary"),
			Want: []string{"rescued both-down rescue 200"},
			Saw:  []Count{received("desk", "INVITE", 1), received("desk", "BYE", 1)},
		},
		{
			Name: "calls-of-a-dead-server-released", Play: deadCalls, Want: []string{"answered server-dead primary 200"}, Switchovers: 1,
			Saw: []Count{received("caller1", "BYE", 1)},
		},
		{
			Name: "call-outlives-the-switchover", Play: outlives, Switchovers: 1,
			Want: []string{served, "answered passive-transfer primary 200", "failed passive-outgoing primary 403", "answered active-serves secondary 200"},
			Saw:  []Count{received("primary", "BYE", 1), received("secondary", "INVITE", 1)},
		},
		{
			Name: "both-down-without-rescue", Calls: []Script{{Name: "uac-refused", With: Params{"Code": "500", "Without": "Retry-After"}}}, Play: afterKilling("primary", "secondary"),
			Want: []string{"failed both-down primary 500"},
		},
	}
}

func afterKilling(names ...string) func(context.Context, *World) error {
	return func(ctx context.Context, w *World) error {
		for _, name := range names {
			w.party(name).kill()
		}
		return inTurn(ctx, w)
	}
}

// afterPausing stops the primary as a hypervisor does; resumed it goes on.
func afterPausing(resumed bool) func(context.Context, *World) error {
	return func(ctx context.Context, w *World) error {
		w.party("primary").pause()
		if err := inTurn(ctx, w); err != nil {
			return err
		}
		if resumed {
			w.party("primary").resume()
			return nil
		}
		w.party("primary").kill()
		return nil
	}
}

// cancelWhileHeld: the caller gives up during the verification; the server that
// wakes up later must ring for nobody.
func cancelWhileHeld(ctx context.Context, w *World) error {
	w.party("primary").pause()
	p, err := w.dial(Script{Name: "uac-cancel", With: Params{"Pause": "1200", "Code": "487"}})
	if err != nil {
		return err
	}
	if err := p.wait(ctx); err != nil {
		return err
	}
	w.party("primary").resume()
	if err := w.party("primary").heard(ctx, "CANCEL"); err != nil {
		return err
	}
	return w.until(ctx, 5*time.Second, "the verification ended without a switchover", func(s status) bool { return s.Phase == "normal" })
}

// deadCalls: the server dies with a call on it; the caller is not left in silence.
func deadCalls(ctx context.Context, w *World) error {
	p, err := w.dial(Script{Name: "uac-hung-up-why", With: Params{"Pattern": "."}})
	if err != nil {
		return err
	}
	if err := w.inProgress(ctx, 1); err != nil {
		return err
	}
	w.party("primary").kill()
	return p.wait(ctx)
}

// outlives: an operator moves the role while the primary holds a call. That call
// stays with its server, which may place one call to finish its transfer.
func outlives(ctx context.Context, w *World) error {
	p, err := w.dial(Script{Name: "uac-answered", With: Params{"Pause": "4500"}})
	if err != nil {
		return err
	}
	if err := w.inProgress(ctx, 1); err != nil {
		return err
	}
	if err := w.door.command(ctx, `{"name":"switchover","reason":"test"}`); err != nil {
		return err
	}
	if err := w.until(ctx, 5*time.Second, "on the secondary", func(s status) bool { return s.Phase == "on-secondary" }); err != nil {
		return err
	}
	if err := w.call(ctx, Script{Name: "uac-answered", With: Params{"From": "200"}}); err != nil {
		return err
	}
	at := netip.AddrPortFrom(w.net.primary.Addr(), 5061)
	transfer, err := w.place("transfer", Script{Name: "uac-answered", With: Params{"To": "2001", "Pause": "1000"}}, at, w.net.releve, "")
	if err != nil {
		return err
	}
	if err := w.inProgress(ctx, 2); err != nil {
		return err
	}
	at = netip.AddrPortFrom(w.net.primary.Addr(), 5062)
	refused, err := w.place("another", Script{Name: "uac-refused", With: Params{"To": "2002", "Code": "403"}}, at, w.net.releve, "")
	if err != nil {
		return err
	}
	if err := refused.wait(ctx); err != nil {
		return err
	}
	if err := transfer.wait(ctx); err != nil {
		return err
	}
	return p.wait(ctx)
}

func twoCallers(ctx context.Context, w *World) error {
	w.party("primary").pause()
	one, err := w.dial(answered)
	if err != nil {
		return err
	}
	two, err := w.dial(Script{Name: "uac-answered", With: Params{"From": "200"}})
	if err != nil {
		return err
	}
	if err := one.wait(ctx); err != nil {
		return err
	}
	if err := two.wait(ctx); err != nil {
		return err
	}
	w.party("primary").kill()
	return nil
}
