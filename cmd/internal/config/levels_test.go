package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"releve/cmd/internal/text"
)

// siteFile writes a file of the level: server goes on in servers[0], more stands at
// the end.
func siteFile(t *testing.T, level, server, ipbx, more string) string {
	t.Helper()
	dir := t.TempDir()
	second := ""
	if level == "backup" || level == "high-availability" {
		second = `
  - {name: s, role: secondary, address: "sip:10.0.0.5", lines: 30, version: 5.3.6}`
	}
	body := fmt.Sprintf(`site: CH
level: %s
wel_licences: [%[1]s]
listen: [{address: "udp://10.0.0.1:5060"}, {address: "tcp://10.0.0.1:5060"}]
keys: {file: "%[2]s/keys"}
ipbx:
%s
servers:
  - {name: p, role: primary, address: "sip:10.0.0.4", lines: 30, version: 5.3.6%s}%s
store: {path: "%[2]s"}
%[6]s
`, level, dir, ipbx, server, second, more)
	path := filepath.Join(dir, "releve.yaml")
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const oneIPBX = `  - {name: oxe, address: "sip:10.0.0.2", no_answer: 30s}`

// numbered is n entries of ipbx, each with a name and an address of its own.
func numbered(entry string, n int) (all string) {
	for i := range n {
		e := strings.Replace(entry, "name: ", fmt.Sprintf("name: n%d-", i), 1)
		all += strings.Replace(e, "sip:10.0.0.", fmt.Sprintf("sip:10.0.%d.", 10+i), 1) + "\n"
	}
	return all
}

// TestLevels: what goes with a level, and what does not.
func TestLevels(t *testing.T) {
	gateway := `  - {name: fxo, kind: gateway, address: "sip:10.0.0.3", no_answer: 30s}`
	pair := `registration: {mode: hold, users: {u: {aor: "sip:1@10.0.0.3", password_env: RELEVE_TEST_LEVELS}}}`
	t.Setenv("RELEVE_TEST_LEVELS", "x")
	for _, c := range []struct {
		name, level, server, ipbx, more string
		want                            []Code // faults and advice of the level's own
	}{
		{"backup, observation", "backup", "", oneIPBX, "verification: {act: false}", nil},
		{"backup is told to switch", "backup", "", oneIPBX, "verification: {act: true}", []Code{CodeLevelLacks}},
		{"backup is told when to switch", "backup", "", oneIPBX, "verification: {switch_on: [gray]}", []Code{CodeLevelLacks}},
		{"backup, no reason to switch is none", "backup", "", oneIPBX, "verification: {switch_on: []}", nil},
		{"base marks no overflow", "base", "", oneIPBX, "overflow: {mark_overflow: true}", []Code{CodeLevelLacks}},
		{"analogue lines of a physical server, by hand", "backup", ", analogue: 4", oneIPBX, "", []Code{CodeAnalogueUnseen}},
		{"analogue lines that should move by themselves", "high-availability", ", analogue: 4", oneIPBX, "", []Code{CodeAnalogue}},
		{"a virtual server", "high-availability", ", machine: virtual", oneIPBX, "", nil},
		{"analogue lines of a virtual server", "base", ", machine: virtual, analogue: 2", oneIPBX, "", []Code{CodeAnalogue}},
		{"a gateway beside the IPBX", "backup", "", oneIPBX + "\n" + gateway, "", nil},
		{"a gateway before the IPBX", "backup", "", gateway + "\n" + oneIPBX, "", []Code{CodeGatewayFirst}},
		{"two IPBXs and two gateways", "backup", "", numbered(oneIPBX, 2) + numbered(gateway, 2), "", nil},
		{"an IPBX and three gateways", "backup", "", oneIPBX + "\n" + numbered(gateway, 3), "", nil},
		{"three IPBXs", "backup", "", numbered(oneIPBX, 3), "", []Code{CodeTooMany}},
		{"two IPBXs and three gateways", "backup", "", numbered(oneIPBX, 2) + numbered(gateway, 3), "", []Code{CodeTooMany}},
		{"a gateway alone", "backup", "", gateway, "", nil},
		{"nobody to register at", "backup", "", gateway, pair, []Code{CodeNoRegistrar}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems, _ := Load(siteFile(t, c.level, c.server, c.ipbx, c.more), text.English)
			var got []Code
			for _, p := range problems {
				if p.Code == CodeMirror {
					continue
				}
				got = append(got, p.Code)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v\n%v", got, c.want, problems)
			}
		})
	}
}

// TestAGatewayTakesNoOutgoingCall and nobody registers at it, unless it is all
// there is.
func TestAGatewayTakesNoOutgoingCall(t *testing.T) {
	mixed := Config{IPBX: []IPBX{{Name: "oxe", MaxGrant: 1}, {Name: "fxo", Gateway: true, MaxGrant: 2}}}
	if mixed.Registrars() != 1 || mixed.Outward() != 1 {
		t.Errorf("mixed: %d, %d", mixed.Registrars(), mixed.Outward())
	}
	if x, _ := mixed.LongestGrant(); x.Name != "oxe" {
		t.Errorf("the longest grant is that of %q", x.Name)
	}
	alone := Config{IPBX: mixed.IPBX[1:]}
	if alone.Registrars() != 0 || alone.Outward() != 1 {
		t.Errorf("alone: %d, %d", alone.Registrars(), alone.Outward())
	}
}

// TestShowIsReadAgain at every level: what is shown of a sound file is sound.
func TestShowIsReadAgain(t *testing.T) {
	for _, level := range []string{"base", "backup", "high-availability"} {
		path := siteFile(t, level, "", oneIPBX, "")
		c, problems, err := Load(path, text.English)
		if err != nil {
			t.Fatal(err, problems)
		}
		again := filepath.Join(filepath.Dir(path), "shown.yaml")
		if err := os.WriteFile(again, []byte(c.Show()), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, problems, err := Load(again, text.English); err != nil {
			var said []string
			for _, p := range problems {
				said = append(said, p.String())
			}
			t.Errorf("%s: %s", level, strings.Join(said, "\n"))
		}
	}
}
