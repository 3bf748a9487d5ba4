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
		reload, stop := hangups()
		defer stop()
		return c.started(app.Run(ctx, cfg, app.Options{Version: version, Log: log, Reload: reload}))
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

// hangups makes each SIGHUP ask for a reload, until stop is called. Several that
// come while one is under way ask once more.
func hangups() (asked <-chan struct{}, stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	out, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		for range signals {
			select {
			case out <- struct{}{}:
			default:
			}
		}
	}()
	return out, func() {
		signal.Stop(signals)
		close(signals)
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
