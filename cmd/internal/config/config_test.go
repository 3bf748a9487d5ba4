package config

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/router"
	"releve/router/licence"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// file returns the test file with @DIR@ as a fresh directory that holds a
// password.
func file(t *testing.T, name string) (string, string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "5001"), "s3cret\n")
	write(t, filepath.Join(dir, "marie"), "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc\n")
	write(t, filepath.Join(dir, "wall"), strings.Repeat("a1", 16)+"\n")
	certificate(t, dir, "cert.pem", "key.pem", 365*24*time.Hour)
	certificate(t, dir, "unused.pem", "other.pem", 365*24*time.Hour)
	write(t, filepath.Join(dir, "hook"), "a-secret-of-the-site\n")
	write(t, filepath.Join(dir, "url"), "https://chat.example/a-secret-path\n")
	hook(t, dir)
	path := filepath.Join(dir, name)
	write(t, path, strings.ReplaceAll(string(raw), "@DIR@", dir))
	return path, dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func lines(problems []Problem, dir string) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(strings.ReplaceAll(p.String(), dir, "@DIR@") + "\n")
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update, read the diff):\n%s", path, got)
	}
}

func TestBadFiles(t *testing.T) {
	for _, name := range []string{"bad_keys", "bad_cross", "bad_levels", "bad_network", "bad_tls", "bad_syntax"} {
		for _, lang := range []text.Lang{text.French, text.English} {
			path, dir := file(t, name+".yaml")
			_, problems, err := Load(path, lang)
			if err == nil {
				t.Errorf("%s was accepted", name)
			}
			golden(t, fmt.Sprintf("%s.%s.txt", name, lang), lines(problems, dir))
		}
	}
}

func TestGoodFull(t *testing.T) {
	t.Setenv("RELEVE_TEST_5002", "other")
	path, dir := file(t, "good_full.yaml")
	c, problems, err := Load(path, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, lines(problems, dir))
	}
	for _, p := range problems {
		if p.Code != CodeMirror {
			t.Errorf("unexpected advice %s", p)
		}
	}
	if got := c.ServiceNumbers; len(got) != 3 || got[1] != "0145000000" || got[2] != "+33145000000" {
		t.Errorf("service numbers %q", got)
	}
	if want := netip.MustParseAddrPort("10.10.0.10:5060"); c.Rescue.Addr != want || c.Rescue.User != "9" {
		t.Errorf("rescue by name of the IPBX: %+v", c.Rescue)
	}
	p, _ := c.UserOf(router.Primary)
	s, _ := c.UserOf(router.Secondary)
	if p.Password.Value() != "s3cret" || s.Password.Value() != "other" || s.Username != "5002" {
		t.Errorf("users %+v %+v", p, s)
	}
	if c.Level != router.HighAvailability || !c.Automatic() || c.Registration.Mode != licence.Pair {
		t.Errorf("level %v mode %v", c.Level, c.Registration.Mode)
	}
	if got, want := c.WorstMove(), 1814*time.Second+60*time.Millisecond; got != want {
		t.Errorf("worst move %v, want %v", got, want)
	}
	if v := c.Verification; !v.Dead || v.Gray || v.Degraded || v.Count != 4 || v.Timeout != 500*time.Millisecond {
		t.Errorf("verification %+v", v)
	}
	if got := c.Checks[2].CommandAt("10.30.0.21")[2]; got != "10.30.0.21" {
		t.Errorf("command for the primary: %q", got)
	}
	if c.TLS.MinVersion != "1.3" || c.TLS.Client != "require" || len(c.DNS.Servers) != 3 ||
		c.DNS.Servers[0] != netip.MustParseAddrPort("10.10.0.53:53") || c.DNS.Servers[2] != netip.MustParseAddrPort("[2001:db8::53]:53") ||
		c.DNS.Timeout != time.Second || c.DNS.Stale != 12*time.Hour {
		t.Errorf("network: %+v %+v", c.TLS, c.DNS)
	}
	if c.DSCP != 26 || Default().DSCP != 24 {
		t.Errorf("dscp %d, by default %d", c.DSCP, Default().DSCP)
	}
	if want := (Limits{100, 1000, 3000, "refuse", 500, 100, 32_768, 128, 40, 1024, 8192, 50_000, 200}); c.Limits != want {
		t.Errorf("limits %+v", c.Limits)
	}
	if want := (URI{Host: "cucm.example", Secure: true}); c.IPBX[1].Address != want || c.IPBX[1].Address.Network() != "tls" {
		t.Errorf("sips by name: %+v", c.IPBX[1].Address)
	}
	if c.Servers[0].Large != "tcp" || c.Servers[1].Large != "udp" || !c.Overflow.MarkOverflow {
		t.Errorf("large %q %q, mark %v", c.Servers[0].Large, c.Servers[1].Large, c.Overflow.MarkOverflow)
	}
	if c.Overflow.HoldSignal != 182 || !c.Overflow.ForwardLate || c.DeadCalls != "off" || c.Dissuasion.Requeue {
		t.Errorf("calls: %+v %v %+v", c.Overflow, c.DeadCalls, c.Dissuasion)
	}
}

