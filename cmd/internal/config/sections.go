package config

import (
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"releve/router"
)

// The sections of the file, one function each, in the order of the file.

func (r *reader) config(c *Config, root *yaml.Node) {
	r.mapping(root, "",
		field{"site", r.str(&c.Site)},
		field{"language", oneOf(r, &c.Language, plain("fr", "en")...)},
		field{"level", oneOf(r, &c.Level, levels...)},
		field{"wel_licences", r.wel(&c.WelLicences)},
		field{"listen", r.listen(&c.Listen)},
		field{"dscp", r.whole(&c.DSCP, 0, 63)},
		field{"tls", r.tls(&c.TLS)},
		field{"dns", r.dns(&c.DNS)},
		field{"keys", func(n *yaml.Node, p string) {
			r.mapping(n, p, field{"file", r.path(&c.Keys.File)})
		}},
		field{"ipbx", r.ipbx(&c.IPBX)},
		field{"servers", r.servers(&c.Servers)},
		field{"service_numbers", r.numbers(&c.ServiceNumbers)},
		field{"registration", r.registration(&c.Registration)},
		field{"overflow", r.overflow(&c.Overflow)},
		field{"verification", r.verification(&c.Verification)},
		field{"checks", r.checks(&c.Checks)},
		field{"media", r.media(&c.Media)},
		field{"dissuasion", r.dissuasion(&c.Dissuasion)},
		field{"rescue", r.uri(&c.Rescue)},
		field{"dead_calls", oneOf(r, &c.DeadCalls, plain("release", "off")...)},
		field{"lost_calls", oneOf(r, &c.LostCalls, plain("release", "off")...)},
		field{"limits", r.limits(&c.Limits)},
		field{"mirror", r.mirror(&c.Mirror)},
		field{"store", r.store(&c.Store)},
		field{"alarms", r.alarms(&c.Alarms)},
		field{"backup_data", r.backupData(&c.BackupData)},
		field{"drill", r.drill(&c.Drill)},
		field{"contacts", func(n *yaml.Node, p string) {
			r.mapping(n, p, field{"integrateur", r.freeText(&c.Contacts.Integrator)},
				field{"tlmcom", r.freeText(&c.Contacts.TLMCom)},
				field{"astreinte", r.freeText(&c.Contacts.OnCall)})
		}},
		field{"admin", r.admin(&c.Admin)},
	)
}

// levels are the words of Wel'Suite's data sheet.
var levels = []word[router.Level]{
	{name: "base", value: router.Base},
	{name: "mirroring", value: router.Mirroring},
	{name: "backup", value: router.Backup},
	{name: "high-availability", value: router.HighAvailability},
}

func plain(names ...string) []word[string] {
	out := make([]word[string], len(names))
	for i, n := range names {
		out[i] = word[string]{name: n, value: n}
	}
	return out
}

// wel reads the options bought; mirroring may have been bought.
func (r *reader) wel(dst *[]router.Level) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, maxList, func(e *yaml.Node, at string) {
			var l router.Level
			before := len(r.problems)
			oneOf(r, &l, word[router.Level]{name: "base", value: router.Base},
				word[router.Level]{name: "mirroring", value: router.Mirroring},
				word[router.Level]{name: "backup", value: router.Backup},
				word[router.Level]{name: "high-availability", value: router.HighAvailability})(e, at)
			if len(r.problems) == before {
				*dst = append(*dst, l)
			}
		})
	}
}

func (r *reader) listen(dst *[]Listen) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, 8, func(e *yaml.Node, at string) {
			l := Listen{}
			var advertise netip.AddrPort
			r.mapping(e, at,
				field{"address", r.listenAddress(&l)},
				field{"advertise", r.advertise(&advertise)},
				field{"entry", oneOf(r, &l.Entry, word[router.Entry]{name: "inline", value: router.Inline},
					word[router.Entry]{name: "overflow", value: router.OverflowEntry})},
			)
			l.Advertise = l.Address
			if advertise.Addr().IsValid() {
				port := advertise.Port()
				if port == 0 {
					port = l.Address.Port()
				}
				l.Advertise = netip.AddrPortFrom(advertise.Addr(), port)
			}
			*dst = append(*dst, l)
		})
	}
}

func (r *reader) listenAddress(l *Listen) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		scheme, rest, _ := strings.Cut(s, "://")
		if scheme == "ws" || scheme == "wss" {
			r.fault(n, path, CodeNotYet, r.say.ConfigNotYet(path+": "+scheme+"://"))
			return
		}
		a, err := netip.ParseAddrPort(rest)
		if scheme != "udp" && scheme != "tcp" && scheme != "tls" || err != nil || a.Port() == 0 || a.Addr().Zone() != "" {
			r.fault(n, path, CodeListen, r.say.ConfigBadListen(s))
			return
		}
		l.Transport, l.Address = scheme, a
	}
}

// advertise reads an IP address, with or without a port (0: the listener's).
func (r *reader) advertise(dst *netip.AddrPort) take {
	return func(n *yaml.Node, path string) {
		if s, ok := r.scalar(n, path); ok {
			if a, err := netip.ParseAddrPort(s); err == nil && a.Addr().Zone() == "" && !a.Addr().IsUnspecified() {
				*dst = a
			} else if a, ok := r.ip(n, path); ok {
				*dst = netip.AddrPortFrom(a, 0)
			}
		}
	}
}

// sources reads the addresses an IPBX sends from.
func (r *reader) sources(x *IPBX) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, 16, func(e *yaml.Node, at string) {
			if a, ok := r.ip(e, at); ok {
				x.Sources = append(x.Sources, a)
			}
		})
	}
}

func (r *reader) servers(dst *[]Server) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, 2, func(e *yaml.Node, at string) {
			s := Server{Large: "udp"}
			r.mapping(e, at,
				field{"name", r.quotable(&s.Name)},
				field{"role", oneOf(r, &s.Role, word[router.Server]{name: "primary", value: router.Primary},
					word[router.Server]{name: "secondary", value: router.Secondary})},
				field{"address", r.uri(&s.Address)},
				field{"lines", r.whole(&s.Lines, 1, 65_535)},
				field{"version", r.version(&s.Version)},
				field{"user", r.digits(&s.User, plainUser)},
				field{"identity", r.identity(&s.Identity)},
				field{"large", r.large(&s.Large)},
				field{"machine", oneOf(r, &s.Virtual, word[bool]{name: "physical"}, word[bool]{name: "virtual", value: true})},
				field{"analogue", r.whole(&s.Analogue, 0, 1000)},
			)
			*dst = append(*dst, s)
		})
	}
}

func (r *reader) version(dst *Version) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		v, ok := parseVersion(s)
		if !ok {
			r.fault(n, path, CodeVersion, r.say.ConfigBadVersion(path, s))
			return
		}
		*dst = v
	}
}

func (r *reader) numbers(dst *[]string) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, maxList, func(e *yaml.Node, at string) {
			var s string
			r.digits(&s, plainNumber)(e, at)
			if s != "" {
				*dst = append(*dst, s)
			}
		})
	}
}
