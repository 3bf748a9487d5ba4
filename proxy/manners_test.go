package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/router"
)

// manner changes how the first IPBX wants its calls treated.
func manner(change func(m *Manners)) setting {
	return func(c *Config) {
		o := &c.Policy
		m := Manners{HoldSignal: o.HoldSignal, Status: o.RejectStatus, Requeue: o.Requeue, Q850: c.Q850}
		change(&m)
		c.IPBXs[0].Manners = m
	}
}

func marking(m *Manners) { m.Diversion, m.HistoryInfo = true, true }

// testMarked: the leg to the secondary says that the call overflowed and why;
// the leg to the primary says nothing, and what came with the call stays.
func testMarked(t *testing.T) {
	for _, c := range []struct {
		name              string
		status            int // of the primary; 0: it rings and does not answer
		came              []string
		diversion, cause  string
		history, primary2 string
	}{
		{"a failed server", 500, nil, "unavailable", "503", "", ""},
		{"no answer, with entries of the IPBX", 0, []string{
			"Diversion: <sip:0490@10.0.0.1>;reason=unconditional;counter=1;privacy=full",
			"History-Info: <sip:0490@10.0.0.1?Privacy=history>;index=1, <sip:5000@10.0.0.5:5060;cause=302>;index=1.1;mp=1",
		}, "no-answer", "408", "1.1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(b *bed) {
				up := invite("a")
				if len(c.came) > 0 {
					up = adding(up, c.came...)
				}
				b.ibx.send(up)
				b.ibx.take("100")
				clean := b.primary.take("INVITE")
				want(b, "Diversion to the primary", len(headers(clean, "Diversion")), len(headers(up, "Diversion")))
				want(b, "History-Info to the primary", len(headers(clean, "History-Info")), len(headers(up, "History-Info")))
				if c.status != 0 {
					b.primary.send(answer(clean, c.status, "p"))
				} else {
					b.primary.send(answer(clean, 180, "p"))
					b.pass(8 * time.Second)
				}
				b.switchover()
				b.ibx.all()
				down := b.secondary.take("INVITE")
				d := headers(down, "Diversion")
				want(b, "Diversion", d[0], "<sip:5000@10.0.0.5:5060>;reason="+c.diversion+";counter=1")
				hi := headers(down, "History-Info")
				base, first := "1", "<sip:5000@10.0.0.5:5060>;index=1, "
				if c.history != "" {
					base, first = c.history, ""
					want(b, "the Diversion that came", d[1], header(up, "Diversion"))
					want(b, "the History-Info that came", hi[0], header(up, "History-Info"))
				}
				want(b, "History-Info", hi[len(hi)-1], first+
					"<sip:5001@10.0.1.1:5060?Reason=SIP%3Bcause%3D"+c.cause+">;index="+base+".1;mp="+base+", "+
					"<sip:5002@10.0.1.2:5060;cause="+c.cause+">;index="+base+".2;mp="+base)
				b.secondary.send(answer(down, 404, "s"))
				b.secondary.take("ACK")
				b.ibx.take("404")
				// A call that begins at the secondary did not overflow.
				b.ibx.send(invite("b"))
				b.ibx.take("100")
				down = b.secondary.take("INVITE")
				want(b, "marks of a call of its own", len(headers(down, "Diversion"))+len(headers(down, "History-Info")), 0)
				b.secondary.send(answer(down, 404, "s"))
				b.secondary.take("ACK")
				b.ibx.take("404")
				b.primary.all()
			}, manner(marking))
		})
	}
}

// testMarkedOnce: on the overflow entry no server of ours was tried.
func testMarkedOnce(t *testing.T) {
	run(t, func(b *bed) {
		b.ibx.sendTo(addrOverflow, invite("a"))
		b.ibx.take("100")
		b.switchover()
		down := b.secondary.take("INVITE")
		want(b, "History-Info", header(down, "History-Info"),
			"<sip:5000@10.0.0.5:5060?Reason=SIP%3Bcause%3D408>;index=1, <sip:5002@10.0.1.2:5060;cause=408>;index=1.1;mp=1")
		b.secondary.send(answer(down, 404, "s"))
		b.secondary.take("ACK")
		b.ibx.take("404")
	}, manner(marking))
}

