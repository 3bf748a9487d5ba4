package interop

import (
	"cmp"
	"net/netip"
)

type role string

const (
	phone  role = "phone"  // behind the IPBX, calls the attendant
	server role = "server" // the voice server itself
	ipbx   role = "ipbx"
)

// program is how a program is started in a seat.
type program struct {
	start   func(s seat, dir string) (agent, error)
	address func(n network, last byte) netip.AddrPort // where it really is; nil: at its seat
	mute    bool                                      // cannot hang up on command
}

// cast is who sits where.
type cast struct{ phone, other, primary, secondary program }

// row is one program in one role, with who stands around it.
type row struct {
	name string
	role role
	cast
	joint cast   // for the attended transfer, when it needs others; zero: the same
	trunk string // Kamailio to Relève; "": udp
	side  string // Relève to the servers; "": udp
	line  string // phones to Kamailio; "": udp
	// crossing: the NOTIFY of a REFER may overtake its 202, as each has a
	// connection of its own, and linphone refuses such a NOTIFY (491): it may not
	// know that its transfer was done, though the others do.
	crossing  bool
	passive   bool   // the far end holds, since the program cannot
	grant     int    // max_grant in seconds; 0: 120
	policy    string // of the registrar when a second binding comes; "": replace
	fault     string // of the registrar from the start; "": none
	nonceLife int    // of the registrar, seconds; 0: 300
	local     bool   // programs at 127.0.0.1 speak for the IPBX
	refuses   bool   // that fault keeps us from being bound
	short     bool   // belongs to the short form
	na        map[Action]string
	plays     map[Action]play // in place of the standard ones
	only      []Action        // nil: every action
}

// secure says whether the row needs certificates.
func (r *row) secure() bool { return r.trunk == "tls" || r.side == "tls" || r.line == "tls" }

// connects says whether the servers reach Relève by connections.
func (r *row) connects() bool { return r.side == "tcp" || r.side == "tls" }

// Reasons that several rows share.
const (
	daemonAttended = "the daemon's call-transfer of two calls is that of linphonec (liblinphone), which is played"
	sippFlows      = "SIPp is a scenario and no stack: it follows its script whatever it is asked; outgoing calls and REFER are among the SIPp flows (make flows)"
	phoneRegister  = "a phone registers at the IPBX, not through Relève (that it did is checked before its first call)"
)

