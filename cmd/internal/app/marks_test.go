package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/health/alarm"
	"releve/router"
)

// standing reports whether an alarm about the site stands.
func (s *site) standing(n alarm.Number) bool {
	for _, a := range s.node.mind.alarms.Active() {
		if a.Number == uint16(n) {
			return true
		}
	}
	return false
}

// TestMarksOutliveARestart: what was noted is read back; a damaged file holds up
// nothing and notes nothing.
func TestMarksOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	k := newMarks(dir)
	if err := k.read(); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	err := k.change(func(m *marked) {
		m.Drained[router.Secondary] = &admin.Mark{At: at, By: "marie", Note: "disk"}
		m.Copied = &admin.Mark{At: at.Add(-time.Hour)}
	})
	if err != nil {
		t.Fatal(err)
	}
	again := newMarks(dir)
	if err := again.read(); err != nil {
		t.Fatal(err)
	}
	if got := again.get(); *got.Drained[router.Secondary] != (admin.Mark{At: at, By: "marie", Note: "disk"}) || got.Drained[router.Primary] != nil || !got.Copied.At.Equal(at.Add(-time.Hour)) {
		t.Errorf("%+v", got)
	}
	for name, body := range map[string]string{"damaged": "{", "too long": strings.Repeat(" ", maxMarks+1)} {
		if err := os.WriteFile(filepath.Join(dir, marksFile), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := newMarks(dir).read(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	gone := newMarks(filepath.Join(dir, "nowhere"))
	if err := gone.change(func(m *marked) { m.Copied = &admin.Mark{} }); err == nil || gone.get().Copied != nil {
		t.Error("what cannot be kept counts all the same")
	}
}

// TestExerciseWhoseTerminalIsGone ends as a failed one; the next good one ends
// the alarm, and two do not run at once.
func TestExerciseWhoseTerminalIsGone(t *testing.T) {
	s := still(t)
	m := s.node.mind
	say := func(state string, failed bool) error {
		return s.node.Exercise(t.Context(), admin.ExerciseNote{State: state, Failed: failed, Reason: "monthly", Actor: "marie"})
	}
	s.must(say(admin.ExerciseBegin, false))
	if say(admin.ExerciseBegin, false) == nil {
		t.Error("two exercises at once")
	}
	now := time.Now()
	m.watchExercise(now)
	if !s.standing(alarm.Exercise) || s.node.exercise.running() == nil {
		t.Fatal("the exercise is not announced")
	}
	m.watchExercise(now.Add(exerciseSilence + time.Second))
	if s.standing(alarm.Exercise) || !s.standing(alarm.ExerciseFailed) || s.node.exercise.running() != nil {
		t.Fatalf("%+v", m.alarms.Active())
	}
	s.must(say(admin.ExerciseBegin, false))
	s.must(say(admin.ExerciseEnd, false))
	if s.standing(alarm.Exercise) || s.standing(alarm.ExerciseFailed) || s.node.marks.get().Drill == nil {
		t.Fatalf("%+v", m.alarms.Active())
	}
}

// TestExerciseIsDue: counted from when drill.every was first configured, then from
// the last exercise that went well.
func TestExerciseIsDue(t *testing.T) {
	s := stillWith(t, func(_, body string) string { return body + "\ndrill: {every: 48h}\n" })
	m, now := s.node.mind, time.Now()
	for _, c := range []struct {
		name string
		do   func()
		at   time.Duration
		due  bool
	}{
		{"just configured", func() {}, 0, false},
		{"two days later", func() {}, 49 * time.Hour, true},
		{"one was held", func() {
			s.must(s.node.marks.change(func(k *marked) { k.Drill = &admin.Mark{At: now.Add(48 * time.Hour)} }))
		}, 49 * time.Hour, false},
		{"and again", func() {}, 97 * time.Hour, true},
	} {
		c.do()
		m.watchExercise(now.Add(c.at))
		if got := s.standing(alarm.ExerciseOverdue); got != c.due {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestAgeOfTheCopy: the younger of what was recorded and what a file says; its
// alarm at level backup alone.
func TestAgeOfTheCopy(t *testing.T) {
	var file string
	s := stillWith(t, func(dir, body string) string {
		file = filepath.Join(dir, "copied")
		body = strings.ReplaceAll(body, "high-availability", "backup")
		return body + "\nbackup_data: {max_age: 24h, file: " + file + "}\n"
	})
	m, k := s.node.mind, s.node.marks
	look := func() {
		t.Helper()
		k.seen.Store(false)
		k.looked = time.Time{}
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(10 * time.Second); !k.seen.Load(); <-tick.C {
			m.watchMarks(time.Now())
			if time.Now().After(deadline) {
				t.Fatal("the file is not looked at")
			}
		}
		m.watchMarks(time.Now())
	}
	if look(); !s.standing(alarm.SecondaryDataOld) || !s.node.secondaryData().CopiedAt.IsZero() {
		t.Fatalf("never recorded: %+v", s.node.secondaryData())
	}
	s.must(os.WriteFile(file, nil, 0o600))
	if look(); s.standing(alarm.SecondaryDataOld) || s.node.secondaryData().By != file {
		t.Fatalf("touched: %+v", s.node.secondaryData())
	}
	old := time.Now().Add(-48 * time.Hour)
	s.must(os.Chtimes(file, old, old))
	if look(); !s.standing(alarm.SecondaryDataOld) {
		t.Fatalf("two days old: %+v", s.node.secondaryData())
	}
	_, err := s.node.RecordProcedure(t.Context(), admin.Procedure{Name: admin.ProcedureCopy, Outcome: admin.OutcomeDone, Started: time.Now(), Ended: time.Now(), Copied: time.Now().Add(-time.Hour), Actor: "marie"})
	s.must(err)
	if look(); s.standing(alarm.SecondaryDataOld) || s.node.secondaryData().By != "marie" {
		t.Fatalf("recorded: %+v", s.node.secondaryData())
	}
	if d := still(t).node.secondaryData(); d != nil {
		t.Errorf("at high availability: %+v", d)
	}
}
