package plugin

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// status is the nominal one with what each overlay changes.
func status(t *testing.T, overlays ...string) (s admin.Status) {
	t.Helper()
	raw, err := os.ReadFile("testdata/nominal.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range append([]string{string(raw)}, overlays...) {
		if strings.Contains(o, `"servers"`) {
			s.Servers = nil // else what an overlay leaves out stays
		}
		if strings.Contains(o, `"certificates"`) {
			s.Certificates = nil
		}
		if err := json.Unmarshal([]byte(o), &s); err != nil {
			t.Fatalf("%v in %s", err, o)
		}
	}
	return s
}

const (
	onSecondary = `{"headline": "on-secondary", "active": "secondary", "since": "2026-11-23T11:55:00Z", "registration": {"holder": "secondary"}, "servers": [
		{"name": "principal", "role": "primary", "state": "down", "verdict": "DEAD_APP"},
		{"name": "secours", "role": "secondary", "state": "active", "verdict": "HEALTHY", "rtt_ms": 41, "lines_reserved": 9, "lines": 30, "calls": 9}],
		"alarms": [{"number": 1005, "object": "secondary", "severity": "major"}, {"number": 1001, "object": "primary", "severity": "major"}]}`
	nobody = `{"headline": "nobody", "servers": [
		{"name": "principal", "role": "primary", "state": "active", "verdict": "DEAD_HOST"},
		{"name": "secours", "role": "secondary", "state": "down", "verdict": "DEAD_APP"}],
		"alarms": [{"number": 1002, "object": "", "severity": "critical", "ack_at": "2026-11-23T11:59:00Z", "ack_by": "marie"}]}`
	notReady = `{"servers": [{"name": "principal", "role": "primary", "state": "active", "verdict": "HEALTHY"},
		{"name": "secours", "role": "secondary", "state": "passive", "verdict": "HEALTHY"}]}`
	absent = `{"level": "backup", "servers": [{"name": "principal", "role": "primary", "state": "active", "verdict": "HEALTHY"},
		{"name": "secours", "role": "secondary", "state": "absent", "verdict": "DEAD_ALONE"}]}`
	drained = `{"servers": [{"name": "principal", "role": "primary", "state": "active", "verdict": "HEALTHY"},
		{"name": "secours", "role": "secondary", "state": "passive", "verdict": "HEALTHY", "ready": true, "drained": {"by": "jean"}}]}`
	frozen      = `{"observed": "2026-11-23T11:58:00Z"}`
	full        = `{"servers": [{"name": "principal", "role": "primary", "state": "active", "verdict": "BUSY", "lines_reserved": 30, "lines": 30, "calls": 30}], "counters": {"calls_in_progress": 30, "calls_held": 2}}`
	critical    = `{"alarms": [{"number": 1022, "object": "", "severity": "critical"}, {"number": 1040, "object": "/etc/x.pem", "severity": "warning"}]}`
	taken       = `{"alarms": [{"number": 1022, "object": "", "severity": "critical", "ack_at": "2026-11-23T11:00:00Z", "ack_by": "marie"}]}`
	exercise    = `{"alarms": [{"number": 1080, "object": "", "severity": "indeterminate"}]}`
	odd         = `{"site": "a|b\nc'd", "servers": [{"name": "p|1\n", "role": "primary", "state": "active", "verdict": "HEALTHY", "rtt_ms": 1.23456}]}`
	mirrorLags  = `{"mirror": {"state": "lagging", "cause": "lagging", "lag_ns": 45000000000, "blocks_switchover": true}}`
	mirrorMain  = `{"mirror": {"state": "main-down", "cause": "main-down"}}`
	mirrorNew   = `{"mirror": {"state": "unknown", "lag_at": "0001-01-01T00:00:00Z", "behind_bytes": 0, "streaming": false}}`
	certEnding  = `{"certificates": [{"name": "sip", "file": "f", "end": "2026-12-13T00:00:00Z"}]}`
	certUrgent  = `{"certificates": [{"name": "sip", "file": "f", "end": "2026-11-28T00:00:00Z", "fault": "no key"}]}`
	certExpired = `{"certificates": [{"name": "sip", "file": "f", "end": "2026-11-23T11:00:00Z"}]}`
)

