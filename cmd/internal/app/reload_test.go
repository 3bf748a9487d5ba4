package app

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/router"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// edit changes the site's file: each old, new pair once.
func (s *site) edit(pairs ...string) {
	s.t.Helper()
	raw, err := os.ReadFile(s.file)
	s.must(err)
	body := string(raw)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(body, pairs[i]) {
			s.t.Fatalf("no %q in\n%s", pairs[i], body)
		}
		body = strings.Replace(body, pairs[i], pairs[i+1], 1)
	}
	s.must(os.WriteFile(s.file, []byte(body), 0o600))
}

func (s *site) reload() admin.Reload {
	s.t.Helper()
	r, err := s.node.Reload(s.t.Context(), admin.Asked{Actor: "marie", Lang: text.English})
	s.must(err)
	return r
}

// applied reloads and wants that these keys changed.
func (s *site) applied(keys ...string) admin.Reload {
	s.t.Helper()
	r := s.reload()
	var got []string
	for _, c := range r.Changes {
		got = append(got, c.Path)
	}
	if r.Outcome != admin.ReloadApplied || !slices.Equal(got, keys) {
		s.t.Fatalf("%+v", r)
	}
	return r
}

// established is a call from the IPBX that a server has answered.
func (s *site) established(from string) *ipbx.Call {
	s.t.Helper()
	c, err := s.ipbx.Call(s.t.Context(), ipbx.CallSpec{From: from, To: "5000", RTP: true}) // as long as the test
	s.must(err)
	_, err = c.Answered(s.t.Context())
	s.must(err)
	return c
}

// goesOn: a call in progress is changed, then ended, and its server hears both.
func (s *site) goesOn(c *ipbx.Call, at *server.Server) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	if status, err := c.ReInvite(ctx, "sendonly"); err != nil || status != 200 {
		s.t.Fatalf("re-INVITE after the reload: %d %v", status, err)
	}
	c.Hangup()
	_, err := c.Wait(ctx)
	s.must(err)
	s.until("its server saw the BYE", func() bool { calls, _ := at.Calls(); return calls[0].Ended == "bye-received" })
}

// TestReloadRefusesWhatItCannotApply: a faulty file, and keys of a restart, beside
// others that could be applied: nothing changes, and everything is named.
func TestReloadRefusesWhatItCannotApply(t *testing.T) {
	s := newSite(t)
	s.ready()
	before, registers := s.node.ConfigText(), s.ipbx.Registers()
	good, err := os.ReadFile(s.file)
	s.must(err)

	s.edit("answer_timeout: 3s", "answer_timeout: 3 hours", "count: 3", "cuont: 3", "site: \"test\"", "site: \"other\"")
	r := s.reload()
	if r.Outcome != admin.ReloadFaulty || len(r.Problems) < 2 || r.File != s.file {
		t.Fatalf("%+v", r)
	}
	s.must(os.WriteFile(s.file, good, 0o600))
	s.edit("level: high-availability", "level: high-availability\ndscp: 46", "answer_timeout: 3s", "answer_timeout: 4s", "name: secours", "name: standby", "    secours:", "    standby:")
	r = s.reload()
	if r.Outcome != admin.ReloadRestart || !slices.Equal(r.Restart, []string{"dscp", "servers[1].name"}) || len(r.Changes) < 4 {
		t.Fatalf("%+v", r)
	}
	s.must(os.Remove(s.file))
	if r := s.reload(); r.Outcome != admin.ReloadFaulty || len(r.Problems) != 1 {
		t.Fatalf("no file: %+v", r)
	}
	s.must(os.WriteFile(s.file, good, 0o600))
	s.must(os.Remove(filepath.Join(s.dir, "5001")))
	if r := s.reload(); r.Outcome != admin.ReloadFaulty {
		t.Fatalf("no password file: %+v", r)
	}
	if s.node.ConfigText() != before || s.ipbx.Registers() != registers {
		t.Errorf("something was applied:\n%s", s.node.ConfigText())
	}
	if by := s.served("100"); by != "principal" {
		t.Fatalf("answered by %q", by)
	}
	s.told("config-refused", "config-restart", "config-refused", "config-refused")
	events, err := s.node.Events(t.Context(), time.Time{}, 100)
	s.must(err)
	if !slices.ContainsFunc(events, func(e db.Event) bool { return e.Code == text.EventConfigRefused && e.Actor == "marie" }) {
		t.Errorf("%+v", events)
	}
}

