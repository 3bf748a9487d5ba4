package control

import (
	"testing"
	"time"

	"releve/router"
	"releve/router/licence"
	"releve/router/role"
)

// A switchover that was ordered while the store did not answer was carried out
// when it came back, however long after: nobody expects it any more.
func TestOrderIsNotCarriedOutLate(t *testing.T) {
	for after, want := range map[time.Duration]router.Phase{
		3 * time.Second: router.OnSecondary, 30 * time.Second: router.Normal,
	} {
		n := start(t, licence.Pair)
		n.run(30 * time.Second)
		n.noSave = true
		n.feed(Event{Kind: Operate, Command: role.Switchover})
		if r := n.refused(); r != router.ReasonNone {
			t.Fatalf("refused: %q", r)
		}
		n.run(after)
		n.noSave = false
		n.run(30 * time.Second)
		v := n.s.View()
		if v.Phase != want || n.bound[router.Secondary] != (want == router.OnSecondary) || n.maxBound > 1 {
			t.Errorf("the store came back after %v: %v, %v active, bound %v", after, v.Phase, v.Active, n.bound)
		}
		late := false
		for _, f := range n.calls {
			late = late || f.Kind == Record && f.Reason == router.ReasonOrderLate
		}
		if late != (want == router.Normal) {
			t.Errorf("after %v: the journal says late %v", after, late)
		}
		if row, _ := n.s.Stored(); row.Role.Phase != want {
			t.Errorf("after %v: stored %+v", after, row.Role)
		}
	}
}

// The machine slept on an order: what was meant for then is not done now.
func TestOrderIsNotCarriedOutAfterAPause(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	var save Effect
	for _, f := range n.s.Step(n.clock(), Event{Kind: Operate, Command: role.Switchover}, nil) {
		if f.Kind == Save {
			save = f
		}
	}
	if save.Row.Role.Phase != router.Switching {
		t.Fatalf("%+v", save)
	}
	woken := n.clock()
	woken.High = woken.High.Add(time.Minute) // its monotonic clock stood still
	for _, f := range n.s.Step(woken, Event{Kind: Saved, Version: save.Version}, nil) {
		if f.Kind == Register {
			t.Errorf("the licence moves: %+v", f.Register)
		}
	}
	if v := n.s.View(); v.Phase != router.Normal {
		t.Errorf("%+v", v)
	}
}