func TestChecks(t *testing.T) {
	cases := []struct {
		name    string
		judge   func(admin.Status, Asked) Result
		asked   string // -w -c SERVER
		overlay string
		want    State
	}{
		{"nominal", Overall, "", `{}`, OK},
		{"observation", Overall, "", `{"act": false}`, OK},
		{"on the secondary", Overall, "", onSecondary, Warning},
		{"nobody, though acknowledged", Overall, "", nobody, Critical},
		{"nothing proven", Overall, "", `{"headline": "unproven"}`, Unknown},
		{"being verified", Overall, "", `{"headline": "checking"}`, Warning},
		{"a headline of a later version", Overall, "", `{"headline": "dancing"}`, Unknown},
		{"a critical alarm", Overall, "", critical, Critical},
		{"a critical alarm that somebody took", Overall, "", taken, OK},
		{"an exercise is no alarm", Overall, "", exercise, OK},
		{"a frozen node is never green", Overall, "", frozen, Critical},
		{"names that would break the line", Overall, "", odd, OK},

		{"servers", Servers, "", `{}`, OK},
		{"servers, one down", Servers, "", onSecondary, Warning},
		{"servers, both down", Servers, "", nobody, Critical},
		{"servers, the secondary is not ready", Servers, "", notReady, Warning},
		{"servers, not ready is no matter at backup", Servers, "", absent, OK},
		{"servers, one drained", Servers, "", drained, Warning},
		{"servers, thresholds", Servers, "2: 1:", absent, Warning},
		{"servers, critical below two", Servers, " 2:", absent, Critical},
		{"servers, frozen", Servers, "", frozen, Critical},
		{"one server by role", Servers, "  secondary", `{}`, OK},
		{"one server by name, slow by a threshold", Servers, "20 40 secours", `{}`, Critical},
		{"one server, down", Servers, "  principal", onSecondary, Warning},
		{"one server, active and dead", Servers, "  principal", nobody, Critical},
		{"one server, unknown name", Servers, "  nowhere", `{}`, Unknown},

		{"calls", Calls, "", `{}`, OK},
		{"calls, thresholds", Calls, "3 25", `{}`, Warning},
		{"calls, all lines taken", Calls, "", full, Warning},
		{"calls, nobody answers", Calls, "", nobody, Critical},
		{"calls, too few", Calls, "10:", `{}`, Warning},

		{"registration", Registration, "", `{}`, OK},
		{"registration, trunk", Registration, "", `{"registration": {"mode": "trunk"}}`, OK},
		{"registration, refused", Registration, "", `{"registration": {"refused": true}}`, Critical},
		{"registration, moving", Registration, "", `{"registration": {"phase": "unreg", "leaving": "primary", "holder": "secondary"}}`, Warning},
		{"registration, nobody", Registration, "", `{"registration": {"until": "0001-01-01T00:00:00Z", "phase": "idle"}}`, Critical},
		{"registration, lapsed", Registration, "", `{"registration": {"until": "2026-11-23T11:59:00Z"}}`, Critical},
		{"registration, of the passive one", Registration, "", `{"registration": {"holder": "secondary"}}`, Warning},
		{"registration, little left", Registration, "60: 10:", `{}`, Warning},
		{"registration, a server is gone", Registration, "", `{"registration": {"mode": "gate", "own": [{"server": "principal", "gone": true}]}}`, Warning},
		{"registration, a foreign contact", Registration, "", `{"alarms": [{"number": 1013, "object": "secondary / oxe", "severity": "critical"}]}`, Critical},
		{"registration, another's alarm", Registration, "", critical, OK},

		{"mirror", Mirror, "", `{}`, OK},
		{"mirror, lagging", Mirror, "", mirrorLags, Warning},
		{"mirror, lag by a threshold", Mirror, "0.1 0.3", `{}`, Critical},
		{"mirror, main down", Mirror, "", mirrorMain, Critical},
		{"mirror, not looked at", Mirror, "", mirrorNew, Unknown},
		{"mirror, none", Mirror, "", `{"mirror": null}`, Unknown},

		{"node", Node, "", `{}`, OK},
		{"node, just restarted", Node, "600:", `{"started": "2026-11-23T11:59:00Z"}`, Warning},
		{"node, frozen", Node, "", frozen, Critical},
		{"node, a full disk", Node, "", `{"alarms": [{"number": 1042, "object": "/var", "severity": "minor"}]}`, Warning},
		{"node, the site's alarms are not its", Node, "", onSecondary, OK},

		{"certificates", Certificates, "", `{}`, OK},
		{"certificates, ending", Certificates, "", certEnding, Warning},
		{"certificates, urgent and unusable", Certificates, "", certUrgent, Critical},
		{"certificates, ended", Certificates, "", certExpired, Critical},
		{"certificates, own thresholds", Certificates, "90: 15:", `{}`, Warning},
		{"certificates, none", Certificates, "", `{"certificates": []}`, Unknown},
	}
	var out strings.Builder
	for _, c := range cases {
		for _, lang := range []text.Lang{text.French, text.English} {
			a := asked(t, c.asked)
			a.Say = text.For(lang)
			r := c.judge(status(t, c.overlay), a)
			if r.State != c.want {
				t.Errorf("%s: %v, want %v", c.name, r, c.want)
			}
			line := r.String()
			if strings.Count(line, "\n") != 1 || strings.Count(line, "|") > 1 {
				t.Errorf("%s: not one line: %q", c.name, line)
			}
			fmt.Fprintf(&out, "%s [%s]\n  %s", c.name, lang, line)
		}
	}
	golden(t, "lines.txt", out.String())
}

