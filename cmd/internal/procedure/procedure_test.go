package procedure

import (
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
)

var names = []string{
	admin.ProcedureSwitchover, admin.ProcedureReinstate, admin.ProcedureReturn, admin.ProcedureMirror, admin.ProcedureCopy,
}

// TestEveryStepHasItsSentence: in both languages, with every word that it names;
// names are unique within a list, and short enough to be recorded.
func TestEveryStepHasItsSentence(t *testing.T) {
	lists := []Checklist{Drill()}
	for _, name := range names {
		list, ok := Of(name)
		if !ok {
			t.Fatal(name)
		}
		lists = append(lists, list)
	}
	for _, list := range lists {
		seen := map[string]bool{}
		for _, s := range list.Steps {
			if seen[s.ID] || len(s.ID) > 24 || !text.HasProcedureStep(s.ID) {
				t.Errorf("%s: step %q", list.Name, s.ID)
			}
			seen[s.ID] = true
			if (s.Kind == Verified) != (s.Check != nil) && s.Kind != Told {
				t.Errorf("%s: step %s of kind %s", list.Name, s.ID, s.Kind)
			}
			if (s.Kind == Done) != (s.Act != NoAct) {
				t.Errorf("%s: step %s does %d", list.Name, s.ID, s.Act)
			}
		}
		if len(list.Steps) > admin.MaxSteps {
			t.Errorf("%s has %d steps", list.Name, len(list.Steps))
		}
	}
	if _, ok := Of("format-disk"); ok {
		t.Error("a procedure of no name")
	}
}

// site is a healthy high-availability site, the primary active.
func site() Facts {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return Facts{
		Quiet: -1,
		Status: admin.Status{
			Site: "CH", Level: "high-availability", Active: primary, Phase: "normal", Now: now, Started: now.Add(-time.Hour),
			Servers: []admin.Server{
				{Name: "svp1", Role: primary, State: admin.StateActive, Verdict: "HEALTHY", Stability: admin.Progress{K: 5, N: 5}, Calls: 3},
				{Name: "svp2", Role: secondary, State: admin.StatePassive, Verdict: "HEALTHY", Ready: true, Stability: admin.Progress{K: 5, N: 5}},
			},
			Registration: admin.Registration{Mode: "pair", Holder: primary, Phase: "bound"},
		},
		Licence: admin.Licence{Mode: "pair", WorstMove: time.Minute, Bindings: []admin.Binding{{Role: primary, Possible: true}, {Role: secondary}}},
		Probe:   admin.Probe{SIP: "ok", RTT: 3},
	}
}

// walk settles every step by itself: what is asked by answers (yes unless told
// otherwise), what is done by acted.
func walk(list Checklist, f Facts, force bool, no ...string) (*Run, []admin.ProcedureStep) {
	r := Begin(list, force)
	for {
		s, ok := r.Next(&f)
		if !ok {
			return r, r.steps
		}
		found := Finding{OK: true}
		if s.Check != nil {
			found = s.Check(&f)
		}
		for _, id := range no {
			if id == s.ID {
				found.OK = false
			}
		}
		r.Settle(s, found, "", nil, f.Status.Now)
		if found.OK && s.Act == Switchover {
			f.Status.Active, f.Status.Phase, f.Status.Registration.Holder = secondary, "on-secondary", secondary
			f.Licence.Bindings[0].Possible, f.Licence.Bindings[1].Possible, f.Served = false, true, true
		}
	}
}

func results(steps []admin.ProcedureStep) string {
	var out []string
	for _, s := range steps {
		out = append(out, s.ID+":"+s.Result)
	}
	return strings.Join(out, " ")
}

