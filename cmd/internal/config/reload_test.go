package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"releve/cmd/internal/text"
)

// TestEveryKeyHasAReach: each key of the whole file is either applied live or
// needs a restart because somebody said so, and not by default.
func TestEveryKeyHasAReach(t *testing.T) {
	c, _ := Parse("good_full.yaml", goodFull(t), text.English)
	all, err := flatten(c.Show())
	if err != nil || len(all) < 80 {
		t.Fatal(err, len(all))
	}
	for path := range all {
		key := keyOf(path)
		below := func(k string) bool { return key == k || strings.HasPrefix(key, k+".") }
		if !slices.ContainsFunc(keysAtStart, below) && !slices.ContainsFunc(keysLive, below) {
			t.Errorf("nobody said what a change of %s (%s) takes", path, key)
		}
	}
	for path, want := range map[string]Reach{
		"listen[0].address": Restart, "ipbx[1].name": Restart, "ipbx[0].address": Live, "servers[1].lines": Live,
		"registration.users.a.b.password": Live, "registration.mode": Restart, "limits.connections_per_source": Restart,
		"limits.calls_per_second": Live, "something.new": Restart, "level": Restart, "levels": Restart,
	} {
		if got := ReachOf(path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// TestCompare is the difference that a reload applies or refuses.
func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name, old, new string // what is replaced in the file
		password       string // of 5001, when it changes
		want           []string
		restart        []string
	}{
		{name: "nothing"},
		{name: "a comment", old: "level:", new: "# said otherwise\nlevel:"},
		{name: "a time", old: "answer_timeout: 8s", new: "answer_timeout: 9s", want: []string{"overflow.answer_timeout 8s>9s live"}},
		{name: "a password", password: "another", want: []string{"registration.users.principal.password ***>*** live"}},
		{
			name: "a socket and a time", old: "act: true", new: "act: false}\ndscp: 46\ncontacts: {astreinte: \"7\"",
			want: []string{
				"contacts.astreinte >7 live", "dscp 24>46 restart", "verification.act true>false live",
			},
			restart: []string{"dscp"},
		},
		{
			name: "a second IPBX", old: "\nservers:", new: "\n  - {name: other, address: \"sip:10.10.0.20\", no_answer: 60s}\nservers:",
			restart: []string{"ipbx[1].kind", "ipbx[1].name", "ipbx[1].redundancy"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			before := loaded(t, dir, "secret", diffed)
			password := "secret"
			if c.password != "" {
				password = c.password
			}
			if c.old != "" && !strings.Contains(diffed, c.old) {
				t.Fatalf("no %q", c.old)
			}
			after := loaded(t, dir, password, strings.Replace(diffed, c.old, c.new, 1))
			changes, err := Compare(before, after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, ch := range changes {
				got = append(got, ch.Path+" "+ch.Old+">"+ch.New+" "+string(ch.Reach))
			}
			if c.name != "a second IPBX" && !slices.Equal(got, c.want) {
				t.Errorf("got %q", got)
			}
			if at := AtStart(changes); !slices.Equal(at, c.restart) {
				t.Errorf("at start %q of %q", at, got)
			}
		})
	}
}

const diffed = `
site: "test"
level: high-availability
wel_licences: [high-availability]
listen:
  - {address: "udp://10.20.0.5:5060"}
keys: {file: @DIR@/keys}
ipbx:
  - {name: oxe, address: "sip:10.10.0.10", no_answer: 60s}
servers:
  - {name: principal, role: primary, address: "sip:10.30.0.21", lines: 30, version: 5.3.6}
  - {name: secours, role: secondary, address: "sip:10.30.0.22", lines: 30, version: 5.3.6}
registration:
  mode: pair
  users:
    principal: {aor: "sip:5001@10.10.0.10", password_file: @DIR@/5001}
    secours: {aor: "sip:5002@10.10.0.10", password_file: @DIR@/5001}
overflow: {answer_timeout: 8s}
verification: {act: true}
store: {path: @DIR@}
`

func loaded(t *testing.T, dir, password, body string) *Config {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "5001"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "own"), []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	body = strings.Replace(body, "@DIR@/5001", "@DIR@/own", 1)
	c, problems := Parse("releve.yaml", []byte(strings.ReplaceAll(body, "@DIR@", dir)), text.English)
	if Faulty(problems) {
		t.Fatal(problems)
	}
	if c.File() != "releve.yaml" {
		t.Fatal(c.File())
	}
	return c
}
