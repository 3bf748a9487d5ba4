package config

import (
	"strings"
	"testing"

	"releve/cmd/internal/text"
)

// block is a whole file with an entry in block style and one in braces, with comments
// and quotes to keep.
func block(t *testing.T) string {
	t.Helper()
	return strings.ReplaceAll(`site: "Hôpital"
level: base
listen: [{address: "udp://10.20.0.5:5060"}, {address: "tcp://10.20.0.5:5060"}]
keys: {file: DIR/keys}
ipbx:
  # é: le seul
  - name: oxe          # son nom
    address: "sip:10.10.0.10:5060"
    large: 'udp'       # vu
    dissuasion:
      status: 486      # occupé
    no_answer: 30s
  - {name: autre, address: "sip:10.10.0.12:5060", dissuasion: {requeue: true}}
servers: [{name: vocal, role: primary, address: "sip:10.30.0.21:5062", lines: 8}]
store: {path: DIR}
`, "DIR", t.TempDir())
}

func TestAmendKeepsEveryOtherByte(t *testing.T) {
	raw := block(t)
	out, err := Amend([]byte(raw), 0, []Line{
		{"large", "tcp"},
		{"dissuasion.status", "480"},
		{"dissuasion.requeue", "false"},
		{"rewrite_contact", "true"},
		{"no_answer", "45s"},
		{"max_grant", "3600s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"large: 'udp'       # vu", "large: tcp       # vu",
		"      status: 486      # occupé\n", "      status: 480      # occupé\n      requeue: false\n",
		"  - name: oxe          # son nom\n", "  - name: oxe          # son nom\n    max_grant: 3600s\n    rewrite_contact: true\n",
		"no_answer: 30s", "no_answer: 45s",
	).Replace(raw)
	if string(out) != want {
		t.Errorf("wrote\n%s\nexpected\n%s", out, want)
	}
	again, err := Amend(out, 0, []Line{{"large", "tcp"}, {"max_grant", "3600s"}})
	if err != nil || string(again) != string(out) {
		t.Errorf("what says so already was changed: %v", err)
	}
}

func TestAmendWritesIntoBraces(t *testing.T) {
	raw := block(t)
	out, err := Amend([]byte(raw), 1, []Line{{"hold_signal", "180"}, {"dissuasion.requeue", "false"}, {"dissuasion.status", "480"}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `  - {hold_signal: 180, name: autre, address: "sip:10.10.0.12:5060", dissuasion: {status: 480, requeue: false}}`
	if !strings.Contains(string(out), want) {
		t.Errorf("wrote\n%s", out)
	}
	c, _ := Parse("", out, text.English)
	if c.IPBX[1].Manners.HoldSignal != 180 || c.IPBX[1].Manners.Requeue || c.IPBX[1].Manners.Status != 480 {
		t.Errorf("reads back as %+v", c.IPBX[1].Manners)
	}
}

// TestAmendWritesNothingFaulty: what the file would not take is refused, and nothing is
// changed.
func TestAmendWritesNothingFaulty(t *testing.T) {
	raw := block(t)
	for _, l := range []Line{{"no_answer", "6s"}, {"dissuasion.status", "503"}, {"nonsense", "1"}, {"large", "carrier pigeon"}, {"large", "tcp\nsite: x"}} {
		out, err := Amend([]byte(raw), 0, []Line{l})
		if err == nil || string(out) != raw {
			t.Errorf("%v was written", l)
		}
	}
	if _, err := Amend([]byte(raw), 2, []Line{{"large", "tcp"}}); err == nil {
		t.Error("an entry that is not there was written to")
	}
	if _, err := Amend([]byte("- just\n- a list\n"), 0, []Line{{"large", "tcp"}}); err == nil {
		t.Error("a file without ipbx was written to")
	}
	if got := Entries([]byte(raw)); len(got) != 2 || got[1] != "10.10.0.12" {
		t.Errorf("entries %v", got)
	}
}
