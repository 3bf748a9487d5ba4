package main

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"releve/cmd/internal/app"
	"releve/cmd/internal/config"
)

func (c *cli) backupVerb() *cobra.Command {
	to := ""
	cmd := c.verb("backup", "backup FILE", 0, 1, func(ctx context.Context, args []string) error {
		switch {
		case to == "" && len(args) == 1:
			to = args[0]
		case to == "" || len(args) == 1: // no file, or two
			return usage(c.m.WrongArguments("backup FILE"))
		}
		cfg, err := c.loadAny(c.configPath) // a file with faults is worth keeping, too
		if err != nil {
			return exit{exitNo, err.Error()}
		}
		text, err := os.ReadFile(c.configPath)
		if err != nil {
			return exit{exitNo, err.Error()}
		}
		m, err := app.Backup(ctx, cfg, text, version, to)
		if err != nil {
			return exit{exitNo, err.Error()}
		}
		return c.print(m, func() string {
			return c.m.BackupDone(to, cfg.Store.Postgres != "", m.LeftOut)
		})
	}, "sauvegarde")
	// -o is how results are shown, for every verb; here it is the file as well, as many
	// programs have it: any word but those of a presentation.
	cmd.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("output") && !slices.Contains(outputs, c.output) {
			to, c.output = c.output, outputs[0]
		}
		return cmd.Root().PersistentPreRunE(cmd, args)
	}
	return cmd
}

func (c *cli) restoreVerb() *cobra.Command {
	dry := false
	cmd := c.verb("restore", "restore FILE [--dry-run]", 1, 1, func(ctx context.Context, args []string) error {
		r, err := app.Restore(ctx, args[0], c.configPath, c.loadAny, dry)
		switch {
		case errors.Is(err, app.ErrRunning):
			return exit{exitNo, c.m.RestoreRunning()}
		case err != nil:
			return exit{exitNo, err.Error()}
		}
		return c.print(r, func() string {
			return c.m.Restored(dry, r.Manifest.Site, r.Manifest.Made, r.Manifest.Version, r.Written, r.Aside, r.Missing)
		})
	}, "restauration")
	cmd.Flags().BoolVar(&dry, "dry-run", false, c.m.Flag("dry-run"))
	return cmd
}

// loadAny reads a configuration whatever it lacks on this machine.
func (c *cli) loadAny(path string) (*config.Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New(c.m.BackupNoConfig(path))
	}
	cfg, _ := config.Parse(path, raw, c.m.Lang())
	if cfg == nil || cfg.Site == "" || cfg.Store.Path == "" {
		return nil, errors.New(c.m.BackupNoConfig(path))
	}
	return cfg, nil
}
