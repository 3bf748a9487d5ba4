package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/router"
)

// TestConformanceExtensions: rules Q and U, what a proxy must not break, and rules
// E, session timers (RFC 4028).
func TestConformanceExtensions(t *testing.T) {
	t.Run("Q01 RFC 3262 §3 §4", testReliableProvisionals)
	t.Run("Q02 RFC 3311", testUpdate)
	t.Run("Q03 RFC 3261 §14", testReInvite)
	t.Run("Q03 RFC 3261 §14 no overflow", testNoOverflowInDialog)
	t.Run("Q03 RFC 3261 §12.2.2 the target of our own BYE", TestByeOfOursWentToAContactOfLongAgo)
	t.Run("Q04 RFC 6665 §4.3", testSubscription)
	t.Run("Q05 RFC 3515", testRefer)
	t.Run("Q06 RFC 3891 §3", TestRFC3891_Replaces)
	t.Run("Q07 RFC 3326", testReasonPasses)
	t.Run("Q08 RFC 3261 §16.6", testMethodsAndHeadersPass)
	t.Run("Q15 RFC 3841 §9.1 our choice: the attendant answers, one server at a time", testCallerPreferences)
	t.Run("Q10 RFC 3960", testEarlyMedia)
	t.Run("E01 RFC 4028 §8.1 our choice: none of ours, none changed", testSessionTimersPass)
	t.Run("E02 RFC 4028 §8.1 our choice: no 422 of ours", testShortSessionPasses)
	t.Run("E04 RFC 4028 §8", testSessionTimersPass)
	t.Run("E06 RFC 4028 §10", testLongCallSurvivesARestart)
	t.Run("U03 SIPconnect 2.0 numbers as they are", testNumbersPass)
	t.Run("U04 SIPconnect 2.0 identity", testAnonymous)
	t.Run("U05 SIPconnect 2.0 forwarded calls", testForwardedCallsPass)
	t.Run("U05 SIPconnect 2.0 transfer by re-INVITE", testReInvite)
	t.Run("U06 SIPconnect 2.0 the next IPBX", TestSilentIPBXCostsOutgoingCallsSeconds)
	t.Run("U06 SIPconnect 2.0 the next IPBX on 503", TestSection16_6_8_Branch)
	t.Run("G27 RFC 5627", testGRUU)
	t.Run("U07 SIPconnect 2.0 offerless INVITE", testOfferless)
	t.Run("U08 SIPconnect 2.0 media is not ours", testReInvite)
}

// dial is a call of a server to the first IPBX that is answered; down is the
// INVITE as the IPBX had it.
func (b *bed) dial(id string) (down, ok string) {
	b.Helper()
	_, down = b.place(id)
	b.ibx.send(accept(down, "x-"+id, "10.0.0.1"))
	ok = b.primary.take("200")
	b.primary.send(uac(ok, "ACK", "ack-"+id, 1, "10.0.1.1"))
	b.ibx.take("ACK")
	return down, ok
}

// through sends a message of from and returns it as to received it; all headers
// but those of the hop must be the same.
func (b *bed) through(from, to *peer, raw string) string {
	b.Helper()
	from.send(raw)
	got := to.take("")
	same := func(m string) string {
		var keep []string
		head, body, _ := strings.Cut(m, "\r\n\r\n")
		for _, l := range strings.Split(head, "\r\n")[1:] {
			name, _, _ := strings.Cut(l, ":")
			switch name {
			case "Via", "Max-Forwards", "Record-Route", "Route":
			default:
				keep = append(keep, l)
			}
		}
		return strings.Join(keep, "\n") + "\n\n" + body
	}
	want(b, "what passes", same(got), same(raw))
	return got
}

