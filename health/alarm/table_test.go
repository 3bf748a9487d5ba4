package alarm

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"releve/db"
)

var start = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

func TestCatalogue(t *testing.T) {
	numbers := Numbers()
	if !slices.IsSorted(numbers) || len(slices.Compact(slices.Clone(numbers))) != len(numbers) {
		t.Errorf("not rising, or twice the same: %v", numbers)
	}
	count := map[Severity]int{}
	for _, n := range numbers {
		if n < 1001 || n > 1099 {
			t.Errorf("%d is no number of ours", n)
		}
		count[n.Severity()]++
		if n.Severity() == Indeterminate && n != Exercise {
			t.Errorf("%d has no severity", n)
		}
	}
	for _, s := range []Severity{Critical, Major, Minor, Warning} {
		if count[s] == 0 {
			t.Errorf("nothing is %s", s)
		}
	}
	if Number(9).Severity() != Indeterminate {
		t.Error("a number of nobody has a severity")
	}
}

func TestRaiseAndClear(t *testing.T) {
	table := NewTable(0)
	if !table.Raise(start, ServerSilent, "primary") {
		t.Fatal("the first raise is told")
	}
	if table.Raise(after(time.Second), ServerSilent, "primary") {
		t.Error("active already, and told again")
	}
	if !table.Raise(after(time.Second), ServerSilent, "secondary") {
		t.Error("another object is another alarm")
	}
	if table.Clear(after(time.Second), ServerSlow, "primary") {
		t.Error("cleared what was never raised")
	}
	if !table.Clear(after(time.Minute), ServerSilent, "primary") || table.Clear(after(time.Minute), ServerSilent, "primary") {
		t.Error("a clear is told once")
	}
	want := []db.Alarm{{Number: 1001, Object: "secondary", Severity: "major", Raised: after(time.Second), Count: 1}}
	if got := table.Active(); !slices.Equal(got, want) {
		t.Errorf("active %+v", got)
	}
	if got := table.All(); len(got) != 2 || !got[1].Cleared.Equal(after(time.Minute)) {
		t.Errorf("all %+v", got)
	}
}

func TestAcknowledgeIsNotClear(t *testing.T) {
	table := NewTable(0)
	table.Raise(start, NobodyServes, "relève")
	if err := table.Acknowledge(after(time.Minute), NobodyServes, "relève", "marie", "on my way"); err != nil {
		t.Fatal(err)
	}
	a := table.Active()
	if len(a) != 1 || a[0].AckBy != "marie" || a[0].AckNote != "on my way" || !a[0].AckAt.Equal(after(time.Minute)) {
		t.Errorf("%+v", a)
	}
	table.Clear(after(time.Hour), NobodyServes, "relève")
	if err := table.Acknowledge(after(time.Hour), NobodyServes, "relève", "marie", ""); !errors.Is(err, ErrNotActive) {
		t.Errorf("cleared: %v", err)
	}
	if err := table.Acknowledge(after(time.Hour), NobodyServes, "relève", "", ""); !errors.Is(err, ErrNoName) {
		t.Errorf("nobody: %v", err)
	}
	table.Raise(after(2*time.Hour), NobodyServes, "relève")
	if a := table.Active()[0]; a.AckBy != "" || !a.AckAt.IsZero() || a.Count != 2 {
		t.Errorf("a new occurrence is not acknowledged: %+v", a)
	}
}

func TestFlapping(t *testing.T) {
	table := NewTable(0)
	told := 0
	count := func(changed bool) {
		if changed {
			told++
		}
	}
	for i := range 50 {
		at := after(time.Duration(i) * time.Minute)
		count(table.Raise(at, ServerSilent, "primary"))
		if len(table.Active()) != 1 {
			t.Fatalf("hidden while its cause is there, at %v", at)
		}
		count(table.Clear(at.Add(20*time.Second), ServerSilent, "primary"))
		if ended := table.Tick(at.Add(30 * time.Second)); ended != nil {
			t.Fatalf("ended while it flaps: %+v", ended)
		}
	}
	if told != 5 { // on off, on off, on
		t.Errorf("told %d times", told)
	}
	last := after(49*time.Minute + 20*time.Second)
	next, ok := table.Next()
	if !ok || !next.Equal(last.Add(Quiet)) {
		t.Fatalf("next %v %v", next, ok)
	}
	if table.Tick(next.Add(-1)) != nil {
		t.Error("not quiet for long enough")
	}
	ended := table.Tick(next)
	if len(ended) != 1 || ended[0].Count != 50 || len(table.Active()) != 0 {
		t.Errorf("ended %+v", ended)
	}
	if _, ok := table.Next(); ok {
		t.Error("nothing is left to do")
	}
	count(table.Raise(next.Add(time.Second), ServerSilent, "primary"))
	count(table.Clear(next.Add(time.Minute), ServerSilent, "primary"))
	if told != 7 {
		t.Errorf("after the quiet it is told again: %d", told)
	}
}

