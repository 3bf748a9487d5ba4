package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// exchanged starts another IPBX and puts its address into the file.
func (s *site) exchanged() (former *ipbx.IPBX) {
	s.t.Helper()
	next, err := ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: "127.0.40.7:0", Releve: s.address, RTP: true,
		Registrar: ipbx.Registrar{Users: map[string]string{"5001": "secret5001", "5002": "secret5002"}, Realm: "test"},
	})
	s.must(err)
	s.t.Cleanup(func() { _ = next.Close() })
	former = s.ipbx
	s.edit(former.Addr().String(), next.Addr().String(), former.Addr().String(), next.Addr().String()) // ipbx and rescue
	s.ipbx = next
	return former
}

// neverTwoUsers reads what the registrars saw: at no time 5001 at one of them and
// 5002 at one of them.
func (s *site) neverTwoUsers(registrars ...*ipbx.IPBX) {
	s.t.Helper()
	type span struct {
		user     string
		from, to time.Time
	}
	var all []span
	for _, r := range registrars {
		log, err := r.Log()
		s.must(err)
		open := map[string]*span{}
		for _, e := range log {
			if o := open[e.User]; o != nil {
				o.to = minTime(o.to, e.At)
				all = append(all, *o)
				delete(open, e.User)
			}
			if e.Expires > 0 {
				open[e.User] = &span{e.User, e.At, e.At.Add(e.Expires)}
			}
		}
		for _, o := range open {
			all = append(all, *o)
		}
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.user != b.user && a.from.Before(b.to) && b.from.Before(a.to) {
				s.t.Errorf("two users at once: %+v and %+v", a, b)
			}
		}
	}
}

// patiently is until for what waits for a fence.
func (s *site) patiently(what string, cond func() bool) {
	s.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(90 * time.Second); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within 90 s; %+v", what, s.node.Licence(s.t.Context()))
		}
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// TestReloadIPBX: the IPBX is exchanged under a call. The former one is asked to
// forget us and proves it, the new one has us then; a switchover afterwards waits
// for nothing.
func TestReloadIPBX(t *testing.T) {
	s := newSite(t)
	s.ready()
	c := s.established("100")
	former := s.exchanged()
	if r := s.applied("ipbx[0].address", "ipbx[0].sources[0]", "rescue"); r.Elsewhere {
		t.Errorf("%+v", r)
	}
	if b := former.Bindings(); len(b) != 0 {
		t.Errorf("left behind: %+v", b)
	}
	s.until("the new one has us", func() bool { return s.bound() == "5001 at sip:5001@"+s.address.String() })
	s.goesOn(c, s.primary) // its signalling still comes from the former one
	if by := s.served("101"); by != "principal" {
		t.Fatalf("answered by %q", by)
	}
	s.switchover()
	if s.bound() != "5002 at sip:5002@"+s.address.String() || len(former.Bindings()) != 0 {
		t.Errorf("%s; %+v", s.bound(), former.Bindings())
	}
	s.neverTwoUsers(former, s.ipbx)
}

// TestReloadIPBXThatIsSilent: the former one is gone, and cannot prove anything.
// The user is registered at the new one; a switchover waits until it must have
// expired at the former one.
func TestReloadIPBXThatIsSilent(t *testing.T) {
	t.Parallel() // it waits
	s := preparedWith(t, shortGrant, nil)
	s.ipbx.SetRegistrar(func(r *ipbx.Registrar) { r.MaxGrant = 8 * time.Second })
	s.start()
	s.ready()
	s.must(s.ipbx.SetFault(ipbx.Silent, 0))
	former := s.exchanged()
	if r := s.applied("ipbx[0].address", "ipbx[0].sources[0]", "rescue"); !r.Elsewhere {
		t.Errorf("%+v", r)
	}
	s.until("the new one has us", func() bool { return s.bound() == "5001 at sip:5001@"+s.address.String() })
	s.until("the secondary is ready", func() bool { return s.node.Status(t.Context()).Servers[1].Ready })
	r, err := s.node.Command(t.Context(), admin.Command{Name: admin.Switchover, Reason: "test"})
	if err != nil || !r.Accepted {
		t.Fatalf("%+v %v", r, err)
	}
	s.until("the primary is gone here", func() bool { return s.bound() == "" })
	l := s.node.Licence(t.Context())
	if l.Leaving != "primary" || l.Fence.IsZero() || l.Bindings[0].Elsewhere.IsZero() {
		t.Errorf("%+v", l)
	}
	s.patiently("it must have expired", func() bool { return s.bound() == "5002 at sip:5002@"+s.address.String() })
	s.neverTwoUsers(former, s.ipbx)
}

// shortGrant is a site whose IPBX grants little: fences end soon.
var shortGrant = replaced(sitePattern, "max_grant: 60s", "max_grant: 10s", "mode: pair", "mode: pair\n  expires: 30s")

