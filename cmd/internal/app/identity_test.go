package app

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"releve/health/alarm"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// strictSite is a site whose IPBX takes calls of registered users only, and asks each
// for its password; how is the line of the file that says who the servers are.
func strictSite(t *testing.T, asked string, password string) *site {
	t.Helper()
	s := prepared(t)
	s.must(s.ipbx.Close())
	before := s.ipbx.Addr()
	var err error
	s.ipbx, err = ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: "127.0.40.1:0", Releve: s.address, RTP: true, OnlyRegistered: true, ChallengeCalls: true,
		Registrar: ipbx.Registrar{Users: map[string]string{"5001": password, "5002": "secret5002"}, Realm: "test"},
	})
	s.must(err)
	t.Cleanup(func() { _ = s.ipbx.Close() })
	raw, err := os.ReadFile(s.file)
	s.must(err)
	body := strings.NewReplacer(before.String(), s.ipbx.Addr().String(),
		"no_answer: 60s", "no_answer: 60s"+asked, "version: 5.3.6}", "version: 5.3.6, identity: licence}").Replace(string(raw))
	s.must(os.WriteFile(s.file, []byte(body), 0o600))
	s.start()
	return s
}

// outgoing places a call from a server, over a restart of the node when asked, and
// ends it from that side.
func (s *site) outgoing(from *server.Server, restart bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	before := s.ipbx.Stats().IncomingAnswered
	out, err := from.Place(server.PlaceSpec{To: "2001"})
	s.must(err)
	if err := out.Answered(ctx); err != nil {
		s.t.Fatalf("%v; %+v", err, out.History())
	}
	s.until("the IPBX has the ACK", func() bool { return s.ipbx.Stats().IncomingAnswered == before+1 })
	if restart {
		s.node.Stop()
		s.start()
	}
	s.knownAtBothEnds(s.node.proxy.View().Active)
	out.Hangup()
	if cause, err := out.Ended(ctx); err != nil || cause != "bye-sent" {
		s.t.Fatalf("ended by %s: %v", cause, err)
	}
	s.until("the IPBX saw the BYE", func() bool { return s.ipbx.Stats().Open == 0 })
	if n := s.ipbx.Stats().NoDialog; n != 0 {
		s.t.Fatalf("%d requests of no dialog at the IPBX", n)
	}
}

// TestIPBXThatAsksEachCall: the servers' From is no user of the IPBX. Both are
// accepted with the identity of whoever is registered, asserted or in From.
func TestIPBXThatAsksEachCall(t *testing.T) {
	t.Parallel() // it waits
	for name, asked := range map[string]string{"asserted": "", "from": ", identity: from"} {
		t.Run(name, func(t *testing.T) {
			s := strictSite(t, asked, "secret5001")
			s.ready()
			s.outgoing(s.primary, false)
			s.must(s.primary.SetMode(server.Mode{Kind: server.Killed}))
			if by := s.served("101"); by != "secours" {
				t.Fatalf("after the primary's death answered by %q", by)
			}
			s.outgoing(s.secondary, true)
			if n := s.ipbx.Stats().Unregistered; n != 0 {
				t.Fatalf("%d calls of nobody", n)
			}
		})
	}
}

// TestPasswordOfCallsIsRefused: the IPBX is asked once, the server gets 403, the
// alarm stands.
func TestPasswordOfCallsIsRefused(t *testing.T) {
	s := strictSite(t, "", "secret5001")
	s.ready()
	s.ipbx.SetRegistrar(func(r *ipbx.Registrar) { r.Users = map[string]string{"5001": "changed", "5002": "secret5002"} })
	for range 3 {
		out, err := s.primary.Place(server.PlaceSpec{To: "2001"})
		s.must(err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if _, err := out.Ended(ctx); err != nil || out.Status() != 403 {
			t.Fatalf("%d %v", out.Status(), err)
		}
		cancel()
	}
	s.until("the alarm", func() bool { return s.alarmed(alarm.PasswordRefused) })
}

// TestDigestOfTheIPBX: an IPBX with a digest of another hand, and each algorithm of
// RFC 8760, asks the registration, the calls and what is in them for a password.
func TestDigestOfTheIPBX(t *testing.T) {
	t.Parallel() // it waits
	for _, algorithms := range [][]string{{"MD5"}, {"SHA-256"}, {"SHA-512-256"}, {"SHA-512-256", "SHA-256", "MD5"}} {
		t.Run(strings.Join(algorithms, " "), func(t *testing.T) {
			s := strictSite(t, "", "secret5001")
			s.ipbx.SetRegistrar(func(r *ipbx.Registrar) { r.Algorithms, r.StrictURI = algorithms, true })
			s.node.Stop() // the challenge met before
			s.ipbx.DropBindings()
			s.start()
			s.ready()
			s.until("the primary's user is bound", func() bool { return strings.HasPrefix(s.bound(), "5001") })
			s.outgoing(s.primary, false)
			if s.alarmed(alarm.BindingRefused) || s.alarmed(alarm.PasswordRefused) {
				t.Error("a right password is refused")
			}
		})
	}
}
