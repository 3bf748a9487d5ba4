package proxy

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"releve/proxy/transport"
	"releve/router"
)

// These files walk RFC 3261 §16–18 sentence by sentence on the wire: init, test,
// check. Each test or row is named by its section and begins with the sentence.
// Where Relève deviates the row says "our choice".

// refusal is one request and the status it is refused with at once; 0: dropped.
type refusal struct {
	name   string
	raw    string
	status int
	check  func(b *bed, resp string)
}

// TestSection16_3 is the request validation. "If any of these checks fail, the
// element MUST behave as a user agent server and respond with an error code."
// Nothing is forwarded then.
func TestSection16_3(t *testing.T) {
	base := invite("v")
	bye := with(base, "INVITE sip", "BYE sip", "1 INVITE", "1 BYE", "To: <sip:5000@10.0.0.5:5060>", "To: <sip:5000@10.0.0.5:5060>;tag=x")
	loop := func(b *bed, resp string) {
		if tag := parameter(header(resp, "To"), "tag"); tag == "" {
			b.Errorf("the refusal has no To tag:\n%s", resp)
		}
	}
	for _, r := range []refusal{
		{"(1) reasonable syntax: a request without Call-ID is malformed", with(base, "Call-ID: v@10.0.0.1\r\n", ""), 400, nil},
		{"(1) reasonable syntax: CSeq of another method", with(base, "1 INVITE", "1 BYE"), 400, nil},
		{"(1) reasonable syntax: two Call-ID", adding(base, "Call-ID: other"), 400, nil},
		{"(1) version: 505", with(base, "SIP/2.0\r\n", "SIP/3.0\r\n"), 505, nil},
		{"(2) URI scheme: 416 Unsupported URI Scheme", with(base, "INVITE sip:", "INVITE isdn:"), 416, nil},
		{"(3) Max-Forwards 0: 483 Too Many Hops", with(base, "Max-Forwards: 70", "Max-Forwards: 0"), 483, loop},
		{"(3) Max-Forwards 0 in a dialog", with(bye, "Max-Forwards: 70", "Max-Forwards: 0"), 483, nil},
		{"(3) an OPTIONS within a dialog with 0 is not forwarded", with(bye, "Max-Forwards: 70", "Max-Forwards: 0", "BYE sip", "OPTIONS sip", "1 BYE", "1 OPTIONS"), 483, nil},
		{"(3) Max-Forwards that is no number", with(base, "Max-Forwards: 70", "Max-Forwards: many"), 400, nil},
		{"(5) Proxy-Require: 420 Bad Extension with Unsupported", adding(base, "Proxy-Require: foo, bar", "Proxy-Require: gin"), 420, func(b *bed, resp string) {
			want(b, "Unsupported", strings.Join(headers(resp, "Unsupported"), ", "), "foo, bar, gin")
		}},
		{"(1) too large to forward: 513 (§21.5.7)", with(base, "Content-Length: 5\r\n\r\nv=0\r\n", "Content-Length: 64700\r\n\r\n"+strings.Repeat("v", 64700)), 513, nil},
		{"(6) our choice: no request is challenged, sources are configured", strings.Replace(base, "X-Odd", "Proxy-Authorization: Digest x=\"y\"\r\nX-Odd", 1), 100, nil},
	} {
		t.Run(r.name, func(t *testing.T) {
			run(t, func(b *bed) {
				b.ibx.send(r.raw)
				resp := b.ibx.take(fmt.Sprint(r.status))
				if r.status == 100 {
					down := b.primary.take("INVITE")
					b.primary.send(answer(down, 404, "p"))
					b.primary.take("ACK")
					b.ibx.send(ackNon2xx(r.raw, b.ibx.take("404")))
					return
				}
				want(b, "Via", header(resp, "Via"), vias(r.raw)[0])
				b.primary.silent()
				if r.check != nil {
					r.check(b, resp)
				}
				if strings.HasPrefix(r.raw, "INVITE") { // its ACK ends here
					b.ibx.send(ackNon2xx(r.raw, resp))
					b.primary.silent()
					b.ibx.silent()
				}
			})
		})
	}
}