// testReliableProvisionals: RSeq, RAck and Require pass; a PRACK goes to its own
// early dialog, and each of two early dialogs is completed.
func testReliableProvisionals(t *testing.T) {
	run(t, func(b *bed) {
		up := adding(invite("r"), "Supported: 100rel", "Require: 100rel")
		b.ibx.send(up)
		b.ibx.take("100")
		first := b.primary.take("INVITE")
		early := b.through(b.primary, b.ibx, answer(first, 183, "p", "Contact: <sip:ivr@10.0.1.1:5060>", "Require: 100rel", "RSeq: 4711"))
		prack := func(resp, branch, rseq string, n int) string {
			return adding(uac(resp, "PRACK", branch, n, "10.0.0.1"), "RAck: "+rseq+" 1 INVITE")
		}
		got := b.through(b.ibx, b.primary, prack(early, "pk1", "4711", 2))
		b.through(b.primary, b.ibx, answer(got, 200, "x"))
		b.pass(8 * time.Second)
		b.switchover()
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
		second := b.secondary.take("INVITE")
		want(b, "Require", header(second, "Require"), "100rel")
		other := b.through(b.secondary, b.ibx, answer(second, 180, "s", "Contact: <sip:ivr@10.0.1.2:5060>", "Require: 100rel", "RSeq: 1"))
		got = b.through(b.ibx, b.secondary, prack(other, "pk2", "1", 3))
		b.through(b.secondary, b.ibx, answer(got, 200, "x"))
		// One more of the first dialog: it is that server's to refuse.
		got = b.through(b.ibx, b.primary, prack(early, "pk3", "4712", 4))
		b.through(b.primary, b.ibx, answer(got, 481, "x"))
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		b.secondary.send(accept(second, "s", "10.0.1.2"))
		ok := b.ibx.take("200")
		b.ibx.send(uac(ok, "BYE", "bye", 5, "10.0.0.1"))
		b.secondary.send(answer(b.secondary.take("BYE"), 200, "x"))
		b.ibx.take("200")
	})
}

// testUpdate: in the early and in the confirmed dialog, both ways, and its refusals
// with their Retry-After.
func testUpdate(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("u")
		early := answer(down, 180, "p-u", "Contact: <sip:ivr@10.0.1.1:5060>")
		refresh := carrying(uac(early, "UPDATE", "u1", 2, "10.0.0.1"), "v=0\r\no=x\r\n")
		got := b.through(b.ibx, b.primary, refresh)
		b.through(b.primary, b.ibx, carrying(answer(got, 200, "x", "Contact: <sip:ivr@10.0.1.1:5061>"), "v=0\r\n"))
		got = b.through(b.primary, b.ibx, uas(down, "UPDATE", "u2", "p-u", 1, "10.0.1.1"))
		b.through(b.ibx, b.primary, answer(got, 491, "x"))
		b.primary.send(accept(down, "p-u", "10.0.1.1"))
		ok := b.ibx.take("200")
		got = b.through(b.ibx, b.primary, uac(ok, "UPDATE", "u3", 3, "10.0.0.1"))
		b.through(b.primary, b.ibx, answer(got, 500, "x", "Retry-After: 7"))
		b.hangUp(ok)
		_ = up
	})
}

// testReInvite: with and without an offer, with a new Contact, both ways; an offer
// of fax too. The bodies are no business of ours.
func testReInvite(t *testing.T) {
	sdp := "v=0\r\no=- 1 2 IN IP4 10.0.9.9\r\nm=image 4000 udptl t38\r\na=T38FaxVersion:0\r\n"
	run(t, func(b *bed) {
		down, ok := b.establish("r")
		for i, raw := range []string{
			carrying(uac(ok, "INVITE", "r1", 2, "10.0.0.1"), sdp),
			uac(ok, "INVITE", "r2", 3, "10.0.0.1"), // no offer: it comes in the 2xx
			with(uac(ok, "INVITE", "r3", 4, "10.0.0.1"), "Contact: <sip:0612345678@10.0.0.1:5060>", "Contact: <sip:moved@10.0.0.1:5062>"),
		} {
			b.ibx.send(raw)
			b.ibx.take("100")
			got := b.primary.take("INVITE")
			want(b, "body", body(got), body(raw))
			want(b, "Contact", header(got, "Contact"), header(raw, "Contact"))
			resp := carrying(accept(got, "p-r", "10.0.1.1"), fmt.Sprint("v=", i, "\r\n"))
			b.primary.send(resp)
			answered := b.ibx.take("200")
			want(b, "body of the 200", body(answered), body(resp))
			b.ibx.send(carrying(uac(answered, "ACK", fmt.Sprint("ra", i), 2+i, "10.0.0.1"), "v=ack\r\n"))
			want(b, "body of the ACK", body(b.primary.take("ACK")), "v=ack\r\n")
		}
		re := uas(down, "INVITE", "r4", "p-r", 1, "10.0.1.1")
		b.primary.send(re)
		b.primary.take("100")
		refuse(b, re, b.ibx.take("INVITE"), 491, b.ibx, b.primary)
		want(b, "lines", b.p.Dialogs.Len(), 1)
		b.hangUp(ok)
		want(b, "calls", len(b.records), 1)
	})
}

