package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/router"
)

// TestConformanceForwarding: rules F, the forwarding of requests (RFC 3261 §16.6).
func TestConformanceForwarding(t *testing.T) {
	t.Run("F01 RFC 3261 §16.6(3)", TestSection16_6_3_MaxForwards)
	t.Run("F01 RFC 3261 §16.6(3) an ACK", TestSection16_3_3_ACK)
	t.Run("F03 RFC 3261 §16.6(8) §9.1 §17.1.1.3", TestSection16_6_8_Branch)
	t.Run("F03 RFC 3261 §16.6(8) CANCEL", TestSection16_10_Cancel)
	t.Run("F04 RFC 3261 §16.6(4)", testRecordRouteOfDialogs)
	t.Run("F04 RFC 3261 §16.6(4) above existing ones", TestSection16_6)
	t.Run("F05 RFC 3261 §16.6(4)", testRecordRouteOfRefreshes)
	t.Run("F08 RFC 3261 §16.6(9)", TestSection16_6_9_ContentLength)
	t.Run("F08 RFC 3261 §18.3 responses", TestSection18_3_ContentLength)
	t.Run("F09 RFC 3261 §16.6(11)", TestSection16_7_2_And_16_8_TimerC)
	t.Run("F10 RFC 3261 §16.2 §8.2.6.1", TestSection17_2_1_InviteServer)
	t.Run("F10 RFC 3261 §16.2 none to others", testTryingToInviteOnly)
	t.Run("F11 RFC 3261 §22.3", testCredentials)
	t.Run("F11 RFC 3261 §22.3 beside ours", TestForeignRealmPasses)
	t.Run("F12 RFC 3261 §16.6", testIdentityOfTheDialog)
	t.Run("F12 RFC 3261 §16.6(1)", TestBytes)
	t.Run("F14 RFC 3261 §16.2 §17.2.3", TestSection16_6_10_Retransmissions)
	t.Run("F14 RFC 3261 §16.2 after the answer", TestRFC6026_7_1_Accepted)
	t.Run("F14 RFC 3261 §16.2 after the overflow", testRepeatAfterTheOverflow)
}

// TestConformanceTargets: rules R, where a request goes (RFC 3261 §16.4, §16.5).
func TestConformanceTargets(t *testing.T) {
	t.Run("R06 RFC 3261 §16.5 §26", testNoOpenRelay)
	t.Run("R07 RFC 3261 §16.5", testNoTarget)
	t.Run("R08 RFC 3261 §16.5", testEachTargetOnce)
	t.Run("R09 RFC 3261 §16.5", testNoOverflowInDialog)
	t.Run("R11 RFC 3261 §12.2", TestInDialog)
	t.Run("R11 RFC 3261 §12.2 to a server that is down", testInDialogToADeadServer)
	t.Run("R12 RFC 3261 §10.2 our choice: never forwarded", TestRegister)
}

// testRecordRouteOfDialogs: every request that forms a dialog carries our URI on
// top: SIP, with lr, and it leads here.
func testRecordRouteOfDialogs(t *testing.T) {
	for _, method := range []string{"INVITE", "SUBSCRIBE", "REFER", "NOTIFY"} {
		t.Run(method, func(t *testing.T) {
			run(t, func(b *bed) {
				up := adding(plainRequest(method, "d"), "Record-Route: <sip:10.0.0.1;lr>, <sip:10.0.0.77;lr;x=\"a,b\">")
				b.ibx.send(up)
				down := b.primary.take(map[string]string{"INVITE": "INVITE"}[method])
				rr := headers(down, "Record-Route")
				want(b, "Record-Route lines", len(rr), 2)
				want(b, "those of others", rr[1], header(up, "Record-Route"))
				u := uriIn(rr[0])
				if !strings.HasPrefix(u, "sip:10.0.0.5:5060;lr") || strings.Contains(u, "transport=") {
					b.Errorf("our URI is %q", u)
				}
				b.primary.send(answer(down, 404, "x"))
				if method == "INVITE" {
					b.primary.take("ACK")
					b.ibx.take("100")
					b.ibx.send(ackNon2xx(up, b.ibx.take("404")))
					return
				}
				b.ibx.take("404")
			})
		})
	}
}

