package proxy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"releve/proxy/transport"
	"releve/router"
)

func TestConformanceAddressing(t *testing.T) {
	t.Run("R01 RFC 3261 §16.4 strict router upstream", TestSection16_4_StrictRouter)
	t.Run("R02 RFC 3261 §16.4 our Route values", TestSection16_4)
	t.Run("R02 RFC 5658 §5 both values removed, in either order", testMixes)
	t.Run("R03 RFC 3261 §16.6(6) strict router downstream", testStrictPeer)
	t.Run("R04 RFC 3261 §16.4 maddr", testMaddr)
	t.Run("R05 RFC 3261 §16.6(6)(7) a foreign Route", testForeignRoute)
	t.Run("R10 RFC 3261 §16.6(2) §19.1.1", testTargetURI)
	t.Run("F02 RFC 3261 §16.6(7)(8) a branch for each attempt", testBranchOfEachAttempt)
	t.Run("F06 RFC 3261 §16.6(4), RFC 5658 §4–5 every mix of transports", testMixes)
	t.Run("F06 RFC 3261 §16.6(4) two IP families", testFamilies)
	t.Run("F07 RFC 3261 §16.6(4), RFC 5630 Record-Route of sips", testSecure)
	t.Run("F13 RFC 3261 §16.6(7) the next address", testNextAddress)
	t.Run("F13 RFC 3261 §16.6(7) all addresses fail", testNoAddressLeft)
	t.Run("D03 RFC 3263 §4.3 what leads on and what stops", testNextAddress)
	t.Run("D03 RFC 3263 §4.3 the silent one speaks after all", testSilentSpeaks)
	t.Run("D04 RFC 3261 §9.1 §17.1.1.3 CANCEL and ACK follow the INVITE", testSameTuple)
	t.Run("D05 RFC 3263 §5 a response finds its way by the sent-by's name", testResponseByName)
	t.Run("D06 names of in-dialog requests never block", testDialogByName)
	t.Run("X02 RFC 3261 §18.1.1 a large request goes over TCP", testLarge)
	t.Run("X03 RFC 3261 §18.1.1 TCP refused: over UDP", testLargeRefused)
	t.Run("X04 RFC 3261 §18.1.1 datagrams up to 65,535", testLargeDatagram)
	t.Run("X06 RFC 3261 §18.2.2 the connection of the request", TestSection18_2_2_Stream)
	t.Run("X08 RFC 3261 §18.2.1 received", TestRFC3581)
	t.Run("X09 RFC 3581 §4", TestRFC3581)
	t.Run("X10 RFC 3581 §3 rport in our own Via", testOwnRport)
	t.Run("X12 RFC 3261 §18.2.2 maddr in Via: our choice", testViaMaddr)
	t.Run("I01 RFC 5118 §4.5 IPv6 in every place", testFamilies)
	t.Run("I02 IPv4 and IPv6 bridged", testFamilies)
	t.Run("U02 SIPconnect 2.0 IPv6", testFamilies)
	t.Run("S04 RFC 5630 §3 sips is never downgraded", testSecureRefused)
	t.Run("flow 38 NAT rebinding at the IPBX", testRebinding)
	t.Run("flow 39 SRV flips between INVITE and CANCEL", testSameTuple)
	t.Run("flow 42 the same INVITE over UDP and TCP", testSameOverTwo)
	t.Run("flow 44 the server answers from another address", testOtherSource)
}

var (
	addrSecure  = at("10.0.0.5:5061")
	addrUs6     = at("[fd00::5]:5060")
	addrSecure6 = at("[fd00::5]:5061")
)

// everyListener has all networks and both families.
func everyListener(c *Config) {
	c.Listeners = append(c.Listeners,
		Listener{Network: transport.TLS, SentBy: addrSecure.String()},
		Listener{SentBy: addrUs6.String()},
		Listener{Network: transport.TCP, SentBy: addrUs6.String()},
		Listener{Network: transport.TLS, SentBy: addrSecure6.String()})
}

