package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/procedure"
	"releve/cmd/internal/text"
)

// backupSite has everything that a checklist can name.
func backupSite() admin.Status {
	s := someStatus()
	s.Level = "backup"
	s.Servers[0].Version, s.Servers[1].Version = "5.3.6", "5.3.6"
	s.IPBX = append(s.IPBX, admin.IPBX{Name: "passerelle", Gateway: true})
	s.Data = &admin.SecondaryData{CopiedAt: s.Now.Add(-76 * time.Hour)}
	s.Mirror = &admin.Mirror{Main: admin.Database{Address: "10.30.0.21:5432"}, Mirror: admin.Database{Address: "10.30.0.22:5432"}}
	return s
}

func someRecord() admin.Procedure {
	step := func(id, kind, result, found, comment string) admin.ProcedureStep {
		return admin.ProcedureStep{
			ID: id, Kind: kind, Result: result, Found: found, Comment: comment, At: noon,
			Params: map[string]string{"from": "svp1", "to": "svp2", "lines": "passerelle", "server": "svp2"},
		}
	}
	return admin.Procedure{
		ID: "20261123-120000-switchover", Actor: "marie (uid 1000)", Name: admin.ProcedureSwitchover, Started: noon, Ended: noon.Add(95 * time.Second),
		Outcome: admin.OutcomeDone, Reason: "panne <disque>", Forced: true, Seal: "1-00ff", Intact: true,
		Steps: []admin.ProcedureStep{
			step("what", "told", admin.StepNoted, "", ""),
			step("to-ready", "verified", admin.StepForced, "word=not-ready verdict=UNKNOWN", ""),
			step("data-age", "verified", admin.StepFailed, "age=76h0m0s", ""),
			step("recable", "asked", admin.StepOK, "", "ligne 3 <vers> la passerelle"),
			step("switch", "done", admin.StepOK, "took=1.204s", ""),
			step("first-call", "verified", admin.StepFailed, "word=no-call", ""),
		},
	}
}

func someDrill() admin.Procedure {
	p := someRecord()
	p.Name, p.ID, p.Outcome, p.Forced, p.Intact = admin.ProcedureDrill, "20261123-120000-drill", admin.OutcomeAborted, false, false
	p.Drill = &admin.DrillReport{
		Window: "02:00-04:00", Hold: 5 * time.Minute, Offered: 12, Answered: 11, Lost: 1, BySecondary: 9, SwitchoverMS: 1204, ReturnMS: 980.2, LicenceMS: 640,
		Cause: "lost-call",
	}
	p.Steps = p.Steps[:1]
	return p
}

// TestProcedureScreens are the checklists as --dry-run prints them and records as
// they are printed, in both languages.
func TestProcedureScreens(t *testing.T) {
	for _, lang := range []text.Lang{text.French, text.English} {
		v := view{m: text.For(lang), now: noon, zone: time.UTC}
		var b strings.Builder
		for _, name := range []string{admin.ProcedureSwitchover, admin.ProcedureReinstate, admin.ProcedureReturn, admin.ProcedureMirror, admin.ProcedureCopy} {
			list, _ := procedure.Of(name)
			b.WriteString(v.checklist(list, backupSite()) + "\n")
		}
		b.WriteString(v.checklist(procedure.Drill(), backupSite()) + "\n")
		b.WriteString(v.history([]admin.Procedure{someDrill(), someRecord()}) + "\n")
		b.WriteString(v.record(backupSite(), someRecord()) + "\n")
		b.WriteString(v.record(backupSite(), someDrill()) + "\n")
		b.WriteString(v.recordPage(backupSite(), someDrill()) + "\n")
		drained := backupSite()
		drained.Mirror = nil
		drained.Servers[1].Drained, drained.Exercise = &admin.Mark{At: noon.Add(-time.Minute)}, &admin.Mark{}
		b.WriteString(v.status(drained))
		golden(t, "procedures."+string(lang)+".txt", b.String())
		if page := v.recordPage(backupSite(), someRecord()); strings.Contains(page, "<disque>") || strings.Contains(page, "<vers>") || strings.Contains(page, "http") {
			t.Error("a page that runs what an operator wrote, or needs something from elsewhere")
		}
	}
}

