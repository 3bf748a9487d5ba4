package preflight

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/testbed/ipbx"
)

// newBedWith is a bed whose IPBX is set otherwise.
func newBedWith(t *testing.T, change func(*ipbx.Config)) *bed {
	t.Helper()
	b := newBed(t)
	_ = b.ipbx.Close()
	change(&b.cfg)
	var err error
	if b.ipbx, err = ipbx.Start(b.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.ipbx.Close() })
	return b
}

// TestARegistrarThatWantsLongRegistrationsIsNoNoGo: Relève asks again for Min-Expires,
// and so does the study.
func TestARegistrarThatWantsLongRegistrationsIsNoNoGo(t *testing.T) {
	t.Parallel()
	unhurried(t, func() (faults []string) {
		b := newBedWith(t, func(c *ipbx.Config) { c.Registrar.MinExpires = 5 * time.Minute })
		s := b.run(b.registering())
		faults = well(s, Registrar, text.StudyRegistrar, text.StudyListed, text.StudyUnregister, text.StudySecondary)
		if f, _ := find(s, Registrar, text.StudyGrant); f.State != Reservation || s.Verdict != Reservations {
			faults = append(faults, fmt.Sprintf("%s: %s is %s %v", s.Verdict, f.ID, f.State, f.Values))
		}
		if i := slices.IndexFunc(s.Profile, func(p Setting) bool { return p.Key == "max_grant" }); i < 0 || s.Profile[i].Value != "300s" {
			faults = append(faults, fmt.Sprintf("the profile: %v", s.Profile))
		}
		b.leftNothing(t, s)
		return faults
	})
}

// TestAnInterruptedWaitLeavesNoBinding: a binding whose end was being waited for is
// taken back, and the study concludes nothing of what it did not see.
func TestAnInterruptedWaitLeavesNoBinding(t *testing.T) {
	t.Parallel()
	unhurried(t, func() (faults []string) {
		b := newBedWith(t, func(c *ipbx.Config) { c.Registrar.MinGrant = 30 * time.Second })
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		ended := make(chan *Study, 1)
		go func() {
			p := b.registering()
			p.Wait, p.CallNumber = time.Minute, ""
			s, _ := Run(ctx, p)
			ended <- s
		}()
		third := func() bool { // the first, the second Contact, the one that is waited for
			n := 0
			log, _ := b.ipbx.Log()
			for _, e := range log {
				if e.Kind == "bound" {
					n++
				}
			}
			return n >= 3
		}
		for deadline := time.Now().Add(20 * time.Second); !third() && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond) // the parties tell no other way
		}
		cancel()
		s := <-ended
		b.leftNothing(t, s)
		if !third() || s.Verdict != NotTestable || !s.Interrupted {
			faults = append(faults, fmt.Sprintf("an interrupted study says %s", s.Verdict))
		}
		for _, f := range s.Findings {
			if f.State == NoGo {
				faults = append(faults, fmt.Sprintf("%s: %v", f.ID, f.Values))
			}
		}
		return faults
	})
}

// here stands for the stranger's own address in what it says.
const here = "192.0.2.99:5060"

// manners are how a stranger's voice server answers calls.
type manners struct {
	invite   func(reply func(status int, tag string, extra ...[]byte))
	reinvite func(nth int64, reply func(status int, tag string, extra ...[]byte))
	other    *net.UDPConn // answers leave from here; nil: from where they were asked
	bare     bool         // says no Contact
}

