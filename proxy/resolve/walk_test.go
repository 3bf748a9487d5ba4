package resolve

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"releve/proxy/transport"
)

// zone answers a walk from zone-file lines, without a wire: "NAME TYPE fails"
// is a question no server answers.
type zone struct {
	records []dns.RR
	fails   map[question]bool

	mu    sync.Mutex
	asked []string
}

func newZone(t *testing.T, lines ...string) *zone {
	t.Helper()
	z := &zone{fails: make(map[question]bool)}
	for _, line := range lines {
		if f := strings.Fields(line); f[2] == "fails" {
			z.fails[ask(f[0], dns.StringToType[f[1]])] = true
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		z.records = append(z.records, rr)
	}
	return z
}

func (z *zone) ask(q question) (answer, error) {
	z.mu.Lock()
	z.asked = append(z.asked, q.name+" "+dns.TypeToString[q.kind])
	z.mu.Unlock()
	if z.fails[q] {
		return answer{}, errServer
	}
	// Only what a server that follows no alias would send.
	var section []dns.RR
	for _, rr := range z.records {
		if is(rr, q) || is(rr, question{q.name, dns.TypeCNAME}) {
			section = append(section, rr)
		}
	}
	return collect(section, q, time.Time{}), nil
}

func (z *zone) walk() *walk {
	return &walk{ask: z.ask, local: func(string) bool { return false }, networks: []transport.Network{udp, tcp, tls}, ipv4: true}
}

func TestWalk(t *testing.T) {
	const (
		a1  = "one.example. 60 IN A 192.0.2.1"
		a2  = "two.example. 60 IN A 192.0.2.2"
		aD  = "d.example. 60 IN A 192.0.2.9"
		udp = "_sip._udp.d.example. 60 IN SRV 1 0 5062 one.example."
		tcp = "_sip._tcp.d.example. 60 IN SRV 1 0 5063 two.example."
		nT  = `d.example. 60 IN NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.d.example.`
		nU  = `d.example. 60 IN NAPTR 2 1 "s" "SIP+D2U" "" _sip._udp.d.example.`
	)
	d := Name{Host: "d.example"}
	given := Name{Host: "d.example", Given: true}
	for _, c := range []struct {
		name    string
		zone    []string
		of      Name
		want    string
		failing bool
	}{
		{"a NAPTR that leads nowhere gives way to the next", []string{nT, nU, udp, a1}, d, "udp 192.0.2.1:5062", false},
		{"a NAPTR of lower order rules though listed last", []string{nU, nT, udp, tcp, a1, a2}, d, "tcp 192.0.2.2:5063", false},
		{"NAPTRs without SRV give way to the probes", []string{nU, tcp, a2, aD}, d, "tcp 192.0.2.2:5063", false},
		{"SRV sets whose hosts are gone are no reason to call the domain", []string{udp, aD}, d, "", false},
		{"no SRV: the domain itself", []string{aD}, d, "udp 192.0.2.9:5060", false},
		{"nothing at all", nil, d, "", false},
		{"boxes that fail on NAPTR", []string{"d.example. NAPTR fails", tcp, a2}, d, "tcp 192.0.2.2:5063", false},
		{"one failing SRV, another transport answers", []string{"_sip._udp.d.example. SRV fails", tcp, a2}, d, "tcp 192.0.2.2:5063", true},
		{"a failing SRV and a host that is known", []string{"_sip._udp.d.example. SRV fails", aD}, given, "udp 192.0.2.9:5060", true},
		{"one host of the set fails", []string{
			udp, a1, "_sip._udp.d.example. 60 IN SRV 2 0 5062 two.example.", "two.example. A fails",
		}, given, "udp 192.0.2.1:5062", true},
		{"everything fails", []string{"_sip._udp.d.example. SRV fails", "d.example. A fails"}, given, "", true},
		{"aliases are followed", []string{
			"_sip._udp.d.example. 60 IN CNAME srv.example.", "srv.example. 60 IN SRV 1 0 5070 x.example.",
			"x.example. 60 IN CNAME y.example.", "y.example. 60 IN CNAME one.example.", a1,
		}, given, "udp 192.0.2.1:5070", false},
		{"aliases in a circle lead nowhere", []string{
			"d.example. 60 IN CNAME e.example.", "e.example. 60 IN CNAME d.example.",
		}, given, "", false},
		{"a numeric SRV target is meant as it reads", []string{"_sip._udp.d.example. 60 IN SRV 1 0 5070 192.0.2.5."}, given, "udp 192.0.2.5:5070", false},
		{"port 0 is no port", []string{"_sip._udp.d.example. 60 IN SRV 1 0 0 one.example.", a1, aD}, given, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := newZone(t, c.zone...).walk().find(c.of.canonical())
			if got := strings.Join(texts(flat(set)), ", "); got != c.want {
				t.Errorf("leads to %q, want %q", got, c.want)
			}
			if (err != nil) != c.failing {
				t.Errorf("error %v, want one: %v", err, c.failing)
			}
		})
	}
}