// TestSection16_3_Dropped: what cannot be answered is dropped: "Bad" responses
// and ACKs, and whatever comes from an address we do not know.
func TestSection16_3_Dropped(t *testing.T) {
	base := invite("d")
	run(t, func(b *bed) {
		b.ibx.send(with(base, "INVITE sip", "ACK sip", "1 INVITE", "1 ACK", "Call-ID: d@10.0.0.1\r\n", ""))
		b.ibx.send(with(answer(base, 200, "x"), "From", "Frim"))
		b.ibx.send("\r\n\r\n")
		b.ibx.silent()
		down, ok := b.establish("known")
		for _, raw := range []string{
			base, with(base, "SIP/2.0\r\n", "SIP/3.0\r\n"), plainRequest("OPTIONS", "o"), cancelOf(base),
			with(base, "Max-Forwards: 70", "Max-Forwards: 0"), plainRequest("REGISTER", "r"),
			uac(ok, "ACK", "evil", 1, "192.0.2.66"), uac(ok, "BYE", "evil", 2, "192.0.2.66"), cancelOf(invite("known")),
		} {
			b.stranger.send(raw)
		}
		b.stranger.silent()
		b.primary.silent()
		b.ibx.silent()
		b.lines(1, 0)
		_ = down
		b.hangUp(ok)
	})
}

// TestSection16_3_4 §16.3(4): "If the request contains a Via header field with a
// sent-by value that equals a value placed into previous requests by the proxy,
// the request has been forwarded by this element before … looping or
// legitimately spiraling": the same routing parts: 482; others go on.
func TestSection16_3_4_Loops(t *testing.T) {
	run(t, func(b *bed) {
		up := invite("loop")
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		// The IPBX gets its own call back and presents it again.
		again := with(up, "Via: ", "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-again\r\nVia: "+vias(down)[0]+"\r\nVia: ")
		b.ibx.send(again)
		b.ibx.take("482")
		spiral := with(again, "sip:5000@10.0.0.5:5060 SIP", "sip:5009@10.0.0.5:5060 SIP", "z9hG4bK-again", "z9hG4bK-spiral")
		b.ibx.send(spiral)
		b.ibx.take("100")
		second := b.primary.take("INVITE")
		for _, d := range []string{second, down} {
			b.primary.send(answer(d, 404, "p"))
			b.primary.take("ACK")
		}
		resps := b.ibx.all()
		want(b, "finals", len(resps), 2)
		b.ibx.send(ackNon2xx(spiral, resps[0].raw))
		b.ibx.send(ackNon2xx(up, resps[1].raw))
	})
}

// TestSection16_4 is the route preprocessing of the first request of a call.
func TestSection16_4(t *testing.T) {
	ours := "<sip:10.0.0.5:5060;lr>"
	for _, r := range []struct{ name, route, left string }{
		{"the first Route value names this proxy: removed", "Route: " + ours, ""},
		{"two values of ours in a row (double Record-Route): both removed", "Route: <sip:10.0.0.5:5060;lr>, <sip:10.0.0.5:5070;lr>", ""},
		{"a value that names the chosen server stays", "Route: " + ours + "\r\nRoute: <sip:10.0.1.1;lr>", "<sip:10.0.1.1;lr>"},
		{"one that names anybody else goes, with all below it", "Route: " + ours + "\r\nRoute: <sip:10.0.0.77;lr>, <sip:10.0.1.1;lr>", ""},
		{"port 5060 may be left out", "Route: <sip:10.0.0.5;lr>", ""},
	} {
		t.Run(r.name, func(t *testing.T) {
			run(t, func(b *bed) {
				up := adding(invite("r"), r.route)
				b.ibx.send(up)
				b.ibx.take("100")
				down := b.primary.take("INVITE")
				want(b, "Route", strings.Join(headers(down, "Route"), ","), r.left)
				b.primary.send(answer(down, 404, "p"))
				b.primary.take("ACK")
				b.ibx.send(ackNon2xx(up, b.ibx.take("404")))
			})
		})
	}
}

// TestSection16_4_StrictRouter §16.4: "If the Request-URI of the request contains
// a value this proxy previously placed into a Record-Route header field …, the
// proxy MUST replace the Request-URI in the request with the last value from
// the Route header field, and remove that value from the Route header field."
func TestSection16_4_StrictRouter(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("strict")
		loose := uac(ok, "BYE", "s", 2, "10.0.0.1")
		own := uriIn(header(ok, "Record-Route"))
		strict := with(loose, "BYE sip:ivr@10.0.1.1:5060", "BYE "+own, header(loose, "Route"), "<sip:ivr@10.0.1.1:5060>")
		b.ibx.send(strict)
		bye := b.primary.take("BYE sip:ivr@10.0.1.1:5060 SIP/2.0")
		want(b, "Route values", len(headers(bye, "Route")), 0)
		b.primary.send(answer(bye, 200, "x"))
		b.ibx.take("200")
	})
}