func TestFlappingKeepsTheAcknowledgement(t *testing.T) {
	table := NewTable(0)
	for i := range Flaps {
		table.Raise(after(time.Duration(i)*time.Minute), ServerSlow, "primary")
		if i == Flaps-1 {
			if err := table.Acknowledge(after(time.Hour), ServerSlow, "primary", "paul", ""); err != nil {
				t.Fatal(err)
			}
		}
		table.Clear(after(time.Duration(i)*time.Minute+time.Second), ServerSlow, "primary")
	}
	table.Raise(after(4*time.Minute), ServerSlow, "primary")
	if a := table.Active(); len(a) != 1 || a[0].AckBy != "paul" {
		t.Errorf("%+v", a)
	}
}

func TestSeverityRises(t *testing.T) {
	table := NewTable(0)
	table.Raise(start, CertificateEnding, "sip.example")
	if !table.RaiseAs(after(time.Hour), CertificateEnding, "sip.example", Major) {
		t.Error("a graver alarm is told")
	}
	if table.RaiseAs(after(2*time.Hour), CertificateEnding, "sip.example", Major) {
		t.Error("told twice")
	}
	if a := table.Active()[0]; a.Severity != "major" || !a.Raised.Equal(start) || a.Count != 1 {
		t.Errorf("%+v", a)
	}
}

func TestOrder(t *testing.T) {
	table := NewTable(0)
	table.Raise(after(4), UnknownSource, "b")
	table.Raise(after(1), ServerSilent, "primary")
	table.Raise(after(2), ServerSilent, "secondary")
	table.Raise(after(3), StoreDown, "relève")
	table.Raise(after(0), Exercise, "relève")
	var got []string
	for _, a := range table.Active() {
		got = append(got, fmt.Sprint(a.Number, " ", a.Object))
	}
	want := []string{"1021 relève", "1001 secondary", "1001 primary", "1061 b", "1080 relève"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A stranger who makes alarms of his own keeps no graver one out.
func TestFull(t *testing.T) {
	table := NewTable(10)
	for i := range 30 {
		table.Raise(after(time.Duration(i)), UnknownSource, fmt.Sprint("192.0.2.", i))
	}
	if len(table.All()) != 10 || table.Dropped() != 20 {
		t.Errorf("%d kept, %d dropped", len(table.All()), table.Dropped())
	}
	if !table.Raise(after(time.Minute), NobodyServes, "relève") {
		t.Error("a critical alarm found no place")
	}
	if len(table.All()) != 10 || table.Dropped() != 21 || table.Active()[0].Number != 1002 {
		t.Errorf("%d kept, %d dropped", len(table.All()), table.Dropped())
	}
	table.Clear(after(time.Hour), NobodyServes, "relève")
	if !table.Raise(after(2*time.Hour), UnknownSource, "198.51.100.1") || table.Dropped() != 21 {
		t.Errorf("a cleared alarm makes place and is not counted: %d", table.Dropped())
	}
	if table.Raise(after(3*time.Hour), UnknownSource, "198.51.100.2") {
		t.Error("full of its equals")
	}
}

func TestRestore(t *testing.T) {
	table := NewTable(0)
	table.Raise(start, ServerSilent, "primary")
	table.Raise(start, MirrorLag, "mirror")
	table.Clear(after(time.Minute), MirrorLag, "mirror")
	version := table.Version()
	if version != 3 {
		t.Errorf("version %d after three changes", version)
	}

	again := NewTable(0)
	again.Restore(table.All())
	if !slices.Equal(again.All(), table.All()) {
		t.Errorf("%+v", again.All())
	}
	if again.Raise(after(time.Hour), ServerSilent, "primary") {
		t.Error("told again after a restart")
	}
	if !again.Clear(after(time.Hour), ServerSilent, "primary") {
		t.Error("a restored alarm can be cleared")
	}

	small := NewTable(1)
	small.Restore(table.All())
	if a := small.All(); len(a) != 1 || a[0].Number != 1001 || small.Dropped() != 1 {
		t.Errorf("the active one stays: %+v", a)
	}
}
