package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
)

// The verbs that look and change nothing.

func (c *cli) statusVerb() *cobra.Command {
	return c.verb("status", "status", 0, 0, func(ctx context.Context, _ []string) error {
		s, err := c.client().Status(ctx)
		if err != nil {
			return err
		}
		if err := c.print(s, func() string { return c.view().status(s) }); err != nil {
			return err
		}
		return quiet(statusCode(s))
	}, "etat", "état")
}

// quiet ends with code and no message; nil for 0.
func quiet(code int) error {
	if code == exitDone {
		return nil
	}
	return exit{code, ""}
}

// statusCode: 0 nominal, 1 degraded, 2 nobody answers.
func statusCode(s admin.Status) int {
	switch {
	case s.Headline == text.Nobody:
		return exitDown
	case s.Headline != text.Answering:
		return exitNo
	}
	for _, a := range s.Alarms {
		if a.Cleared.IsZero() && text.Severity(a.Severity) != text.Notice {
			return exitNo
		}
	}
	return exitDone
}

func (c *cli) callsVerb() *cobra.Command {
	var limit int
	var reveal bool
	use := c.placeholder("calls [FILTER]", "calls [FILTRE]")
	cmd := c.verb("calls", use, 0, 1, func(ctx context.Context, args []string) error {
		filter := strings.Join(args, "")
		calls, err := c.client().Calls(ctx, filter, limit)
		if err != nil {
			return err
		}
		return c.print(calls, func() string {
			if len(calls) == 0 {
				return c.m.NoCall(filter) + "\n"
			}
			return c.view().calls(calls, reveal)
		})
	}, "appels")
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, c.m.Flag("limit"))
	cmd.Flags().BoolVar(&reveal, "reveal", false, c.m.Flag("reveal"))
	return cmd
}

// placeholder chooses a line of usage by language.
func (c *cli) placeholder(en, fr string) string {
	if c.m.Lang() == text.English {
		return en
	}
	return fr
}

func (c *cli) eventsVerb() *cobra.Command {
	var limit int
	var since time.Duration
	cmd := c.verb("events", "events", 0, 0, func(ctx context.Context, _ []string) error {
		events, err := c.client().Events(ctx, c.now().Add(-since), limit)
		if err != nil {
			return err
		}
		return c.print(events, func() string {
			if len(events) == 0 {
				return c.m.NoEvent() + "\n"
			}
			return c.view().events(events)
		})
	}, "journal")
	cmd.Flags().IntVarP(&limit, "limit", "n", 100, c.m.Flag("limit"))
	cmd.Flags().DurationVar(&since, "since", 24*time.Hour, c.m.Flag("since"))
	return cmd
}

func (c *cli) licenceVerb() *cobra.Command {
	return c.verb("licence", "licence", 0, 0, func(ctx context.Context, _ []string) error {
		l, err := c.client().Licence(ctx)
		if err != nil {
			return err
		}
		return c.print(l, func() string { return c.view().licence(l) })
	})
}

func (c *cli) probeVerb() *cobra.Command {
	use := c.placeholder("probe SERVER|all", "probe SERVEUR|all")
	return c.verb("probe", use, 1, 1, func(ctx context.Context, args []string) error {
		api := c.client()
		names := args
		if args[0] == "all" {
			s, err := api.Status(ctx)
			if err != nil {
				return err
			}
			names = nil
			for _, server := range s.Servers {
				names = append(names, server.Name)
			}
		}
		probes := make([]admin.Probe, 0, len(names))
		code := exitDone
		for _, name := range names {
			p, err := api.Probe(ctx, name)
			if err != nil {
				return err
			}
			if p.SIP != "ok" && p.SIP != "busy" {
				code = exitDown
			}
			probes = append(probes, p)
		}
		if err := c.print(probes, func() string { return c.view().probes(probes) }); err != nil {
			return err
		}
		return quiet(code)
	}, "sonde")
}

func (c *cli) readyVerb() *cobra.Command {
	return c.verb("ready", "ready", 0, 0, func(ctx context.Context, _ []string) error {
		r, err := c.client().Ready(ctx)
		if err != nil {
			return err
		}
		if err := c.print(r, func() string { return c.m.ReadySentence(r.Ready, r.Cause) + "\n" }); err != nil {
			return err
		}
		if !r.Ready {
			return quiet(exitNo)
		}
		return nil
	})
}
