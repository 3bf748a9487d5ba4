package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/procedure"
	"releve/cmd/internal/text"
)

// The guided procedures: releve procedure switchover, reinstate, return, mirror,
// copy; and what became of them.

// walk is what a procedure was given.
type walk struct {
	procedure.Options
	answers string // file; "": none
	yes     bool
	dry     bool
	at      string // of a copy
}

func (c *cli) procedureVerb() *cobra.Command {
	cmd := c.group("procedure", "procedure",
		c.walkVerb(admin.ProcedureSwitchover, "bascule"), c.walkVerb(admin.ProcedureReinstate, "remise-en-service"),
		c.walkVerb(admin.ProcedureReturn, "retour"), c.walkVerb(admin.ProcedureMirror, "miroir"),
		c.walkVerb(admin.ProcedureCopy, "copie"), c.historyVerb(), c.recordVerb(),
	)
	cmd.Aliases = []string{"procédure"}
	return cmd
}

func (c *cli) walkVerb(name, alias string) *cobra.Command {
	w := walk{Options: procedure.Options{Quiet: -1, Now: time.Now}}
	cmd := c.verb(text.Verb("procedure "+name), name, 0, 0, func(ctx context.Context, _ []string) error {
		return c.walk(ctx, name, w)
	}, alias)
	f := cmd.Flags()
	f.StringVar(&w.answers, "answers", "", c.m.Flag("answers"))
	f.BoolVarP(&w.yes, "yes", "y", false, c.m.Flag("yes-acts"))
	f.BoolVar(&w.dry, "dry-run", false, c.m.Flag("dry-run"))
	f.BoolVar(&w.Force, "force", false, c.m.Flag("force-step"))
	f.StringVar(&w.Reason, "reason", "", c.m.Flag("reason"))
	f.DurationVar(&w.Wait, "wait", 2*time.Minute, c.m.Flag("wait-step"))
	switch name {
	case admin.ProcedureSwitchover, admin.ProcedureReturn:
		f.DurationVar(&w.Call, "wait-call", 30*time.Second, c.m.Flag("wait-call"))
	case admin.ProcedureCopy:
		f.StringVar(&w.at, "at", "", c.m.Flag("copied-at"))
	}
	if name == admin.ProcedureReturn {
		f.DurationVar(&w.Calls, "wait-calls", 30*time.Minute, c.m.Flag("wait-calls"))
		f.IntVar(&w.Quiet, "quiet", -1, c.m.Flag("quiet"))
	}
	return cmd
}

// walk performs one procedure, or shows its list.
func (c *cli) walk(ctx context.Context, name string, w walk) error {
	ctx, stop := c.outlives(ctx)
	defer stop()
	list, _ := procedure.Of(name)
	if w.Force && strings.TrimSpace(w.Reason) == "" {
		return usage(c.m.ForceNeedsReason())
	}
	if err := c.copiedAt(name, &w); err != nil {
		return err
	}
	api := c.client()
	s, err := api.Status(ctx)
	if err != nil {
		return err
	}
	if len(s.Servers) < 2 && name != admin.ProcedureMirror {
		return exit{exitNo, c.m.OneServer(c.m.Level(s.Level))}
	}
	if w.dry {
		return c.print(dryList(list), func() string { return c.view().checklist(list, s) })
	}
	who, err := c.operator(ctx, name, s, list, &w)
	if err != nil {
		return err
	}
	fmt.Fprintln(who.out, c.m.ProcedureHead(name, s.Site))
	p, err := procedure.Perform(ctx, api, who, list, w.Options)
	return c.ended(who.out, p, err)
}

// copiedAt reads when the data were copied: now, a time, or how long ago.
func (c *cli) copiedAt(name string, w *walk) error {
	if name != admin.ProcedureCopy {
		return nil
	}
	w.Copied = c.now()
	if w.at == "" {
		return nil
	}
	if ago, err := time.ParseDuration(w.at); err == nil && ago >= 0 {
		w.Copied = w.Copied.Add(-ago)
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, w.at, c.zone); err == nil && !t.After(w.Copied) {
			w.Copied = t
			return nil
		}
	}
	return usage(c.m.BadTime(w.at))
}

