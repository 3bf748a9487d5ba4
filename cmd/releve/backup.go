package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"releve/cmd/internal/app"
	"releve/cmd/internal/config"
)

func (c *cli) backupVerb() *cobra.Command {
	return c.verb("backup", "backup FILE", 1, 1, func(ctx context.Context, args []string) error {
		cfg, err := c.loadAny(c.configPath) // a file with faults is worth keeping, too
		if err != nil {
			return exit{exitNo, err.Error()}
		}
		text, err := os.ReadFile(c.configPath)
		if err != nil {
			return exit{exitNo, err.Error()}
		}
		m, err := app.Backup(ctx, cfg, text, version, args[0])
		if err != nil {
			return exit{exitNo, err.Error()}
		}
		return c.print(m, func() string {
			return c.m.BackupDone(args[0], cfg.Store.Postgres != "", m.LeftOut)
		})
	}, "sauvegarde")
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
