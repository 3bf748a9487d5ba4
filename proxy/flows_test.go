package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/router"
)

// refusedBy offers a call that the primary refuses.
func (b *bed) refusedBy(id string, status int, extra ...string) (up string) {
	b.Helper()
	up = invite(id)
	b.ibx.send(up)
	b.ibx.take("100")
	b.primary.send(answer(b.primary.take("INVITE"), status, "p", extra...))
	b.primary.take("ACK")
	return up
}

// answeredBy lets a party answer its next INVITE and ends the call.
func (b *bed) answeredBy(p *peer) {
	b.Helper()
	down := p.take("INVITE")
	host := p.addr.Addr().String()
	p.send(accept(down, "served", host))
	ok := b.ibx.take("200")
	b.ibx.send(uac(ok, "ACK", "ack-served", 1, "10.0.0.1"))
	p.take("ACK")
	b.ibx.send(uac(ok, "BYE", "bye-served", 2, "10.0.0.1"))
	p.send(answer(p.take("BYE"), 200, "x"))
	b.ibx.take("200")
}

// TestHold: a call that the active server did not take is held: the IPBX hears
// nothing, control is told once, and the ruling decides.
func TestHold(t *testing.T) {
	t.Run("dissuaded: re-offered to the primary, not before T4 after its final", func(t *testing.T) {
		run(t, func(b *bed) {
			b.pass(time.Second)
			b.refusedBy("a", 500)
			want(b, "overflows", b.overflows, 1)
			b.lines(0, 0)
			b.verify()
			b.pass(3 * time.Second)
			b.dissuade(router.VerdictHealthy)
			b.ibx.silent()
			b.pass(2*time.Second - ms)
			b.primary.silent()
			b.pass(ms)
			b.lines(1, 0)
			b.answeredBy(b.primary)
			r := b.record()
			want(b, "reason", r.Reason, router.ReasonRequeued)
			want(b, "held", r.Held, 3*time.Second)
			want(b, "attempts", r.Attempts, 2)
		})
	})
	t.Run("dissuaded without requeue: 486 with a Q.850 cause and no Retry-After", func(t *testing.T) {
		run(t, func(b *bed) {
			up := b.refusedBy("b", 500)
			b.verify()
			b.dissuade(router.VerdictHealthy)
			resp := b.ibx.take("486")
			want(b, "Reason", header(resp, "Reason"), "Q.850;cause=17")
			want(b, "Retry-After", header(resp, "Retry-After"), "")
			b.ibx.send(ackNon2xx(up, resp))
			want(b, "outcome", b.record().Outcome, "dissuaded")
		}, func(c *Config) { c.Policy.Requeue = false })
	})
	t.Run("the pending branch answers during the verification", func(t *testing.T) {
		run(t, func(b *bed) {
			_, down := b.ring("c")
			b.pass(8 * time.Second)
			want(b, "overflows", b.overflows, 1)
			b.verify()
			b.primary.send(answer(down, 183, "p")) // nothing new upstream while held
			b.ibx.silent()
			b.primary.send(accept(down, "p", "10.0.1.1"))
			ok := b.ibx.take("200")
			b.hangUp(ok)
			want(b, "reason", b.record().Reason, router.ReasonAnsweredWhileHeld)
		})
	})
	t.Run("dysfunction: CANCEL, and delivered to the secondary", func(t *testing.T) {
		run(t, func(b *bed) {
			_, down := b.ring("d")
			b.pass(8 * time.Second)
			b.switchover()
			b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
			b.primary.send(answer(down, 487, "p"))
			b.primary.take("ACK")
			b.lines(0, 1)
			b.answeredBy(b.secondary)
			r := b.record()
			want(b, "reason", r.Reason, router.ReasonDelivered)
			want(b, "server", r.Server, "secondary")
			want(b, "epoch: that of the branch that served", r.Epoch, uint64(2))
		})
	})
	t.Run("a silent primary: abandoned, a late 1xx is answered by CANCEL and dropped", func(t *testing.T) {
		run(t, func(b *bed) {
			b.ibx.send(invite("e"))
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			b.pass(2 * time.Second)
			b.switchover()
			_ = b.primary.all()
			second := b.secondary.take("INVITE")
			b.secondary.send(answer(second, 180, "s"))
			b.ibx.take("180")
			b.pass(10 * time.Second)
			b.primary.silent() // not retransmitted any more
			b.lines(0, 1)
			b.primary.send(answer(down, 180, "late"))
			cancel := b.primary.take("CANCEL")
			b.ibx.silent()
			b.primary.send(answer(cancel, 200, "p"))
			b.primary.send(answer(down, 487, "p"))
			b.primary.take("ACK")
			refuse(b, invite("e"), second, 603, b.secondary, b.ibx)
		})
	})
	t.Run("a primary that was abandoned answers first: its line counts", func(t *testing.T) {
		run(t, func(b *bed) {
			b.ibx.send(invite("f"))
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			b.pass(2 * time.Second)
			b.switchover()
			_ = b.primary.all()
			second := b.secondary.take("INVITE")
			b.secondary.send(answer(second, 100, ""))
			b.primary.send(accept(down, "p", "10.0.1.1"))
			ok := b.ibx.take("200")
			b.secondary.send(answer(b.secondary.take("CANCEL"), 200, "s"))
			b.secondary.send(answer(second, 487, "s"))
			b.secondary.take("ACK")
			b.lines(1, 0)
			b.hangUp(ok)
		})
	})
	t.Run("connection refused: overflow at once", func(t *testing.T) {
		run(t, func(b *bed) {
			b.net.Refuse(addrPrimary)
			b.ibx.send(invite("g"))
			b.ibx.take("100")
			want(b, "overflows", b.overflows, 1)
			want(b, "evidence", b.p.Stats.Evidence[router.Primary][router.Refused].Load(), uint64(1))
			b.lines(0, 0)
			b.switchover()
			b.answeredBy(b.secondary)
		})
	})
	t.Run("the caller hangs up while held: 487 at once, nothing is left", func(t *testing.T) {
		run(t, func(b *bed) {
			up := b.refusedBy("h", 500)
			b.verify()
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
			b.dissuade(router.VerdictHealthy)
			b.pass(10 * time.Second)
			b.primary.silent()
		})
	})
	t.Run("the hold budget is spent: rescue", func(t *testing.T) {
		run(t, func(b *bed) {
			b.refusedBy("i", 500)
			b.verify()
			b.pass(20 * time.Second)
			b.answeredBy(b.ibx2)
			want(b, "outcome", b.record().Outcome, "rescued")
		}, withDesk)
	})
	t.Run("the hold budget is spent: the reject", func(t *testing.T) {
		run(t, func(b *bed) {
			up := b.refusedBy("j", 500)
			b.verify()
			b.pass(20*time.Second - ms)
			b.ibx.silent()
			b.pass(ms)
			b.ibx.send(ackNon2xx(up, b.ibx.take("486")))
			want(b, "reason", b.record().Reason, router.ReasonHoldBudget)
		})
	})
	t.Run("both down: the desk, else 500", func(t *testing.T) {
		down := func(v *router.View) {
			v.Phase, v.Verifying, v.Ruling = router.BothDown, false, router.RuleRescue
		}
		run(t, func(b *bed) {
			b.refusedBy("k", 500)
			b.verify()
			b.view(down)
			b.answeredBy(b.ibx2)
		}, withDesk)
		run(t, func(b *bed) {
			up := b.refusedBy("l", 500)
			b.verify()
			b.view(down)
			b.ibx.send(ackNon2xx(up, b.ibx.take("500")))
		})
	})
	t.Run("a ruling published while the call overflows is not lost", func(t *testing.T) {
		run(t, func(b *bed) {
			b.onHold = func() { // under the shard's lock: control is elsewhere
				v := b.p.View()
				v.Verification, v.Ruling, v.RuledAt, v.Verdict = 1, router.RuleDissuade, b.p.Now(), router.VerdictHealthy
				b.p.SetView(v)
			}
			b.refusedBy("m", 500)
			b.pass(5 * time.Second)
			b.answeredBy(b.primary)
		})
	})
	t.Run("hold_signal 182 has our tag and Contact; none with 100rel", func(t *testing.T) {
		signal := func(c *Config) { c.Policy.HoldSignal = 182 }
		run(t, func(b *bed) {
			up := b.refusedBy("n", 500)
			resp := b.ibx.take("182")
			want(b, "Contact", header(resp, "Contact"), "<sip:10.0.0.5:5060>")
			b.ibx.send(cancelOf(up))
			ok := b.ibx.take("200")
			want(b, "tag of the CANCEL's 200 (§9.2)", parameter(header(ok, "To"), "tag"), parameter(header(resp, "To"), "tag"))
			b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
		}, signal)
		run(t, func(b *bed) {
			up := adding(invite("o"), "Require: 100rel")
			b.ibx.send(up)
			b.ibx.take("100")
			b.primary.send(answer(b.primary.take("INVITE"), 500, "p"))
			b.primary.take("ACK")
			b.ibx.silent()
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
		}, signal)
	})
	t.Run("delivered in the order of arrival, half the lines a second", func(t *testing.T) {
		run(t, func(b *bed) {
			var ups []string
			for i := range 6 {
				ups = append(ups, b.refusedBy(fmt.Sprintf("q%d", i), 500))
			}
			b.switchover()
			for _, up := range ups {
				down := b.secondary.take("INVITE")
				want(b, "call", header(down, "Call-ID"), header(up, "Call-ID"))
				refuse(b, up, down, 603, b.secondary, b.ibx)
				b.secondary.silent()
				b.pass(500 * time.Millisecond)
			}
		}, func(c *Config) { c.Shards, c.Servers[router.Secondary].Lines = 1, 4 })
	})
}

