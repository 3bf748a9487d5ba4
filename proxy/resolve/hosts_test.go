package resolve

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"releve/testbed/nameserver"
)

const hostsText = `# a comment
127.0.0.1	localhost
192.0.2.20  PBX.example.com  pbx # the IPBX
192.0.2.21	pbx
2001:db8::20	pbx.example.com.
::ffff:192.0.2.22 mapped
fe80::1%eth0 zoned
0.0.0.0 blocked
not-an-address name
192.0.2.30
2001:db8::31 six
`

func hostsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHostsFileAsWritten(t *testing.T) {
	for name, want := range map[string]string{
		"pbx":                   "[192.0.2.20 192.0.2.21]",
		"pbx.example.com.":      "[192.0.2.20 2001:db8::20]",
		"mapped":                "[192.0.2.22]",
		"zoned":                 "[]",
		"blocked":               "[]",
		"name":                  "[]",
		"192.0.2.30":            "[]",
		"the":                   "[]",
		"six":                   "[2001:db8::31]",
		strings.Repeat("x", 70): "[]",
		"":                      "[]",
	} {
		h := hosts{path: hostsFile(t, hostsText)}
		if got := fmt.Sprint(h.find(name, true, true, time.Now())); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// The file of an ad blocker must not fill our memory, nor one name a set.
func TestHostsFileIsBounded(t *testing.T) {
	var b strings.Builder
	for i := 0; b.Len() < maxHostsBytes+1000; i++ {
		fmt.Fprintf(&b, "10.%d.%d.%d many n%d\n", i>>16, i>>8&255, i&255, i)
	}
	h := hosts{path: hostsFile(t, b.String()+"192.0.2.1 beyond\n")}
	now := time.Now()
	if got := h.find("many", true, true, now); len(got) != maxRecords || got[0] != netip.MustParseAddr("10.0.0.0") {
		t.Errorf("%d addresses: %v", len(got), got)
	}
	if got := h.find("beyond", true, true, now); got != nil {
		t.Errorf("read to the end: %v", got)
	}
}

// A site without DNS names its IPBX in /etc/hosts, with a port or without.
func TestNameInHostsNeedsNoDNS(t *testing.T) {
	c := Config{Hosts: hostsFile(t, hostsText), IPv4: true, IPv6: true}
	inBubbleWith(t, c, func(ns *nameserver.Server, r *Resolver) {
		ns.Behave(nameserver.Behaviour{Silent: true})
		began := time.Now()
		want(t, find(t, r, Name{Host: "PBX.example.com"}), "udp [2001:db8::20]:5060", "udp 192.0.2.20:5060")
		want(t, find(t, r, Name{Host: "pbx", Port: 5070, Network: tcp, Given: true}), "tcp 192.0.2.20:5070", "tcp 192.0.2.21:5070")
		want(t, find(t, r, Name{Host: "six", Secure: true}), "tls [2001:db8::31]:5061")
		if s := r.Stats(); s.Queries != 0 || s.Failures != 0 || time.Since(began) != 0 {
			t.Errorf("%+v after %v", s, time.Since(began))
		}
	})
}

// The addresses of an SRV target may stand in /etc/hosts, and a name that is
// there only in a family we do not serve is left to DNS.
func TestHostsAndDNSTogether(t *testing.T) {
	c := Config{Hosts: hostsFile(t, hostsText), IPv4: true}
	inBubbleWith(t, c, func(ns *nameserver.Server, r *Resolver) {
		ns.Set("_sip._udp.example.com. 60 IN SRV 1 1 5080 pbx.", "_sip._udp.example.com. 60 IN SRV 2 1 5081 far.example.com.",
			"far.example.com. 60 IN A 192.0.2.40", "pbx. 60 IN A 192.0.2.99", "six. 60 IN A 192.0.2.41")
		want(t, find(t, r, Name{Host: "example.com", Given: true}), "udp 192.0.2.20:5080", "udp 192.0.2.21:5080", "udp 192.0.2.40:5081")
		want(t, find(t, r, Name{Host: "six", Port: 5060}), "udp 192.0.2.41:5060")
		asked(t, ns, "pbx.", dns.TypeA, 0)
	})
}

// A changed file counts within a quarter of a minute, for watched names too; a
// line that is gone does not live on as a stale answer.
func TestHostsFileThatChangesIsReadAgain(t *testing.T) {
	path := hostsFile(t, "192.0.2.20 pbx\n")
	c, all := watch()
	c.Hosts = path
	inBubbleWith(t, c, func(ns *nameserver.Server, r *Resolver) {
		n := Name{Host: "pbx", Port: 5060}
		write := func(text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(15 * time.Second)
			synctest.Wait()
		}
		r.Watch(n)
		synctest.Wait()
		write("192.0.2.121 pbx\n")
		want(t, find(t, r, n), "udp 192.0.2.121:5060")
		ns.Behave(nameserver.Behaviour{Silent: true})
		write("# nothing\n")
		time.Sleep(15 * time.Second)
		want(t, find(t, r, n))
		ns.Behave(nameserver.Behaviour{})
		ns.Set("pbx. 60 IN A 192.0.2.50")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		want(t, find(t, r, n), "udp 192.0.2.50:5060")
		r.Unwatch(n)
		var told [][]string
		for _, x := range all.heard() {
			told = append(told, x.targets)
		}
		if got := fmt.Sprint(told); got != "[[udp 192.0.2.20:5060] [udp 192.0.2.121:5060] [] [udp 192.0.2.50:5060]]" {
			t.Errorf("told %s", got)
		}
	})
}
