package app

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/health/alarm"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// twoIPBXs is a site with a second IPBX, an own registrar each; both grant 5 s.
func twoIPBXs(t *testing.T, mode string, set func(second *ipbx.Registrar)) (*site, *ipbx.IPBX) {
	t.Helper()
	pattern := strings.Replace(sitePattern, "mode: pair", "mode: "+mode, 1)
	var own func(user string) server.Register
	if mode == "gate" {
		own = func(user string) server.Register {
			return server.Register{AOR: "sip:" + user + "@127.0.40.1", Username: user, Password: "secret" + user, Expires: time.Minute, Every: 300 * time.Millisecond}
		}
	}
	s := preparedWith(t, pattern, own)
	settings := ipbx.Registrar{
		Users: map[string]string{"5001": "secret5001", "5002": "secret5002"}, Realm: "second", MaxGrant: 5 * time.Second,
	}
	set(&settings)
	second, err := ipbx.Start(ipbx.Config{Name: "second", Addr: "127.0.40.5:0", Releve: s.address, RTP: true, Registrar: settings})
	s.must(err)
	t.Cleanup(func() { _ = second.Close() })
	s.ipbx.SetRegistrar(func(r *ipbx.Registrar) { r.MaxGrant = 5 * time.Second })
	body, err := os.ReadFile(s.file)
	s.must(err)
	first := `no_answer: 60s, max_grant: 60s}`
	both := strings.Replace(string(body), first, `no_answer: 60s, max_grant: 6s}`+"\n"+
		fmt.Sprintf("  - {name: second, address: \"sip:%s\", no_answer: 60s, max_grant: 6s}", second.Addr()), 1)
	s.must(os.WriteFile(s.file, []byte(both), 0o600))
	s.start()
	return s, second
}

// boundAt is whether a user is registered at an IPBX.
func boundAt(x *ipbx.IPBX, user string) bool {
	return slices.ContainsFunc(x.Bindings(), func(b ipbx.Binding) bool { return b.User == user })
}

// span is a time in which a user was bound at an IPBX.
type span struct {
	user     string
	from, to time.Time
}

// spans reads the log of one registrar.
func spans(t *testing.T, x *ipbx.IPBX) (out []span) {
	t.Helper()
	log, err := x.Log()
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]time.Time{}
	for _, e := range log {
		key := e.User + " " + e.Contact
		from, on := open[key]
		switch {
		case e.Kind == "bound":
			open[key] = e.At
		case e.Kind != "refreshed" && on:
			out = append(out, span{e.User, from, e.At})
			delete(open, key)
		}
	}
	for key, from := range open {
		user, _, _ := strings.Cut(key, " ")
		out = append(out, span{user, from, time.Now()})
	}
	return out
}

// apart: X was absent at all that had it before Y was at any.
func apart(t *testing.T, ipbxs ...*ipbx.IPBX) {
	t.Helper()
	var all []span
	for _, x := range ipbxs {
		all = append(all, spans(t, x)...)
	}
	users := map[string]bool{}
	for i, a := range all {
		users[a.user] = true
		for _, b := range all[i+1:] {
			if a.user != b.user && a.from.Before(b.to) && b.from.Before(a.to) {
				t.Errorf("%s was bound %v to %v, and %s %v to %v", a.user, a.from, a.to, b.user, b.from, b.to)
			}
		}
	}
	if len(users) != 2 {
		t.Errorf("only %v was ever bound: this proves nothing", users)
	}
}

// endedAt is how the last binding of a user ended; "": it never had one.
func endedAt(t *testing.T, x *ipbx.IPBX, user string) (how string) {
	t.Helper()
	log, err := x.Log()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range log {
		if e.User == user {
			how = e.Kind
		}
	}
	return how
}

// moveOfTwo switches over, the second IPBX silent or not. possible: the second was asked
// to bind the primary's user and has not answered.
func moveOfTwo(s *site, second *ipbx.IPBX, never, silent bool) (possible bool, took time.Duration) {
	s.t.Helper()
	s.ready()
	s.until("the primary's user is bound where it may be", func() bool {
		return boundAt(s.ipbx, "5001") && (boundAt(second, "5001") || never && s.alarmed(alarm.BindingRefused))
	})
	if silent {
		s.must(second.SetFault(ipbx.RegistrarSilent, 0))
	}
	s.until("the secondary is ready", func() bool { return s.node.Status(s.t.Context()).Servers[1].Ready })
	begun := time.Now()
	r, err := s.node.Command(s.t.Context(), admin.Command{Name: admin.Switchover, Reason: "test"})
	if err != nil || !r.Accepted {
		s.t.Fatalf("%+v %v", r, err)
	}
	for _, b := range s.licensed().Bindings {
		possible = possible || b.IPBX == "second" && b.Role == "primary" && b.Possible
	}
	s.until("it is done", func() bool { return s.node.Status(s.t.Context()).Phase == "on-secondary" })
	return possible, time.Since(begun)
}

// TestTwoIPBXsAreMovedAsOne: the primary's user is gone from all that had it, by
// their lists or by its end at the one that falls silent, before the secondary's is
// at any; one that never had it is not waited for.
func TestTwoIPBXsAreMovedAsOne(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"pair", "gate"} {
		for _, c := range []struct {
			name          string
			never, silent bool
			gone          string        // how the primary's user ends at the second
			longest       time.Duration // of the move; 0: not said
		}{
			{"both answer", false, false, "removed", 0},
			{"the second falls silent", false, true, "expired", 0},
			{"the second never had it", true, true, "", 12 * time.Second}, // a fence there is 16 s
		} {
			t.Run(mode+" "+c.name, func(t *testing.T) {
				t.Parallel()
				var s *site
				var second *ipbx.IPBX
				for tries := 5; ; tries-- {
					s, second = twoIPBXs(t, mode, func(r *ipbx.Registrar) { r.Forbid = c.never })
					possible, took := moveOfTwo(s, second, c.never, c.silent)
					if c.longest > 0 && possible && tries > 1 { // a REGISTER was under way as it fell silent: it is rightly waited for
						continue
					}
					if c.longest > 0 && took > c.longest {
						t.Errorf("the move took %v; a binding was possible: %v", took, possible)
					}
					break
				}
				s.until("the secondary's user is bound", func() bool { return boundAt(s.ipbx, "5002") })
				if !c.silent {
					s.until("and at the second", func() bool { return boundAt(second, "5002") })
				}
				apart(t, s.ipbx, second)
				if how := endedAt(t, second, "5001"); how != c.gone {
					t.Errorf("at the second IPBX the primary's user ended %q, want %q", how, c.gone)
				}
				if how := endedAt(t, s.ipbx, "5001"); how != "removed" {
					t.Errorf("at the first %q", how)
				}
				if l := s.licensed(); len(l.Bindings) != 4 || l.Holder != "secondary" || len(l.Grants) != 2 {
					t.Errorf("%+v", l)
				}
			})
		}
	}
}
