package admin_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/client"
	"releve/cmd/internal/text"
)

// TestRecordsAreBoundedAndNameTheirActor: what the node keeps of a procedure is
// typed, bounded, and says by the socket who it was.
func TestRecordsAreBoundedAndNameTheirActor(t *testing.T) {
	s, path := start(t)
	c := client.New(path, text.English)
	defer c.Close()
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	good := func() admin.Procedure {
		return admin.Procedure{
			Name: admin.ProcedureReturn, Outcome: admin.OutcomeDone, Started: began, Ended: began.Add(time.Minute), Reason: "repaired", Actor: "somebody else",
			Seal: "forged", Steps: []admin.ProcedureStep{{ID: "calls", Kind: "told", Result: admin.StepNoted, Found: "calls=3"}},
		}
	}
	if _, err := c.RecordProcedure(t.Context(), good()); err != nil {
		t.Fatal(err)
	}
	if s.recorded.Actor == "" || s.recorded.Actor == "somebody else" || s.recorded.Seal != "" || len(s.recorded.Steps) != 1 {
		t.Errorf("%+v", s.recorded)
	}
	for name, spoil := range map[string]func(*admin.Procedure){
		"another procedure":  func(p *admin.Procedure) { p.Name = "format-disk" },
		"another outcome":    func(p *admin.Procedure) { p.Outcome = "fine" },
		"too many steps":     func(p *admin.Procedure) { p.Steps = make([]admin.ProcedureStep, admin.MaxSteps+1) },
		"another result":     func(p *admin.Procedure) { p.Steps[0].Result = "perhaps" },
		"a step of no name":  func(p *admin.Procedure) { p.Steps[0].ID = "" },
		"too long a comment": func(p *admin.Procedure) { p.Steps[0].Comment = strings.Repeat("é", 501) },
		"too long a finding": func(p *admin.Procedure) { p.Steps[0].Found = strings.Repeat("x", admin.MaxFound+1) },
		"ended before":       func(p *admin.Procedure) { p.Ended = began.Add(-time.Second) },
		"copied tomorrow":    func(p *admin.Procedure) { p.Copied = began.Add(24 * time.Hour) },
		"too long a reason":  func(p *admin.Procedure) { p.Reason = strings.Repeat("x", 501) },
	} {
		p := good()
		spoil(&p)
		_, err := c.RecordProcedure(t.Context(), p)
		var f *admin.Fault
		if !errors.As(err, &f) || f.Code != text.FaultProcedure {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.Exercise(t.Context(), admin.ExerciseNote{State: admin.ExerciseBegin}); err == nil {
		t.Error("an exercise without a reason")
	}
	if err := c.Exercise(t.Context(), admin.ExerciseNote{State: admin.ExerciseBegin, Reason: "monthly"}); err != nil || s.exercised.Actor == "" {
		t.Errorf("%v, %+v", err, s.exercised)
	}
}

func TestSecondaryDataAge(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		copied time.Time
		most   time.Duration
		old    bool
	}{
		{"no limit, never recorded", time.Time{}, 0, false},
		{"never recorded", time.Time{}, time.Hour, true},
		{"young", now.Add(-time.Hour), time.Hour, false},
		{"old", now.Add(-time.Hour - time.Second), time.Hour, true},
	} {
		if got := (&admin.SecondaryData{CopiedAt: c.copied, MaxAge: c.most}).Old(now); got != c.old {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