// TestSection16_6_6 §16.6(6): "If the URI in the first value does not contain an
// lr parameter, the proxy MUST place the Request-URI into the Route header field
// as the last value, then place the first Route header field value into the
// Request-URI and remove that value."
func TestSection16_6_6_StrictNextHop(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("next")
		bye := uac(ok, "BYE", "n", 2, "10.0.0.1")
		own := header(bye, "Route")
		bye = with(bye, own, own+"\r\nRoute: <sip:10.0.1.1:5060>, <sip:10.0.7.7;lr>", "BYE sip:ivr@10.0.1.1:5060", "BYE sip:ivr@10.0.8.8")
		b.ibx.send(bye)
		got := b.primary.take("BYE sip:10.0.1.1:5060 SIP/2.0")
		want(b, "Route", strings.Join(headers(got, "Route"), "|"), "<sip:10.0.7.7;lr>|<sip:ivr@10.0.8.8>")
		b.primary.send(answer(got, 200, "x"))
		b.ibx.take("200")
	})
}

// TestSection16_5 is the target set.
func TestSection16_5(t *testing.T) {
	for _, r := range []struct {
		name string
		from func(b *bed) *peer
		raw  string
		to   func(b *bed) *peer
		uri  string
	}{
		{"a call of the IPBX: the active server, by its own user", (*bed).theIBX, invite("t"), (*bed).thePrimary, "sip:5001@10.0.1.1:5060"},
		{"a tel URI names the number alone", (*bed).theIBX, with(invite("t"), "INVITE sip:5000@10.0.0.5:5060", "INVITE tel:5000"), (*bed).thePrimary, "sip:5001@10.0.1.1:5060"},
		{"a call of the active server: the first IPBX, number unchanged", (*bed).thePrimary, outgoing("t", "10.0.1.1"), (*bed).theIBX, "sip:0145000000@10.0.0.1:5060"},
	} {
		t.Run(r.name, func(t *testing.T) {
			run(t, func(b *bed) {
				from, to := r.from(b), r.to(b)
				from.send(r.raw)
				from.take("100")
				down := to.take("INVITE " + r.uri + " SIP/2.0")
				for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Contact", "X-Odd"} {
					want(b, name, header(down, name), header(r.raw, name))
				}
				to.send(answer(down, 404, "p"))
				to.take("ACK " + r.uri + " SIP/2.0")
				from.send(ackNon2xx(r.raw, from.take("404")))
			})
		})
	}
}

func (b *bed) theIBX() *peer     { return b.ibx }
func (b *bed) thePrimary() *peer { return b.primary }

// TestSection16_6 is the request forwarding of one INVITE, header by header.
func TestSection16_6(t *testing.T) {
	run(t, func(b *bed) {
		up := with(invite("f"), "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-f",
			"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-f, SIP/2.0/TCP phone.local;branch=z9hG4bK-0",
			"Max-Forwards: 70", "Max-Forwards: 12\r\nRecord-Route: <sip:10.0.0.1;lr>")
		b.ibx.send(up)
		want(b, "Via of the 100", strings.Join(vias(b.ibx.take("100")), "|"), strings.Join(vias(up), "|"))
		down := b.primary.take("INVITE")
		// (1) "The proxy MUST NOT add to, modify, or remove … fields … not detailed
		// below", "SHOULD maintain the ordering", "MUST NOT" touch the body.
		rest := func(raw string) string {
			var keep []string
			head, body, _ := strings.Cut(raw, "\r\n\r\n")
			for _, l := range strings.Split(head, "\r\n")[1:] {
				name, _, _ := strings.Cut(l, ":")
				if name != "Via" && name != "Max-Forwards" && name != "Record-Route" {
					keep = append(keep, l)
				}
			}
			return strings.Join(keep, "\n") + "\n\n" + body
		}
		want(b, "(1) the rest", rest(down), rest(up))
		// (2) the Request-URI is the target's.
		want(b, "(2) Request-URI", startLine(down), "INVITE sip:5001@10.0.1.1:5060 SIP/2.0")
		// (3) "the proxy MUST decrement the value by one".
		want(b, "(3) Max-Forwards", header(down, "Max-Forwards"), "11")
		// (4) "inserting a Record-Route header field value … before any existing"; "The
		// URI placed in the Record-Route header field value MUST be a SIP or SIPS URI …
		// contain an lr parameter".
		rr := headers(down, "Record-Route")
		want(b, "(4) Record-Route values", len(rr), 2)
		want(b, "(4) existing one below", rr[1], "<sip:10.0.0.1;lr>")
		if u := uriIn(rr[0]); !strings.HasPrefix(u, "sip:10.0.0.5:5060;lr;") {
			b.Errorf("(4) Record-Route %q", u)
		}
		// (8) "insert a Via header field value … before the existing", with its own
		// branch that begins with the magic cookie.
		v := vias(down)
		want(b, "(8) Via values", len(v), 3)
		want(b, "(8) those below", v[1]+"|"+v[2], strings.Join(vias(up), "|"))
		if !strings.HasPrefix(v[0], "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK") || branchOf(down) == branchOf(up) {
			b.Errorf("(8) Via %q", v[0])
		}
		b.primary.send(answer(down, 404, "p"))
		b.primary.take("ACK")
		b.ibx.send(ackNon2xx(up, b.ibx.take("404")))
	})
}

