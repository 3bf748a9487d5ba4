package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/router"
	"releve/router/licence"
	"releve/testbed/nameserver"
	"releve/testbed/tlstest"
)

const bridgePattern = `
site: "test"
language: en
level: base
listen:
  - {address: "udp://%[1]s"}
  - {address: "tcp://%[1]s"}
  - {address: "tls://%[2]s"}
tls: {certificate: %[3]s/releve.pem, key: %[3]s/releve.key, ca: %[4]s, client: require}
dns: {servers: [%[7]s], timeout: 500ms}
keys: {file: %[3]s/keys}
ipbx:
  - {name: ipbx, address: "%[5]s", sources: [127.0.41.1], large: tcp}
servers:
  - {name: principal, role: primary, address: "%[6]s", lines: 4}
service_numbers: ["5000"]
verification: {timeout: 400ms, idle_interval: 1s}
store: {path: %[3]s}
admin: {socket: %[3]s/admin.sock}
`

// bridge is a node between two scripted parties on real sockets.
type bridge struct {
	site
	authority *tlstest.Authority
	us        map[string]netip.AddrPort // our listener by network
	names     *nameserver.Server
}

// newBridge prepares certificates and a name server; start starts the node.
func newBridge(t *testing.T) *bridge {
	t.Helper()
	b := &bridge{site: site{t: t, dir: t.TempDir()}, us: make(map[string]netip.AddrPort)}
	var err error
	b.authority, err = tlstest.NewAuthority(b.dir, "authority")
	b.must(err)
	b.renew()
	b.names, err = nameserver.Start("127.0.41.53:0")
	b.must(err)
	t.Cleanup(b.names.Close)
	b.us["udp"] = freePort(t, "127.0.41.9")
	b.us["tcp"] = b.us["udp"]
	for b.us["tls"] = freePort(t, "127.0.41.9"); b.us["tls"] == b.us["udp"]; {
		b.us["tls"] = freePort(t, "127.0.41.9")
	}
	return b
}

// renew replaces Relève's certificate.
func (b *bridge) renew() {
	b.t.Helper()
	_, err := b.authority.Issue(tlstest.Leaf{Name: "releve", SANs: []string{"127.0.41.9"}, NotAfter: time.Now().AddDate(1, 0, 0)})
	b.must(err)
}

// party listens on a host; over TLS it shows a certificate for the host and the
// names given, and wants one.
func (b *bridge) party(network, host string, names ...string) *party {
	b.t.Helper()
	pair, err := b.authority.Issue(tlstest.Leaf{Name: host, SANs: append(names, host)})
	b.must(err)
	own, err := tls.LoadX509KeyPair(pair.Certificate, pair.Key)
	b.must(err)
	return newParty(b.t, network, host, &tls.Config{
		Certificates: []tls.Certificate{own}, RootCAs: b.authority.Pool(), ClientCAs: b.authority.Pool(),
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	})
}

func (b *bridge) start(ipbx, server string) {
	b.t.Helper()
	file := filepath.Join(b.dir, "releve.yaml")
	body := fmt.Sprintf(bridgePattern, b.us["udp"], b.us["tls"], b.dir, b.authority.File, ipbx, server, b.names.Addr())
	b.must(os.WriteFile(file, []byte(body), 0o600))
	cfg, problems, err := config.Load(file, text.English)
	if err != nil || config.Faulty(problems) {
		b.t.Fatal(err, problems)
	}
	b.node, err = New(cfg, Options{Version: "test", Log: slog.New(slog.NewTextHandler(b.t.Output(), nil))})
	b.must(err)
	b.must(b.node.Start(b.t.Context()))
	b.t.Cleanup(func() { b.node.Stop() })
}

// established is a call as both sides know it.
type established struct{ ok, down string }

