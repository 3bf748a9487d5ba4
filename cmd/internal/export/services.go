package export

import (
	"net"
	"net/url"

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
	if u, err := url.Parse(address); err == nil {
		e.Addresses = x.host(u.Hostname())
	} else if host, _, err := net.SplitHostPort(address); err == nil {
		e.Addresses = x.host(host)
	}
	return e
}

// ports that a scheme means when the URL gives none.
var schemePorts = map[string]string{
	"http": "80", "https": "443", "postgres": "5432", "postgresql": "5432", "mysql": "3306", "mariadb": "3306",
}

// urlPort is the port of a URL or of host:port; "" when it cannot be told.
func urlPort(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		if u.Port() != "" {
			return u.Port()
		}
		return schemePorts[u.Scheme]
	}
	_, p, _ := net.SplitHostPort(address)
	return p
}

// services: databases, receivers of alarms, the operators' page.
func (x *matrix) services() {}
