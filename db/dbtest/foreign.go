package dbtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/db"
	"releve/router"
)

// What a foreign machine may write in a call: bytes that a database's text does
// not take, and more of them than its indexes do. One such record must hold up
// no other.

// hostile texts, and how they are shown again: JSON has no byte that is not UTF-8.
var hostile = []struct{ text, shown string }{
	{"a\x00b", "a\x00b"},
	{"\x00", "\x00"},
	{"c\xff\xfe@h", "c\ufffd\ufffd@h"},
	{"d\xff\xffe", "d\ufffd\ufffde"},
	{"é\xc3", "é\ufffd"},
	{"\xed\xa0\x80", "\ufffd\ufffd\ufffd"}, // half of a pair of UTF-16
	{"\xff\xff", "\ufffd\ufffd"},
	{`\x41`, `\x41`}, // as PostgreSQL writes bytes
	{`\000`, `\000`},
	{`\u0000`, `\u0000`},
	{"'\"\\%_$1", "'\"\\%_$1"},
	{"\U0010ffff\ufeff\u202e\r\n\t", "\U0010ffff\ufeff\u202e\r\n\t"},
}

func foreignBytes(t *testing.T, s db.Store) {
	var b db.Batch
	for i, h := range hostile {
		b.Calls = append(b.Calls, router.CallRecord{
			CallID: "id-" + h.text, From: "from-" + h.text, To: h.text, Outcome: "answered", Reason: router.Reason(h.text), Started: minute(i),
		})
		b.Events = append(b.Events, db.Event{Time: minute(i), Code: fmt.Sprint("x", i), Actor: "actor-" + h.text, Params: map[string]string{"cause": h.text}})
	}
	b.Segment, b.Offset = "s", 1
	must(t, s.Append(t.Context(), b))
	must(t, s.Append(t.Context(), b))
	calls, err := s.Calls(t.Context(), "", 0)
	must(t, err)
	events, err := s.Events(t.Context(), time.Time{}, 0)
	must(t, err)
	if len(calls) != len(hostile) || len(events) != len(hostile) {
		t.Fatalf("%d calls and %d events of %d", len(calls), len(events), len(hostile))
	}
	for i, h := range hostile {
		c, e := calls[len(calls)-1-i], events[len(events)-1-i]
		if c.CallID != "id-"+h.shown || c.From != "from-"+h.shown || c.To != h.shown || string(c.Reason) != h.shown {
			t.Errorf("%q came back as %q %q %q %q", h.text, c.CallID, c.From, c.To, c.Reason)
		}
		if e.Actor != "actor-"+h.text || e.Params["cause"] != h.shown {
			t.Errorf("event %q came back as %q %q", h.text, e.Actor, e.Params)
		}
		wantCalls(t, s, "from-"+h.text, 10, "id-"+h.shown) // by the bytes as they came
		wantCalls(t, s, "id-"+h.text, 10, "id-"+h.shown)
		if found, err := s.EventsOf(t.Context(), []string{fmt.Sprint("x", i)}, time.Time{}, 0); err != nil || len(found) != 1 {
			t.Errorf("events of %q: %d, %v", h.text, len(found), err)
		}
	}
	wantCalls(t, s, "id-c", 10, "id-c\ufffd\ufffd@h")
	wantCalls(t, s, "id-d", 10, "id-d\ufffd\ufffde")
	if tally, err := s.Tally(t.Context(), time.Time{}); err != nil || len(tally) == 0 {
		t.Errorf("Tally = %+v, %v", tally, err)
	}
}

// A text as long as a message may be, in every place; random, so that no store can
// make it short.
func endlessText(t *testing.T, s db.Store) {
	var long strings.Builder
	for i := range uint32(6000) {
		fmt.Fprintf(&long, "%08x", i*2654435761)
	}
	text := long.String()
	must(t, s.Append(t.Context(), db.Batch{
		Calls: []router.CallRecord{
			{CallID: text + "1", From: text, To: text, Started: minute(0)},
			{CallID: text + "2", From: text[1:], To: "5000", Started: minute(1)},
			call("a", 2),
		},
		Events: []db.Event{{Time: noon, Code: text, Actor: text, Params: map[string]string{text: text}}},
	}))
	for filter, want := range map[string]string{
		text: "21", text + "2": "2", text[:70]: "21", text[:9]: "21", text + "3": "", text[1:] + "1": "", "\xff" + text: "",
	} {
		calls, err := s.Calls(t.Context(), filter, 10)
		must(t, err)
		got := ""
		for _, c := range calls {
			got += strings.TrimPrefix(c.CallID, text)
		}
		if got != want {
			t.Errorf("a filter of %d bytes finds %.9q, want %q", len(filter), got, want)
		}
	}
	wantCalls(t, s, "a", 1, "a")
}

func foreignAlarms(t *testing.T, s db.Store) {
	var all []db.Alarm
	for i, h := range hostile {
		all = append(all, db.Alarm{Number: uint16(i), Object: h.text, Severity: "major", Raised: noon, AckBy: h.text, AckNote: h.text})
	}
	all = append(all, db.Alarm{Number: 999, Object: strings.Repeat("x", 10_000), Raised: noon})
	must(t, s.SaveAlarms(t.Context(), all))
	got, err := s.Alarms(t.Context())
	must(t, err)
	if len(got) != len(all) {
		t.Fatalf("%d alarms of %d", len(got), len(all))
	}
	for i, a := range got {
		if a != all[i] {
			t.Errorf("alarm %+v came back as %+v", all[i], a)
		}
	}
}