func TestGoodBase(t *testing.T) {
	path, dir := file(t, "good_base.yaml")
	c, problems, err := Load(path, text.English)
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v\n%s", err, lines(problems, dir))
	}
	if c.WorstMove() != 0 || c.Automatic() || c.Registration.Mode != licence.Trunk {
		t.Errorf("base: %v %v", c.WorstMove(), c.Registration.Mode)
	}
	if got := c.Servers[0].Address.String(); got != "sip:[2001:db8::21]:5062" {
		t.Errorf("server address %s", got)
	}
	if got := c.IPBX[0].Sources; len(got) != 1 || got[0] != netip.MustParseAddr("2001:db8::10") {
		t.Errorf("sources %v", got)
	}
}

// TestGate: a password is the server's own where the file gives none; that is
// said, and reckoned with.
func TestGate(t *testing.T) {
	t.Setenv("RELEVE_TEST_5002", "other")
	path, _ := file(t, "good_full.yaml")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	load := func(pairs ...string) (*Config, []Problem) {
		t.Helper()
		text := strings.NewReplacer(append(pairs, "mode: pair", "mode: gate")...).Replace(string(raw))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, problems, err := Load(path, "")
		if err != nil {
			t.Fatal(err, problems)
		}
		return c, problems
	}
	sentinel := func(problems []Problem) (out []string) {
		for _, p := range problems {
			if p.Code == CodeNoSentinel {
				out = append(out, p.Path)
			}
		}
		return out
	}
	c, problems := load()
	if u, ok := c.UserOf(router.Secondary); !ok || u.Password.Value() != "other" || c.Registration.Mode != licence.Gate || sentinel(problems) != nil {
		t.Errorf("with passwords: %+v %v", u, problems)
	}
	if got, want := c.WorstMove(), 1814*time.Second+60*time.Millisecond; got != want {
		t.Errorf("worst move with passwords %v, want %v", got, want)
	}
	c, problems = load(", password_env: RELEVE_TEST_5002", "")
	if got := sentinel(problems); len(got) != 1 || got[0] != "registration.users.secours" {
		t.Errorf("advice at %q, want one", got)
	}
	if u, ok := c.UserOf(router.Secondary); !ok || u.Password.Given() || u.AOR.User != "5002" {
		t.Errorf("without: %+v", u)
	}
	if got, want := c.WorstMove(), (1814+24)*time.Second+60*time.Millisecond; got != want {
		t.Errorf("worst move without %v, want %v", got, want)
	}
	if got := string(c.Show()); strings.Count(got, stars) != 9 || // a user's, that of a check, two of the mirror, the mail relay's, two of SNMP, a signature's and the store's
		!strings.Contains(got, "mode: gate") {
		t.Errorf("shown as\n%s", got)
	}
	if x, ok := c.LongestGrant(); !ok || x.Name != "oxe" || x.MaxGrant != 30*time.Minute || x.Granted != Stated {
		t.Errorf("%+v", x)
	}
}