// call sets a call up from the IPBX.
func (b *bridge) call(id string, ipbx, server *party, extra ...string) established {
	b.t.Helper()
	us := b.us[ipbx.network]
	invite := ipbx.invite(id, us, extra...)
	ipbx.say(us, invite)
	down := server.hear("INVITE sip:5000@")
	if of := sipHeader(down.raw, "Call-ID"); of != sipHeader(invite, "Call-ID") {
		b.t.Fatalf("call %s: the server was called again by %s", id, of)
	}
	via := sipHeader(down.raw, "Via")
	if want := "SIP/2.0/" + strings.ToUpper(server.network) + " " + b.us[server.network].String() + ";"; !strings.HasPrefix(via, want) {
		b.t.Fatalf("Via %q, want %q", via, want)
	}
	b.t.Logf("call %s came to the server; %+v", id, b.node.wire.Connections())
	down.reply(sipAnswer(down.raw, 180, "t", "Contact: <"+server.uri("ivr")+">"))
	ipbx.hear("180")
	down.reply(sipAnswer(down.raw, 200, "t", "Contact: <"+server.uri("ivr")+">"))
	ok := ipbx.hear("200").raw
	ipbx.say(us, ipbx.within(ok, "ACK", id+"-ack", 1))
	server.hear("ACK")
	return established{ok, down.raw}
}

// hangUp ends a call from either side.
func (b *bridge) hangUp(id string, c established, by, other *party) {
	b.t.Helper()
	dialog := c.down
	if strings.Contains(sipHeader(c.down, "Contact"), by.addr.String()) {
		dialog = c.ok
	}
	by.say(b.us[by.network], by.within(dialog, "BYE", id+"-bye", 2))
	bye := other.hear("BYE")
	if routes := sipHeaders(bye.raw, "Route"); len(routes) != 0 {
		b.t.Fatalf("Route beyond us: %q", routes)
	}
	bye.reply(sipAnswer(bye.raw, 200, "t"))
	by.hear("200")
}

// bridges is a site with one transport on each side, hung up by either; over TLS
// Relève's certificate is renewed in the middle, and nothing is lost.
func bridges(mixes ...[2]string) func(*testing.T) {
	return func(t *testing.T) {
		for _, mix := range mixes {
			t.Run(mix[0]+" to "+mix[1], func(t *testing.T) {
				b := newBridge(t)
				ipbx, server := b.party(mix[0], "127.0.41.1"), b.party(mix[1], "127.0.41.2")
				b.start(ipbx.uri(""), server.uri(""))
				b.hangUp("one", b.call("one", ipbx, server), ipbx, server)
				b.hangUp("two", b.call("two", ipbx, server), server, ipbx)
				across := b.call("across", ipbx, server)
				b.renewed(ipbx, server)
				b.hangUp("three", b.call("three", ipbx, server), server, ipbx)
				b.hangUp("across", across, ipbx, server)
			})
		}
	}
}

// alarmed reports whether an alarm is active.
func (b *bridge) alarmed(n alarm.Number, object string) bool {
	for _, a := range b.node.Alarms(b.t.Context()) {
		if a.Number == uint16(n) && a.Object == object {
			return true
		}
	}
	return false
}

// renewed replaces the certificate and waits until it is shown to who connects.
func (b *bridge) renewed(parties ...*party) {
	b.t.Helper()
	for _, p := range parties {
		if p.network != "tls" {
			continue
		}
		us := b.us["tls"]
		_, err := p.connection(us)
		b.must(err)
		before := p.certificate()
		b.renew()
		b.until("the new certificate is shown", func() bool {
			p.hangUpConnections()
			_, err := p.connection(us)
			return err == nil && p.certificate() != before
		})
	}
}

