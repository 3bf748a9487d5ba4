package dbtest

import (
	"slices"
	"testing"
	"time"

	"releve/db"
	"releve/router"
)

// What a report asks of a store.

func callsTally(t *testing.T, s db.Store) {
	served := router.CallRecord{Outcome: "answered", Reason: router.ReasonActiveServes, Setup: 2 * time.Second}
	slow := served
	slow.Setup, slow.Held = 9*time.Second, time.Second
	out := served
	out.Outgoing, out.Reason = true, router.ReasonOutgoing
	would := router.CallRecord{Outcome: "refused", Reason: router.ReasonObservation, WouldHave: router.ReasonServerBusy}
	calls := []router.CallRecord{served, served, slow, out, would}
	for i := range calls {
		calls[i].CallID, calls[i].Started = string(rune('a'+i)), minute(i)
	}
	must(t, s.Append(t.Context(), db.Batch{Calls: calls}))
	got, err := s.Tally(t.Context(), minute(1))
	must(t, err)
	want := []db.Tally{
		{Outcome: "answered", Reason: router.ReasonActiveServes, Calls: 2, Held: 1, Longest: 9 * time.Second},
		{Outcome: "answered", Reason: router.ReasonOutgoing, Outgoing: true, Calls: 1, Longest: 2 * time.Second},
		{Outcome: "refused", Reason: router.ReasonObservation, WouldHave: router.ReasonServerBusy, Calls: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("Tally = %+v, want %+v", got, want)
	}
	if got, err = s.Tally(t.Context(), minute(99)); err != nil || len(got) != 0 {
		t.Errorf("Tally of nothing = %+v, %v", got, err)
	}
}

func eventsOfCodes(t *testing.T, s db.Store) {
	var events []db.Event
	for i, code := range []string{"round", "started", "round", "it's", "round"} {
		events = append(events, db.Event{Time: minute(i), Code: code})
	}
	must(t, s.Append(t.Context(), db.Batch{Events: events}))
	for _, c := range []struct {
		codes []string
		since time.Time
		limit int
		want  []string
	}{
		{[]string{"round"}, time.Time{}, 0, []string{"round", "round", "round"}},
		{[]string{"round", "it's"}, minute(2), 0, []string{"round", "it's", "round"}},
		{[]string{"round"}, time.Time{}, 2, []string{"round", "round"}},
		{nil, time.Time{}, 0, nil},
	} {
		found, err := s.EventsOf(t.Context(), c.codes, c.since, c.limit)
		must(t, err)
		var got []string
		for _, e := range found {
			got = append(got, e.Code)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("EventsOf(%q) = %q, want %q", c.codes, got, c.want)
		}
	}
}