// unmarked: without the manner nothing is added anywhere.
func testUnmarked(t *testing.T) {
	run(t, func(b *bed) {
		b.refusedBy("a", 500)
		b.switchover()
		down := b.secondary.take("INVITE")
		want(b, "marks", len(headers(down, "Diversion"))+len(headers(down, "History-Info")), 0)
		b.secondary.send(answer(down, 404, "s"))
		b.secondary.take("ACK")
		b.ibx.take("404")
	})
}

// routeless is a request of a UA that ignores Record-Route.
func routeless(raw string) string {
	var out []string
	for _, l := range strings.Split(raw, "\r\n") {
		if !strings.HasPrefix(l, "Route:") {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\r\n")
}

func rewriting(m *Manners) { m.RewriteContact = true }

// testRewritten: to an IPBX that ignores Record-Route the Contact of the server
// names us; what it sends there reaches the server's real Contact, by the
// signature alone; the server sees the IPBX's own.
func testRewritten(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("a")
		want(b, "the caller's Contact", header(down, "Contact"), "<sip:0612345678@10.0.0.1:5060>")
		ok200 := answer(down, 200, "p-a", "Contact: \"Accueil\" <sip:ivr@10.0.1.1:5060;ob>;+sip.instance=\"<urn:uuid:1>\"")
		b.primary.send(ok200)
		ok := b.ibx.take("200")
		contact := header(ok, "Contact")
		if !strings.HasPrefix(contact, "\"Accueil\" <sip:rlv-") || !strings.HasSuffix(contact, "@10.0.0.5:5060>;+sip.instance=\"<urn:uuid:1>\"") {
			b.Fatalf("Contact %s", contact)
		}
		b.ibx.send(routeless(uac(ok, "ACK", "ack", 1, "10.0.0.1")))
		b.primary.take("ACK sip:ivr@10.0.1.1:5060;ob SIP/2.0")
		b.primary.send(ok200) // its repeat says the same
		want(b, "Contact of the repeat", header(b.ibx.take("200"), "Contact"), contact)
		b.ibx.send(routeless(uac(ok, "ACK", "ack", 1, "10.0.0.1")))
		b.primary.take("ACK")

		// A target refresh by the server, and the IPBX's own.
		b.primary.send(with(uas(down, "UPDATE", "up", "p-a", 1, "10.0.1.1"), "Contact: <sip:ivr@10.0.1.1:5060>", "Contact: <sip:other@10.0.1.1:5060>"))
		update := b.ibx.take("UPDATE sip:0612345678@10.0.0.1:5060 SIP/2.0")
		refreshed := uriIn(header(update, "Contact"))
		if !strings.HasPrefix(refreshed, "sip:rlv-") || refreshed == uriIn(contact) {
			b.Fatalf("refreshed to %s", refreshed)
		}
		b.ibx.send(answer(update, 200, "", "Contact: <sip:new@10.0.0.1:5060>"))
		want(b, "the IPBX's Contact", header(b.primary.take("200"), "Contact"), "<sip:new@10.0.0.1:5060>")
		b.ibx.send(with(routeless(uac(ok, "INVITE", "re", 2, "10.0.0.1")), uriIn(contact), refreshed))
		b.ibx.take("100")
		re := b.primary.take("INVITE sip:other@10.0.1.1:5060 SIP/2.0")
		b.primary.send(answer(re, 200, "", "Contact: <sip:third@10.0.1.1:5060>"))
		third := uriIn(header(b.ibx.take("200"), "Contact"))
		b.ibx.send(with(routeless(uac(ok, "ACK", "reack", 2, "10.0.0.1")), uriIn(contact), third))
		b.primary.take("ACK sip:third@10.0.1.1:5060 SIP/2.0")

		// A node that knows nothing of the call.
		b.restart()
		forged := strings.Replace(third, third[20:24], "AAAA", 1)
		b.ibx.send(with(routeless(uac(ok, "BYE", "forged", 3, "10.0.0.1")), uriIn(contact), forged))
		b.ibx.take("481")
		b.primary.silent()
		b.ibx.send(with(routeless(uac(ok, "BYE", "bye", 4, "10.0.0.1")), uriIn(contact), third))
		b.primary.send(answer(b.primary.take("BYE sip:third@10.0.1.1:5060 SIP/2.0"), 200, ""))
		b.ibx.take("200")
	}, manner(rewriting), func(c *Config) { c.IPBXs[1].Manners = Manners{Status: 486} })
}

