package sipp

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Site is what a flow configures differently.
type Site struct {
	Lines        int           // 0: 4
	Progress     time.Duration // 0: 500 ms
	Answer       time.Duration // 0: 2 s
	Budget       time.Duration // 0: 10 s
	Count        int           // 0: 3
	Extra        int           // alone_extra; 0: none
	Rescue       bool
	NoRequeue    bool
	Signal       string // hold_signal; "": none
	Registration string // "pair": with the users of testbed/ipbx
	Transport    string // towards the servers: "": udp
	Caller       string // transport of the callers: "": udp
	IPv6         bool
	Observe      bool          // act: false
	MaxGrant     time.Duration // the IPBX's longest grant; 0: 10 s
	User         string        // user of the primary
}

func or[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

// network is the flow's own part of loopback.
type network struct{ ipbx, primary, secondary, releve, entry netip.AddrPort }

// newNetwork gives flow n of this run its addresses: a network of its own in
// 127.0.0.0/8, or, as IPv6 has one loopback address, its own ports.
func newNetwork(run, n int, six bool) network {
	at := func(last int, port uint16) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(64 + run%128), byte(1 + n%250), byte(last)}), port)
	}
	if six {
		base := uint16(20000 + (run*64+n)%20000)
		at = func(last int, port uint16) netip.AddrPort {
			return netip.AddrPortFrom(netip.IPv6Loopback(), base+uint16(last)+port-5060)
		}
	}
	return network{at(1, 5060), at(2, 5060), at(3, 5060), at(9, 5060), at(9, 5070)}
}

// yaml is the configuration file of the flow.
func (s Site) yaml(n network, dir string) string {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	suffix := ""
	if s.Transport == "tcp" {
		suffix = ";transport=tcp"
	}
	line("site: test\nlanguage: en\nlevel: high-availability\nwel_licences: [high-availability]\nlisten:")
	line(`  - {address: "udp://%s"}`, n.releve)
	if s.Transport == "tcp" || s.Caller == "tcp" {
		line(`  - {address: "tcp://%s"}`, n.releve)
	}
	line(`  - {address: "udp://%s", entry: overflow}`, n.entry)
	line("keys: {file: %s/keys}", dir)
	line(`ipbx:`)
	line(`  - {name: ipbx, address: "sip:%s", no_answer: 60s, max_grant: %s}`, n.ipbx, or(s.MaxGrant, 10*time.Second))
	line(`servers:`)
	user := ""
	if s.User != "" {
		user = fmt.Sprintf(", user: %q", s.User)
	}
	line(`  - {name: principal, role: primary, address: "sip:%s%s", lines: %d, version: 5.3.6%s}`, n.primary, suffix, or(s.Lines, 4), user)
	line(`  - {name: secours, role: secondary, address: "sip:%s%s", lines: %d, version: 5.3.6}`, n.secondary, suffix, or(s.Lines, 4))
	line(`service_numbers: ["5000"]`)
	if s.Registration != "" {
		line("registration:\n  mode: %s\n  expires: 30s\n  users:", s.Registration)
		line(`    principal: {aor: "sip:5001@%s", username: "5001", password_file: %s/5001}`, n.ipbx.Addr(), dir)
		line(`    secours: {aor: "sip:5002@%s", username: "5002", password_file: %s/5002}`, n.ipbx.Addr(), dir)
	}
	line(`overflow: {progress_timeout: %s, answer_timeout: %s, hold_budget: %s, hold_signal: %s}`,
		or(s.Progress, 500*time.Millisecond), or(s.Answer, 2*time.Second), or(s.Budget, 10*time.Second), or(s.Signal, "none"))
	line(`verification: {act: %t, count: %d, alone_extra: %d, spacing: 500ms, timeout: 300ms, idle_interval: 1s}`, !s.Observe, or(s.Count, 3), s.Extra)
	line(`dissuasion: {requeue: %t}`, !s.NoRequeue)
	if s.Rescue {
		line(`rescue: "sip:9@%s"`, n.ipbx)
	}
	line("store: {path: %s}\nadmin: {socket: %s/admin.sock}", dir, dir)
	return b.String()
}
