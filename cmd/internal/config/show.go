package config

import (
	"bytes"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
	"releve/router"
	"releve/router/licence"
)

// Show returns every effective value as YAML with the keys of the file, in its
// order, and each secret as ***. What Show prints is itself a valid file.
func (c *Config) Show() []byte { return c.encode(nil) }

// Explain is Show with a comment, in the reader's language, at each value that
// comes from a profile or from a section for every IPBX.
func (c *Config) Explain(lang text.Lang) []byte {
	say := text.For(lang)
	return c.encode(&say)
}

func (c *Config) encode(say *text.Messages) []byte {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(c.tree(say)); err != nil {
		// The tree holds only strings: Encode cannot fail but by a bug.
		panic(fmt.Sprintf("config: encode the effective values: %v", err))
	}
	return b.Bytes()
}

// pairs builds a mapping node in order; empty values are left out.
type pairs struct{ node *yaml.Node }

func newPairs() pairs { return pairs{&yaml.Node{Kind: yaml.MappingNode}} }

func (p pairs) put(key string, v *yaml.Node) {
	if v == nil || v.Kind == yaml.SequenceNode && len(v.Content) == 0 && key != "switch_on" && key != "mark" {
		return
	}
	p.node.Content = append(p.node.Content, plainNode(key), v)
}

// quoted puts a text, in quotes; plain puts a word, a duration or a count.
func (p pairs) quoted(key, value string) {
	if value != "" {
		p.put(key, quotedNode(value))
	}
}

func (p pairs) plain(key, value string) {
	if value != "" {
		p.put(key, plainNode(value))
	}
}

func (p pairs) number(key string, n int) { p.plain(key, strconv.Itoa(n)) }

func plainNode(v string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: v} }

func quotedNode(v string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: v, Style: yaml.DoubleQuotedStyle, Tag: "!!str"}
}

func listNode(items []*yaml.Node, flow bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Content: items}
	if flow {
		n.Style = yaml.FlowStyle
	}
	return n
}

// each maps a slice to nodes.
func each[T any](in []T, node func(T) *yaml.Node) []*yaml.Node {
	out := make([]*yaml.Node, len(in))
	for i, v := range in {
		out[i] = node(v)
	}
	return out
}

func (c *Config) tree(say *text.Messages) *yaml.Node {
	p := newPairs()
	p.quoted("site", c.Site)
	p.plain("language", c.Language)
	p.plain("level", c.Level.String())
	p.put("wel_licences", listNode(each(c.WelLicences, func(l router.Level) *yaml.Node {
		return plainNode(l.String())
	}), true))
	p.put("listen", listNode(each(c.Listen, Listen.tree), false))
	p.number("dscp", c.DSCP)
	p.put("tls", c.TLS.tree())
	p.put("dns", c.DNS.tree())
	keys := newPairs()
	keys.plain("file", c.Keys.File)
	p.put("keys", keys.node)
	var ipbx []*yaml.Node
	for i := range c.IPBX {
		ipbx = append(ipbx, c.ipbxTree(i, say))
	}
	p.put("ipbx", listNode(ipbx, false))
	p.put("servers", listNode(each(c.Servers, Server.tree), false))
	p.put("service_numbers", listNode(each(c.ServiceNumbers, quotedNode), true))
	p.put("registration", c.Registration.tree())
	p.put("overflow", c.Overflow.tree())
	p.put("verification", c.Verification.tree(c.Automatic()))
	p.put("checks", listNode(each(c.Checks, Check.tree), false))
	p.put("media", c.Media.tree(c))
	p.put("dissuasion", c.Dissuasion.tree())
	p.quoted("rescue", c.Rescue.String())
	p.plain("dead_calls", c.DeadCalls)
	p.plain("lost_calls", c.LostCalls)
	p.put("limits", c.Limits.tree())
	p.put("mirror", c.Mirror.tree())
	p.put("store", c.Store.tree())
	p.put("alarms", c.Alarms.tree())
	p.put("backup_data", c.BackupData.tree())
	p.put("drill", c.Drill.tree())
	if c.Contacts != (Contacts{}) {
		contacts := newPairs()
		contacts.quoted("integrateur", c.Contacts.Integrator)
		contacts.quoted("tlmcom", c.Contacts.TLMCom)
		contacts.quoted("astreinte", c.Contacts.OnCall)
		p.put("contacts", contacts.node)
	}
	p.put("admin", c.Admin.tree())
	return p.node
}