// end is one side of a mix.
type end struct {
	network transport.Network
	where   netip.AddrPort
	us      netip.AddrPort // our listener towards it
}

func ends(host4, host6 string) (out []end) {
	for _, n := range [...]transport.Network{transport.UDP, transport.TCP, transport.TLS} {
		port, us4, us6 := "5060", addrUs, addrUs6
		if n == transport.TLS {
			port, us4, us6 = "5061", addrSecure, addrSecure6
		}
		out = append(out, end{n, at(host4 + ":" + port), us4}, end{n, at("[" + host6 + "]:" + port), us6})
	}
	return out
}

func (e end) String() string {
	family := "IPv6"
	if e.where.Addr().Is4() {
		family = "IPv4"
	}
	return e.network.String() + " " + family
}

// ownURI is our URI on that side.
func (e end) ownURI() string { return "sip:" + e.us.String() + transportOf(e.network) }

func transportOf(n transport.Network) string {
	return [...]string{"", ";transport=tcp", ";transport=tls"}[n]
}

// talker is a party that speaks to one of our listeners, over whatever network.
type talker struct {
	*peer
	end
	heard []string
}

func (b *bed) talker(name string, e end) *talker {
	b.Helper()
	if e.network == transport.UDP {
		for _, p := range []*peer{b.ibx, b.ibx2, b.primary, b.secondary} {
			if p.addr == e.where {
				return &talker{peer: p, end: e}
			}
		}
	}
	return &talker{peer: b.peer(name, e.network, e.where), end: e}
}

// say sends to the listener on this side, with its transport in the Via.
func (t *talker) say(raw string) {
	t.b.Helper()
	t.sendTo(t.us, strings.Replace(raw, "Via: SIP/2.0/UDP "+host(t.where), "Via: SIP/2.0/"+t.network.String()+" "+host(t.where), 1))
}

// hear takes the next message, on whatever connection.
func (t *talker) hear(want string) string {
	t.b.Helper()
	t.heard = append(t.heard, t.streamed()...)
	if len(t.heard) == 0 {
		t.b.Fatalf("%s heard nothing, want %s", t.name, want)
	}
	raw := t.heard[0]
	t.heard = t.heard[1:]
	if !strings.HasPrefix(strings.TrimPrefix(startLine(raw), "SIP/2.0 "), want) {
		t.b.Fatalf("%s heard %q, want %s", t.name, startLine(raw), want)
	}
	return raw
}

// host is an address as the host of a URI or a Via.
func host(a netip.AddrPort) string { return strings.TrimSuffix(a.String(), fmt.Sprint(":", a.Port())) }

// configure makes the far end of a side.
func (e end) configure(p *Peer, c *Config) {
	p.Addr, p.Network = e.where, e.network
	for i, l := range c.Listeners {
		if l.SentBy == e.us.String() && l.Network == e.network {
			p.Listener = uint8(i)
		}
	}
}

// between runs f at a site with the IPBX on one side and the primary on another.
func between(t *testing.T, x, s end, f func(b *bed, ibx, primary *talker)) {
	run(t, func(b *bed) {
		f(b, b.talker("ibx", x), b.talker("primary", s))
	}, everyListener, func(c *Config) {
		x.configure(&c.IPBXs[0].Peer, c)
		s.configure(&c.Servers[router.Primary].Peer, c)
	})
}

// inviteFrom is an INVITE of the IPBX at an address.
func inviteFrom(id string, a netip.AddrPort) string {
	return strings.ReplaceAll(invite(id), "10.0.0.1", host(a))
}