// TestBusy: lines full by our own count, busy at plausible occupancy, the waiting
// list and its bound.
func TestBusy(t *testing.T) {
	// One shard: else the re-offer may overtake the BYE that frees its line.
	twoLines := func(c *Config) { c.Servers[router.Primary].Lines, c.Shards = 2, 1 }
	t.Run("lines full and the server answered lately: waits for a line, first come first served", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok1 := b.establish("a")
			_, ok2 := b.establish("b")
			b.ibx.send(invite("c"))
			b.ibx.take("100")
			b.primary.silent()
			want(b, "waiting", b.p.Dialogs.Waiting(router.Primary), 1)
			up := invite("d") // lines/4, at least one, may wait
			b.ibx.send(up)
			b.ibx.take("100")
			resp := b.ibx.take("486")
			b.ibx.send(ackNon2xx(up, resp))
			want(b, "reason", b.record().Reason, router.ReasonWaitingFull)
			b.hangUp(ok1)
			down := b.primary.take("INVITE")
			want(b, "call", header(down, "Call-ID"), "c@10.0.0.1")
			b.lines(2, 0)
			b.primary.send(answer(down, 404, "p"))
			b.primary.take("ACK")
			b.ibx.send(ackNon2xx(invite("c"), b.ibx.take("404")))
			b.lines(1, 0)
			b.hangUp(ok2)
		}, twoLines)
	})
	t.Run("the caller hangs up while waiting: the list is empty", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok1 := b.establish("a")
			_, ok2 := b.establish("b")
			b.ibx.send(invite("c"))
			b.ibx.take("100")
			b.ibx.send(cancelOf(invite("c")))
			b.ibx.take("200")
			b.ibx.send(ackNon2xx(invite("c"), b.ibx.take("487")))
			want(b, "waiting", b.p.Dialogs.Waiting(router.Primary), 0)
			b.hangUp(ok1)
			b.hangUp(ok2)
			b.primary.silent()
		}, twoLines)
	})
	t.Run("486 at plausible occupancy is dissuaded without a verification, else it overflows", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("a")
			b.pass(time.Second)
			up := b.refusedBy("b", 486)
			want(b, "overflows", b.overflows, 0)
			busyAt := b.p.Stats.ServedAt[router.Primary].Load()
			want(b, "busy is a sign of life", busyAt, int64(b.p.Now()))
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
			b.hangUp(ok)
			up = b.refusedBy("c", 486)
			want(b, "overflows", b.overflows, 1)
			want(b, "an unexplained busy is none", b.p.Stats.ServedAt[router.Primary].Load(), busyAt)
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
		}, func(c *Config) { c.Servers[router.Primary].Lines = 4 })
	})
	t.Run("503 with Retry-After is busy", func(t *testing.T) {
		run(t, func(b *bed) {
			up := b.refusedBy("a", 503, "Retry-After: 5")
			want(b, "overflows", b.overflows, 0)
			b.pass(5 * time.Second)
			refuse(b, up, b.primary.take("INVITE"), 404, b.primary, b.ibx)
		})
	})
}