// testSubscription: the NOTIFY may overtake the 200 of its SUBSCRIBE; both know the
// way by Record-Route.
func testSubscription(t *testing.T) {
	run(t, func(b *bed) {
		up := adding(plainRequest("SUBSCRIBE", "s"), "Event: message-summary", "Expires: 600")
		b.ibx.send(up)
		down := b.primary.take("SUBSCRIBE")
		want(b, "Record-Route", len(headers(down, "Record-Route")), 1)
		notify := adding(uas(down, "NOTIFY", "n1", "p-s", 1, "10.0.1.1"), "Event: message-summary", "Subscription-State: active;expires=600")
		got := b.through(b.primary, b.ibx, notify)
		b.through(b.ibx, b.primary, answer(got, 200, "x"))
		b.through(b.primary, b.ibx, answer(down, 200, "p-s", "Contact: <sip:ivr@10.0.1.1:5060>", "Expires: 600"))
		got = b.through(b.primary, b.ibx, adding(uas(down, "NOTIFY", "n2", "p-s", 2, "10.0.1.1"), "Event: message-summary", "Subscription-State: terminated"))
		b.through(b.ibx, b.primary, answer(got, 481, "x"))
	})
}

// testRefer: in a dialog and without one; its NOTIFYs pass, also after the BYE.
func testRefer(t *testing.T) {
	run(t, func(b *bed) {
		down, ok := b.establish("r")
		refer := adding(uas(down, "REFER", "rf", "p-r", 1, "10.0.1.1"), "Refer-To: <sip:202@10.0.0.1?Replaces=a%40b%3Bto-tag%3Dx%3Bfrom-tag%3Dy>", "Referred-By: <sip:ivr@10.0.1.1>", "Refer-Sub: true")
		got := b.through(b.primary, b.ibx, refer)
		b.through(b.ibx, b.primary, answer(got, 202, "x"))
		notify := func(n int, state string) string {
			m := adding(uac(ok, "NOTIFY", fmt.Sprint("nf", n), n, "10.0.0.1"), "Event: refer", "Subscription-State: "+state)
			return with(m, "Content-Length: 0\r\n\r\n", "Content-Type: message/sipfrag\r\nContent-Length: 20\r\n\r\nSIP/2.0 100 Trying\r\n")
		}
		got = b.through(b.ibx, b.primary, notify(2, "active;expires=60"))
		b.through(b.primary, b.ibx, answer(got, 200, "x"))
		b.primary.send(uas(down, "BYE", "bye", "p-r", 2, "10.0.1.1"))
		b.ibx.send(answer(b.ibx.take("BYE"), 200, "x"))
		b.primary.take("200")
		got = b.through(b.ibx, b.primary, notify(3, "terminated;reason=noresource"))
		b.through(b.primary, b.ibx, answer(got, 200, "x"))
		// Outside a dialog, refused.
		up := adding(plainRequest("REFER", "out"), "Refer-To: <sip:1@x>", "Refer-Sub: false")
		b.ibx.send(up)
		got = b.primary.take("REFER sip:5001@10.0.1.1:5060")
		want(b, "Refer-Sub", header(got, "Refer-Sub"), "false")
		b.through(b.primary, b.ibx, answer(got, 603, "x"))
	})
}

// testReasonPasses: the cause that reports show.
func testReasonPasses(t *testing.T) {
	reason := "Reason: Q.850;cause=31;text=\"Normal, unspecified\" ,SIP;cause=200"
	run(t, func(b *bed) {
		_, ok := b.establish("r")
		got := b.through(b.ibx, b.primary, adding(uac(ok, "BYE", "bye", 2, "10.0.0.1"), reason))
		b.through(b.primary, b.ibx, answer(got, 200, "x", reason))
		up, down := b.place("f")
		b.ibx.send(answer(down, 404, "x", reason))
		b.ibx.take("ACK")
		resp := b.primary.take("404")
		want(b, "Reason of a final", header(resp, "Reason"), strings.TrimPrefix(reason, "Reason: "))
		b.primary.send(ackNon2xx(up, resp))
	})
}

