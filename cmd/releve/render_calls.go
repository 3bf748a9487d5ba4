package main

import (
	"fmt"
	"strings"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/router"
)

// The screens about calls.

func (v view) number(n string, reveal bool) string {
	if reveal {
		return n
	}
	return text.Mask(n)
}

func (v view) calls(calls []admin.CallInfo, reveal bool) string {
	rows := [][]string{{
		v.m.Label("time"), v.m.Label("caller"), v.m.Label("called"), v.m.Label("server"),
		v.m.Label("outcome"), v.m.Label("length"), "Call-ID",
	}}
	for _, c := range calls {
		rows = append(rows, []string{
			v.clock(c.Started), v.number(c.From, reveal), v.number(c.To, reveal), v.m.Role(c.Server),
			v.outcome(c), v.length(c), c.CallID,
		})
	}
	return table(rows)
}

func (v view) outcome(c admin.CallInfo) string {
	if c.Live {
		return v.m.Outcome("none")
	}
	return v.m.Outcome(c.Outcome)
}

// timed says that the length of the call is known: it is not when nobody
// answered, nor when the call began in an earlier run.
func (v view) timed(c admin.CallInfo) bool { return c.Live || c.Duration > 0 }

func (v view) length(c admin.CallInfo) string {
	if !v.timed(c) {
		return "—"
	}
	return v.m.Ago(v.lasted(c))
}

func (v view) lasted(c admin.CallInfo) time.Duration {
	if c.Live {
		return v.now.Sub(c.Started)
	}
	return c.Duration
}

// explain says of each call where it went, why, and what the clocks were.
func (v view) explain(calls []admin.CallInfo, reveal bool) string {
	var b strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&b, "%s  %s\n", v.clock(c.Started),
			v.m.Explain(v.number(c.From, reveal), v.number(c.To, reveal), v.m.Role(c.Server), v.outcome(c)))
		if c.WouldHave == router.ReasonNone {
			fmt.Fprintln(&b, "  "+v.m.Reason(c.Reason))
		} else {
			fmt.Fprintln(&b, "  "+v.m.ReasonKept(c.Reason))
			fmt.Fprintln(&b, "  "+v.m.WouldHave(c.Server))
		}
		fmt.Fprintln(&b, "  "+strings.Join(v.facts(c), ", "))
	}
	return b.String()
}

func (v view) facts(c admin.CallInfo) []string {
	var out []string
	add := func(label, value string) {
		out = append(out, v.m.Line(v.m.Label(label), value))
	}
	if c.Status != 0 {
		add("status", fmt.Sprint(c.Status))
	}
	if c.Verdict != "" {
		add("verdict", v.m.VerdictName(c.Verdict))
	}
	if c.Held > 0 {
		add("held", v.m.Ago(c.Held))
	}
	if c.Setup > 0 && (c.Status == 0 || c.Status/100 == 2) { // a refusal is no answer to a caller
		add("answer", v.m.Ago(c.Setup))
	}
	if c.Setup > 0 && c.Outcome == router.Cancelled.String() { // held is the verification alone; a line was waited for too
		add("waited", v.m.Ago(c.Setup))
	}
	if v.timed(c) {
		add("duration", v.m.Ago(v.lasted(c)))
	}
	if c.EndedBy != "" {
		add("ended-by", v.m.EndedBy(c.EndedBy))
	}
	add("epoch", fmt.Sprint(c.Epoch))
	return append(out, "Call-ID "+c.CallID)
}
