package conformance

import (
	"fmt"
	"regexp"
	"strings"
)

// Test is the outcome of one subtest of a TestConformance function, or of one
// torture message. ID is the rule it names, "" when its name begins with none.
type Test struct {
	ID, Package, Name string
	Passed            bool
	Output            string // of a failed one
}

// Verdict is what became of one row.
type Verdict uint8

// The verdicts. NotDone: a row that may wait has no test. Policy: the same, but
// the page says what Relève does instead, and why.
const (
	Passed Verdict = iota
	Failed
	NotDone
	Policy
)

func (v Verdict) String() string { return [...]string{"passed", "failed", "not done", "policy"}[v] }

// Result is one line of the table.
type Result struct {
	Row     Row
	Verdict Verdict
	Tests   []Test
}

// Report is the whole of it. Faults: what fails the run beside the rows (a test
// named after an unknown rule, a package that did not build).
type Report struct {
	Results []Result
	Faults  []string
}

// OK reports whether nothing failed.
func (r *Report) OK() bool { return len(r.Faults) == 0 && r.Count(Failed) == 0 }

// Count is the number of rows with a verdict.
func (r *Report) Count(v Verdict) (n int) {
	for i := range r.Results {
		if r.Results[i].Verdict == v {
			n++
		}
	}
	return n
}

// Join gives each row its tests and its verdict; each torture message is a row
// of its own, proven by its test alone.
func Join(p *Page, tests []Test, torture []Test) *Report {
	r := &Report{}
	byID := map[string][]Test{}
	for _, t := range tests {
		byID[t.ID] = append(byID[t.ID], t)
	}
	for _, row := range p.Rows {
		r.Results = append(r.Results, judge(row, byID[row.ID]))
		delete(byID, row.ID)
	}
	for _, t := range torture {
		r.Results = append(r.Results, judge(Row{ID: t.ID, When: "D1", Text: t.Name}, []Test{t}))
	}
	for _, t := range tests {
		if _, stray := byID[t.ID]; !stray {
			continue
		}
		if t.ID == "" {
			r.Faults = append(r.Faults, fmt.Sprintf("%s: %s names no rule: begin it with an id, as in t.Run(\"V01 RFC 3261 §7.3.1 compact forms\", …)", t.Package, t.Name))
		} else {
			r.Faults = append(r.Faults, fmt.Sprintf("%s: %s: the page knows no rule %s", t.Package, t.Name, t.ID))
		}
	}
	return r
}

func judge(row Row, tests []Test) Result {
	res := Result{Row: row, Tests: tests}
	switch {
	case len(tests) > 0:
		for _, t := range tests {
			if !t.Passed {
				res.Verdict = Failed
			}
		}
	case row.When == "D1":
		res.Verdict = Failed
	case row.Choice:
		res.Verdict = Policy
	default:
		res.Verdict = NotDone
	}
	return res
}

var idForm = regexp.MustCompile(`^([A-Z]\d\d|flow_\d\d)(_|$|#)`)

// idOf reads the id that a subtest's name begins with, as go test writes it
// (spaces become underscores); "" when there is none.
func idOf(name string) string {
	m := idForm.FindStringSubmatch(name)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], "_", " ")
}
