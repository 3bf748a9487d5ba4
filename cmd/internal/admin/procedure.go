package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"releve/cmd/internal/text"
)

// Names of procedures. A drill is recorded as one.
const (
	ProcedureSwitchover = "switchover"
	ProcedureReinstate  = "reinstate"
	ProcedureReturn     = "return"
	ProcedureMirror     = "mirror"
	ProcedureCopy       = "copy"
	ProcedureDrill      = "drill"
)

// Outcomes of a procedure.
const (
	OutcomeDone      = "done"
	OutcomeRefused   = "refused"   // a precondition did not hold; nothing was changed
	OutcomeFailed    = "failed"    // a step failed after something was changed
	OutcomeAbandoned = "abandoned" // by the operator
	OutcomeAborted   = "aborted"   // a drill that was broken off, and returned
)

// Results of a step.
const (
	StepOK      = "ok"
	StepFailed  = "failed"
	StepForced  = "forced" // it does not hold, and the operator went on
	StepNoted   = "noted"  // it tells, nothing had to hold
	StepSkipped = "skipped"
)

// The bounds of a record, our choices: an operator's words and what the longest
// checklist holds, with room.
const (
	MaxSteps   = 64
	MaxFound   = 400 // characters
	maxOutcome = 24
)

// Procedure is the record of one run: who did what, and what was found.
type Procedure struct {
	ID      string          `json:"id"`    // set by the node
	Actor   string          `json:"actor"` // set by the node
	Name    string          `json:"name"`
	Started time.Time       `json:"started"`
	Ended   time.Time       `json:"ended"`
	Outcome string          `json:"outcome"`
	Reason  string          `json:"reason"`           // the operator's words
	Forced  bool            `json:"forced,omitempty"` // a precondition was overridden, for Reason
	Steps   []ProcedureStep `json:"steps"`
	Copied  time.Time       `json:"copied,omitzero"` // of a copy: when the data were copied
	Drill   *DrillReport    `json:"drill,omitempty"`

	// Seal is the node's HMAC-SHA-256 over all of the above; Intact: it holds, so
	// this is what the node recorded.
	Seal   string `json:"seal,omitempty"`
	Intact bool   `json:"intact"`
}

// ProcedureStep is one step of a run. Found and Params are words of the domain;
// the reader's language is that of who shows them.
type ProcedureStep struct {
	ID      string            `json:"id"`
	Kind    string            `json:"kind"` // verified, asked, done or told
	Result  string            `json:"result"`
	Found   string            `json:"found,omitempty"`   // key=value, by spaces, at most MaxFound characters
	Comment string            `json:"comment,omitempty"` // the operator's, at most 500 characters
	Params  map[string]string `json:"params,omitempty"`  // what the sentence of the step names
	At      time.Time         `json:"at"`
}

// DrillReport counts what happened during an exercise.
type DrillReport struct {
	Window       string        `json:"window,omitempty"`
	Hold         time.Duration `json:"hold_ns"`
	Offered      uint64        `json:"calls_offered"`
	Answered     uint64        `json:"calls_answered"`
	Held         uint64        `json:"calls_held"`
	Dissuaded    uint64        `json:"calls_dissuaded"`
	Cancelled    uint64        `json:"calls_cancelled"`
	Refused      uint64        `json:"calls_refused"`
	Rescued      uint64        `json:"calls_rescued"`
	Failed       uint64        `json:"calls_failed"`
	Lost         uint64        `json:"calls_lost"`
	BySecondary  int           `json:"calls_answered_by_secondary"`
	SwitchoverMS float64       `json:"switchover_ms"`
	ReturnMS     float64       `json:"return_ms"`
	LicenceMS    float64       `json:"licence_move_ms"` // the longer of the two moves; 0: mode trunk
	Cause        string        `json:"cause,omitempty"` // why it was broken off
	OnSecondary  bool          `json:"left_on_secondary,omitempty"`
}

