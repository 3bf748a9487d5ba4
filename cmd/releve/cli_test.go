package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/router"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

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

func TestScreens(t *testing.T) {
	for _, lang := range []text.Lang{text.French, text.English} {
		v := view{m: text.For(lang), now: noon, zone: time.UTC}
		explained, reported := someExplanation(), someReport()
		var b strings.Builder
		for _, screen := range []struct{ name, body string }{
			{"status nominal", v.status(someStatus())},
			{"status on secondary", v.status(onSecondary())},
			{"a mirror that lags", v.mirror(laggingMirror())},
			{"status verifying", v.status(verifying())},
			{"status nobody", v.status(nobodyServes())},
			{"calls", v.calls(someCalls(), false)},
			{"calls revealed", v.calls(someCalls(), true)},
			{"explain", v.explain(someCalls(), false)},
			{"explain a verification", v.verification(&explained)},
			{"report", v.report(&reported)},
			{"events", v.events(someEvents())},
			{"licence", v.licence(someLicence())},
			{"licence refused", v.licence(refusedLicence())},
			{"licence gate", v.licence(gateLicence())},
			{"status gate", v.status(gateStatus())},
			{"licence trunk", v.licence(admin.Licence{Mode: "trunk"})},
			{"probes", v.probes(someProbes())},
			{"alarms", v.alarms(onSecondary().Alarms)},
			{"contacts", v.contacts(onSecondary().Contacts, onSecondary().Alarms)},
			{"no alarm", v.alarms(nil)},
		} {
			b.WriteString("== " + screen.name + "\n" + screen.body + "\n")
		}
		golden(t, "screens."+string(lang)+".txt", b.String())
	}
}

// result of one command line.
type result struct {
	code     int
	out, err string
}

func exec(t *testing.T, lang, stdin string, args ...string) result {
	t.Helper()
	var out, fail bytes.Buffer
	c := newCLI(args, terminal{in: strings.NewReader(stdin), out: &out, err: &fail, env: func(k string) string {
		if k == "LANG" {
			return lang
		}
		return ""
	}})
	c.zone, c.now = time.UTC, func() time.Time { return noon }
	code := c.run(t.Context(), args)
	return result{code, out.String(), fail.String()}
}

func daemon(t *testing.T, n *node) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	d, err := admin.Listen(admin.Options{Socket: path, Node: n})
	if err != nil {
		t.Fatal(err)
	}
	d.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = d.Close(ctx)
	})
	return path
}

func TestHelp(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		var b strings.Builder
		for _, args := range [][]string{{}, {"help", "switchover"}, {"config"}, {"bascule", "-h"}, {"probe"}, {"stauts"}, {"status", "--jason"}, {"calls", "-n", "x"}, {"status", "-o", "xml"}, {"config", "chek"}, {"events", "--since"}} {
			r := exec(t, lang+"_XX.UTF-8", "", args...)
			b.WriteString("$ releve " + strings.Join(args, " ") + "\n" + r.out + r.err)
			if r.code != 0 {
				b.WriteString("exit " + map[bool]string{true: "64", false: "?"}[r.code == exitUsage] + "\n")
			}
			b.WriteString("\n")
		}
		golden(t, "help."+lang+".txt", b.String())
	}
}

// TestEveryVerbHasHelp: verbs and options are in the catalogue, which holds no
// others.
func TestEveryVerbHasHelp(t *testing.T) {
	c := newCLI(nil, terminal{in: strings.NewReader(""), env: func(string) string { return "" }})
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		name := strings.TrimPrefix(cmd.CommandPath(), "releve ")
		if !text.HasHelp(text.Verb(name)) {
			t.Errorf("%s has no help", name)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !text.HasFlag(f.Name) {
				t.Errorf("%s: option --%s has no help", name, f.Name)
			}
		})
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk(c.root())
	// A label that the catalogue lacks would be shown as its English key.
	label := regexp.MustCompile(`(?:Label|add)\("([a-z-]+)"`)
	raw, err := os.ReadFile("render.go")
	if err != nil {
		t.Fatal(err)
	}
	found := label.FindAllSubmatch(raw, -1)
	for _, m := range found {
		if !text.HasLabel(string(m[1])) {
			t.Errorf("label %q is not in the catalogue", m[1])
		}
	}
	if len(found) < 20 {
		t.Errorf("only %d labels found", len(found))
	}
}

