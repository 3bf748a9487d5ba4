package moves

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// mode is how the servers' users come to the registrar.
type mode string

// gateKeeps: gate with the passwords in Relève's files; gatePasses: gate with
// the servers' own credentials.
const (
	pair       mode = "pair"
	gateKeeps  mode = "gate with passwords"
	gatePasses mode = "gate without"
)

// setting is what a world is made of.
type setting struct {
	mode      mode
	kamailio  bool
	grant     int      // what the registrar grants at most, and max_grant, seconds
	nonceLife int      // Kamailio's, seconds; 0: 300
	deck      []string // names of troubles, in this order; nil: all, shuffled anew each time
}

func (s setting) registrar() string {
	if s.kamailio {
		return "kamailio"
	}
	return "testbed"
}

func (s setting) String() string {
	return fmt.Sprintf("%s at %s, max_grant %d s", s.mode, s.registrar(), s.grant)
}

// place is a world's own part of loopback.
type place struct{ run, world int }

// Last bytes of the addresses of a world.
const (
	hostFront     = 1 // the IPBX as Relève knows it
	hostSecond    = 2 // and another address from which it may answer
	hostBack      = 3 // from where the relay speaks to the registrar
	hostRegistrar = 4
	hostReleve    = 9
	hostServers   = 21 // primary; the secondary is next
	hostStranger  = 31 // a registration that nobody ordered
)

func (p place) addr(last int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, byte(160 + p.run%80), byte(1 + p.world%250), byte(last)})
}

func (p place) at(last int) netip.AddrPort { return netip.AddrPortFrom(p.addr(last), 5060) }

// expires is what Relève asks for, the least it may; the registrar grants less.
const expires = 30

// yaml is the configuration of a world, as a user would write it.
func (s setting) yaml(p place, dir string) string {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	line("site: moves\nlanguage: en\nlevel: high-availability\nwel_licences: [high-availability]")
	line(`listen: [{address: "udp://%s"}]`, p.at(hostReleve))
	line("keys: {file: %s/keys}", dir)
	line(`ipbx: [{name: ipbx, address: "sip:%s", sources: [%s, %s], no_answer: 60s, max_grant: %ds}]`,
		p.at(hostFront), p.addr(hostFront), p.addr(hostSecond), s.grant)
	line("servers:")
	for i, role := range []string{"primary", "secondary"} {
		line(`  - {name: %s, role: %s, address: "sip:%s", lines: 8, version: 5.3.6, user: "%s"}`, role, role, p.at(hostServers+i), users[i])
	}
	line(`service_numbers: ["5000"]`)
	word, password := "pair", ", password_file: %s/%s"
	if s.mode != pair {
		word = "gate"
	}
	line("registration:\n  mode: %s\n  expires: %ds\n  users:", word, expires)
	for i, role := range []string{"primary", "secondary"} {
		own := ""
		if s.mode != gatePasses {
			own = fmt.Sprintf(password, dir, users[i])
		}
		line(`    %s: {aor: "sip:%s@%s", username: "%s"%s}`, role, users[i], p.addr(hostFront), users[i], own)
	}
	line("overflow: {progress_timeout: 1s, answer_timeout: 8s, hold_budget: 20s}")
	line("verification: {act: true, count: 3, alone_extra: 0, spacing: 1s, timeout: 900ms, idle_interval: 1s}")
	line("store: {path: %s/store}\nadmin: {socket: %s/admin.sock}", dir, dir)
	return b.String()
}

// writeSecrets puts the passwords where the configuration says.
func writeSecrets(dir, suffix string) error {
	for _, u := range users {
		if err := os.WriteFile(filepath.Join(dir, u), []byte(secret(u, suffix)), 0o600); err != nil {
			return fmt.Errorf("write a password: %w", err)
		}
	}
	return nil
}

// stated is the longest move of the licence, as config check says beforehand.
func stated(ctx context.Context, binary, dir, yaml string) (time.Duration, error) {
	file := filepath.Join(dir, "releve.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		return 0, fmt.Errorf("write the configuration: %w", err)
	}
	var said struct {
		Valid     bool            `json:"valid"`
		Problems  json.RawMessage `json:"problems"`
		WorstMove time.Duration   `json:"worst_move_ns"`
	}
	raw, err := exec.CommandContext(ctx, binary, "config", "check", "-c", file, "-o", "json").Output()
	if jerr := json.Unmarshal(raw, &said); jerr != nil || !said.Valid || said.WorstMove <= 0 {
		return 0, fmt.Errorf("releve config check: %w: %s", err, raw)
	}
	return said.WorstMove, nil
}