// TestRun is the engine: what refuses, what is overridden, what fails after a
// change, and that force stops at the change.
func TestRun(t *testing.T) {
	list, _ := Of(admin.ProcedureSwitchover)
	for _, c := range []struct {
		name    string
		change  func(*Facts)
		force   bool
		no      []string
		outcome string
		forced  bool
		last    string // the last line of the record
	}{
		{name: "all well", outcome: admin.OutcomeDone, last: "then-repair:noted"},
		{name: "not ready", change: func(f *Facts) { f.Status.Servers[1].Ready = false }, outcome: admin.OutcomeRefused, last: "to-ready:failed"},
		{name: "not ready, forced", change: func(f *Facts) { f.Status.Servers[1].Ready = false }, force: true, outcome: admin.OutcomeDone, forced: true, last: "then-repair:noted"},
		{name: "in maintenance", change: func(f *Facts) { f.Status.Phase = "maintenance" }, outcome: admin.OutcomeRefused, last: "at-rest:failed"},
		{name: "already on the secondary", change: func(f *Facts) { f.Status.Active = secondary }, outcome: admin.OutcomeRefused, last: "at-rest:failed"},
		{name: "drained", change: func(f *Facts) { f.Status.Servers[1].Drained = &admin.Mark{} }, outcome: admin.OutcomeRefused, last: "to-ready:failed"},
		{name: "silent", change: func(f *Facts) { f.Probe.SIP = "silent" }, outcome: admin.OutcomeRefused, last: "to-answers:failed"},
		{name: "the command is refused", no: []string{"switch"}, outcome: admin.OutcomeRefused, last: "switch:failed"},
		{name: "the command is refused, forced", force: true, no: []string{"switch"}, outcome: admin.OutcomeRefused, last: "switch:failed"},
		{name: "the binding does not follow", no: []string{"binding"}, outcome: admin.OutcomeFailed, last: "binding:failed"},
		{name: "force ends at the change", force: true, no: []string{"binding"}, outcome: admin.OutcomeFailed, last: "binding:failed"},
		{name: "no call came, and none is heard", no: []string{"first-call"}, outcome: admin.OutcomeDone, last: "then-repair:noted"},
	} {
		f := site()
		if c.change != nil {
			c.change(&f)
		}
		r, steps := walk(list, f, c.force, c.no...)
		p := r.Record("why", f.Status.Now, f.Status.Now.Add(time.Minute))
		last := steps[len(steps)-1]
		if p.Outcome != c.outcome || p.Forced != c.forced || last.ID+":"+last.Result != c.last {
			t.Errorf("%s: %s, forced %v: %s", c.name, p.Outcome, p.Forced, results(steps))
		}
	}
	r := Begin(list, false)
	f := site()
	_, _ = r.Next(&f)
	r.Abandon()
	if _, ok := r.Next(&f); ok || r.Outcome() != admin.OutcomeAbandoned {
		t.Errorf("given up: %s", r.Outcome())
	}
}

