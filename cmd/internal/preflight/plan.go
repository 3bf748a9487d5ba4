package preflight

import (
	"net/netip"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/transport"
)

// Far is a far end to study.
type Far struct {
	Name    string
	Subject Subject // IPBX or Server
	Role    string  // primary, secondary; IPBX: ""
	URI     string  // sip:10.0.0.1:5060;transport=tcp
	// Host, Port, Network and Given are what the URI says (package resolve.Name).
	Host    string
	Port    uint16
	Network transport.Network
	Given   bool
	Secure  bool
	// Sources are further addresses that it may speak from.
	Sources []netip.Addr
	// Absent: it may be off the network, as the secondary at level backup is.
	Absent bool
	// Has is what the configuration says of it already, by key (dissuasion.status).
	Has map[string]string
}

// Plan is what a study may do. Who is not named here is not rung.
type Plan struct {
	Site, Version string
	Local         netip.AddrPort // ours; zero: chosen by the way to the first far end
	LocalTLS      netip.AddrPort // ours for TLS; zero: Local's next port
	Far           []Far
	// CallNumber is dialled at the first IPBX and shall come back to us; "": nobody.
	CallNumber string
	// Service is the number that the voice servers are called with; "": they are not
	// called.
	Service string
	// TransferTo is a number that a call may be transferred to: it rings. "": nobody.
	TransferTo string
	// Operator is how long somebody who calls by hand is waited for; 0: nobody does.
	Operator time.Duration
	// Wait is how long a probe that has to wait may wait (no-answer timer, ringing,
	// expiry); 0: those are left out.
	Wait time.Duration
	// Users are registered one after the other, primary first; none: nobody is.
	Users     []User
	Databases []string
	DNS       []netip.AddrPort
	// TLS names whom we trust and our certificate; nil: whom the system trusts, and none.
	TLS *transport.TLSConfig
	// Patience is how long a call may ring before it is given up; 0: 12 s.
	Patience time.Duration
	// Held is the longest that Relève keeps a call: answer_timeout + hold_budget.
	Held time.Duration
	// Limit bounds the whole; 0: two minutes and what Wait and Operator need.
	Limit time.Duration
	// Tell is told what somebody has to do by hand; nil: nobody is.
	Tell func(text.StudyPrompt)
}

func (p *Plan) patience() time.Duration {
	if p.Patience > 0 {
		return p.Patience
	}
	return answerLimit
}

func (p *Plan) limit() time.Duration {
	if p.Limit > 0 {
		return p.Limit
	}
	return 2*time.Minute + 4*p.Wait + 2*p.Operator
}

// Announced is one thing that a study will do to others.
type Announced struct {
	What   text.StudyPrompt
	Target string // who is called, registered, asked
}

// Announce says beforehand what Run will do that others notice: whom it rings, whom
// it registers. Consent is for these.
func (p *Plan) Announce() (out []Announced) {
	for _, f := range p.Far {
		out = append(out, Announced{text.WillAsk, f.URI})
		if f.Subject == Server && p.Service != "" {
			out = append(out, Announced{text.WillCallServer, p.Service + " → " + f.URI})
		}
	}
	if p.CallNumber != "" {
		out = append(out, Announced{text.WillCall, p.CallNumber})
	}
	if p.Operator > 0 {
		out = append(out, Announced{text.WillWait, p.Operator.String()})
	}
	if p.TransferTo != "" && (p.CallNumber != "" || p.Operator > 0) {
		out = append(out, Announced{text.WillTransfer, p.TransferTo})
	}
	for _, u := range p.Users {
		out = append(out, Announced{text.WillRegister, u.AOR})
	}
	for _, d := range p.Databases {
		out = append(out, Announced{text.WillConnect, redacted(d)})
	}
	return out
}

// Intrusive says whether the plan rings or registers anybody: consent is needed.
func (p *Plan) Intrusive() bool {
	return p.CallNumber != "" || p.Service != "" || p.Operator > 0 || len(p.Users) > 0
}

// Peaceful is the plan without what needs consent.
func (p Plan) Peaceful() Plan {
	p.CallNumber, p.Service, p.TransferTo, p.Operator, p.Users = "", "", "", 0, nil
	return p
}
