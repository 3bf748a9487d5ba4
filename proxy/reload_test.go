package proxy

import (
	"net/netip"
	"testing"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

// TestReloadBetweenTwoCalls: a call in set-up keeps the time that it began with,
// the next one goes by the new one.
func TestReloadBetweenTwoCalls(t *testing.T) {
	run(t, func(b *bed) {
		overflowed := func() int { b.mu.Lock(); defer b.mu.Unlock(); return b.overflows }
		b.ibx.send(invite("early"))
		b.pass(10 * time.Millisecond)
		cfg := b.p.cfg().Config
		was := cfg.Policy.ProgressTimeout
		cfg.Policy.ProgressTimeout = was / 2
		b.p.Reload(cfg)
		b.ibx.send(invite("late"))
		b.pass(was/2 + 5*time.Millisecond)
		want(b, "overflows after half the time", overflowed(), 1)
		b.pass(was / 2)
		want(b, "overflows after the whole time", overflowed(), 2)
		for _, id := range []string{"early", "late"} {
			b.ibx.send(cancelOf(invite(id)))
		}
		b.pass(time.Minute)
	})
}

// TestReloadMovesAServer: its calls in progress stay where they are, answered to
// and heard from at the former address; the next call goes to the new one.
func TestReloadMovesAServer(t *testing.T) {
	run(t, func(b *bed) {
		moved := netip.MustParseAddrPort("10.0.0.77:5060")
		next := b.peer("next", transport.UDP, moved)
		down, ok := b.establish("old")
		cfg := b.p.cfg().Config
		cfg.Servers[router.Primary].Addr = moved
		b.p.Reload(cfg)

		// The call of before: both ways, to its end.
		b.primary.send(uas(down, "INFO", "info", "p-old", 1, "10.0.1.1"))
		b.ibx.send(answer(b.ibx.take("INFO"), 200, "x"))
		b.primary.take("200")
		b.hangUp(ok)
		want(b, "server", b.record().Server, "primary")

		// The call of after.
		b.ibx.send(invite("new"))
		b.ibx.take("100")
		at := next.take("INVITE sip:5001@10.0.0.77:5060 SIP/2.0")
		next.send(answer(at, 603, "n"))
		next.take("ACK")
		b.ibx.send(ackNon2xx(invite("new"), b.ibx.take("603")))
		b.primary.silent()
		// A third address is a stranger's; the former one is the server's still.
		flow := func(a netip.AddrPort) transport.Flow { return transport.Flow{Remote: a} }
		want(b, "the former address", b.p.FarEnd(flow(addrPrimary)), "primary")
		want(b, "the new address", b.p.FarEnd(flow(moved)), "primary")
		want(b, "another one", b.p.FarEnd(flow(addrStranger)), "")
		b.pass(formerLife)
		b.p.Reload(cfg)
		want(b, "the former address, at last", b.p.FarEnd(flow(addrPrimary)), "")
	})
}

// TestReloadGivesALineToWhoWaits: more lines, and a dissuaded call that waits for
// one gets it.
func TestReloadGivesALineToWhoWaits(t *testing.T) {
	run(t, func(b *bed) {
		cfg := b.p.cfg().Config
		cfg.Servers[router.Primary].Lines = 1
		b.p.Reload(cfg)
		_, ok := b.establish("first")
		b.ibx.send(invite("second"))
		b.ibx.take("100")
		b.pass(10 * time.Millisecond)
		b.primary.silent()
		want(b, "waiting", b.p.Dialogs.Waiting(router.Primary), 1)
		cfg.Servers[router.Primary].Lines = 2
		b.p.Reload(cfg)
		down := b.primary.take("INVITE")
		b.primary.send(answer(down, 603, "n"))
		b.primary.take("ACK")
		b.ibx.send(ackNon2xx(invite("second"), b.ibx.take("603")))
		b.hangUp(ok)
	})
}