// TestWhatIsAskedWhere: level backup brings the secondary on and looks at the age
// of its data; a gateway asks for recabling; a mode without registration does not
// look for one.
func TestWhatIsAskedWhere(t *testing.T) {
	for _, c := range []struct {
		name, procedure string
		change          func(*Facts)
		has, lacks      string
	}{
		{"high availability", admin.ProcedureSwitchover, func(*Facts) {}, "licence-worst: binding:", "bring-on: data-age: data-accepted: recable: mirror-lag: test-call: heard:"},
		{"backup, the secondary away", admin.ProcedureSwitchover, func(f *Facts) {
			f.Status.Level, f.Status.Servers[1].State, f.Status.Data = "backup", admin.StateAbsent, &admin.SecondaryData{}
		}, "bring-on: data-age:failed data-accepted:", "mirror-lag:"},
		{"backup, a young copy", admin.ProcedureSwitchover, func(f *Facts) {
			f.Status.Level, f.Status.Data = "backup", &admin.SecondaryData{CopiedAt: f.Status.Now.Add(-76 * time.Hour), MaxAge: 100 * time.Hour}
		}, "data-age:ok", "bring-on:"},
		{"a gateway", admin.ProcedureSwitchover, func(f *Facts) { f.Status.IPBX = []admin.IPBX{{Name: "fxo", Gateway: true}} }, "recable:", ""},
		{"lines in a server", admin.ProcedureSwitchover, func(f *Facts) { f.Status.Servers[0].Analogue = 4 }, "recable:", ""},
		{"trunk", admin.ProcedureSwitchover, func(f *Facts) { f.Licence.Mode = "trunk" }, "switch:", "binding: licence-worst:"},
		{"a mirror behind", admin.ProcedureSwitchover, func(f *Facts) {
			f.Mirror = &admin.Mirror{Lag: time.Second, LagAt: f.Status.Now, Blocks: true}
		}, "mirror-lag:failed", ""},
		{"a test call", admin.ProcedureSwitchover, func(f *Facts) {
			f.Status.Servers[1].Checks = []admin.ProbeCheck{{Type: "call"}}
			f.Probe.Checks = []admin.ProbeCheck{{Type: "call", State: "ok"}}
		}, "test-call:ok", ""},
		{"no mirror", admin.ProcedureMirror, func(*Facts) {}, "mirror-unwatched: main-stopped: promoted: replica-made:", "main-up:"},
		{"a mirror", admin.ProcedureMirror, func(f *Facts) {
			f.Mirror = &admin.Mirror{
				Lag: time.Second, LagAt: f.Status.Now, Streaming: true, State: admin.MirrorOK,
				Main: admin.Database{State: admin.DatabaseUp, Role: admin.DatabasePrimary}, Mirror: admin.Database{State: admin.DatabaseUp, Role: admin.DatabaseStandby},
			}
		}, "main-up:ok mirror-streams:ok lag-small:ok", "mirror-unwatched:"},
		{"a copy", admin.ProcedureCopy, func(*Facts) {}, "complete: copied:", ""},
	} {
		f := site()
		c.change(&f)
		list, _ := Of(c.procedure)
		_, steps := walk(list, f, false)
		got := " " + results(steps)
		for _, id := range strings.Fields(c.has) {
			if !strings.Contains(got, " "+id) {
				t.Errorf("%s: no %s in%s", c.name, id, got)
			}
		}
		for _, id := range strings.Fields(c.lacks) {
			if strings.Contains(got, " "+id) {
				t.Errorf("%s: %s in%s", c.name, id, got)
			}
		}
	}
}