// TestSection16_6_3: "If the copy does not contain a Max-Forwards header field,
// the proxy MUST add one with a field value, which SHOULD be 70", and 1 goes on
// as 0.
func TestSection16_6_3_MaxForwards(t *testing.T) {
	for _, r := range []struct{ line, down string }{{"Max-Forwards: 70\r\n", "70"}, {"Max-Forwards: 1\r\n", "0"}, {"", "70"}} {
		run(t, func(b *bed) {
			up := with(invite("m"), "Max-Forwards: 70\r\n", r.line)
			b.ibx.send(up)
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			should := r.down
			if r.line == "Max-Forwards: 70\r\n" {
				should = "69"
			}
			want(b, "Max-Forwards after "+r.line, header(down, "Max-Forwards"), should)
			b.primary.send(answer(down, 404, "p"))
			b.primary.take("ACK")
			b.ibx.send(ackNon2xx(up, b.ibx.take("404")))
		})
	}
}

// TestSection16_6_8 §16.6(8): the branch is unique for each target and attempt,
// and the same for a retransmission, CANCEL and the ACK of a non-2xx. §16.11: it
// depends on nothing but the request and the key, so that a restarted node
// builds the same one.
func TestSection16_6_8_Branch(t *testing.T) {
	run(t, func(b *bed) {
		up := invite("b")
		b.ibx.send(up)
		b.ibx.take("100")
		first := b.primary.take("INVITE")
		b.pass(500 * ms)
		want(b, "retransmission", b.primary.take("INVITE"), first)
		b.ibx.send(up) // absorbed
		b.ibx.take("100")
		b.restart()
		b.ibx.send(up)
		b.ibx.take("100")
		want(b, "(16.11) another node's", b.primary.take("INVITE"), first)
		b.primary.send(answer(first, 404, "p"))
		want(b, "branch of the ACK", branchOf(b.primary.take("ACK")), branchOf(first))
		b.ibx.send(ackNon2xx(up, b.ibx.take("404")))
	})
	run(t, func(b *bed) {
		up := outgoing("b", "10.0.1.1")
		b.primary.send(up)
		b.primary.take("100")
		first := b.ibx.take("INVITE")
		b.ibx.send(answer(first, 503, "x"))
		b.ibx.take("ACK")
		second := b.ibx2.take("INVITE")
		if branchOf(first) == branchOf(second) {
			b.Errorf("two targets share the branch %s", branchOf(first))
		}
		b.ibx2.send(answer(second, 404, "x"))
		b.ibx2.take("ACK")
		b.primary.send(ackNon2xx(up, b.primary.take("404")))
	})
}