// TestUnquotedNumber: the trap of YAML 1.1, 0145 read as octal 101.
func TestUnquotedNumber(t *testing.T) {
	c, problems := Parse("f.yaml", []byte("service_numbers: [0145, 0x1F, +33145]\n"), text.English)
	if len(c.ServiceNumbers) != 2 || c.ServiceNumbers[0] != "0145" || c.ServiceNumbers[1] != "+33145" {
		t.Fatalf("numbers %q", c.ServiceNumbers)
	}
	advice := 0
	for _, p := range problems {
		if p.Code == CodeUnquoted {
			advice++
		}
	}
	if advice != 2 {
		t.Errorf("%d pieces of advice to quote, want 2", advice)
	}
}

// TestShowRoundTrip: what show prints is a file that means the same, and holds
// no secret.
func TestShowRoundTrip(t *testing.T) {
	t.Setenv("RELEVE_TEST_5002", "other")
	path, _ := file(t, "good_full.yaml")
	c, _, err := Load(path, "")
	if err != nil {
		t.Fatal(err)
	}
	shown := c.Show()
	if s := string(shown); strings.Contains(s, "s3cret") || strings.Contains(s, "other") || !strings.Contains(s, `"***"`) {
		t.Errorf("secrets in show:\n%s", s)
	}
	again, problems := Parse("show", shown, "")
	if Faulty(problems) {
		t.Fatalf("show is refused: %v\n%s", problems, shown)
	}
	for _, lang := range []text.Lang{text.French, text.English} {
		said, dir := c.Explain(lang), filepath.Dir(path)
		golden(t, fmt.Sprintf("show.%s.txt", lang), strings.ReplaceAll(string(said), dir, "@DIR@"))
		if changes, err := Diff(shown, said); err != nil || len(changes) > 0 {
			t.Errorf("a comment changed a value: %v %v", changes, err)
		}
	}
	changes, err := Diff(shown, again.Show())
	if err != nil || len(changes) > 0 {
		t.Errorf("show changed on its way: %v %v", changes, err)
	}
	if s := fmt.Sprintf("%v %+v %#v", *c, c.Registration, c.Registration.Users); strings.Contains(s, "s3cret") {
		t.Errorf("secret printed: %s", s)
	}
}

func TestDiff(t *testing.T) {
	a := Default()
	b := Default()
	b.Verification.Count = 5
	b.Site = "X"
	changes, err := Diff(a.Show(), b.Show())
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{{"site", "", "X", Live}, {"verification.count", "3", "5", Live}}
	if fmt.Sprint(changes) != fmt.Sprint(want) {
		t.Errorf("diff %v, want %v", changes, want)
	}
}

