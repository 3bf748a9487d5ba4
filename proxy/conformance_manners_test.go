package proxy

import (
	"testing"
	"time"
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
	t.Run("B02 RFC 3261 §26 a forged Via or Route reaches nobody", testForgedVia)
	t.Run("B03 spoofed BYE, CANCEL and REGISTER do nothing", testSpoofed)
	t.Run("C07 RFC 3261 §9.2 a CANCEL counts only from the hop that sent the INVITE", testCancelOfAnother)
	t.Run("E05 RFC 4028 the call ends by its session timer", testSessionEnds)
	t.Run("H05 RFC 3261 §22.4 a Request-URI at the IPBX stays intact", testDigestURI)
	t.Run("O01 RFC 3261 §21.5.4 Retry-After of a server", func(t *testing.T) { testSpared(t, "30", 30*time.Second) })
	t.Run("O01 RFC 3261 §21.5.4 Retry-After of an IPBX", testIPBXSpared)
	t.Run("O02 RFC 3261 §16.7(6) a lone 503 goes up as 500", testBoth503)
	t.Run("O04 RFC 3261 §20.33 Retry-After with a comment and a duration", func(t *testing.T) { testSpared(t, "25 (I'm in a meeting);duration=3600", 25*time.Second) })
	t.Run("Q09 RFC 3325 §5 identity between known peers", testIdentityKept)
	t.Run("Q11 RFC 7044 §9.2 History-Info of an overflowed call", testMarked)
	t.Run("Q11 RFC 7044 §9.2 no server of ours was tried", testMarkedOnce)
	t.Run("Q12 RFC 5806 §4 Diversion of an overflowed call", testMarked)
	t.Run("Q14 the leg to the primary stays clean", testMarked)
	t.Run("Q14 nothing is marked unless asked for", testUnmarked)
	t.Run("flow 09 503 with Retry-After: 300", func(t *testing.T) { testSpared(t, "300", time.Minute) })
	t.Run("flow 10 503 from both servers", testBoth503)
	t.Run("flow 11 302 is relayed as it is", testRedirectRelayed)
	t.Run("flow 46 a flood of provisionals", testProvisionalFlood)
	t.Run("flow 49 a huge Retry-After is capped", func(t *testing.T) { testSpared(t, "99999999999999999999", time.Minute) })
	t.Run("flow 50 OPTIONS while nobody serves", func(t *testing.T) { testHeartbeat(t, "503") })
	t.Run("flow 50 OPTIONS while the desk serves", func(t *testing.T) { testHeartbeat(t, "200", withDesk) })
	t.Run("flow 41 an INVITE of 8 KB", testFragmented)
}
