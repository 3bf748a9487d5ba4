package role

import (
	"testing"
	"time"

	"releve/router"
)

// Whoever takes the lease clears what a former holder may have raised, about
// whom it was raised: the simulator found the alarm of a silent store, which is
// about no server, cleared of the active one only, and standing for ever.
func TestFormerAlarmsEndAboutWhomTheyNamed(t *testing.T) {
	type key struct {
		number uint16
		server router.Server
	}
	on := map[key]bool{}
	now := router.Instant(0)
	s := New(defaults(), Row{Phase: router.OnSecondary, Active: router.Secondary, Epoch: 3, Reason: router.ReasonConfirmed})
	step := func(e Event) {
		for _, f := range s.Step(router.Clock{Mono: now, High: now}, e, nil) {
			if f.Kind == Alarm {
				on[key{f.Alarm, f.Server}] = f.On
			}
		}
	}
	step(Event{Kind: LeaseWon})
	step(Event{Kind: Ready, Ready: true, Healthy: true})
	now = router.Instant(time.Hour)
	step(Event{Kind: Tick}) // the return is possible
	step(Event{Kind: Operator, Command: MaintenanceStart})
	step(Event{Kind: SaveUnknown}) // the store is silent
	for _, k := range []key{{alarmReturn, router.Primary}, {alarmStore, router.NoServer}} {
		if !on[k] {
			t.Errorf("%+v was never raised: %v", k, on)
		}
	}
	step(Event{Kind: Ready})
	on[key{alarmReturn, router.Primary}], on[key{alarmNobody, router.Primary}] = true, true // as the store of alarms has them
	step(Event{Kind: LeaseLost})
	step(Event{Kind: LeaseWon})
	for k, raised := range on {
		if raised {
			t.Errorf("%+v still stands", k)
		}
	}
}
