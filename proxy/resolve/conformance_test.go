package resolve

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"releve/proxy/transport"
	"releve/testbed/nameserver"
)

const (
	udp = transport.UDP
	tcp = transport.TCP
	tls = transport.TLS
)

// start returns a name server on loopback and a resolver that asks it.
func start(t *testing.T, change func(*Config)) (*nameserver.Server, *Resolver) {
	t.Helper()
	ns, err := nameserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Close)
	c := Config{Servers: []netip.AddrPort{ns.Addr()}}
	if change != nil {
		change(&c)
	}
	return ns, open(t, c)
}

func open(t *testing.T, c Config) *Resolver {
	t.Helper()
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// find resolves n and returns its targets as text, "udp 192.0.2.1:5060".
func find(t *testing.T, r *Resolver, n Name) []string {
	t.Helper()
	done := make(chan struct{})
	r.Resolve(n, func() { close(done) })
	<-done
	targets, _ := r.Targets(n)
	return texts(targets)
}

func texts(targets []Target) []string {
	var out []string
	for _, x := range targets {
		out = append(out, strings.ToLower(x.Network.String())+" "+x.Addr.String())
	}
	return out
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestConformanceNames(t *testing.T) {
	t.Run("D01 RFC 3263 §4.1 §4.2 a numeric host needs no DNS", numericHost)
	t.Run("D01 RFC 3263 §4.2 an explicit port asks for addresses only", explicitPort)
	t.Run("D01 RFC 3263 §4.1 NAPTR then SRV then addresses", naptrFirst)
	t.Run("D01 RFC 3263 §4.1 without NAPTR each transport's SRV is asked for", probed)
	t.Run("D01 RFC 3263 §4.2 a transport given is honoured", transportGiven)
	t.Run("D01 RFC 3263 §4.1 sips is TLS only", sipsOnly)
	t.Run("D02 RFC 2782 priority, then the weighted choice, all targets", weighted)
	t.Run("D02 RFC 2782 a target of . is no service", noService)
	t.Run("D05 RFC 3263 §5 where a response goes by its sent-by", sentBy)
	t.Run("D06 RFC 8767 stale answers while the servers are silent", staleServed)
	t.Run("D06 our choice: a TTL of 0 is not a query per packet", zeroTTL)
	t.Run("D06 our choice: nothing waits for a silent server", neverBlocks)
	t.Run("D07 RFC 7984 AAAA and A are both tried", dualStack)
}

func numericHost(t *testing.T) {
	ns, r := start(t, nil)
	for _, c := range []struct {
		name Name
		want string
	}{
		{Name{Host: "192.0.2.1"}, "udp 192.0.2.1:5060"},
		{Name{Host: "192.0.2.1", Port: 5070}, "udp 192.0.2.1:5070"},
		{Name{Host: "192.0.2.1", Network: tcp, Given: true}, "tcp 192.0.2.1:5060"},
		{Name{Host: "192.0.2.1", Network: tls, Given: true}, "tls 192.0.2.1:5061"},
		{Name{Host: "192.0.2.1", Secure: true}, "tls 192.0.2.1:5061"},
		{Name{Host: "192.0.2.1", Secure: true, Network: tcp, Given: true, Port: 5071}, "tls 192.0.2.1:5071"},
		{Name{Host: "2001:db8::1"}, "udp [2001:db8::1]:5060"},
		{Name{Host: "[2001:db8::1]", Port: 5070}, "udp [2001:db8::1]:5070"},
		{Name{Host: "::ffff:192.0.2.1"}, "udp 192.0.2.1:5060"},
		{Name{Host: "LocalHost."}, "udp 127.0.0.1:5060"},
	} {
		got, ok := r.Targets(c.name)
		if !ok {
			t.Errorf("%+v is not known at once", c.name)
		}
		want(t, texts(got), c.want)
		want(t, find(t, r, c.name), c.want)
	}
	if ns.Total() != 0 {
		t.Errorf("%d queries for numeric hosts", ns.Total())
	}
}

func explicitPort(t *testing.T) {
	ns, r := start(t, nil)
	ns.Set("pbx.example.com. 60 IN A 192.0.2.1",
		`pbx.example.com. 60 IN NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.pbx.example.com.`,
		"_sip._udp.pbx.example.com. 60 IN SRV 1 1 5099 pbx.example.com.",
		"_sip._tcp.pbx.example.com. 60 IN SRV 1 1 5099 pbx.example.com.")
	want(t, find(t, r, Name{Host: "pbx.example.com", Port: 5070}), "udp 192.0.2.1:5070")
	want(t, find(t, r, Name{Host: "PBX.example.com.", Port: 5060, Network: tcp, Given: true}), "tcp 192.0.2.1:5060")
	want(t, find(t, r, Name{Host: "pbx.example.com", Port: 5070, Secure: true}), "tls 192.0.2.1:5070")
	asked(t, ns, "pbx.example.com.", dns.TypeNAPTR, 0)
	asked(t, ns, "_sip._udp.pbx.example.com.", dns.TypeSRV, 0)
	asked(t, ns, "_sip._tcp.pbx.example.com.", dns.TypeSRV, 0)
}

func asked(t *testing.T, ns *nameserver.Server, name string, kind uint16, want int) {
	t.Helper()
	if got := ns.Queries(name, kind); got != want {
		t.Errorf("%d queries for %s %s, want %d", got, name, dns.TypeToString[kind], want)
	}
}

func naptrFirst(t *testing.T) {
	ns, r := start(t, nil)
	ns.Set(`example.com. 60 IN NAPTR 20 10 "s" "SIP+D2U" "" _sip._udp.example.com.`,
		`example.com. 60 IN NAPTR 10 20 "s" "SIPS+D2T" "" _sips._tcp.example.com.`,
		`example.com. 60 IN NAPTR 10 10 "s" "SIP+D2S" "" _sip._sctp.example.com.`,
		`example.com. 60 IN NAPTR 10 15 "S" "sip+d2t" "" _sip._tcp.elsewhere.example.com.`,
		`example.com. 60 IN NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:x@example.com!" .`,
		"_sip._udp.example.com. 60 IN SRV 1 1 5062 sip1.example.com.",
		"_sip._tcp.elsewhere.example.com. 60 IN SRV 1 1 5063 sip1.example.com.",
		"_sips._tcp.example.com. 60 IN SRV 1 1 5064 sip1.example.com.",
		"sip1.example.com. 60 IN A 192.0.2.1",
		"example.com. 60 IN A 192.0.2.9")
	want(t, find(t, r, Name{Host: "example.com"}), "tcp 192.0.2.1:5063")
	want(t, find(t, r, Name{Host: "example.com", Secure: true}), "tls 192.0.2.1:5064")
	asked(t, ns, "_sip._sctp.example.com.", dns.TypeSRV, 0)
	asked(t, ns, "_sip._udp.example.com.", dns.TypeSRV, 0)
	asked(t, ns, "example.com.", dns.TypeA, 0)

	only := open(t, Config{Servers: []netip.AddrPort{ns.Addr()}, Networks: []transport.Network{udp}})
	want(t, find(t, only, Name{Host: "example.com"}), "udp 192.0.2.1:5062")
}

func probed(t *testing.T) {
	ns, r := start(t, nil)
	ns.Set("_sip._tcp.example.com. 60 IN SRV 1 1 5063 sip1.example.com.",
		"_sips._tcp.example.com. 60 IN SRV 1 1 5064 sip1.example.com.",
		"sip1.example.com. 60 IN A 192.0.2.1",
		"example.com. 60 IN A 192.0.2.9",
		"bare.example.com. 60 IN A 192.0.2.8")
	want(t, find(t, r, Name{Host: "example.com"}), "tcp 192.0.2.1:5063")
	asked(t, ns, "example.com.", dns.TypeNAPTR, 1)
	asked(t, ns, "_sip._udp.example.com.", dns.TypeSRV, 1)
	want(t, find(t, r, Name{Host: "bare.example.com"}), "udp 192.0.2.8:5060")
	want(t, find(t, r, Name{Host: "bare.example.com", Secure: true}), "tls 192.0.2.8:5061")
}

func transportGiven(t *testing.T) {
	ns, r := start(t, nil)
	ns.Set(`example.com. 60 IN NAPTR 1 1 "s" "SIP+D2U" "" _sip._udp.example.com.`,
		"_sip._udp.example.com. 60 IN SRV 1 1 5062 sip1.example.com.",
		"_sip._tcp.example.com. 60 IN SRV 1 1 5063 sip1.example.com.",
		"sip1.example.com. 60 IN A 192.0.2.1",
		"example.com. 60 IN A 192.0.2.9")
	want(t, find(t, r, Name{Host: "example.com", Network: tcp, Given: true}), "tcp 192.0.2.1:5063")
	want(t, find(t, r, Name{Host: "example.com", Network: tls, Given: true}), "tls 192.0.2.9:5061")
	asked(t, ns, "example.com.", dns.TypeNAPTR, 0)
	asked(t, ns, "_sips._tcp.example.com.", dns.TypeSRV, 1)
}

func sipsOnly(t *testing.T) {
	ns, r := start(t, nil)
	ns.Set(`example.com. 60 IN NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.example.com.`,
		"_sip._tcp.example.com. 60 IN SRV 1 1 5063 sip1.example.com.",
		"_sips._tcp.example.com. 60 IN SRV 1 1 5064 sip1.example.com.",
		"sip1.example.com. 60 IN A 192.0.2.1")
	for _, n := range []Name{
		{Secure: true},
		{Secure: true, Network: udp, Given: true},
		{Secure: true, Network: tcp, Given: true},
	} {
		n.Host = "example.com"
		want(t, find(t, r, n), "tls 192.0.2.1:5064")
	}
	asked(t, ns, "_sip._tcp.example.com.", dns.TypeSRV, 0)
}

func weighted(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	ns, r := start(t, func(c *Config) { c.Rand = source.Uint32N })
	ns.Set("_sip._udp.example.com. 60 IN SRV 20 5 5060 last.example.com.",
		"_sip._udp.example.com. 60 IN SRV 10 30 5060 big.example.com.",
		"_sip._udp.example.com. 60 IN SRV 10 10 5060 small.example.com.",
		"big.example.com. 60 IN A 192.0.2.1", "small.example.com. 60 IN A 192.0.2.2", "last.example.com. 60 IN A 192.0.2.3")
	n := Name{Host: "example.com", Network: udp, Given: true}
	find(t, r, n)
	const draws = 4000
	first := make(map[string]int)
	for range draws {
		targets, _ := r.Targets(n)
		got := texts(targets)
		if len(got) != 3 || got[2] != "udp 192.0.2.3:5060" {
			t.Fatalf("got %q: all three are to be tried, priority 20 last", got)
		}
		first[got[0]]++
	}
	if big := first["udp 192.0.2.1:5060"]; big < draws*70/100 || big > draws*80/100 {
		t.Errorf("weight 30 of 40 came first %d times of %d", big, draws)
	}
	asked(t, ns, "_sip._udp.example.com.", dns.TypeSRV, 1)
}

func noService(t *testing.T) {
	ns, r := start(t, nil)
	ns.Set("_sip._udp.example.com. 60 IN SRV 0 0 0 .", "example.com. 60 IN A 192.0.2.9")
	want(t, find(t, r, Name{Host: "example.com", Network: udp, Given: true}))
	want(t, find(t, r, Name{Host: "example.com"}))
	asked(t, ns, "example.com.", dns.TypeA, 0)
}

func sentBy(t *testing.T) {
	ns, r := start(t, nil)
	ns.Set(`client.example.com. 60 IN NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.client.example.com.`,
		"_sip._udp.client.example.com. 60 IN SRV 1 1 5099 sip1.example.com.",
		"sip1.example.com. 60 IN A 192.0.2.1", "client.example.com. 60 IN A 192.0.2.2")
	want(t, find(t, r, SentBy("192.0.2.7", 0, udp)), "udp 192.0.2.7:5060")
	want(t, find(t, r, SentBy("client.example.com", 5070, udp)), "udp 192.0.2.2:5070")
	want(t, find(t, r, SentBy("client.example.com", 0, udp)), "udp 192.0.2.1:5099")
	want(t, find(t, r, SentBy("client.example.com", 0, tcp)), "tcp 192.0.2.2:5060")
	asked(t, ns, "client.example.com.", dns.TypeNAPTR, 0)
}

func dualStack(t *testing.T) {
	ns, r := start(t, nil)
	ns.Set("dual.example.com. 60 IN A 192.0.2.1", "dual.example.com. 60 IN A 192.0.2.2",
		"dual.example.com. 60 IN A 192.0.2.3", "dual.example.com. 60 IN AAAA 2001:db8::1",
		"dual.example.com. 60 IN AAAA 2001:db8::2")
	n := Name{Host: "dual.example.com", Port: 5060}
	want(t, find(t, r, n), "udp [2001:db8::1]:5060", "udp 192.0.2.1:5060",
		"udp [2001:db8::2]:5060", "udp 192.0.2.2:5060", "udp 192.0.2.3:5060")
	before := ns.Queries(n.Host, dns.TypeAAAA)
	four := open(t, Config{Servers: []netip.AddrPort{ns.Addr()}, IPv4: true})
	want(t, find(t, four, n), "udp 192.0.2.1:5060", "udp 192.0.2.2:5060", "udp 192.0.2.3:5060")
	asked(t, ns, n.Host, dns.TypeAAAA, before)
	six := open(t, Config{Servers: []netip.AddrPort{ns.Addr()}, IPv6: true})
	want(t, find(t, six, n), "udp [2001:db8::1]:5060", "udp [2001:db8::2]:5060")
}

// The three below use the in-memory wire, for time passes in them.

func staleServed(t *testing.T) {
	inBubble(t, func(ns *nameserver.Server, r *Resolver) {
		ns.Set("pbx.example.com. 60 IN A 192.0.2.1")
		n := Name{Host: "pbx.example.com", Port: 5060}
		want(t, find(t, r, n), "udp 192.0.2.1:5060")
		ns.Behave(nameserver.Behaviour{Silent: true})
		time.Sleep(time.Minute)
		if got, ok := r.Targets(n); ok {
			t.Errorf("%v served after its TTL before anybody asked", got)
		}
		began := time.Now()
		want(t, find(t, r, n), "udp 192.0.2.1:5060")
		if waited := time.Since(began); waited != patience {
			t.Errorf("a caller waited %v for silent servers, want %v", waited, patience)
		}
		time.Sleep(23 * time.Hour)
		want(t, find(t, r, n), "udp 192.0.2.1:5060")
		ns.Behave(nameserver.Behaviour{})
		ns.Set("pbx.example.com. 60 IN A 192.0.2.2")
		r.Targets(n) // finds it due for another try
		time.Sleep(time.Second)
		got, _ := r.Targets(n)
		want(t, texts(got), "udp 192.0.2.2:5060")
		ns.Behave(nameserver.Behaviour{Silent: true})
		time.Sleep(25 * time.Hour)
		want(t, find(t, r, n))
		if s := r.Stats(); s.StaleServed == 0 || s.Failures == 0 {
			t.Errorf("stats %+v count nothing of it", s)
		}
	})
}

func zeroTTL(t *testing.T) {
	inBubble(t, func(ns *nameserver.Server, r *Resolver) {
		ns.Set("pbx.example.com. 0 IN A 192.0.2.1")
		n := Name{Host: "pbx.example.com", Port: 5060}
		for range 2000 {
			want(t, find(t, r, n), "udp 192.0.2.1:5060")
			time.Sleep(time.Millisecond)
		}
		if q := ns.Queries(n.Host, dns.TypeA); q != 2 {
			t.Errorf("%d queries for 2,000 messages in 2 s, want 2", q)
		}
	})
}

func neverBlocks(t *testing.T) {
	inBubble(t, func(ns *nameserver.Server, r *Resolver) {
		ns.Behave(nameserver.Behaviour{Silent: true})
		n := Name{Host: "pbx.example.com"}
		began, ended := time.Now(), new(atomic.Int32)
		for range 100 {
			r.Resolve(n, func() { ended.Add(1) })
			if _, ok := r.Targets(n); ok {
				t.Error("a target nobody told us of")
			}
		}
		if !time.Now().Equal(began) {
			t.Errorf("the callers waited %v", time.Since(began))
		}
		time.Sleep(11 * time.Second)
		if ended.Load() != 100 {
			t.Errorf("%d of 100 callers were told that the lookup ended", ended.Load())
		}
		if l := r.Stats().Lookups; l != 1 {
			t.Errorf("%d lookups of one name, want one that all join", l)
		}
	})
}
