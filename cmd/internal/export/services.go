package export

import (
	"cmp"
	"net"
	"slices"
	"strings"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
)

// checks: what the checks of the servers ask.
func (x *matrix) checks() {
	us := x.ours()
	for _, k := range x.c.Checks {
		switch k.Type {
		case "tcp":
			for _, s := range x.c.Servers {
				to := End{Name: s.Name, Addresses: x.host(s.Address.Host)}
				x.add(Flow{From: us, To: to, Protocol: "tcp", Source: "*", Ports: port(k.Port), Purpose: text.FluxCheck})
			}
		case "http":
			x.asked(k, k.URL, text.PartyHTTP)
		case "sql":
			x.asked(k, k.Database, text.PartySQL)
		case "exec":
			for _, s := range x.c.Servers {
				x.add(Flow{From: us, To: End{Name: s.Name, Addresses: x.host(s.Address.Host)}, Purpose: text.FluxPlugin})
			}
		}
	}
}

// asked is a check by URL: of each server where the URL names {host}, else of
// one machine beside them.
func (x *matrix) asked(k config.Check, address string, other text.FluxParty) {
	if !k.NamesHost() {
		x.tcp(x.urlEnd(address, other), address, text.FluxCheck)
		return
	}
	for _, s := range x.c.Servers {
		x.tcp(End{Name: s.Name, Addresses: x.host(s.Address.Host)}, config.AddressFor(address, s), text.FluxCheck)
	}
}

// tcp adds a flow of ours to the port of a URL.
func (x *matrix) tcp(to End, address string, p text.FluxPurpose) {
	x.add(Flow{From: x.ours(), To: to, Protocol: "tcp", Source: "*", Ports: urlPort(address), Purpose: p})
}

// urlEnd is the machine that a URL names; a password in it goes nowhere.
func (x *matrix) urlEnd(address string, party text.FluxParty) End {
	e := End{Party: party}
	for _, at := range machines(address) {
		e.Addresses = append(e.Addresses, x.host(at.host)...)
	}
	return e
}

// machine is one host of a URL, and its port as written.
type machine struct{ host, port string }

// Hosts are the names and addresses that a URL, or host:port, holds.
func Hosts(address string) (out []string) {
	for _, at := range machines(address) {
		out = append(out, at.host)
	}
	return out
}

// machines are the hosts of a URL or of host:port; a database URL may name
// several ("postgres://user@a:5432,b/db").
func machines(address string) (out []machine) {
	_, rest, ok := strings.Cut(address, "://")
	if !ok {
		rest = address
	}
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	for one := range strings.SplitSeq(rest, ",") {
		host, port, err := net.SplitHostPort(one)
		if err != nil {
			host, port = one, ""
		}
		if host != "" {
			out = append(out, machine{strings.Trim(host, "[]"), port})
		}
	}
	return out
}

// ports that a scheme means when the URL gives none.
var schemePorts = map[string]string{
	"http": "80", "https": "443", "postgres": "5432", "postgresql": "5432", "mysql": "3306", "mariadb": "3306",
}

// urlPort is the port of a URL or of host:port, those of several hosts one
// after the other; "" when it cannot be told.
func urlPort(address string) string {
	scheme, _, _ := strings.Cut(address, "://")
	var all []string
	for _, at := range machines(address) {
		port := at.port
		if port == "" {
			port = schemePorts[scheme]
		}
		if port != "" && !slices.Contains(all, port) {
			all = append(all, port)
		}
	}
	return strings.Join(all, ", ")
}

// services: databases, receivers of alarms, the operators' page.
func (x *matrix) services() {
	if url := x.c.Store.Postgres; url != "" {
		x.tcp(x.urlEnd(url, text.PartyStore), url, text.FluxStore)
		// Two nodes share such a store, and hand an address over to each other.
		x.add(Flow{From: x.ours(), To: End{Party: text.PartyNode}, Protocol: "vrrp", Purpose: text.FluxVRRP})
		x.add(Flow{From: End{Party: text.PartyNode}, To: x.ours(), Protocol: "vrrp", Purpose: text.FluxVRRP})
	}
	m := x.c.Mirror
	if m.Main.URL != "" {
		x.tcp(x.urlEnd(m.Main.URL, text.PartyMain), m.Main.URL, text.FluxMirror)
	}
	if m.Mirror.URL != "" {
		x.tcp(x.urlEnd(m.Mirror.URL, text.PartyMirror), m.Mirror.URL, text.FluxMirror)
	}
	if m.Main.URL != "" && m.Mirror.URL != "" {
		// The mirror draws from the main; after a promotion it is the other way round.
		main, mirror := x.urlEnd(m.Main.URL, text.PartyMain), x.urlEnd(m.Mirror.URL, text.PartyMirror)
		x.add(Flow{From: mirror, To: main, Protocol: "tcp", Source: "*", Ports: urlPort(m.Main.URL), Purpose: text.FluxMirrorItself})
		x.add(Flow{From: main, To: mirror, Protocol: "tcp", Source: "*", Ports: urlPort(m.Mirror.URL), Purpose: text.FluxMirrorItself})
	}
	x.receivers()
	if a := x.c.Admin; a.Listen.IsValid() && !a.Local() {
		x.add(Flow{
			From: End{Party: text.PartyOperators}, To: releve(a.Listen.Addr()), Protocol: "tcp", Source: "*",
			Ports: port(a.Listen.Port()), Purpose: text.FluxPage,
		})
	}
}

// receivers of alarms.
func (x *matrix) receivers() {
	a := x.c.Alarms
	if a.Mail.SMTP != "" {
		x.tcp(x.urlEnd(a.Mail.SMTP, text.PartyMail), a.Mail.SMTP, text.FluxMail)
	}
	for _, target := range a.SNMP.Targets {
		x.add(Flow{
			From: x.ours(), To: x.urlEnd(target, text.PartyTrap), Protocol: "udp", Source: "*",
			Ports: cmp.Or(urlPort(target), "162"), Purpose: text.FluxTrap,
		})
	}
	for _, w := range a.Webhooks {
		x.tcp(x.urlEnd(w.Address(), text.PartyWebhook), w.Address(), text.FluxWebhook)
	}
	for _, s := range a.Syslogs {
		usual := "514"
		if s.Transport == "tls" {
			usual = "6514"
		}
		x.add(Flow{
			From: x.ours(), To: x.urlEnd(s.Address, text.PartySyslog), Protocol: carrier(s.Transport), Source: "*",
			Ports: cmp.Or(urlPort(s.Address), usual), Purpose: text.FluxSyslog,
		})
	}
}