// testRewrittenOutgoing: likewise for a call that the server places; the other
// IPBX, which follows Record-Route, sees the server's own Contact.
func testRewrittenOutgoing(t *testing.T) {
	run(t, func(b *bed) {
		b.primary.send(outgoing("o", "10.0.1.1"))
		b.primary.take("100")
		down := b.ibx.take("INVITE")
		if !strings.HasPrefix(uriIn(header(down, "Contact")), "sip:rlv-") {
			b.Fatalf("Contact %s", header(down, "Contact"))
		}
		b.ibx.send(answer(down, 503, "x"))
		b.ibx.take("ACK")
		plain := b.ibx2.take("INVITE")
		want(b, "Contact", header(plain, "Contact"), "<sip:5001@10.0.1.1:5060>")
		b.ibx2.send(answer(plain, 486, "y"))
		b.ibx2.take("ACK")
		b.primary.take("486")

		b.primary.send(outgoing("p", "10.0.1.1"))
		b.primary.take("100")
		down = b.ibx.take("INVITE")
		b.ibx.send(answer(down, 200, "ib", "Contact: <sip:tel@10.0.0.1:5060>"))
		ok := b.primary.take("200")
		want(b, "Contact", header(ok, "Contact"), "<sip:tel@10.0.0.1:5060>")
		b.primary.send(uac(ok, "ACK", "ack", 1, "10.0.1.1"))
		b.ibx.take("ACK")
		b.ibx.send(routeless(uas(down, "BYE", "bye", "ib", 1, "10.0.0.1")))
		b.primary.send(answer(b.primary.take("BYE sip:5001@10.0.1.1:5060"), 200, ""))
		b.ibx.take("200")
	}, manner(rewriting), func(c *Config) { c.IPBXs[1].Manners = Manners{Status: 486} })
}

// testRedirected: the operators' desk as a 302, where this IPBX wants it so.
func testRedirected(t *testing.T) {
	run(t, func(b *bed) {
		up := b.refusedBy("a", 500)
		b.verify()
		b.pass(20 * time.Second)
		moved := b.ibx.take("302")
		want(b, "Contact", header(moved, "Contact"), "<sip:9@10.0.0.2:5060>")
		b.ibx.send(ackNon2xx(up, moved))
		b.ibx2.silent()
		r := b.record()
		want(b, "outcome", r.Outcome, router.Rescued.String())
		want(b, "server", r.Server, "rescue")
	}, withDesk, manner(func(m *Manners) { m.RedirectRescue = true }))
}

// testOwnReject: each IPBX its own reject and hold signal.
func testOwnReject(t *testing.T) {
	run(t, func(b *bed) {
		refuse := func(p *peer, id string) string {
			host := p.addr.Addr().String()
			p.send(with(invite(id), "10.0.0.1:5060;branch", host+":5060;branch"))
			p.take("100")
			b.primary.send(answer(b.primary.take("INVITE"), 500, "p"))
			b.primary.take("ACK")
			return host
		}
		refuse(b.ibx, "a")
		b.ibx.take("182")
		refuse(b.ibx2, "b")
		b.ibx2.silent()
		b.verify()
		b.dissuade(router.VerdictHealthy)
		no := b.ibx.take("480")
		want(b, "Reason", header(no, "Reason"), "Q.850;cause=41")
		b.pass(5 * time.Second) // T4 after its final this one is re-offered
		b.primary.send(answer(b.primary.take("INVITE"), 404, "p"))
		b.primary.take("ACK")
		b.ibx2.take("404")
	}, manner(func(m *Manners) { m.HoldSignal, m.Status, m.Requeue = 182, 480, false }))
}

// testSpared: Retry-After of a 503 is honoured for new calls, one minute at
// most, whatever it says; dialogs go on, and the IPBX never sees a 503.
func testSpared(t *testing.T, retry string, pause time.Duration) {
	run(t, func(b *bed) {
		refused := func(p *peer) {
			b.Helper()
			p.send(answer(p.take("INVITE"), 404, "p"))
			p.take("ACK")
			b.ibx.take("404")
		}
		_, ok := b.establish("talk")
		b.ibx.send(invite("a"))
		b.ibx.take("100")
		b.primary.send(answer(b.primary.take("INVITE"), 503, "p", "Retry-After: "+retry))
		b.primary.take("ACK")
		no := b.ibx.take("486")
		want(b, "Retry-After", header(no, "Retry-After"), "")
		b.ibx.send(ackNon2xx(invite("a"), no))
		b.pass(time.Second)
		b.ibx.all()
		b.ibx.send(invite("b")) // the pause outlasts what a caller may be kept
		b.ibx.take("100")
		b.ibx.send(ackNon2xx(invite("b"), b.ibx.take("486")))
		want(b, "reason", b.record().Reason, router.ReasonSpared)
		b.hangUp(ok)
		b.pass(pause - 2*time.Second)
		b.ibx.all()
		b.ibx.send(invite("c")) // a second before its end: kept until then
		b.ibx.take("100")
		b.primary.silent()
		b.pass(time.Second)
		refused(b.primary)
		b.ibx.send(invite("d"))
		b.ibx.take("100")
		refused(b.primary)
	})
}

