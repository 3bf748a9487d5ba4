package app

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/router"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// gateSite is mode gate: both servers register by themselves, through Relève;
// with their passwords in the file, or without.
func gateSite(t *testing.T, passwords bool) *site {
	t.Helper()
	pattern := strings.NewReplacer("mode: pair", "mode: gate", "max_grant: 60s", "max_grant: 10s").Replace(sitePattern)
	if !passwords {
		for _, user := range []string{"5001", "5002"} {
			pattern = strings.Replace(pattern, ", password_file: %[2]s/"+user, "", 1)
		}
	}
	s := preparedWith(t, pattern, func(user string) server.Register {
		return server.Register{
			AOR: "sip:" + user + "@127.0.40.1", Username: user, Password: "secret" + user,
			Expires: time.Minute, Every: 300 * time.Millisecond,
		}
	})
	s.ipbx.SetRegistrar(func(r *ipbx.Registrar) {
		r.StrictURI, r.Algorithms = true, []string{"SHA-256", "MD5"}
		if !passwords {
			r.MaxGrant = time.Second // what is waited for without them
		}
	})
	s.start()
	return s
}

// bound is who is registered at the IPBX, and where its calls go.
func (s *site) bound() string {
	var out []string
	for _, b := range s.ipbx.Bindings() {
		out = append(out, b.User+" at "+b.Contact)
	}
	return strings.Join(out, ", ")
}

// switchover moves the role to the secondary by an operator's command.
func (s *site) switchover() {
	s.t.Helper()
	s.until("the secondary is ready", func() bool { return s.node.Status(s.t.Context()).Servers[1].Ready })
	r, err := s.node.Command(s.t.Context(), admin.Command{Name: admin.Switchover, Reason: "test"})
	if err != nil || !r.Accepted {
		s.t.Fatalf("%+v %v", r, err)
	}
	s.until("it is done", func() bool { return s.node.Status(s.t.Context()).Phase == "on-secondary" })
}

// exclusive: what the IPBX saw, from first to last.
func (s *site) exclusive() {
	s.t.Helper()
	if n := s.ipbx.MaxBindingsAtOnce("5001", "5002"); n != 1 {
		log, _ := s.ipbx.Log()
		s.t.Errorf("%d bindings at once: %+v", n, log)
	}
}

// own is what the screens say of a server's own registration.
func (s *site) own(role string) admin.OwnRegister {
	for _, o := range s.node.Licence(s.t.Context()).Own {
		if o.Role == role {
			return o
		}
	}
	return admin.OwnRegister{}
}

// TestGatePassesTheServersCredentials: Relève holds no password. The IPBX
// challenges the active server itself; the passive one never reaches it.
func TestGatePassesTheServersCredentials(t *testing.T) {
	t.Parallel() // it waits
	s := gateSite(t, false)
	s.ready()
	want := "5001 at sip:5001@" + s.address.String()
	s.until("the primary's user is bound with our Contact", func() bool { return s.bound() == want })
	s.until("both are registered here", func() bool { return s.own("primary").Granted > 0 && s.own("secondary").Granted > 0 })
	if o := s.own("secondary"); o.Gone || o.Since.IsZero() || o.Granted != 20*time.Second {
		t.Errorf("%+v", o)
	}
	if by := s.served("100"); by != "principal" {
		t.Errorf("answered by %q", by)
	}
	if n := s.ipbx.RegistersOf("5002"); n != 0 {
		t.Errorf("%d REGISTERs of the passive server reached the IPBX", n)
	}
	s.switchover()
	want = "5002 at sip:5002@" + s.address.String()
	s.until("the secondary's user is bound", func() bool { return s.bound() == want })
	if by := s.served("101"); by != "secours" {
		t.Errorf("answered by %q", by)
	}
	s.exclusive()
	if st := s.primary.Stats(); st.LastRegister != 200 {
		t.Errorf("the server that became passive is told %d", st.LastRegister)
	}
	for _, a := range s.node.Alarms(t.Context()) {
		if a.Number == uint16(alarm.BindingRefused) || a.Number == uint16(alarm.ForeignBinding) {
			t.Errorf("alarm %+v", a)
		}
	}
}

// TestGateWrongPasswordOfTheServer: it is shown to the IPBX once, told, and the
// server is asked to come again later.
func TestGateWrongPasswordOfTheServer(t *testing.T) {
	t.Parallel() // it waits
	s := gateSite(t, false)
	s.ipbx.SetRegistrar(func(r *ipbx.Registrar) { r.Users = map[string]string{"5001": "another", "5002": "secret5002"} })
	s.until("it is told", func() bool { return s.alarmed(alarm.BindingRefused) })
	shown := s.ipbx.RegistersOf("5001")
	registers := s.primary.Stats().Registers
	s.until("the server has come five times more", func() bool { return s.primary.Stats().Registers > registers+5 })
	if n := s.ipbx.RegistersOf("5001"); n != shown {
		t.Errorf("%d REGISTERs at the IPBX after the alarm, %d before", n, shown)
	}
	if st := s.primary.Stats(); st.LastRegister != 503 {
		t.Errorf("the server is told %d", st.LastRegister)
	}
}

