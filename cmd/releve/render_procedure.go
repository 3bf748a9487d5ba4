package main

import (
	"fmt"
	"strings"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/procedure"
)

// checklist is a procedure before it is run: every step, with the names of the
// site.
func (v view) checklist(list procedure.Checklist, s admin.Status) string {
	var b strings.Builder
	fmt.Fprintln(&b, v.m.ProcedureHead(list.Name, s.Site))
	fmt.Fprintln(&b, v.m.ProcedureDry())
	facts := procedure.Facts{Status: s, Copied: v.now.In(v.zone), Mirror: s.Mirror}
	params := list.Params(&facts)
	for i, step := range list.Steps {
		fmt.Fprintf(&b, "%2d. %s\n      [%s: %s]\n", i+1, v.m.ProcedureStep(step.ID, params), step.ID, v.m.StepKind(string(step.Kind)))
	}
	return b.String()
}

// history is one line a run, the newest first.
func (v view) history(runs []admin.Procedure) string {
	rows := make([][]string, 0, len(runs))
	for _, p := range runs {
		mark := "✔"
		if p.Outcome != admin.OutcomeDone {
			mark = "✘"
		}
		rows = append(rows, []string{mark, v.clock(p.Started), v.m.ProcedureName(p.Name), v.m.ProcedureOutcome(p.Outcome), p.Actor, p.ID})
	}
	return table(rows)
}

// field is a line of a printed record.
type field struct{ Label, Value string }

// fields are the head of a record: what, who, when, how it ended.
func (v view) fields(s admin.Status, p admin.Procedure) (out []field) {
	add := func(label, value string) {
		if value != "" {
			out = append(out, field{v.m.ReportLabel(label), value})
		}
	}
	stamp := func(t time.Time) string { return t.In(v.zone).Format("2006-01-02 15:04:05 -07:00") }
	add("site", s.Site)
	add("id", p.ID)
	add("actor", p.Actor)
	add("started", stamp(p.Started))
	add("ended", stamp(p.Ended))
	add("took", v.m.Took(p.Ended.Sub(p.Started)))
	add("outcome", v.m.ProcedureOutcome(p.Outcome))
	add("reason", p.Reason)
	if p.Forced {
		add("forced", p.Reason)
	}
	if !p.Copied.IsZero() {
		add("copied", stamp(p.Copied))
	}
	if p.Drill != nil {
		v.drillFields(p.Drill, add)
	}
	return out
}

func (v view) drillFields(d *admin.DrillReport, add func(label, value string)) {
	ms := func(x float64) string {
		if x == 0 {
			return ""
		}
		return v.m.Milliseconds(x)
	}
	add("window", d.Window)
	add("hold", v.m.Took(d.Hold))
	add("switchover", ms(d.SwitchoverMS))
	add("return", ms(d.ReturnMS))
	add("licence", ms(d.LicenceMS))
	add("calls", v.m.DrillCalls(d.Offered, d.Answered, d.Held, d.Dissuaded, d.Cancelled, d.Rescued, d.Refused, d.Failed, d.Lost))
	add("secondary", fmt.Sprint(d.BySecondary))
	if d.Cause != "" {
		add("cause", v.m.DrillCause(d.Cause))
	}
	if d.OnSecondary {
		add("left", "!")
	}
}

// printedStep is one step of a printed record.
type printedStep struct{ Number, Mark, Time, Sentence, Found, Kind, Comment string }

func (v view) printedSteps(p admin.Procedure) (out []printedStep) {
	for i, s := range p.Steps {
		mark, name := v.m.StepResult(s.Result)
		found := v.m.Found(s.Found)
		if s.Result == admin.StepForced || s.Kind == string(procedure.Asked) {
			found = strings.TrimSuffix(name+", "+found, ", ")
		}
		out = append(out, printedStep{
			fmt.Sprint(i + 1), mark, s.At.In(v.zone).Format("15:04:05"), v.m.ProcedureStep(s.ID, s.Params), found, v.m.StepKind(s.Kind), s.Comment,
		})
	}
	return out
}

func (v view) recordTitle(p admin.Procedure) string {
	if p.Name == admin.ProcedureDrill {
		return v.m.ReportLabel("drill")
	}
	return v.m.ReportLabel("title") + " — " + v.m.ProcedureName(p.Name)
}

// record is a run as text, for the binder.
func (v view) record(s admin.Status, p admin.Procedure) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", v.recordTitle(p))
	rows := [][]string{}
	for _, f := range v.fields(s, p) {
		rows = append(rows, []string{f.Label, f.Value})
	}
	b.WriteString(table(rows))
	fmt.Fprintf(&b, "\n%s\n", v.m.ReportLabel("steps"))
	for _, step := range v.printedSteps(p) {
		fmt.Fprintf(&b, "%2s. %s %s  %s\n", step.Number, step.Mark, step.Time, step.Sentence)
		if step.Found != "" {
			fmt.Fprintf(&b, "      → %s\n", step.Found)
		}
		if step.Comment != "" {
			fmt.Fprintf(&b, "      %s\n", v.m.Line(v.m.ReportLabel("comment"), step.Comment))
		}
	}
	fmt.Fprintf(&b, "\n%s\n%s\n\n%s ______________________________\n", v.m.Line(v.m.ReportLabel("seal"), p.Seal), v.m.Sealed(p.Intact), v.m.ReportLabel("signature"))
	return b.String()
}

// dataAge says how old the secondary's data are, where they are a copy made by hand.
func (v view) dataAge(s admin.Status) string {
	switch {
	case s.Data == nil:
		return ""
	case s.Data.CopiedAt.IsZero():
		return v.m.DataAge(-1) + "\n"
	}
	return v.m.DataAge(max(v.now.Sub(s.Data.CopiedAt), 0)) + "\n"
}
