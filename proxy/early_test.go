package proxy

import (
	"testing"

	"releve/router"
)

// TestHoldSignalMakesUsAUserAgent: the 182 of a held call opens an early dialog
// with us; its requests are answered here, and its BYE ends the call.
func TestHoldSignalMakesUsAUserAgent(t *testing.T) {
	signal := func(c *Config) { c.Policy.HoldSignal = 182 }
	t.Run("BYE in the early dialog ends the call (RFC 3261 §15)", func(t *testing.T) {
		run(t, func(b *bed) {
			up := b.refusedBy("e1", 500)
			held := b.ibx.take("182")
			want(b, "a To tag of ours", len(header(held, "Contact")) > 0, true)
			b.ibx.send(uac(held, "BYE", "bye-early", 2, "10.0.0.1"))
			b.ibx.take("200")
			resp := b.ibx.take("487")
			b.ibx.send(ackNon2xx(up, resp))
			want(b, "outcome", b.record().Outcome, "cancelled")
		}, signal)
	})
	t.Run("INFO is acknowledged, the call stays held", func(t *testing.T) {
		run(t, func(b *bed) {
			up := b.refusedBy("e2", 500)
			held := b.ibx.take("182")
			b.ibx.send(uac(held, "INFO", "info-early", 2, "10.0.0.1"))
			b.ibx.take("200")
			b.verify()
			b.view(func(v *router.View) { v.Phase, v.Verifying, v.Ruling = router.BothDown, false, router.RuleRescue })
			resp := b.ibx.take("500")
			b.ibx.send(ackNon2xx(up, resp))
			want(b, "outcome", b.record().Outcome, router.Failed.String())
		}, func(c *Config) { signal(c); c.RescueURI, c.Policy.Rescue = "", false })
	})
}
