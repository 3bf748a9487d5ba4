package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"releve/cmd/internal/app"
	"releve/cmd/internal/text"
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
		lines := newLogWriter(c.err)
		defer lines.Close()
		log := newLog(lines, c.env)
		stop := ignoreHangup(log)
		defer stop()
		return c.started(app.Run(ctx, cfg, app.Options{Version: version, Log: log}))
	})
}

// started says in the reader's language why serve could not start, or ended by
// itself, where that is a fault that installers meet.
func (c *cli) started(err error) error {
	var op *net.OpError
	address := "?"
	if errors.As(err, &op) && op.Addr != nil {
		address = op.Addr.Network() + " " + op.Addr.String()
	}
	switch {
	case op != nil && op.Addr != nil && op.Addr.Network() != "unix" && errors.Is(err, syscall.EACCES):
		return exit{exitNo, c.m.PortDenied(address)}
	case errors.Is(err, syscall.EADDRINUSE):
		return exit{exitNo, c.m.AddressTaken(address)}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return exit{exitNo, c.m.AddressElsewhere(address)}
	case errors.Is(err, syscall.EWOULDBLOCK):
		return exit{exitNo, c.m.AlreadyServing()}
	case errors.Is(err, app.ErrFault):
		return exit{exitNo, c.m.EndedByFault()}
	}
	return err
}

// ignoreHangup keeps SIGHUP from ending the service and says that nothing was
// reloaded, until stop is called.
func ignoreHangup(log *slog.Logger) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range hangups {
			log.Warn(text.For(text.English).NoReload()) // logs are in English
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
		<-done
	}
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
