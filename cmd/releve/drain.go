package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve/cmd/internal/admin"
)

// drainVerb marks a server so that no new call goes to it. Without a server: the
// passive one, for to drain the active one is rarely meant.
func (c *cli) drainVerb() *cobra.Command {
	var force bool
	var reason string
	var wait time.Duration
	use := c.placeholder("drain [SERVER]", "drain [SERVEUR]")
	cmd := c.verb("drain", use, 0, 1, func(ctx context.Context, args []string) error {
		if strings.TrimSpace(reason) == "" {
			return usage(c.m.NeedReason())
		}
		return c.drain(ctx, admin.Command{Name: admin.Drain, Reason: reason, Force: force}, args, wait)
	}, "ecarter", "écarter")
	cmd.Flags().BoolVar(&force, "force", false, c.m.Flag("force-drain"))
	cmd.Flags().StringVar(&reason, "reason", "", c.m.Flag("reason"))
	cmd.Flags().DurationVar(&wait, "wait", 0, c.m.Flag("wait-calls"))
	stopUse := c.placeholder("stop [SERVER]", "stop [SERVEUR]")
	stop := c.verb("drain stop", stopUse, 0, 1, func(ctx context.Context, args []string) error {
		return c.drain(ctx, admin.Command{Name: admin.DrainStop, Reason: reason}, args, 0)
	})
	stop.Flags().StringVar(&reason, "reason", "", c.m.Flag("reason"))
	cmd.AddCommand(stop)
	return cmd
}

// drain sends the command, and waits until the server holds no call.
func (c *cli) drain(ctx context.Context, cmd admin.Command, args []string, wait time.Duration) error {
	api := c.client()
	s, err := api.Status(ctx)
	if err != nil {
		return err
	}
	cmd.Server = strings.Join(args, "")
	if cmd.Server == "" {
		cmd.Server = drainable(s, cmd.Name)
	}
	r, err := api.Command(ctx, cmd)
	if err != nil {
		return err
	}
	code, calls := exitDone, 0
	switch {
	case !r.Accepted && !r.Already:
		code = exitNo
	case wait > 0:
		if calls, err = c.untilIdle(ctx, cmd.Server, wait); err != nil {
			return err
		}
		if calls > 0 {
			code = exitNo
		}
	default:
		if s, err = api.Status(ctx); err != nil {
			return err
		}
		calls = serverCalled(s, cmd.Server).Calls
		if r.Already {
			code = exitAlready
		}
	}
	out := struct {
		admin.Result
		Server string `json:"server"`
		Calls  int    `json:"calls"`
	}{r, serverCalled(s, cmd.Server).Name, calls}
	if err := c.print(out, func() string { return c.drainSaid(cmd, out.Result, out.Server, calls) + "\n" }); err != nil {
		return err
	}
	return quiet(code)
}

func (c *cli) drainSaid(cmd admin.Command, r admin.Result, server string, calls int) string {
	switch {
	case !r.Accepted && !r.Already:
		return c.m.CommandRefused(cmd.Name, c.m.Reason(r.Reason))
	case cmd.Name == admin.DrainStop:
		return c.m.Undrained(server)
	}
	return c.m.Drained(server, calls)
}

// drainable is the server that is meant when none is named: the passive one, or
// the one that is drained.
func drainable(s admin.Status, name string) string {
	for _, x := range s.Servers {
		if name == admin.Drain && x.Role != s.Active || name == admin.DrainStop && x.Drained != nil {
			return x.Role
		}
	}
	return s.Active
}

// serverCalled is the server of a name or a role.
func serverCalled(s admin.Status, name string) admin.Server {
	i := slices.IndexFunc(s.Servers, func(x admin.Server) bool { return x.Name == name || x.Role == name })
	if i < 0 {
		return admin.Server{Name: name}
	}
	return s.Servers[i]
}

// untilIdle returns when the server holds no call, or wait is spent: then how
// many it still holds.
func (c *cli) untilIdle(ctx context.Context, server string, wait time.Duration) (calls int, err error) {
	late := time.NewTimer(wait)
	defer late.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := c.client().Status(ctx)
		if err != nil {
			return 0, err
		}
		if calls = serverCalled(s, server).Calls; calls == 0 {
			return 0, nil
		}
		select {
		case <-ctx.Done():
			return calls, ctx.Err()
		case <-late.C:
			return calls, nil
		case <-tick.C:
		}
	}
}
