package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
	"releve/health"
)

func (r *reader) ipbx(dst *[]IPBX) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, health.MaxIPBX, func(e *yaml.Node, at string) {
			x := IPBX{Profile: "generic"}
			r.mapping(e, at, append(r.mannersOf(&x.Manners),
				field{"name", r.quotable(&x.Name)},
				field{"address", r.uri(&x.Address)},
				field{"sources", r.sources(&x)},
				field{"kind", oneOf(r, &x.Gateway, word[bool]{name: "ipbx"}, word[bool]{name: "gateway", value: true})},
				field{"profile", r.profile(&x.Profile)},
				field{"no_answer", r.duration(&x.NoAnswer, 5*time.Second, 5*time.Minute)},
				field{"redundancy", oneOf(r, &x.MainStandby, word[bool]{name: "none"},
					word[bool]{name: "main-standby", value: true})},
				field{"identity", oneOf(r, &x.MapFrom, word[bool]{name: "asserted"}, word[bool]{name: "from", value: true})},
				field{"max_grant", r.duration(&x.MaxGrant, 5*time.Second, 24*time.Hour)})...)
			*dst = append(*dst, x)
		})
	}
}

// profile reads the name of a profile; one that has gone is refused with the
// name to write instead.
func (r *reader) profile(dst *string) take {
	return func(n *yaml.Node, path string) {
		if instead := gone(n.Value); instead != "" {
			r.fault(n, path, CodeUnknownValue, r.say.ConfigProfileGone(path, n.Value, instead))
			return
		}
		oneOf(r, dst, plain(ProfileNames()...)...)(n, path)
	}
}

func (r *reader) mannersOf(m *Manners) []field {
	return []field{
		{"hold_signal", r.holdSignal(&m.HoldSignal)},
		{"dissuasion", func(n *yaml.Node, p string) {
			r.mapping(n, p, r.dissuasionFields(&m.Requeue, &m.Status, &m.Q850)...)
		}},
		{"rewrite_contact", r.boolean(&m.RewriteContact)},
		{"redirect_rescue", r.boolean(&m.RedirectRescue)},
		{"mark", r.marks(m)},
		{"large", r.large(&m.Large)},
	}
}

// marks reads which headers mark_overflow adds; [] is none.
func (r *reader) marks(m *Manners) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, 2, func(e *yaml.Node, at string) {
			var which *bool
			oneOf(r, &which, word[*bool]{name: "diversion", value: &m.Diversion},
				word[*bool]{name: "history-info", value: &m.HistoryInfo})(e, at)
			if which != nil {
				*which = true
			}
		})
	}
}

func (r *reader) large(dst *string) take { return oneOf(r, dst, plain("udp", "tcp")...) }

// origin is the place that the value of key under ipbx[i] comes from: the file's own
// line, a section for every IPBX (its key is returned), or the profile.
type origin uint8

const (
	ofProfile origin = iota
	ofSection
	ofFile
)

func (c *Config) origin(i int, key string) (origin, string) {
	given := func(path string) bool { _, ok := c.at[path]; return ok && !c.bad[path] }
	if given(fmt.Sprintf("ipbx[%d].%s", i, key)) {
		return ofFile, ""
	}
	section := key
	if key == "hold_signal" {
		section = "overflow.hold_signal"
	}
	if strings.Contains(section, ".") && given(section) {
		return ofSection, section
	}
	return ofProfile, ""
}

// settle gives each IPBX what the file left out: what the file says for all of
// them (overflow, dissuasion), else what its profile sets.
func (c *Config) settle() {
	c.settleRescue()
	for i := range c.IPBX {
		x := &c.IPBX[i]
		if len(x.Sources) == 0 && x.Address.Addr.IsValid() {
			x.Sources = []netip.Addr{x.Address.Addr.Addr()}
		}
		profile, ok := ProfileOf(x.Profile)
		if !ok {
			continue // not from the file: the reader refuses other names
		}
		m, p := &x.Manners, profile.manners()
		if p.Large == "tcp" && !c.hearsTCP(x.Address) {
			p.Large = "udp"
		}
		o, d := c.Overflow, c.Dissuasion
		settle(c, i, "no_answer", &x.NoAnswer, 0, profile.NoAnswer.Is)
		settle(c, i, "redundancy", &x.MainStandby, false, profile.MainStandby.Is)
		settle(c, i, "max_grant", &x.MaxGrant, 0, profile.MaxGrant.Is)
		x.Granted = c.grounds(i, profile)
		settle(c, i, "hold_signal", &m.HoldSignal, o.HoldSignal, p.HoldSignal)
		settle(c, i, "dissuasion.requeue", &m.Requeue, d.Requeue, p.Requeue)
		settle(c, i, "dissuasion.status", &m.Status, d.Status, p.Status)
		settle(c, i, "dissuasion.q850", &m.Q850, d.Q850, p.Q850)
		settle(c, i, "rewrite_contact", &m.RewriteContact, false, p.RewriteContact)
		settle(c, i, "redirect_rescue", &m.RedirectRescue, false, p.RedirectRescue)
		settle(c, i, "mark", &m.Diversion, false, p.Diversion)
		settle(c, i, "mark", &m.HistoryInfo, false, p.HistoryInfo)
		settle(c, i, "large", &m.Large, "", p.Large)
	}
}

// grounds says whose word the max_grant of ipbx[i] is.
func (c *Config) grounds(i int, p Profile) Grounds {
	if from, _ := c.origin(i, "max_grant"); from == ofFile {
		return Stated
	}
	switch p.MaxGrant.Source.Ground {
	case text.ByRFC, text.ByDocument, text.ByReport:
		return Published
	}
	return Assumed
}

// settleRescue: a rescue host that is the name of a configured IPBX means its
// address.
func (c *Config) settleRescue() {
	u := &c.Rescue
	for _, x := range c.IPBX {
		if u.IsName() && u.Host == x.Name && !x.Address.IsZero() {
			user := u.User
			*u = x.Address
			u.User = user
		}
	}
}

func settle[T any](c *Config, i int, key string, dst *T, section, profile T) {
	switch from, _ := c.origin(i, key); from {
	case ofFile:
	case ofSection:
		*dst = section
	default:
		*dst = profile
	}
}

// hearsTCP says that a listener can take the TCP connections of u: our Via of a
// large request names it (RFC 3261 §18.1.1).
func (c *Config) hearsTCP(u URI) bool {
	for _, l := range c.Listen {
		if l.Transport == "tcp" && (u.IsName() || isIPv6(l.Address) == isIPv6(u.Addr)) {
			return true
		}
	}
	return false
}

func isIPv6(a netip.AddrPort) bool { return a.Addr().Is6() && !a.Addr().Is4In6() }