// testMixes: a call over every pair of networks, hung up by either side. Each
// side finds its own listener in the Record-Route, first, and no Route of ours
// is left beyond us.
func testMixes(t *testing.T) {
	for _, x := range ends("10.0.0.1", "fd00::1") {
		for _, s := range ends("10.0.1.1", "fd00::101") {
			if x.where.Addr().Is6() || s.where.Addr().Is6() {
				continue // testFamilies
			}
			t.Run(x.String()+" to "+s.String(), func(t *testing.T) { between(t, x, s, mixedCalls) })
		}
	}
}

func testFamilies(t *testing.T) {
	for _, pair := range [][2]int{{0, 1}, {1, 0}, {1, 1}, {3, 4}, {5, 2}, {1, 5}} {
		x, s := ends("10.0.0.1", "fd00::1")[pair[0]], ends("10.0.1.1", "fd00::101")[pair[1]]
		t.Run(x.String()+" to "+s.String(), func(t *testing.T) { between(t, x, s, mixedCalls) })
	}
}

func mixedCalls(b *bed, ibx, primary *talker) {
	ok, _ := mixedCall(b, ibx, primary, "one")
	ibx.say(uac(ok, "BYE", "bye-one", 2, host(ibx.where)))
	bye := primary.hear("BYE sip:ivr@" + host(primary.where))
	want(b, "Route beyond us", len(headers(bye, "Route")), 0)
	primary.say(answer(bye, 200, "x"))
	ibx.hear("200")

	_, down := mixedCall(b, ibx, primary, "two")
	primary.say(uas(down, "BYE", "bye-two", "p", 1, host(primary.where)))
	bye = ibx.hear("BYE sip:0612345678@" + host(ibx.where))
	want(b, "Route beyond us", len(headers(bye, "Route")), 0)
	want(b, "Via towards the IPBX", vias(bye)[0][:len("SIP/2.0/UDP ")], "SIP/2.0/"+ibx.network.String()+" ")
	ibx.say(answer(bye, 200, "x"))
	primary.hear("200")
}

// mixedCall sets a call up and checks what each side is told.
func mixedCall(b *bed, ibx, primary *talker, id string) (ok, down string) {
	b.Helper()
	up := strings.Replace(inviteFrom(id, ibx.where), "Contact: <sip:0612345678@"+host(ibx.where)+":5060>",
		"Contact: <sip:0612345678@"+ibx.where.String()+transportOf(ibx.network)+">", 1)
	ibx.say(up)
	ibx.hear("100")
	down = primary.hear("INVITE sip:5001@" + primary.where.String() + transportOf(primary.network) + " SIP/2.0")
	own := "SIP/2.0/" + primary.network.String() + " " + primary.us.String() + ";branch=z9hG4bK"
	want(b, "our Via", strings.HasPrefix(vias(down)[0], own), true)
	var rr []string
	for _, v := range headers(down, "Record-Route") {
		uri, _, _ := strings.Cut(uriIn(v), ";lr")
		rr = append(rr, uri)
	}
	expected := []string{primary.ownURI(), ibx.ownURI()}
	want(b, "Record-Route", strings.Join(rr, " "), strings.Join(slices.Compact(expected), " "))
	primary.say(answer(down, 200, "p", "Contact: <sip:ivr@"+primary.where.String()+transportOf(primary.network)+">"))
	ok = ibx.hear("200")
	ibx.say(uac(ok, "ACK", "ack-"+id, 1, host(ibx.where)))
	ack := primary.hear("ACK")
	want(b, "Route beyond us", len(headers(ack, "Route")), 0)
	return ok, down
}

// testStrictPeer: the Route left on top has no lr: it becomes the Request-URI,
// and the old one goes to the end.
func testStrictPeer(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("s")
		info := uac(ok, "INFO", "strict", 2, "10.0.0.1")
		info = strings.Replace(info, "From:", "Route: <sip:10.0.1.1;x=y>\r\nFrom:", 1)
		b.ibx.send(info)
		got := b.primary.take("INFO sip:10.0.1.1;x=y SIP/2.0")
		want(b, "Route", strings.Join(headers(got, "Route"), "|"), "<sip:ivr@10.0.1.1:5060>")
		b.primary.send(answer(got, 200, "x"))
		b.ibx.take("200")
		b.hangUp(ok)
	})
}

