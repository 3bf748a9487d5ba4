package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/client"
	"releve/cmd/internal/text"
)

// The verbs that act: switchover, return, maintenance.

// act is what an acting verb was given.
type act struct {
	name   string // admin.Switchover or admin.Return
	target string // the role that becomes active
	force  bool
	yes    bool
	reason string
	wait   time.Duration
}

func (c *cli) switchoverVerb() *cobra.Command {
	return c.roleVerb("switchover", act{name: admin.Switchover, target: "secondary"}, "bascule")
}

func (c *cli) returnVerb() *cobra.Command {
	return c.roleVerb("return", act{name: admin.Return, target: "primary"}, "retour")
}

func (c *cli) roleVerb(name text.Verb, a act, alias string) *cobra.Command {
	cmd := c.verb(name, string(name), 0, 0, func(ctx context.Context, _ []string) error {
		return c.changeRole(ctx, a)
	}, alias)
	f := cmd.Flags()
	f.BoolVar(&a.force, "force", false, c.m.Flag("force"))
	f.BoolVarP(&a.yes, "yes", "y", false, c.m.Flag("yes"))
	f.StringVar(&a.reason, "reason", "", c.m.Flag("reason"))
	f.DurationVar(&a.wait, "wait", 30*time.Second, c.m.Flag("wait"))
	return cmd
}

// changeRole shows the consequences, asks, sends the command and waits.
func (c *cli) changeRole(ctx context.Context, a act) error {
	if a.yes && strings.TrimSpace(a.reason) == "" {
		return usage(c.m.NeedReason())
	}
	api := c.client()
	s, err := api.Status(ctx)
	if err != nil {
		return err
	}
	if !a.yes {
		if err := c.confirm(s, &a); err != nil {
			return err
		}
	}
	r, err := api.Command(ctx, admin.Command{
		Name: a.name, Force: a.force, Reason: a.reason, ExpectedActive: s.Active,
	})
	switch {
	case err != nil:
		return err
	case r.Accepted:
		s, err = c.follow(ctx, api, a)
		if err != nil {
			return err
		}
	}
	return c.report(a, r, s)
}

// confirm prints the consequences and asks for the reason and the name of the
// server that becomes active.
func (c *cli) confirm(s admin.Status, a *act) error {
	from, to := serverOf(s, s.Active), serverOf(s, a.target)
	fmt.Fprintln(c.err, c.m.Consequences(a.name, from.Name, to.Name, from.Calls))
	if a.name == admin.Switchover && !to.Ready {
		fmt.Fprintln(c.err, c.m.NotReady(to.Name))
	}
	if a.name == admin.Return {
		fmt.Fprintln(c.err, c.m.Stability(to.Name, to.Stability.K, to.Stability.N))
	}
	if a.reason == "" {
		reason, err := c.ask(c.m.AskReason())
		if err != nil {
			return err
		}
		if a.reason = reason; reason == "" {
			return exit{exitNo, c.m.GivenUp()}
		}
	}
	typed, err := c.ask(c.m.AskName(to.Name))
	if err != nil {
		return err
	}
	if typed != to.Name {
		return exit{exitNo, c.m.GivenUp()}
	}
	return nil
}

// ask prints a prompt and reads one line; the end of the input is a script
// that forgot -y.
func (c *cli) ask(prompt string) (string, error) {
	fmt.Fprint(c.err, prompt)
	line, err := c.keys.ReadString('\n')
	if errors.Is(err, errInterrupted) {
		fmt.Fprintln(c.err)
		return "", exit{exitNo, c.m.GivenUp()}
	}
	if errors.Is(err, io.EOF) && line == "" {
		fmt.Fprintln(c.err)
		return "", usage(c.m.NeedYes())
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimSpace(line), nil
}

func serverOf(s admin.Status, role string) admin.Server {
	for _, server := range s.Servers {
		if server.Role == role {
			return server
		}
	}
	return admin.Server{Name: role, Role: role}
}

// follow polls until the target is active and nothing moves any more, or wait
// is spent; the last status tells which.
func (c *cli) follow(ctx context.Context, api *client.Client, a act) (admin.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, a.wait)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last admin.Status
	for {
		s, err := api.Status(ctx)
		switch {
		case err == nil:
			last = s
		case ctx.Err() == nil:
			return last, err
		}
		if done(last, a) {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return last, nil
		case <-tick.C:
		}
	}
}

func done(s admin.Status, a act) bool {
	return s.Active == a.target && s.Phase != "switching" && s.Phase != "returning"
}

// report says how the command ended.
func (c *cli) report(a act, r admin.Result, s admin.Status) error {
	code, sentence := exitNo, ""
	switch {
	case r.Already:
		code, sentence = exitAlready, c.m.CommandAlready(a.name)
	case !r.Accepted:
		sentence = c.m.CommandRefused(a.name, c.m.Reason(r.Reason))
	case done(s, a):
		code, sentence = exitDone, c.m.CommandDone(a.name, serverOf(s, s.Active).Name)
	default:
		code, sentence = exitPending, c.m.CommandPending(a.name)
	}
	if err := c.print(r, func() string { return sentence + "\n" }); err != nil {
		return err
	}
	return quiet(code)
}

func (c *cli) maintenanceVerb() *cobra.Command {
	var reason string
	start := c.verb("maintenance start", "start", 0, 0, func(ctx context.Context, _ []string) error {
		if strings.TrimSpace(reason) == "" {
			return usage(c.m.NeedReason())
		}
		return c.maintenance(ctx, admin.Command{Name: admin.MaintenanceStart, Reason: reason}, c.m.MaintenanceOn())
	})
	start.Flags().StringVar(&reason, "reason", "", c.m.Flag("reason"))
	stop := c.verb("maintenance stop", "stop", 0, 0, func(ctx context.Context, _ []string) error {
		return c.maintenance(ctx, admin.Command{Name: admin.MaintenanceStop, Reason: reason}, c.m.MaintenanceOff())
	})
	stop.Flags().StringVar(&reason, "reason", "", c.m.Flag("reason"))
	return c.group("maintenance", "maintenance", start, stop)
}

func (c *cli) maintenance(ctx context.Context, cmd admin.Command, said string) error {
	r, err := c.client().Command(ctx, cmd)
	if err != nil {
		return err
	}
	code := exitDone
	switch {
	case r.Already:
		code, said = exitAlready, c.m.CommandAlready(cmd.Name)
	case !r.Accepted:
		code, said = exitNo, c.m.CommandRefused(cmd.Name, c.m.Reason(r.Reason))
	}
	if err := c.print(r, func() string { return said + "\n" }); err != nil {
		return err
	}
	return quiet(code)
}
