package app

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/proxy/agent"
	"releve/router"
)

func TestEvidenceOfAnOptions(t *testing.T) {
	for _, c := range []struct {
		r    agent.Result
		want router.Evidence
	}{
		{agent.Result{Status: 200}, router.OK},
		{agent.Result{Status: 404}, router.OK},
		{agent.Result{Status: 401}, router.OK},
		{agent.Result{Status: 501}, router.OK},
		{agent.Result{Status: 505}, router.OK},
		{agent.Result{Status: 603}, router.OK},
		{agent.Result{Status: 486}, router.Busy},
		{agent.Result{Status: 480}, router.Busy},
		{agent.Result{Status: 600}, router.Busy},
		{agent.Result{Status: 503, RetryAfter: true}, router.Busy},
		{agent.Result{Status: 503}, router.Err},
		{agent.Result{Status: 500, RetryAfter: true}, router.Err},
		{agent.Result{Status: 408}, router.Err},
		{agent.Result{Failure: agent.TimedOut}, router.Silent},
		{agent.Result{Failure: agent.Unreachable}, router.Silent},
		{agent.Result{Failure: agent.Refused}, router.Refused},
		{agent.Result{Failure: agent.TLSFailed}, router.ConfigFault},
		{agent.Result{Failure: agent.Forbidden}, router.NoEvidence},
		{agent.Result{Failure: agent.Overload}, router.NoEvidence},
	} {
		if got := evidenceOf(c.r); got != c.want {
			t.Errorf("failure %d, status %d, Retry-After %v: %v, want %v", c.r.Failure, c.r.Status, c.r.RetryAfter, got, c.want)
		}
	}
}

func TestWhatSaysNothingChangesNoScreen(t *testing.T) {
	s := still(t)
	m := s.node.mind
	at := time.Now()
	m.noted(router.Primary, probed{at, time.Millisecond, router.OK})
	m.noted(router.Primary, probed{at.Add(1), 0, router.NoEvidence})
	m.noted(router.Primary, probed{at.Add(2), 0, router.Busy})
	if m.last[router.Primary].evidence != router.Busy || !m.stateSince[router.Primary].Equal(at) {
		t.Errorf("%+v since %v", m.last[router.Primary], m.stateSince[router.Primary])
	}
	m.noted(router.Primary, probed{at.Add(3), 0, router.Silent})
	if !m.stateSince[router.Primary].Equal(at.Add(3)) {
		t.Error("the change is not dated")
	}
}

func TestKeysAreMadeOnceAndWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "keys")
	if _, err := loadKeys(path); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if _, err := loadKeys(path); err != nil {
		t.Fatal(err)
	}
	again, _ := os.ReadFile(path)
	if string(again) != string(first) {
		t.Error("made anew at the second start")
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadKeys(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("an empty file: %v", err)
	}
}

// The Request-URI of a REGISTER to an IPv6 registrar once had no brackets.
func TestHostOfAURI(t *testing.T) {
	for in, want := range map[string]string{"10.0.0.1": "10.0.0.1", "2001:db8::1": "[2001:db8::1]"} {
		if got := uriHost(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestNodeBeforeTheStoreIsRead(t *testing.T) {
	s := still(t)
	s.node.mind.picture()
	st := s.node.Status(t.Context())
	if st.Active != "primary" || st.Headline != text.Unproven || st.Phase != "normal" || len(st.Servers) != 2 || len(st.IPBX) != 1 {
		t.Errorf("%+v", st)
	}
	if ok, why := s.node.Ready(t.Context()); ok || why == "" {
		t.Error("ready before any server has answered")
	}
	if _, err := s.node.Probe(t.Context(), "nobody"); err == nil {
		t.Error("probed a server that there is not")
	}
	var f *admin.Fault
	if _, err := s.node.Probe(t.Context(), "nobody"); !errors.As(err, &f) || f.Code != text.FaultUnknownServer {
		t.Errorf("%v", err)
	}
	if shown := s.node.ConfigText(); strings.Contains(shown, "secret5001") || !strings.Contains(shown, "127.0.41.2") {
		t.Error("the configuration shows a secret, or nothing")
	}
}

// A running node says what it saw.
func TestNodeValues(t *testing.T) {
	s := newSite(t)
	s.ready()
	st := s.node.Status(t.Context())
	if st.Site != "test" || st.Level != "high-availability" || st.Headline != text.Answering || !st.Act || st.Version != "test" || st.Epoch == 0 {
		t.Errorf("%+v", st)
	}
	for i, want := range []struct{ name, role, state string }{{"principal", "primary", admin.StateActive}, {"secours", "secondary", admin.StatePassive}} {
		x := st.Servers[i]
		if x.Name != want.name || x.Role != want.role || x.State != want.state || x.RTT <= 0 || x.Lines != 4 || x.Reserved != 0 || !x.Reconciled || x.Since.IsZero() || x.Verdict != router.VerdictHealthy.String() {
			t.Errorf("%+v", x)
		}
	}
	if r := st.Registration; r.Mode != "pair" || r.Holder != "primary" || r.Until.Before(st.Now) || !st.IPBX[0].Seen {
		t.Errorf("%+v %+v", r, st.IPBX)
	}
	l := s.node.Licence(t.Context())
	if len(l.Bindings) != 2 || l.Bindings[0].User != "sip:5001@127.0.40.1" || !l.Bindings[0].Possible || l.Bindings[0].Granted <= 0 || l.Bindings[1].Possible {
		t.Errorf("%+v", l)
	}
	for _, name := range []string{"secours", "secondary"} {
		p, err := s.node.Probe(t.Context(), name)
		if err != nil || p.Server != "secours" || p.SIP != router.OK.String() || p.Status != 200 || p.Verdict != router.VerdictHealthy.String() {
			t.Errorf("%+v %v", p, err)
		}
	}
	if ok, why := s.node.Ready(t.Context()); !ok || why != "normal" {
		t.Errorf("%v %q", ok, why)
	}
	s.commands()
}

// commands gives orders that change nothing.
func (s *site) commands() {
	s.t.Helper()
	for _, c := range []struct {
		command admin.Command
		want    admin.Result
	}{
		{admin.Command{Name: admin.Return}, admin.Result{Already: true}},
		{admin.Command{Name: admin.MaintenanceStop}, admin.Result{Reason: router.ReasonWrongPhase}},
		{admin.Command{Name: admin.Switchover, ExpectedActive: "secondary"}, admin.Result{Reason: router.ReasonWrongPhase}},
	} {
		got, err := s.node.Command(s.t.Context(), c.command)
		got.Epoch = 0
		if err != nil || got != c.want {
			s.t.Errorf("%+v: %+v %v, want %+v", c.command, got, err, c.want)
		}
	}
}
