package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/router"
)

// The verbs that say why: of a call, of a verification, of a period.

func (c *cli) explainVerb() *cobra.Command {
	var reveal bool
	var at, count, timeout, extra, on string
	use := c.placeholder("explain [CALL]", "explain [APPEL]")
	cmd := c.verb("explain", use, 0, 1, func(ctx context.Context, args []string) error {
		if len(args) == 1 {
			return c.explainCall(ctx, args[0], reveal)
		}
		moment, ok := c.moment(at)
		if !ok {
			return usage(c.m.FlagBadValue("--at", at))
		}
		x, err := c.client().Explain(ctx, moment, map[string]string{
			"count": count, "timeout": timeout, "alone_extra": extra, "switch_on": on,
		})
		if err != nil {
			return err
		}
		return c.print(x, func() string { return c.view().verification(&x) })
	}, "pourquoi")
	f := cmd.Flags()
	f.BoolVar(&reveal, "reveal", false, c.m.Flag("reveal"))
	f.StringVar(&at, "at", "", c.m.Flag("at"))
	f.StringVar(&count, "count", "", c.m.Flag("count"))
	f.StringVar(&timeout, "timeout", "", c.m.Flag("timeout"))
	f.StringVar(&extra, "alone-extra", "", c.m.Flag("alone-extra"))
	f.StringVar(&on, "switch-on", "", c.m.Flag("switch-on"))
	return cmd
}

func (c *cli) explainCall(ctx context.Context, call string, reveal bool) error {
	calls, err := c.client().Calls(ctx, call, 5)
	if err != nil {
		return err
	}
	if err := c.print(calls, func() string {
		if len(calls) == 0 {
			return c.m.NoCall(call) + "\n"
		}
		return c.view().explain(calls, reveal)
	}); err != nil {
		return err
	}
	if len(calls) == 0 {
		return quiet(exitNo)
	}
	return nil
}

// moment reads a time of day of the last 24 hours, or a date; "" is now (zero).
func (c *cli) moment(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	now := c.now()
	for _, layout := range []string{"15:04:05", "15:04"} {
		t, err := time.ParseInLocation(layout, s, now.Location())
		if err != nil {
			continue
		}
		t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location())
		if layout == "15:04" {
			t = t.Add(time.Minute - time.Nanosecond) // what began within that minute
		}
		if t.After(now) && t.Add(-time.Minute).After(now) {
			t = t.AddDate(0, 0, -1)
		}
		return t, true
	}
	return time.Time{}, false
}

// verification tells a verification round by round.
func (v view) verification(x *admin.Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", v.clock(x.Began), v.m.VerificationOf(x.Server, x.Cause))
	b.WriteString(v.rounds(x.Rounds, x.Began))
	if x.Verdict != "" {
		fmt.Fprintln(&b, v.m.Event(text.EventVerificationEnded, map[string]string{"server": x.Server, "verdict": x.Verdict}))
	}
	for _, e := range x.After {
		fmt.Fprintf(&b, "%s  %s\n", v.clock(e.Time), v.m.Event(e.Code, e.Params))
	}
	if r := x.Replay; r != nil {
		extra := 0
		if r.Settings.AloneExtra != nil {
			extra = *r.Settings.AloneExtra
		}
		fmt.Fprintf(&b, "\n%s\n", v.m.Tried(r.Settings.Count, extra, r.Settings.Timeout, r.Settings.SwitchOn))
		b.WriteString(v.rounds(r.Rounds, x.Began))
		fmt.Fprintln(&b, "→ "+v.m.ReplayOutcome(r.Outcome, len(r.Rounds)))
	}
	return b.String()
}

func (v view) rounds(rounds []admin.ExplainedRound, began time.Time) string {
	var rows [][]string
	for _, r := range rounds {
		count := "—"
		if r.N > 0 {
			count = strconv.Itoa(r.K) + "/" + strconv.Itoa(r.N)
		}
		answer := "—"
		if r.RTT > 0 {
			answer = v.m.Milliseconds(r.RTT)
		}
		rows = append(rows, []string{"  +" + v.m.Took(r.At.Sub(began)), count, "OPTIONS " + answer, v.m.Rule(r.Rule)})
		if r.Checks != "" {
			rows = append(rows, []string{"", "", "", v.m.RoundChecks(r.Checks)})
		}
	}
	return table(rows)
}

func (c *cli) reportVerb() *cobra.Command {
	var since time.Duration
	cmd := c.verb("report", "report", 0, 0, func(ctx context.Context, _ []string) error {
		r, err := c.client().Report(ctx, c.now().Add(-since))
		if err != nil {
			return err
		}
		return c.print(r, func() string { return c.view().report(&r) })
	}, "bilan")
	cmd.Flags().DurationVar(&since, "since", 30*24*time.Hour, c.m.Flag("since"))
	return cmd
}

// report tells a period: calls, verifications, switchovers made and not made.
func (v view) report(r *admin.Report) string {
	var b strings.Builder
	fmt.Fprintln(&b, v.m.ReportTitle(r.Site, v.date(r.Since), v.date(r.Until)))
	fmt.Fprintln(&b, v.m.ReportMode(r.Level, r.Act))
	figures := reportFigures(r)
	for _, key := range []string{
		"offered", "answered", "rescued", "dissuaded", "cancelled", "refused", "failed", "lost", "held",
		"would-overflow", "outgoing", "verifications", "switchovers", "would-switch", "withheld",
	} {
		n, always := figures[key], key == "offered" || key == "lost" || key == "verifications" || key == "switchovers" || key == "would-switch" && !r.Act
		if n > 0 || always {
			fmt.Fprintln(&b, "  "+v.m.Report(key, n))
		}
		if key == "verifications" {
			for _, c := range r.ByResult {
				fmt.Fprintf(&b, "    %d × %s\n", c.N, v.m.VerdictName(c.Name))
			}
		}
	}
	for _, e := range r.Events {
		fmt.Fprintf(&b, "%s  %s\n", v.date(e.Time), v.m.Event(e.Code, e.Params))
	}
	if r.Cut {
		fmt.Fprintln(&b, "…")
	}
	return b.String()
}

// date is a day and a time of day.
func (v view) date(t time.Time) string { return t.In(v.zone).Format("2006-01-02 15:04:05") }

// reportFigures counts by the keys of the catalogue.
func reportFigures(r *admin.Report) map[string]int64 {
	n := map[string]int64{"verifications": int64(r.Verified)}
	for _, t := range r.Calls {
		if t.Outgoing {
			n["outgoing"] += t.Calls
			continue
		}
		n["offered"] += t.Calls
		n[t.Outcome] += t.Calls
		n["held"] += t.Held
		if t.WouldHave != router.ReasonNone {
			n["would-overflow"] += t.Calls
		}
	}
	keys := map[string]string{
		text.EventSwitchoverDone: "switchovers", text.EventObserved: "would-switch", text.EventSwitchoverWithheld: "withheld",
	}
	for _, e := range r.Events {
		if key := keys[e.Code]; key != "" {
			n[key]++
		}
	}
	return n
}
