package proxy

import (
	"fmt"
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
		want(b, "in progress", b.p.InProgress(), 1)
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

// TestManners: what one kind of IPBX wants otherwise.
func TestManners(t *testing.T) {
	t.Run("Contact rewritten for an IPBX that ignores Record-Route", testRewritten)
	t.Run("Contact rewritten in a call of the server", testRewrittenOutgoing)
	t.Run("rescue by redirection", testRedirected)
	t.Run("its own reject, hold signal and requeue", testOwnReject)
}
