package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Print writes the table, what failed, what is not done, and the JSON line.
func (r *Report) Print(out io.Writer) error {
	for i := range r.Results {
		res := &r.Results[i]
		fmt.Fprintf(out, "%-34s %-9s %s\n", res.Row.ID, res.Verdict, res.proof())
	}
	for i := range r.Results {
		res := &r.Results[i]
		if res.Verdict != Failed {
			continue
		}
		fmt.Fprintf(out, "\n=== %s failed: %s\n", res.Row.ID, res.Row.Text)
		for _, t := range res.Tests {
			if !t.Passed {
				fmt.Fprintf(out, "--- %s %s\n%s", t.Package, t.Name, t.Output)
			}
		}
	}
	fmt.Fprintf(out, "\nNot done (%d):\n", r.Count(NotDone))
	for i := range r.Results {
		if res := &r.Results[i]; res.Verdict == NotDone {
			fmt.Fprintf(out, "  %s %s\n", res.Row.ID, res.Row.Text)
		}
	}
	for _, f := range r.Faults {
		fmt.Fprintf(out, "\n=== %s\n", f)
	}
	last, err := json.Marshal(map[string]int{
		"rules": len(r.Results), "passed": r.Count(Passed), "failed": r.Count(Failed) + len(r.Faults),
		"not_done": r.Count(NotDone), "policy": r.Count(Policy),
	})
	if err == nil {
		_, err = fmt.Fprintf(out, "\n%s\n", last)
	}
	return err
}

// proof names what proves the row, or why nothing does.
func (res *Result) proof() string {
	switch {
	case res.Verdict == Policy:
		return "a choice: §3"
	case res.Verdict == NotDone:
		return "–"
	case len(res.Tests) == 0:
		return "no test names this rule"
	}
	names := make([]string, len(res.Tests))
	for i, t := range res.Tests {
		names[i] = strings.TrimPrefix(t.Package, "releve/")
		if t.Name != "" {
			names[i] += " " + t.Name
		}
		if !t.Passed {
			names[i] = "✗ " + names[i]
		}
	}
	return strings.Join(names, "; ")
}
