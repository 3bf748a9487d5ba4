package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// root builds every verb. French names are aliases: both work in both
// languages.
func (c *cli) root() *cobra.Command {
	root := c.group("releve", "releve",
		c.serveVerb(), c.statusVerb(), c.callsVerb(), c.explainVerb(), c.reportVerb(), c.eventsVerb(), c.licenceVerb(),
		c.probeVerb(), c.switchoverVerb(), c.returnVerb(), c.maintenanceVerb(), c.drainVerb(), c.procedureVerb(), c.drillVerb(), c.alarmsVerb(), c.userVerb(),
		c.configVerb(), c.exportVerb(), c.doctorVerb(), c.backupVerb(), c.restoreVerb(), c.reloadVerb(), c.readyVerb(), c.checkVerb(), c.preflightVerb(), c.demoVerb(), c.versionVerb(),
	)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(c.flagFault)
	root.SetUsageFunc(c.usagePage)
	root.SetHelpTemplate("{{with .Long}}{{.}}\n\n{{end}}{{.UsageString}}")
	root.SetHelpCommand(c.helpVerb(root))

	bare := root.RunE
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if err := bare(cmd, args); err != nil || len(args) > 0 {
			return err
		}
		fmt.Fprintln(c.out, "\n"+c.m.FirstSteps())
		return nil
	}
	root.Version = version
	root.SetVersionTemplate("releve {{.Version}}\n")
	root.Flags().BoolP("version", "V", false, c.m.Flag("version"))
	f := root.PersistentFlags()
	f.BoolP("help", "h", false, c.m.Flag("help"))
	f.StringVarP(&c.configPath, "config", "c", defaultConfig, c.m.Flag("config"))
	f.StringVar(&c.socket, "socket", "", c.m.Flag("socket"))
	f.StringVar(&c.lang, "lang", "", c.m.Flag("lang"))
	f.StringVarP(&c.output, "output", "o", "table", c.m.Flag("output"))
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if !slices.Contains(outputs, c.output) {
			return usage(c.m.FlagBadValue("--output", c.output))
		}
		if !slices.Contains([]string{"", "fr", "en"}, c.lang) {
			return usage(c.m.FlagBadValue("--lang", c.lang))
		}
		return nil
	}
	return root
}

// outputs are the words of --output, the first by default.
var outputs = []string{"table", "json"}

// usagePage is the usage of cmd with the headings of the language; cobra's own
// template speaks English.
func (c *cli) usagePage(cmd *cobra.Command) error {
	var b strings.Builder
	use := cmd.UseLine()
	if cmd.HasAvailableSubCommands() {
		use += " …"
	}
	fmt.Fprintln(&b, c.m.Usage()+" "+use)
	if len(cmd.Aliases) > 0 {
		fmt.Fprintln(&b, c.m.Aliases()+" "+strings.Join(cmd.Aliases, ", "))
	}
	var rows [][]string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			rows = append(rows, []string{" " + child.Name(), strings.Join(child.Aliases[:min(1, len(child.Aliases))], ""), child.Short})
		}
	}
	if len(rows) > 0 {
		b.WriteString("\n" + c.m.Commands() + "\n" + table(rows))
	}
	b.WriteString("\n" + c.m.Options() + "\n" + table(options(cmd)))
	if len(rows) > 0 {
		b.WriteString("\n" + c.m.MoreHelp() + "\n")
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

// options lists the flags of cmd: short and long name, what for, default.
func options(cmd *cobra.Command) (rows [][]string) {
	visit := func(f *pflag.Flag) {
		short := "   "
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ","
		}
		explained := f.Usage
		if f.DefValue != "" && f.DefValue != "false" {
			explained += " [" + f.DefValue + "]"
		}
		rows = append(rows, []string{" " + short + " --" + f.Name, explained})
	}
	cmd.LocalNonPersistentFlags().VisitAll(visit)
	cmd.InheritedFlags().VisitAll(visit)
	if !cmd.HasParent() {
		cmd.PersistentFlags().VisitAll(visit)
	}
	return rows
}

func (c *cli) helpVerb(root *cobra.Command) *cobra.Command {
	cmd := c.verb("help", "help [COMMAND]", 0, 3, nil)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		target, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return usage(c.m.UnknownCommand(args[len(args)-max(1, len(rest))], suggestions(root, args[0])))
		}
		return target.Help()
	}
	return cmd
}

func (c *cli) versionVerb() *cobra.Command {
	return c.verb("version", "version", 0, 0, func(context.Context, []string) error {
		return c.print(map[string]string{"version": version}, func() string { return "releve " + version + "\n" })
	})
}