func TestVerbsOverTheSocket(t *testing.T) {
	n := &node{status: someStatus()}
	socket := daemon(t, n)
	for _, c := range []struct {
		args []string
		code int
		out  string // in stdout
		err  string // in stderr
	}{
		{[]string{"etat"}, 0, "L'accueil automatique répond", ""},
		{[]string{"status", "--lang", "en"}, 0, "The automated attendant answers", ""},
		{[]string{"appels", "0145"}, 0, "0145••••12", ""},
		{[]string{"appels", "none"}, 0, "Aucun appel ne correspond", ""},
		{[]string{"pourquoi", "a1"}, 0, "Remis au serveur de secours après la bascule.", ""},
		{[]string{"explain", "none"}, 1, "Aucun appel", ""},
		{[]string{"pourquoi"}, 0, "le port SIP est fermé", ""},
		{[]string{"explain", "--count", "5", "--timeout", "300ms"}, 0, "rien n'est décidé", ""},
		{[]string{"explain", "--count", "eleven"}, 1, "", "API-014"},
		{[]string{"explain", "--switch-on", "dead,slow"}, 1, "", "API-014"},
		{[]string{"explain", "--at", "1999-01-01T00:00:00Z"}, 1, "", "API-015"},
		{[]string{"explain", "--at", "noonish"}, 64, "", "--at"},
		{[]string{"bilan"}, 0, "2 bascules auraient eu lieu", ""},
		{[]string{"journal"}, 0, "[marie (uid 1000)]", ""},
		{[]string{"licence"}, 0, "ENREGISTREMENT ÉTRANGER", ""},
		{[]string{"sonde", "svp1"}, 0, "OPTIONS", ""},
		{[]string{"probe", "all"}, 2, "aucune réponse", ""},
		{[]string{"probe", "svp3"}, 1, "", "API-010"},
		{[]string{"alarmes"}, 0, "Aucune alarme.", ""},
		{[]string{"ready"}, 0, "Prêt", ""},
		{[]string{"version"}, 0, "releve dev", ""},
	} {
		r := exec(t, "fr_FR.UTF-8", "", append(c.args, "--socket", socket)...)
		if r.code != c.code || !strings.Contains(r.out, c.out) || !strings.Contains(r.err, c.err) {
			t.Errorf("%v: exit %d\n%s%s", c.args, r.code, r.out, r.err)
		}
		js := exec(t, "fr_FR.UTF-8", "", append(c.args, "--socket", socket, "-o", "json")...)
		if js.code != c.code || c.err == "" && !json.Valid([]byte(js.out)) {
			t.Errorf("%v -o json: exit %d\n%s", c.args, js.code, js.out)
		}
	}
	n.mu.Lock()
	n.status = onSecondary()
	n.mu.Unlock()
	if r := exec(t, "fr", "", "etat", "--socket", socket); r.code != exitNo {
		t.Errorf("on the secondary: exit %d", r.code)
	}
	if r := exec(t, "fr", "", "alarms", "--socket", socket); r.code != exitDown || !strings.Contains(r.out, "Que faire") || !strings.Contains(r.out, "astreinte 01 02 03 04 05") {
		t.Errorf("alarms: exit %d\n%s", r.code, r.out)
	}
	n.mu.Lock()
	n.status = verifying()
	n.mu.Unlock()
	if r := exec(t, "fr", "", "etat", "--socket", socket); r.code != exitNo {
		t.Errorf("a verification runs: exit %d", r.code)
	}
	n.mu.Lock()
	n.status = nobodyServes()
	n.mu.Unlock()
	if r := exec(t, "fr", "", "etat", "--socket", socket); r.code != exitDown {
		t.Errorf("nobody answers: exit %d", r.code)
	}
	r := exec(t, "fr", "", "etat", "--socket", filepath.Join(t.TempDir(), "no"))
	if r.code != exitUnreachable || !strings.Contains(r.err, "Relève ne répond pas") {
		t.Errorf("unreachable: exit %d %s", r.code, r.err)
	}
}