// testRecordRouteOfRefreshes: also what refreshes a dialog, and what we do not
// know, so that an endpoint that lost its state learns the route again.
func testRecordRouteOfRefreshes(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("r")
		for i, r := range []struct {
			method string
			marked int
		}{{"UPDATE", 1}, {"SUBSCRIBE", 1}, {"REFER", 1}, {"NOTIFY", 1}, {"QUUX", 1}, {"INFO", 0}, {"MESSAGE", 0}, {"PRACK", 0}, {"OPTIONS", 0}} {
			b.ibx.send(uac(ok, r.method, r.method, 2+i, "10.0.0.1"))
			down := b.primary.take(r.method)
			want(b, "Record-Route of "+r.method, len(headers(down, "Record-Route")), r.marked)
			b.primary.send(answer(down, 200, "x"))
			b.ibx.take("200")
		}
		re := uac(ok, "INVITE", "re", 20, "10.0.0.1")
		b.ibx.send(re)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		want(b, "Record-Route of a re-INVITE", len(headers(down, "Record-Route")), 1)
		refuse(b, re, down, 488, b.primary, b.ibx)
		b.hangUp(ok)
	})
}

// testTryingToInviteOnly: "MUST NOT" send 100 to other methods at once (RFC 4320
// has its own instant, N02).
func testTryingToInviteOnly(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("t")
		for i, method := range []string{"INFO", "UPDATE", "REFER", "QUUX", "BYE"} {
			b.ibx.send(uac(ok, method, method, 2+i, "10.0.0.1"))
			down := b.primary.take(method)
			b.pass(3 * time.Second)
			b.ibx.silent()
			_ = b.primary.all()
			b.primary.send(answer(down, 200, "x"))
			b.ibx.take("200")
		}
		b.ibx.send(plainRequest("MESSAGE", "m"))
		down := b.primary.take("MESSAGE")
		b.pass(3 * time.Second)
		b.ibx.silent()
		b.primary.send(answer(down, 202, "x"))
		b.ibx.take("202")
	})
}

// testCredentials: those of other realms pass unmodified; ours do not exist, no
// request is challenged here.
func testCredentials(t *testing.T) {
	lines := []string{
		`Authorization: Digest username="5001", realm="oxe, b", nonce="a=b,c", uri="sip:x", response="0"`,
		`Proxy-Authorization: Digest username="a", realm="10.0.0.5", response="1"`,
		`Proxy-Authorization:  Digest  username="b" ,realm="other", response="2"`,
	}
	same := func(b *bed, down string) {
		b.Helper()
		if !strings.Contains(down, strings.Join(lines, "\r\n")+"\r\n") {
			b.Errorf("the credentials changed:\n%s", down)
		}
	}
	run(t, func(b *bed) {
		up := adding(outgoing("c", "10.0.1.1"), lines...)
		b.primary.send(up)
		b.primary.take("100")
		down := b.ibx.take("INVITE")
		same(b, down)
		b.ibx.send(answer(down, 486, "x"))
		ack := b.ibx.take("ACK")
		for _, name := range []string{"Authorization", "Proxy-Authorization"} {
			want(b, name+" of its ACK (§22.1)", strings.Join(headers(ack, name), "|"), strings.Join(headers(up, name), "|"))
		}
		b.primary.send(ackNon2xx(up, b.primary.take("486")))
		_, ok := b.establish("d")
		b.ibx.send(adding(uac(ok, "BYE", "bye", 2, "10.0.0.1"), lines...))
		down = b.primary.take("BYE")
		same(b, down)
		b.primary.send(answer(down, 200, "x"))
		b.ibx.take("200")
	})
}

