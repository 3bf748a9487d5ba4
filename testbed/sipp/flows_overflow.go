package sipp

import (
	"context"
	"time"
)

// overflowFlows: the active server did not take the call, and lives.
func overflowFlows() []Flow {
	return []Flow{
		{
			Name: "looped-to-rescue", Site: Site{Rescue: true}, Play: loops,
			Want: []string{
				"dissuaded verdict-functional none 486", "dissuaded verdict-functional none 486",
				"dissuaded verdict-functional none 486", "rescued looped rescue 200",
			},
			Saw: []Count{received("desk", "INVITE", 1)},
		},
		requeuedAfter("unexplained-busy", "486 Busy Here", ""),
		requeuedAfter("500-requeued", "500 Server Internal Error", ""),
		{
			Name: "503-never-relayed", Alone: true, Site: Site{Budget: 2 * time.Second},
			Primary: Script{Name: "uas-refuse", With: Params{"Status": "503 Service Unavailable"}},
			Calls:   []Script{dissuaded()}, Want: []string{"dissuaded hold-budget-spent primary 486"},
		},
		{
			Name: "lines-full-requeued", Site: Site{Lines: 1}, Play: func(ctx context.Context, w *World) error { return second(ctx, w, "1500", answered) },
			Want: []string{served, "answered requeued primary 200"}, Verifications: n(0),
			Saw: []Count{received("primary", "INVITE", 2)},
		},
		{
			Name: "lines-full-refused", Site: Site{Lines: 1, Budget: time.Second}, Play: func(ctx context.Context, w *World) error { return second(ctx, w, "2500", dissuaded()) },
			Want: []string{served, "dissuaded hold-budget-spent none 486"}, Verifications: n(0),
			Saw: []Count{received("primary", "INVITE", 1)},
		},
		{
			Name: "waiting-list-full", Site: Site{Lines: 1}, Play: thirdCaller,
			Want: []string{served, "answered requeued primary 200", "dissuaded waiting-list-full none 486"},
		},
		{
			Name: "no-answer-100-then-silence", Alone: true, Site: Site{Budget: 2 * time.Second},
			Primary: Script{Name: "uas-cancelled", With: Params{"Status": "100 Trying", "Ring": "10"}},
			Calls:   []Script{dissuaded()}, Want: []string{"dissuaded hold-budget-spent primary 486"},
			Saw: []Count{received("primary", "CANCEL", 1)},
		},
		{
			Name: "invite-swallowed-options-answered", Alone: true, Site: Site{Budget: 2 * time.Second},
			Primary: Script{Name: "uas-never"},
			Calls:   []Script{dissuaded()}, Want: []string{"dissuaded hold-budget-spent primary 486"},
		},
		{
			Name: "observation-relays-the-486", Alone: true, Site: Site{Observe: true}, Primary: Script{Name: "uas-refuse"},
			Calls: []Script{{Name: "uac-refused"}}, Want: []string{"refused unexplained-busy primary 486"},
			Saw: []Count{received("primary", "INVITE", 1)},
		},
		{
			Name: "no-answer-180-for-ever", Site: Site{Budget: 2 * time.Second, Rescue: true},
			Primary: Script{Name: "uas-cancelled", With: Params{"Status": "180 Ringing", "Ring": "10"}},
			Calls:   []Script{answered}, Want: []string{"rescued hold-budget-spent rescue 200"},
			Saw: []Count{received("primary", "CANCEL", 1), received("desk", "INVITE", 1)},
		},
		{
			Name: "held-caller-hears-182", Alone: true, Site: Site{Budget: 2 * time.Second, Signal: "182"},
			Primary: Script{Name: "uas-cancelled", With: Params{"Status": "100 Trying", "Ring": "10"}},
			Calls:   []Script{{Name: "uac-signalled", With: Params{"Code": "486"}}}, Want: []string{"dissuaded hold-budget-spent primary 486"},
			Saw: []Count{received("caller1", "SIP/2.0 182", 1)},
		},
		{
			Name: "overflow-entry-dissuaded", Play: func(ctx context.Context, w *World) error { return overflowed(ctx, w, dissuaded()) },
			Want: []string{"dissuaded verdict-functional none 486"}, Verifications: n(1),
			Saw: []Count{received("primary", "INVITE", 0)},
		},
	}
}

// requeuedAfter: the server refuses once; its next answer is asked for when T4
// has passed, and serves the caller.
func requeuedAfter(name, status, extra string) Flow {
	return Flow{
		Name: name, Alone: true, Primary: Script{Name: "uas-refuse-then-answer", With: Params{"Status": status, "Extra": extra}},
		Calls: []Script{answered}, Want: []string{"answered requeued primary 200"},
		Saw: []Count{received("primary", "INVITE", 2)},
	}
}

// second places a call that keeps the only line for a while, then another.
func second(ctx context.Context, w *World, keeps string, other Script) error {
	first, err := w.dial(Script{Name: "uac-answered", With: Params{"Pause": keeps}})
	if err != nil {
		return err
	}
	if err := w.inProgress(ctx, 1); err != nil {
		return err
	}
	other.With = other.With.and("From", "200")
	if err := w.call(ctx, other); err != nil {
		return err
	}
	return first.wait(ctx)
}

// thirdCaller: one talks, one waits, and the list has room for one.
func thirdCaller(ctx context.Context, w *World) error {
	first, err := w.dial(Script{Name: "uac-answered", With: Params{"Pause": "2500"}})
	if err != nil {
		return err
	}
	if err := w.inProgress(ctx, 1); err != nil {
		return err
	}
	waits, err := w.dial(Script{Name: "uac-answered", With: Params{"From": "200"}})
	if err != nil {
		return err
	}
	if err := waits.heard(ctx, "SIP/2.0 100"); err != nil {
		return err
	}
	refused := dissuaded()
	refused.With = refused.With.and("From", "300")
	if err := w.call(ctx, refused); err != nil {
		return err
	}
	if err := waits.wait(ctx); err != nil {
		return err
	}
	return first.wait(ctx)
}

func overflowed(ctx context.Context, w *World, s Script) error {
	p, err := w.dialTo(w.net.entry, s)
	if err != nil {
		return err
	}
	return p.wait(ctx)
}

// loops: the IPBX presents the same call again and again.
func loops(ctx context.Context, w *World) error {
	for range 3 {
		if err := overflowed(ctx, w, dissuaded()); err != nil {
			return err
		}
	}
	return overflowed(ctx, w, answered)
}
