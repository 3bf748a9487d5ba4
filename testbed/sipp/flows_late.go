package sipp

import (
	"context"
	"time"
)

// lateFlows: a 2xx that comes when nobody expects it is never dropped.
func lateFlows() []Flow {
	return []Flow{
		{
			Name: "late-200-nothing-final-yet", Alone: true, Primary: Script{Name: "uas-late", With: Params{"Pause": "3500"}},
			Calls: []Script{answered}, Want: []string{"answered requeued primary 200"},
			Saw: []Count{received("primary", "INVITE", 1)},
		},
		{
			Name: "answered-during-verification", Site: Site{Extra: 2, Count: 4}, Primary: Script{Name: "uas-mute", With: Params{"Pause": "1300"}},
			Calls: []Script{answered}, Want: []string{"answered answered-while-held primary 200"}, Verifications: n(1),
		},
		{
			Name: "late-200-after-another-200", Play: lateAfterDelivery, Primary: Script{Name: "uas-at-once", Loose: true},
			Want: []string{delivered}, Switchovers: 1,
			// Each 200 that the primary repeats is acknowledged again.
			Saw: []Count{atLeast("primary", false, "ACK", 1), atLeast("primary", false, "BYE", 1), received("caller1", "SIP/2.0 200", 2)},
		},
		{
			Name: "late-200-after-our-486", Alone: true, Site: Site{Budget: 2 * time.Second},
			Primary: Script{Name: "uas-answers-cancel", With: Params{"Status": "100 Trying"}},
			Calls:   []Script{dissuaded()}, Want: []string{"dissuaded hold-budget-spent primary 486"},
			Saw: []Count{received("primary", "ACK", 1), received("primary", "BYE", 1), received("caller1", "SIP/2.0 200", 0)},
		},
	}
}

// lateAfterDelivery: the paused primary wakes up while the caller talks to the
// secondary, and answers.
func lateAfterDelivery(ctx context.Context, w *World) error {
	w.party("primary").pause()
	p, err := w.dial(Script{Name: "uac-answered", With: Params{"Pause": "1500"}})
	if err != nil {
		return err
	}
	if err := w.inProgress(ctx, 1); err != nil {
		return err
	}
	w.party("primary").resume()
	return p.wait(ctx)
}
