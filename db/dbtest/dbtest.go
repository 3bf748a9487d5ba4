// Package dbtest is the contract of db.Store as a test suite: every store
// passes the same one.
package dbtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"releve/db"
	"releve/router"
)

// Run tests the contract. open returns an empty store that is closed by
// t.Cleanup; each part of the suite opens its own.
func Run(t *testing.T, open func(t *testing.T) db.Store) {
	for _, part := range []struct {
		name string
		test func(*testing.T, db.Store)
	}{
		{"state/empty", stateEmpty},
		{"state/compare and set", stateCompareAndSet},
		{"state/retry after an unknown outcome", stateRetry},
		{"state/one of many wins", stateContended},
		{"records/round trip", recordsRoundTrip},
		{"records/batch twice", batchTwice},
		{"records/batch without segment", batchWithoutSegment},
		{"records/batch is whole or not at all", batchCancelled},
		{"calls/order and limit", callsOrder},
		{"calls/filter", callsFilter},
		{"calls/tally", callsTally},
		{"records/foreign bytes", foreignBytes},
		{"records/without end", endlessText},
		{"alarms/foreign bytes", foreignAlarms},
		{"events/since and limit", eventsSince},
		{"events/of some codes", eventsOfCodes},
		{"events/ids rise", eventIDsRise},
		{"alarms/replace", alarmsReplace},
		{"alarms/refused whole", alarmsDuplicate},
		{"prune", prune},
		{"prune/marks stay", pruneKeepsMarks},
		{"context", contextEnds},
		{"concurrent", concurrent},
	} {
		t.Run(part.name, func(t *testing.T) {
			s := open(t)
			part.test(t, s)
		})
	}
}

// noon is the time of the suite's records: whole microseconds, as every store keeps them.
var noon = time.Date(2026, 3, 9, 12, 0, 0, 123456000, time.UTC)

