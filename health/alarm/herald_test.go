package alarm

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

var rules = Rules{Remind: time.Hour, Delay: 5 * time.Second}

// told is what a Step tells, in words.
func told(list []Telling) string {
	var out []string
	for _, t := range list {
		word := string(t.Kind) + " " + t.Alarm.Object
		if t.Kind == KindChanged {
			word += " " + t.Alarm.Severity
		}
		out = append(out, word)
	}
	return strings.Join(out, ", ")
}

type scene struct {
	t *testing.T
	h *Herald
	a *Table
}

func newScene(t *testing.T) *scene { return &scene{t, NewHerald(Memory{}), NewTable(0)} }

func (s *scene) want(at time.Duration, want string) []Telling {
	s.t.Helper()
	got := s.h.Step(after(at), s.a, rules, true)
	if told(got) != want {
		s.t.Errorf("after %v told %q, want %q", at, told(got), want)
	}
	return got
}

// TestGraveAtOnce: critical and major are told with the change, what is less
// must stand; a blip of it is told to nobody.
func TestGraveAtOnce(t *testing.T) {
	s := newScene(t)
	s.a.Raise(start, NobodyServes, "n")
	s.want(0, "raised n")
	s.a.Raise(after(time.Second), ServerSlow, "slow")
	s.want(time.Second, "")
	s.a.Clear(after(2*time.Second), ServerSlow, "slow")
	s.want(2*time.Second, "")
	if s.h.Blips() != 1 {
		t.Errorf("%d blips", s.h.Blips())
	}
	s.a.Raise(after(10*time.Second), ServerSlow, "slow")
	s.want(14*time.Second, "")
	s.want(15*time.Second, "raised slow")
	s.a.Clear(after(16*time.Second), NobodyServes, "n")
	s.want(16*time.Second, "cleared n")
	s.want(time.Minute, "")
}

// TestOneIncident: from raised to cleared the incident is the same, over a
// restart too; the next one is another; IDs are never the same twice.
func TestOneIncident(t *testing.T) {
	s := newScene(t)
	var all []Telling
	add := func(at time.Duration, want string) { all = append(all, s.want(at, want)...) }
	s.a.RaiseAs(start, CertificateEnding, "x", Major)
	add(0, "raised x")
	s.a.RaiseAs(after(time.Minute), CertificateEnding, "x", Critical)
	add(time.Minute, "changed x critical")

	raw, err := json.Marshal(s.h.Memory())
	var m Memory
	if err != nil || json.Unmarshal(raw, &m) != nil {
		t.Fatal(err)
	}
	stored := s.a.All()
	s.h, s.a = NewHerald(m), NewTable(0)
	if got := s.h.Step(after(2*time.Minute), s.a, rules, false); len(got) != 0 {
		t.Errorf("before the store was read: %s", told(got))
	}
	s.a.Restore(stored)
	add(3*time.Minute, "")
	if err := s.a.Acknowledge(after(4*time.Minute), CertificateEnding, "x", "marie", "ok"); err != nil {
		t.Fatal(err)
	}
	add(4*time.Minute, "acknowledged x")
	s.a.Clear(after(5*time.Minute), CertificateEnding, "x")
	add(5*time.Minute, "cleared x")
	ids := map[string]bool{}
	for _, x := range all {
		if x.Incident != all[0].Incident || x.First != Major || ids[x.ID] || !strings.HasPrefix(x.ID, x.Incident+".") {
			t.Errorf("%+v", x)
		}
		ids[x.ID] = true
	}
	s.a.Raise(after(6*time.Minute), CertificateEnding, "x")
	s.want(6*time.Minute+rules.Delay, "raised x")
	if again := incident(1040, "x", after(6*time.Minute)); again == all[0].Incident {
		t.Error("two incidents have one name")
	}
}

// TestCrashTellsAgain: what was told and not noted is told again with the same
// ID; what ended meanwhile is told as cleared; nothing is told of what the store
// has not said yet.
func TestCrashTellsAgain(t *testing.T) {
	s := newScene(t)
	before := s.h.Memory()
	s.a.Raise(start, ServerSilent, "p")
	first := s.want(0, "raised p")
	s.h = NewHerald(before)
	if again := s.want(time.Minute, "raised p"); again[0].ID != first[0].ID || !again[0].At.Equal(start) {
		t.Errorf("%+v then %+v", first, again)
	}
	m := s.h.Memory()
	s.h, s.a = NewHerald(m), NewTable(0)
	s.a.Raise(after(2*time.Minute), StoreDown, "r")
	if got := told(s.h.Step(after(2*time.Minute), s.a, rules, false)); got != "raised r" {
		t.Errorf("while the store is away: %q", got)
	}
	s.want(3*time.Minute, "cleared p")
}