// testMethodsAndHeadersPass: every method is forwarded, and no header of an
// extension is touched.
func testMethodsAndHeadersPass(t *testing.T) {
	extensions := []string{
		"User-to-User: 56a390f3d2b7310023a2;encoding=hex;purpose=isdn-uui", "P-Charging-Vector: icid-value=\"x,y\";orig-ioi=z",
		"P-Asserted-Identity: \"A, B\" <sip:+33145@x;user=phone>, <tel:+33145>", "Privacy: id; critical", "Alert-Info: <http://x/y,z>;info=alert-internal",
		"Call-Info: <http://x/a.jpg> ;purpose=icon", "Geolocation: <cid:a@b>;inserted-by=\"c\"", "Geolocation-Routing: yes", "Accept-Contact: *;audio;require",
		"Request-Disposition: no-fork", "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00", "Resource-Priority: q735.0", "x-Un-Known:\t \tvalue ,, ;;",
	}
	run(t, func(b *bed) {
		down, ok := b.dial("h")
		_ = down
		for i, method := range []string{"MESSAGE", "INFO", "OPTIONS", "PUBLISH", "X-New"} {
			raw := adding(uac(ok, method, method, 2+i, "10.0.1.1"), extensions...)
			raw = with(raw, "Content-Length: 0\r\n\r\n", "Content-Type: application/dtmf-relay\r\nContent-Length: 22\r\n\r\nSignal=5\r\nDuration=160")
			got := b.through(b.primary, b.ibx, raw)
			b.through(b.ibx, b.primary, adding(answer(got, 200, "x"), extensions...))
		}
		b.primary.send(uac(ok, "BYE", "bye", 20, "10.0.1.1"))
		b.ibx.send(answer(b.ibx.take("BYE"), 200, "x"))
		b.primary.take("200")
		for _, method := range []string{"MESSAGE", "INFO", "PUBLISH", "X-New"} {
			raw := adding(plainRequest(method, "o"+method), extensions...)
			got := b.through(b.ibx, b.primary, raw)
			b.through(b.primary, b.ibx, answer(got, 200, "x"))
		}
	})
}

// testEarlyMedia: offers and answers of two early dialogs go up as they are, each
// with its own tag; the 200 may differ from both.
func testEarlyMedia(t *testing.T) {
	run(t, func(b *bed) {
		_, first := b.ring("e")
		b.through(b.primary, b.ibx, carrying(answer(first, 183, "p-e", "Contact: <sip:ivr@10.0.1.1:5060>"), "v=0\r\nc=IN IP4 10.0.1.1\r\n"))
		b.pass(8 * time.Second)
		b.switchover()
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		second := b.secondary.take("INVITE")
		want(b, "offer", body(second), body(invite("e")))
		b.through(b.secondary, b.ibx, carrying(answer(second, 183, "s-e"), "v=0\r\nc=IN IP4 10.0.1.2\r\n"))
		b.secondary.send(carrying(accept(second, "s-e", "10.0.1.2"), "v=0\r\nc=IN IP6 ::1\r\n"))
		ok := b.ibx.take("200")
		want(b, "answer", body(ok), "v=0\r\nc=IN IP6 ::1\r\n")
		want(b, "tag", parameter(header(ok, "To"), "tag"), "s-e")
		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		b.secondary.send(answer(b.secondary.take("BYE"), 200, "x"))
		b.ibx.take("200")
	})
}

// testSessionTimersPass: Session-Expires, Min-SE, the refresher and a 422 pass as
// they are, and a 422 is no overflow.
func testSessionTimersPass(t *testing.T) {
	run(t, func(b *bed) {
		up := adding(invite("s"), "Session-Expires: 90;refresher=uac", "Min-SE: 90", "Supported: timer")
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		for name, v := range map[string]string{"Session-Expires": "90;refresher=uac", "Min-SE": "90", "Supported": "timer"} {
			want(b, name, header(down, name), v)
		}
		b.primary.send(answer(down, 422, "p", "Min-SE: 1800"))
		b.primary.take("ACK")
		resp := b.ibx.take("422")
		want(b, "Min-SE", header(resp, "Min-SE"), "1800")
		b.ibx.send(ackNon2xx(up, resp))
		want(b, "overflows", b.overflowed(), 0)
		b.secondary.silent()
		up = adding(invite("t"), "Session-Expires: 1800", "Supported: timer")
		b.ibx.send(up)
		b.ibx.take("100")
		down = b.primary.take("INVITE")
		b.primary.send(answer(down, 200, "p", "Contact: <sip:ivr@10.0.1.1:5060>", "Session-Expires: 1800;refresher=uas", "Require: timer"))
		ok := b.ibx.take("200")
		want(b, "Session-Expires", header(ok, "Session-Expires"), "1800;refresher=uas")
		want(b, "Require", header(ok, "Require"), "timer")
		b.hangUp(ok)
	})
}