func minute(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

func call(id string, n int) router.CallRecord {
	return router.CallRecord{CallID: id, From: "0612345678", To: "5000", Started: minute(n), Outcome: "answered", Status: 200}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCalls(t *testing.T, s db.Store, filter string, limit int, want ...string) {
	t.Helper()
	calls, err := s.Calls(t.Context(), filter, limit)
	must(t, err)
	got := make([]string, 0, len(calls))
	for _, c := range calls {
		got = append(got, c.CallID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Calls(%q, %d) = %q, want %q", filter, limit, got, want)
	}
}

func recordsRoundTrip(t *testing.T, s db.Store) {
	full := router.CallRecord{
		CallID: "é\"<>\\ %_@host", From: "+33123456789", To: "0145000000", Outgoing: true, Entry: "overflow",
		Server: "secondary", Epoch: 1 << 60, Outcome: "rescued", Reason: router.ReasonHoldBudget, Status: 480,
		Held: 20 * time.Second, Setup: 1, Duration: time.Hour, Started: minute(1), Verdict: "DEAD_APP",
		WouldHave: router.ReasonDelivered, Attempts: 3, EndedBy: "relève",
	}
	bare := router.CallRecord{CallID: "bare", Started: minute(0).In(time.FixedZone("CET", 3600))}
	events := []db.Event{
		{Time: minute(0), Code: "switchover-done"},
		{Time: minute(1), Code: "licence-moved", Params: map[string]string{"from": "principal", "é": ""}, Actor: "opérateur"},
	}
	must(t, s.Append(t.Context(), db.Batch{Segment: "1", Offset: 10, Calls: []router.CallRecord{bare, full}, Events: events}))

	calls, err := s.Calls(t.Context(), "", 10)
	must(t, err)
	bare.Started = minute(0)
	if want := []router.CallRecord{full, bare}; !reflect.DeepEqual(calls, want) {
		t.Errorf("Calls:\n got %+v\nwant %+v", calls, want)
	}
	got, err := s.Events(t.Context(), time.Time{}, 10)
	must(t, err)
	if len(got) != 2 || got[0].ID <= got[1].ID || got[1].ID <= 0 {
		t.Fatalf("Events: %+v, want two, the newer with the higher ID", got)
	}
	got[0].ID, got[1].ID = 0, 0
	if want := []db.Event{events[1], events[0]}; !reflect.DeepEqual(got, want) {
		t.Errorf("Events:\n got %+v\nwant %+v", got, want)
	}
}

func batchTwice(t *testing.T, s db.Store) {
	one := func(segment string, offset int64, id string) db.Batch {
		return db.Batch{Segment: segment, Offset: offset, Calls: []router.CallRecord{call(id, 0)}, Events: []db.Event{{Time: noon, Code: id}}}
	}
	for _, b := range []db.Batch{
		one("s1", 100, "a"),
		one("s1", 100, "a"), // sent again
		one("s1", 200, "b"),
		one("s1", 100, "a"), // sent again after a later one
		one("s1", 200, "b"),
		one("s2", 100, "c"), // another segment counts for itself
		one("s1", 300, "d"),
	} {
		must(t, s.Append(t.Context(), b))
	}
	wantCalls(t, s, "", 10, "d", "c", "b", "a")
	events, err := s.Events(t.Context(), time.Time{}, 10)
	must(t, err)
	if len(events) != 4 {
		t.Errorf("%d events, want 4: %+v", len(events), events)
	}
}

func batchWithoutSegment(t *testing.T, s db.Store) {
	for range 2 {
		must(t, s.Append(t.Context(), db.Batch{Calls: []router.CallRecord{call("a", 0)}}))
	}
	wantCalls(t, s, "", 10, "a", "a")
	must(t, s.Append(t.Context(), db.Batch{Segment: "empty", Offset: 1}))
}

// A batch that was ended in the middle is stored whole or not at all, and sent
// again it is there once.
func batchCancelled(t *testing.T, s db.Store) {
	b := db.Batch{Segment: "s", Offset: 1}
	for i := range 200 {
		b.Calls = append(b.Calls, call(fmt.Sprint(i), i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { first <- s.Append(ctx, b) }()
	cancel()
	if err := <-first; err != nil {
		calls, err := s.Calls(t.Context(), "", 1000)
		if err != nil || len(calls) != 0 && len(calls) != len(b.Calls) {
			t.Errorf("after an ended Append: %d of %d calls, %v", len(calls), len(b.Calls), err)
		}
	}
	must(t, s.Append(t.Context(), b))
	calls, err := s.Calls(t.Context(), "", 1000)
	if err != nil || len(calls) != len(b.Calls) {
		t.Errorf("sent again: %d of %d calls, %v", len(calls), len(b.Calls), err)
	}
}

func callsOrder(t *testing.T, s db.Store) {
	must(t, s.Append(t.Context(), db.Batch{Calls: []router.CallRecord{call("b", 2), call("a", 1), call("d", 4), call("c", 3), call("c2", 3)}}))
	all := []string{"d", "c2", "c", "b", "a"}
	wantCalls(t, s, "", 2, all[:2]...)
	for _, limit := range []int{0, -1, 5, db.MaxRows + 1} {
		wantCalls(t, s, "", limit, all...)
	}
}

func callsFilter(t *testing.T, s db.Store) {
	calls := []router.CallRecord{call("abc@x", 1), call("abd@x", 2), call("zab@x", 3), call("12%_", 4), call("éa", 5), call("éb", 6)}
	calls[0].From, calls[0].To = "0145001234", "5000"
	calls[1].From, calls[1].To = "0612345678", "5001"
	calls[2].From, calls[2].To = "anonymous", "+33145001234"
	calls[3].From, calls[3].To = "100%_ab", "'; DROP TABLE calls; --"
	must(t, s.Append(t.Context(), db.Batch{Calls: calls}))
	for _, c := range []struct {
		filter string
		limit  int
		want   []string
	}{
		{"ab", 10, []string{"12%_", "abd@x", "abc@x"}}, // prefix of a Call-ID, part of a number
		{"ab", 2, []string{"12%_", "abd@x"}},
		{"abc@x", 10, []string{"abc@x"}},
		{"abc@xx", 10, nil},
		{"bc@x", 10, nil},  // not a prefix
		{"ABC@x", 10, nil}, // case counts
		{"14500", 10, []string{"zab@x", "abc@x"}},
		{"5000", 10, []string{"éb", "éa", "abc@x"}},
		{"+33", 10, []string{"zab@x"}},
		{"%", 10, []string{"12%_"}}, // no wildcard
		{"_", 10, []string{"12%_"}},
		{"12", 10, []string{"éb", "éa", "12%_", "zab@x", "abd@x", "abc@x"}},
		{"12", 1, []string{"éb"}},
		{"é", 10, []string{"éb", "éa"}},
		{"'", 10, []string{"12%_"}},
	} {
		wantCalls(t, s, c.filter, c.limit, c.want...)
	}
}

func eventsSince(t *testing.T, s db.Store) {
	var b db.Batch
	for _, n := range []int{3, 1, 2, 2} {
		b.Events = append(b.Events, db.Event{Time: minute(n), Code: fmt.Sprint(n)})
	}
	must(t, s.Append(t.Context(), b))
	for _, c := range []struct {
		since time.Time
		limit int
		want  []string
	}{
		{time.Time{}, 10, []string{"3", "2", "2", "1"}},
		{time.Time{}, 0, []string{"3", "2", "2", "1"}},
		{minute(2), 10, []string{"3", "2", "2"}},
		{minute(2), 2, []string{"3", "2"}},
		{minute(2).Add(time.Microsecond).In(time.FixedZone("x", -3600)), 10, []string{"3"}},
		{minute(4), 10, nil},
	} {
		events, err := s.Events(t.Context(), c.since, c.limit)
		must(t, err)
		var got []string
		for i, e := range events {
			got = append(got, e.Code)
			if i > 0 && e.Time.Equal(events[i-1].Time) && e.ID > events[i-1].ID {
				t.Errorf("events of one time: ID %d after %d", e.ID, events[i-1].ID)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("Events(%v, %d) = %q, want %q", c.since, c.limit, got, c.want)
		}
	}
}

// An ID is never used again, so a reader may remember the last it saw.
func eventIDsRise(t *testing.T, s db.Store) {
	var last int64
	for n := range 3 {
		must(t, s.Append(t.Context(), db.Batch{Events: []db.Event{{Time: minute(n), Code: "x"}}}))
		events, err := s.Events(t.Context(), time.Time{}, 1)
		must(t, err)
		if len(events) != 1 || events[0].ID <= last {
			t.Fatalf("event %d: %+v after ID %d", n, events, last)
		}
		last = events[0].ID
		must(t, s.Prune(t.Context(), minute(n+1)))
	}
}

func alarmsReplace(t *testing.T, s db.Store) {
	got, err := s.Alarms(t.Context())
	if err != nil || len(got) != 0 {
		t.Errorf("Alarms of an empty store = %v, %v", got, err)
	}
	first := []db.Alarm{
		{Number: 2, Object: "secours", Severity: "minor", Raised: minute(2), Count: 1},
		{Number: 1, Object: "principal", Severity: "critical", Raised: minute(1), Cleared: minute(3), AckBy: "paul", AckNote: "vu", AckAt: minute(2), Count: 1<<32 - 1},
		{Number: 2, Object: "principal", Severity: "major", Raised: minute(2)},
	}
	must(t, s.SaveAlarms(t.Context(), first))
	got, err = s.Alarms(t.Context())
	must(t, err)
	if want := []db.Alarm{first[1], first[2], first[0]}; !reflect.DeepEqual(got, want) {
		t.Errorf("Alarms:\n got %+v\nwant %+v", got, want)
	}
	must(t, s.SaveAlarms(t.Context(), first[:1]))
	got, err = s.Alarms(t.Context())
	if err != nil || !reflect.DeepEqual(got, first[:1]) {
		t.Errorf("after replacing: %+v, %v", got, err)
	}
	must(t, s.SaveAlarms(t.Context(), nil))
	if got, err = s.Alarms(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("after emptying: %+v, %v", got, err)
	}
}

// A table that cannot be stored leaves the old one.
func alarmsDuplicate(t *testing.T, s db.Store) {
	old := []db.Alarm{{Number: 7, Object: "mirror", Raised: minute(1)}}
	must(t, s.SaveAlarms(t.Context(), old))
	if err := s.SaveAlarms(t.Context(), []db.Alarm{{Number: 1}, {Number: 1}}); err == nil {
		t.Error("the same alarm twice was taken")
	}
	got, err := s.Alarms(t.Context())
	if err != nil || !reflect.DeepEqual(got, old) {
		t.Errorf("after a refused table: %+v, %v", got, err)
	}
}

func prune(t *testing.T, s db.Store) {
	const n = 1200 // more than one step of any store
	var b db.Batch
	for i := range n {
		b.Calls = append(b.Calls, call(fmt.Sprint(i), i))
		b.Events = append(b.Events, db.Event{Time: minute(i), Code: "x"})
	}
	must(t, s.Append(t.Context(), b))
	must(t, s.SaveState(t.Context(), []byte("kept"), 0))
	must(t, s.Prune(t.Context(), minute(0)))
	for _, left := range []int{n, 2, 0} {
		must(t, s.Prune(t.Context(), minute(n-left)))
		calls, err := s.Calls(t.Context(), "", 0)
		must(t, err)
		events, err := s.Events(t.Context(), time.Time{}, 0)
		must(t, err)
		if len(calls) != left || len(events) != left {
			t.Errorf("%d calls and %d events left, want %d", len(calls), len(events), left)
		}
		if left > 0 && !calls[left-1].Started.Equal(minute(n-left)) {
			t.Errorf("a record at the limit itself stays: oldest is %v", calls[left-1].Started)
		}
	}
	wantState(t, s, "kept", 1)
}

func pruneKeepsMarks(t *testing.T, s db.Store) {
	b := db.Batch{Segment: "s", Offset: 5, Calls: []router.CallRecord{call("a", 0)}}
	must(t, s.Append(t.Context(), b))
	must(t, s.Prune(t.Context(), minute(1)))
	must(t, s.Append(t.Context(), b))
	wantCalls(t, s, "", 10)
}

func contextEnds(t *testing.T, s db.Store) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, f := range map[string]func() error{
		"LoadState":  func() error { _, _, err := s.LoadState(ended); return err },
		"SaveState":  func() error { return s.SaveState(ended, []byte("x"), 0) },
		"Append":     func() error { return s.Append(ended, db.Batch{Calls: []router.CallRecord{call("x", 0)}}) },
		"Calls":      func() error { _, err := s.Calls(ended, "", 1); return err },
		"Events":     func() error { _, err := s.Events(ended, time.Time{}, 1); return err },
		"SaveAlarms": func() error { return s.SaveAlarms(ended, nil) },
		"Alarms":     func() error { _, err := s.Alarms(ended); return err },
		"Prune":      func() error { return s.Prune(ended, noon) },
	} {
		if err := f(); !errors.Is(err, context.Canceled) || errors.Is(err, db.ErrConflict) {
			t.Errorf("%s after its context ended: %v", name, err)
		}
	}
	wantState(t, s, "", 0)
	wantCalls(t, s, "", 10)
}

// Everything at once: nothing is lost, nothing is stored twice.
func concurrent(t *testing.T, s db.Store) {
	const writers, batches = 4, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range batches {
				b := db.Batch{Segment: fmt.Sprint("w", w), Offset: int64(i + 1), Calls: []router.CallRecord{call(fmt.Sprint(w, ".", i), i)}}
				if err := errors.Join(s.Append(t.Context(), b), s.Append(t.Context(), b)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for v := range uint64(batches) {
			if err := s.SaveState(t.Context(), []byte{byte(v)}, v); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for range batches {
			_, err := s.Calls(t.Context(), "w", 5)
			if err = errors.Join(err, s.Prune(t.Context(), noon)); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	calls, err := s.Calls(t.Context(), "", 0)
	must(t, err)
	if len(calls) != writers*batches {
		t.Errorf("%d calls, want %d", len(calls), writers*batches)
	}
	wantState(t, s, string([]byte{batches - 1}), batches)
}