// TestReturnAndReinstate refuse what must not be: a return before its time, a
// server that is registered elsewhere.
func TestReturnAndReinstate(t *testing.T) {
	on := func(change func(*Facts)) Facts {
		f := site()
		f.Status.Active, f.Status.Phase, f.Status.Registration.Holder = secondary, "on-secondary", secondary
		f.Status.Servers[0].Ready, f.Status.Servers[0].State = true, admin.StatePassive
		f.Licence.Bindings[0].Possible, f.Licence.Bindings[1].Possible = false, true
		change(&f)
		return f
	}
	for _, c := range []struct {
		name, procedure string
		change          func(*Facts)
		no              []string
		outcome, last   string
	}{
		{"reinstated", admin.ProcedureReinstate, func(*Facts) {}, nil, admin.OutcomeDone, "now-passive"},
		{"not repaired", admin.ProcedureReinstate, func(*Facts) {}, []string{"repaired"}, admin.OutcomeRefused, "repaired"},
		{"its own switchover is on", admin.ProcedureReinstate, func(*Facts) {}, []string{"own-switchover-off"}, admin.OutcomeRefused, "own-switchover-off"},
		{"registered elsewhere", admin.ProcedureReinstate, func(f *Facts) { f.Licence.Bindings[0].Foreign = true }, nil, admin.OutcomeRefused, "not-registered"},
		{"still bound", admin.ProcedureReinstate, func(f *Facts) { f.Licence.Bindings[0].Possible = true }, nil, admin.OutcomeRefused, "not-registered"},
		{"not stable", admin.ProcedureReinstate, func(f *Facts) { f.Status.Servers[0].Stability.K = 4 }, nil, admin.OutcomeRefused, "stable"},
		{"the primary is active", admin.ProcedureReinstate, func(f *Facts) { f.Status.Active = primary }, nil, admin.OutcomeRefused, "on-secondary"},
		{"too early", admin.ProcedureReturn, func(f *Facts) { f.Status.ReturnAt = f.Status.Now.Add(time.Minute) }, nil, admin.OutcomeRefused, "return-time"},
		{"the time has passed", admin.ProcedureReturn, func(f *Facts) { f.Status.ReturnAt = f.Status.Now }, []string{"return"}, admin.OutcomeRefused, "return"},
		{"too many calls", admin.ProcedureReturn, func(f *Facts) { f.Quiet, f.Status.Servers[1].Calls = 2, 3 }, nil, admin.OutcomeRefused, "quiet"},
		{"quiet enough, the binding stays", admin.ProcedureReturn, func(f *Facts) { f.Quiet, f.Status.Servers[1].Calls = 2, 2 }, nil, admin.OutcomeFailed, "binding"},
	} {
		list, _ := Of(c.procedure)
		r, steps := walk(list, on(c.change), false, c.no...)
		if r.Outcome() != c.outcome || steps[len(steps)-1].ID != c.last {
			t.Errorf("%s: %s: %s", c.name, r.Outcome(), results(steps))
		}
	}
}

// TestDrillChecklist refuses whatever is not normal.
func TestDrillChecklist(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Facts)
		last   string // "": it may begin
	}{
		{"normal", func(*Facts) {}, ""},
		{"outside the window", func(f *Facts) { f.Window = "02:00-04:00" }, "window"},
		{"a major alarm", func(f *Facts) { f.Status.Alarms = []db.Alarm{{Number: 1001, Severity: "major"}} }, "no-alarm"},
		{"a warning", func(f *Facts) { f.Status.Alarms = []db.Alarm{{Number: 1082, Severity: "warning"}} }, ""},
		{"the last exercise failed", func(f *Facts) { f.Status.Alarms = []db.Alarm{{Number: 1081, Severity: "major"}} }, ""},
		{"one that ended", func(f *Facts) {
			f.Status.Alarms = []db.Alarm{{Number: 1001, Severity: "major", Cleared: f.Status.Now}}
		}, ""},
		{"the secondary is not ready", func(f *Facts) { f.Status.Servers[1].Ready = false }, "to-ready"},
		{"too many calls", func(f *Facts) { f.Limit = 2 }, "calls-few"},
	} {
		f := site()
		f.Limit = 5
		c.change(&f)
		r, steps := walk(Drill(), f, false)
		refused := r.Outcome() == admin.OutcomeRefused
		if refused != (c.last != "") || refused && steps[len(steps)-1].ID != c.last {
			t.Errorf("%s: %s: %s", c.name, r.Outcome(), results(steps))
		}
	}
}

func TestInside(t *testing.T) {
	at := func(s string) time.Time {
		when, err := time.Parse("15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, c := range []struct {
		window, now string
		want, bad   bool
	}{
		{"", "12:00", true, false},
		{"02:00-04:00", "02:00", true, false},
		{"02:00-04:00", "03:59", true, false},
		{"02:00-04:00", "04:00", false, false},
		{"22:30-01:00", "23:00", true, false},
		{"22:30-01:00", "00:59", true, false},
		{"22:30-01:00", "12:00", false, false},
		{"2h-4h", "03:00", false, true},
		{"02:00", "02:00", false, true},
		{"25:00-26:00", "02:00", false, true},
	} {
		got, err := Inside(c.window, at(c.now))
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%q at %s: %v, %v", c.window, c.now, got, err)
		}
	}
}