// A store that keeps microseconds once made another incident of each alarm at a
// restart.
func TestStoreOfMicrosecondsIsNoNewIncident(t *testing.T) {
	s := newScene(t)
	at := start.Add(123456789 * time.Nanosecond)
	s.a.Raise(at, ServerSilent, "p")
	_ = s.a.Acknowledge(at.Add(time.Second+1), ServerSilent, "p", "marie", "")
	s.want(2*time.Second, "raised p, acknowledged p")
	rows := s.a.All()
	for i := range rows {
		rows[i].Raised, rows[i].AckAt = rows[i].Raised.Truncate(time.Microsecond), rows[i].AckAt.Truncate(time.Microsecond)
	}
	s.a.Restore(rows)
	s.want(3*time.Second, "")
}

// TestReminders: of what is grave and nobody has taken, hourly, for a day.
func TestReminders(t *testing.T) {
	s := newScene(t)
	s.a.Raise(start, ServerSilent, "p")
	s.a.Raise(start, ServerSlow, "p")
	s.want(time.Minute, "raised p, raised p")
	s.want(time.Hour, "")
	s.want(time.Hour+time.Minute, "reminder p")
	s.want(2*time.Hour, "")
	n := 1
	for h := 2; h < 100; h++ {
		n += len(s.h.Step(after(time.Duration(h)*time.Hour+2*time.Minute), s.a, rules, true))
	}
	if n != MaxReminders {
		t.Errorf("%d reminders", n)
	}
	s = newScene(t)
	s.a.Raise(start, ServerSilent, "p")
	s.want(0, "raised p")
	_ = s.a.Acknowledge(after(time.Minute), ServerSilent, "p", "marie", "")
	s.want(time.Minute, "acknowledged p")
	s.want(10*time.Hour, "")
}

// TestSilence: within a window nothing is told but that nobody serves; at its end
// what stands is told, and what ended.
func TestSilence(t *testing.T) {
	s := newScene(t)
	s.a.Raise(start, PeerAbsent, "before")
	s.want(0, "raised before")
	w, err := s.h.Plan(after(time.Minute), time.Time{}, time.Hour, Window{Reason: "disks", By: "marie"})
	if err != nil || w.ID != 1 || !w.Open(after(time.Minute)) {
		t.Fatalf("%+v %v", w, err)
	}
	s.a.Clear(after(2*time.Minute), PeerAbsent, "before")
	s.a.Raise(after(2*time.Minute), ServerSilent, "stays")
	s.a.Raise(after(2*time.Minute), ServerMute, "goes")
	s.a.Raise(after(2*time.Minute), NobodyServes, "n")
	s.want(3*time.Minute, "raised n")
	s.a.Clear(after(4*time.Minute), ServerMute, "goes")
	s.want(60*time.Minute, "")
	s.want(61*time.Minute, "raised stays, cleared before")
	if len(s.h.Windows(after(61*time.Minute))) != 0 || s.h.Blips() != 1 {
		t.Errorf("%+v, %d blips", s.h.Windows(after(61*time.Minute)), s.h.Blips())
	}
	if _, err := s.h.Plan(after(2*time.Hour), after(3*time.Hour), time.Hour, Window{Reason: "x", All: true}); err != nil {
		t.Fatal(err)
	}
	s.a.Clear(after(2*time.Hour), NobodyServes, "n")
	s.want(2*time.Hour, "cleared n")
	s.a.Raise(after(181*time.Minute), NobodyServes, "n")
	s.want(181*time.Minute, "")
	if gone, err := s.h.End(after(182*time.Minute), 0); err != nil || len(gone) != 1 || gone[0].ID != 2 {
		t.Errorf("%+v, %v", gone, err)
	}
	s.want(182*time.Minute, "raised n, reminder stays")
}