func asked(t *testing.T, s string) (a Asked) {
	t.Helper()
	parts := append(strings.Split(s, " "), "", "", "")
	var err error
	if a.Warn, err = ParseRange(parts[0]); err != nil {
		t.Fatal(err)
	}
	if a.Crit, err = ParseRange(parts[1]); err != nil {
		t.Fatal(err)
	}
	a.Server = parts[2]
	return a
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

func TestVerboseSaysWhatToDo(t *testing.T) {
	r := Overall(status(t, onSecondary), Asked{Say: text.For(text.French), Verbose: true})
	if lines := strings.Split(r.String(), "\n"); len(lines) < 7 || !strings.Contains(r.String(), "1001") || strings.Count(r.String(), "|") != 1 {
		t.Errorf("%q", r.String())
	}
}

// The ranges of the guidelines, by the values that alert.
func TestRanges(t *testing.T) {
	for _, c := range []struct {
		r           string
		alerts, not []float64
	}{
		{"10", []float64{-1, 10.1, 11}, []float64{0, 5, 10}},
		{"10:", []float64{9.9, -5}, []float64{10, 1e9}},
		{"~:10", []float64{10.5}, []float64{-1e9, 10}},
		{"10:20", []float64{9, 21}, []float64{10, 15, 20}},
		{"@10:20", []float64{10, 15, 20}, []float64{9.9, 20.1}},
		{"@~:5", []float64{-100, 5}, []float64{5.1}},
		{"-5:5", []float64{-6, 6}, []float64{-5, 0}},
		{"0.5", []float64{0.51, -0.1}, []float64{0.5}},
		{":10", []float64{-1, 11}, []float64{0, 10}},
	} {
		r, err := ParseRange(c.r)
		if err != nil || r.String() != c.r {
			t.Errorf("%s: %v, %v", c.r, r, err)
			continue
		}
		for _, v := range c.alerts {
			if !r.Alerts(v) {
				t.Errorf("%s does not alert at %v", c.r, v)
			}
		}
		for _, v := range c.not {
			if r.Alerts(v) {
				t.Errorf("%s alerts at %v", c.r, v)
			}
		}
	}
	for _, bad := range []string{"x", "20:10", "@", ":", "@:", "~", "1:2:3", "1e3", "0x10", "inf", "NaN", "10%", " 10", "--1"} {
		if r, err := ParseRange(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, r)
		}
	}
	if r, err := ParseRange(""); r != nil || err != nil || r.Alerts(5) || r.String() != "" {
		t.Error("no range alerts")
	}
}