// ExerciseNote is what a drill tells the node while it runs.
type ExerciseNote struct {
	State  string `json:"state"`  // begin, beat or end
	Reason string `json:"reason"` // with begin
	Failed bool   `json:"failed"` // with end
	Actor  string `json:"-"`
}

// States of an ExerciseNote.
const (
	ExerciseBegin = "begin"
	ExerciseBeat  = "beat"
	ExerciseEnd   = "end"
)

// Mark is a note that an operator left on the node.
type Mark struct {
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`
	Note string    `json:"note,omitempty"`
}

// SecondaryData is the age of the secondary's data at level backup.
type SecondaryData struct {
	CopiedAt time.Time     `json:"copied_at"`  // zero: never recorded
	By       string        `json:"by"`         // who recorded it, or the file that tells
	MaxAge   time.Duration `json:"max_age_ns"` // 0: none configured
}

// Old says that the age is above what was configured, or is not known.
func (d *SecondaryData) Old(now time.Time) bool {
	return d.MaxAge > 0 && (d.CopiedAt.IsZero() || now.Sub(d.CopiedAt) > d.MaxAge)
}

func (d *Door) procedures(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r, 100)
	if err != nil {
		return nil, err
	}
	runs, err := d.node.Procedures(ctx, n)
	return list(runs), err
}

func (d *Door) record(ctx context.Context, r *http.Request) (any, error) {
	var p Procedure
	if err := decode(r, &p); err != nil {
		return nil, err
	}
	if !p.sound() {
		return nil, bad(text.FaultProcedure)
	}
	p.ID, p.Seal, p.Intact, p.Actor = "", "", false, actor(ctx)
	return d.node.RecordProcedure(ctx, p)
}

func (d *Door) exercise(ctx context.Context, r *http.Request) (any, error) {
	var n ExerciseNote
	if err := decode(r, &n); err != nil {
		return nil, err
	}
	n.Reason = strings.TrimSpace(n.Reason)
	known := slices.Contains([]string{ExerciseBegin, ExerciseBeat, ExerciseEnd}, n.State)
	if !known || n.State == ExerciseBegin && n.Reason == "" || utf8.RuneCountInString(n.Reason) > maxReason {
		return nil, bad(text.FaultReason)
	}
	n.Actor = actor(ctx)
	return n, d.node.Exercise(ctx, n)
}

// sound: a record holds what the catalogue can say, within its bounds.
func (p *Procedure) sound() bool {
	names := []string{ProcedureSwitchover, ProcedureReinstate, ProcedureReturn, ProcedureMirror, ProcedureCopy, ProcedureDrill}
	outcomes := []string{OutcomeDone, OutcomeRefused, OutcomeFailed, OutcomeAbandoned, OutcomeAborted}
	if !slices.Contains(names, p.Name) || !slices.Contains(outcomes, p.Outcome) || len(p.Steps) > MaxSteps ||
		utf8.RuneCountInString(p.Reason) > maxReason || p.Started.IsZero() || p.Ended.Before(p.Started) || p.Copied.After(p.Ended) {
		return false
	}
	for i := range p.Steps {
		if !p.Steps[i].sound() {
			return false
		}
	}
	return p.Drill == nil || len(p.Drill.Window) <= maxOutcome && utf8.RuneCountInString(p.Drill.Cause) <= MaxFound
}

func (s *ProcedureStep) sound() bool {
	results := []string{StepOK, StepFailed, StepForced, StepNoted, StepSkipped}
	if !slices.Contains(results, s.Result) || s.ID == "" || len(s.ID) > maxOutcome || len(s.Kind) > maxOutcome ||
		utf8.RuneCountInString(s.Found) > MaxFound || utf8.RuneCountInString(s.Comment) > maxReason || len(s.Params) > 8 {
		return false
	}
	for k, v := range s.Params {
		if len(k) > maxOutcome || utf8.RuneCountInString(v) > MaxFound {
			return false
		}
	}
	return true
}