// testIdentityOfTheDialog: tags, Call-ID, CSeq and Contact pass as they are, both
// ways, in every message of a call.
func testIdentityOfTheDialog(t *testing.T) {
	same := func(b *bed, got, sent string) {
		b.Helper()
		for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Contact"} {
			want(b, name+" of "+startLine(got), strings.Join(headers(got, name), "|"), strings.Join(headers(sent, name), "|"))
		}
	}
	run(t, func(b *bed) {
		up := with(invite("i"), "Contact: <sip:0612345678@10.0.0.1:5060>", "Contact: \"a, b\" <sip:0612345678@10.0.0.1:5060;x=1?y=z>;q=0.5;+sip.instance=\"<urn:x>\"")
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		same(b, down, up)
		for _, status := range []int{180, 200} {
			resp := answer(down, status, "Tag.~x", "Contact: <sip:ivr@10.0.1.1:5060>;odd")
			b.primary.send(resp)
			same(b, b.ibx.take(fmt.Sprint(status)), resp)
		}
		ok := answer(down, 200, "Tag.~x", "Contact: <sip:ivr@10.0.1.1:5060>;odd")
		for i, method := range []string{"ACK", "INFO", "BYE"} {
			m := uac(ok, method, "m"+method, 1+i, "10.0.0.1")
			b.ibx.send(m)
			got := b.primary.take(method)
			same(b, got, m)
			if method == "ACK" {
				continue
			}
			resp := answer(got, 200, "x")
			b.primary.send(resp)
			same(b, b.ibx.take("200"), resp)
		}
	})
}

// testRepeatAfterTheOverflow: a repeated INVITE is answered by the last response
// and makes no branch, whatever became of the call meanwhile.
func testRepeatAfterTheOverflow(t *testing.T) {
	run(t, func(b *bed) {
		up, first, second := b.pendingAndDelivered("o")
		b.ibx.send(up)
		b.ibx.take("180") // the last one that went up
		b.secondary.send(answer(second, 183, "s"))
		b.ibx.take("183")
		b.ibx.send(up)
		b.ibx.take("183")
		b.primary.silent()
		b.secondary.silent()
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		final := refuse(b, up, second, 486, b.secondary, b.ibx)
		b.ibx.send(up) // Confirmed: absorbed
		b.ibx.silent()
		b.secondary.silent()
		_ = final
	})
	run(t, func(b *bed) { // refused by us
		up := b.refusedBy("r", 500)
		b.ibx.send(up)
		b.ibx.take("100")
		b.verify()
		b.dissuade(router.VerdictHealthy)
		b.ibx.take("486")
		b.ibx.send(up)
		resp := b.ibx.take("486")
		b.primary.silent()
		b.ibx.send(ackNon2xx(up, resp))
	}, func(c *Config) { c.Policy.Requeue = false })
}

// testNoOpenRelay: an unknown source is never served, whatever it names; it is
// counted.
func testNoOpenRelay(t *testing.T) {
	run(t, func(b *bed) {
		shed := b.p.Stats.Strangers.Load()
		for i, raw := range []string{
			with(invite("x"), "INVITE sip:5000@10.0.0.5:5060", "INVITE sip:00331@example.com"),
			adding(invite("y"), "Route: <sip:10.0.0.5;lr>, <sip:10.0.0.1;lr>"),
			with(plainRequest("MESSAGE", "z"), "MESSAGE sip:5000@10.0.0.5:5060", "MESSAGE sip:a@10.0.1.1"),
		} {
			b.stranger.send(with(raw, "10.0.0.1:5060;branch", "192.0.2.66:5060;branch"))
			want(b, "counted", b.p.Stats.Strangers.Load(), shed+uint64(i)+1)
		}
		for _, p := range []*peer{b.stranger, b.ibx, b.ibx2, b.primary, b.secondary} {
			p.silent()
		}
	})
}

