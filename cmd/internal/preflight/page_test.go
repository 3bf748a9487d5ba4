package preflight

import (
	"bytes"
	"flag"
	"html/template"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/export"
	"releve/cmd/internal/text"
)

var rewritePages = flag.Bool("rewrite-pages", false, "write the golden pages anew; open them in a browser before you commit")

// someStudy has a finding in each state, names that need escaping, answers.
func someStudy() Study {
	return Study{
		Site: `CH de <Exemple> & "Fils"`, At: time.Date(2026, 11, 23, 22, 41, 0, 0, time.UTC), Took: 48 * time.Second,
		Version: "0.1.0", From: "10.20.0.5:5060",
		Targets: []Target{
			{"oxe", IPBX, "", "sip:10.10.0.10:5060", "10.10.0.10:5060"},
			{"principal", Server, "primary", "sip:10.30.0.21:5060", "10.30.0.21:5060"},
		},
		Findings: []Finding{
			{text.StudyOptions, IPBX, "oxe", OK, map[string]string{"status": "200", "ms": "3", "agent": "OXE <R100>"}},
			{text.StudyRecordRoute, IPBX, "oxe", NoGo, map[string]string{"method": "BYE"}},
			{text.StudyBusy, IPBX, "oxe", Reservation, map[string]string{"times": "1", "after": "0.2"}},
			{text.StudyUpdate, IPBX, "oxe", Info, map[string]string{"status": "405"}},
			{text.StudyNoAnswer, IPBX, "oxe", Unknown, map[string]string{"why": string(text.WhyNotAsked)}},
			{text.StudyRinging, IPBX, "oxe", Unknown, map[string]string{"why": string(text.WhyNotAsked)}},
			{text.StudyOptions, Server, "principal", OK, map[string]string{"status": "200", "ms": "1", "agent": "Wel'Suite"}},
			{text.StudyClock, Server, "principal", Reservation, map[string]string{"offset": "1560"}},
			{text.StudyGrant, Registrar, "oxe", OK, map[string]string{"asked": "60", "granted": "60"}},
		},
		Questions: []Question{
			{text.AskSwitchover, "oui, vérifié le 20/11", OK},
			{text.AskAntivirus, "", Reservation},
			{text.AskNight, "astreinte DSI, 06 00 00 00 00", OK},
		},
		Rang:    []string{"5000", "2001"},
		Profile: []Setting{{"rewrite_contact", "true", text.StudyRecordRoute}, {"dissuasion.requeue", "false", text.StudyBusy}},
		Verdict: No,
	}
}

func someFlows(m text.Messages) []export.Flow {
	return []export.Flow{
		{From: export.End{Name: "oxe", Addresses: []string{"10.10.0.10"}}, To: export.End{Party: text.PartyReleve, Addresses: []string{"10.20.0.5"}}, Protocol: "udp", Source: "*", Ports: "5060", Purpose: text.FluxCallsIn, Meaning: m.Flux(text.FluxCallsIn)},
		{From: export.End{Party: text.PartyPhones}, To: export.End{Name: "principal", Addresses: []string{"10.30.0.21"}}, Protocol: "udp", Purpose: text.FluxVoice, Meaning: m.Flux(text.FluxVoice)},
	}
}

func TestPages(t *testing.T) {
	for _, lang := range []text.Lang{text.French, text.English} {
		m := text.For(lang)
		got, err := Page(someStudy(), someFlows(m), m, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "page."+string(lang)+".html")
		if *rewritePages {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs (run with -rewrite-pages and look):\n%s", path, got)
		}
		page := string(got)
		if i, j := strings.Index(page, `<strong>`+template.HTMLEscapeString(m.StudyVerdict("no-go"))), strings.Index(page, m.Page(text.PageFindings)); i < 0 || i > j {
			t.Error("the verdict does not come first")
		}
		for _, foreign := range []string{"http://", "https://", "<script", "src=", "<Exemple>", "<R100>"} {
			if strings.Contains(page, foreign) {
				t.Errorf("the page holds %q", foreign)
			}
		}
	}
}

// TestPageWords: every heading that the template asks for is in the catalogue.
func TestPageWords(t *testing.T) {
	rest := pageText
	for {
		_, after, ok := strings.Cut(rest, `.W "`)
		if !ok {
			return
		}
		word, tail, _ := strings.Cut(after, `"`)
		if !text.HasPage(text.PageWord(word)) {
			t.Errorf("no word %q", word)
		}
		rest = tail
	}
}
