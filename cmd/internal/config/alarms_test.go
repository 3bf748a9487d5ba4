package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"releve/cmd/internal/text"
)

// hook puts a program into dir/hooks.d.
func hook(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "hooks.d", "sms")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, path, "#!/bin/sh\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// withAlarms is a good file with a section alarms.
func withAlarms(t *testing.T, section string) (*Config, []Problem, string) {
	t.Helper()
	path, dir := file(t, "good_base.yaml")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, problems := Parse("test", []byte(string(raw)+"\nalarms: "+strings.ReplaceAll(section, "@DIR@", dir)+"\n"), text.English)
	return c, problems, dir
}

func codesOf(problems []Problem) string {
	var out []string
	for _, p := range problems {
		if p.Code != CodeMirror {
			out = append(out, string(p.Code)+" "+p.Path)
		}
	}
	return strings.Join(out, ", ")
}

// TestMailNeeds: what a relay cannot do without, and that no password travels in
// clear.
func TestMailNeeds(t *testing.T) {
	for section, want := range map[string]string{
		`{mail: {smtp: "smtp:25", from: "a@b.fr", to: ["c@b.fr"]}}`:                                                             "",
		`{mail: {smtp: "[::1]:25", from: "a@b.fr", urgent_to: ["c@b.fr"]}}`:                                                     "",
		`{mail: {smtp: "smtp:25"}}`:                                                                                             "CFG-009 alarms.mail.from, CFG-009 alarms.mail.to",
		`{mail: {from: "a@b.fr", to: ["c@b.fr"]}}`:                                                                              "CFG-009 alarms.mail.smtp",
		`{mail: {smtp: "smtp:25", from: "a@b.fr", to: ["c@b.fr"], username: u}}`:                                                "CFG-009 alarms.mail.password_file",
		`{mail: {smtp: "smtp:25", from: "a@b.fr", to: ["c@b.fr"], password_file: @DIR@/5001}}`:                                  "CFG-009 alarms.mail.username",
		`{mail: {smtp: "smtp:25", from: "a@b.fr", to: ["c@b.fr"], username: u, password_file: @DIR@/5001, tls: none}}`:          "CFG-122 alarms.mail.tls",
		`{mail: {smtp: "smtp:25", from: "a@b.fr", to: ["c@b.fr"], username: u, password_file: @DIR@/5001, tls: opportunistic}}`: "CFG-122 alarms.mail.tls",
		`{mail: {smtp: "smtp:25", from: "a@b.fr", to: ["c@b.fr"], ca_file: @DIR@/5001}}`:                                        "CFG-052 alarms.mail.ca_file",
		`{mail: {smtp: "smtp:25", from: "a@b.fr", to: ["c@b.fr"], username: u, password_file: @DIR@/nobody}}`:                   "CFG-028 alarms.mail.password_file",
		`{remind: 0}`: "",
	} {
		_, problems, _ := withAlarms(t, section)
		if got := codesOf(problems); got != want {
			t.Errorf("%s: %q, want %q", section, got, want)
		}
	}
}

// TestMailSecurity: with a password TLS is a must, without one it is taken where
// it is offered.
func TestMailSecurity(t *testing.T) {
	c, _, _ := withAlarms(t, `{mail: {smtp: "smtp:25", from: "a@b.fr", to: ["c@b.fr"]}}`)
	if c.Alarms.Mail.Security != "opportunistic" {
		t.Errorf("without a password %q", c.Alarms.Mail.Security)
	}
	c, _, _ = withAlarms(t, `{mail: {smtp: "smtp:25", from: "a@b.fr", to: ["c@b.fr"], username: u, password_file: @DIR@/5001}}`)
	if c.Alarms.Mail.Security != "starttls" || c.Alarms.Mail.Password.Value() != "s3cret" {
		t.Errorf("with a password %q", c.Alarms.Mail.Security)
	}
	if port, _, _ := withAlarms(t, `{mail: {smtp: "smtp:465", from: "a@b.fr", to: ["c@b.fr"]}}`); port.Alarms.Mail.Security != "implicit" {
		t.Errorf("port 465 %q", port.Alarms.Mail.Security)
	}
	if shown := string(c.Show()); strings.Contains(shown, "s3cret") {
		t.Error("the password is shown")
	}
}

// TestHooksChecked: a directory that is there, programs that can be run, and that
// not everybody may replace.
func TestHooksChecked(t *testing.T) {
	c, problems, dir := withAlarms(t, `{hooks: {dir: @DIR@/hooks.d}}`)
	if got := codesOf(problems); got != "" {
		t.Errorf("a good one: %s", got)
	}
	for _, name := range []string{".hidden", "sms~", "sms.dpkg-old", "README"} {
		write(t, filepath.Join(dir, "hooks.d", name), "")
	}
	if p, err := c.Alarms.Hooks.Programs(); err != nil || len(p) != 1 || filepath.Base(p[0]) != "sms" {
		t.Errorf("programs %q, %v", p, err)
	}
	write(t, filepath.Join(dir, "hooks.d", "relay"), "#!/bin/sh\n") // not executable
	if got := codesOf(c.Check(text.English)); got != "CFG-125 alarms.hooks.dir" {
		t.Errorf("one that is not executable: %q", got)
	}
	sms := filepath.Join(dir, "hooks.d", "sms")
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	chmod(sms, 0o770)
	if got := codesOf(c.Check(text.English)); !strings.Contains(got, "CFG-124") {
		t.Errorf("the group may write: %q", got)
	}
	chmod(sms, 0o777)
	if got := codesOf(c.Check(text.English)); !strings.Contains(got, "CFG-124") {
		t.Errorf("one that everybody may write: %q", got)
	}
	chmod(sms, 0o644)
	if got := codesOf(c.Check(text.English)); !strings.Contains(got, "CFG-123") {
		t.Errorf("nothing to run: %q", got)
	}
	if _, problems, _ := withAlarms(t, `{hooks: {dir: @DIR@/nowhere}}`); !strings.Contains(codesOf(problems), "CFG-123") {
		t.Errorf("no directory: %q", codesOf(problems))
	}
}

// TestMailPasswordChanges: a new password is a change though nothing else shows.
func TestMailPasswordChanges(t *testing.T) {
	a, _, _ := withAlarms(t, `{mail: {smtp: "smtp:25", from: "a@b.fr", to: ["c@b.fr"], username: u, password_file: @DIR@/5001}}`)
	b := *a
	b.Alarms.Mail.Password.value = "another"
	changes, err := Compare(a, &b)
	if err != nil || len(changes) != 1 || changes[0].Path != "alarms.mail.password" || changes[0].Reach != Live || changes[0].New != stars {
		t.Errorf("%+v, %v", changes, err)
	}
}

// TestCodesAreUnique: the mirror and the alarm screen once had the same ones.
func TestCodesAreUnique(t *testing.T) {
	raw, err := os.ReadFile("problem.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t(Code\w+) +Code = "(CFG-\d+)"`).FindAllStringSubmatch(string(raw), -1) {
		if other, taken := names[m[2]]; taken {
			t.Errorf("%s is %s and %s", m[2], other, m[1])
		}
		names[m[2]] = m[1]
	}
	if len(names) < 80 {
		t.Errorf("only %d codes were found", len(names))
	}
}
