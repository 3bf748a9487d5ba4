package app

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/router/lease"
	"releve/testbed/ipbx"
)

// licensed is the licence as the screens have it.
func (s *site) licensed() admin.Licence { return s.node.Licence(s.t.Context()) }

// TestGrantIsLearnt: nobody wrote what the IPBX grants. An hour is assumed until
// it is seen, and what was seen is known after a restart.
func TestGrantIsLearnt(t *testing.T) {
	s := preparedWith(t, strings.Replace(sitePattern, ", max_grant: 60s", "", 1), nil)
	s.must(s.ipbx.SetFault(ipbx.RegistrarSilent, 0))
	s.start()
	if l := s.licensed(); l.Grounds != "assumed" || l.MaxGrant != time.Hour || l.WorstMove < time.Hour || l.Grants[0].Answers != "" {
		t.Errorf("before anything was granted: %+v", l)
	}
	s.must(s.ipbx.SetFault(ipbx.Healthy, 0))
	s.ready()
	learnt := func() {
		t.Helper()
		s.until("it is learnt", func() bool { return s.licensed().Grounds == "learnt" })
		l := s.licensed()
		if l.MaxGrant != time.Minute || l.WorstMove > 80*time.Second || l.GrantIPBX != "ipbx" || l.Grants[0].Grounds != "learnt" {
			t.Errorf("%+v", l)
		}
	}
	learnt()
	s.node.Stop()
	s.must(s.ipbx.SetFault(ipbx.RegistrarSilent, 0))
	s.start()
	learnt()
}

// TestStatedGrantIsNotLearnt: the operator's word stands while the IPBX grants
// no more.
func TestStatedGrantIsNotLearnt(t *testing.T) {
	s := newSite(t)
	s.ready()
	if l := s.licensed(); l.Grounds != "stated" || l.MaxGrant != time.Minute || l.Grants[0].Answers != s.ipbx.Addr().String() {
		t.Errorf("%+v", l)
	}
}

// standbyOf gives the IPBX of a site a second machine, beside the first.
func (s *site) standbyOf(refuses bool) netip.AddrPort {
	s.t.Helper()
	main := freePort(s.t, "127.0.40.1")
	other := netip.AddrPortFrom(netip.MustParseAddr("127.0.40.6"), main.Port())
	body, err := os.ReadFile(s.file)
	s.must(err)
	s.must(os.WriteFile(s.file, []byte(strings.ReplaceAll(string(body), s.ipbx.Addr().String(), main.String())), 0o600))
	s.must(s.ipbx.Close())
	s.ipbx, err = ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: main.String(), Standby: other.String(), StandbyRefuses: refuses, Releve: s.address, RTP: true,
		Registrar: ipbx.Registrar{Users: map[string]string{"5001": "secret5001", "5002": "secret5002"}, Realm: "test", MaxGrant: 10 * time.Second},
	})
	s.must(err)
	s.t.Cleanup(func() { _ = s.ipbx.Close() })
	return other
}

// TestMainDiesAndStandbyAnswers: a pair is one registrar. The main one dies, and
// the stand-by answers, with the bindings or without: the user is bound there, and
// a switchover is proven by its list; the fence is never waited for.
func TestMainDiesAndStandbyAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		refuses, keeps bool
	}{{"silent with the bindings", false, true}, {"refuses without the bindings", true, false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pattern := strings.Replace(sitePattern, "max_grant: 60s", "max_grant: 10m, redundancy: main-standby, sources: [127.0.40.1, 127.0.40.6]", 1)
			s := preparedWith(t, pattern, nil)
			standby := s.standbyOf(c.refuses)
			s.start()
			s.ready()
			if at := s.licensed().Grants[0].Answers; at != s.ipbx.Addr().String() {
				t.Fatalf("%q answers", at)
			}
			s.must(s.ipbx.SetActive(1))
			if !c.keeps {
				s.ipbx.DropBindings()
			}
			s.until("the stand-by answers, and has the user", func() bool {
				return s.licensed().Grants[0].Answers == standby.String() && strings.HasPrefix(s.bound(), "5001 at ")
			})
			s.told(text.EventIPBXMember)
			if first := s.node.proxy.IPBXFlows(0)[0].Remote; first != standby {
				t.Errorf("the next request goes to %s first, which stands by", first)
			}
			s.switchover() // within 20 s; the fence is 10 min
			s.until("the secondary's user is bound", func() bool { return strings.HasPrefix(s.bound(), "5002 at ") })
			s.exclusive()
			if l := s.licensed(); l.Bindings[0].Possible || !l.Bindings[1].Proves {
				t.Errorf("%+v", l.Bindings)
			}
		})
	}
}

// binds registers a Contact at the IPBX as somebody else does who knows the
// password; expires 0 ends it.
func (s *site) binds(p *party, user, contact string, cseq, expires int) {
	s.t.Helper()
	p.say(s.ipbx.Addr(), sipText(
		"REGISTER sip:"+s.ipbx.Addr().String()+" SIP/2.0", "Via: "+p.via("b"+strconv.Itoa(cseq)), "Max-Forwards: 70",
		"From: <sip:"+user+"@127.0.40.1>;tag=x", "To: <sip:"+user+"@127.0.40.1>", "Call-ID: stranger-"+user,
		"CSeq: "+strconv.Itoa(cseq)+" REGISTER", "Contact: <"+contact+">", "Expires: "+strconv.Itoa(expires), "Content-Length: 0",
	))
	p.hear("200")
}

