package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/text"
)

const mannersFile = `
site: x
level: base
listen: [{address: "udp://10.0.0.1:5060"}%s]
ipbx: [{name: a, address: "sip:10.0.0.2"%s}]
servers: [{name: s, role: primary, address: "sip:10.0.0.3", lines: 4}]
%s
`

// TestManners: the profile's value, replaced by the section for every IPBX,
// replaced by the IPBX's own line.
func TestManners(t *testing.T) {
	common := Manners{Status: 486, Q850: 17, Requeue: true, Diversion: true, HistoryInfo: true, Large: "udp"}
	for _, c := range []struct {
		name, listen, ipbx, more string
		want                     func(*Manners)
	}{
		{"generic when nothing is said", "", "", "", func(*Manners) {}},
		{"avaya rings", "", ", profile: avaya", "", func(m *Manners) { m.HoldSignal = 180 }},
		{"the section stands above the profile", "", ", profile: avaya", "overflow: {hold_signal: none}", func(*Manners) {}},
		{"another key of the section does not", "", ", profile: avaya", "overflow: {hold_budget: 19s}", func(m *Manners) { m.HoldSignal = 180 }},
		{"the own line stands above both", "", ", profile: avaya, hold_signal: 183", "overflow: {hold_signal: 182}", func(m *Manners) { m.HoldSignal = 183 }},
		{
			"one key of dissuasion, the rest as before", "", ", dissuasion: {status: 480}", "dissuasion: {status: 600, q850: 21}",
			func(m *Manners) { m.Status, m.Q850 = 480, 21 },
		},
		{"oxe takes large requests by TCP", `, {address: "tcp://10.0.0.1:5060"}`, ", profile: oxe", "", func(m *Manners) { m.Large = "tcp" }},
		{"but not without a TCP listener", "", ", profile: oxe", "", func(*Manners) {}},
		{"nor with one in the other family", `, {address: "tcp://[2001:db8::1]:5060"}`, ", profile: oxe", "", func(*Manners) {}},
		{"no mark at all", "", ", mark: []", "", func(m *Manners) { m.Diversion, m.HistoryInfo = false, false }},
		{"one mark", "", ", mark: [history-info]", "", func(m *Manners) { m.Diversion = false }},
		{"a refused value leaves the profile's", "", ", profile: avaya, hold_signal: 181", "", func(m *Manners) { m.HoldSignal = 180 }},
		{
			"booleans", "", ", rewrite_contact: true, redirect_rescue: true, dissuasion: {requeue: false}", "",
			func(m *Manners) { m.RewriteContact, m.RedirectRescue, m.Requeue = true, true, false },
		},
	} {
		got, _ := Parse("f", fmt.Appendf(nil, mannersFile, c.listen, c.ipbx, c.more), text.English)
		want := common
		c.want(&want)
		if got.IPBX[0].Manners != want {
			t.Errorf("%s: %+v, want %+v", c.name, got.IPBX[0].Manners, want)
		}
	}
}

func TestProfileTimes(t *testing.T) {
	for ipbx, want := range map[string]IPBX{
		"":                                   {NoAnswer: 30 * time.Second, MaxGrant: time.Hour, Granted: Assumed},
		", max_grant: 1h":                    {NoAnswer: 30 * time.Second, MaxGrant: time.Hour, Granted: Stated},
		", profile: asterisk":                {NoAnswer: 30 * time.Second, MaxGrant: 2 * time.Hour, Granted: Published},
		", profile: asterisk, max_grant: 5m": {NoAnswer: 30 * time.Second, MaxGrant: 5 * time.Minute, Granted: Stated},
		", profile: asterisk, max_grant: x":  {NoAnswer: 30 * time.Second, MaxGrant: 2 * time.Hour, Granted: Published},
		", profile: oxe":                     {NoAnswer: 30 * time.Second, MaxGrant: time.Hour, Granted: Assumed, MainStandby: true},
		", profile: oxe, redundancy: none":   {NoAnswer: 30 * time.Second, MaxGrant: time.Hour, Granted: Assumed},
		", no_answer: 45s":                   {NoAnswer: 45 * time.Second, MaxGrant: time.Hour, Granted: Assumed},
	} {
		got, _ := Parse("f", fmt.Appendf(nil, mannersFile, "", ipbx, ""), text.English)
		x := got.IPBX[0]
		if x.NoAnswer != want.NoAnswer || x.MaxGrant != want.MaxGrant || x.MainStandby != want.MainStandby || x.Granted != want.Granted {
			t.Errorf("%q: %+v", ipbx, x)
		}
	}
}

