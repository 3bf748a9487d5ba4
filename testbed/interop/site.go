package interop

import (
	"fmt"
	"net/netip"
	"strings"
)

// network is a row's own part of loopback.
type network struct{ second, third byte }

// newNetwork gives row n of the run with this process id its addresses.
func newNetwork(run, n int) network { return network{byte(1 + run%60), byte(1 + n%250)} }

// Last bytes of the addresses in a row's network.
const (
	hostIPBX   = 1
	hostFirst  = 2 // primary
	hostSecond = 3
	hostReleve = 9
	hostPhone  = 11
	hostOther  = 12
	hostRogue  = 13 // a registration that nobody ordered
)

func (n network) addr(last byte) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 64 + n.second, n.third, last})
}

func (n network) at(last byte) netip.AddrPort { return netip.AddrPortFrom(n.addr(last), 5060) }

// connecting is where a program in a seat sits that reaches Relève by
// connections: baresip and linphone do not bind them, so on loopback they come
// from 127.0.0.1, which must then be the address of the server.
func (n network) connecting(last byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), twinklePort(n.addr(0))+4*uint16(last))
}

// seat is where a program sits and what it is told there.
type seat struct {
	name      string // of the process
	user      string // its number
	password  string
	addr      netip.AddrPort
	control   netip.Addr     // where it may be driven, for programs with a port for that
	proxy     netip.AddrPort // where it registers and sends its calls
	domain    string         // of its own address of record
	transport string         // udp, tcp or tls
	register  bool
	ca        string // certificate of who signs, for tls
	identity  string // its own certificate and key; "": none
}

// plan is what a row configures.
type plan struct {
	trunk     string // transport between Kamailio and Relève: udp, tcp or tls
	side      string // transport between Relève and the servers
	primary   netip.AddrPort
	secondary netip.AddrPort
	grant     int  // max_grant, seconds
	local     bool // 127.0.0.1 is a source of the IPBX too
	dir       string
	cert      *certificates
}

// yaml is the configuration file as a user would write it.
func (p plan) yaml(n network) string {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	self := n.at(hostReleve)
	line("site: interop\nlanguage: en\nlevel: high-availability\nwel_licences: [high-availability]\nlisten:")
	line(`  - {address: "udp://%s"}`, self)
	line(`  - {address: "tcp://%s"}`, self)
	if p.cert != nil {
		line(`  - {address: "tls://%s:5061"}`, self.Addr())
		line("tls: {certificate: %s, key: %s, ca: %s}", p.cert.releve, p.cert.releveKey, p.cert.ca)
	}
	line("keys: {file: %s/keys}", p.dir)
	line("ipbx:")
	sources := n.addr(hostIPBX).String()
	if p.local {
		sources += ", 127.0.0.1"
	}
	line(`  - {name: kamailio, address: "%s", sources: [%s], no_answer: 60s, max_grant: %ds}`, uri("", n.at(hostIPBX), p.trunk), sources, p.grant)
	line("servers:")
	line(`  - {name: principal, role: primary, address: "%s", lines: 8, version: 5.3.6, user: "5001"}`, uri("", p.primary, p.side))
	line(`  - {name: secours, role: secondary, address: "%s", lines: 8, version: 5.3.6, user: "5002"}`, uri("", p.secondary, p.side))
	line(`service_numbers: ["5000"]`)
	line("registration:\n  mode: pair\n  expires: 30s\n  users:")
	line(`    principal: {aor: "sip:5001@%s", username: "5001", password_file: %s/5001}`, n.addr(hostIPBX), p.dir)
	line(`    secours: {aor: "sip:5002@%s", username: "5002", password_file: %s/5002}`, n.addr(hostIPBX), p.dir)
	line("overflow: {progress_timeout: 1s, answer_timeout: 8s, hold_budget: 20s}")
	line("verification: {act: true, count: 3, alone_extra: 0, spacing: 500ms, timeout: 300ms, idle_interval: 1s}")
	line("store: {path: %s}\nadmin: {socket: %s/admin.sock}", p.dir, p.dir)
	return b.String()
}

// uri is a SIP URI of an address, its transport named when it is not UDP; TLS
// has a port of its own.
func uri(user string, a netip.AddrPort, transport string) string {
	if user != "" {
		user += "@"
	}
	if transport == "tls" {
		a = netip.AddrPortFrom(a.Addr(), a.Port()+1)
	}
	if transport == "udp" || transport == "" {
		return "sip:" + user + a.String()
	}
	return "sip:" + user + a.String() + ";transport=" + transport
}