func (l Listen) tree() *yaml.Node {
	p := newPairs()
	p.quoted("address", l.Transport+"://"+l.Address.String())
	p.quoted("advertise", l.Advertise.String())
	p.plain("entry", l.Entry.String())
	return p.node
}

func (d Dissuasion) tree() *yaml.Node {
	p := newPairs()
	p.plain("requeue", strconv.FormatBool(d.Requeue))
	p.number("status", d.Status)
	p.number("q850", d.Q850)
	return p.node
}

func (s Server) tree() *yaml.Node {
	p := newPairs()
	p.quoted("name", s.Name)
	p.plain("role", s.Role.String())
	p.quoted("address", s.Address.String())
	p.number("lines", s.Lines)
	p.plain("version", s.Version.String())
	p.quoted("user", s.User)
	p.quoted("identity", s.Identity)
	p.plain("large", s.Large)
	p.plain("machine", machineName(s.Virtual))
	p.number("analogue", s.Analogue)
	return p.node
}

func machineName(virtual bool) string {
	if virtual {
		return "virtual"
	}
	return "physical"
}

func (g Registration) tree() *yaml.Node {
	p := newPairs()
	p.plain("mode", ModeName(g.Mode))
	p.plain("expires", text.Short(g.Expires))
	users := newPairs()
	for _, u := range g.Users {
		one := newPairs()
		one.quoted("aor", u.AOR.String())
		one.quoted("username", u.Username)
		if u.Password.Given() {
			one.quoted("password", stars)
		}
		one.plain("password_file", u.Password.File)
		one.plain("password_env", u.Password.Env)
		users.node.Content = append(users.node.Content, quotedNode(u.Name), one.node)
	}
	if len(g.Users) > 0 {
		p.put("users", users.node)
	}
	return p.node
}

// ModeName is the word of the file for a registration mode.
func ModeName(m licence.Mode) string {
	return [...]string{licence.Trunk: "trunk", licence.Gate: "gate", licence.Pair: "pair", licence.Hold: "hold"}[m]
}

func (o Overflow) tree() *yaml.Node {
	p := newPairs()
	p.plain("progress_timeout", text.Short(o.ProgressTimeout))
	p.plain("answer_timeout", text.Short(o.AnswerTimeout))
	p.plain("hold_budget", text.Short(o.HoldBudget))
	p.plain("hold_signal", signalName(o.HoldSignal))
	p.plain("hold_prompt", o.HoldPrompt)
	late := "release"
	if o.ForwardLate {
		late = "forward"
	}
	p.plain("late_answer", late)
	p.plain("mark_overflow", strconv.FormatBool(o.MarkOverflow))
	return p.node
}

// tree leaves out what a level that never switches by itself refuses.
func (v Verification) tree(automatic bool) *yaml.Node {
	p := newPairs()
	if automatic || !v.Act {
		p.plain("act", strconv.FormatBool(v.Act))
	}
	p.number("count", v.Count)
	p.number("alone_extra", v.AloneExtra)
	p.plain("spacing", text.Short(v.Spacing))
	p.plain("timeout", text.Short(v.Timeout))
	p.plain("idle_interval", text.Short(v.IdleInterval))
	var on []*yaml.Node
	for _, w := range []struct {
		name string
		set  bool
	}{{"dead", v.Dead}, {"gray", v.Gray}, {"degraded", v.Degraded}} {
		if w.set {
			on = append(on, plainNode(w.name))
		}
	}
	if automatic {
		p.put("switch_on", listNode(on, true))
	}
	p.plain("lasting", text.Short(v.Lasting))
	return p.node
}
