package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/config"
	"releve/cmd/internal/export"
	"releve/cmd/internal/preflight"
	"releve/cmd/internal/text"
)

// studying are the options of releve preflight.
type studying struct {
	ipbx, registers, passwords, databases []string
	primary, secondary, number, call      string
	transfer, local, answers, report      string
	write, site                           string
	authority, certificate, key           string
	operator, wait                        time.Duration
	yes, named                            bool // named: the file was named
}

// maxAnswersFile bounds the file of answers, in bytes; maxPassword that of a password.
const (
	maxAnswersFile = 64 << 10
	maxPassword    = 4 << 10
	maxAuthorities = 1 << 20
)

func (c *cli) preflightVerb() *cobra.Command {
	var o studying
	cmd := c.verb("preflight", "preflight", 0, 0, nil, "faisabilite")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.named = cmd.Flags().Changed("config")
		return c.preflight(cmd.Context(), &o)
	}
	cmd.PersistentPreRunE = func(*cobra.Command, []string) error { // text and html, too
		if !slices.Contains([]string{"text", "table", "json", "html"}, c.output) {
			return usage(c.m.FlagBadValue("--output", c.output))
		}
		if !slices.Contains([]string{"", "fr", "en"}, c.lang) {
			return usage(c.m.FlagBadValue("--lang", c.lang))
		}
		return nil
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.ipbx, "ipbx", nil, c.m.Flag("study-ipbx"))
	f.StringVar(&o.primary, "primary", "", c.m.Flag("primary"))
	f.StringVar(&o.secondary, "secondary", "", c.m.Flag("secondary"))
	f.StringVar(&o.number, "number", "", c.m.Flag("number"))
	f.StringVar(&o.call, "call-number", "", c.m.Flag("call-number"))
	f.DurationVar(&o.operator, "operator-call", 0, c.m.Flag("operator-call"))
	f.StringVar(&o.transfer, "transfer-to", "", c.m.Flag("transfer-to"))
	f.StringArrayVar(&o.registers, "register", nil, c.m.Flag("register"))
	f.StringArrayVar(&o.passwords, "password-file", nil, c.m.Flag("password-file"))
	f.StringArrayVar(&o.databases, "database", nil, c.m.Flag("database"))
	f.StringVar(&o.local, "local", "", c.m.Flag("local"))
	f.StringVar(&o.authority, "tls-ca", "", c.m.Flag("tls-ca"))
	f.StringVar(&o.certificate, "tls-certificate", "", c.m.Flag("tls-certificate"))
	f.StringVar(&o.key, "tls-key", "", c.m.Flag("tls-key"))
	f.DurationVar(&o.wait, "wait", 0, c.m.Flag("study-wait"))
	f.StringVar(&o.answers, "answers", "", c.m.Flag("study-answers"))
	f.StringVar(&o.report, "report", "", c.m.Flag("study-report"))
	f.StringVar(&o.write, "write", "", c.m.Flag("write"))
	f.StringVar(&o.site, "site", "", c.m.Flag("site"))
	f.BoolVarP(&o.yes, "yes", "y", false, c.m.Flag("study-yes"))
	return cmd
}

// preflight plans, asks for consent, studies, asks the questions and reports.
func (c *cli) preflight(ctx context.Context, o *studying) error {
	answers, err := c.answersOf(o.answers)
	if err != nil {
		return err
	}
	cfg := c.siteFile(o)
	plan, err := c.studyPlan(o, cfg)
	if err != nil {
		return err
	}
	plan = c.consented(plan, o)
	study, err := preflight.Run(ctx, plan)
	switch {
	case errors.Is(err, preflight.ErrBusyPort):
		return exit{preflight.NotTestable.Code(), c.m.StudyPortTaken(plan.Local.String())}
	case errors.Is(err, preflight.ErrNotOurs):
		return exit{preflight.NotTestable.Code(), c.m.StudyNotOurs(plan.Local.Addr().String())}
	case err != nil:
		return exit{preflight.NotTestable.Code(), c.m.Failed(err.Error())}
	}
	if ctx.Err() != nil {
		fmt.Fprintln(c.err, c.m.StudyInterrupted())
	} else if answers == nil && !o.yes && c.output != "json" && c.output != "html" {
		answers = c.askAll()
	}
	study.Ask(answers)
	if err := c.printStudy(study, cfg, o); err != nil {
		return err
	}
	if o.write != "" && ctx.Err() == nil {
		if err := c.writeProfile(study, o); err != nil {
			return err
		}
	}
	return quiet(study.Verdict.Code())
}

