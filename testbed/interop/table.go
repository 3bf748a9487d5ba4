package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Action is a column of the table.
type Action string

// Actions in the order of the table. A row plays them in this order; after
// Switchover nothing else is played.
const (
	Register   Action = "register"
	CallIn     Action = "call in"
	CallOut    Action = "call out"
	Hold       Action = "hold"
	Blind      Action = "blind"
	Attended   Action = "attended"
	Cancel     Action = "cancel"
	Switchover Action = "switchover"
	Ask        Action = "options" // of programs that only ask
)

// Actions lists every column.
func Actions() []Action {
	return []Action{Register, CallIn, CallOut, Hold, Blind, Attended, Cancel, Switchover, Ask}
}

// Verdict of a cell.
type Verdict string

const (
	Passed        Verdict = "passed"
	Failed        Verdict = "failed"
	NotApplicable Verdict = "n/a"
)

// Cell is one action of one row. Reason: why it is not applicable, or what was
// wrong; empty when it passed.
type Cell struct {
	Row     string
	Action  Action
	Verdict Verdict
	Reason  string
	Left    string // the last lines of every party of a failed cell
	Took    time.Duration
}

// Sums of a run, its last line.
type Sums struct {
	Pairs         int     `json:"pairs"` // cells that were played
	Passed        int     `json:"passed"`
	Failed        int     `json:"failed"`
	NotApplicable int     `json:"not_applicable"`
	Programs      int     `json:"programs"`
	Seconds       float64 `json:"seconds"`
}

// sum counts; what is not applicable is no pair and never passed.
func sum(cells []Cell) (s Sums) {
	for _, c := range cells {
		switch c.Verdict {
		case Passed:
			s.Passed++
		case NotApplicable:
			s.NotApplicable++
			continue
		default: // an unknown verdict is a failure too
			s.Failed++
		}
		s.Pairs++
	}
	return s
}

// green says whether the run proves something and nothing failed.
func (s Sums) green() bool { return s.Failed == 0 && s.Passed > 0 && s.Passed == s.Pairs }

// print writes the table, the reasons, what failed cells left, and the sums as
// JSON on the last line.
func print(out io.Writer, rows []string, cells []Cell, s Sums) error {
	at := make(map[string]map[Action]Cell)
	for _, c := range cells {
		if at[c.Row] == nil {
			at[c.Row] = make(map[Action]Cell)
		}
		at[c.Row][c.Action] = c
	}
	width := 4
	for _, r := range rows {
		width = max(width, len(r))
	}
	fmt.Fprintf(out, "\n%-*s", width, "")
	for _, a := range Actions() {
		fmt.Fprintf(out, " | %-10s", a)
	}
	fmt.Fprintln(out)
	for _, r := range rows {
		fmt.Fprintf(out, "%-*s", width, r)
		for _, a := range Actions() {
			fmt.Fprintf(out, " | %-10s", at[r][a].Verdict)
		}
		fmt.Fprintln(out)
	}
	reasons(out, rows, at)
	last, err := json.Marshal(s)
	if err == nil {
		fmt.Fprintf(out, "\n%s\n", last)
	}
	return err
}

// reasons are written once for all cells that share them.
func reasons(out io.Writer, rows []string, at map[string]map[Action]Cell) {
	var order []string
	where := make(map[string][]string)
	for _, r := range rows {
		for _, a := range Actions() {
			c := at[r][a]
			if c.Verdict == NotApplicable {
				if where[c.Reason] == nil {
					order = append(order, c.Reason)
				}
				where[c.Reason] = append(where[c.Reason], r+": "+string(a))
			}
		}
	}
	if len(order) > 0 {
		fmt.Fprintln(out, "\nn/a:")
	}
	for _, reason := range order {
		fmt.Fprintf(out, "  %s\n      (%s)\n", reason, strings.Join(where[reason], "; "))
	}
	for _, r := range rows {
		for _, a := range Actions() {
			if c := at[r][a]; c.Verdict == Failed {
				fmt.Fprintf(out, "\n=== FAILED %s: %s\n%s\n%s\n", r, a, c.Reason, c.Left)
			}
		}
	}
}
