package interop

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Options of Run. Binary is the built releve. Only: rows whose name contains it,
// "" all. Action: that one only, "" all. Short: the rows of the short form.
// Beside: how many rows run at once, at least 1. Keep: directories stay.
type Options struct {
	Binary string
	Only   string
	Action Action
	Short  bool
	Beside int
	Keep   bool
}

// cellLimit is the longest a cell may take.
const cellLimit = 45 * time.Second

// Run plays the rows, prints the table with the sums on its last line, and
// reports whether the run is green.
func Run(ctx context.Context, o Options, out io.Writer) bool {
	began := time.Now()
	var chosen []*row
	for _, r := range rows() {
		if strings.Contains(r.name, o.Only) && (!o.Short || r.short) {
			chosen = append(chosen, r)
		}
	}
	cells := playRows(ctx, chosen, o, out)
	names := make([]string, len(chosen))
	for i, r := range chosen {
		names[i] = r.name
	}
	s := sum(cells)
	s.Programs = len(chosen)
	s.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	if err := print(out, names, cells, s); err != nil {
		fmt.Fprintln(out, err)
		return false
	}
	return s.green()
}

// playRows plays Beside rows at a time.
func playRows(ctx context.Context, chosen []*row, o Options, out io.Writer) (all []Cell) {
	room := make(chan struct{}, max(o.Beside, 1))
	done := make(chan []Cell)
	go func() {
		for n, r := range chosen {
			room <- struct{}{}
			go func() {
				cells := r.run(ctx, o, n)
				<-room
				done <- cells
			}()
		}
	}()
	for range chosen {
		for _, c := range <-done {
			all = append(all, c)
			line := ""
			if c.Verdict == Failed {
				line, _, _ = strings.Cut(c.Reason, "\n")
			}
			if c.Verdict != NotApplicable {
				fmt.Fprintf(out, "%-28s %-10s %5.1f s  %s  %s\n", c.Row, c.Action, c.Took.Seconds(), c.Verdict, line)
			}
		}
	}
	return all
}

// run plays the cells of a row in one world; a failed cell may have left
// something, so the next one gets a new world.
func (r *row) run(ctx context.Context, o Options, n int) (cells []Cell) {
	var w *World
	defer func() { w.close() }()
	for _, a := range r.actions() {
		if reason := r.na[a]; reason != "" {
			cells = append(cells, Cell{Row: r.name, Action: a, Verdict: NotApplicable, Reason: reason})
			continue
		}
		if o.Action != "" && a != o.Action {
			continue
		}
		began := time.Now()
		c := Cell{Row: r.name, Action: a, Verdict: Passed}
		if err := r.cell(ctx, &w, a, o, n); err != nil {
			c.Verdict, c.Reason = Failed, err.Error()
			if w != nil {
				c.Left = w.tails()
				w.close()
				w = nil
			}
		}
		c.Took = time.Since(began)
		cells = append(cells, c)
	}
	return cells
}

func (r *row) actions() []Action {
	if r.only != nil {
		return r.only
	}
	return slices.DeleteFunc(Actions(), func(a Action) bool { return a == Ask })
}

func (r *row) cell(ctx context.Context, w **World, a Action, o Options, n int) (err error) {
	ctx, cancel := context.WithTimeout(ctx, cellLimit)
	defer cancel()
	c := r.cast
	if a == Attended && r.joint.phone.start != nil {
		c = r.joint
		(*w).close()
		*w = nil
		defer func() {
			if err == nil {
				(*w).close()
				*w = nil
			}
		}()
	}
	if *w == nil {
		if *w, err = newWorld(ctx, r, c, o, n); err != nil {
			return fmt.Errorf("before the first call: %w", err)
		}
	}
	do := r.plays[a]
	if do == nil {
		do = standard()[a]
	}
	if err := do(ctx, *w); err != nil {
		return err
	}
	return (*w).alive(a)
}

// alive fails when a party ended during the cell without being killed by it.
func (w *World) alive(a Action) error {
	for _, x := range w.agents() {
		if !x.self().running() && !(a == Switchover && x == w.primary) {
			return fmt.Errorf("%s ended by itself (%s)", x.self().name, x.self().cmd.ProcessState)
		}
	}
	if !w.hop.running() {
		return fmt.Errorf("releve ended (%s)", w.hop.cmd.ProcessState)
	}
	return nil
}

// contains says whether a row has this action at all.
func (r *row) contains(a Action) bool { return slices.Contains(r.actions(), a) }
