package proxy

import (
	"testing"
	"time"

	"releve/router"
)

// TestSilentIPBXCostsOutgoingCallsSeconds: each outgoing call once waited for
// Timer B (32 s) at a first IPBX that said nothing.
func TestSilentIPBXCostsOutgoingCallsSeconds(t *testing.T) {
	// placed answers the INVITE that reached x and ends the call.
	placed := func(b *bed, x *peer, down string) {
		x.send(accept(down, "served", x.addr.Addr().String()))
		ok := b.primary.take("200")
		b.primary.send(uac(ok, "ACK", "ack", 1, "10.0.1.1"))
		x.take("ACK")
		b.primary.send(uac(ok, "BYE", "bye", 2, "10.0.1.1"))
		x.send(answer(x.take("BYE"), 200, "x"))
		b.primary.take("200")
		want(b, "reason", b.record().Reason, router.ReasonOutgoing)
	}
	t.Run("the one that was heard lately is first", func(t *testing.T) {
		run(t, func(b *bed) {
			b.pass(time.Second)
			b.ibx2.send(with(plainRequest("OPTIONS", "o"), "10.0.0.1", "10.0.0.2"))
			b.ibx2.take("200")
			b.primary.send(outgoing("a", "10.0.1.1"))
			b.primary.take("100")
			placed(b, b.ibx2, b.ibx2.take("INVITE"))
		})
	})
	t.Run("nothing within 4 s: the next one, and the first is given up", func(t *testing.T) {
		run(t, func(b *bed) {
			b.primary.send(outgoing("b", "10.0.1.1"))
			b.primary.take("100")
			b.pass(4 * time.Second)
			want(b, "transmissions at the first", len(b.ibx.instants("INVITE")), 4)
			placed(b, b.ibx2, b.ibx2.take("INVITE"))
			b.ibx.silent()
		})
	})
	t.Run("the first answers after all: its leg is the one a BYE of ours goes to", func(t *testing.T) {
		run(t, func(b *bed) {
			b.primary.send(outgoing("c", "10.0.1.1"))
			b.primary.take("100")
			down := b.ibx.take("INVITE")
			b.pass(4 * time.Second)
			b.ibx.all()
			b.ibx2.take("INVITE")
			b.ibx.send(accept(down, "late", "ibx.example"))
			ok := b.primary.take("200")
			b.primary.send(uac(ok, "ACK", "ack", 1, "10.0.1.1"))
			byes := b.p.ReleaseCalls(router.Primary)
			if len(byes) != 1 || byes[0].Leg.Flow.Remote != b.ibx.addr {
				b.Fatalf("released: %+v", byes)
			}
			b.record()
			b.ibx.all()
			b.ibx2.all()
		})
	})
}