// TestCertificateAlarms: broken files are told and the former ones serve on; so
// is a certificate that ends soon.
func TestCertificateAlarms(t *testing.T) {
	t.Parallel() // it waits
	b := newBridge(t)
	ipbx, server := b.party("tls", "127.0.41.1"), b.party("udp", "127.0.41.2")
	b.start(ipbx.uri(""), server.uri(""))
	file := filepath.Join(b.dir, "releve.pem")
	b.must(os.WriteFile(file, []byte("no certificate"), 0o600))
	b.until("broken files are told", func() bool { return b.alarmed(alarm.CertificateBroken, file) })
	b.hangUp("one", b.call("one", ipbx, server), ipbx, server)
	_, err := b.authority.Issue(tlstest.Leaf{Name: "releve", SANs: []string{"127.0.41.9"}})
	b.must(err)
	b.until("its end is told", func() bool {
		return b.alarmed(alarm.CertificateEnding, file) && !b.alarmed(alarm.CertificateBroken, file)
	})
	b.renew()
	b.until("all is well", func() bool { return !b.alarmed(alarm.CertificateEnding, file) })
}

// TestNameUnknown: DNS never knew the server: an alarm says so.
func TestNameUnknown(t *testing.T) {
	t.Parallel() // it waits
	b := newBridge(t)
	b.names.Negative(1)
	ipbx := b.party("udp", "127.0.41.1")
	b.start(ipbx.uri(""), "sip:voice.test;transport=udp")
	b.until("the alarm names it", func() bool { return b.alarmed(alarm.NameLost, "voice.test") })
	server := b.party("udp", "127.0.41.2")
	b.names.Set(fmt.Sprintf("_sip._udp.voice.test. 60 SRV 1 1 %d one.test.", server.addr.Port()), "one.test. 60 A 127.0.41.2")
	b.until("the alarm ends", func() bool { return !b.alarmed(alarm.NameLost, "voice.test") })
	b.hangUp("one", b.call("one", ipbx, server), ipbx, server)
}

// TestLargeByTCP: an INVITE of a server that UDP would fragment goes to an IPBX
// of large: tcp over TCP, where it listens on the same port.
func TestLargeByTCP(t *testing.T) {
	b := newBridge(t)
	ipbx, server := b.party("tcp", "127.0.41.1"), b.party("udp", "127.0.41.2")
	b.start("sip:"+ipbx.addr.String(), server.uri(""))
	us := b.us["udp"]
	server.say(us, server.invite("large", us, "X-Large: "+strings.Repeat("x", 1400)))
	down := ipbx.hear("INVITE")
	if via := sipHeader(down.raw, "Via"); !strings.HasPrefix(via, "SIP/2.0/TCP ") {
		t.Fatalf("Via %q", via)
	}
	down.reply(sipAnswer(down.raw, 404, "t"))
	server.hear("404")
}

// TestNamedServer: a server that is a name with two addresses. The first one
// refuses: the second has the call. DNS falls silent: calls go on. It leads
// elsewhere: new calls follow, and the new address is known as the server's.
func TestNamedServer(t *testing.T) {
	t.Parallel() // it waits
	b := newBridge(t)
	ipbx, second := b.party("udp", "127.0.41.1"), b.party("udp", "127.0.41.3")
	dead := freePort(t, "127.0.41.2")
	srv := func(priority int, a netip.AddrPort, host string) []string {
		return []string{
			fmt.Sprintf("_sip._udp.voice.test. 1 SRV %d 1 %d %s.voice.test.", priority, a.Port(), host),
			fmt.Sprintf("%s.voice.test. 1 A %s", host, a.Addr()),
		}
	}
	b.names.Set(append(srv(1, dead, "one"), srv(2, second.addr, "two")...)...)
	b.start(ipbx.uri(""), "sip:voice.test;transport=udp")
	b.hangUp("one", b.call("one", ipbx, second), second, ipbx)
	if n := b.node.proxy.Stats.Retargeted.Load(); n == 0 {
		t.Fatal("the address of the highest priority was not tried")
	}
	b.until("the round goes on to the address that answers", func() bool {
		return b.node.Status(t.Context()).Servers[0].RTT > 0
	})

	b.names.Behave(nameserver.Behaviour{Silent: true})
	b.until("the alarm says that old addresses serve", func() bool { return b.alarmed(alarm.NameStale, "voice.test") })
	b.hangUp("two", b.call("two", ipbx, second), ipbx, second)

	b.names.Behave(nameserver.Behaviour{})
	b.until("the alarm ends", func() bool { return !b.alarmed(alarm.NameStale, "voice.test") })
	third := b.party("udp", "127.0.41.4")
	b.names.Remove("_sip._udp.voice.test.", dns.TypeSRV)
	b.names.Set(srv(1, third.addr, "three")...)
	b.until("the new address is known", func() bool { return b.node.known(third.addr.Addr()) })
	b.hangUp("three", b.call("three", ipbx, third), third, ipbx)
}