// testMaddr: one that names the listener the request came by goes, with a port
// and a transport other than SIP's own; one of another host is obeyed.
func testMaddr(t *testing.T) {
	for _, r := range []struct{ name, uri, want string }{
		{"ours", "sip:ivr@10.0.1.1:5060;maddr=10.0.0.5;x=y", "INFO sip:ivr@10.0.1.1:5060;x=y SIP/2.0"},
		{"another host", "sip:ivr@192.0.2.7:5060;maddr=10.0.1.1", "INFO sip:ivr@192.0.2.7:5060;maddr=10.0.1.1 SIP/2.0"},
		{"another port of ours is not this listener: nowhere to go but the far end of the dialog", "sip:ivr@10.0.1.1:5070;maddr=10.0.0.5", "INFO sip:ivr@10.0.1.1:5070;maddr=10.0.0.5 SIP/2.0"},
	} {
		t.Run(r.name, func(t *testing.T) {
			run(t, func(b *bed) {
				_, ok := b.establish("m")
				b.ibx.send(with(uac(ok, "INFO", "maddr", 2, "10.0.0.1"), "INFO sip:ivr@10.0.1.1:5060 SIP", "INFO "+r.uri+" SIP"))
				b.primary.send(answer(b.primary.take(r.want), 200, "x"))
				b.ibx.take("200")
				b.hangUp(ok)
			})
		})
	}
}

// testForeignRoute: a call goes to the server that its role names, and never
// with a Route that names another.
func testForeignRoute(t *testing.T) {
	for _, r := range []struct{ name, routes, left string }{
		{"somebody else's", "Route: <sip:192.0.2.66;lr>", ""},
		{"the other server's", "Route: <sip:10.0.0.5;lr>, <sip:10.0.1.2;lr>", ""},
		{"the chosen server's", "Route: <sip:10.0.0.5;lr>, <sip:10.0.1.1:5060;lr>, <sip:10.9.9.9;lr>", "<sip:10.0.1.1:5060;lr>|<sip:10.9.9.9;lr>"},
	} {
		t.Run(r.name, func(t *testing.T) {
			run(t, func(b *bed) {
				up := adding(invite("r"), r.routes)
				b.ibx.send(up)
				b.ibx.take("100")
				down := b.primary.take("INVITE sip:5001@10.0.1.1:5060 SIP/2.0")
				var left []string
				for _, h := range headers(down, "Route") {
					for _, v := range strings.Split(h, ",") {
						left = append(left, strings.TrimSpace(v))
					}
				}
				want(b, "Route", strings.Join(left, "|"), r.left)
				b.stranger.silent()
				refuse(b, up, down, 404, b.primary, b.ibx)
			})
		})
	}
}

// testTargetURI: the URI of a target has no method and none of the parameters
// that the caller dialed with; headers are refused (RFC 3261 §19.1.1).
func testTargetURI(t *testing.T) {
	run(t, func(b *bed) {
		up := with(invite("u"), "INVITE sip:5000@10.0.0.5:5060 SIP", "INVITE sip:5000@10.0.0.5:5060;method=INVITE;ttl=3 SIP")
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE sip:5001@10.0.1.1:5060 SIP/2.0")
		refuse(b, up, down, 404, b.primary, b.ibx)
	})
}