func rows() []*row {
	re := program{start: startBaresip}
	belle := program{start: startLinphonec}
	perl := program{start: startNetSIP}
	demon := program{start: startDaemon}
	lazy := program{start: startAutoAnswer, mute: true}
	own := program{start: startTwinkle, address: twinkleAt}
	registrar := func(name string, r row) *row {
		r.name, r.role, r.cast = "kamailio "+name, ipbx, cast{primary: re, secondary: re}
		r.only, r.grant = []Action{Register}, cmp.Or(r.grant, 10)
		return &r
	}
	return []*row{
		{
			name: "kamailio replace", short: true, role: ipbx, cast: cast{belle, belle, belle, belle}, grant: 10,
			plays: map[Action]play{Register: replaced},
		},
		{
			name: "kamailio reject", role: ipbx, cast: cast{phone: re, primary: re, secondary: re}, grant: 10, policy: "reject",
			plays: map[Action]play{Register: rejects, Switchover: movesUnderReject}, only: []Action{Register, Switchover},
		},
		{
			name: "kamailio several", role: ipbx, cast: cast{phone: re, primary: re, secondary: re}, grant: 10, policy: "several",
			plays: map[Action]play{Register: several}, only: []Action{Register, Switchover},
		},
		{
			name: "kamailio silent", role: ipbx, cast: cast{phone: re, primary: re, secondary: re}, grant: 10,
			plays: map[Action]play{Switchover: fenced}, only: []Action{Switchover},
		},
		registrar("forgets", row{plays: map[Action]play{Register: forgets}}),
		registrar("stale nonce", row{nonceLife: 2, plays: map[Action]play{Register: stale}}),
		registrar("423 too brief", row{fault: "brief", grant: 120, plays: map[Action]play{Register: brief}}),
		registrar("403", row{fault: "403", refuses: true, plays: map[Action]play{Register: faulty("403", true)}}),
		registrar("302", row{fault: "302", refuses: true, plays: map[Action]play{Register: faulty("302", true)}}),
		registrar("500", row{fault: "500", refuses: true, plays: map[Action]play{Register: faulty("500", false)}}),
		registrar("503", row{fault: "503", refuses: true, plays: map[Action]play{Register: faulty("503", false)}}),
		registrar("drop", row{fault: "drop", refuses: true, plays: map[Action]play{Register: faulty("drop", false)}}),
		{
			name: "baresip phone", short: true, role: phone, cast: cast{re, belle, belle, belle},
			na: map[Action]string{Register: phoneRegister},
		},
		{
			name: "baresip server", role: server, cast: cast{belle, belle, re, re},
		},
		{
			name: "linphonec phone", role: phone, cast: cast{belle, belle, re, re}, joint: cast{belle, belle, belle, belle},
			na: map[Action]string{Register: phoneRegister},
		},
		{
			name: "Net::SIP phone", short: true, role: phone, cast: cast{perl, re, re, re}, joint: cast{perl, belle, belle, belle},
			na: map[Action]string{Register: phoneRegister},
		},
		{name: "Net::SIP server", role: server, cast: cast{re, re, perl, perl}, joint: cast{belle, belle, perl, perl}},
		{
			name: "linphone-daemon phone", role: phone, cast: cast{demon, re, re, re},
			na: map[Action]string{Register: phoneRegister, Attended: daemonAttended},
		},
		{
			name: "linphone-daemon server", role: server, cast: cast{re, re, demon, demon},
			na: map[Action]string{Attended: daemonAttended},
		},
		{
			name: "lp-auto-answer server", role: server, cast: cast{re, re, lazy, lazy}, passive: true,
			na: map[Action]string{
				Register: errAutoAnswer.Error(), CallOut: errAutoAnswer.Error(), Blind: errAutoAnswer.Error(),
				Attended: errAutoAnswer.Error(), Cancel: errAutoAnswer.Error(),
			},
		},
		{
			name: "sipsak for the IPBX", role: ipbx, cast: cast{primary: re, secondary: re}, local: true,
			only: []Action{Ask}, plays: map[Action]play{Ask: asks(true)},
		},
		{
			name: "sipsak, a stranger", role: ipbx, cast: cast{primary: re, secondary: re},
			only: []Action{Ask}, plays: map[Action]play{Ask: asks(false)},
		},
		{
			name: "SIPp phone", role: phone, cast: cast{primary: re, secondary: re}, plays: sippPlays(),
			na: map[Action]string{Register: phoneRegister, CallOut: sippFlows, Blind: sippFlows, Attended: sippFlows},
		},
		{
			name: "twinkle phone", role: phone, cast: cast{own, re, re, re},
			na: map[Action]string{Register: phoneRegister, Attended: errTwinkleAttended.Error()},
		},
		{name: "twinkle server", role: server, cast: cast{re, re, own, own}, na: map[Action]string{Attended: errTwinkleAttended.Error()}},
		{
			name: "baresip server over TCP", role: server, cast: cast{belle, belle, re, re}, side: "tcp", trunk: "tcp", line: "tcp",
			joint: cast{belle, belle, re, re},
		},
		{name: "linphonec server over TCP", crossing: true, role: server, cast: cast{re, re, belle, belle}, side: "tcp", joint: cast{belle, belle, belle, belle}},
		{
			name: "kamailio trunk over TLS", role: phone, cast: cast{re, belle, belle, belle}, trunk: "tls",
			na: map[Action]string{Register: phoneRegister},
		},
		{name: "baresip server over TLS", role: server, cast: cast{belle, belle, re, re}, side: "tls"},
		{name: "linphonec server", role: server, cast: cast{re, re, belle, belle}, joint: cast{belle, belle, belle, belle}},
	}
}
