package proxy

import (
	"strings"
	"testing"
	"time"

	"releve/proxy/fork"
	"releve/router"
)

// TestRFC6026_7_1 §7.1: after a 2xx the server transaction stays in Accepted for
// 64*T1 (Timer L): it absorbs repeats of the INVITE, and the transaction itself
// repeats nothing.
func TestRFC6026_7_1_Accepted(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.place("l")
		b.ibx.send(accept(down, "x", "10.0.0.1"))
		ok := b.primary.take("200")
		for range 3 {
			b.pass(10 * time.Second)
			b.primary.send(up)
			b.primary.silent()
			b.ibx.silent()
		}
		b.primary.send(uac(ok, "BYE", "bye", 2, "10.0.1.1"))
		b.ibx.send(answer(b.ibx.take("BYE"), 200, "x"))
	})
}

// TestRFC6026_7_2 §7.2, §8.4: every 2xx that the client transaction gets within
// 64*T1 (Timer M) goes up, each time; then it is stray. The ACK of a 2xx goes end
// to end with a branch of its own each time it comes (RFC 3261 §13.2.2.4, §17).
func TestRFC6026_7_2_Repeats(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("m")
		resp := accept(down, "p-m", "10.0.1.1")
		b.primary.send(resp)
		ok := b.ibx.take("200")
		for range 3 {
			b.pass(4 * time.Second)
			b.primary.send(resp)
			want(b, "repeat", b.ibx.take("200"), ok)
		}
		ack := uac(ok, "ACK", "ack", 1, "10.0.0.1")
		b.ibx.send(ack)
		b.ibx.send(ack)
		one, two := b.primary.take("ACK sip:ivr@10.0.1.1:5060"), b.primary.take("ACK")
		want(b, "repeated ACK", two, one)
		want(b, "Vias of the ACK", len(vias(one)), 2)
		if branchOf(one) == branchOf(down) {
			b.Errorf("the ACK of a 2xx has the INVITE's branch")
		}
		b.lines(1, 0)
		b.hangUp(ok)
	})
}

// TestRFC6026_7_1_OldAck §7.1: an ACK with the INVITE's own branch, as RFC 2543
// stacks send it, reaches the callee too.
func TestRFC6026_7_1_OldAck(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("o")
		b.primary.send(accept(down, "p-o", "10.0.1.1"))
		ok := b.ibx.take("200")
		b.ibx.send(uac(ok, "ACK", "o", 1, "10.0.0.1"))
		b.primary.take("ACK")
		b.hangUp(ok)
	})
}