// testSecure: a sips call goes by TLS, its Request-URI and Record-Route say sips,
// one value when it came without TLS.
func testSecure(t *testing.T) {
	for _, n := range []transport.Network{transport.TLS, transport.UDP} {
		t.Run(n.String(), func(t *testing.T) {
			x, s := ends("10.0.0.1", "fd00::1")[2*n], ends("10.0.1.1", "fd00::101")[4]
			between(t, x, s, func(b *bed, ibx, primary *talker) {
				up := with(inviteFrom("s", x.where), "INVITE sip:", "INVITE sips:")
				ibx.say(up)
				ibx.hear("100")
				down := primary.hear("INVITE sips:5001@10.0.1.1:5061 SIP/2.0")
				want(b, "Via", strings.HasPrefix(vias(down)[0], "SIP/2.0/TLS 10.0.0.5:5061;"), true)
				rr := headers(down, "Record-Route")
				want(b, "Record-Route values", len(rr), 1)
				want(b, "Record-Route", strings.HasPrefix(rr[0], "<sips:10.0.0.5:5061;lr;"), true)
				primary.say(answer(down, 404, "p"))
				primary.hear("ACK sips:")
				ibx.say(strings.Replace(ackNon2xx(up, ibx.hear("404")), "ACK sip:", "ACK sips:", 1))
			})
		})
	}
}

// testSecureRefused: 416 where TLS is not spoken, 480 with warning 380 where the
// server has none; in a dialog too.
func testSecureRefused(t *testing.T) {
	sips := with(invite("s"), "INVITE sip:", "INVITE sips:")
	t.Run("no TLS at all", func(t *testing.T) {
		run(t, func(b *bed) {
			b.ibx.send(sips)
			b.ibx.take("416")
			b.primary.silent()
		})
	})
	t.Run("the server has none", func(t *testing.T) {
		run(t, func(b *bed) {
			b.ibx.send(sips)
			want(b, "Warning", strings.HasPrefix(header(b.ibx.take("480"), "Warning"), "380 "), true)
			b.primary.silent()
		}, everyListener)
	})
	t.Run("in a dialog", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("d")
			b.ibx.send(with(uac(ok, "INFO", "sips", 2, "10.0.0.1"), "INFO sip:", "INFO sips:", "10.0.1.1:5060 SIP", "10.0.1.1:5061 SIP"))
			b.ibx.take("480")
			b.primary.silent()
			b.hangUp(ok)
		})
	})
}

// large is an INVITE that UDP would fragment.
func large(id string) string {
	return adding(invite(id), "X-Large: "+strings.Repeat("x", 1300))
}

func largeByTCP(c *Config) { c.Servers[router.Primary].LargeByTCP = true }

func testLarge(t *testing.T) {
	t.Run("to a peer that has TCP", func(t *testing.T) {
		run(t, func(b *bed) {
			tcp := b.talker("primary over TCP", ends("10.0.1.1", "fd00::101")[2])
			b.ibx.send(large("l"))
			b.ibx.take("100")
			down := tcp.hear("INVITE sip:5001@10.0.1.1:5060 SIP/2.0")
			want(b, "Via", strings.HasPrefix(vias(down)[0], "SIP/2.0/TCP 10.0.0.5:5060;"), true)
			want(b, "Record-Route", strings.HasPrefix(headers(down, "Record-Route")[0], "<sip:10.0.0.5:5060;transport=tcp;lr;"), true)
			want(b, "Record-Route values", len(headers(down, "Record-Route")), 2)
			tcp.say(accept(down, "p", "10.0.1.1"))
			ok := b.ibx.take("200")
			b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
			b.primary.take("ACK") // small: over UDP, as its peer is configured
			b.hangUp(ok)
		}, largeByTCP)
	})
	t.Run("a small one, and a peer without TCP", func(t *testing.T) {
		run(t, func(b *bed) {
			up := large("u")
			b.ibx.send(up)
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			want(b, "Via", strings.HasPrefix(vias(down)[0], "SIP/2.0/UDP "), true)
			refuse(b, up, down, 404, b.primary, b.ibx)
		})
		run(t, func(b *bed) {
			up, down := b.call("small")
			want(b, "Via", strings.HasPrefix(vias(down)[0], "SIP/2.0/UDP "), true)
			refuse(b, up, down, 404, b.primary, b.ibx)
		}, largeByTCP)
	})
}

