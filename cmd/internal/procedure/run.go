package procedure

import (
	"time"

	"releve/cmd/internal/admin"
)

// Run is one walk through a checklist. Pure: its user looks, asks and acts.
type Run struct {
	list    Checklist
	force   bool
	at      int // of the next step
	acted   bool
	forced  bool
	outcome string // "": it goes on
	steps   []admin.ProcedureStep
}

// Begin starts a walk. force: what has to hold before a change may be overridden.
func Begin(list Checklist, force bool) *Run { return &Run{list: list, force: force} }

// Next is the next step that applies; false: the run is over.
func (r *Run) Next(f *Facts) (Step, bool) {
	for r.outcome == "" && r.at < len(r.list.Steps) {
		s := r.list.Steps[r.at]
		if s.When == nil || s.When(f) {
			return s, true
		}
		r.at++
	}
	if r.outcome == "" {
		r.outcome = admin.OutcomeDone
	}
	return Step{}, false
}

// Settle enters how the step that Next named came out, and returns its line of
// the record.
func (r *Run) Settle(s Step, found Finding, comment string, params map[string]string, at time.Time) admin.ProcedureStep {
	line := admin.ProcedureStep{
		ID: s.ID, Kind: string(s.Kind), Result: r.judge(s, found.OK), Found: found.Found, Comment: comment, Params: params, At: at.UTC(),
	}
	r.steps = append(r.steps, line)
	r.at++
	return line
}

func (r *Run) judge(s Step, ok bool) string {
	switch {
	case s.Kind == Told:
		return admin.StepNoted
	case ok:
		r.acted = r.acted || s.Act == Switchover || s.Act == Return
		return admin.StepOK
	case !s.Need:
		return admin.StepFailed
	case r.force && !r.acted && s.Kind != Done:
		r.forced = true
		return admin.StepForced
	}
	r.outcome = admin.OutcomeRefused
	if r.acted {
		r.outcome = admin.OutcomeFailed
	}
	return admin.StepFailed
}

// Started says that an act was sent whose end is not known: from here on what
// fails is no refusal.
func (r *Run) Started() { r.acted = true }

// Abandon ends the run as the operator wishes.
func (r *Run) Abandon() {
	if r.outcome == "" {
		r.outcome = admin.OutcomeAbandoned
	}
}

// Fail ends the run for a fault.
func (r *Run) Fail() {
	r.outcome = admin.OutcomeRefused
	if r.acted {
		r.outcome = admin.OutcomeFailed
	}
}

// Abort ends a drill that was broken off.
func (r *Run) Abort() { r.outcome = admin.OutcomeAborted }

// Forced says that something was overridden.
func (r *Run) Forced() bool { return r.forced }

// Acted says that a role was changed.
func (r *Run) Acted() bool { return r.acted }

// Outcome is how the run ended; "": it goes on.
func (r *Run) Outcome() string { return r.outcome }

// Record is the run for the journal.
func (r *Run) Record(reason string, started, ended time.Time) admin.Procedure {
	return admin.Procedure{
		Name: r.list.Name, Started: started.UTC(), Ended: ended.UTC(), Outcome: r.outcome, Reason: reason, Forced: r.forced,
		Steps: append([]admin.ProcedureStep{}, r.steps...),
	}
}
