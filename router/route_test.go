package router

import "testing"

func TestRoute(t *testing.T) {
	const p, s = Primary, Secondary
	normal := View{Phase: Normal, Active: p, Act: true}
	in := func(phase Phase, active Server) View { return View{Phase: phase, Active: active, Act: true} }
	confirmed := View{Phase: Switching, Active: p, Act: true, Verdict: VerdictDeadApp, Ruling: RuleSwitching}
	drained := normal
	drained.Drained[p] = true
	over := Call{Entry: OverflowEntry}
	tests := []struct {
		name string
		call Call
		view View
		want Decision
	}{
		{"normal", Call{}, normal, Decision{Offer, p, 0, ReasonActiveServes}},
		{"verifying: an answer is proof of life", Call{}, in(Verifying, p), Decision{Offer, p, 0, ReasonActiveServes}},
		{"on secondary", Call{}, in(OnSecondary, s), Decision{Offer, s, 0, ReasonActiveServes}},
		{"verifying the secondary", Call{}, in(Verifying, s), Decision{Offer, s, 0, ReasonActiveServes}},
		{"maintenance", Call{}, in(Maintenance, s), Decision{Offer, s, 0, ReasonActiveServes}},
		{"asked for a pause", Call{Spared: true, Occupancy: Full, AnsweredLately: true}, normal, Decision{Offer, p, 0, ReasonSpared}},
		{"lines full", Call{Occupancy: Full, AnsweredLately: true}, normal, Decision{Offer, p, 0, ReasonLinesFull}},
		{"full, but silent of late", Call{Occupancy: Full}, normal, Decision{Offer, p, 0, ReasonActiveServes}},
		{"count not reconciled", Call{Occupancy: Unreconciled, AnsweredLately: true}, normal, Decision{Offer, p, 0, ReasonActiveServes}},
		{"switching on a verdict", Call{}, confirmed, Decision{Keep, NoServer, 0, ReasonConfirmed}},
		{"switching on a command", Call{}, in(Switching, p), Decision{Keep, NoServer, 0, ReasonOperator}},
		{"returning", Call{}, in(Returning, s), Decision{Keep, NoServer, 0, ReasonOperator}},
		{"both down fails open", Call{}, in(BothDown, p), Decision{Offer, p, 0, ReasonBothDown}},
		{"both down, secondary active", Call{}, in(BothDown, s), Decision{Offer, s, 0, ReasonBothDown}},
		{"drained", Call{}, drained, Decision{Desk, NoServer, 480, ReasonDrained}},
		{"drained: what belongs to its calls goes on", Call{Replaces: true, Owner: p}, drained, Decision{Relay, p, 0, ReasonReplaces}},
		{"drained: its own calls go on", Call{From: p}, drained, Decision{Place, NoServer, 0, ReasonOutgoing}},
		{"drained, left by a switchover", Call{}, View{Phase: Switching, Active: p, Act: true, Drained: drained.Drained}, Decision{Keep, NoServer, 0, ReasonOperator}},
		{"the other one drained", Call{}, View{Phase: OnSecondary, Active: s, Drained: drained.Drained}, Decision{Offer, s, 0, ReasonActiveServes}},
		{"looped", Call{Looped: true}, normal, Decision{Desk, NoServer, 480, ReasonLooped}},
		{"replaces", Call{Replaces: true, Owner: s}, normal, Decision{Relay, s, 0, ReasonReplaces}},
		{"replaces, owner unknown", Call{Replaces: true}, normal, Decision{Relay, p, 0, ReasonReplaces}},
		{"replaces before the loop guard", Call{Replaces: true, Looped: true, Owner: p}, normal, Decision{Relay, p, 0, ReasonReplaces}},
		{"replaces during a switchover", Call{Replaces: true, Owner: p}, confirmed, Decision{Relay, p, 0, ReasonReplaces}},

		{"overflow entry", over, normal, Decision{Keep, NoServer, 0, ReasonNoAnswer}},
		{"overflow entry, verifying", over, in(Verifying, p), Decision{Keep, NoServer, 0, ReasonNoAnswer}},
		{"overflow entry, switching", over, confirmed, Decision{Keep, NoServer, 0, ReasonConfirmed}},
		{"overflow entry, on secondary", over, in(OnSecondary, s), Decision{Offer, s, 0, ReasonActiveServes}},
		{"overflow entry, returning", over, in(Returning, s), Decision{Keep, NoServer, 0, ReasonOperator}},
		{"overflow entry, both down", over, in(BothDown, p), Decision{Desk, NoServer, 500, ReasonBothDown}},
		{"overflow entry, maintenance", over, in(Maintenance, p), Decision{Refuse, NoServer, 486, ReasonMaintenance}},
		{"overflow entry, observation", over, View{Active: p}, Decision{Refuse, NoServer, 486, ReasonObservation}},
		{"overflow entry, manual level", Call{Entry: OverflowEntry, Manual: true}, normal, Decision{Refuse, NoServer, 486, ReasonLevel}},
		{"overflow entry, manual switchover", Call{Entry: OverflowEntry, Manual: true}, in(Switching, p), Decision{Keep, NoServer, 0, ReasonOperator}},
		{"overflow entry, looped", Call{Entry: OverflowEntry, Looped: true}, normal, Decision{Desk, NoServer, 480, ReasonLooped}},

		{"outgoing", Call{From: p}, normal, Decision{Place, NoServer, 0, ReasonOutgoing}},
		{"outgoing of the server being left", Call{From: p}, confirmed, Decision{Place, NoServer, 0, ReasonOutgoing}},
		{"outgoing of the next server, too early", Call{From: s}, confirmed, Decision{Refuse, NoServer, 403, ReasonPassiveOutgoing}},
		{"outgoing of the passive server", Call{From: s}, normal, Decision{Refuse, NoServer, 403, ReasonPassiveOutgoing}},
		{"transfer by the passive server", Call{From: p, HeldByPassive: true}, in(OnSecondary, s), Decision{Place, NoServer, 0, ReasonPassiveTransfer}},
	}
	for _, tt := range tests {
		if got := Route(tt.call, tt.view); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// A caller is not held for a move that outlasts his budget.
func TestRouteLongMove(t *testing.T) {
	const budget = Instant(20e9)
	for _, phase := range []Phase{Switching, Returning} {
		for _, entry := range []Entry{Inline, OverflowEntry} {
			v := View{Phase: phase, Active: Primary, Act: true}
			for moveBy, want := range map[Instant]Action{0: Keep, budget: Keep, budget + 1: Desk} {
				v.MoveBy = moveBy
				if got := Route(Call{Entry: entry, HoldBudget: budget}, v); got.Action != want {
					t.Errorf("%v, entry %v, move by %d: %+v", phase, entry, moveBy, got)
				}
			}
			if got := Route(Call{Entry: entry}, v); got.Action != Keep {
				t.Errorf("%v, entry %v, budget not known: %+v", phase, entry, got)
			}
		}
	}
	if got := Route(Call{HoldBudget: budget}, View{Active: Primary, Act: true, MoveBy: budget + 1}); got.Action != Offer {
		t.Errorf("no move runs: %+v", got)
	}
}

// Whatever the view: every decision names its reason, a refusal its status, and
// nothing is offered to a server that is not active.
func TestRouteTotal(t *testing.T) {
	for phase := Normal; phase <= Maintenance; phase++ {
		for _, active := range []Server{Primary, Secondary} {
			for bits := range 512 {
				on := func(i int) bool { return bits>>i&1 != 0 }
				v := View{Phase: phase, Active: active, Act: on(0)}
				c := Call{
					Replaces: on(1), Looped: on(2), AnsweredLately: on(3), HeldByPassive: on(4), Manual: on(5),
					Entry: Entry(bits >> 6 & 1), Occupancy: []Occupancy{Unreconciled, Full}[bits>>7&1], From: []Server{NoServer, Secondary}[bits>>8&1],
				}
				d := Route(c, v)
				if d.Reason == ReasonNone || (d.Action == Refuse || d.Action == Desk) != (d.Status != 0) {
					t.Fatalf("%+v %+v: %+v", c, v, d)
				}
				if (d.Action == Offer || d.Action == Relay) && d.Target != active {
					t.Fatalf("%+v %+v: %+v to a server that is not active", c, v, d)
				}
			}
		}
	}
}

func TestVerdictWords(t *testing.T) {
	want := map[Verdict]string{
		VerdictHealthy: "functional", VerdictBusy: "functional", VerdictSlow: "functional",
		VerdictDegraded: "switchable", VerdictGray: "switchable",
		VerdictDeadApp: "dead", VerdictDeadHost: "dead", VerdictDeadAlone: "dead",
	}
	for v := VerdictUnknown; v <= VerdictSelfSick; v++ {
		got := ""
		switch {
		case v.Dead() && v.Switchable():
			got = "dead"
		case v.Switchable():
			got = "switchable"
		case v.Functional():
			got = "functional"
		}
		if got != want[v] || v.Functional() && v.Switchable() {
			t.Errorf("%s: %q, want %q", v, got, want[v])
		}
	}
}
