package preflight

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/transport"
	"releve/testbed/ipbx"
	"releve/testbed/phone"
	"releve/testbed/server"
)

// beds gives each test addresses of its own: 127.61.n.0/24, other ones than another run
// on this machine has.
var beds = struct {
	sync.Mutex
	next uint32
}{next: uint32(os.Getpid())}

// freeBed takes a network that nobody uses: who holds its last address has it.
func freeBed(t testing.TB) uint32 {
	t.Helper()
	beds.Lock()
	defer beds.Unlock()
	for range 250 {
		beds.next++
		n := beds.next % 250
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at(n, 250)))
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			return n
		}
	}
	t.Fatal("every network of 127.61.0.0/16 is taken")
	return 0
}

// bed is an IPBX and two voice servers, and the address of the study.
type bed struct {
	t       testing.TB
	local   netip.AddrPort
	ipbx    *ipbx.IPBX
	servers [2]*server.Server
	cfg     ipbx.Config
}

func at(n uint32, host byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 61, byte(n), host}), 5060)
}

// newBed starts the parties. The number 5000 leads to the study, 5100 to the group of
// the licensed users.
func newBed(t testing.TB) *bed {
	t.Helper()
	n := freeBed(t)
	b := &bed{t: t, local: at(n, 9)}
	b.cfg = ipbx.Config{
		Name: "pbx", Addr: at(n, 1).String(), Releve: b.local, RTP: true, Service: []string{"5000"},
		Groups:     map[string][]string{"5100": {"5001", "5002"}},
		Extensions: []ipbx.Extension{{Pattern: "20??"}},
		Manners:    phone.Manners{Codecs: []string{phone.ALaw, phone.MuLaw, phone.TelephoneEvent}, Date: true, SessionExpires: 30 * time.Minute, Refresher: "uas"},
		Registrar:  ipbx.Registrar{Users: map[string]string{"5001": "un", "5002": "deux"}},
	}
	var err error
	if b.ipbx, err = ipbx.Start(b.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.ipbx.Close() })
	for i := range b.servers {
		b.servers[i], err = server.Start(server.Config{
			Name: fmt.Sprint("wel", i), Addr: at(n, byte(21+i)).String(), Lines: 4, Releve: b.local, RTP: true, Talk: 2500 * time.Millisecond, WelcomeDelay: 20 * time.Millisecond,
			Manners: b.cfg.Manners,
		})
		if err != nil {
			t.Fatal(err)
		}
		s := b.servers[i]
		t.Cleanup(func() { _ = s.Close() })
	}
	return b
}

func farAt(name string, subject Subject, a netip.AddrPort) Far {
	return Far{Name: name, Subject: subject, URI: "sip:" + a.String(), Host: a.Addr().String(), Port: a.Port(), Network: transport.UDP}
}

// trunk is the plan of a site without registration.
func (b *bed) trunk() Plan {
	return Plan{
		Local: b.local, CallNumber: "5000", Held: 28 * time.Second,
		Far: []Far{farAt("pbx", IPBX, b.ipbx.Addr())},
	}
}

// registering is the plan of a site with the two licensed users.
func (b *bed) registering() Plan {
	p := b.trunk()
	p.CallNumber = "5100"
	host := b.ipbx.Addr().String()
	p.Users = []User{
		{Role: "primary", AOR: "sip:5001@" + host, Username: "5001", Password: "un"},
		{Role: "secondary", AOR: "sip:5002@" + host, Username: "5002", Password: "deux"},
	}
	return p
}

// calling is the plan that calls the first voice server.
func (b *bed) calling() Plan {
	return Plan{Local: b.local, Service: "5000", Wait: 5 * time.Second, Far: []Far{farAt("wel0", Server, b.servers[0].Addr())}}
}

func (b *bed) run(p Plan) *Study {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := Run(ctx, p)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func find(s *Study, subject Subject, id ID) (Finding, bool) {
	for _, f := range s.Findings {
		if f.Subject == subject && f.ID == id {
			return f, true
		}
	}
	return Finding{}, false
}

func show(t testing.TB, s *Study) {
	t.Helper()
	for _, f := range s.Findings {
		t.Logf("%-9s %-6s %-17s %-12s %s %v", f.Subject, f.Target, f.ID, f.State, f.Text(text.For(text.English)).Seen, f.Values)
	}
	t.Logf("%s, %v; %v; %v", s.Verdict, s.Took, s.Reasons, s.Profile)
}

// lateness watches until stop how late this process's own timers are.
func lateness() (stop func() time.Duration) {
	const step = 5 * time.Millisecond
	quit, worst := make(chan struct{}), make(chan time.Duration)
	go func() {
		most := time.Duration(0)
		for last := time.Now(); ; {
			select {
			case <-time.After(step):
			case <-quit:
				worst <- max(most, time.Since(last)-step)
				return
			}
			now := time.Now()
			most, last = max(most, now.Sub(last)-step), now
		}
	}()
	return func() time.Duration {
		close(quit)
		return <-worst
	}
}

// tooLate is when this machine cannot play the parties of a study any more: sound comes
// each 20 ms.
const tooLate = 20 * time.Millisecond

// unhurried tries something whose outcome hangs on time until it is as it should be,
// and as often as this machine itself was late meanwhile, at most ten times. What is
// wrong on a machine that was in time is wrong.
func unhurried(t testing.TB, try func() (faults []string)) {
	t.Helper()
	for tries := 10; ; tries-- {
		late := lateness()
		faults := try()
		was := late()
		if len(faults) == 0 {
			return
		}
		if was > tooLate && tries > 1 {
			t.Logf("tried again, this machine was %v late: %q", was.Round(time.Millisecond), faults)
			continue
		}
		for _, f := range faults {
			t.Errorf("%s (this machine was %v late)", f, was.Round(time.Millisecond))
		}
		return
	}
}

// TestMain lets more tests run side by side than there are cores: they wait for the
// network, not for a core.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