// TestRestartWithAnotherIPBX: the file names another IPBX at the start. Nobody can
// be asked to forget us there; one live server is registered, and the other one
// only when what the former IPBX has must have expired.
func TestRestartWithAnotherIPBX(t *testing.T) {
	t.Parallel() // it waits
	s := preparedWith(t, shortGrant, nil)
	s.ipbx.SetRegistrar(func(r *ipbx.Registrar) { r.MaxGrant = 3 * time.Second })
	s.start()
	s.ready()
	s.node.Stop()
	former := s.exchanged()
	s.start()
	s.until("the new one has us", func() bool { return s.bound() == "5001 at sip:5001@"+s.address.String() })
	s.until("the secondary is ready", func() bool { return s.node.Status(t.Context()).Servers[1].Ready })
	r, err := s.node.Command(t.Context(), admin.Command{Name: admin.Switchover, Reason: "test"})
	if err != nil || !r.Accepted {
		t.Fatalf("%+v %v", r, err)
	}
	s.patiently("one is registered, the other one", func() bool { return s.bound() == "5002 at sip:5002@"+s.address.String() })
	s.neverTwoUsers(former, s.ipbx)
}

// TestReloadUser: the two servers exchange their licensed users. The one that is
// registered is gone before the other one comes, though both are this server's.
func TestReloadUser(t *testing.T) {
	s := newSite(t)
	s.ready()
	s.edit(`principal: {aor: "sip:5001@`, `principal: {aor: "sip:X@`, `username: "5001"`, `username: "X"`,
		`secours: {aor: "sip:5002@`, `secours: {aor: "sip:5001@`, `username: "5002"`, `username: "5001"`,
		`sip:X@`, `sip:5002@`, `username: "X"`, `username: "5002"`)
	s.must(os.WriteFile(filepath.Join(s.dir, "5001"), []byte("secret5002"), 0o600)) // the principal's file
	s.must(os.WriteFile(filepath.Join(s.dir, "5002"), []byte("secret5001"), 0o600))
	if r := s.reload(); r.Outcome != admin.ReloadApplied || r.Elsewhere {
		t.Fatalf("%+v", r)
	}
	s.until("the other user is bound", func() bool { return s.bound() == "5002 at sip:5002@"+s.address.String() })
	if by := s.served("100"); by != "principal" {
		t.Fatalf("answered by %q", by)
	}
	s.exclusive()
}

// TestReloadInAMove: what moves nothing is applied while a switchover waits for
// the IPBX; another IPBX is not, and is when it has ended.
func TestReloadInAMove(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	s.until("the secondary is ready", func() bool { return s.node.Status(t.Context()).Servers[1].Ready })
	s.must(s.ipbx.SetFault(ipbx.RegistrarSilent, 0))
	r, err := s.node.Command(t.Context(), admin.Command{Name: admin.Switchover, Reason: "test"})
	if err != nil || !r.Accepted {
		t.Fatalf("%+v %v", r, err)
	}
	s.until("it waits for the IPBX", func() bool { return s.node.Licence(t.Context()).Leaving == "primary" })
	s.edit("answer_timeout: 3s", "answer_timeout: 4s")
	s.applied("overflow.answer_timeout")
	former := s.exchanged()
	if r := s.reload(); r.Outcome != admin.ReloadBusy || s.node.cfg().IPBX[0].Address.String() == "sip:"+s.ipbx.Addr().String() {
		t.Fatalf("%+v", r)
	}
	s.must(former.SetFault(ipbx.Healthy, 0))
	s.until("the move has ended", func() bool { return s.node.Status(t.Context()).Phase == "on-secondary" })
	s.applied("ipbx[0].address", "ipbx[0].sources[0]", "rescue")
	s.until("the secondary's user is at the new one", func() bool { return s.bound() == "5002 at sip:5002@"+s.address.String() })
	s.neverTwoUsers(former, s.ipbx)
	s.told("config-loaded", "config-put-off", "switchover-done", "config-loaded")
}

// TestReloadWithAHeldCall: the caller of an outage is held, its verification runs,
// and the file is read again: it is served by the secondary.
func TestReloadWithAHeldCall(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	s.until("the secondary is ready", func() bool { return s.node.Status(t.Context()).Servers[1].Ready })
	s.must(s.primary.SetMode(server.Mode{Kind: server.Silent}))
	c, err := s.ipbx.Call(t.Context(), ipbx.CallSpec{From: "100", To: "5000", RTP: true})
	s.must(err)
	s.until("it is held and verified", func() bool { return s.node.Status(t.Context()).Verification.N > 0 && s.node.proxy.Held() == 1 })
	s.edit("hold_budget: 15s", "hold_budget: 14s", "idle_interval: 1s", "idle_interval: 2s")
	s.applied("overflow.hold_budget", "verification.idle_interval")
	r, err := c.Answered(t.Context())
	if err != nil || r.AnsweredBy != "secours" || r.Presentations != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	s.exclusive()
	s.told("verification-start", "config-loaded", "switchover-begun", "switchover-done")
}

func replaced(s string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(s) }
