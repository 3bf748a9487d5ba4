package feasibility

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options of a proof.
type Options struct {
	Short    bool
	Parallel int       // worlds at once; 0: 12
	Only     string    // cases whose name holds it; empty: all
	Out      io.Writer // what a person wants to read; nil: nothing
	Keep     bool      // print every finding of a study that failed
}

// studyTime bounds one study.
const studyTime = 55 * time.Second

// Row is what became of one case.
type Row struct {
	Case    Case
	Found   bool
	State   string // of the finding; "absent" when there was none
	Word    string
	Verdict string
	Took    time.Duration
	Err     error
	All     []Finding
}

// Result is a whole proof; its JSON is the last line.
type Result struct {
	Found   int     `json:"preflight_quirks_found"`
	Planted int     `json:"preflight_quirks_planted"`
	Clean   int     `json:"clean_studies"` // of sites without a quirk
	False   int     `json:"false_findings"`
	Passed  bool    `json:"passed"`
	Seconds float64 `json:"seconds"`

	Rows []Row `json:"-"`
}

// Run is what `make levels` asks: how many of the planted quirks the binary
// finds. An error says that a world could not be made, that a study did not
// end, or that a site without a quirk was not GO.
func Run(ctx context.Context, binary string, o Options) (found, planted int, err error) {
	r, err := Prove(ctx, binary, o)
	return r.Found, r.Planted, err
}

// Prove runs every case and prints its table to o.Out.
func Prove(ctx context.Context, binary string, o Options) (Result, error) {
	start := time.Now()
	cases := slices.DeleteFunc(Cases(), func(c Case) bool {
		return o.Short && !c.Short || !strings.Contains(c.Name, o.Only)
	})
	if len(cases) == 0 {
		return Result{}, fmt.Errorf("no case is called %q", o.Only)
	}
	cleanSites := cleanCases(cases)
	if o.Only == "" {
		for _, name := range slices.Sorted(maps.Keys(foreign)) {
			if !o.Short || foreign[name] != "tcp" {
				cleanSites = append(cleanSites, Case{Name: "clean " + name, Study: name})
			}
		}
	}
	g, err := claim()
	if err != nil {
		return Result{}, err
	}
	defer g.release()
	rows := perform(ctx, binary, g, o, append(slices.Clone(cases), cleanSites...))
	r := Result{Rows: rows, Planted: len(cases)}
	var errs []error
	clean := map[string]Row{}
	for _, row := range rows[len(cases):] {
		clean[row.Case.Study] = row
		switch {
		case row.Err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", row.Case.Name, row.Err))
		case foreign[row.Case.Study] == "" && bad(row) != "":
			errs = append(errs, fmt.Errorf("%s: a site without a quirk has %s", row.Case.Name, bad(row)))
		default:
			r.Clean++
		}
	}
	for i := range rows[:len(cases)] {
		row := &rows[i]
		if row.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", row.Case.Name, row.Err))
			continue
		}
		// A finding tells the quirk only if it is not made without it.
		if without, ok := clean[row.Case.Study]; row.Found && ok && tells(row.Case, without.All) {
			row.Found = false
			r.False++
		}
		if row.Found {
			r.Found++
		}
	}
	r.Seconds = time.Since(start).Seconds()
	r.Passed = len(errs) == 0 && r.Found == r.Planted
	report(o, r)
	return r, errors.Join(errs...)
}

// cleanCases are one site without a quirk for each study that is done.
func cleanCases(cases []Case) (out []Case) {
	for _, c := range cases {
		if !slices.ContainsFunc(out, func(o Case) bool { return o.Study == c.Study }) {
			out = append(out, Case{Name: "clean " + c.Study, Study: c.Study})
		}
	}
	return out
}

// timed: what the finding tells is how fast this machine is at this moment, with a
// dozen worlds on it.
func timed(f Finding) bool {
	return f.ID == "round-trip" || f.ID == "jitter" || f.ID == "audio" && f.State == "reservation" && f.Values["case"] == ""
}

// bad names what a site without a quirk should not have: a no-go or a reservation,
// but for what the load of the proof itself makes.
func bad(r Row) string {
	var out []string
	for _, f := range r.All {
		if slices.Contains(grave, f.State) && !timed(f) {
			out = append(out, fmt.Sprintf("%s %s: %s %v", f.Target, f.ID, f.State, f.Values))
		}
	}
	if len(out) == 0 && r.Verdict == "no-go" {
		return "verdict " + r.Verdict
	}
	return strings.Join(out, "; ")
}

// perform runs the cases side by side.
func perform(ctx context.Context, binary string, g *ground, o Options, cases []Case) []Row {
	at := o.Parallel
	if at <= 0 {
		at = 12
	}
	rows := make([]Row, len(cases))
	turn := make(chan struct{}, at)
	var all sync.WaitGroup
	for i, c := range cases {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			rows[i] = one(ctx, binary, g, i, c)
		})
	}
	all.Wait()
	return rows
}

// one makes the world of a case and studies it.
func one(ctx context.Context, binary string, g *ground, n int, c Case) (row Row) {
	if foreign[c.Study] != "" {
		return studyKamailio(ctx, binary, g, n, c)
	}
	row = Row{Case: c, State: "absent"}
	w, err := build(g, n, c)
	if err != nil {
		row.Err = err
		return row
	}
	defer func() { row.Err = errors.Join(row.Err, w.close()) }()
	limit, cancel := context.WithTimeout(ctx, studyTime)
	defer cancel()
	start := time.Now()
	s, err := run(limit, binary, w.arguments(c.Study))
	row.Took, row.Err, row.Verdict, row.All = time.Since(start), err, s.Verdict, s.Findings
	if f, ok := s.find(c.Subject, c.Finding); ok {
		row.State, row.Word = f.State, f.Values["case"]
	}
	row.Found = err == nil && tells(c, s.Findings)
	return row
}

// tells says that the findings tell the quirk of c.
func tells(c Case, all []Finding) bool {
	f, ok := study{Findings: all}.find(c.Subject, c.Finding)
	states := c.States
	if len(states) == 0 {
		states = grave
	}
	return ok && slices.Contains(states, f.State) && (c.Word == "" || f.Values["case"] == c.Word)
}
