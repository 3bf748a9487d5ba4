package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"releve/cmd/internal/app"
)

func (c *cli) serveVerb() *cobra.Command {
	return c.verb("serve", "serve", 0, 0, func(ctx context.Context, _ []string) error {
		cfg, err := c.mustLoad(exitConfig)
		if err != nil {
			return err
		}
		if !cfg.Verification.Act {
			fmt.Fprintln(c.err, c.m.Observing())
		}
		return app.Run(ctx, cfg, app.Options{Version: version, Log: newLog(c.err, c.env)})
	})
}

// newLog writes key=value lines; journald stamps the time itself.
func newLog(w io.Writer, env func(string) string) *slog.Logger {
	o := &slog.HandlerOptions{}
	if env("JOURNAL_STREAM") != "" {
		o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.Attr{}
			}
			return a
		}
	}
	return slog.New(slog.NewTextHandler(w, o))
}
