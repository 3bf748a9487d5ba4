package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"releve/cmd/internal/admin"
)

func (c *cli) reloadVerb() *cobra.Command {
	return c.verb("reload", "reload", 0, 0, func(ctx context.Context, _ []string) error {
		r, err := c.client().Reload(ctx)
		if err != nil {
			return err
		}
		if c.output == "json" {
			if err := c.print(r, nil); err != nil {
				return err
			}
			return reloadCode(r)
		}
		return c.reloaded(r)
	}, "recharger")
}

// reloadCode is the exit code alone.
func reloadCode(r admin.Reload) error {
	switch r.Outcome {
	case admin.ReloadApplied:
		return nil
	case admin.ReloadFaulty:
		return quiet(exitConfig)
	}
	return quiet(exitNo)
}

// reloaded says what became of it; what was refused goes to err.
func (c *cli) reloaded(r admin.Reload) error {
	switch r.Outcome {
	case admin.ReloadFaulty:
		faults := 0
		for _, p := range r.Problems {
			if !p.Advice {
				fmt.Fprintln(c.err, p)
				faults++
			}
		}
		return exit{exitConfig, c.m.ReloadFaulty(r.File, faults)}
	case admin.ReloadRestart:
		return exit{exitNo, c.m.ReloadNeedsRestart(r.Restart)}
	case admin.ReloadBusy:
		return exit{exitNo, c.m.ReloadBusy()}
	case admin.ReloadApplied:
	default:
		return exit{exitNo, c.m.ReloadImpossible(c.m.Cause(r.Cause))}
	}
	var b strings.Builder
	for _, p := range r.Problems {
		fmt.Fprintln(&b, p)
	}
	b.WriteString(changeText(c.m, r.Changes))
	fmt.Fprintln(&b, c.m.Reloaded(len(r.Changes)))
	if r.Elsewhere {
		fmt.Fprintln(&b, c.m.HeldElsewhere())
	}
	_, err := c.out.Write([]byte(b.String()))
	return err
}