func TestSwitchoverAndReturn(t *testing.T) {
	accepted := admin.Result{Accepted: true}
	for _, c := range []struct {
		name   string
		start  admin.Status
		answer admin.Result
		slow   bool
		stdin  string
		args   []string
		code   int
		said   string
		sent   bool
	}{
		{"by hand", someStatus(), accepted, false, "essai mensuel\nsvp2\n", []string{"bascule"}, 0, "« svp2 » est actif", true},
		{"wrong name", someStatus(), accepted, false, "essai\nsvp1\n", []string{"bascule"}, 1, "Abandonné", false},
		{"no reason", someStatus(), accepted, false, "\n", []string{"bascule"}, 1, "Abandonné", false},
		{"nobody there", someStatus(), accepted, false, "", []string{"bascule"}, 64, "donnez -y et --reason", false},
		{"script", someStatus(), accepted, false, "", []string{"switchover", "-y", "--reason", "essai"}, 0, "Fait", true},
		{"script without reason", someStatus(), accepted, false, "", []string{"switchover", "-y"}, 64, "--reason", false},
		{"refused", someStatus(), admin.Result{Reason: router.ReasonNotReady}, false, "", []string{"switchover", "-y", "--reason", "x"}, 1, "n'est pas prêt", true},
		{"already", onSecondary(), admin.Result{Already: true}, false, "", []string{"switchover", "-y", "--reason", "x"}, 4, "Déjà fait", true},
		{"not finished", someStatus(), accepted, true, "", []string{"switchover", "-y", "--reason", "x", "--wait", "150ms"}, 5, "pas encore terminé", true},
		{"return", onSecondary(), accepted, false, "réparé\nsvp1\n", []string{"retour", "--force"}, 0, "« svp1 » est actif", true},
		{"maintenance", someStatus(), accepted, false, "", []string{"maintenance", "start", "--reason", "disque"}, 0, "rôles sont figés", true},
		{"maintenance ends", someStatus(), accepted, false, "", []string{"maintenance", "stop"}, 0, "Maintenance terminée", true},
		{"maintenance without reason", someStatus(), accepted, false, "", []string{"maintenance", "start"}, 64, "--reason", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &node{status: c.start, result: c.answer, slow: c.slow}
			r := exec(t, "fr", c.stdin, append(c.args, "--socket", daemon(t, n))...)
			said := strings.ReplaceAll(r.out+r.err, "\u202f", " ")
			if r.code != c.code || !strings.Contains(said, c.said) || (len(n.got) > 0) != c.sent {
				t.Errorf("exit %d, sent %v\n%s", r.code, n.got, said)
			}
			if c.name == "return" && (!n.got[0].Force || n.got[0].ExpectedActive != "secondary" || n.got[0].Reason != "réparé" ||
				!strings.Contains(said, "Stabilité de « svp1 » : 2/5")) {
				t.Errorf("sent %+v\n%s", n.got[0], said)
			}
			if c.name == "by hand" && !strings.Contains(said, "4 appels en cours resteront sur « svp1 »") {
				t.Errorf("consequences: %s", said)
			}
		})
	}
}

func TestConfigProfiles(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		var b strings.Builder
		for _, args := range [][]string{{}, {"avaya"}} {
			r := exec(t, lang, "", append([]string{"config", "profiles"}, args...)...)
			if r.code != 0 {
				t.Errorf("%v: %d %s", args, r.code, r.err)
			}
			b.WriteString(r.out)
		}
		golden(t, "profiles."+lang+".txt", b.String())
	}
	var all []shownProfile
	r := exec(t, "en", "", "config", "profiles", "-o", "json")
	if err := json.Unmarshal([]byte(r.out), &all); err != nil || len(all) != 8 || all[1].Settings[10].Source.Ground != text.ByDocument {
		t.Errorf("as JSON: %v\n%s", err, r.out)
	}
	if r := exec(t, "en", "", "config", "profiles", "wildix"); r.code != exitUsage {
		t.Errorf("no such profile: %d", r.code)
	}
}

