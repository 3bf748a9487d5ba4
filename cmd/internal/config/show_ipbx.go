package config

import (
	"net/netip"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
)

// ipbxTree is IPBX i with its effective manners; say, when not nil, tells in a
// comment where a value comes from that the file does not give for this IPBX.
func (c *Config) ipbxTree(i int, say *text.Messages) *yaml.Node {
	x := c.IPBX[i]
	m := x.Manners
	p := newPairs()
	p.quoted("name", x.Name)
	p.quoted("address", x.Address.String())
	p.put("sources", listNode(each(x.Sources, func(a netip.Addr) *yaml.Node { return quotedNode(a.String()) }), true))
	p.plain("kind", kindName(x.Gateway))
	p.plain("profile", x.Profile)
	p.plain("no_answer", text.Short(x.NoAnswer))
	p.plain("redundancy", redundancyName(x.MainStandby))
	p.plain("max_grant", text.Short(x.MaxGrant))
	p.plain("identity", identityName(x.MapFrom))
	p.plain("hold_signal", signalName(m.HoldSignal))
	d := Dissuasion{m.Requeue, m.Status, m.Q850}.tree()
	p.put("dissuasion", d)
	p.plain("rewrite_contact", strconv.FormatBool(m.RewriteContact))
	p.plain("redirect_rescue", strconv.FormatBool(m.RedirectRescue))
	p.put("mark", listNode(each(markNames(m.Diversion, m.HistoryInfo), plainNode), true))
	p.plain("large", m.Large)
	if profile, ok := ProfileOf(x.Profile); ok && say != nil {
		for _, s := range profile.Settings() {
			comment(p.node, s.Key, c.whence(i, s, m, *say))
		}
	}
	return p.node
}

func kindName(gateway bool) string {
	if gateway {
		return "gateway"
	}
	return "ipbx"
}

// whence is the comment at the value of setting s under ipbx[i]; "" for a value
// of the file's own.
func (c *Config) whence(i int, s Setting, m Manners, say text.Messages) string {
	switch from, section := c.origin(i, s.Key); {
	case from == ofFile:
		return ""
	case from == ofSection:
		return say.FromSection(section)
	case s.Key == "large" && s.Value != m.Large:
		return say.LargeNeedsTCP()
	}
	return say.FromProfile(c.IPBX[i].Profile, s.Source.Ground, s.Source.Reference)
}

// comment sets the comment of the value at key, which may lie one mapping deep.
func comment(n *yaml.Node, key, text string) {
	if text == "" {
		return
	}
	if v := valueAt(n, key); v != nil {
		v.LineComment = text
	}
}

// valueAt returns the value of a key with dots in the mapping n, nil when there
// is none.
func valueAt(n *yaml.Node, key string) *yaml.Node {
	for name := range strings.SplitSeq(key, ".") {
		if n = valueOf(n, name); n == nil {
			return nil
		}
	}
	return n
}
