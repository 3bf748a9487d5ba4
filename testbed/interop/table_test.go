package interop

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSumCountsWhatWasPlayed(t *testing.T) {
	for _, c := range []struct {
		name  string
		cells []Cell
		want  Sums
		green bool
	}{
		{"nothing was played", nil, Sums{}, false},
		{"n/a is no pair and proves nothing", []Cell{{Verdict: NotApplicable}}, Sums{NotApplicable: 1}, false},
		{"one passed", []Cell{{Verdict: Passed}, {Verdict: NotApplicable}}, Sums{Pairs: 1, Passed: 1, NotApplicable: 1}, true},
		{"one failed", []Cell{{Verdict: Passed}, {Verdict: Failed}}, Sums{Pairs: 2, Passed: 1, Failed: 1}, false},
		{"a verdict nobody knows is a failure", []Cell{{Verdict: Passed}, {Verdict: "skipped"}}, Sums{Pairs: 2, Passed: 1, Failed: 1}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := sum(c.cells)
			if got != c.want || got.green() != c.green {
				t.Errorf("sum %+v green %t, wanted %+v green %t", got, got.green(), c.want, c.green)
			}
		})
	}
}

func TestPrintNamesReasonsAndEndsWithTheSums(t *testing.T) {
	cells := []Cell{
		{Row: "a phone", Action: CallIn, Verdict: Passed},
		{Row: "a phone", Action: Blind, Verdict: NotApplicable, Reason: "it has no command"},
		{Row: "b server", Action: Blind, Verdict: NotApplicable, Reason: "it has no command"},
		{Row: "b server", Action: Cancel, Verdict: Failed, Reason: "no 487", Left: "its last words"},
	}
	var b strings.Builder
	if err := print(&b, []string{"a phone", "b server"}, cells, sum(cells)); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	for _, want := range []string{"(a phone: blind; b server: blind)", "FAILED b server: cancel", "no 487", "its last words"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Count(out, "it has no command") != 1 {
		t.Errorf("the shared reason does not stand once in\n%s", out)
	}
	lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
	var s Sums
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil || s.Pairs != 2 || s.NotApplicable != 2 {
		t.Errorf("last line %q: %v", lines[len(lines)-1], err)
	}
}

// TestRowsAreWhole: each row says of every action that it is played or why not,
// and no reason stands for an action that the row does not have.
func TestRowsAreWhole(t *testing.T) {
	names := make(map[string]bool)
	for _, r := range rows() {
		if names[r.name] {
			t.Errorf("two rows are named %q", r.name)
		}
		names[r.name] = true
		for a, reason := range r.na {
			if !r.contains(a) || reason == "" || r.plays[a] != nil {
				t.Errorf("%s: %s is not applicable (%q), and yet played or not an action of this row", r.name, a, reason)
			}
		}
		for _, a := range r.actions() {
			if r.na[a] == "" && r.plays[a] == nil && standard()[a] == nil {
				t.Errorf("%s: nothing plays %s", r.name, a)
			}
		}
	}
}

func TestFreshRecordsAreNamedAsCellsExpectThem(t *testing.T) {
	all := []record{
		{CallID: "old", Outcome: "answered", Server: "primary", Status: 200, EndedBy: "caller"},
		{CallID: "b", Outgoing: true, Outcome: "cancelled", Server: "primary", Status: 487},
		{CallID: "a", Outcome: "answered", Server: "secondary", Status: 200, EndedBy: "callee"},
	}
	got := strings.Join(fresh(all, map[string]bool{"old": true}), "; ")
	if want := "in answered secondary 200 callee; out cancelled primary 487"; got != want {
		t.Errorf("fresh: %q, wanted %q", got, want)
	}
}

func TestConfigurationNamesTheTransportOfEachSide(t *testing.T) {
	n := newNetwork(61, 0)
	p := plan{trunk: "tcp", side: "tls", primary: n.at(hostFirst), secondary: n.at(hostSecond), grant: 120, dir: "/d", cert: &certificates{ca: "/ca"}}
	got := p.yaml(n)
	for _, want := range []string{
		`address: "sip:127.66.1.1:5060;transport=tcp"`, `address: "sip:127.66.1.2:5061;transport=tls"`, `address: "tls://127.66.1.9:5061"`, "ca: /ca",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