// testIPBXSpared: an IPBX that asked for a pause is passed over.
func testIPBXSpared(t *testing.T) {
	run(t, func(b *bed) {
		b.ibx2.send(with(plainRequest("OPTIONS", "x"), "10.0.0.1:5060;branch", "10.0.0.2:5060;branch"))
		b.ibx2.take("200")
		b.ibx.send(plainRequest("OPTIONS", "y"))
		b.ibx.take("200")
		for i, p := range []*peer{b.ibx, b.ibx2} {
			b.primary.send(outgoing(fmt.Sprint("o", i), "10.0.1.1"))
			b.primary.take("100")
			if i == 0 {
				b.ibx.send(answer(b.ibx.take("INVITE"), 503, "x", "Retry-After: 10 (soon);duration=5"))
				b.ibx.take("ACK")
				p = b.ibx2
			}
			p.send(answer(p.take("INVITE"), 486, "x"))
			p.take("ACK")
			b.primary.take("486")
		}
		b.ibx.silent()
		b.pass(10 * time.Second)
		b.primary.all()
		b.primary.send(outgoing("o3", "10.0.1.1"))
		b.primary.take("100")
		b.ibx.send(answer(b.ibx.take("INVITE"), 486, "x"))
		b.ibx.take("ACK")
		b.primary.take("486")
	})
}

// testBoth503: neither server takes the call: 500, for a 503 of ours would turn
// the IPBX away altogether.
func testBoth503(t *testing.T) {
	run(t, func(b *bed) {
		b.refusedBy("a", 503)
		b.switchover()
		b.secondary.send(answer(b.secondary.take("INVITE"), 503, "s"))
		b.secondary.take("ACK")
		b.ibx.take("500")
	})
}

// testRedirectRelayed: a 302 of the server goes up as it is.
func testRedirectRelayed(t *testing.T) {
	run(t, func(b *bed) {
		b.refusedBy("a", 302, "Contact: <sip:5002@10.0.1.2>;q=0.7, <sip:away@192.0.2.1>")
		want(b, "Contact", header(b.ibx.take("302"), "Contact"), "<sip:5002@10.0.1.2>;q=0.7, <sip:away@192.0.2.1>")
		b.secondary.silent()
	}, manner(rewriting))
}

// testProvisionalFlood: every 183 goes up, nothing piles up here.
func testProvisionalFlood(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("a")
		for range 500 {
			b.primary.send(answer(down, 183, "p-a"))
		}
		want(b, "relayed", len(b.ibx.instants("183")), 500)
		want(b, "in progress", b.p.inProgress(), 1)
		b.primary.send(answer(down, 404, "p-a"))
		b.primary.take("ACK")
		b.ibx.take("404")
	}, observing)
}

// testHeartbeat: OPTIONS of the IPBX is answered 200 while a call would be
// treated, and 503 when nobody is left.
func testHeartbeat(t *testing.T, rescued string, settings ...setting) {
	run(t, func(b *bed) {
		b.ibx.send(plainRequest("OPTIONS", "a"))
		b.ibx.take("200")
		b.view(func(v *router.View) { v.Phase = router.BothDown })
		b.ibx.send(plainRequest("OPTIONS", "b"))
		b.ibx.take(rescued)
	}, settings...)
}

// testSessionEnds: a call whose session timer runs out is closed with its line;
// a refresh keeps it.
func testSessionEnds(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("a")
		b.primary.send(with(accept(down, "p-a", "10.0.1.1"), "Content-Length", "Session-Expires: 90;refresher=uac\r\nContent-Length"))
		ok := b.ibx.take("200")
		b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
		b.primary.take("ACK")
		b.pass(60 * time.Second)
		b.ibx.send(uac(ok, "UPDATE", "up", 2, "10.0.0.1"))
		b.primary.send(with(answer(b.primary.take("UPDATE"), 200, ""), "Content-Length", "x: 90\r\nContent-Length"))
		b.ibx.take("200")
		b.pass(121 * time.Second)
		b.lines(1, 0)
		b.pass(16 * time.Second)
		b.lines(0, 0)
		want(b, "reason", b.record().Reason, router.ReasonSessionExpired)
		b.ibx.send(uac(ok, "BYE", "bye", 3, "10.0.0.1")) // the late BYE goes by its Route
		b.primary.send(answer(b.primary.take("BYE"), 200, ""))
		b.ibx.take("200")
	})
}