// TestReloadAppliesLive: the next call goes by the new file, the call in progress
// notices nothing, and nothing is sent to the IPBX.
func TestReloadAppliesLive(t *testing.T) {
	s := newSite(t)
	s.ready()
	c := s.established("100")
	registers := s.ipbx.Registers()
	s.edit("lines: 4", "lines: 3", "rescue:", "dissuasion: {requeue: false, status: 480}\ncontacts: {astreinte: \"0102\"}\nrescue:", "answer_timeout: 3s", "answer_timeout: 4s", "spacing: 500ms", "spacing: 600ms")
	r := s.reload()
	if r.Outcome != admin.ReloadApplied || len(r.Restart) > 0 || r.Elsewhere {
		t.Fatalf("%+v", r)
	}
	if r = s.reload(); r.Outcome != admin.ReloadApplied || len(r.Changes) != 0 {
		t.Fatalf("a second time: %+v", r)
	}
	if st := s.node.Status(t.Context()); st.Contacts.OnCall != "0102" || st.Servers[0].Lines != 3 || st.Servers[0].Reserved != 1 || st.Verification.N != 0 {
		t.Errorf("%+v", st)
	}
	// Busy: the reject is the new one.
	s.must(s.primary.SetMode(server.Mode{Kind: server.ServerError, Status: 486}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	busy, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "200", To: "5000"})
	s.must(err)
	if r, err := busy.Wait(ctx); err != nil || r.Status != 480 {
		t.Errorf("%+v %v", r, err)
	}
	s.must(s.primary.SetMode(server.Mode{Kind: server.Healthy}))
	s.goesOn(c, s.primary)
	if n := s.ipbx.Registers(); n != registers {
		t.Errorf("%d REGISTERs for a change of times", n-registers)
	}
	// Observation is known to the calls at once.
	s.edit("verification: {count: 3", "verification: {act: false, count: 3")
	s.applied("verification.act")
	if s.node.proxy.View().Act || s.node.Status(t.Context()).Act {
		t.Error("act: false is not in force")
	}
	s.told("config-loaded", "config-loaded", "config-loaded")
}

// TestReloadPassword: one that changed while the user is registered is shown at
// the next REGISTER, which goes out at once; and one that was refused is tried
// again at once, not at the end of its back-off.
func TestReloadPassword(t *testing.T) {
	s := newSite(t)
	s.ready()
	file := filepath.Join(s.dir, "5001")
	password := func(p string) {
		s.ipbx.SetRegistrar(func(r *ipbx.Registrar) { r.Users = map[string]string{"5001": p, "5002": "secret5002"} })
	}
	password("new")
	before := s.ipbx.RegistersOf("5001")
	s.must(os.WriteFile(file, []byte("new\n"), 0o600))
	s.applied("registration.users.principal.password")
	s.until("the new password is shown", func() bool { return s.ipbx.RegistersOf("5001") >= before+2 })
	if s.alarmed(alarm.BindingRefused) {
		t.Error("refused")
	}
	// Both are wrong now: refused, and given a rest of half a minute and more.
	s.must(os.WriteFile(file, []byte("wrong"), 0o600))
	s.applied("registration.users.principal.password")
	s.until("it is refused", func() bool { return s.alarmed(alarm.BindingRefused) })
	s.must(os.WriteFile(file, []byte("new"), 0o600))
	s.applied("registration.users.principal.password")
	s.until("the right one is tried at once", func() bool { return !s.alarmed(alarm.BindingRefused) })
	if s.bound() != "5001 at sip:5001@"+s.address.String() {
		t.Error(s.bound())
	}
	s.exclusive()
}

// TestReloadServer: the primary moves to another machine. Its call in progress
// stays on the old one, the next call is the new one's, and nothing that was seen
// of the old one counts against the new one.
func TestReloadServer(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	c := s.established("100")
	next, err := server.Start(server.Config{Name: "nouveau", Addr: "127.0.40.4:0", Lines: 4, Releve: s.address, User: "5000", RTP: true})
	s.must(err)
	t.Cleanup(func() { _ = next.Close() })
	s.edit(s.primary.Addr().String(), next.Addr().String())
	s.applied("servers[0].address")
	if by := s.served("101"); by != "nouveau" {
		t.Fatalf("answered by %q", by)
	}
	s.goesOn(c, s.primary)
	s.until("the new one is known", func() bool { return s.known(router.Primary) })
	if st := s.node.Status(t.Context()); st.Counters.Switchovers != 0 || st.Active != "primary" {
		t.Errorf("%+v", st)
	}
	s.exclusive()
	// A mistyped address: nobody was ever there, so nothing is held against it.
	s.edit(next.Addr().String(), "127.0.40.5:5999")
	s.applied("servers[0].address")
	s.until("it is asked in vain", func() bool {
		return s.node.Status(t.Context()).Servers[0].State == admin.StateActive && s.silentRounds(router.Primary)
	})
	if st := s.node.Status(t.Context()); st.Counters.Switchovers != 0 || s.known(router.Primary) {
		t.Errorf("%+v", st)
	}
}

// known: this server was good since it stands where it stands.
func (s *site) known(x router.Server) bool {
	s.node.mind.mu.Lock()
	defer s.node.mind.mu.Unlock()
	return s.node.mind.status.row.Known[x]
}

// silentRounds: a probe of this server had no answer.
func (s *site) silentRounds(x router.Server) bool {
	m := s.node.mind
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.last[x].at.IsZero() && !m.last[x].answered()
}