// TestGateActiveServerThatNeverRegisters: without its password nobody else can.
func TestGateActiveServerThatNeverRegisters(t *testing.T) {
	for _, c := range []struct {
		edit func(body string) string
		want bool
	}{
		{func(body string) string { return body }, false},
		{func(body string) string { return strings.Replace(body, "mode: pair", "mode: gate", 1) }, false},
		{func(body string) string {
			body = strings.Replace(body, "mode: pair", "mode: gate", 1)
			return regexp.MustCompile(`, password_file: [^}]*`).ReplaceAllString(body, "")
		}, true},
	} {
		s := stillWith(t, func(_, body string) string { return c.edit(body) })
		m := s.boot()
		m.awaitRegister(s.node.started.Add(2 * time.Minute))
		if s.alarmed(alarm.Unregistered) {
			t.Error("an alarm before its time")
		}
		m.awaitRegister(s.node.started.Add(3 * time.Minute))
		if got := s.alarmed(alarm.Unregistered); got != c.want {
			t.Errorf("alarm %v, want %v", got, c.want)
		}
		m.owned(router.Primary, true)
		if s.alarmed(alarm.Unregistered) {
			t.Error("it registers, and the alarm stands")
		}
	}
}

// TestBindingsHangOnTheirRegistrar: what was bound before one of these changed is
// not where we ask; a password is no place.
func TestBindingsHangOnTheirRegistrar(t *testing.T) {
	site := func(old, new string) uint64 {
		s := stillWith(t, func(_, body string) string {
			body = regexp.MustCompile(`udp://[^"]*`).ReplaceAllString(body, "udp://127.0.41.9:5060")
			if !strings.Contains(body, old) {
				t.Fatalf("no %q in\n%s", old, body)
			}
			return strings.Replace(body, old, new, 1)
		})
		defer s.node.Stop()
		return s.node.controlPolicy().Licence.Site[0]
	}
	same := site("site:", "site:")
	for what, change := range map[string][2]string{
		"IPBX": {"sip:127.0.41.1:5060", "sip:127.0.41.8:5060"}, "user": {"sip:5001@", "sip:5009@"}, "Contact": {"udp://127.0.41.9:5060", "udp://127.0.41.9:5061"},
	} {
		if site(change[0], change[1]) == same {
			t.Errorf("another %s is the same place", what)
		}
	}
	if site("level: high-availability", "level: high-availability") != same || same == 0 {
		t.Error("the same place is another one")
	}
}

// TestGateRestart: a node that starts anew goes on with the binding it finds, and
// with the servers that come back to it.
func TestGateRestart(t *testing.T) {
	t.Parallel() // it waits
	s := gateSite(t, false)
	s.ready()
	s.node.Stop()
	s.start()
	s.ready()
	s.until("the active server registers again", func() bool { return s.own("primary").Granted > 0 })
	want := "5001 at sip:5001@" + s.address.String()
	s.until("the primary's user is bound", func() bool { return s.bound() == want })
	s.exclusive()
}

// TestGateWithOurCredentials: with the passwords in the file the absence is
// proven, and the sentinel looks.
func TestGateWithOurCredentials(t *testing.T) {
	s := gateSite(t, true)
	s.ready()
	s.until("both are registered here", func() bool { return s.own("primary").Granted > 0 && s.own("secondary").Granted > 0 })
	if o := s.own("primary"); o.Granted != time.Minute {
		t.Errorf("%+v", o)
	}
	begun := time.Now()
	s.switchover()
	if took := time.Since(begun); took > 9*time.Second {
		t.Errorf("took %v: the absence was not proven", took) // a fence is 10 s and more
	}
	s.until("the secondary's user is bound", func() bool { return strings.HasPrefix(s.bound(), "5002") })
	s.exclusive()
	log, err := s.ipbx.Log()
	s.must(err)
	removed := -1
	for i, e := range log {
		switch {
		case e.User == "5001" && e.Kind == "removed":
			removed = i
		case e.User == "5002" && removed < 0:
			t.Fatalf("%s %s before the primary's user was un-registered", e.User, e.Kind)
		}
	}
}

// TestGateLooksAtAnActiveServerThatLeaves: its disappearance is a reason to look,
// never a verdict.
func TestGateLooksAtAnActiveServerThatLeaves(t *testing.T) {
	s := gateSite(t, false)
	s.ready()
	s.primary.Unregister() // it comes again at once
	s.told(text.EventServerUnregistered, text.EventVerificationStarted, text.EventVerificationEnded)
	for _, line := range s.journal() {
		if strings.HasPrefix(line, text.EventVerificationStarted) && !strings.Contains(line, "it no longer registers") {
			t.Error(line)
		}
	}
	if st := s.node.Status(t.Context()); st.Active != "primary" || st.Counters.Switchovers != 0 {
		t.Errorf("%+v", st)
	}
}

// TestGateTellsThatAServerNoLongerRegisters: by its own word; by its time alone
// is package licence's.
func TestGateTellsThatAServerNoLongerRegisters(t *testing.T) {
	s := gateSite(t, true)
	s.ready()
	s.until("the secondary is registered here", func() bool { return s.own("secondary").Granted > 0 })
	if s.alarmed(alarm.Unregistered) {
		t.Error("an alarm before anything is gone")
	}
	s.secondary.Leave()
	s.until("it is told", func() bool { return s.alarmed(alarm.Unregistered) })
	s.must(s.secondary.Close()) // and says no more
	if o := s.own("secondary"); !o.Gone || o.Granted != 0 || !o.Since.IsZero() {
		t.Errorf("%+v", o)
	}
	if st := s.node.Status(t.Context()); len(st.Registration.Own) != 2 || !st.Registration.Own[1].Gone {
		t.Errorf("%+v", st.Registration.Own)
	}
	s.told(text.EventServerRegistered, text.EventServerUnregistered, text.EventAlarmRaised)
}
