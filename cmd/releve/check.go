package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/client"
	"releve/cmd/internal/plugin"
	"releve/cmd/internal/text"
)

// checkWithin is how long a check may take when -t says nothing; NRPE gives ten
// seconds to all.
const checkWithin = 8 * time.Second

// checkAsked is one run of releve check.
type checkAsked struct {
	warn, crit, within string
	verbose, version   bool
}

// checkVerb is the monitoring plugin. Its line and its exit code are all that a
// supervisor sees: every mistake is UNKNOWN on the standard output, and nothing
// is written to the error output.
func (c *cli) checkVerb() *cobra.Command {
	root := c.checkOf("check", "check", false, "", plugin.Overall)
	root.AddCommand(
		c.checkOf("check server", c.placeholder("server [SERVER]", "server [SERVEUR]"), true, "serveur", plugin.Servers),
		c.checkOf("check calls", "calls", false, "appels", plugin.Calls),
		c.checkOf("check registration", "registration", false, "enregistrement", plugin.Registration),
		c.checkOf("check mirror", "mirror", false, "miroir", plugin.Mirror),
		c.checkOf("check node", "node", false, "noeud", plugin.Node),
		c.checkOf("check certificate", "certificate", false, "certificat", plugin.Certificates),
		c.checkReady(),
	)
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		c.helped = true // "--help or --version output should also result in Unknown state"
		cmd.Root().HelpFunc()(cmd, args)
	})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return c.misused(c.flagFault(cmd, err))
	})
	return root
}

// without are the checks that measure nothing: a threshold of theirs is a mistake.
var without = []text.Verb{"check", "check ready"}

// blind are the checks that know nothing when Relève does not answer; the others
// say that callers are in trouble.
var blind = []text.Verb{"check registration", "check mirror", "check certificate"}

// checkOf makes one check of the status.
func (c *cli) checkOf(name text.Verb, use string, one bool, alias string, judge func(admin.Status, plugin.Asked) plugin.Result) *cobra.Command {
	return c.checkCommand(name, use, one, alias, func(ctx context.Context, a plugin.Asked) (plugin.Result, error) {
		s, err := c.client().Status(ctx)
		if err != nil {
			return plugin.Result{}, err
		}
		return judge(s, a), nil
	})
}

func (c *cli) checkReady() *cobra.Command {
	return c.checkCommand("check ready", "ready", false, "pret", func(ctx context.Context, a plugin.Asked) (plugin.Result, error) {
		r, err := c.client().Ready(ctx)
		if err != nil {
			return plugin.Result{}, err
		}
		return plugin.Ready(r, a), nil
	})
}

func (c *cli) checkCommand(name text.Verb, use string, one bool, alias string, ask func(context.Context, plugin.Asked) (plugin.Result, error)) *cobra.Command {
	var asked checkAsked
	cmd := c.verb(name, use, 0, 1, nil)
	if alias != "" {
		cmd.Aliases = []string{alias}
	}
	cmd.Args = func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 || one && len(args) == 1:
			return nil
		case name == "check":
			return c.misused(usage(c.m.UnknownCommand("check "+args[0], cmd.SuggestionsFor(args[0]))))
		}
		return c.misused(usage(c.m.WrongArguments(strings.TrimPrefix("check "+use, "check check"))))
	}
	cmd.PersistentPreRunE = func(*cobra.Command, []string) error {
		switch {
		case !slices.Contains([]string{"table", "json"}, c.output):
			return c.misused(usage(c.m.FlagBadValue("--output", c.output)))
		case !slices.Contains([]string{"", "fr", "en"}, c.lang):
			return c.misused(usage(c.m.FlagBadValue("--lang", c.lang)))
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if asked.version {
			return c.said(plugin.Result{State: plugin.Unknown, Text: "releve " + version})
		}
		a, within, err := c.checkAsked(name, asked)
		if err != nil {
			return c.misused(err)
		}
		if len(args) > 0 {
			a.Server = args[0]
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), within)
		defer cancel()
		r, err := ask(ctx, a)
		if err != nil {
			r = c.unseen(name, err, within)
		}
		return c.said(r)
	}
	cmd.SuggestionsMinimumDistance = 2
	f := cmd.Flags()
	f.StringVarP(&asked.warn, "warning", "w", "", c.m.Flag("warning"))
	f.StringVarP(&asked.crit, "critical", "c", "", c.m.Flag("critical"))
	f.StringVarP(&asked.within, "timeout", "t", "", c.m.Flag("check-timeout"))
	f.BoolVarP(&asked.verbose, "verbose", "v", false, c.m.Flag("verbose"))
	f.BoolVarP(&asked.version, "version", "V", false, c.m.Flag("version"))
	f.StringVar(&c.configPath, "config", defaultConfig, c.m.Flag("config")) // -c is the plugin's
	return cmd
}