// callStranger calls a voice server of such manners.
func callStranger(t *testing.T, m manners) *Study {
	t.Helper()
	n := freeBed(t)
	if m.other != nil {
		other, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at(n, 1).Addr(), 0)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Close() })
		m.other = other
	}
	var again atomic.Int64
	stranger(t, at(n, 1), func(conn *net.UDPConn, raw []byte, from netip.AddrPort) {
		if m.other != nil {
			conn = m.other
		}
		var h message.Head
		raw, r, _ := message.Scan(raw, &h)
		if r != message.OK || !h.Request || h.Method == message.ACK {
			return
		}
		stamp := message.Stamp{Addr: from, RPort: true}
		reply := func(status int, tag string, extra ...[]byte) {
			if !m.bare {
				extra = append(extra, line("Contact", "<sip:"+at(n, 1).String()+">"))
			}
			out := stamp.AppendResponse(nil, raw, &h, status, "Whatever", tag, extra...)
			if h.Method == message.INVITE && status >= 200 && status < 300 {
				out = stamp.AppendAnswer(nil, raw, &h, status, "Whatever", tag, offer(at(n, 1), "sendrecv"), extra...)
			}
			_, _ = conn.WriteToUDPAddrPort(bytes.ReplaceAll(out, []byte(here), []byte(at(n, 1).String())), from)
		}
		switch {
		case h.Method == message.INVITE && h.ToTag.Empty():
			m.invite(reply)
		case h.Method == message.INVITE && m.reinvite != nil:
			m.reinvite(again.Add(1), reply)
		default:
			reply(200, "one")
		}
	})
	s, err := Run(context.Background(), Plan{Local: at(n, 9), Service: "5000", Patience: 2 * time.Second, Far: []Far{farAt("wel", Server, at(n, 1))}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStrangersAnswersAreTold: what a stack does that nobody of us wrote.
func TestStrangersAnswersAreTold(t *testing.T) {
	t.Parallel()
	takes := func(reply func(int, string, ...[]byte)) { reply(200, "one") }
	for _, c := range []struct {
		name  string
		m     manners
		id    ID
		state State
		word  string
	}{
		{"a re-INVITE that crosses one is sent again", manners{takes, func(nth int64, reply func(int, string, ...[]byte)) {
			if nth == 1 {
				reply(491, "one")
				return
			}
			reply(200, "one")
		}, nil, false}, text.StudyReinvite, OK, ""},
		{"two callees that answer", manners{func(reply func(int, string, ...[]byte)) {
			reply(200, "one")
			reply(200, "two")
		}, nil, nil, false}, text.StudyTrunk, Reservation, "early"},
		{"a redirection", manners{func(reply func(int, string, ...[]byte)) { reply(302, "one") }, nil, nil, false}, text.StudyTrunk, Reservation, "redirected"},
		{"a password that the IPBX may have", manners{func(reply func(int, string, ...[]byte)) {
			reply(407, "one", line("Proxy-Authenticate", `Digest realm="x", nonce="y"`))
		}, nil, nil, false}, text.StudyTrunk, Reservation, "auth"},
		{"no Contact", manners{func(reply func(int, string, ...[]byte)) { reply(200, "one") }, nil, nil, true}, text.StudyContact, Reservation, "missing"},
		{"a proxy before it, whose Contact is its own", manners{func(reply func(int, string, ...[]byte)) {
			reply(200, "one", line("Record-Route", "<sip:"+here+";lr>"), line("Contact", "<sip:192.0.2.7:5060>"))
		}, nil, nil, true}, text.StudyContact, OK, "routed"},
		{"another port", manners{takes, nil, &net.UDPConn{}, false}, text.StudyNAT, Reservation, "port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			unhurried(t, func() (faults []string) {
				f, _ := find(callStranger(t, c.m), Server, c.id)
				if f.State != c.state || f.Values["case"] != c.word {
					faults = append(faults, fmt.Sprintf("%s is %s %v", c.id, f.State, f.Values))
				}
				return faults
			})
		})
	}
}

// TestOurAddressIsOneThatOthersCanAnswer: "all addresses" in listen is no address for a
// Contact, and TLS stands beside.
func TestOurAddressIsOneThatOthersCanAnswer(t *testing.T) {
	t.Parallel()
	to := flowTo(transport.UDP, netip.MustParseAddrPort("127.0.0.1:5060"))
	for _, c := range []struct{ local, tls, want, secure string }{
		{"0.0.0.0:5065", "", "127.0.0.1:5065", "127.0.0.1:5066"},
		{"127.0.0.1:5060", "", "127.0.0.1:5060", "127.0.0.1:5061"},
		{"127.0.0.1:5060", "127.0.0.1:5081", "127.0.0.1:5060", "127.0.0.1:5081"},
		{"0.0.0.0:5060", "0.0.0.0:5081", "127.0.0.1:5060", "127.0.0.1:5081"},
		{"", "127.0.0.1:5081", "127.0.0.1:0", "127.0.0.1:5081"},
		{"", "", "127.0.0.1:0", "127.0.0.1:0"},
	} {
		r := &run{far: []far{{ok: true, at: to}}}
		r.plan.Local, _ = netip.ParseAddrPort(c.local)
		r.plan.LocalTLS, _ = netip.ParseAddrPort(c.tls)
		local, sec, err := r.locals()
		if err != nil || local.String() != c.want || sec.String() != c.secure {
			t.Errorf("%s %s: %s %s, %v", c.local, c.tls, local, sec, err)
		}
	}
}