// siteFile is the configuration, where there is one; its faults are told, and what can
// be read of it is used. nil: flags alone.
func (c *cli) siteFile(o *studying) *config.Config {
	given := len(o.ipbx) > 0 || o.primary != "" || o.secondary != ""
	if _, err := os.Stat(c.configPath); !o.named && (given || err != nil) {
		return nil
	}
	cfg, problems, _ := c.load()
	for _, p := range problems {
		if !p.Advice {
			fmt.Fprintln(c.err, p)
		}
	}
	return cfg
}

// studyPlan joins file and options; what an option says stands.
func (c *cli) studyPlan(o *studying, cfg *config.Config) (preflight.Plan, error) {
	if cfg == nil {
		d := config.Default()
		d.Site = ""
		cfg = &d
	}
	p := preflight.PlanOf(cfg)
	p.Version = version
	if o.site != "" {
		p.Site = o.site
	}
	if err := c.addresses(&p, o); err != nil {
		return p, err
	}
	if len(p.Far) == 0 {
		return p, usage(c.m.StudyNothing())
	}
	if err := c.certificates(&p, o); err != nil {
		return p, err
	}
	p.CallNumber, p.Service, p.TransferTo, p.Operator, p.Wait = o.call, o.number, o.transfer, o.operator, o.wait
	p.Databases = append(p.Databases, o.databases...)
	p.Tell = func(s text.StudyPrompt) { fmt.Fprintln(c.err, c.m.StudyPrompt(s, "")) }
	for _, n := range []struct{ flag, value string }{{"--call-number", o.call}, {"--number", o.number}, {"--transfer-to", o.transfer}} {
		if !dialable(n.value) {
			return p, usage(c.m.FlagBadValue(n.flag, n.value))
		}
	}
	if o.operator < 0 || o.wait < 0 || o.wait > 10*time.Minute || o.operator > 30*time.Minute {
		return p, usage(c.m.FlagBadValue("--wait, --operator-call", o.wait.String()+", "+o.operator.String()))
	}
	return p, c.registering(&p, o, cfg)
}

// dialable: what may stand in the user part of a SIP URI as a number.
func dialable(s string) bool {
	return len(s) <= 64 && strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+*-_.") == ""
}

// addresses takes the far ends and our own from the options.
func (c *cli) addresses(p *preflight.Plan, o *studying) error {
	if len(o.ipbx) > 0 || o.primary != "" || o.secondary != "" {
		p.Far = nil
	}
	add := func(flag, name string, subject preflight.Subject, role, value string) error {
		if value == "" {
			return nil
		}
		u, ok := config.ParseURI(value)
		if !ok {
			return usage(c.m.StudyBadAddress(flag, value))
		}
		p.Far = append(p.Far, preflight.FarOf(name, subject, role, u))
		return nil
	}
	for i, v := range o.ipbx {
		name := "ipbx"
		if i > 0 {
			name = fmt.Sprintf("ipbx%d", i+1)
		}
		if err := add("--ipbx", name, preflight.IPBX, "", v); err != nil {
			return err
		}
	}
	if err := errors.Join(add("--primary", c.m.Role("primary"), preflight.Server, "primary", o.primary),
		add("--secondary", c.m.Role("secondary"), preflight.Server, "secondary", o.secondary)); err != nil {
		return usage(err.Error())
	}
	return c.ourAddress(p, o.local)
}

// ourAddress reads --local: an address, with or without a port.
func (c *cli) ourAddress(p *preflight.Plan, local string) error {
	if local == "" {
		return nil
	}
	at, err := netip.ParseAddrPort(local)
	if err != nil {
		addr, e := netip.ParseAddr(strings.Trim(local, "[]"))
		if e != nil {
			return usage(c.m.FlagBadValue("--local", local))
		}
		at = netip.AddrPortFrom(addr, 0)
	}
	p.Local = at
	return nil
}

// certificates takes whom to trust over TLS, and our certificate, from the options.
func (c *cli) certificates(p *preflight.Plan, o *studying) error {
	if (o.certificate == "") != (o.key == "") {
		return usage(c.m.FlagBadValue("--tls-certificate, --tls-key", o.certificate+", "+o.key))
	}
	if o.certificate == "" && o.authority == "" {
		return nil
	}
	p.Trust(o.authority, o.certificate, o.key)
	if o.certificate != "" {
		if _, err := tls.LoadX509KeyPair(o.certificate, o.key); err != nil {
			return usage(c.m.Failed(err.Error()))
		}
	}
	if o.authority != "" {
		raw, err := readSome(o.authority, maxAuthorities)
		if err != nil {
			return usage(c.m.Failed(err.Error()))
		}
		if !x509.NewCertPool().AppendCertsFromPEM(raw) {
			return usage(c.m.ConfigNoCertificate("--tls-ca", o.authority))
		}
	}
	return nil
}