// checkAsked reads the options of a check.
func (c *cli) checkAsked(name text.Verb, o checkAsked) (a plugin.Asked, within time.Duration, err error) {
	a = plugin.Asked{Say: c.m, Verbose: o.verbose}
	for _, x := range []struct {
		option, value string
		into          **plugin.Range
	}{{"-w", o.warn, &a.Warn}, {"-c", o.crit, &a.Crit}} {
		if x.value != "" && slices.Contains(without, name) {
			return a, 0, usage(c.m.PluginNoFigure(x.option))
		}
		if *x.into, err = plugin.ParseRange(x.value); err != nil {
			return a, 0, usage(c.m.PluginBadRange(x.option, x.value))
		}
	}
	within = checkWithin
	if o.within != "" {
		d, err := time.ParseDuration(o.within)
		if seconds, serr := strconv.ParseFloat(o.within, 64); serr == nil {
			d, err = time.Duration(seconds*float64(time.Second)), nil
		}
		if err != nil || d <= 0 || d > time.Hour {
			return a, 0, usage(c.m.FlagBadValue("-t", o.within))
		}
		within = d
	}
	return a, within, nil
}

// unseen is the result when Relève gives no state. Our choice: nobody listens, or
// nobody answers: no call is carried, or nobody can tell; who is on call wants to
// know at once, but once: the checks of a detail are UNKNOWN.
func (c *cli) unseen(name text.Verb, err error, within time.Duration) plugin.Result {
	socket := c.socketPath()
	r := plugin.Result{State: plugin.Critical}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return plugin.Result{State: plugin.Unknown, Text: c.m.PluginDenied(socket)}
	case errors.Is(err, client.ErrUnreachable):
		r.Text = c.m.PluginGoneNode(socket)
	case errors.Is(err, context.DeadlineExceeded):
		r.Text = c.m.PluginHung(socket, within)
	default:
		r.Text = c.explain(err).message
	}
	if slices.Contains(blind, name) {
		r.State, r.Text = plugin.Unknown, c.m.PluginUnseen(r.Text)
	}
	return r
}

// misused is a mistake in how the check was called: UNKNOWN, on the line.
func (c *cli) misused(err error) error {
	return c.said(plugin.Result{State: plugin.Unknown, Text: c.explain(err).message})
}

// said prints the line and ends with its code.
func (c *cli) said(r plugin.Result) error {
	if c.output == "json" {
		_ = c.print(struct {
			State  string          `json:"state"`
			Code   int             `json:"code"`
			Text   string          `json:"text"`
			Perf   []plugin.Metric `json:"perfdata"`
			Detail []string        `json:"detail,omitempty"`
		}{r.State.String(), int(r.State), r.Text, r.Perf, r.Detail}, nil)
	} else {
		_, _ = io.WriteString(c.out, r.String()) // nobody is left to be told
	}
	if r.State == plugin.OK {
		return nil
	}
	return quiet(int(r.State))
}
