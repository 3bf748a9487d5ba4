package proxy

import (
	"strings"
	"testing"
	"time"
)

// What passes, of rules that cost nothing to keep (TestConformanceExtensions).

// testShortSessionPasses: too short for anybody's taste, without Supported: timer: it
// is the server's to refuse.
func testShortSessionPasses(t *testing.T) {
	run(t, func(b *bed) {
		up := adding(invite("s"), "Session-Expires: 1")
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		want(b, "Session-Expires", header(down, "Session-Expires"), "1")
		want(b, "Min-SE", header(down, "Min-SE"), "")
		refuse(b, up, down, 404, b.primary, b.ibx)
		up = outgoing("n", "10.0.1.1")
		b.primary.send(up)
		b.primary.take("100")
		down = b.ibx.take("INVITE")
		want(b, "Session-Expires", header(down, "Session-Expires"), "")
		refuse(b, up, down, 404, b.ibx, b.primary)
	})
}

// testAnonymous: who calls, and that he does not want to be named, both ways.
func testAnonymous(t *testing.T) {
	run(t, func(b *bed) {
		lines := []string{"P-Asserted-Identity: <sip:+33612345678@10.0.0.1;user=phone>", "P-Preferred-Identity: \"x\" <tel:+331>", "Privacy: id"}
		from := "\"Anonymous\" <sip:anonymous@anonymous.invalid>"
		up := adding(with(invite("a"), "\"Dr. Noé <chef>\" <sip:0612345678@10.0.0.1;x=1>", from), lines...)
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		back := adding(with(outgoing("b", "10.0.1.1"), "<sip:5001@10.0.1.1>;tag", from+";tag"), lines...)
		b.primary.send(back)
		b.primary.take("100")
		out := b.ibx.take("INVITE")
		for _, pair := range [][2]string{{up, down}, {back, out}} {
			for _, name := range []string{"From", "P-Asserted-Identity", "P-Preferred-Identity", "Privacy"} {
				want(b, name, header(pair[1], name), header(pair[0], name))
			}
		}
		refuse(b, up, down, 404, b.primary, b.ibx)
		refuse(b, back, out, 404, b.ibx, b.primary)
	})
}

// testForwardedCallsPass: how the call came to be forwarded reaches the server.
func testForwardedCallsPass(t *testing.T) {
	run(t, func(b *bed) {
		lines := []string{
			"History-Info: <sip:200@x>;index=1, <sip:5000@x?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1",
			"Diversion: \"a, b\" <sip:200@x>;reason=no-answer;counter=2;privacy=off", "Diversion: <tel:+33>;reason=user-busy",
		}
		up := adding(invite("h"), lines...)
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		if !strings.Contains(down, strings.Join(lines, "\r\n")+"\r\n") {
			b.Errorf("changed in\n%s", down)
		}
		refuse(b, up, down, 404, b.primary, b.ibx)
	})
}

// testGRUU: a gr parameter passes in Contact and Request-URI, and leads to the party
// of the dialog; nothing else is tried.
func testGRUU(t *testing.T) {
	const gruu = "sip:ivr@10.0.1.1:5060;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
	run(t, func(b *bed) {
		_, down := b.ring("g")
		b.primary.send(answer(down, 200, "p", "Contact: <"+gruu+">;+sip.instance=\"<urn:x>\""))
		ok := b.ibx.take("200")
		want(b, "Contact", header(ok, "Contact"), "<"+gruu+">;+sip.instance=\"<urn:x>\"")
		b.switchover()
		b.ibx.send(uac(ok, "INFO", "i", 2, "10.0.0.1"))
		b.primary.send(answer(b.primary.take("INFO "+gruu+" SIP/2.0"), 480, "x"))
		b.ibx.take("480")
		b.secondary.silent()
		b.hangUp(ok)
	})
}

// testExpiresOfAnInvite: it is the two ends' business; our clocks are shorter where
// they run at all.
func testExpiresOfAnInvite(t *testing.T) {
	run(t, func(b *bed) {
		up := adding(outgoing("x", "10.0.1.1"), "Expires: 5")
		b.primary.send(up)
		b.primary.take("100")
		down := b.ibx.take("INVITE")
		want(b, "Expires", header(down, "Expires"), "5")
		b.ibx.send(answer(down, 180, "x"))
		b.primary.take("180")
		b.pass(30 * time.Second)
		b.ibx.silent()
		b.primary.silent()
		refuse(b, up, down, 487, b.ibx, b.primary)
	})
}

// testNo199: the end of one early dialog is told by nothing but the next one's.
func testNo199(t *testing.T) {
	run(t, func(b *bed) {
		up := adding(invite("n"), "Supported: 199")
		b.ibx.send(up)
		b.ibx.take("100")
		first := b.primary.take("INVITE")
		b.primary.send(answer(first, 180, "p"))
		b.ibx.take("180")
		b.pass(8 * time.Second)
		b.switchover()
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		b.ibx.silent()
		refuse(b, up, b.secondary.take("INVITE"), 404, b.secondary, b.ibx)
	})
}