// TestAnswers: a file answers by the names of the steps, and nothing else passes.
func TestAnswers(t *testing.T) {
	c := newCLI(nil, terminal{env: func(string) string { return "" }, in: strings.NewReader("")})
	list, _ := procedure.Of(admin.ProcedureReinstate)
	for _, test := range []struct {
		body string
		want map[string]procedure.Answer // nil: refused
	}{
		{"repaired: oui\nnetwork: no\n", map[string]procedure.Answer{"repaired": {Given: true, Yes: true}, "network": {Given: true}}},
		{"repaired: {answer: yes, comment: \" new disk \"}", map[string]procedure.Answer{"repaired": {Given: true, Yes: true, Comment: "new disk"}}},
		{"repaired: true", map[string]procedure.Answer{"repaired": {Given: true, Yes: true}}},
		{"repaired: perhaps", nil},
		{"repaired: {comment: yes}", nil},
		{"rapaired: yes", nil},
		{"stable: yes", nil}, // what is verified is not answered
		{"- repaired", nil},
		{"repaired: [yes]", nil},
	} {
		path := filepath.Join(t.TempDir(), "answers.yaml")
		if err := os.WriteFile(path, []byte(test.body), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := c.readAnswers(path, list)
		if (err != nil) != (test.want == nil) || len(got) != len(test.want) {
			t.Errorf("%q: %v, %v", test.body, got, err)
		}
		for id, want := range test.want {
			if got[id] != want {
				t.Errorf("%q: %s: %+v", test.body, id, got[id])
			}
		}
	}
	if _, err := c.readAnswers("/nowhere/answers.yaml", list); err == nil {
		t.Error("a file that is not there")
	}
}

func TestCopiedAt(t *testing.T) {
	c := newCLI(nil, terminal{env: func(string) string { return "" }, in: strings.NewReader("")})
	c.now, c.zone = func() time.Time { return noon }, time.UTC
	for at, want := range map[string]time.Time{
		"": noon, "3h": noon.Add(-3 * time.Hour), "2026-11-20T08:00": noon.Add(-76 * time.Hour), "2026-11-22": noon.Add(-36 * time.Hour),
		"2026-11-24": {}, "-3h": {}, "yesterday": {},
	} {
		w := walk{at: at}
		err := c.copiedAt(admin.ProcedureCopy, &w)
		if (err == nil) != !want.IsZero() || err == nil && !w.Copied.Equal(want) {
			t.Errorf("%q: %v, %v", at, w.Copied, err)
		}
	}
}

// TestAtTheTerminal: questions are answered one by one, what follows an answer is
// a comment, q gives up, and nothing is done without a word.
func TestAtTheTerminal(t *testing.T) {
	for _, c := range []struct {
		name, stdin string
		code        int
		said        []string
	}{
		{"to the end", "perhaps\no copie du soir\nn\no\n", exitDone, []string{"copie du soir", "Copie notée", "faite", "20261123-120000-copy"}},
		{"no to what is needed", "n base seule\n", exitNo, []string{"refusée", "base seule", "--force"}},
		{"given up at a question", "q\n", exitNo, []string{"abandonnée"}},
		{"given up before it is done", "o\no\nq\n", exitNo, []string{"abandonnée"}},
		{"not to be done", "o\no\nn\n", exitNo, []string{"abandonnée"}},
		{"nobody there", "", exitNo, []string{"abandonnée"}},
	} {
		path := daemon(t, &node{status: someStatus()})
		r := exec(t, "fr", c.stdin, "procedure", "copy", "--socket", path)
		if r.code != c.code {
			t.Errorf("%s: exit %d\n%s%s", c.name, r.code, r.out, r.err)
		}
		for _, w := range c.said {
			if !strings.Contains(r.out+r.err, w) {
				t.Errorf("%s: no %q in\n%s%s", c.name, w, r.out, r.err)
			}
		}
	}
	one := someStatus()
	one.Servers = one.Servers[:1]
	path := daemon(t, &node{status: one})
	for _, verb := range [][]string{{"procedure", "switchover", "-y", "--reason", "x"}, {"drill", "-y"}} {
		if r := exec(t, "en", "", append(verb, "--socket", path)...); r.code != exitNo || !strings.Contains(r.err, "one server only") {
			t.Errorf("%v: exit %d %s", verb, r.code, r.err)
		}
	}
	if r := exec(t, "en", "", "procedure", "switchover", "--dry-run", "-o", "json", "--socket", daemon(t, &node{status: someStatus()})); r.code != exitDone || !strings.Contains(r.out, `"id": "to-ready"`) {
		t.Errorf("exit %d %s%s", r.code, r.out, r.err)
	}
}