// TestLate2xx is our choice in the three cases of a late 2xx, never dropped.
func TestLate2xx(t *testing.T) {
	// delivered makes a call whose branch at the primary was given up and whose
	// branch at the secondary rings.
	delivered := func(b *bed, id string) (up, first, second string) {
		b.Helper()
		up, first = b.ring(id)
		b.pass(8 * time.Second)
		b.switchover()
		cancel := b.primary.take("CANCEL")
		b.primary.send(answer(cancel, 200, "p"))
		second = b.secondary.take("INVITE sip:5002@10.0.1.2:5060")
		b.secondary.send(answer(second, 180, "s-"+id))
		b.ibx.take("180")
		return up, first, second
	}
	t.Run("nothing final upstream yet: forwarded, the other branch cancelled with cause 200", func(t *testing.T) {
		run(t, func(b *bed) {
			_, first, second := delivered(b, "a")
			b.primary.send(accept(first, "p", "10.0.1.1"))
			ok := b.ibx.take("200")
			cancel := b.secondary.take("CANCEL")
			want(b, "Reason (RFC 3326 §2)", header(cancel, "Reason"), `SIP;cause=200;text="Call completed elsewhere"`)
			b.secondary.send(answer(cancel, 200, "s"))
			b.secondary.send(answer(second, 487, "s"))
			b.secondary.take("ACK")
			b.lines(1, 0)
			b.hangUp(ok)
			want(b, "server", b.record().Server, "primary")
			want(b, "epoch: that of the branch that served", b.record().Epoch, uint64(1))
		})
	})
	t.Run("another 2xx went up: release, by ACK and BYE of ours", func(t *testing.T) {
		run(t, func(b *bed) {
			_, first, second := delivered(b, "b")
			b.secondary.send(accept(second, "s", "10.0.1.2"))
			ok := b.ibx.take("200")
			for range 2 { // and its repeat
				b.primary.send(carrying(accept(first, "p", "10.0.1.1"), "v=0\r\nm=x 9 y"))
			}
			b.ibx.silent()
			ack := b.primary.take("ACK sip:ivr@10.0.1.1:5060 SIP/2.0")
			bye := b.primary.take("BYE sip:ivr@10.0.1.1:5060 SIP/2.0")
			b.primary.take("ACK")
			want(b, "CSeq of the ACK", header(ack, "CSeq"), "1 ACK")
			want(b, "CSeq of the BYE", header(bye, "CSeq"), "2 BYE")
			for _, m := range []string{ack, bye} {
				want(b, "From", header(m, "From"), header(first, "From"))
				want(b, "To", header(m, "To"), header(first, "To")+";tag=p")
				want(b, "Route: we are the caller", len(headers(m, "Route")), 0)
				want(b, "Via", len(vias(m)), 1)
			}
			if header(bye, "Reason") == "" {
				b.Errorf("the BYE names no Reason")
			}
			b.primary.send(answer(bye, 200, "p"))
			b.primary.silent() // the repeat got its ACK, and no BYE of its own
			b.primary.send(carrying(accept(first, "q", "10.0.1.9"), "v=0\r\nm=x 9 y"))
			b.primary.take("ACK sip:ivr@10.0.1.9:5060 SIP/2.0") // another callee, behind a proxy that forked
			b.primary.send(answer(b.primary.take("BYE sip:ivr@10.0.1.9:5060 SIP/2.0"), 200, "q"))
			b.lines(0, 1)
			b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
			b.secondary.send(answer(b.secondary.take("BYE"), 200, "s"))
			b.ibx.take("200")
			want(b, "server", b.record().Server, "secondary")
			want(b, "released", b.p.Stats.Dismissed.Load(), uint64(2))
		})
	})
	t.Run("another 2xx went up: late_answer forward is RFC 3261 §16.7(5)", func(t *testing.T) {
		run(t, func(b *bed) {
			_, first, second := delivered(b, "c")
			b.secondary.send(accept(second, "s", "10.0.1.2"))
			ok := b.ibx.take("200")
			b.primary.send(accept(first, "p", "10.0.1.1"))
			late := b.ibx.take("200")
			b.ibx.send(uac(late, "BYE", "bye-late", 2, "10.0.0.1")) // a conforming caller ends one, later the other
			b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
			b.primary.send(answer(b.primary.take("BYE"), 200, "p"))
			b.secondary.send(answer(b.secondary.take("BYE"), 200, "s"))
		}, func(c *Config) { c.Policy.Late = fork.ForwardLate })
	})
	t.Run("our own 4xx went up: ACK, which refuses the offer, and BYE", func(t *testing.T) {
		run(t, func(b *bed) {
			up := strings.TrimSuffix(with(invite("d"), "Content-Type: application/sdp\r\n", "", "Content-Length: 5", "Content-Length: 0"), "v=0\r\n")
			b.ibx.send(up)
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			b.pass(2 * time.Second)
			final := b.ibx.take("487")
			b.ibx.send(ackNon2xx(up, final))
			b.pass(20 * time.Second)
			_ = b.primary.all()
			b.primary.send(carrying(accept(down, "p", "10.0.1.1"), "v=0\r\no=- 1 1 IN IP4 x\r\nm=audio 4000 RTP 8"))
			ack := b.primary.take("ACK")
			want(b, "answer (RFC 3264 §6)", strings.Contains(body(ack), "m=audio 0 RTP 8\r\n"), true)
			b.primary.send(answer(b.primary.take("BYE"), 200, "p"))
			b.ibx.silent()
		})
	})
	t.Run("its machine ended by ICMP: the call had gone on, the 2xx is released", func(t *testing.T) {
		run(t, func(b *bed) {
			b.net.Refuse(addrIBX)
			up := outgoing("e", "10.0.1.1")
			b.primary.send(up)
			b.primary.take("100")
			second := b.ibx2.take("INVITE")
			b.net.Accept(addrIBX)
			// Only its branch differs from that of the first target.
			first := with(second, branchOf(second), b.firstBranch())
			b.ibx2.send(accept(second, "x", "10.0.0.2"))
			ok := b.primary.take("200")
			b.ibx.send(accept(first, "y", "10.0.0.1"))
			b.ibx.take("ACK")
			b.ibx.send(answer(b.ibx.take("BYE"), 200, "y"))
			b.primary.send(uac(ok, "BYE", "bye", 2, "10.0.1.1"))
			b.ibx2.send(answer(b.ibx2.take("BYE"), 200, "x"))
		})
	})
}

// firstBranch is the branch of the first client transaction of the only context.
func (b *bed) firstBranch() string {
	b.Helper()
	for _, s := range b.p.shards {
		for _, c := range s.servers {
			i := strings.Index(string(c.branches[0].sent), "branch=")
			return strings.SplitN(string(c.branches[0].sent)[i+7:], ";", 2)[0]
		}
	}
	b.Fatal("no context")
	return ""
}

// switchover is what control publishes when the primary is found dead: the
// ruling of verification n while the licence moves, then the new role.
func (b *bed) switchover() {
	b.verify()
	b.view(func(v *router.View) {
		v.Phase, v.Verifying, v.Ruling, v.Verdict = router.Switching, false, router.RuleSwitching, router.VerdictDeadApp
		v.RuledAt = b.p.Now()
	})
	b.view(func(v *router.View) {
		v.Phase, v.Active, v.Ruling = router.OnSecondary, router.Secondary, router.RuleDeliver
		v.Epoch, v.RuledAt = v.Epoch+1, b.p.Now()
	})
}

// verify starts the next verification.
func (b *bed) verify() {
	b.view(func(v *router.View) {
		v.Phase, v.Verifying, v.Ruling = router.Verifying, true, router.NoRuling
		v.Verification++
	})
}

// dissuade ends the verification: the primary lives.
func (b *bed) dissuade(verdict router.Verdict) {
	b.view(func(v *router.View) {
		v.Phase, v.Verifying, v.Ruling, v.Verdict = router.Normal, false, router.RuleDissuade, verdict
		v.RuledAt = b.p.Now()
	})
}