// TestSilenceIsBounded in length, number and distance, and needs a reason.
func TestSilenceIsBounded(t *testing.T) {
	h := NewHerald(Memory{})
	for _, c := range []struct {
		start  time.Time
		length time.Duration
		reason string
		want   error
	}{
		{time.Time{}, MaxWindow + 1, "x", ErrWindowLength},
		{time.Time{}, time.Second, "x", ErrWindowLength},
		{after(-time.Hour), time.Hour, "x", ErrWindowStart},
		{after(MaxAhead + time.Hour), time.Hour, "x", ErrWindowStart},
		{time.Time{}, time.Hour, "  ", ErrWindowReason},
	} {
		if _, err := h.Plan(start, c.start, c.length, Window{Reason: c.reason}); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for range MaxWindows {
		if _, err := h.Plan(start, after(time.Hour), time.Hour, Window{Reason: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Plan(start, time.Time{}, time.Hour, Window{Reason: "x"}); !errors.Is(err, ErrWindowMany) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := h.End(start, 99); !errors.Is(err, ErrNoWindow) {
		t.Errorf("none of that number: %v", err)
	}
}

// TestLongSilence: windows that follow each other are one silence, and the alarm
// about it is not silenced by it.
func TestLongSilence(t *testing.T) {
	s := newScene(t)
	for i := range 3 {
		if _, err := s.h.Plan(start, after(time.Duration(i)*12*time.Hour), 12*time.Hour+time.Minute, Window{Reason: "x", All: true}); err != nil {
			t.Fatal(err)
		}
	}
	for h := range 37 {
		since := s.h.SilentSince(after(time.Duration(h) * time.Hour))
		if want := h <= 36; since.IsZero() == want || want && !since.Equal(start) {
			t.Errorf("after %d h silent since %v", h, since)
		}
	}
	s.a.Raise(after(25*time.Hour), SilenceLong, "n")
	s.want(25*time.Hour+rules.Delay, "raised n")
	if since := s.h.SilentSince(after(40 * time.Hour)); !since.IsZero() {
		t.Errorf("over, and silent since %v", since)
	}
}

// TestFrozenSince: since when is known over a restart, and not before the roles
// are.
func TestFrozenSince(t *testing.T) {
	h := NewHerald(Memory{})
	if !h.FrozenSince(start, false, true).IsZero() {
		t.Error("frozen before the roles are known")
	}
	if got := h.FrozenSince(start, true, true); !got.Equal(start) {
		t.Errorf("since %v", got)
	}
	h = NewHerald(h.Memory())
	if got := h.FrozenSince(after(time.Hour), false, false); !got.Equal(start) {
		t.Errorf("after a restart since %v", got)
	}
	if got := h.FrozenSince(after(time.Hour), true, true); !got.Equal(start) {
		t.Errorf("then since %v", got)
	}
	if !h.FrozenSince(after(2*time.Hour), true, false).IsZero() {
		t.Error("ended, and still frozen")
	}
}

// TestUrgent: nobody serves is a night call, a switchover that went well is none.
func TestUrgent(t *testing.T) {
	for n, want := range map[Number]bool{
		NobodyServes: true, IPBXSilent: true, MainDatabaseDown: true, TwoMasters: true, Frozen: true, ForeignBinding: true,
		Switched: false, ServerSilent: false, StoreDown: false, ReturnPossible: false, SinkDown: false, Exercise: false,
	} {
		if Urgent(n, n.Severity()) != want {
			t.Errorf("%d urgent: %v", n, !want)
		}
	}
	if !Critical.AtLeast(Major) || !Major.AtLeast(Major) || Minor.AtLeast(Major) || !Indeterminate.AtLeast(Indeterminate) {
		t.Error("severities are not in order")
	}
	if got := told(NewHerald(Memory{}).Step(start, NewTable(0), rules, true)); got != "" {
		t.Error(got)
	}
}

// TestAFlappingAlarmIsNoStorm: the gravest alarm comes and goes every fifteen
// seconds for six hours; who is on call is told that it stands, and reminded.
func TestAFlappingAlarmIsNoStorm(t *testing.T) {
	table, h := NewTable(0), NewHerald(Memory{})
	start := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	told := map[Kind]int{}
	for at := time.Duration(0); at < 6*time.Hour; at += time.Second {
		now := start.Add(at)
		switch at % (15 * time.Second) {
		case 0:
			table.Raise(now, NobodyServes, "")
		case 5 * time.Second:
			table.Clear(now, NobodyServes, "")
		}
		table.Tick(now)
		for _, x := range h.Step(now, table, Rules{Remind: time.Hour, Delay: 5 * time.Second}, true) {
			told[x.Kind]++
		}
	}
	if told[KindRaised] != Flaps || told[KindCleared] != Flaps-1 || told[KindReminder] != 5 {
		t.Errorf("told %v", told)
	}
}
