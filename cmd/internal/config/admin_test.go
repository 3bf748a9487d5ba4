package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin/password"
	"releve/cmd/internal/text"
)

// withAdmin loads good_base.yaml with an admin section of its own.
func withAdmin(t *testing.T, section string, files map[string]string) (*Config, []Problem) {
	t.Helper()
	path, dir := file(t, "good_base.yaml")
	certificate(t, dir, "page.pem", "page.key", 90*24*time.Hour)
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	raw := read(t, path)
	if i := strings.Index(raw, "\nadmin:"); i >= 0 {
		rest := raw[i+1:]
		raw = raw[:i+1] + rest[strings.IndexByte(rest, '\n')+1:]
	}
	write(t, path, raw+"\nadmin: "+strings.ReplaceAll(section, "@DIR@", dir)+"\n")
	c, problems, _ := Load(path, text.French)
	return c, problems
}

func hashed(t *testing.T) string {
	t.Helper()
	h, err := password.New("une bonne phrase")
	if err != nil {
		t.Fatal(err)
	}
	return h + "\n"
}

// TestAdminDoor: loopback asks nothing; the network needs users and TLS, and the
// reason is said.
func TestAdminDoor(t *testing.T) {
	const (
		users = `users: [{name: marie, role: operator, password_file: @DIR@/marie}]`
		tls   = `tls: {certificate: @DIR@/page.pem, key: @DIR@/page.key}`
	)
	files := map[string]string{"marie": hashed(t), "bad": "toto\n", "wall": strings.Repeat("a1", 16) + "\n", "short": "abc"}
	for section, want := range map[string]string{
		`{}`:                                                                "",
		`{listen: off}`:                                                     "",
		`{listen: "[::1]:8460"}`:                                            "",
		`{listen: "127.0.0.1:0"}`:                                           "CFG-160",
		`{listen: "localhost:8460"}`:                                        "CFG-160",
		`{listen: "10.20.0.5:8460"}`:                                        "CFG-161 CFG-161",
		`{listen: "[::]:8460"}`:                                             "CFG-161 CFG-161",
		`{listen: "0.0.0.0:8460", ` + users + `}`:                           "CFG-161",
		`{listen: "0.0.0.0:8460", ` + tls + `}`:                             "CFG-161",
		`{listen: "0.0.0.0:8460", ` + tls + `, ` + users + `}`:              "",
		`{listen: "127.0.0.1:8460", ` + users + `}`:                         "",
		`{tls: {certificate: @DIR@/page.pem}}`:                              "CFG-009",
		`{tls: {certificate: @DIR@/page.key, key: @DIR@/none}}`:             "CFG-052 CFG-052",
		`{users: [{name: marie}]}`:                                          "CFG-009",
		`{users: [{name: marie, password_file: @DIR@/bad}]}`:                "CFG-163",
		`{users: [{name: marie, password_file: @DIR@/none}]}`:               "CFG-028",
		`{users: [{name: marie, role: admin, password_file: @DIR@/marie}]}`: "CFG-008",
		`{users: [{name: marie, password_file: @DIR@/marie}, {name: marie, password_file: @DIR@/marie}]}`: "CFG-162",
		`{users: [{name: marie, password: toto}]}`:                                                        "CFG-003 CFG-009",
		`{wall_token_file: @DIR@/wall}`:                                                                   "",
		`{wall_token_file: @DIR@/short}`:                                                                  "CFG-164",
		`{users: [{name: ` + strings.Repeat("x", 65) + `, password_file: @DIR@/marie}]}`:                  "CFG-162",
	} {
		_, problems := withAdmin(t, section, files)
		var codes []string
		for _, p := range problems {
			if strings.HasPrefix(p.Path, "admin") && !p.Advice {
				codes = append(codes, string(p.Code))
			}
			if strings.Contains(p.Message, "toto") {
				t.Errorf("%s: a password is printed: %s", section, p.Message)
			}
		}
		for i := range codes {
			for j := i + 1; j < len(codes); j++ {
				if codes[j] < codes[i] {
					codes[i], codes[j] = codes[j], codes[i]
				}
			}
		}
		if got := strings.Join(codes, " "); got != want {
			t.Errorf("%s: %q, want %q: %v", section, got, want, problems)
		}
	}
}

// TestAdminShown: what show prints is a valid file, and names no secret.
func TestAdminShown(t *testing.T) {
	hash := hashed(t)
	c, problems := withAdmin(t, `{listen: "0.0.0.0:8460", tls: {certificate: @DIR@/page.pem, key: @DIR@/page.key}, users: [{name: "0145", password_file: @DIR@/marie}], readers: [nagios, "0145"], wall_token_file: @DIR@/wall}`,
		map[string]string{"marie": hash, "wall": strings.Repeat("a1", 16)})
	if c == nil {
		t.Fatal(problems)
	}
	shown := c.Show()
	if strings.Contains(string(shown), strings.TrimSpace(hash)) || strings.Contains(string(shown), strings.Repeat("a1", 16)) {
		t.Error("a secret is shown")
	}
	again := filepath.Join(t.TempDir(), "again.yaml")
	if err := os.WriteFile(again, shown, 0o600); err != nil {
		t.Fatal(err)
	}
	d, problems, err := Load(again, text.French)
	if err != nil || fmt.Sprint(d.Admin) != fmt.Sprint(c.Admin) {
		t.Errorf("%v %v: read again as %+v, was %+v", err, problems, d.Admin, c.Admin)
	}
	if strings.Join(d.Admin.Readers, " ") != "nagios 0145" || ReachOf("admin.readers") != Live {
		t.Errorf("readers %q", d.Admin.Readers)
	}
	if ReachOf("admin.users[0].role") != Live || ReachOf("admin.tls.key") != Restart || ReachOf("admin.listen") != Restart {
		t.Error("users are a matter of a reload, sockets of a restart")
	}
}
