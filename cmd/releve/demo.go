package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"releve/testbed/demo"
)

// demoVerb tells the whole story on loopback. --party is how the demo starts
// itself, once per party.
func (c *cli) demoVerb() *cobra.Command {
	var party string
	cmd := c.verb("demo", "demo", 0, 0, func(ctx context.Context, _ []string) error {
		if party != "" {
			return demo.RunParty(ctx, party, c.in, c.out)
		}
		return c.demo(ctx)
	})
	cmd.Flags().StringVar(&party, "party", "", "")
	if err := cmd.Flags().MarkHidden("party"); err != nil {
		panic(err) // the flag is defined one line above
	}
	return cmd
}

func (c *cli) demo(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program to start the parties: %w", err)
	}
	// A terminal that closes, or "| head", ends the story as Ctrl-C does.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	err = demo.Run(ctx, demo.Options{Self: self, Lang: demo.Lang(c.m.Lang()), Out: c.out})
	if errors.Is(err, demo.ErrFailed) {
		return quiet(exitNo) // the story said why
	}
	return err
}