// registering takes the users of --register: of the file, or by address with a
// password file each.
func (c *cli) registering(p *preflight.Plan, o *studying, cfg *config.Config) error {
	passwords := o.passwords
	for i, name := range o.registers {
		known, unknown := preflight.UsersOf(cfg, []string{name})
		if unknown != "" {
			u, ok := config.ParseURI(name)
			if !ok || u.User == "" {
				return usage(c.m.StudyUserUnknown(name))
			}
			known = []preflight.User{{Role: [...]string{"primary", "secondary"}[min(i, 1)], AOR: u.String(), Username: u.User}}
		}
		if i < len(passwords) {
			raw, err := readSome(passwords[i], maxPassword)
			if err != nil {
				return usage(c.m.Failed(err.Error()))
			}
			known[0].Password = strings.TrimRight(string(raw), "\r\n")
		}
		p.Users = append(p.Users, known...)
	}
	return nil
}

func readSome(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// consented prints what the study will do, and asks; without consent it keeps to what
// disturbs nobody.
func (c *cli) consented(p preflight.Plan, o *studying) preflight.Plan {
	fmt.Fprintln(c.err, c.m.StudyWill())
	for _, a := range p.Announce() {
		fmt.Fprintln(c.err, "  - "+c.m.StudyPrompt(a.What, a.Target))
	}
	if o.yes || !p.Intrusive() {
		return p
	}
	fmt.Fprint(c.err, c.m.StudyConsent())
	said, err := c.keys.ReadString('\n')
	if err != nil && said == "" {
		fmt.Fprintln(c.err)
		fmt.Fprintln(c.err, c.m.StudyNeedsYes())
		return p.Peaceful()
	}
	if !agreed(said) {
		fmt.Fprintln(c.err, c.m.StudyNeedsYes())
		return p.Peaceful()
	}
	return p
}

func agreed(s string) bool {
	return slices.Contains([]string{"oui", "o", "yes", "y"}, strings.ToLower(strings.TrimSpace(s)))
}

// askAll asks the questions one by one; the end of the input ends them.
func (c *cli) askAll() map[text.AskedID]string {
	out := map[text.AskedID]string{}
	fmt.Fprintln(c.err, c.m.StudyQuestions()+" "+c.m.StudyAskHint())
	for _, id := range text.AskedIDs() {
		question, _ := c.m.Asked(id)
		fmt.Fprint(c.err, "  "+question+" ")
		said, err := c.keys.ReadString('\n')
		if said = strings.TrimSpace(said); said != "" {
			out[id] = said
		}
		if err != nil {
			fmt.Fprintln(c.err)
			break
		}
	}
	return out
}

// answersOf reads the file of answers: a key a question, in any order; nil: no file.
func (c *cli) answersOf(path string) (map[text.AskedID]string, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := readSome(path, maxAnswersFile)
	var doc yaml.Node
	if err == nil {
		err = yaml.Unmarshal(raw, &doc)
	}
	if err != nil {
		return nil, usage(c.m.Failed(err.Error()))
	}
	out := map[text.AskedID]string{}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return out, nil
	}
	pairs := doc.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		id := text.AskedID(pairs[i].Value)
		if !slices.Contains(text.AskedIDs(), id) {
			return nil, usage(fmt.Sprintf("%s:%d: %s", path, pairs[i].Line, c.m.ConfigUnknownValue("--answers", string(id), askedWords(), "")))
		}
		if pairs[i+1].Kind == yaml.ScalarNode && pairs[i+1].Tag != "!!null" {
			out[id] = pairs[i+1].Value // as written: oui stays oui
		}
	}
	return out, nil
}

func askedWords() (out []string) {
	for _, id := range text.AskedIDs() {
		out = append(out, string(id))
	}
	return out
}

// pageFlows is the firewall matrix for the page; none without a whole configuration.
func pageFlows(cfg *config.Config, m text.Messages) []export.Flow {
	if cfg == nil || len(cfg.Listen) == 0 || len(cfg.IPBX) == 0 || len(cfg.Servers) == 0 {
		return nil
	}
	return export.Flux(cfg, m)
}
