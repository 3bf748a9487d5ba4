package app

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/router"
	"releve/testbed/server"
)

// withChecks is a site with a web page on the primary's machine that says 500, a
// plugin that never ends, and one that is well.
func withChecks(t *testing.T) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.40.2:0")
	if err != nil {
		t.Fatal(err)
	}
	page := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	})}
	go func() { _ = page.Serve(l) }()
	t.Cleanup(func() { _ = page.Close() })
	dir := t.TempDir()
	for name, body := range map[string]string{"endless": "sleep 600 & sleep 600", "well": "echo \"fine $1\""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	patient := strings.Replace(sitePattern, "spacing: 500ms, timeout: 300ms", "spacing: 2s, timeout: 1500ms", 1) // a check ends within its round
	return preparedWith(t, patient+fmt.Sprintf(`checks:
  - {type: options}
  - {type: http, name: page, url: "http://{host}:%s/", every: 2s, timeout: 1400ms}
  - {type: exec, name: endless, command: [%s/endless], every: 1s, timeout: 500ms}
  - {type: exec, name: well, command: [%s/well, "{host}"], every: 2s, timeout: 1400ms}
`, port, dir, dir), nil)
}

func checkOf(s admin.Server, name string) admin.ProbeCheck {
	for _, k := range s.Checks {
		if k.Name == name {
			return k
		}
	}
	return admin.ProbeCheck{}
}

// A plugin that never ends, a page that says 500: shown, told, and never in the
// way of a call.
func TestChecksAreShownAndInNobodysWay(t *testing.T) {
	t.Parallel() // it waits
	s := withChecks(t)
	s.start()
	s.ready()
	if by := s.served("0101"); by != "principal" {
		t.Errorf("served by %s", by)
	}
	s.until("each check has its result", func() bool {
		p, b := s.node.Status(t.Context()).Servers[0], s.node.Status(t.Context()).Servers[1]
		page, endless, well := checkOf(p, "page"), checkOf(p, "endless"), checkOf(p, "well")
		return page.State == "failed" && page.Up == "up" && strings.HasPrefix(page.Note, "answered 500") &&
			endless.State == "unknown" && strings.Contains(endless.Note, "killed") &&
			well.State == "ok" && well.Note == "fine 127.0.40.2" && p.Host == "up" && checkOf(b, "well").Note == "fine 127.0.40.3"
	})
	s.until("the alarm about the page", func() bool { return s.alarmed(alarm.CheckFailed) })
	s.told(text.EventCheckFailed)
	if st := s.node.Status(t.Context()); st.Servers[0].Verdict != router.VerdictHealthy.String() || st.Counters.Verifications != 0 {
		t.Errorf("a check alone made a verdict: %+v", st.Servers[0])
	}
	p, err := s.node.Probe(t.Context(), "principal")
	if err != nil || len(p.Checks) != 3 || p.Checks[0].State != "failed" || p.Checks[2].State != "ok" {
		t.Errorf("%+v %v", p, err)
	}
}

// SIP is silent and the page still says 500: the machine is there, its
// application hangs.
func TestAFailingCheckShowsTheMachine(t *testing.T) {
	t.Parallel() // it waits
	s := withChecks(t)
	s.start()
	s.ready()
	s.until("the checks have run", func() bool { return s.node.Status(t.Context()).Servers[0].Host == "up" })
	s.must(s.primary.SetMode(server.Mode{Kind: server.Silent}))
	if by := s.served("0102"); by != "secours" {
		t.Errorf("served by %s", by)
	}
	events, err := s.node.Events(t.Context(), s.node.started, 1000)
	s.must(err)
	rounds := 0
	for _, e := range events {
		if e.Code == text.EventRound && e.Params["verdict"] == router.VerdictDeadApp.String() {
			rounds++
			if !strings.Contains(e.Params["checks"], "page failed") {
				t.Errorf("the round's line: %v", e.Params)
			}
		}
	}
	if rounds < 3 {
		t.Errorf("%d rounds judged DEAD_APP", rounds)
	}
}
