package export

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/router"
)

// End is one end of a flow.
type End struct {
	Name      string         `json:"name,omitempty"`  // of the configuration
	Party     text.FluxParty `json:"party,omitempty"` // when it has no name
	Addresses []string       `json:"addresses"`       // IP addresses or names; empty: not known
}

// Flow is one line of the matrix: who opens an exchange with whom. Ports are a
// number, a range "16384-16483", "*" for any, or "" where they are not known or
// do not exist.
type Flow struct {
	From     End              `json:"from"`
	To       End              `json:"to"`
	Protocol string           `json:"protocol"` // udp, tcp, icmp or vrrp
	Source   string           `json:"source_ports"`
	Ports    string           `json:"ports"`
	Purpose  text.FluxPurpose `json:"purpose"`
	Meaning  string           `json:"meaning"` // the purpose in the reader's language
}

// matrix collects the flows of one configuration.
type matrix struct {
	c      *config.Config
	flows  []Flow
	asksIP bool // a name has to be resolved
}

// Flux returns the firewall matrix of c, in an order that does not change; m
// gives the meanings their language.
func Flux(c *config.Config, m text.Messages) []Flow {
	x := &matrix{c: c}
	x.calls()
	x.desk()
	x.voice()
	x.checks()
	x.unreachable()
	x.services()
	x.machine()
	for i := range x.flows {
		x.flows[i].Meaning = m.Flux(x.flows[i].Purpose)
	}
	return x.flows
}

// add appends a flow once.
func (x *matrix) add(f Flow) {
	same := func(o Flow) bool {
		return o.Protocol == f.Protocol && o.Source == f.Source && o.Ports == f.Ports && o.Purpose == f.Purpose &&
			o.From.Name == f.From.Name && o.To.Name == f.To.Name && o.From.Party == f.From.Party && o.To.Party == f.To.Party &&
			slices.Equal(o.From.Addresses, f.From.Addresses) && slices.Equal(o.To.Addresses, f.To.Addresses)
	}
	if !slices.ContainsFunc(x.flows, same) {
		x.flows = append(x.flows, f)
	}
}

// host is how a peer is addressed, and notes that a name needs DNS.
func (x *matrix) host(h string) []string {
	if h == "" {
		return nil
	}
	if _, err := netip.ParseAddr(strings.Trim(h, "[]")); err != nil {
		x.asksIP = true
	}
	return []string{strings.Trim(h, "[]")}
}

// releve is our own end, seen from others.
func releve(a ...netip.Addr) End {
	e := End{Party: text.PartyReleve}
	for _, one := range a {
		if s := one.String(); one.IsValid() && !slices.Contains(e.Addresses, s) {
			e.Addresses = append(e.Addresses, s)
		}
	}
	return e
}

// ours are all addresses that we listen on.
func (x *matrix) ours() End {
	var all []netip.Addr
	for _, l := range x.c.Listen {
		all = append(all, l.Advertise.Addr())
	}
	return releve(all...)
}

func port(n uint16) string { return strconv.Itoa(int(n)) }

// carrier is the protocol that a SIP transport rides on.
func carrier(transport string) string {
	if transport == "udp" {
		return "udp"
	}
	return "tcp"
}

// calls: SIP between each peer and the listeners that it can use.
func (x *matrix) calls() {
	for _, b := range x.c.IPBX {
		end := End{Name: b.Name, Addresses: x.host(b.Address.Host)}
		for _, a := range b.Sources {
			if s := a.String(); !slices.Contains(end.Addresses, s) {
				end.Addresses = append(end.Addresses, s)
			}
		}
		x.peer(end, b.Address, true)
	}
	for _, s := range x.c.Servers {
		end := End{Name: s.Name, Addresses: x.host(s.Address.Host)}
		x.peer(end, s.Address, false)
		if s.Role == router.Primary && x.overflowEntry() {
			for _, b := range x.c.IPBX {
				x.add(Flow{
					From: End{Name: b.Name, Addresses: x.host(b.Address.Host)}, To: end,
					Protocol: carrier(network(s.Address)), Source: "*", Ports: sipPort(s.Address), Purpose: text.FluxDirect,
				})
			}
		}
	}
}

func (x *matrix) overflowEntry() bool {
	return slices.ContainsFunc(x.c.Listen, func(l config.Listen) bool { return l.Entry == router.OverflowEntry })
}

// network is the transport of u; a name that gives none is asked over UDP
// (RFC 3263 §4.1).
func network(u config.URI) string {
	if n := u.Network(); n != "" {
		return n
	}
	return "udp"
}

func sipPort(u config.URI) string {
	switch {
	case u.Addr.IsValid():
		return port(u.Addr.Port())
	case u.Port != 0:
		return port(u.Port)
	case network(u) == "tls":
		return "5061"
	}
	return "5060"
}

