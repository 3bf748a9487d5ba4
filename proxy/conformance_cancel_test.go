package proxy

import (
	"strings"
	"testing"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

// TestConformanceCancel: rules C (RFC 3261 §9, §16.10) and A, the ACK (§17.1.1.3,
// §13.2.2.4).
func TestConformanceCancel(t *testing.T) {
	t.Run("C01 RFC 3261 §16.10", TestSection16_10_Cancel)
	t.Run("C01 RFC 3261 §16.10 of a held call", testCancelWhileHeld)
	t.Run("C02 RFC 3261 §16.10 our choice: 481", testCancelOfNothing)
	t.Run("C03 RFC 3261 §9.1", testCancelIsThatOfTheInvite)
	t.Run("C04 RFC 3261 §9.1", TestSection16_10_Cancel)
	t.Run("C05 RFC 3261 §9.2", testCancelAfterTheFinal)
	t.Run("C06 RFC 3261 §9.1", TestCancelOfOtherMethodsWas481)
	t.Run("C08 RFC 3261 §9.1", TestSection16_10_Cancel)
	t.Run("C09 RFC 3326 §2 §3", testReasonOfCancel)
	t.Run("C09 RFC 3326 §2 when another answered", TestLate2xx)
	t.Run("C10 RFC 3261 §16.10 our choice: passed on", testExpiresOfAnInvite)
	t.Run("A01 RFC 3261 §17.1.1.3 §17.1.1.2", TestSection17_1_1_2_InviteClient)
	t.Run("A02 RFC 3261 §17.2.1", TestSection17_2_1_InviteServer)
	t.Run("A03 RFC 3261 §13.2.2.4", TestRFC6026_7_2_Repeats)
	t.Run("A03 RFC 3261 §16.11", TestSection16_11_Stateless)
	t.Run("A04 RFC 6026 §7.1", TestRFC6026_7_1_OldAck)
	t.Run("A04 RFC 6026 §7.1 with branches pending", testOldAckWithAPendingBranch)
	t.Run("A05 RFC 3261 §12.2 to a server that is down", testAckToADeadServer)
}

// testCancelWhileHeld: every branch that is pending gets its CANCEL, those that
// ended none; the caller has his 487 at once.
func testCancelWhileHeld(t *testing.T) {
	run(t, func(b *bed) {
		up, first := b.ring("h")
		b.pass(8 * time.Second)
		b.verify()
		b.ibx.send(cancelOf(up, "Reason: Q.850;cause=16"))
		b.ibx.take("200")
		resp := b.ibx.take("487")
		want(b, "To tag of the 487", strings.HasPrefix(parameter(header(resp, "To"), "tag"), "rlv"), true)
		b.ibx.send(ackNon2xx(up, resp))
		cancel := b.primary.take("CANCEL")
		want(b, "Reason", header(cancel, "Reason"), "Q.850;cause=16")
		b.primary.send(answer(cancel, 200, "p"))
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		b.dissuade(router.VerdictHealthy)
		b.primary.silent()
		b.secondary.silent()
		want(b, "outcome", b.record().Outcome, "cancelled")
	})
	run(t, func(b *bed) { // delivered, the first branch still pending
		up, first, second := b.pendingAndDelivered("two")
		b.secondary.send(answer(second, 180, "s"))
		b.ibx.take("180")
		b.ibx.send(cancelOf(up))
		b.ibx.take("200")
		b.primary.silent() // it has its CANCEL
		b.secondary.send(answer(b.secondary.take("CANCEL"), 200, "s"))
		refuse(b, up, second, 487, b.secondary, b.ibx)
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		b.ibx.silent()
	})
}

// testCancelOfNothing: Relève is the only hop that could know the INVITE, so a
// CANCEL without one is answered, never forwarded.
func testCancelOfNothing(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("n")
		for _, raw := range []string{
			cancelOf(invite("other")),
			with(cancelOf(up), "z9hG4bK-n", "z9hG4bK-x"),
			with(cancelOf(up), "10.0.0.1:5060;branch", "10.0.0.1:5061;rport;branch"),
		} {
			b.ibx.send(raw)
			b.ibx.take("481")
			b.primary.silent()
		}
		refuse(b, up, down, 404, b.primary, b.ibx)
	})
}

// testCancelIsThatOfTheInvite: "The Request-URI, Call-ID, To, the numeric part of
// CSeq, and From … MUST be identical to those in the request being cancelled,
// including tags. A CANCEL … MUST have only a single Via … matching the top Via
// value … If the request … contains a Route header field, the CANCEL request MUST
// include that Route header field's values"; "MUST NOT contain any Require or
// Proxy-Require".
func testCancelIsThatOfTheInvite(t *testing.T) {
	run(t, func(b *bed) {
		up := adding(invite("c"), "Route: <sip:10.0.0.5;lr>, <sip:10.0.1.1;lr>", "Route: <sip:10.0.0.99;lr;x=\"a,b\">", "Require: 100rel", "Record-Route: <sip:10.0.0.1;lr>", "Authorization: Digest a=\"b\"")
		up = with(up, "CSeq: 1 INVITE", "CSeq: 2147483647 INVITE", "To: <sip:5000@10.0.0.5:5060>", "To: \"a \\\" <b>\" <sip:5000@10.0.0.5:5060;x=y>;p=1")
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		want(b, "Route lines that go on", len(headers(down, "Route")), 2)
		b.primary.send(answer(down, 180, "p"))
		b.ibx.take("180")
		b.ibx.send(cancelOf(up))
		b.ibx.take("200")
		cancel := b.primary.take("CANCEL")
		want(b, "Request-URI", strings.Fields(cancel)[1], strings.Fields(down)[1])
		want(b, "Via", strings.Join(vias(cancel), "|"), vias(down)[0])
		for _, name := range []string{"Call-ID", "To", "From", "Route"} {
			want(b, name, strings.Join(headers(cancel, name), "|"), strings.Join(headers(down, name), "|"))
		}
		want(b, "CSeq", header(cancel, "CSeq"), "2147483647 CANCEL")
		for _, name := range []string{"Require", "Proxy-Require", "Record-Route", "Contact", "Authorization"} {
			want(b, name, header(cancel, name), "")
		}
		want(b, "body", body(cancel), "")
		b.primary.send(answer(cancel, 200, "p"))
		refuse(b, up, down, 487, b.primary, b.ibx)
	})
}