func testLargeRefused(t *testing.T) {
	run(t, func(b *bed) {
		var tried []string
		b.onSend = func(raw []byte) {
			if strings.HasPrefix(string(raw), "INVITE") {
				tried = append(tried, string(raw))
			}
		}
		up := large("r") // nobody listens on TCP
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		want(b, "attempts", len(tried), 2)
		want(b, "first Via", strings.HasPrefix(vias(tried[0])[0], "SIP/2.0/TCP "), true)
		want(b, "then", strings.HasPrefix(vias(down)[0], "SIP/2.0/UDP "), true)
		want(b, "another branch", branchOf(down) != branchOf(tried[0]), true)
		want(b, "Record-Route values", len(headers(down, "Record-Route")), 1)
		refuse(b, up, down, 404, b.primary, b.ibx)
	}, largeByTCP)
}

func testLargeDatagram(t *testing.T) {
	run(t, func(b *bed) {
		up := invite("big")
		for range 20 {
			up = adding(up, "X-Large: "+strings.Repeat("x", 3000))
		}
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		want(b, "X-Large", len(strings.Join(headers(down, "X-Large"), "")), 60_000)
		refuse(b, up, down, 404, b.primary, b.ibx)
	})
}

// testOwnRport: ours asks for rport, and what answers to the port it was sent
// from is heard.
func testOwnRport(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.call("o")
		want(b, "rport", strings.Contains(vias(down)[0]+";", ";rport;"), true)
		filled := with(down, ";rport", ";rport=5060;received=10.0.0.5")
		resp := refuse(b, up, filled, 404, b.primary, b.ibx)
		want(b, "ours is gone", strings.Contains(resp, "received=10.0.0.5"), false)
	})
}

// testViaMaddr: a response goes to where its request came from.
func testViaMaddr(t *testing.T) {
	run(t, func(b *bed) {
		up := with(invite("m"), "10.0.0.1:5060;branch", "10.0.0.1:5060;maddr=192.0.2.66;ttl=1;branch")
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		refuse(b, up, down, 404, b.primary, b.ibx)
		b.stranger.silent()
	})
}

// testRebinding: the same IPBX from another port: its answers go there, and it
// is still the IPBX.
func testRebinding(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("n")
		moved := b.peer("ibx moved", transport.UDP, at("10.0.0.1:40000"))
		moved.send(with(uac(ok, "INFO", "moved", 2, "10.0.0.1"), ";branch", ";rport;branch"))
		b.primary.send(answer(b.primary.take("INFO"), 200, "x"))
		moved.take("200")
		b.hangUp(ok)
		want(b, "server of a call from there", b.record().Server, "primary")
	})
}

// testSameOverTwo: the IPBX sends one INVITE by UDP and by TCP: one branch at
// the server.
func testSameOverTwo(t *testing.T) {
	run(t, func(b *bed) {
		tcp := b.talker("ibx over TCP", ends("10.0.0.1", "fd00::1")[2])
		up, down := b.call("two")
		tcp.say(up)
		b.primary.silent()
		refuse(b, up, down, 404, b.primary, b.ibx)
	})
}

func testOtherSource(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.call("other")
		other := b.peer("primary's second card", transport.UDP, at("10.0.1.99:5060"))
		other.send(answer(down, 404, "final"))
		b.primary.take("ACK") // to where the INVITE went (RFC 3261 §17.1.1.3)
		b.ibx.send(ackNon2xx(up, b.ibx.take("404")))
	})
}

// call offers a call of the IPBX to the primary.
func (b *bed) call(id string) (up, down string) {
	b.Helper()
	up = invite(id)
	b.ibx.send(up)
	b.ibx.take("100")
	return up, b.primary.take("INVITE")
}
