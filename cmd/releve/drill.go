package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/procedure"
)

// drillMostCalls is how many calls may be in progress when an exercise begins,
// unless another number is given. Our choice: an exercise is for a quiet hour.
const drillMostCalls = 5

func (c *cli) drillVerb() *cobra.Command {
	d := procedure.DrillOptions{Options: procedure.Options{Quiet: -1, Now: time.Now}}
	var yes bool
	var file string
	cmd := c.verb("drill", "drill", 0, 0, func(ctx context.Context, _ []string) error {
		return c.drill(ctx, d, yes, file)
	}, "exercice")
	f := cmd.Flags()
	f.StringVar(&d.Window, "window", "", c.m.Flag("window"))
	f.DurationVar(&d.Hold, "hold", 5*time.Minute, c.m.Flag("hold"))
	f.IntVar(&d.Limit, "max-calls", drillMostCalls, c.m.Flag("max-calls"))
	f.DurationVar(&d.Wait, "wait", time.Minute, c.m.Flag("wait-step"))
	f.StringVar(&d.Reason, "reason", "", c.m.Flag("reason"))
	f.StringVar(&file, "report", "", c.m.Flag("report"))
	f.BoolVarP(&yes, "yes", "y", false, c.m.Flag("yes-acts"))
	return cmd
}

func (c *cli) drill(ctx context.Context, d procedure.DrillOptions, yes bool, file string) error {
	ctx, stop := c.outlives(ctx)
	defer stop()
	if _, err := procedure.Inside(d.Window, d.Now()); err != nil {
		return usage(c.m.BadWindow(d.Window))
	}
	api := c.client()
	s, err := api.Status(ctx)
	if err != nil {
		return err
	}
	if len(s.Servers) < 2 {
		return exit{exitNo, c.m.OneServer(c.m.Level(s.Level))}
	}
	if d.Reason = strings.TrimSpace(d.Reason); d.Reason == "" {
		d.Reason = c.m.ProcedureName(admin.ProcedureDrill)
	}
	who := &operator{cli: c, out: c.out, script: yes, acts: yes}
	if c.output == "json" {
		who.out = c.err
	}
	d.Told = func(left time.Duration, answered, lost uint64) {
		fmt.Fprintln(who.out, c.m.DrillHolding(left, answered, lost))
	}
	fmt.Fprintln(who.out, c.m.ProcedureHead(admin.ProcedureDrill, s.Site))
	p, err := procedure.Exercise(ctx, api, api, who, d)
	if p.Drill != nil && p.Drill.Cause != "" {
		fmt.Fprintln(who.out, "\n"+c.m.Line(c.m.ReportLabel("cause"), c.m.DrillCause(p.Drill.Cause)))
	}
	if p.Drill != nil && p.Drill.OnSecondary {
		fmt.Fprintln(who.out, c.m.ReportLabel("left"))
	}
	if file != "" {
		err = errors.Join(err, c.writeReport(file, s, p))
	}
	return c.ended(who.out, p, err)
}

// writeReport writes a record to a file: a page when it is called .html.
func (c *cli) writeReport(file string, s admin.Status, p admin.Procedure) error {
	body := c.view().record(s, p)
	if ext := strings.ToLower(filepath.Ext(file)); ext == ".html" || ext == ".htm" {
		body = c.view().recordPage(s, p)
	}
	if err := os.WriteFile(file, []byte(body), 0o640); err != nil {
		return fmt.Errorf("write the report: %w; \"releve procedure report %s\" prints it again", err, p.ID)
	}
	return nil
}