// TestProfiles: every value of every profile says what it rests on, in both
// languages, and every note has its sentence.
func TestProfiles(t *testing.T) {
	known := map[text.Ground]bool{text.ByRFC: true, text.ByDocument: true, text.ByReport: true, text.ByChoice: true, text.Unverified: true}
	for _, p := range Profiles() {
		if p.Title == "" || len(p.Notes) == 0 {
			t.Errorf("%s: no title or no note", p.Name)
		}
		sources := []Source{p.Transport.Source}
		for _, s := range p.Settings() {
			sources = append(sources, s.Source)
			file := fmt.Sprintf(mannersFile, `, {address: "tcp://10.0.0.1:5060"}`, ", "+s.flow(), "")
			if c, problems := Parse("f", []byte(file), text.English); strings.Contains(lines(problems, ""), "ipbx") {
				t.Errorf("%s: its own value %s is refused: %v %v", p.Name, s.Key, problems, c.IPBX)
			}
		}
		for _, s := range sources {
			if !known[s.Ground] {
				t.Errorf("%s: ground %q", p.Name, s.Ground)
			}
			if (s.Ground == text.ByChoice || s.Ground == text.Unverified) != (s.Reference == "") {
				t.Errorf("%s: %s with reference %q", p.Name, s.Ground, s.Reference)
			}
			if p.Name != "generic" && s.Ground == text.ByRFC {
				t.Errorf("%s: an RFC proves nothing about one IPBX", p.Name)
			}
		}
		for _, n := range p.Notes {
			if !text.HasProfileNote(n) {
				t.Errorf("%s: note %q has no sentence", p.Name, n)
			}
		}
	}
}

// flow is the setting as a key of a flow mapping.
func (s Setting) flow() string {
	if section, key, ok := strings.Cut(s.Key, "."); ok {
		return section + ": {" + key + ": " + s.Value + "}"
	}
	return s.Key + ": " + s.Value
}

func TestURI(t *testing.T) {
	for in, want := range map[string]string{ // as printed, and the network it means
		"sip:10.0.0.1":                       "sip:10.0.0.1:5060 udp",
		"sip:10.0.0.1;transport=tls":         "sip:10.0.0.1:5061;transport=tls tls",
		"sips:10.0.0.1":                      "sips:10.0.0.1:5061 tls",
		"SIPS:u@[2001:db8::1];transport=tcp": "sips:u@[2001:db8::1]:5061;transport=tcp tls",
		"sip:[2001:db8::1]:5070":             "sip:[2001:db8::1]:5070 udp",
		"sip:pbx.example":                    "sip:pbx.example ",
		"sip:9@pbx.example:5080":             "sip:9@pbx.example:5080 ",
		"sip:pbx.example;transport=TCP":      "sip:pbx.example;transport=tcp tcp",
		"sips:pbx.example":                   "sips:pbx.example tls",
	} {
		u, ok := parseURI(in)
		if got := u.String() + " " + u.Network(); !ok || got != want {
			t.Errorf("%s: %q %v, want %q", in, got, ok, want)
		}
		if again, ok := parseURI(u.String()); !ok || again.String() != u.String() || again.Network() != u.Network() {
			t.Errorf("%s does not read back: %+v", u, again)
		}
	}
	for _, in := range []string{
		"", "10.0.0.1", "tel:5000", "sip:", "sip:u@", "sips:a;transport=udp", "sip:a;transport=sctp", "sip:a;transport=udp;transport=tcp",
		"sip:a:0", "sip:a:65536", "sip:1.2.3", "sip:2001:db8::1", "sip:[10.0.0.1]", "sip:a;lr", "sip:a?b=c", "sip:a b", "sip:u:p@a", "sip:<a>",
		"sip:[fe80::1%eth0]", "sip:10.0.0.1:5060x",
	} {
		if u, ok := parseURI(in); ok {
			t.Errorf("%q was accepted: %+v", in, u)
		}
	}
	if got := (URI{User: "5001", Host: "2001:db8::1"}).AOR(); got != "sip:5001@[2001:db8::1]" {
		t.Errorf("AOR of an IPv6 registrar: %s", got)
	}
}
