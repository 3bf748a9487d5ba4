package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/client"
	"releve/cmd/internal/config"
	"releve/cmd/internal/plugin"
	"releve/cmd/internal/text"
)

// The exit codes of the package doc.
const (
	exitDone        = 0
	exitNo          = 1
	exitDown        = 2
	exitUnreachable = 3
	exitAlready     = 4
	exitPending     = 5
	exitUsage       = 64
	exitConfig      = 78
)

const defaultConfig = "/etc/releve/releve.yaml"

// terminal is the world of one run.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
}

// cli is one run of the command line.
type cli struct {
	terminal
	m    text.Messages
	zone *time.Location
	now  func() time.Time
	keys *bufio.Reader // over in

	api    *client.Client // once it was asked for
	helped bool           // a check showed its help

	configPath, socket, output, lang string
}

// exit ends a verb with a code; message, when not empty, goes to err.
type exit struct {
	code    int
	message string
}

func (e exit) Error() string { return e.message }

// usage is a mistake in the way the command was typed.
func usage(message string) error { return exit{exitUsage, message} }

// run executes args and returns the exit code.
func run(ctx context.Context, args []string, t terminal) int {
	return newCLI(args, t).run(ctx, args)
}

func newCLI(args []string, t terminal) *cli {
	c := &cli{terminal: t, zone: time.Local, now: time.Now, keys: bufio.NewReader(t.in)}
	short := "-c"
	if isCheck(args) {
		short = "" // a threshold
	}
	path := scan(args, "--config", short)
	if path == "" {
		path = defaultConfig
	}
	configured, _ := config.Peek(path)
	c.m = text.For(text.Pick(scan(args, "--lang", ""), t.env, configured))
	return c
}

func (c *cli) run(ctx context.Context, args []string) int {
	c.keys.Reset(interruptible{ctx, c.in})
	root := c.root()
	root.SetArgs(args)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetIn(c.in)
	err := root.ExecuteContext(ctx)
	if c.api != nil {
		c.api.Close()
	}
	switch {
	case err == nil && c.helped:
		return int(plugin.Unknown)
	case err == nil:
		return exitDone
	}
	e := c.explain(err)
	if e.message != "" {
		fmt.Fprintln(c.err, "releve: "+e.message)
	}
	return e.code
}

// explain turns an error into a code and a sentence.
func (c *cli) explain(err error) exit {
	var e exit
	var f *admin.Fault
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, errInterrupted):
		return exit{exitNo, c.m.GivenUp()}
	case errors.Is(err, client.ErrUnreachable):
		return exit{exitUnreachable, c.m.Unreachable(c.socketPath())}
	case errors.As(err, &f):
		return exit{exitNo, f.Error()}
	}
	return exit{exitNo, c.m.Failed(err.Error())}
}

// scan finds the value of an option before the flags are parsed, for the
// language must be known to print even their help.
func scan(args []string, long, short string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, long+"="); ok {
			return v
		}
		if (a == long || short != "" && a == short) && i+1 < len(args) {
			return args[i+1]
		}
		if a == "--" {
			break
		}
	}
	return ""
}

// isCheck says whether args call releve check, before the flags are parsed.
func isCheck(args []string) bool {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case slices.Contains([]string{"-c", "--config", "--socket", "--lang", "-o", "--output"}, a):
			i++ // and its value
		case !strings.HasPrefix(a, "-"):
			return a == "check"
		}
	}
	return false
}

// socketPath is --socket, else the configuration's, else the default.
func (c *cli) socketPath() string {
	if c.socket != "" {
		return c.socket
	}
	_, socket := config.Peek(c.configPath)
	return socket
}

// client is the way to the daemon; run closes its connection.
func (c *cli) client() *client.Client {
	if c.api == nil {
		c.api = client.New(c.socketPath(), c.m.Lang())
	}
	return c.api
}

// print writes v as JSON with -o json, else what table returns.
func (c *cli) print(v any, table func() string) error {
	if c.output == "json" {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	_, err := io.WriteString(c.out, table())
	return err
}

// view is what rendering needs beside the data.
func (c *cli) view() view { return view{m: c.m, now: c.now(), zone: c.zone} }

// verb makes a command with its help in the reader's language. name is its key
// in the catalogue, use its line of usage, args the number of arguments it
// takes at least and at most.
func (c *cli) verb(name text.Verb, use string, least, most int, run func(ctx context.Context, args []string) error, aliases ...string) *cobra.Command {
	short, long := c.m.Help(name)
	cmd := &cobra.Command{
		Use: use, Aliases: aliases, DisableFlagsInUseLine: true, Short: short, Long: strings.TrimSpace(short + "\n\n" + long),
	}
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			parent := strings.TrimSuffix(string(name), strings.Fields(use)[0])
			return usage(c.m.WrongArguments(parent + use))
		}
		return nil
	}
	if run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), args) }
	}
	return cmd
}

// group makes a command that only holds others.
func (c *cli) group(name text.Verb, use string, children ...*cobra.Command) *cobra.Command {
	short, long := c.m.Help(name)
	cmd := &cobra.Command{
		Use: use, Short: short, Long: strings.TrimSpace(short + "\n\n" + long), Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(c.m.UnknownCommand(args[0], suggestions(cmd, args[0])))
			}
			return cmd.Help()
		},
		SuggestionsMinimumDistance: 2, DisableFlagsInUseLine: true,
	}
	cmd.AddCommand(children...)
	return cmd
}

// elsewhere are the words that other products have for some of our verbs.
var elsewhere = map[string]string{
	"run": "serve", "start": "serve", "demarrer": "serve", "démarrer": "serve", "failover": "switchover", "takeover": "switchover",
	"failback": "return", "revert": "return", "log": "events", "logs": "events", "show": "status", "statut": "status", "état": "status",
}

// suggestions are the children of cmd that typed may have meant, in the language in
// which it was typed: cobra knows names and no aliases.
func suggestions(cmd *cobra.Command, typed string) []string {
	if meant, ok := elsewhere[strings.ToLower(typed)]; ok && !cmd.HasParent() {
		return []string{meant}
	}
	words := &cobra.Command{SuggestionsMinimumDistance: cmd.SuggestionsMinimumDistance}
	for _, child := range cmd.Commands() {
		if !child.IsAvailableCommand() {
			continue
		}
		for _, name := range append([]string{child.Name()}, child.Aliases...) {
			words.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
		}
	}
	return words.SuggestionsFor(typed)
}

// flagFault says in the reader's language what is wrong with an option.
func (c *cli) flagFault(_ *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var value *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return usage(c.m.UnknownFlag("-" + name))
		}
		return usage(c.m.UnknownFlag("--" + name))
	case errors.As(err, &value):
		return usage(c.m.FlagNeedsValue("--" + value.GetFlag().Name))
	case errors.As(err, &invalid):
		return usage(c.m.FlagBadValue("--"+invalid.GetFlag().Name, invalid.GetValue()))
	}
	return usage(c.m.Failed(err.Error()))
}
