package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"releve/cmd/internal/config"
	"releve/cmd/internal/export"
	"releve/health/notify/snmp"
)

// exportVerb holds what other teams of the site ask for.
func (c *cli) exportVerb() *cobra.Command {
	return c.group("export", "export", c.exportFlux(), c.exportSystemd(), c.exportMIB())
}

// exportFlux prints the firewall matrix of the configuration.
func (c *cli) exportFlux() *cobra.Command {
	var asCSV, bom bool
	cmd := c.verb("export flux", "flux", 0, 0, func(context.Context, []string) error {
		cfg, err := c.described()
		if err != nil {
			return err
		}
		flows := export.Flux(cfg, c.m)
		if asCSV || bom {
			raw, err := export.CSV(flows, c.m, bom)
			if err != nil {
				return err
			}
			_, err = c.out.Write(raw)
			return err
		}
		return c.print(flows, func() string { return export.Text(flows, c.m) })
	}, "matrice")
	cmd.Flags().BoolVar(&asCSV, "csv", false, c.m.Flag("csv"))
	cmd.Flags().BoolVar(&bom, "bom", false, c.m.Flag("bom"))
	return cmd
}

// exportSystemd prints the hardened unit.
func (c *cli) exportSystemd() *cobra.Command {
	return c.verb("export systemd", "systemd", 0, 0, func(context.Context, []string) error {
		_, err := io.WriteString(c.out, export.Unit)
		return err
	})
}

// exportMIB prints RELEVE-MIB: under --root, else where the configuration has it,
// else in the playpen.
func (c *cli) exportMIB() *cobra.Command {
	var root string
	cmd := c.verb("export mib", "mib", 0, 0, func(context.Context, []string) error {
		if root == "" {
			if cfg, _, _ := c.load(); cfg != nil {
				root = cfg.Alarms.SNMP.Enterprise
			}
		}
		module, err := snmp.MIB(root)
		if err != nil {
			return usage(c.m.ConfigOID("--root", root))
		}
		_, err = io.WriteString(c.out, module)
		return err
	})
	cmd.Flags().StringVar(&root, "root", "", c.m.Flag("root"))
	return cmd
}

// described loads a file that says at least who the parties are. Its other
// faults (a password that is not there yet) go to err and stop nothing: the
// matrix is asked for before the machine is set up.
func (c *cli) described() (*config.Config, error) {
	cfg, problems, err := c.load()
	if cfg == nil || len(cfg.Listen) == 0 || len(cfg.IPBX) == 0 || len(cfg.Servers) == 0 {
		return c.mustLoad(exitConfig)
	}
	if err != nil {
		for _, p := range problems {
			if !p.Advice {
				fmt.Fprintln(c.err, p)
			}
		}
	}
	return cfg, nil
}
