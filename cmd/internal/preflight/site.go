package preflight

import (
	"crypto/tls"

	"releve/cmd/internal/config"
	"releve/proxy/transport"
	"releve/router"
)

// FarOf makes a far end of an address of the configuration, or of the command line.
func FarOf(name string, subject Subject, role string, u config.URI) Far {
	f := Far{Name: name, Subject: subject, Role: role, URI: u.String(), Host: u.Host, Port: u.Port, Secure: u.Secure}
	if u.Addr.IsValid() {
		f.Host, f.Port = u.Addr.Addr().String(), u.Addr.Port()
	}
	switch u.Network() {
	case "tcp":
		f.Network, f.Given = transport.TCP, true
	case "tls":
		f.Network, f.Given = transport.TLS, true
	case "udp":
		f.Network, f.Given = transport.UDP, u.Transport != "" || u.Addr.IsValid()
	}
	return f
}

// PlanOf is what a configuration says of the site. Nobody is called nor registered by
// it alone: CallNumber, Service and Users are the caller's to give.
func PlanOf(c *config.Config) Plan {
	udp := false
	p := Plan{Site: c.Site, DNS: c.DNS.Servers, Held: c.Overflow.AnswerTimeout + c.Overflow.HoldBudget, TLS: tlsOf(c)}
	for _, l := range c.Listen {
		switch {
		case l.Entry != router.Inline:
		case l.Transport == "tls" && !p.LocalTLS.IsValid():
			p.LocalTLS = l.Address
		case l.Transport == "udp" && !udp, l.Transport == "tcp" && !p.Local.IsValid():
			p.Local, udp = l.Address, l.Transport == "udp"
		}
	}
	for _, x := range c.IPBX {
		if x.Gateway {
			continue
		}
		f := FarOf(x.Name, IPBX, "", x.Address)
		f.Sources, f.Has = x.Sources, has(x.Manners)
		p.Far = append(p.Far, f)
	}
	for _, s := range c.Servers {
		f := FarOf(s.Name, Server, roleOf(s.Role), s.Address)
		f.Absent = c.Level == router.Backup && s.Role == router.Secondary
		p.Far = append(p.Far, f)
	}
	for _, d := range []string{c.Mirror.Main.URL, c.Mirror.Mirror.URL} {
		if d != "" {
			p.Databases = append(p.Databases, d)
		}
	}
	return p
}

// has is what the section of an IPBX says that a finding may ask for.
func has(m config.Manners) map[string]string {
	signal := "none"
	if m.HoldSignal != 0 {
		signal = number(int(m.HoldSignal))
	}
	return map[string]string{
		"rewrite_contact": boolean(m.RewriteContact), "dissuasion.requeue": boolean(m.Requeue), "dissuasion.status": number(int(m.Status)),
		"large": m.Large, "hold_signal": signal,
	}
}

// Trust has the study trust the authorities of a file, and show a certificate; what is
// empty stays as it is.
func (p *Plan) Trust(authorities, certificate, key string) {
	keys := transport.TLSConfig{}
	if p.TLS != nil {
		keys = *p.TLS
	}
	if authorities != "" {
		keys.CA = authorities
	}
	if certificate != "" {
		keys.Certificate, keys.Key = certificate, key
	}
	p.TLS = &keys
}

func roleOf(s router.Server) string {
	if s == router.Secondary {
		return "secondary"
	}
	return "primary"
}

func tlsOf(c *config.Config) *transport.TLSConfig {
	if c.TLS.Certificate == "" && c.TLS.CA == "" {
		return nil
	}
	out := &transport.TLSConfig{Certificate: c.TLS.Certificate, Key: c.TLS.Key, CA: c.TLS.CA, MinVersion: tls.VersionTLS12}
	if c.TLS.MinVersion == "1.3" {
		out.MinVersion = tls.VersionTLS13
	}
	return out
}

// UsersOf are the licensed users of a configuration, the primary's first, that names
// lists: by the server's name, by the user part or by the whole address. unknown is
// the first name that is nobody's; "": all were found.
func UsersOf(c *config.Config, names []string) (out []User, unknown string) {
	for _, name := range names {
		found := false
		for _, u := range c.Registration.Users {
			if name != u.Name && name != u.AOR.User && name != u.AOR.String() {
				continue
			}
			found = true
			role := "primary"
			if s, ok := c.Server(router.Secondary); ok && s.Name == u.Name {
				role = "secondary"
			}
			username := u.Username
			if username == "" {
				username = u.AOR.User
			}
			out = append(out, User{Role: role, AOR: u.AOR.String(), Username: username, Password: u.Password.Value()})
		}
		if !found {
			return out, name
		}
	}
	return out, ""
}