// testCancelAfterTheFinal: the CANCEL of an answered or refused INVITE gets 200
// and does nothing.
func testCancelAfterTheFinal(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.place("f")
		b.ibx.send(answer(down, 486, "x"))
		b.ibx.take("ACK")
		resp := b.primary.take("486")
		b.primary.send(cancelOf(up))
		b.primary.take("200")
		b.primary.send(ackNon2xx(up, resp))
		b.ibx.silent()
		b.primary.silent()
		_, down = b.ring("o")
		b.primary.send(accept(down, "p-o", "10.0.1.1"))
		ok := b.ibx.take("200")
		b.pass(10 * time.Second)
		b.ibx.send(cancelOf(invite("o")))
		cancelled := b.ibx.take("200")
		want(b, "CSeq", header(cancelled, "CSeq"), "1 CANCEL")
		b.primary.silent()
		b.lines(1, 0)
		b.hangUp(ok)
		want(b, "outcome", b.record().Outcome, "answered")
	})
}

// TestCancelOfOtherMethodsWas481: "as long as the CANCEL matched an existing
// transaction, the UAS answers the CANCEL request itself with a 200", "a CANCEL
// request has no impact on the processing of transactions with any other method"
// (RFC 3261 §9.2): it got 481. And we cancel nothing but INVITE (§9.1).
func TestCancelOfOtherMethodsWas481(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("m")
		for i, method := range []string{"INFO", "QUUX", "BYE"} {
			up := uac(ok, method, "b"+method, 2+i, "10.0.0.1")
			b.ibx.send(up)
			down := b.primary.take(method)
			b.primary.send(answer(down, 100, ""))
			b.ibx.send(with(cancelOf(with(up, method+" sip", "INVITE sip")), "z9", "z9"))
			want(b, "CSeq", header(b.ibx.take("200"), "CSeq"), number(up)+" CANCEL")
			b.primary.silent()
			b.primary.send(answer(down, 200, "x"))
			b.ibx.take("200")
			b.ibx.send(cancelOf(with(up, method+" sip", "INVITE sip"))) // late
			b.ibx.take("200")
			b.primary.silent()
		}
	})
}

// testReasonOfCancel: the caller's Reason goes on; when we give a server up for its
// silence the CANCEL does not claim that the call was answered elsewhere.
func testReasonOfCancel(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("r")
		b.ibx.send(cancelOf(up, "Reason: Q.850;cause=16;text=\"a, b\", SIP;cause=487"))
		b.ibx.take("200")
		cancel := b.primary.take("CANCEL")
		want(b, "Reason", strings.Join(headers(cancel, "Reason"), ", "), "Q.850;cause=16;text=\"a, b\", SIP;cause=487")
		b.primary.send(answer(cancel, 200, "p"))
		refuse(b, up, down, 487, b.primary, b.ibx)
		up, first := b.ring("o")
		b.pass(8 * time.Second)
		b.switchover()
		cancel = b.primary.take("CANCEL")
		want(b, "claims an answer", strings.Contains(header(cancel, "Reason"), "cause=200"), false)
		b.primary.send(answer(cancel, 200, "p"))
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		refuse(b, up, b.secondary.take("INVITE"), 404, b.secondary, b.ibx)
	})
}

// testOldAckWithAPendingBranch: the same while the context waits for another branch.
func testOldAckWithAPendingBranch(t *testing.T) {
	run(t, func(b *bed) {
		_, first, second := b.pendingAndDelivered("o")
		b.secondary.send(accept(second, "s-o", "10.0.1.2"))
		ok := b.ibx.take("200")
		for range 2 {
			b.ibx.send(uac(ok, "ACK", "o", 1, "10.0.0.1"))
			b.secondary.take("ACK sip:ivr@10.0.1.2:5060")
		}
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		b.secondary.send(answer(b.secondary.take("BYE"), 200, "x"))
		b.ibx.take("200")
	})
}

// testAckToADeadServer: the ACK of a 2xx follows its dialog.
func testAckToADeadServer(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("a")
		b.primary.send(accept(down, "p-a", "10.0.1.1"))
		ok := b.ibx.take("200")
		b.switchover()
		b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
		b.primary.take("ACK sip:ivr@10.0.1.1:5060")
		b.secondary.silent()
		b.view(func(v *router.View) { v.Phase, v.Active = router.BothDown, router.NoServer })
		b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
		b.primary.take("ACK")
		b.p.Failed(transport.Flow{Remote: addrPrimary}, transport.PortUnreachable)
		b.pass(time.Millisecond)
		b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
		b.primary.take("ACK")
		b.hangUp(ok)
	})
}