// testLongCallSurvivesARestart: refreshes every half hour, a new process in the
// middle that knows nothing of the call.
func testLongCallSurvivesARestart(t *testing.T) {
	run(t, func(b *bed) {
		down, ok := b.establish("l")
		for i := range 4 {
			b.pass(30 * time.Minute)
			if i == 1 {
				b.restart()
			}
			b.primary.send(uas(down, "UPDATE", fmt.Sprint("up", i), "p-l", 1+i, "10.0.1.1"))
			b.ibx.send(answer(b.ibx.take("UPDATE"), 200, "x", "Session-Expires: 3600"))
			want(b, "Session-Expires", header(b.primary.take("200"), "Session-Expires"), "3600")
		}
		b.hangUp(ok)
		r := b.record()
		want(b, "server", r.Server, "primary")
		want(b, "reason", r.Reason, router.ReasonRestarted)
	})
}

// testNumbersPass: numbers towards the IPBX go out as the server wrote them, in the
// Request-URI and everywhere else.
func testNumbersPass(t *testing.T) {
	for _, user := range []string{"+33145000000", "0033145000000", "%2B33;ext=1", "*21*5000", "5000;phone-context=x"} {
		run(t, func(b *bed) {
			up := with(outgoing("n", "10.0.1.1"), "INVITE sip:0145000000@", "INVITE sip:"+user+"@", "To: <sip:0145000000@", "To: <sip:"+user+"@")
			b.primary.send(up)
			b.primary.take("100")
			down := b.ibx.take("INVITE sip:" + user + "@10.0.0.1:5060")
			want(b, "To", header(down, "To"), header(up, "To"))
			refuse(b, up, down, 404, b.ibx, b.primary)
		})
	}
}

// testOfferless: an INVITE without SDP, whose offer comes in the 200, through an
// overflow too.
func testOfferless(t *testing.T) {
	run(t, func(b *bed) {
		up := plainRequest("INVITE", "o")
		b.ibx.send(up)
		b.ibx.take("100")
		first := b.primary.take("INVITE")
		want(b, "body", body(first), "")
		b.primary.send(answer(first, 500, "p"))
		b.primary.take("ACK")
		b.switchover()
		second := b.secondary.take("INVITE")
		want(b, "body", body(second), "")
		b.secondary.send(carrying(accept(second, "s", "10.0.1.2"), "v=0\r\noffer"))
		ok := b.ibx.take("200")
		want(b, "offer", body(ok), "v=0\r\noffer")
		b.ibx.send(carrying(uac(ok, "ACK", "k", 1, "10.0.0.1"), "v=0\r\nanswer"))
		want(b, "answer", body(b.secondary.take("ACK")), "v=0\r\nanswer")
		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		b.secondary.send(answer(b.secondary.take("BYE"), 200, "x"))
		b.ibx.take("200")
	})
}

// testCallerPreferences: never two branches at once, never a 3xx followed, whatever
// is asked; a call that a dead server did not take goes to the other one also
// under no-fork; the preferences go on as they came.
func testCallerPreferences(t *testing.T) {
	lines := []string{"Request-Disposition: proxy, no-fork, no-recurse", "Accept-Contact: *;audio;require"}
	run(t, func(b *bed) {
		b.ibx.send(adding(invite("pref"), lines...))
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		b.primary.send(answer(down, 180, "p"))
		b.ibx.take("180")
		b.pass(8 * time.Second)
		b.secondary.silent()
		b.switchover()
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
		second := b.secondary.take("INVITE")
		for _, leg := range []string{down, second} {
			for _, l := range lines {
				name, value, _ := strings.Cut(l, ": ")
				want(b, name, header(leg, name), value)
			}
		}
		b.primary.send(answer(down, 487, "p"))
		b.primary.take("ACK")
		b.secondary.send(accept(second, "s", "10.0.1.2"))
		ok := b.ibx.take("200")
		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		b.secondary.send(answer(b.secondary.take("BYE"), 200, "x"))
		b.ibx.take("200")
	})
	run(t, func(b *bed) {
		up := adding(invite("moved"), "Request-Disposition: recurse, fork, parallel")
		b.ibx.send(up)
		b.ibx.take("100")
		refuse(b, up, b.primary.take("INVITE"), 302, b.primary, b.ibx)
		b.secondary.silent()
	})
}
