package config

import (
	"fmt"
	"net/netip"
	"time"

	"go.yaml.in/yaml/v3"

	"releve/router/licence"
)

func (r *reader) ipbx(dst *[]IPBX) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, licence.MaxIPBX, func(e *yaml.Node, at string) {
			x := IPBX{Profile: "generic"}
			r.mapping(e, at, append(r.mannersOf(&x.Manners),
				field{"name", r.str(&x.Name)},
				field{"address", r.uri(&x.Address)},
				field{"sources", r.sources(&x)},
				field{"profile", oneOf(r, &x.Profile, plain(ProfileNames...)...)},
				field{"no_answer", r.duration(&x.NoAnswer, 5*time.Second, 5*time.Minute)},
				field{"redundancy", oneOf(r, &x.MainStandby, word[bool]{name: "none"},
					word[bool]{name: "main-standby", value: true})},
				field{"max_grant", r.duration(&x.MaxGrant, 10*time.Second, 24*time.Hour)})...)
			*dst = append(*dst, x)
		})
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

// settle gives each IPBX what the file left out: what the file says for all of
// them (overflow, dissuasion), else what its profile sets.
func (c *Config) settle() {
	for i := range c.IPBX {
		x := &c.IPBX[i]
		at := fmt.Sprintf("ipbx[%d].", i)
		given := func(key string) bool { _, ok := c.at[at+key]; return ok && !c.bad[at+key] }
		everywhere := func(key string) bool { _, ok := c.at[key]; return ok && !c.bad[key] }
		if len(x.Sources) == 0 && x.Address.Addr.IsValid() {
			x.Sources = []netip.Addr{x.Address.Addr.Addr()}
		}
		p := manners()
		if !given("no_answer") {
			x.NoAnswer = defaultNoAnswer
		}
		if !given("max_grant") {
			x.MaxGrant = defaultMaxGrant
		}
		m := &x.Manners
		pick(&m.HoldSignal, given("hold_signal"), everywhere("overflow.hold_signal"), c.Overflow.HoldSignal, p.HoldSignal)
		pick(&m.Status, given("dissuasion.status"), everywhere("dissuasion.status"), c.Dissuasion.Status, p.Status)
		pick(&m.Q850, given("dissuasion.q850"), everywhere("dissuasion.q850"), c.Dissuasion.Q850, p.Q850)
		pick(&m.Requeue, given("dissuasion.requeue"), everywhere("dissuasion.requeue"), c.Dissuasion.Requeue, p.Requeue)
		pick(&m.RewriteContact, given("rewrite_contact"), false, false, p.RewriteContact)
		pick(&m.RedirectRescue, given("redirect_rescue"), false, false, p.RedirectRescue)
		pick(&m.Diversion, given("mark"), false, false, p.Diversion)
		pick(&m.HistoryInfo, given("mark"), false, false, p.HistoryInfo)
		pick(&m.Large, given("large"), false, "", p.Large)
	}
}

func pick[T any](dst *T, own, everywhere bool, everybodys, profile T) {
	switch {
	case own:
	case everywhere:
		*dst = everybodys
	default:
		*dst = profile
	}
}
