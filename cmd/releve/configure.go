package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
)

func (c *cli) configVerb() *cobra.Command {
	return c.group("config", "config", c.configInit(), c.configCheck(), c.configShow(), c.configDiff(), c.configProfiles())
}

func (c *cli) configInit() *cobra.Command {
	var profile string
	cmd := c.verb("config init", "init", 0, 0, func(context.Context, []string) error {
		if !slices.Contains(config.ProfileNames(), profile) {
			return usage(c.m.ConfigUnknownValue("--ipbx", profile, config.ProfileNames(), ""))
		}
		raw, err := config.Init(c.m.Lang(), profile)
		if err != nil {
			return err
		}
		_, err = c.out.Write(raw)
		return err
	})
	cmd.Flags().StringVar(&profile, "ipbx", "generic", c.m.Flag("ipbx")+" ("+strings.Join(config.ProfileNames(), ", ")+")")
	return cmd
}

// load reads the file; problems come in the language of the command line, which
// has already weighed the file's own.
func (c *cli) load() (*config.Config, []config.Problem, error) {
	return config.Load(c.configPath, c.m.Lang())
}

// checked is what config check says as JSON.
type checked struct {
	Valid     bool             `json:"valid"`
	Problems  []config.Problem `json:"problems"`
	WorstMove time.Duration    `json:"worst_move_ns"`
	GrantIPBX string           `json:"max_grant_ipbx"` // which grants the longest
	MaxGrant  time.Duration    `json:"max_grant_ns"`
	Grounds   config.Grounds   `json:"max_grant_is"` // stated, profile or assumed
	Act       bool             `json:"act"`
}

func (c *cli) configCheck() *cobra.Command {
	return c.verb("config check", "check", 0, 0, func(context.Context, []string) error {
		cfg, problems, err := c.load()
		out := checked{Valid: err == nil, Problems: problems}
		if cfg != nil {
			out.WorstMove, out.Act = cfg.WorstMove(), cfg.Verification.Act
			x, _ := cfg.LongestGrant()
			out.GrantIPBX, out.MaxGrant, out.Grounds = x.Name, x.MaxGrant, x.Granted
		}
		if problems == nil {
			out.Problems = []config.Problem{}
		}
		if err := c.print(out, func() string { return c.checkText(out) }); err != nil {
			return err
		}
		if !out.Valid {
			return quiet(exitConfig)
		}
		return nil
	})
}

func (c *cli) checkText(k checked) string {
	var b strings.Builder
	faults := 0
	for _, p := range k.Problems {
		fmt.Fprintln(&b, p)
		if !p.Advice {
			faults++
		}
	}
	if !k.Valid {
		fmt.Fprintln(&b, c.m.ConfigBad(c.configPath, faults))
		return b.String()
	}
	fmt.Fprintln(&b, c.m.ConfigGood(c.configPath, len(k.Problems)))
	fmt.Fprintln(&b, c.m.WorstMove(k.WorstMove, k.GrantIPBX, k.MaxGrant, string(k.Grounds)))
	if !k.Act {
		fmt.Fprintln(&b, c.m.Observing())
	}
	return b.String()
}

// mustLoad loads the file, or prints its faults and ends with code.
func (c *cli) mustLoad(code int) (*config.Config, error) {
	cfg, problems, err := c.load()
	if err == nil {
		return cfg, nil
	}
	faults := 0
	for _, p := range problems {
		if !p.Advice {
			fmt.Fprintln(c.err, p)
			faults++
		}
	}
	return nil, exit{code, c.m.ConfigBad(c.configPath, faults)}
}

func (c *cli) configShow() *cobra.Command {
	return c.verb("config show", "show", 0, 0, func(context.Context, []string) error {
		cfg, err := c.mustLoad(exitConfig)
		if err != nil {
			return err
		}
		shown := cfg.Show()
		var tree any
		if err := yaml.Unmarshal(shown, &tree); err != nil {
			return fmt.Errorf("read back the effective values: %w", err)
		}
		return c.print(tree, func() string { return string(cfg.Explain(c.m.Lang())) })
	})
}

func (c *cli) configDiff() *cobra.Command {
	return c.verb("config diff", "diff [OLD NEW]", 0, 2, func(ctx context.Context, args []string) error {
		if len(args) == 1 {
			return usage(c.m.WrongArguments("config diff [OLD NEW]"))
		}
		differ := c.withRunning
		if len(args) == 2 {
			differ = func(context.Context) ([]config.Change, error) { return c.filesDiffer(args[0], args[1]) }
		}
		changes, err := differ(ctx)
		if err != nil {
			return err
		}
		if err := c.print(changes, func() string { return diffText(c.m, changes) }); err != nil {
			return err
		}
		if len(changes) > 0 {
			return quiet(exitNo)
		}
		return nil
	})
}

// withRunning compares what runs with the file of -c.
func (c *cli) withRunning(ctx context.Context) ([]config.Change, error) {
	cfg, err := c.mustLoad(exitDown)
	if err != nil {
		return nil, err
	}
	running, err := c.client().Config(ctx)
	if err != nil {
		return nil, exit{exitDown, c.explain(err).message}
	}
	return c.compared(config.Diff(running, cfg.Show()))
}

// filesDiffer compares two files.
func (c *cli) filesDiffer(before, after string) ([]config.Change, error) {
	c.configPath = before
	a, err := c.mustLoad(exitDown)
	if err != nil {
		return nil, err
	}
	c.configPath = after
	b, err := c.mustLoad(exitDown)
	if err != nil {
		return nil, err
	}
	return c.compared(config.Compare(a, b))
}

func (c *cli) compared(changes []config.Change, err error) ([]config.Change, error) {
	if err != nil {
		return nil, errors.Join(exit{code: exitDown}, err)
	}
	return changes, nil
}

// diffText is changeText and what is to be done with it.
func diffText(m text.Messages, changes []config.Change) string {
	if len(changes) == 0 {
		return m.ConfigSame() + "\n"
	}
	return changeText(m, changes) + m.ConfigDiffers(len(changes), config.AtStart(changes)) + "\n"
}

// changeText prints - for the former value and + for the new one.
func changeText(m text.Messages, changes []config.Change) string {
	var b strings.Builder
	for _, ch := range changes {
		if ch.Old == ch.New { // only a password shows no difference
			fmt.Fprintln(&b, m.PasswordChanged(ch.Path))
			continue
		}
		b.WriteString(ch.Path)
		if ch.Reach == config.Restart {
			b.WriteString(" (" + m.NeedsRestart() + ")")
		}
		b.WriteByte('\n')
		if ch.Old != "" {
			fmt.Fprintln(&b, "  - "+ch.Old)
		}
		if ch.New != "" {
			fmt.Fprintln(&b, "  + "+ch.New)
		}
	}
	return b.String()
}
