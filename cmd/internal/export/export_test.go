package export

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew; look at the difference before you commit it")

func site(t *testing.T) *config.Config {
	t.Helper()
	raw, err := os.ReadFile("testdata/site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// Faults about files that this machine lacks do not matter here.
	cfg, problems := config.Parse("site.yaml", raw, text.English)
	for _, p := range problems {
		if strings.HasPrefix(string(p.Code), "CFG-00") || p.Code == config.CodeSIP {
			t.Fatal(p)
		}
	}
	return cfg
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (run with -rewrite and look):\n%s", path, got)
	}
}

func TestFluxAsText(t *testing.T) {
	for _, lang := range []text.Lang{text.French, text.English} {
		m := text.For(lang)
		golden(t, "flux."+string(lang)+".txt", []byte(Text(Flux(site(t), m), m)))
	}
}

func TestFluxAsCSV(t *testing.T) {
	m := text.For(text.French)
	raw, err := CSV(Flux(site(t), m), m, true)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "flux.fr.csv", raw)
	if !bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		t.Error("no byte order mark")
	}
}

func TestFormulasAreCells(t *testing.T) {
	m := text.For(text.English)
	raw, err := CSV([]Flow{{From: End{Name: "=cmd|' /C calc'!A0"}, Protocol: "udp"}}, m, false)
	if err != nil || !bytes.Contains(raw, []byte("\r\n'=cmd")) {
		t.Errorf("%s, %v", raw, err)
	}
}

// TestNoSecretLeaves: a password in a URL is not part of the matrix.
func TestNoSecretLeaves(t *testing.T) {
	x := &matrix{c: site(t)}
	x.tcp(x.urlEnd("postgres://releve:secret@bdd.example:5433/welsuite", text.PartySQL), "postgres://releve:secret@bdd.example:5433/welsuite", text.FluxCheck)
	s := Text(x.flows, text.For(text.English))
	if strings.Contains(s, "secret") || !strings.Contains(s, "bdd.example") || !strings.Contains(s, "5433") {
		t.Error(s)
	}
}

// TestUnitIsHardened asks systemd itself: its verdict is the site's.
func TestUnitIsHardened(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatalf("systemd-analyze is needed (Debian's package systemd): %v", err)
	}
	path := filepath.Join(t.TempDir(), "releve.service")
	// verify wants a program that exists.
	unit := strings.ReplaceAll(Unit, "/usr/local/bin/releve", "/bin/true")
	if err := os.WriteFile(path, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=30", path).CombinedOutput(); err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
	if out, err := exec.Command(analyze, "verify", path).CombinedOutput(); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

func TestPortsOfURLs(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://u:p@a.example/db":               "5432",
		"postgres://u@a:5432,b:5433/db?sslmode=off": "5432, 5433",
		"https://[2001:db8::1]/x":                   "443",
		"mysql://[::1]:3307/":                       "3307",
		"smtp.example:25":                           "25",
		"smtp.example":                              "",
	} {
		if got := urlPort(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if got := machines("postgres://u:p@a:1,[::1]:2/db"); len(got) != 2 || got[0].host != "a" || got[1].host != "::1" {
		t.Errorf("%+v", got)
	}
}