// testNoTarget: nobody can be offered the request: 480, or our own final of a call
// when both servers are down.
func testNoTarget(t *testing.T) {
	run(t, func(b *bed) {
		b.view(func(v *router.View) { v.Active, v.Phase = router.Secondary, router.OnSecondary })
		b.ibx.send(plainRequest("MESSAGE", "m"))
		b.ibx.take("480")
	}, func(c *Config) { c.Servers[router.Secondary] = Server{} })
	run(t, func(b *bed) {
		b.view(func(v *router.View) { v.Active, v.Phase = router.NoServer, router.BothDown })
		up := invite("i")
		b.ibx.send(up)
		b.ibx.take("100")
		b.ibx.send(ackNon2xx(up, b.ibx.take("500")))
		b.ibx.send(plainRequest("MESSAGE", "m"))
		b.ibx.take("480")
		b.primary.silent()
		b.secondary.silent()
	})
}

// testEachTargetOnce: "a given URI … MUST NOT be added more than once": each of the
// redundant IPBXs is tried once, and a redirection is not followed. (A call that
// is offered again after a dissuasion is our choice, docs/conformance.md.)
func testEachTargetOnce(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.place("o")
		b.ibx.send(answer(down, 503, "x"))
		b.ibx.take("ACK")
		second := b.ibx2.take("INVITE")
		refuse(b, up, second, 503, b.ibx2, b.primary)
		b.pass(10 * time.Second)
		b.ibx.silent()
		b.ibx2.silent()
		want(b, "attempts", b.record().Attempts, 2)
		up, down = b.place("r")
		b.ibx.send(answer(down, 302, "x", "Contact: <sip:0145000000@10.0.0.1:5060>"))
		b.ibx.take("ACK")
		b.primary.send(ackNon2xx(up, b.primary.take("302")))
		b.ibx.silent()
		b.ibx2.silent()
	})
}

// testNoOverflowInDialog: whatever an in-dialog request meets, no other server and
// no desk sees it.
func testNoOverflowInDialog(t *testing.T) {
	for _, status := range []int{302, 408, 480, 481, 486, 500, 502, 504, 600} {
		run(t, func(b *bed) {
			_, ok := b.establish("n")
			re := uac(ok, "INVITE", "re", 2, "10.0.0.1")
			b.ibx.send(re)
			b.ibx.take("100")
			resp := refuse(b, re, b.primary.take("INVITE"), status, b.primary, b.ibx)
			want(b, "final", startLine(resp)[8:11], fmt.Sprint(status))
			b.ibx.send(uac(ok, "UPDATE", "u", 3, "10.0.0.1"))
			b.primary.send(answer(b.primary.take("UPDATE"), status, "x"))
			b.ibx.take(fmt.Sprint(status))
			want(b, "overflows", b.overflowed(), 0)
			b.secondary.silent()
			b.ibx2.silent()
			b.hangUp(ok)
		}, withDesk)
	}
	t.Run("silence", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("s")
			re := uac(ok, "INVITE", "re", 2, "10.0.0.1")
			b.ibx.send(re)
			b.ibx.take("100")
			b.pass(31 * time.Second)
			b.ibx.silent()
			b.pass(time.Second)
			b.ibx.send(ackNon2xx(re, b.ibx.take("408")))
			want(b, "overflows", b.overflowed(), 0)
			b.secondary.silent()
			b.ibx2.silent()
			_ = b.primary.all()
			b.hangUp(ok)
		}, withDesk)
	})
}

// testInDialogToADeadServer: the dialog is that server's, whoever serves now.
func testInDialogToADeadServer(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("d")
		b.switchover()
		b.ibx.send(uac(ok, "INFO", "i", 2, "10.0.0.1"))
		b.primary.send(answer(b.primary.take("INFO"), 200, "x"))
		b.ibx.take("200")
		b.view(func(v *router.View) { v.Phase, v.Active = router.BothDown, router.NoServer })
		b.ibx.send(uac(ok, "INFO", "j", 3, "10.0.0.1"))
		b.primary.send(answer(b.primary.take("INFO"), 200, "x"))
		b.ibx.take("200")
		b.secondary.silent()
		b.hangUp(ok)
	})
}
