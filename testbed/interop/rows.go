package interop

import "net/netip"

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
	joint   cast   // for the attended transfer, when it needs others; zero: the same
	trunk   string // Kamailio to Relève; "": udp
	side    string // Relève to the servers; "": udp
	line    string // phones to Kamailio; "": udp
	passive bool   // the far end holds, since the program cannot
	grant   int    // max_grant in seconds; 0: 120
	short   bool   // belongs to the short form
	na      map[Action]string
	plays   map[Action]play // in place of the standard ones
	only    []Action        // nil: every action
}

// secure says whether the row needs certificates.
func (r *row) secure() bool { return r.trunk == "tls" || r.side == "tls" || r.line == "tls" }

// Reasons that several rows share.
const (
	phoneRegister = "a phone registers at the IPBX, not through Relève (that it did is checked before its first call)"
)

func rows() []*row {
	re := program{start: startBaresip}
	belle := program{start: startLinphonec}
	return []*row{
		{
			name: "baresip phone", role: phone, cast: cast{re, belle, belle, belle},
			na: map[Action]string{Register: phoneRegister, Attended: "baresip 1.0.0 has no command for an attended transfer"},
		},
		{
			name: "baresip server", role: server, cast: cast{belle, belle, re, re},
			na: map[Action]string{Attended: "baresip 1.0.0 has no command for an attended transfer"},
		},
		{
			name: "linphonec phone", role: phone, cast: cast{belle, belle, re, re}, joint: cast{belle, belle, belle, belle},
			na: map[Action]string{Register: phoneRegister},
		},
		{name: "linphonec server", role: server, cast: cast{re, re, belle, belle}, joint: cast{belle, belle, belle, belle}},
	}
}
