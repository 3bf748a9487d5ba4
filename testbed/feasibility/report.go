package feasibility

import (
	"fmt"
	"io"
	"time"
)

// report prints one line a case.
func report(o Options, r Result) {
	if o.Out == nil {
		return
	}
	fmt.Fprintf(o.Out, "%-32s %-10s %-18s %-12s %-10s %-14s %6s\n", "quirk", "found", "finding", "state", "case", "verdict", "took")
	for _, row := range r.Rows {
		mark := "found"
		switch {
		case row.Err != nil:
			mark = "ERROR"
		case row.Case.IPBX == "" && row.Case.Server == "":
			mark = "-"
		case !row.Found:
			mark = "NOT FOUND"
		}
		fmt.Fprintf(o.Out, "%-32s %-10s %-18s %-12s %-10s %-14s %6s\n", row.Case.Name, mark, row.Case.Finding, row.State, row.Word, row.Verdict, row.Took.Round(100*time.Millisecond))
		if row.Err != nil {
			fmt.Fprintf(o.Out, "    %v\n", row.Err)
		}
		if o.Keep && mark != "found" {
			every(o.Out, row.All)
		}
	}
	fmt.Fprintf(o.Out, "%d of %d quirks found, %d sites without a quirk studied, in %.1f s\n", r.Found, r.Planted, r.Clean, r.Seconds)
}

func every(w io.Writer, all []Finding) {
	for _, f := range all {
		fmt.Fprintf(w, "    %-10s %-10s %-18s %-12s %v\n", f.Subject, f.Target, f.ID, f.State, f.Values)
	}
}