// fits says that listener l and u speak the same transport and family; TCP
// serves a UDP peer too, for what is too large for UDP (RFC 3261 §18.1.1).
func fits(l config.Listen, u config.URI) bool {
	if !u.IsName() && l.Address.Addr().Unmap().Is4() != u.Addr.Addr().Unmap().Is4() {
		return false
	}
	return l.Transport == network(u) || network(u) == "udp" && l.Transport == "tcp"
}

// peer: its requests to our listeners, ours to it. UDP leaves from the
// listener's own port, a connection from any.
func (x *matrix) peer(end End, u config.URI, isIPBX bool) {
	in, out := text.FluxServerCalls, text.FluxToServer
	if isIPBX {
		in, out = text.FluxCallsIn, text.FluxCallsOut
	}
	for _, l := range x.c.Listen {
		if !fits(l, u) || l.Entry == router.OverflowEntry && !isIPBX {
			continue
		}
		purpose, source := in, "*"
		if l.Entry == router.OverflowEntry {
			purpose = text.FluxOverflowIn
		}
		if l.Transport == "udp" {
			source = port(l.Address.Port())
		}
		us := releve(l.Advertise.Addr())
		x.add(Flow{From: end, To: us, Protocol: carrier(l.Transport), Source: "*", Ports: port(l.Advertise.Port()), Purpose: purpose})
		if l.Entry != router.OverflowEntry {
			x.add(Flow{From: us, To: end, Protocol: carrier(l.Transport), Source: source, Ports: sipPort(u), Purpose: out})
		}
	}
}

// desk: a rescue address that is nobody's we know.
func (x *matrix) desk() {
	u := x.c.Rescue
	known := slices.ContainsFunc(x.c.IPBX, func(b config.IPBX) bool {
		return b.Address.Host == u.Host || slices.ContainsFunc(b.Sources, func(a netip.Addr) bool { return a == u.Addr.Addr() })
	})
	if u.IsZero() || known {
		return
	}
	end := End{Party: text.PartyDesk, Addresses: x.host(u.Host)}
	for _, l := range x.c.Listen {
		if !fits(l, u) || l.Entry == router.OverflowEntry {
			continue
		}
		source := "*"
		if l.Transport == "udp" {
			source = port(l.Address.Port())
		}
		us := releve(l.Advertise.Addr())
		x.add(Flow{From: us, To: end, Protocol: carrier(l.Transport), Source: source, Ports: sipPort(u), Purpose: text.FluxDesk})
		x.add(Flow{From: end, To: us, Protocol: carrier(l.Transport), Source: "*", Ports: port(l.Advertise.Port()), Purpose: text.FluxDesk})
	}
}

// voice: RTP goes from phone to server; ours is that of test calls and of the
// hold prompt.
func (x *matrix) voice() {
	phones := End{Party: text.PartyPhones}
	_, told := x.c.MediaAt()
	us, ports := releve(told), port(x.c.Media.First)+"-"+port(x.c.Media.Last)
	both := func(a, b End, ours string, p text.FluxPurpose) {
		x.add(Flow{From: a, To: b, Protocol: "udp", Source: ours, Purpose: p})
		x.add(Flow{From: b, To: a, Protocol: "udp", Ports: ours, Purpose: p})
	}
	for _, s := range x.c.Servers {
		both(phones, End{Name: s.Name, Addresses: x.host(s.Address.Host)}, "", text.FluxVoice)
	}
	if k, ok := x.c.TestCall(); ok && k.Expect == "audio" {
		for _, s := range x.c.Servers {
			both(us, End{Name: s.Name, Addresses: x.host(s.Address.Host)}, ports, text.FluxCheckVoice)
		}
	}
	if x.c.Overflow.HoldPrompt != "" {
		both(us, phones, ports, text.FluxPromptVoice)
	}
}

// unreachable: a refused port is told by ICMP, the path MTU too.
func (x *matrix) unreachable() {
	us := x.ours()
	for _, s := range x.c.Servers {
		x.add(Flow{From: End{Name: s.Name, Addresses: x.host(s.Address.Host)}, To: us, Protocol: "icmp", Purpose: text.FluxUnreachable})
	}
	for _, b := range x.c.IPBX {
		x.add(Flow{From: End{Name: b.Name, Addresses: x.host(b.Address.Host)}, To: us, Protocol: "icmp", Purpose: text.FluxUnreachable})
	}
}

// machine: what the machine itself needs.
func (x *matrix) machine() {
	us := x.ours()
	if x.asksIP {
		end, ports := End{Party: text.PartyDNS}, "53"
		for _, a := range x.c.DNS.Servers {
			end.Addresses, ports = append(end.Addresses, a.Addr().String()), port(a.Port())
		}
		x.add(Flow{From: us, To: end, Protocol: "udp", Source: "*", Ports: ports, Purpose: text.FluxNames})
		x.add(Flow{From: us, To: end, Protocol: "tcp", Source: "*", Ports: ports, Purpose: text.FluxNames})
	}
	x.add(Flow{From: us, To: End{Party: text.PartyNTP}, Protocol: "udp", Source: "*", Ports: "123", Purpose: text.FluxTime})
}