// TestOverflowEntry: a call on the second listener is an overflow by itself.
func TestOverflowEntry(t *testing.T) {
	run(t, func(b *bed) {
		up := with(invite("a"), "10.0.0.5:5060 SIP", "10.0.0.5:5070 SIP")
		b.ibx.sendTo(addrOverflow, up)
		b.ibx.take("100")
		want(b, "overflows", b.overflows, 1)
		b.primary.silent()
		b.verify()
		b.dissuade(router.VerdictBusy)
		resp := b.ibx.take("486")
		b.ibx.sendTo(addrOverflow, ackNon2xx(up, resp))
		want(b, "entry", b.record().Entry, "overflow")
		b.pass(time.Minute)
		up = with(up, "z9hG4bK-a", "z9hG4bK-b", "a@10.0.0.1", "b@10.0.0.1")
		b.ibx.sendTo(addrOverflow, up)
		b.ibx.take("100")
		b.switchover()
		down := b.secondary.take("INVITE")
		rr := headers(down, "Record-Route")
		want(b, "double Record-Route (RFC 5658)", len(rr), 2)
		want(b, "the side it leaves by on top", strings.Contains(rr[0], "10.0.0.5:5060") && strings.Contains(rr[1], "10.0.0.5:5070"), true)
		b.secondary.send(accept(down, "s", "10.0.1.2"))
		ok := b.ibx.take("200")
		b.ibx.sendTo(addrOverflow, uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		bye := b.secondary.take("BYE sip:ivr@10.0.1.2:5060 SIP/2.0")
		want(b, "both Route values of ours are removed", len(headers(bye, "Route")), 0)
		b.secondary.send(answer(bye, 200, "s"))
		b.ibx.take("200")
	})
}