// TestIntruderIsNamed: a Contact beside ours, and one of the passive server's user:
// who, where and since when, in the alarms, the status, the licence and the
// journal.
func TestIntruderIsNamed(t *testing.T) {
	t.Parallel()
	for row, role := range []string{"primary", "secondary"} {
		s, stranger := openSite(t)
		user := []string{"5001", "5002"}[row]
		contact := stranger.uri(user)
		s.binds(stranger, user, contact, 1, 60)
		s.start()
		s.ready()
		s.until("it is an alarm", func() bool { return s.alarmed(alarm.ForeignBinding) })
		for _, a := range append(s.node.Alarms(t.Context()), s.node.Status(t.Context()).Alarms...) {
			if a.Number == uint16(alarm.ForeignBinding) && (a.Object != role+" / ipbx" || a.Detail != contact || a.Severity != "critical") {
				t.Errorf("%+v", a)
			}
		}
		b := s.licensed().Bindings[row]
		if !b.Foreign || b.IPBX != "ipbx" || len(b.Contacts) != 1 || b.Contacts[0].URI != contact || time.Since(b.Intruded) > time.Minute {
			t.Errorf("%+v", b)
		}
		s.told(text.EventAlarmRaised, text.EventForeignBinding)
		for _, line := range s.journal() {
			if strings.HasPrefix(line, text.EventForeignBinding) && !(strings.Contains(line, contact) && strings.Contains(line, user) && strings.Contains(line, "ipbx")) {
				t.Error(line)
			}
		}
		if role == "primary" { // whose list comes with each refresh
			s.binds(stranger, user, contact, 2, 0)
			s.until("the alarm ends", func() bool { return !s.alarmed(alarm.ForeignBinding) })
			s.told(text.EventForeignBinding, text.EventForeignGone)
			if b := s.licensed().Bindings[row]; b.Foreign || len(b.Contacts) != 0 || !b.Intruded.IsZero() {
				t.Errorf("%+v", b)
			}
		}
		s.node.Stop()
	}
}

// TestPassiveUserBoundWithOurContact: somebody bound the passive server's user with
// our own Contact. That is told, and removed.
func TestPassiveUserBoundWithOurContact(t *testing.T) {
	s, stranger := openSite(t)
	s.binds(stranger, "5002", "sip:5002@"+s.address.String(), 1, 60)
	s.start()
	s.told(text.EventForeignBinding, text.EventForeignGone)
	for _, line := range s.journal() {
		if strings.HasPrefix(line, text.EventForeignBinding) && !strings.Contains(line, s.address.String()) {
			t.Error(line)
		}
	}
	s.ready()
	s.until("the active server's user alone is bound", func() bool { return s.bound() == "5001 at sip:5001@"+s.address.String() })
}

// openSite is a site whose IPBX asks for no password, not started, and a stranger.
func openSite(t *testing.T) (*site, *party) {
	t.Helper()
	s := prepared(t)
	s.ipbx.SetRegistrar(func(r *ipbx.Registrar) { r.Open, r.MaxGrant = true, 10*time.Second })
	return s, newParty(t, "udp", "127.0.40.77", nil)
}

// TestSingleNodeHasNoLease: the file of one node makes no mind of two, whatever its
// mode: nothing is ever asked that only a second node could answer.
func TestSingleNodeHasNoLease(t *testing.T) {
	for _, mode := range []string{"pair", "gate"} {
		s := stillWith(t, func(_, body string) string { return strings.Replace(body, "mode: pair", "mode: "+mode, 1) })
		if p := s.node.controlPolicy(); p.Lease != (lease.Policy{}) || p.Peer || p.Licence.Grace != 0 {
			t.Errorf("%s: %+v", mode, p)
		}
		s.node.Stop()
	}
}

// TestStopInMidMove: Relève is stopped while the primary's user cannot be proven
// gone, and starts again: the move goes on, and nothing is sent before the fence or
// the proof.
func TestStopInMidMove(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.ready()
	s.until("the secondary is ready", func() bool { return s.node.Status(t.Context()).Servers[1].Ready })
	s.must(s.ipbx.SetFault(ipbx.RegistrarSilent, 0))
	r, err := s.node.Command(t.Context(), admin.Command{Name: admin.Switchover, Reason: "test"})
	if err != nil || !r.Accepted {
		t.Fatalf("%+v %v", r, err)
	}
	s.until("the primary's user is to leave", func() bool { l := s.licensed(); return l.Phase == "unreg" && l.Leaving == "primary" })
	s.node.Stop()
	s.start()
	s.until("it is still to leave", func() bool {
		l := s.licensed()
		return l.Phase == "unreg" && l.Leaving == "primary" && !l.Fence.IsZero()
	})
	if s.bound() != "5001 at sip:5001@"+s.address.String() {
		t.Errorf("bound: %s", s.bound())
	}
	s.must(s.ipbx.SetFault(ipbx.Healthy, 0))
	s.until("the secondary serves", func() bool { return s.node.Status(t.Context()).Phase == "on-secondary" })
	s.until("its user is bound", func() bool { return strings.HasPrefix(s.bound(), "5002 at ") })
	s.exclusive()
}

// TestStandbyIsKnownAfterAReload: the second machine is written into the file while
// Relève runs.
func TestStandbyIsKnownAfterAReload(t *testing.T) {
	t.Parallel()
	s := preparedWith(t, strings.Replace(sitePattern, "max_grant: 60s", "max_grant: 60s, redundancy: main-standby, sources: [127.0.40.1]", 1), nil)
	standby := s.standbyOf(true)
	s.start()
	s.ready()
	s.edit("sources: [127.0.40.1]", "sources: [127.0.40.1, 127.0.40.6]")
	s.applied("ipbx[0].sources[1]")
	s.must(s.ipbx.SetActive(1))
	s.until("the stand-by answers", func() bool { return s.licensed().Grants[0].Answers == standby.String() })
	if by := s.served("100"); by != "principal" {
		t.Errorf("a call of the stand-by is answered by %q", by)
	}
}