// writeSilence writes a WAV file of one second: A-law, 8000 Hz, mono.
func writeSilence(t *testing.T, file string) {
	t.Helper()
	raw := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00"), 6, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0)
	raw = append(append(raw, "data\x40\x1f\x00\x00"...), bytes.Repeat([]byte{0xd5}, 8000)...)
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestInit(t *testing.T) {
	for _, lang := range []text.Lang{text.French, text.English} {
		for _, profile := range ProfileNames() {
			raw, err := Init(lang, profile)
			if err != nil {
				t.Fatal(err)
			}
			dir, written := t.TempDir(), raw
			for _, sub := range []string{"secrets", "tls"} {
				if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for _, prompt := range []string{"wait.wav", "attente.wav"} {
				writeSilence(t, filepath.Join(dir, prompt))
			}
			hook(t, dir)
			for _, secret := range []string{"snmp-auth", "snmp-priv", "webhook"} {
				write(t, filepath.Join(dir, "secrets", secret), "a-secret-of-the-site")
			}
			for _, authority := range []string{"autorite.pem", "authority.pem"} {
				certificate(t, filepath.Join(dir, "tls"), authority, authority+".key", 365*24*time.Hour)
			}
			for _, token := range []string{"mur", "wall"} {
				write(t, filepath.Join(dir, token), strings.Repeat("a1", 16))
			}
			writeSecret(t, filepath.Join(dir, "secrets", "store"))
			raw = []byte(strings.NewReplacer("/etc/releve/secrets/mur", dir+"/mur", "/etc/releve/secrets/wall", dir+"/wall", "/etc/releve", dir, "/var/lib/releve", dir).Replace(string(raw)))
			c, problems := Parse("init", raw, lang)
			if Faulty(problems) {
				t.Errorf("%s %s: %s", lang, profile, lines(problems, dir))
			}
			want, _ := ProfileOf(profile)
			manners := want.manners()
			if got := c.IPBX[0]; got.Manners != manners || got.NoAnswer != want.NoAnswer.Is || got.MaxGrant != want.MaxGrant.Is {
				t.Errorf("%s %s: the file does not leave the profile as it is: %+v", lang, profile, got)
			}
			if profile == "generic" || profile == "avaya" {
				golden(t, fmt.Sprintf("init.%s.%s.txt", profile, lang), string(written))
			}
			uncommented(t, string(lang)+" "+profile, raw)
			if c.Verification.Act || c.Language != string(lang) || c.IPBX[0].MainStandby != (profile == "oxe") {
				t.Errorf("%s %s: act %v language %s", lang, profile, c.Verification.Act, c.Language)
			}
		}
	}
	if _, err := Init(text.French, "oxee"); err == nil {
		t.Error("an unknown profile was accepted")
	}
}

// uncommented: each setting that the file offers in a comment of two spaces or
// more, or at the margin, is one that the reader takes.
func uncommented(t *testing.T, name string, raw []byte) {
	t.Helper()
	setting := regexp.MustCompile(`^(\s*)# ((?:  )?[a-z_0-9]+:(?: .*)?)$`)
	var out []string
	opened := 0
	for line := range strings.SplitSeq(string(raw), "\n") {
		if m := setting.FindStringSubmatch(line); m != nil && !strings.HasPrefix(m[2], "trunk:") && !strings.HasPrefix(m[2], "gate:") && !strings.HasPrefix(m[2], "pair:") &&
			!strings.HasPrefix(m[2], "hold:") && !strings.HasPrefix(m[2], "users:") && !strings.Contains(m[2], "aor:") {
			line = m[1] + m[2]
			opened++
		}
		out = append(out, line)
	}
	_, problems := Parse("init", []byte(strings.Join(out, "\n")), text.English)
	for _, p := range problems {
		if !p.Advice && p.Code != CodeTLSFile { // the certificate is not there
			t.Errorf("%s: an offered setting is refused: %s", name, p)
		}
	}
	if opened < 30 {
		t.Errorf("%s: only %d settings offered", name, opened)
	}
}

func TestCheckWithoutFile(t *testing.T) {
	c := Default()
	for _, p := range c.Check(text.English) {
		if p.Line != 0 {
			t.Errorf("a place without a file: %s", p)
		}
	}
}

func TestNothingPanics(t *testing.T) {
	for _, s := range []string{
		"", "# only a comment", "---", "[]", "a", "- 1", "? [a]\n: b", "site: &x y\nlevel: *x",
		"a: &a [*a]", "<<: {a: 1}", "servers: [1, ~, []]", "checks: [{}, [], {type: }]", "checks: [{type: [a]}]",
		"registration: {mode: pair, users: {p: ~}}", "ipbx: [{sources: [a]}]", "site: x\n---\nsite: y",
		"\x00", "a: b: c", "listen: [{address: 'udp://:5060'}, {address: 'udp://1.2.3.4:0'}]", "level:\n\tx: 1",
	} {
		if _, problems := Parse("f", []byte(s), text.English); !Faulty(problems) {
			t.Errorf("%q was accepted", s)
		}
	}
}

func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("testdata/good_full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Add([]byte("servers: [1, ~, []]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, problems := Parse("f", raw, text.French)
		if !Faulty(problems) {
			if _, again := Parse("f", c.Show(), text.French); Faulty(again) {
				t.Errorf("accepted, but its own show is refused: %v", again)
			}
		}
	})
}
