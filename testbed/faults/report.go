package faults

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Report is the last line.
type Report struct {
	Sum
	Kamailio *Sum `json:"kamailio,omitempty"`
	Passed   bool `json:"passed"`
}

// Sum is what a corpus came to with one hop.
type Sum struct {
	Situations   int `json:"situations"`
	Wrong        int `json:"wrong_switchovers"`
	Missed       int `json:"missed_switchovers"`
	Lost         int `json:"calls_lost"`
	Unexpected   int `json:"verdicts_wrong"` // situations in which no verdict named the state
	MostBindings int `json:"max_bindings_at_once"`
	Failed       int `json:"failed"` // situations that could not be played

	Killed      int64 `json:"detect_killed_p99_ms"` // the worst of the repetitions; 0: not measured
	Silent      int64 `json:"detect_silent_p99_ms"`
	Repetitions int   `json:"repetitions"`

	FalseBusy     int `json:"false_busy_overflows"` // switchovers while the primary was only busy
	BusyOverflows int `json:"busy_overflows_on_the_wire"`
	BusyReached   int `json:"busy_reached_verification"`

	Calls Calls `json:"calls"`
}

func (s *Sum) add(o *outcome) {
	s.Situations++
	if o.err != nil {
		s.Failed++
	}
	if o.wrong {
		s.Wrong++
	}
	if o.missed {
		s.Missed++
	}
	if !o.expected {
		s.Unexpected++
	}
	s.MostBindings = max(s.MostBindings, o.bindings)
	s.Lost += o.calls.Lost
	s.Calls.add(o.calls)
}

func (c *corpus) report(all []outcome) (r Report) {
	r.Passed = true
	for i := range all {
		if all[i].hop == hopKamailio {
			if r.Kamailio == nil {
				r.Kamailio = &Sum{}
			}
			r.Kamailio.add(&all[i])
			r.Passed = r.Passed && all[i].err == nil // what it did is for the reader; that it was done is not
			continue
		}
		r.Sum.add(&all[i])
		// In the short form a starved machine may not give a verdict its time.
		r.Passed = r.Passed && !all[i].failed() && (c.Short || all[i].expected)
	}
	c.table(all)
	c.confusion(all)
	return r
}

// line is an outcome as one line of the table.
func (o *outcome) line() string {
	mark := "✓"
	if o.failed() {
		mark = "✗"
	}
	var faults []string
	for _, f := range []struct {
		is   bool
		what string
	}{
		{o.wrong && !o.early, "wrong switchover"},
		{o.early, "too early"},
		{o.missed, "missed switchover"},
		{o.calls.Lost > 0, "calls lost"},
		{o.bindings > 1, "two bindings"},
		{o.err != nil, "not played"},
		{!o.expected, "verdict not reached"},
	} {
		if f.is {
			faults = append(faults, f.what)
		}
	}
	times := ""
	if o.toServed > 0 {
		times = fmt.Sprintf(", the secondary serves after %s s", seconds(o.toServed))
	}
	if len(faults) > 0 {
		times += "  ← " + strings.Join(faults, ", ")
	}
	return fmt.Sprintf("%s %-8s %-58s %-8s %d switchovers%s\n    calls: %s; said: %s (%.0f s)",
		mark, o.hop, o.name, o.truth, o.switchovers, times, o.calls, cmp.Or(o.said(), "nothing"), o.took.Seconds())
}

// table prints each situation once, what each hop did with it side by side.
func (c *corpus) table(all []outcome) {
	fmt.Fprintf(c.Out, "\n%-58s %-8s", "situation", "switch")
	for _, h := range c.hops {
		fmt.Fprintf(c.Out, " | %-8s %2s %-13s %6s %6s %4s %5s %4s", h.name, "sw", "verdict", "to it", "served", "late", "refus", "lost")
	}
	fmt.Fprintln(c.Out)
	for i := range all {
		if all[i].hop != hopReleve {
			continue
		}
		s := all[i].situation
		fmt.Fprintf(c.Out, "%-58s %-8s", s.name, s.truth)
		for _, h := range c.hops {
			j := slices.IndexFunc(all, func(o outcome) bool { return o.hop == h.name && o.name == s.name })
			if j < 0 {
				fmt.Fprintf(c.Out, " | %s", s.only)
				continue
			}
			o := &all[j]
			k := o.calls
			fmt.Fprintf(c.Out, " | %-8s %2d %-13s %6s %6s %4d %5d %4d", o.grade(), o.switchovers, o.verdict,
				seconds(o.toVerdict), seconds(o.toServed), k.Delayed, k.Dissuaded+k.Relayed, k.Lost)
		}
		fmt.Fprintln(c.Out)
	}
}

// grade is the fault of an outcome in a word.
func (o *outcome) grade() string {
	switch {
	case o.err != nil:
		return "FAILED"
	case o.wrong:
		return "WRONG"
	case o.missed:
		return "MISSED"
	case o.calls.Lost > 0:
		return "LOST"
	case o.bindings > 1:
		return "TWICE" // both licensed users were bound at once
	}
	return "ok"
}

// confusion prints, for each truth about the primary, how often each verdict
// was said of it.
func (c *corpus) confusion(all []outcome) {
	cells := map[[2]string]int{}
	var states, verdicts []string
	for i := range all {
		o := &all[i]
		if o.hop != hopReleve || o.err != nil {
			continue
		}
		verdict := cmp.Or(o.verdict, "none")
		cells[[2]string{o.state, verdict}]++
		if !slices.Contains(states, o.state) {
			states = append(states, o.state)
		}
		if !slices.Contains(verdicts, verdict) {
			verdicts = append(verdicts, verdict)
		}
	}
	slices.Sort(verdicts)
	fmt.Fprintf(c.Out, "\nTruth about the primary against the verdict said of it (of a switchover: what it was made for; else: said longest)\n%-14s", "")
	for _, v := range verdicts {
		fmt.Fprintf(c.Out, " %13s", v)
	}
	fmt.Fprintln(c.Out)
	for _, s := range states {
		fmt.Fprintf(c.Out, "%-14s", s)
		for _, v := range verdicts {
			fmt.Fprintf(c.Out, " %13s", cell(cells[[2]string{s, v}]))
		}
		fmt.Fprintln(c.Out)
	}
	fmt.Fprintln(c.Out)
}

func cell(n int) string {
	if n == 0 {
		return "."
	}
	return fmt.Sprint(n)
}

// String names what there was.
func (c Calls) String() string {
	out := fmt.Sprintf("%d offered", c.Offered)
	for _, part := range []struct {
		n    int
		what string
	}{
		{c.Answered, "answered"},
		{c.Rescued, "rescued"},
		{c.Dissuaded, "dissuaded"},
		{c.Relayed, "refused by the server's own word"},
		{c.Cancelled, "cancelled"},
		{c.Unreachable, "that no wire carried"},
		{c.Lost, "LOST"},
		{c.Delayed, "of them after more than 2 s"},
	} {
		if part.n > 0 {
			out += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return out
}