// TestNamedServerOverTLS: the certificate must show the domain that was
// configured, whatever DNS makes of it (RFC 5922 §7.3).
func TestNamedServerOverTLS(t *testing.T) {
	b := newBridge(t)
	ipbx := b.party("udp", "127.0.41.1")
	impostor, server := b.party("tls", "127.0.41.2", "other.test"), b.party("tls", "127.0.41.3", "voice.test")
	b.names.Set(
		fmt.Sprintf("_sips._tcp.voice.test. 60 SRV 1 1 %d one.test.", impostor.addr.Port()), "one.test. 60 A 127.0.41.2",
		fmt.Sprintf("_sips._tcp.voice.test. 60 SRV 2 1 %d two.test.", server.addr.Port()), "two.test. 60 A 127.0.41.3")
	b.start(ipbx.uri(""), "sip:voice.test;transport=tls")
	b.hangUp("one", b.call("one", ipbx, server), server, ipbx)
	select {
	case m := <-impostor.inbox:
		t.Fatalf("the impostor was told %q", m.raw)
	case <-time.After(10 * time.Millisecond):
	}
}

// TestEachRegistrarIsGivenItsOwnContact: the Contact of every registration was
// that of the first UDP listener, which an IPBX on TCP, TLS or IPv6 cannot call.
func TestEachRegistrarIsGivenItsOwnContact(t *testing.T) {
	listen := func(transport, address string) config.Listen {
		a := netip.MustParseAddrPort(address)
		return config.Listen{Transport: transport, Address: a, Advertise: a}
	}
	ipbx := func(transport, address string) config.IPBX {
		a := netip.MustParseAddrPort(address)
		return config.IPBX{Address: config.URI{Host: a.Addr().String(), Addr: a, Transport: transport}}
	}
	user := config.User{Name: "principal", AOR: config.URI{User: "5001", Host: "pbx.test"}}
	a := &App{}
	a.current.Store(&config.Config{
		Listen: []config.Listen{
			listen("udp", "10.0.0.5:5060"), listen("tcp", "10.0.0.5:5060"), listen("tls", "10.0.0.5:5061"), listen("udp", "[fd00::5]:5060"),
		},
		IPBX:         []config.IPBX{ipbx("udp", "10.0.0.1:5060"), ipbx("tcp", "10.0.0.2:5060"), ipbx("tls", "10.0.0.3:5061"), ipbx("", "[fd00::1]:5060")},
		Servers:      []config.Server{{Name: "principal", Role: router.Primary}},
		Registration: config.Registration{Mode: licence.Pair, Users: []config.User{user}},
	})
	for i, want := range []string{
		"sip:5001@10.0.0.5:5060", "sip:5001@10.0.0.5:5060;transport=tcp", "sip:5001@10.0.0.5:5061;transport=tls", "sip:5001@[fd00::5]:5060",
	} {
		if got := a.registrars()[i].Contacts[router.Primary]; got != want {
			t.Errorf("IPBX %d is given %q, want %q", i, got, want)
		}
	}
	a.cfg().Registration.Users[0].AOR.Secure = true
	if r := a.registrars()[2]; r.URI != "sips:10.0.0.3" || r.Contacts[router.Primary] != "sips:5001@10.0.0.5:5061" {
		t.Errorf("a sips user: %+v", r)
	}
}
