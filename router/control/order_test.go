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

// A node that begins anew finishes what was begun, and begins nothing: an order, or
// a confirmed switchover, of which only the intent was stored is taken back.
func TestIntentOfAFormerLifeIsNotBegun(t *testing.T) {
	for _, reason := range []router.Reason{router.ReasonOperator, router.ReasonConfirmed} {
		for _, begun := range []bool{false, true} {
			n := start(t, licence.Pair)
			n.run(30 * time.Second)
			row := n.store
			row.Role = role.Row{Phase: router.Switching, Active: router.Primary, Epoch: row.Role.Epoch + 1, Reason: reason}
			want := router.Normal
			if begun {
				row.Licence.Epoch, row.Licence.Holder, row.Licence.Leaving = row.Role.Epoch, router.Secondary, router.Primary
				row.Licence.Phase = licence.Drain
				want = router.OnSecondary
			}
			n.s = New(policy(licence.Pair), 8)
			n.feed(Event{Kind: Boot, On: true, Row: row, Version: n.version})
			n.run(2 * time.Minute)
			if v := n.s.View(); v.Phase != want || n.maxBound > 1 || n.bound[router.Primary] == n.bound[router.Secondary] {
				t.Errorf("%s, begun %v: %v, bound %v, most %d", reason, begun, v.Phase, n.bound, n.maxBound)
			}
			if row, _ := n.s.Stored(); row.Role.Phase != want {
				t.Errorf("%s, begun %v: stored %+v", reason, begun, row.Role)
			}
		}
	}
}
