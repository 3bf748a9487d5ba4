package proxy

import (
	"fmt"
	"strings"
	"testing"
)

// TestConformanceLoops: rules L.
func TestConformanceLoops(t *testing.T) {
	t.Run("L01 RFC 3261 §16.3(4)", TestSection16_3_4_Loops)
	t.Run("L02 RFC 5393 §4.2.1", testLoopOfEachTarget)
	t.Run("L03 RFC 5393 §4.2.2", testLoopHash)
	t.Run("L05 RFC 5393 §4.2 hairpin", testHairpin)
}

// testLoopOfEachTarget: whichever of several targets sends the request back, the
// loop is found.
func testLoopOfEachTarget(t *testing.T) {
	run(t, func(b *bed) {
		up, first, second := b.pendingAndDelivered("l")
		for i, down := range []string{first, second} {
			again := with(up, "Via: ", fmt.Sprintf("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-again%d\r\nVia: %s\r\nVia: ", i, vias(down)[0]))
			b.ibx.send(again)
			b.ibx.take("482")
		}
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		refuse(b, up, second, 404, b.secondary, b.ibx)
	})
}

// testLoopHash: what decides about the route makes a spiral of a loop; the Vias
// between and the method do not.
func testLoopHash(t *testing.T) {
	for _, r := range []struct {
		name   string
		change []string // pairs
		loop   bool
	}{
		{"nothing", nil, true},
		{"Max-Forwards and a header", []string{"Max-Forwards: 70", "Max-Forwards: 60\r\nX-New: 1"}, true},
		{"the method", []string{"INVITE sip", "MESSAGE sip", "1 INVITE", "1 MESSAGE"}, true},
		{"the Request-URI", []string{"INVITE sip:5000@", "INVITE sip:5001@"}, false},
		{"a Route value", []string{"CSeq:", "Route: <sip:10.0.0.5;lr>\r\nCSeq:"}, false},
		{"credentials", []string{"CSeq:", "Proxy-Authorization: Digest x=\"y\"\r\nCSeq:"}, false},
		{"the From tag", []string{"tag=from-h", "tag=other-h"}, false},
		{"the CSeq number", []string{"CSeq: 1 ", "CSeq: 2 "}, false},
	} {
		t.Run(r.name, func(t *testing.T) {
			run(t, func(b *bed) {
				up := invite("h")
				b.ibx.send(up)
				b.ibx.take("100")
				down := b.primary.take("INVITE")
				again := with(up, "Via: ", "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-again\r\nVia: SIP/2.0/TCP 10.0.0.99;branch=z9hG4bK-mid\r\nVia: "+vias(down)[0]+"\r\nVia: ")
				again = with(again, r.change...)
				b.ibx.send(again)
				if r.loop {
					b.ibx.take("482")
					b.primary.silent()
				} else {
					b.ibx.take("100")
					refuse(b, again, b.primary.take("INVITE"), 404, b.primary, b.ibx)
				}
				refuse(b, up, down, 404, b.primary, b.ibx)
			})
		})
	}
	run(t, func(b *bed) { // keyed: nobody else can make us refuse
		up := invite("k")
		forged := with(up, "Via: ", "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-k0\r\nVia: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKx;rlp=0123456789abcdef\r\nVia: ")
		b.ibx.send(forged)
		b.ibx.take("100")
		refuse(b, forged, b.primary.take("INVITE"), 404, b.primary, b.ibx)
	})
}

// testHairpin: the IPBX sends our own call back, because the number is registered
// from here: found when it comes by the second time at the latest.
func testHairpin(t *testing.T) {
	back := func(down, branch, uri string) string {
		return with(down, "Via: ", "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-"+branch+"\r\nVia: ", "INVITE "+strings.Fields(down)[1], "INVITE "+uri)
	}
	t.Run("with the number as we were called", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("a")
			b.ibx.send(back(down, "back", "sip:0145000000@10.0.0.5:5060"))
			b.ibx.take("482")
			refuse(b, up, down, 482, b.ibx, b.primary)
		})
	})
	t.Run("with a number of its own: one turn", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("b")
			turn := back(down, "one", "sip:5000@10.0.0.5:5060")
			b.ibx.send(turn)
			b.ibx.take("100")
			again := b.primary.take("INVITE sip:5001@10.0.1.1:5060")
			// The server sends it out again, and it comes by a second time.
			out := with(again, "Via: ", "Via: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK-two\r\nVia: ", "INVITE "+strings.Fields(again)[1], "INVITE sip:0145000000@10.0.0.5:5060")
			b.primary.send(out)
			b.primary.take("482")
			refuse(b, turn, again, 482, b.primary, b.ibx)
			refuse(b, up, down, 482, b.ibx, b.primary)
		})
	})
	t.Run("at worst Max-Forwards", func(t *testing.T) {
		run(t, func(b *bed) {
			raw, n := invite("w"), 0
			raw = with(raw, "Max-Forwards: 70", "Max-Forwards: 5")
			var ups, downs []string
			for ; n < 10; n++ {
				b.ibx.send(raw)
				resp := b.ibx.take("")
				if strings.HasPrefix(resp, "SIP/2.0 483") {
					break
				}
				down := b.primary.take("INVITE")
				ups, downs = append(ups, raw), append(downs, down)
				// A B2BUA between: new tag, new branch, our Vias gone.
				raw = with(raw, "z9hG4bK-w", fmt.Sprintf("z9hG4bK-w%d-", n), ";tag=", ";tag=x", "Max-Forwards: "+header(raw, "Max-Forwards"), "Max-Forwards: "+header(down, "Max-Forwards"))
			}
			want(b, "turns", n, 5)
			for i := range ups {
				refuse(b, ups[i], downs[i], 483, b.primary, b.ibx)
			}
		})
	})
}