// TestSection16_6_9 §16.6(9): "If the request will be sent to the next hop using
// a stream-based transport and the copy contains no Content-Length header field,
// the proxy MUST insert one with the correct value"; so in responses (§18.3).
func TestSection16_6_9_ContentLength(t *testing.T) {
	tcp := func(c *Config) {
		s := &c.Servers[router.Primary]
		s.Network, s.Listener = transport.TCP, 1
	}
	run(t, func(b *bed) {
		server := b.peer("primary over TCP", transport.TCP, addrPrimary)
		up := with(invite("l"), "Content-Length: 5\r\n", "")
		b.ibx.send(up)
		b.ibx.take("100")
		m := b.takeStream(server)
		down := string(m.Raw)
		want(b, "Content-Length", header(down, "Content-Length"), "5")
		want(b, "Via", strings.HasPrefix(vias(down)[0], "SIP/2.0/TCP 10.0.0.5:5060;"), true)
		rr := headers(down, "Record-Route")
		want(b, "two Record-Route (RFC 5658)", len(rr), 2)
		want(b, "the side it leaves by on top", strings.Contains(rr[0], ";transport=tcp") && !strings.Contains(rr[1], "transport"), true)
		if err := server.end.SendFlow(m.Flow, []byte(answer(down, 404, "p"))); err != nil {
			b.Fatal(err)
		}
		synctest.Wait()
		b.ibx.send(ackNon2xx(up, b.ibx.take("404")))
	}, tcp)
}

// TestSection18_3_ContentLength §18.3: so in a response that leaves on a stream:
// "The Content-Length header field MUST be used with stream oriented transports".
func TestSection18_3_ContentLength(t *testing.T) {
	run(t, func(b *bed) {
		server := b.peer("primary over TCP", transport.TCP, addrPrimary)
		up := with(outgoing("l", "10.0.1.1"), "SIP/2.0/UDP", "SIP/2.0/TCP")
		server.send(up)
		down := b.ibx.take("INVITE")
		b.ibx.send(with(answer(down, 183, "x"), "Content-Length: 0\r\n\r\n", "\r\nv=0\r\n"))
		got := server.streamed()
		want(b, "Content-Length", header(got[len(got)-1], "Content-Length"), "5")
		b.ibx.send(answer(down, 404, "x"))
		b.ibx.take("ACK")
		server.send(ackNon2xx(up, server.streamed()[0]))
	}, overTCP)
}

// TestSection18_3_NoLength §18.3: on a stream the end of a message without
// Content-Length is not known, so it is no message: 400, never forwarded with the
// body cut off. A response or an ACK is dropped.
func TestSection18_3_NoLength(t *testing.T) {
	run(t, func(b *bed) {
		server := b.peer("primary over TCP", transport.TCP, addrPrimary)
		up := strings.Replace(with(outgoing("n", "10.0.1.1"), "SIP/2.0/UDP", "SIP/2.0/TCP"), "Content-Length: 0\r\n", "", 1)
		server.send(up)
		got := server.streamed()
		want(b, "answers", len(got), 1)
		want(b, "answer", startLine(got[0]), "SIP/2.0 400 Missing Content-Length")
		b.ibx.silent()
		server.send(with(up, "INVITE sip", "ACK sip", "1 INVITE", "1 ACK"))
		server.send(with(answer(up, 200, "x"), "Content-Length: 0\r\n", ""))
		want(b, "more answers", len(server.streamed()), 0)
	}, overTCP)
}

// TestSection16_3_3_ACK: an ACK of a 2xx is decremented like any request, and
// dropped in silence at 0: an ACK is never answered (§17.1.1.3).
func TestSection16_3_3_ACK(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("k")
		ack := uac(ok, "ACK", "k2", 1, "10.0.0.1")
		b.ibx.send(with(ack, "Max-Forwards: 70", "Max-Forwards: 9"))
		want(b, "Max-Forwards", header(b.primary.take("ACK"), "Max-Forwards"), "8")
		b.ibx.send(with(ack, "Max-Forwards: 70", "Max-Forwards: 0"))
		b.primary.silent()
		b.ibx.silent()
		b.hangUp(ok)
	})
}

// TestSection16_6_10 is hop by hop: a request is not forwarded twice for its
// retransmissions (§16.2, §17.2.3): each is answered by the last response.
func TestSection16_6_10_Retransmissions(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("x")
		b.ibx.send(up)
		want(b, "the last provisional again", startLine(b.ibx.take("180")), "SIP/2.0 180 Whatever")
		b.primary.silent()
		b.primary.send(answer(down, 404, "p"))
		b.primary.take("ACK")
		b.ibx.send(ackNon2xx(up, b.ibx.take("404")))
	})
}