func TestWalkAsksNoMoreThanItNeeds(t *testing.T) {
	z := newZone(t, `d.example. 60 IN NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.d.example.`,
		"_sip._tcp.d.example. 60 IN SRV 1 0 5063 two.example.", "two.example. 60 IN A 192.0.2.2")
	if _, err := z.walk().find(Name{Host: "d.example"}); err != nil {
		t.Fatal(err)
	}
	want(t, z.asked, "d.example. NAPTR", "_sip._tcp.d.example. SRV", "two.example. A")
}

// A set of any size keeps the 16 records of best priority.
func TestWalkBoundsASet(t *testing.T) {
	var lines []string
	for i := 59; i >= 0; i-- {
		lines = append(lines, fmt.Sprintf("_sip._udp.d.example. 60 IN SRV %d 0 5060 h%d.example.", i, i),
			fmt.Sprintf("h%d.example. 60 IN A 192.0.2.%d", i, i+1))
	}
	set, err := newZone(t, lines...).walk().find(Name{Host: "d.example", Given: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(flat(set)); len(got) != maxRecords || got[0] != "udp 192.0.2.1:5060" || got[15] != "udp 192.0.2.16:5060" {
		t.Errorf("kept %q", got)
	}
}

func TestAskableHosts(t *testing.T) {
	for host, ok := range map[string]bool{
		"pbx.example.com": true, "pbx": true, "a_b.example": true, "3cx.example": true, "xn--bcher-kva.example": true,
		"": false, ".": false, "a..b": false, "1.2.3.4.5": false, "300.1.1.1": false, "example.123": false,
		"a b.example": false, "a\r\nb.example": false, "é.example": false, "a*.example": false, "a/b": false,
		strings.Repeat("a", 64) + ".example":  false,
		strings.Repeat("a.", 127) + "example": false,
	} {
		if askable(host) != ok {
			t.Errorf("askable(%q) is not %v", host, ok)
		}
	}
}

func TestCanonicalNamesAreEqualWhereTheirQuestionsAre(t *testing.T) {
	for _, pair := range [][2]Name{
		{{Host: "PBX.Example."}, {Host: "pbx.example"}},
		{{Host: "pbx.example", Network: tls}, {Host: "pbx.example"}},
		{{Host: "pbx.example", Given: true, Secure: true, Network: tcp}, {Host: "pbx.example", Given: true, Secure: true, Network: tls}},
	} {
		if pair[0].canonical() != pair[1].canonical() {
			t.Errorf("%+v and %+v differ", pair[0], pair[1])
		}
	}
	n := Name{Host: "pbx.example.com"}
	if allocs := testing.AllocsPerRun(100, func() {
		c := n.canonical()
		c.literal(true)
	}); allocs > 0 {
		t.Errorf("reading a name takes %v allocations per message", allocs)
	}
}

func TestReadConf(t *testing.T) {
	list, err := readConf("testdata/resolv.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(list, []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53"), netip.MustParseAddrPort("127.0.0.2:53")}) {
		t.Errorf("read %v", list)
	}
	list, err = readConf("testdata/absent")
	if err != nil || len(list) != 1 {
		t.Errorf("an absent file gives %v, %v; want the local server", list, err)
	}
	if _, err = readConf("testdata"); err == nil {
		t.Error("a directory was read")
	}
}
