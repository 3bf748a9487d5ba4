package faults

import (
	"slices"
	"testing"
	"time"

	"releve/testbed/ipbx"
)

func TestCallsAreEnteredOnce(t *testing.T) {
	refused := func(status int) ipbx.Result { return ipbx.Result{Outcome: "refused", Status: status, Trying: 1} }
	for _, test := range []struct {
		name   string
		result ipbx.Result
		cutOff bool
		want   Calls
	}{
		{"answered", ipbx.Result{Outcome: "answered", AnsweredBy: namePrimary}, false, Calls{Answered: 1}},
		{"answered late", ipbx.Result{Outcome: "answered", AnsweredBy: nameSecondary, Setup: 3 * time.Second}, false, Calls{Answered: 1, Delayed: 1}},
		{"by the desk", ipbx.Result{Outcome: "answered", AnsweredBy: nameIPBX}, false, Calls{Rescued: 1}},
		{"486", refused(486), false, Calls{Dissuaded: 1}},
		{"404", refused(404), false, Calls{Relayed: 1}},
		{"408 is no answer", refused(408), false, Calls{Lost: 1}},
		{"500", refused(500), false, Calls{Lost: 1}},
		{"503", refused(503), false, Calls{Lost: 1}},
		{"given up", ipbx.Result{Outcome: "cancelled", Status: 487}, false, Calls{Cancelled: 1}},
		{"no final", ipbx.Result{Outcome: "failed"}, false, Calls{Lost: 1}},
		{"no final, and no way to the hop", ipbx.Result{Outcome: "failed"}, true, Calls{Unreachable: 1}},
		{"no final after a 100, the way cut later", ipbx.Result{Outcome: "failed", Trying: 1}, true, Calls{Lost: 1}},
	} {
		test.want.Offered = 1
		var got Calls
		if lost := got.enter(test.result, test.cutOff); got != test.want || lost != (test.want.Lost == 1) {
			t.Errorf("%s: %+v, wanted %+v", test.name, got, test.want)
		}
	}
}

func TestJudge(t *testing.T) {
	from := time.Now()
	at := func(s int) time.Time { return from.Add(time.Duration(s) * time.Second) }
	dead := []said{{at: at(-9), verdict: healthy}, {at: at(1), verdict: deadApp}, {at: at(4), verdict: deadApp, switched: true}}
	well := dead[:1]
	for _, test := range []struct {
		name      string
		situation situation
		switches  int
		served    time.Duration
		said      []said
		wrong     bool
		missed    bool
		verdict   string
		expected  bool
	}{
		{"right", situation{truth: MustSwitch, verdicts: []string{deadApp}}, 1, 5 * time.Second, dead, false, false, deadApp, true},
		{"too late", situation{truth: MustSwitch, verdicts: []string{deadApp}}, 1, time.Minute, dead, false, true, deadApp, true},
		{"nobody served", situation{truth: MustSwitch}, 1, 0, dead, false, true, deadApp, true},
		{"twice", situation{truth: MustSwitch}, 2, 5 * time.Second, dead, true, false, deadApp, true},
		{"before it lasted", situation{truth: MustSwitch, notBefore: 5 * time.Second}, 1, 5 * time.Second, dead, true, false, deadApp, true},
		{"not at all", situation{truth: MustSwitch, verdicts: []string{deadApp}}, 0, 0, well, false, true, healthy, false},
		{"for nothing", situation{truth: MustNot, verdicts: []string{healthy}}, 1, 5 * time.Second, dead, true, false, deadApp, true},
		{"well", situation{truth: MustNot, verdicts: []string{healthy}}, 0, 0, well, false, false, healthy, true},
		{"either", situation{truth: May}, 1, 5 * time.Second, dead, false, false, deadApp, true},
	} {
		o := outcome{situation: &test.situation, switchovers: test.switches, toServed: test.served}
		o.judge(test.situation.truth, test.said, from, time.Time{})
		if o.wrong != test.wrong || o.missed != test.missed || o.verdict != test.verdict || o.expected != test.expected {
			t.Errorf("%s: wrong %t, missed %t, verdict %s, expected %t", test.name, o.wrong, o.missed, o.verdict, o.expected)
		}
	}
}

func TestInForce(t *testing.T) {
	from := time.Now()
	all := []said{{at: from.Add(-2), verdict: "A"}, {at: from.Add(-1), verdict: "B"}, {at: from.Add(1), verdict: "C"}}
	var got []string
	for _, s := range inForce(all, from) {
		got = append(got, s.verdict)
	}
	if !slices.Equal(got, []string{"B", "C"}) || all[1].at != from.Add(-1) {
		t.Errorf("in force: %v", got)
	}
}

// The corpus is as large as it says, each situation is named once, and the
// short form has ten.
func TestCorpus(t *testing.T) {
	all := situations()
	if len(all) < 40 {
		t.Errorf("%d situations", len(all))
	}
	seen, short := map[string]bool{}, 0
	for _, s := range all {
		if seen[s.name] || s.name == "" || s.state == "" || s.script == nil {
			t.Errorf("%q: named twice, or not whole", s.name)
		}
		seen[s.name] = true
		if s.short {
			short++
		}
		if s.truth == MustSwitch && len(s.verdicts) == 0 {
			t.Errorf("%q: which verdict would be right?", s.name)
		}
	}
	if short != 10 {
		t.Errorf("%d situations in the short form", short)
	}
}