// operator is who answers: the file and --yes, or the terminal.
func (c *cli) operator(ctx context.Context, name string, s admin.Status, list procedure.Checklist, w *walk) (*operator, error) {
	who := &operator{cli: c, out: c.out, script: w.yes || w.answers != "", acts: w.yes}
	if c.output == "json" {
		who.out = c.err
	}
	if w.answers != "" {
		var err error
		if who.answers, err = c.readAnswers(w.answers, list); err != nil {
			return nil, err
		}
	}
	moves := name == admin.ProcedureSwitchover || name == admin.ProcedureReturn
	if w.Reason = strings.TrimSpace(w.Reason); w.Reason != "" || !moves {
		return who, nil
	}
	if who.script {
		return nil, usage(c.m.NeedReason())
	}
	reason, err := c.ask(c.m.AskReason())
	if err == nil && reason == "" {
		err = exit{exitNo, c.m.GivenUp()}
	}
	w.Reason = reason
	return who, err
}

// ended prints how it went, and where it is kept.
func (c *cli) ended(out io.Writer, p admin.Procedure, err error) error {
	fmt.Fprintln(out, "\n"+c.m.ProcedureEnded(p.Name, p.Outcome))
	if p.Outcome == admin.OutcomeRefused && err == nil && p.Name != admin.ProcedureDrill {
		fmt.Fprintln(out, c.m.ProcedureHint())
	}
	if p.ID != "" {
		fmt.Fprintln(out, c.m.ProcedureKept(p.ID))
	} else {
		fmt.Fprintln(out, c.m.ProcedureLost())
	}
	if c.output == "json" {
		if perr := c.print(p, nil); perr != nil {
			return perr
		}
	}
	if err != nil {
		return err
	}
	if p.Outcome != admin.OutcomeDone {
		return quiet(exitNo)
	}
	return nil
}

// dryStep is a line of --dry-run -o json.
type dryStep struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Need bool   `json:"need"`
}

func dryList(list procedure.Checklist) []dryStep {
	out := make([]dryStep, 0, len(list.Steps))
	for _, s := range list.Steps {
		out = append(out, dryStep{s.ID, string(s.Kind), s.Need})
	}
	return out
}

func (c *cli) historyVerb() *cobra.Command {
	var limit int
	cmd := c.verb("procedure history", "history", 0, 0, func(ctx context.Context, _ []string) error {
		runs, err := c.client().Procedures(ctx, limit)
		if err != nil {
			return err
		}
		return c.print(runs, func() string {
			if len(runs) == 0 {
				return c.m.NoProcedure("") + "\n"
			}
			return c.view().history(runs)
		})
	}, "historique")
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, c.m.Flag("limit"))
	return cmd
}

// recordVerb prints one past run, the newest unless one is named.
func (c *cli) recordVerb() *cobra.Command {
	var page bool
	cmd := c.verb("procedure report", c.placeholder("report [REFERENCE]", "report [RÉFÉRENCE]"), 0, 1, func(ctx context.Context, args []string) error {
		id := strings.Join(args, "")
		runs, err := c.client().Procedures(ctx, 1000)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(runs, func(p admin.Procedure) bool { return id == "" || p.ID == id })
		if i < 0 {
			return exit{exitNo, c.m.NoProcedure(id)}
		}
		s, err := c.client().Status(ctx)
		if err != nil {
			return err
		}
		show := func() string { return c.view().record(s, runs[i]) }
		if page {
			show = func() string { return c.view().recordPage(s, runs[i]) }
		}
		if err := c.print(runs[i], show); err != nil {
			return err
		}
		if !runs[i].Intact {
			return quiet(exitNo)
		}
		return nil
	}, "rapport")
	cmd.Flags().BoolVar(&page, "html", false, c.m.Flag("html"))
	return cmd
}
