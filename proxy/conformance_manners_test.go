package proxy

import (
	"testing"
)

// TestConformanceManners proves the rules of limits, overload, abuse, marking
// and what one kind of IPBX wants otherwise.
func TestConformanceManners(t *testing.T) {
	t.Run("B01 RFC 3261 §26 a stranger gets 403 at most, few of them, to its own source", testStrangerRefused)
	t.Run("B01 RFC 3261 §26 a token bucket for each source", testSourceRate)
	t.Run("O03 RFC 7339 five times the limit for a minute, then the load of every day", testPulse)
	t.Run("O03 RFC 3261 §21.5.4 503 with Retry-After, stateless, the same for a repeat", testShedStateless)
	t.Run("O03 RFC 3261 §21.5.4 in-dialog requests, CANCEL and REGISTER are never shed", testNeverShed)
	t.Run("O06 RFC 7339 §5.10 urgent calls up to twice the limit, OPTIONS answered", testUrgent)
	t.Run("T13 the transaction table is bounded", testTransactionsBounded)
	t.Run("T13 held calls are bounded: the reject", func(t *testing.T) { testHeldBounded(t, "486") })
	t.Run("T13 held calls are bounded: the desk", func(t *testing.T) { testHeldBounded(t, "INVITE sip:9@", withDesk) })
	t.Run("V24 RFC 3261 §21.4.12 §21.5.7 size limits", testSizes)
	t.Run("V25 RFC 4475 §3.1.1.7 many Vias and Routes", testManyVias)
	t.Run("flow 41 an INVITE of 8 KB", testFragmented)
}
