package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"releve/cmd/internal/text"
)

// TestReceiverFaults: what each receiver needs, and what it refuses.
func TestReceiverFaults(t *testing.T) {
	v3 := `version: "3", targets: ["s:162"], user: u`
	for section, want := range map[string]string{
		`{snmp: {version: "2c", targets: ["s:162"], community_file: @DIR@/hook}}`: "",
		`{snmp: {version: "2c", targets: ["s:162"]}}`:                             "CFG-029 alarms.snmp.community",
		`{snmp: {targets: ["s:162"]}}`:                                            "CFG-009 alarms.snmp.version",
		`{snmp: {version: "3"}}`:                                                  "CFG-009 alarms.snmp.targets, CFG-009 alarms.snmp.user",
		`{snmp: {` + v3 + `}}`:                                                    "",
		`{snmp: {` + v3 + `, auth_password_file: @DIR@/hook, priv_password_file: @DIR@/hook}}`:         "",
		`{snmp: {` + v3 + `, priv_password_file: @DIR@/hook}}`:                                         "CFG-009 alarms.snmp.auth_password_file",
		`{snmp: {` + v3 + `, auth_password_file: @DIR@/5001}}`:                                         "CFG-133 alarms.snmp.auth_password_file",
		`{snmp: {` + v3 + `, auth_password_file: @DIR@/nobody}}`:                                       "CFG-028 alarms.snmp.auth_password_file",
		`{snmp: {` + v3 + `, community_file: @DIR@/hook}}`:                                             "CFG-132 alarms.snmp.community_file",
		`{snmp: {version: "2c", targets: ["s:162"], community_file: @DIR@/hook, user: u}}`:             "CFG-132 alarms.snmp.user",
		`{snmp: {` + v3 + `, engine_id: "0x80"}}`:                                                      "CFG-131 alarms.snmp.engine_id",
		`{snmp: {` + v3 + `, enterprise: "1.2.3"}}`:                                                    "CFG-130 alarms.snmp.enterprise",
		`{webhook: [{url: "https://h/p", secret_file: @DIR@/hook}, {url_file: @DIR@/url}]}`:            "",
		`{webhook: [{timeout: 3s}]}`:                                                                   "CFG-009 alarms.webhook[0].url",
		`{webhook: [{url: "https://h/p", url_file: @DIR@/url}]}`:                                       "CFG-029 alarms.webhook[0]",
		`{webhook: [{url: "https://u:p@h/p"}]}`:                                                        "CFG-134 alarms.webhook[0].url",
		`{webhook: [{url_file: @DIR@/hook}]}`:                                                          "CFG-134 alarms.webhook[0].url_file",
		`{webhook: [{url: "https://h/p?token=1"}]}`:                                                    "CFG-135 alarms.webhook[0].url",
		`{webhook: [{url: "https://h/p", secret_file: @DIR@/5001}]}`:                                   "CFG-133 alarms.webhook[0].secret_file",
		`{webhook: [{url: "https://h/p", ca_file: @DIR@/5001}]}`:                                       "CFG-052 alarms.webhook[0].ca_file",
		`{syslog: [{address: "udp://c:514"}, {address: "tls://[::1]:6514", ca_file: @DIR@/cert.pem}]}`: "",
		`{syslog: [{facility: local0}]}`:                                                               "CFG-009 alarms.syslog[0].address",
		`{syslog: [{address: "c:514"}]}`:                                                               "CFG-120 alarms.syslog[0].address",
		`{syslog: [{address: "udp://c:514", sd_id: releve}]}`:                                          "CFG-136 alarms.syslog[0].sd_id",
		`{syslog: [{address: "tls://c:6514", certificate: @DIR@/cert.pem}]}`:                           "CFG-009 alarms.syslog[0].key",
		`{syslog: [{address: "tls://c:6514", certificate: @DIR@/cert.pem, key: @DIR@/other.pem}]}`:     "CFG-052 alarms.syslog[0].certificate",
	} {
		_, problems, _ := withAlarms(t, section)
		if got := codesOf(problems); got != want {
			t.Errorf("%s: %q, want %q", section, got, want)
		}
	}
}

// TestReceiverSecretsStaySecret: no fault, no page and no comparison shows one.
func TestReceiverSecretsStaySecret(t *testing.T) {
	c, _, dir := withAlarms(t, `{snmp: {version: "3", targets: ["s:162"], user: u, auth_password_file: @DIR@/hook, priv_password_file: @DIR@/hook}, webhook: [{url_file: @DIR@/url, secret_file: @DIR@/hook}]}`)
	if c.Alarms.Webhooks[0].Address() != "https://chat.example/a-secret-path" || c.Alarms.SNMP.PrivPassword.Value() != "a-secret-of-the-site" {
		t.Fatalf("%q %q", c.Alarms.Webhooks[0].Address(), c.Alarms.SNMP.PrivPassword.Value())
	}
	if shown := string(c.Show()); strings.Contains(shown, "a-secret") {
		t.Error("a secret is shown")
	}
	for _, file := range []string{"hook", "url"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("https://chat.example/a-secret-that-is-new"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := *c
	b.Alarms.Webhooks = append([]Webhook(nil), c.Alarms.Webhooks...)
	if problems := b.Check(text.English); Faulty(problems) {
		t.Fatal(problems)
	}
	changes, err := Compare(c, &b)
	var paths []string
	for _, x := range changes {
		paths = append(paths, x.Path)
		if x.Reach != Live || strings.Contains(x.Old+x.New, "a-secret") {
			t.Errorf("%+v", x)
		}
	}
	want := "alarms.snmp.auth_password alarms.snmp.priv_password alarms.webhook[0].secret alarms.webhook[0].url"
	if got := strings.Join(paths, " "); err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}