// testWorstMove: config check says beforehand how long a switchover may take here,
// and whose word that is. An OXE that grants 1,800 s at least means half an hour.
func testWorstMove(t *testing.T, dir string) {
	t.Helper()
	for _, user := range []string{"5001", "5002"} {
		if err := os.WriteFile(filepath.Join(dir, user), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(dir, "oxe.yaml")
	for _, c := range []struct{ ipbx, grounds, fr, en string }{
		{", max_grant: 1800s", "stated", "au pire : 30 min 14 s. L'IPBX « oxe » accorde jusqu'à 30 min 00 s (max_grant, d'après le fichier)", "at worst: 30 min 14 s. IPBX \"oxe\" grants up to 30 min 00 s (max_grant, as the file says)"},
		{"", "assumed", "jusqu'à 1 h 00 min (supposé, tant que Relève n'a pas vu ce qu'il accorde ; max_grant le fixe)", "up to 1 h 00 min (assumed, until Relève has seen what it grants; max_grant states it)"},
	} {
		body := strings.NewReplacer("DIR", dir, "GRANT", c.ipbx).Replace(oxeFile)
		if err := os.WriteFile(other, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		for lang, want := range map[string]string{"fr": c.fr, "en": c.en} {
			r := exec(t, lang, "", "config", "check", "-c", other)
			if got := strings.NewReplacer("\u202f", " ", "\u00a0", " ").Replace(r.out); r.code != 0 || !strings.Contains(got, want) {
				t.Errorf("%s: %d\n%s%s", lang, r.code, got, r.err)
			}
		}
		var k checked
		r := exec(t, "fr", "", "config", "check", "-c", other, "-o", "json")
		if err := json.Unmarshal([]byte(r.out), &k); err != nil || string(k.Grounds) != c.grounds || k.GrantIPBX != "oxe" {
			t.Errorf("%s %v", r.out, err)
		}
	}
}

const oxeFile = `
site: "x"
level: high-availability
wel_licences: [high-availability]
listen: [{address: "udp://127.0.0.1:5060"}, {address: "tcp://127.0.0.1:5060"}]
keys: {file: DIR/keys}
ipbx:
  - {name: oxe, address: "sip:127.0.0.2:5060", profile: oxe, no_answer: 60sGRANT}
servers:
  - {name: p, role: primary, address: "sip:127.0.0.3:5060", lines: 4, version: 5.3.6}
  - {name: s, role: secondary, address: "sip:127.0.0.4:5060", lines: 4, version: 5.3.6}
service_numbers: ["5000"]
registration:
  mode: pair
  users:
    p: {aor: "sip:5001@127.0.0.2", username: "5001", password_file: DIR/5001}
    s: {aor: "sip:5002@127.0.0.2", username: "5002", password_file: DIR/5002}
store: {path: DIR}
`

func TestConfigVerbs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "releve.yaml")
	r := exec(t, "en_GB", "", "config", "init", "--ipbx", "cucm")
	if r.code != 0 || !strings.Contains(r.out, "act: false") || !strings.Contains(r.out, "profile: cucm") {
		t.Fatalf("init: %d\n%s%s", r.code, r.out, r.err)
	}
	file := strings.NewReplacer("/etc/releve", dir, "/var/lib/releve", dir).Replace(r.out)
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := exec(t, "", "", "config", "init", "--ipbx", "oxee"); r.code != exitUsage {
		t.Errorf("unknown profile: %d %s", r.code, r.err)
	}
	// No language in the environment: the file's own.
	if r := exec(t, "C.UTF-8", "", "config", "check", "-c", path); r.code != 0 || !strings.Contains(r.out, "the configuration is correct") || !strings.Contains(r.out, "Observation") {
		t.Errorf("check: %d\n%s%s", r.code, r.out, r.err)
	}
	testWorstMove(t, dir)
	if r := exec(t, "fr", "", "config", "show", "-c", path, "-o", "json"); r.code != 0 || !strings.Contains(r.out, `"hold_budget": "20s"`) {
		t.Errorf("show: %d\n%s%s", r.code, r.out, r.err)
	}
	if r := exec(t, "fr", "", "config", "show", "-c", path); r.code != 0 || !strings.Contains(r.out, "status: 486 # profil cucm (") {
		t.Errorf("show says where a value comes from: %d\n%s%s", r.code, r.out, r.err)
	}
	if r := exec(t, "fr", "", "config", "diff", "-c", path, "--socket", daemon(t, &node{})); r.code != exitNo || !strings.Contains(r.out, "site\n  - old\n  + Example Hospital") {
		t.Errorf("diff: %d\n%s%s", r.code, r.out, r.err)
	}
	if r := exec(t, "fr", "", "config", "diff", "-c", path, "--socket", filepath.Join(dir, "none")); r.code != exitDown {
		t.Errorf("diff without a daemon: %d", r.code)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(file, "count: 3", "cuont: 3", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r = exec(t, "fr", "", "config", "check", "-c", path)
	if r.code != exitConfig || !strings.Contains(strings.ReplaceAll(r.out, "\u202f", " "), "[CFG-003] clé inconnue « cuont » dans verification. Vouliez-vous « count »") {
		t.Errorf("bad check: %d\n%q", r.code, r.out)
	}
	if r := exec(t, "fr", "", "serve", "-c", path); r.code != exitConfig || !strings.Contains(r.err, "CFG-003") {
		t.Errorf("serve with a bad file: %d\n%s", r.code, r.err)
	}
	r = exec(t, "fr", "", "config", "check", "-c", filepath.Join(dir, "none.yaml"), "-o", "json")
	var k checked
	if err := json.Unmarshal([]byte(r.out), &k); err != nil || r.code != exitConfig || k.Valid || len(k.Problems) != 1 {
		t.Errorf("missing file: %d %s %v", r.code, r.out, err)
	}
}

// A terminal gives nothing until Enter: Ctrl-C at a question ends the verb all the
// same, and nothing was done.
func TestInterruptAtAQuestion(t *testing.T) {
	for _, args := range [][]string{{"bascule"}, {"bascule", "--reason", "essai"}, {"procedure", "bascule", "--reason", "essai"}} {
		n := &node{status: someStatus()}
		args = append(args, "--socket", daemon(t, n))
		ctx, cancel := context.WithCancel(t.Context())
		silent, keyboard := io.Pipe()
		defer keyboard.Close()
		var fail bytes.Buffer
		ended := make(chan int, 1)
		asked := writerFunc(func(p []byte) (int, error) {
			if !strings.HasSuffix(string(p), "\n") { // a question
				cancel()
			}
			return fail.Write(p)
		})
		c := newCLI(args, terminal{in: silent, out: io.Discard, err: asked, env: func(string) string { return "fr" }})
		go func() { ended <- c.run(ctx, args) }()
		select {
		case code := <-ended:
			if code != exitNo {
				t.Errorf("%v: %d %s", args, code, fail.String())
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%v: it waits for Enter: %s", args, fail.String())
		}
		cancel()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Who mistypes a verb, or knows it by another product's name, is told ours.
func TestUnknownVerbIsGuessed(t *testing.T) {
	for typed, want := range map[string]string{
		"bascul": "bascule", "etatt": "etat", "statsu": "status", "run": "serve", "failover": "switchover", "journaux": "journal", "procedur": "procedure",
	} {
		r := exec(t, "fr", "", typed)
		if r.code != exitUsage || !strings.Contains(r.err, "« "+want+" »") && !strings.Contains(r.err, want) {
			t.Errorf("%s: %d %s", typed, r.code, r.err)
		}
	}
	if r := exec(t, "fr", "", "zzz"); r.code != exitUsage || strings.Contains(r.err, "Vouliez") {
		t.Errorf("%d %s", r.code, r.err)
	}
}
