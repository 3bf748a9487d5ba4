package sipp

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryScenarioIsWellFormedXML renders each committed scenario.
func TestEveryScenarioIsWellFormedXML(t *testing.T) {
	files, err := fs.Glob(scenarios, "scenario/*.xml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".xml")
		path, err := Script{Name: name}.write(t.TempDir(), "party")
		if err != nil {
			t.Error(err)
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(strings.NewReader(string(raw)))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v\n%s", name, err, raw)
				break
			}
		}
	}
}

// TestFlowsNameTheirParts: scenarios exist, names are unique, and every flow
// checks something beyond exit codes.
func TestFlowsNameTheirParts(t *testing.T) {
	names, used := map[string]bool{}, map[string]bool{}
	for _, f := range All() {
		if names[f.Name] {
			t.Errorf("two flows are called %s", f.Name)
		}
		names[f.Name] = true
		if f.Play == nil && len(f.Calls) == 0 {
			t.Errorf("%s plays nothing", f.Name)
		}
		for _, s := range append([]Script{f.Primary, f.Secondary, f.Desk}, f.Calls...) {
			if s.Name == "" {
				continue
			}
			used[s.Name] = true
			if _, err := s.write(t.TempDir(), "party"); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
	if len(names) < 34 || len(used) < 20 {
		t.Errorf("%d flows, %d scenarios used by name", len(names), len(used))
	}
}

const someTrace = `----------------------------------------------- 2026-11-23 15:10:18.599846
UDP message sent (401 bytes):

ACK sip:sipp@127.162.1.2:5060 SIP/2.0
Call-ID: 1

----------------------------------------------- 2026-11-23 15:10:18.600067
UDP message received [443] bytes :

BYE sip:sipp@127.162.1.1:5061 SIP/2.0
Call-ID: 1

-----------------------------------------------
Unexpected UDP message received:

BYE sip:sipp@127.162.1.1:5061 SIP/2.0
Call-ID: 1
`

// TestCounts: what is counted, and that a wrong count is told. SIPp writes an
// unexpected message a second time; that copy counts once.
func TestCounts(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "caller1.msg"), []byte(someTrace), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &World{parties: []*Party{{name: "caller1", dir: dir}}}
	for _, row := range []struct {
		count Count
		fails bool
	}{
		{exactly("caller1", true, "ACK", 1), false},
		{exactly("caller1", false, "ACK", 1), true},
		{received("caller1", "BYE", 1), false},
		{received("caller1", "BYE", 2), true},
		{received("caller1", "INVITE", 0), false},
		{atLeast("caller1", false, "BYE", 1), false},
		{received("nobody", "BYE", 0), true},
	} {
		if err := w.saw(row.count); (err != nil) != row.fails {
			t.Errorf("%+v: %v", row.count, err)
		}
	}
}
