package resolve

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"releve/testbed/nameserver"
)

// One host with an explicit port: A alone is asked for in these tests.
var pbx = Name{Host: "pbx.example.com", Port: 5060}

const pbxA = "pbx.example.com. 60 IN A 192.0.2.1"

func ipv4(c *Config) { c.IPv4 = true }

func TestNewRefusesServersNobodyCanReach(t *testing.T) {
	for _, bad := range []netip.AddrPort{{}, netip.MustParseAddrPort("0.0.0.0:53"), netip.MustParseAddrPort("192.0.2.53:0")} {
		if _, err := New(Config{Servers: []netip.AddrPort{bad}}); err == nil {
			t.Errorf("%v is taken for a server", bad)
		}
	}
	if _, err := New(Config{Servers: make([]netip.AddrPort, 9)}); err == nil {
		t.Error("nine servers are taken")
	}
}

func TestTruncatedAnswerIsAskedForOverTCP(t *testing.T) {
	ns, r := start(t, ipv4)
	ns.Set(pbxA)
	ns.Behave(nameserver.Behaviour{Truncate: true})
	want(t, find(t, r, pbx), "udp 192.0.2.1:5060")
	asked(t, ns, pbx.Host, dns.TypeA, 2)
}

// More than 1,232 bytes of SRV do not fit a datagram.
func TestLargeAnswerIsAskedForOverTCP(t *testing.T) {
	ns, r := start(t, ipv4)
	var records []string
	for i := range 16 {
		host := strings.Repeat(string(rune('a'+i)), 60) + "." + strings.Repeat("x", 60) + ".example.com."
		records = append(records, "_sip._udp.example.com. 60 IN SRV 1 1 5060 "+host, host+" 60 IN A 192.0.2.1")
	}
	ns.Set(records...)
	want(t, find(t, r, Name{Host: "example.com", Given: true}), "udp 192.0.2.1:5060")
	asked(t, ns, "_sip._udp.example.com.", dns.TypeSRV, 2)
}

func TestServerWithoutEDNSIsAskedWithout(t *testing.T) {
	ns, r := start(t, ipv4)
	ns.Set(pbxA)
	ns.Behave(nameserver.Behaviour{NoEDNS: true})
	want(t, find(t, r, pbx), "udp 192.0.2.1:5060")
}

func TestForgedAnswersAreIgnored(t *testing.T) {
	ns, r := start(t, ipv4)
	ns.Set(pbxA)
	ns.Behave(nameserver.Behaviour{Forge: func(query *dns.Msg) []*dns.Msg {
		forged := func(change func(*dns.Msg)) *dns.Msg {
			m := new(dns.Msg).SetReply(query)
			rr, err := dns.NewRR("pbx.example.com. 86400 IN A 203.0.113.66")
			if err != nil {
				panic(err)
			}
			m.Answer = []dns.RR{rr}
			change(m)
			return m
		}
		return []*dns.Msg{
			forged(func(m *dns.Msg) { m.Id++ }),
			forged(func(m *dns.Msg) { m.Question[0].Name = "other.example.com." }),
			forged(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }),
			forged(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }),
			forged(func(m *dns.Msg) { m.Question = nil }),
			forged(func(m *dns.Msg) { m.Response = false }),
			forged(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }),
		}
	}})
	want(t, find(t, r, pbx), "udp 192.0.2.1:5060")
	if s := r.Stats(); s.Spoofed != 7 {
		t.Errorf("%d forged answers counted, want 7", s.Spoofed)
	}
}

func TestFloodOfForgeriesMovesTheQuestionToTCP(t *testing.T) {
	ns, r := start(t, ipv4)
	ns.Set(pbxA)
	var once sync.Once
	ns.Behave(nameserver.Behaviour{Forge: func(query *dns.Msg) (out []*dns.Msg) {
		once.Do(func() {
			for range maxForeign {
				m := new(dns.Msg).SetReply(query)
				m.Id++
				out = append(out, m)
			}
		})
		return out
	}})
	want(t, find(t, r, pbx), "udp 192.0.2.1:5060")
	asked(t, ns, pbx.Host, dns.TypeA, 2)
}

func TestUnaskedRecordsOfAnotherDomainAreNotBelieved(t *testing.T) {
	ns, r := start(t, ipv4)
	ns.Set("_sip._udp.example.com. 60 IN SRV 1 1 5060 sip1.example.com.",
		"_sip._udp.example.com. 60 IN SRV 2 1 5060 sip.elsewhere.net.",
		"sip1.example.com. 60 IN A 192.0.2.1", "sip.elsewhere.net. 60 IN A 192.0.2.2")
	ns.Behave(nameserver.Behaviour{Additional: true})
	want(t, find(t, r, Name{Host: "example.com", Given: true}), "udp 192.0.2.1:5060", "udp 192.0.2.2:5060")
	asked(t, ns, "sip1.example.com.", dns.TypeA, 0)
	asked(t, ns, "sip.elsewhere.net.", dns.TypeA, 1)
}

func TestNextServerWhenOneFails(t *testing.T) {
	for name, b := range map[string]nameserver.Behaviour{
		"server failure": {Rcode: dns.RcodeServerFailure},
		"refused":        {Rcode: dns.RcodeRefused},
		"not known":      {Rcode: dns.RcodeNotImplemented},
	} {
		t.Run(name, func(t *testing.T) {
			good, _ := start(t, nil)
			good.Set(pbxA)
			bad, r := start(t, func(c *Config) { c.Servers, c.IPv4 = append(c.Servers, good.Addr()), true })
			bad.Behave(b)
			want(t, find(t, r, pbx), "udp 192.0.2.1:5060")
			if s := r.Stats(); s.Failures != 0 {
				t.Errorf("%d lookups failed", s.Failures)
			}
		})
	}
}

// A closed port is known at once, by ICMP; the server is then asked last.
func TestClosedPortIsAskedLast(t *testing.T) {
	gone, err := nameserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := gone.Addr()
	gone.Close()
	ns, r := start(t, func(c *Config) { c.Servers, c.IPv4 = append([]netip.AddrPort{addr}, c.Servers...), true })
	ns.Set(pbxA, "b.example.com. 60 IN A 192.0.2.2")
	want(t, find(t, r, pbx), "udp 192.0.2.1:5060")
	if got := r.servers.ordered(time.Now()); got[0] != ns.Addr() {
		t.Errorf("%v is asked first", got[0])
	}
	if got := r.servers.ordered(time.Now().Add(muted)); got[0] != addr {
		t.Errorf("after %v %v is asked first", muted, got[0])
	}
}

func TestResolvConfThatChangesIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(text string, at time.Time) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	write("nameserver 192.0.2.53\n", now.Add(-time.Hour))
	r := open(t, Config{ResolvConf: path})
	write("nameserver 192.0.2.54\nnameserver 2001:db8::53\n", now)
	if got := r.servers.ordered(now); got[0].String() != "192.0.2.53:53" {
		t.Errorf("asked %v: the file is not to be read for each question", got)
	}
	if got := r.servers.ordered(now.Add(2 * reread)); len(got) != 2 || got[0].String() != "192.0.2.54:53" || got[1].String() != "[2001:db8::53]:53" {
		t.Errorf("asked %v after the file changed", got)
	}
}