// testCancelOfAnother: a CANCEL counts only from the hop that sent the INVITE.
func testCancelOfAnother(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("a")
		b.ibx2.send(cancelOf(up))
		b.ibx2.all()
		b.primary.silent()
		b.stranger.send(cancelOf(up))
		b.primary.silent()
		b.ibx.all() // a 481 for the forged one goes to the Via's port at its source, never here
		b.ibx.send(cancelOf(up))
		b.ibx.take("200")
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p-a"))
		b.primary.send(answer(down, 487, "p-a"))
		b.primary.take("ACK")
		b.ibx.take("487")
	})
}

// testSpoofed: BYE, CANCEL and REGISTER of strangers do nothing, REGISTER of an
// IPBX is refused.
func testSpoofed(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("a")
		b.stranger.send(uac(ok, "BYE", "forged", 2, "10.0.0.1"))
		b.stranger.send(with(plainRequest("REGISTER", "r"), "sip:5000@", "sip:"))
		b.lines(1, 0)
		b.primary.silent()
		b.stranger.silent()
		b.ibx.silent()
		b.ibx.send(with(plainRequest("REGISTER", "r2"), "sip:5000@", "sip:"))
		b.ibx.take("403")
		b.hangUp(ok)
	})
}

// testForgedVia: whatever a Via says, the answer goes to the datagram's source,
// and a Route to a stranger is not followed.
func testForgedVia(t *testing.T) {
	run(t, func(b *bed) {
		b.ibx.send(with(plainRequest("OPTIONS", "v"), "10.0.0.1:5060;branch", "192.0.2.66:5060;received=192.0.2.66;rport=5060;maddr=192.0.2.66;branch"))
		b.ibx.take("200")
		b.stranger.silent()
		b.ibx.send(adding(with(plainRequest("BYE", "b"), "To: <sip:5000@10.0.0.5:5060>", "To: <sip:5000@10.0.0.5:5060>;tag=x"), "Route: <sip:192.0.2.66;lr>"))
		b.ibx.take("481")
		b.stranger.silent()
	})
}

// testDigestURI: a Request-URI that the server addressed to the IPBX stays as it
// is, so that the digest computed over it does.
func testDigestURI(t *testing.T) {
	run(t, func(b *bed) {
		const uri = "sip:0145000000@10.0.0.1:5060;user=phone"
		const digest = `Digest username="5001", realm="oxe", nonce="n", uri="` + uri + `", response="0"`
		b.primary.send(adding(with(outgoing("o", "10.0.1.1"), "sip:0145000000@10.0.0.5:5060 SIP", uri+" SIP"), "Proxy-Authorization: "+digest))
		b.primary.take("100")
		down := b.ibx.take("INVITE " + uri + " SIP/2.0")
		want(b, "credentials", header(down, "Proxy-Authorization"), digest)
		b.ibx.send(answer(down, 486, "x"))
		b.ibx.take("ACK")
		b.primary.take("486")
	})
}

// testIdentityKept: between peers that we know, identity and privacy pass.
func testIdentityKept(t *testing.T) {
	run(t, func(b *bed) {
		b.ibx.send(adding(invite("a"), "P-Asserted-Identity: \"X\" <sip:06@10.0.0.1>, <tel:+336>", "Privacy: id;critical"))
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		want(b, "identity", header(down, "P-Asserted-Identity"), "\"X\" <sip:06@10.0.0.1>, <tel:+336>")
		want(b, "privacy", header(down, "Privacy"), "id;critical")
		b.primary.send(answer(down, 404, "p"))
		b.primary.take("ACK")
		b.ibx.take("404")
	})
}

// TestManners: what one kind of IPBX wants otherwise.
func TestManners(t *testing.T) {
	t.Run("Contact rewritten for an IPBX that ignores Record-Route", testRewritten)
	t.Run("Contact rewritten in a call of the server", testRewrittenOutgoing)
	t.Run("rescue by redirection", testRedirected)
	t.Run("its own reject, hold signal and requeue", testOwnReject)
}
