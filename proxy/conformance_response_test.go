package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/router"
)

// The rules of the checklist (docs/conformance.md) that package proxy proves.
// Each subtest is named by a rule and its source; several may serve one rule. A
// rule that a test of the walk through RFC 3261 proves is that test.

// TestConformanceResponses: rules P, the processing of responses (RFC 3261 §16.7).
func TestConformanceResponses(t *testing.T) {
	t.Run("P01 RFC 3261 §18.1.2 §16.7(1)", TestSection16_7_1_Unmatched)
	t.Run("P01 RFC 3261 §17.1.3", TestSection17_1_3_MatchingResponses)
	t.Run("P02 RFC 6026 §7.3", TestSection16_7_1_Unmatched)
	t.Run("P02 RFC 6026 §7.3 our choice: what our key signed", TestStray)
	t.Run("P03 RFC 3261 §16.7(3)", TestSection16_7_3_Via)
	t.Run("P03 RFC 3261 §16.7(3) no Via left", TestResponseWithoutTheCallersViaWentUp)
	t.Run("P04 RFC 3261 §16.7(5)", TestSection16_7_5_Immediate)
	t.Run("P05 RFC 3261 §16.7(5)", TestRFC6026_7_2_Repeats)
	t.Run("P05 RFC 3261 §16.7(5) nothing else", TestSection16_7_5_Immediate)
	t.Run("P05 RFC 3261 §16.7(5) late_answer", TestLate2xx)
	t.Run("P06 RFC 3261 §16.7(5)", TestSection16_7_5_6xx)
	t.Run("P06 RFC 3261 §16.7(5) a branch pending elsewhere", test6xxWithAPendingBranch)
	t.Run("P06 RFC 3261 §16.7(5) read otherwise", test6xxReadAsAFailure)
	t.Run("P07 RFC 3261 §16.7(6)", TestSection16_7_6_Best)
	t.Run("P07 RFC 3261 §16.7(6) within a class", testBestWithinAClass)
	t.Run("P08 RFC 3261 §16.7(6)", TestSection16_7_6_Best)
	t.Run("P08 RFC 3261 §16.7(6) any method, any branch", testLone503)
	t.Run("P09 RFC 3261 §16.7(6)", testToTags)
	t.Run("P10 RFC 3261 §16.7(7)", TestSection16_7_7_Challenges)
	t.Run("P10 RFC 3261 §16.7(7) of several branches", testChallengesOfSeveralBranches)
	t.Run("P11 RFC 3261 §16.7(4) our choice: no recursion", TestSection16_7_4_Redirect)
	t.Run("P12 RFC 3261 §16.7(8) our choice: never rewritten, RFC 5658 §5", TestSection16_7_3_Via)
	t.Run("P13 RFC 3261 §16.7(9)", TestSection16_7_3_Via)
	t.Run("P14 RFC 3261 §16.7(10)", TestSection16_7_10_Cancel)
	t.Run("P14 RFC 3261 §16.7(10) §9.1 a branch in Calling", testCancelOfACallingBranch)
	t.Run("P15 RFC 3261 §16.7(9)", testContextOutlivesTheFinal)
	t.Run("P16 RFC 3261 §16.7(2) §16.8", TestSection16_7_2_And_16_8_TimerC)
	t.Run("P16 RFC 3261 §16.8", TestSection16_8_Answered)
	t.Run("P17 RFC 3261 §16.9", TestSection16_9_TransportErrors)
	t.Run("P18 RFC 3261 §16.7(5)", testOneFinal)
	t.Run("P19 RFC 3261 §16.7(6)", TestHoldSignalMakesUsAUserAgent)
	t.Run("P19 RFC 3261 §16.7(6) no 18x of ours without it", testNo18xOfOurs)
	t.Run("P20 RFC 6228 our choice: none", testNo199)
}

// reads has the named statuses of the primary read as a failure, so that two
// branches end with finals of their own.
func reads(statuses ...uint16) setting {
	return func(c *Config) {
		c.Policy.Overrides[router.Primary] = func(status uint16) router.Class {
			for _, s := range statuses {
				if s == status {
					return router.ClassFailed
				}
			}
			return router.ClassNone
		}
	}
}

// both has the primary answer with one final and the desk with another; the
// response that went up.
func both(b *bed, first, second string) string {
	b.Helper()
	up := invite("best")
	b.ibx.send(up)
	b.ibx.take("100")
	down := b.primary.take("INVITE")
	b.primary.send(with(answer(down, 599, "first", "X-Of: first"), "599 Whatever", first))
	b.primary.take("ACK")
	desk := b.ibx2.take("INVITE")
	b.ibx2.send(with(answer(desk, 599, "second", "X-Of: second"), "599 Whatever", second))
	b.ibx2.take("ACK")
	resp := b.ibx.take("")
	b.ibx.send(ackNon2xx(up, resp))
	return resp
}

// testBestWithinAClass: "choose from the responses stored … 6xx …, else from the
// lowest response class", "SHOULD give preference to … 401, 407, 415, 420, and 484
// if the 4xx class is chosen".
func testBestWithinAClass(t *testing.T) {
	for _, r := range []struct{ first, second, best string }{
		{"401 A", "404 B", "401 A"},
		{"407 A", "404 B", "407 A"},
		{"415 A", "486 B", "415 A"},
		{"420 A", "480 B", "420 A"},
		{"484 A", "404 B", "484 A"},
		{"404 A", "484 B", "484 B"},
		{"500 A", "404 B", "404 B"},
		{"404 A", "500 B", "404 A"},
		{"408 A", "603 B", "603 B"},
		{"305 A", "404 B", "305 A"},
	} {
		t.Run(r.first+", "+r.second, func(t *testing.T) {
			run(t, func(b *bed) {
				want(b, "the best", startLine(both(b, r.first, r.second)), "SIP/2.0 "+r.best)
			}, observing, withDesk, reads(401, 407, 415, 420, 484, 404, 500, 408, 305))
		})
	}
}

// testChallengesOfSeveralBranches: "the proxy MUST collect any WWW-Authenticate and
// Proxy-Authenticate header field values from all other 401 and 407 responses
// received so far in this response context and add them … unmodified".
func testChallengesOfSeveralBranches(t *testing.T) {
	one, two := `Digest realm="a", nonce="1,2"`, `Digest realm="a", nonce="3", algorithm=SHA-256`
	three, four := `Digest realm="desk", nonce="4"`, `Basic realm="x"`
	for _, r := range []struct{ first, second int }{{407, 401}, {401, 407}, {401, 401}, {407, 407}} {
		t.Run(fmt.Sprint(r.first, r.second), func(t *testing.T) {
			run(t, func(b *bed) {
				up := b.refusedBy("many", r.first, "Proxy-Authenticate: "+one, "Proxy-Authenticate:   "+two, "WWW-Authenticate: "+four)
				desk := b.ibx2.take("INVITE")
				b.ibx2.send(answer(desk, r.second, "d", "WWW-Authenticate: "+three))
				b.ibx2.take("ACK")
				resp := b.ibx.take(fmt.Sprint(r.second))
				want(b, "WWW-Authenticate", strings.Join(headers(resp, "WWW-Authenticate"), "|"), four+"|"+three)
				want(b, "Proxy-Authenticate", strings.Join(headers(resp, "Proxy-Authenticate"), "|"), one+"|"+two)
				b.ibx.send(ackNon2xx(up, resp))
			}, observing, withDesk, reads(407, 401))
		})
	}
}

// test6xxReadAsAFailure: also where the operator has a 6xx of this server read as a
// failure, nothing new begins.
func test6xxReadAsAFailure(t *testing.T) {
	run(t, func(b *bed) {
		up := b.refusedBy("r", 600)
		b.ibx.send(ackNon2xx(up, b.ibx.take("600")))
		b.ibx2.silent()
	}, observing, withDesk, reads(600))
	run(t, func(b *bed) {
		up := b.refusedBy("h", 600)
		b.switchover()
		b.secondary.silent()
		b.ibx2.silent()
		b.ibx.send(ackNon2xx(up, b.ibx.take("")))
	}, withDesk, reads(600))
}

// testLone503: "A proxy which receives a 503 SHOULD NOT forward it unless it can
// determine that any subsequent requests it might proxy will also generate a
// 503": it goes up as 500, for every method and from every branch.
func testLone503(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("s")
		b.ibx.send(uac(ok, "INFO", "i", 2, "10.0.0.1"))
		b.primary.send(answer(b.primary.take("INFO"), 503, "x", "Retry-After: 100"))
		want(b, "Retry-After", header(b.ibx.take("500"), "Retry-After"), "")
		re := uac(ok, "INVITE", "re", 3, "10.0.0.1")
		b.ibx.send(re)
		b.ibx.take("100")
		refuse(b, re, b.primary.take("INVITE"), 503, b.primary, b.ibx)
		b.ibx.send(plainRequest("MESSAGE", "m"))
		b.primary.send(answer(b.primary.take("MESSAGE"), 503, "x"))
		b.ibx.take("500")
		b.hangUp(ok)
	})
	run(t, func(b *bed) {
		want(b, "final", startLine(both(b, "500 A", "503 B"))[8:11], "500")
	}, observing, withDesk, reads(500))
	run(t, func(b *bed) {
		want(b, "final", startLine(both(b, "503 A", "503 B"))[8:11], "500")
	}, observing, withDesk)
}

// testToTags: "The proxy MUST NOT add or change the To tag of a 1xx or 2xx"; of
// the others only of those it makes itself.
func testToTags(t *testing.T) {
	run(t, func(b *bed) {
		for _, status := range []int{300, 404, 488, 500, 603} {
			up, down := b.place(fmt.Sprint("t", status))
			for _, tag := range []string{"one", "two"} {
				b.ibx.send(answer(down, 183, tag))
				want(b, "tag of 183", header(b.primary.take("183"), "To"), header(up, "To")+";tag="+tag)
			}
			b.ibx.send(with(answer(down, 180, ""), ";tag=\r\n", "\r\n")) // RFC 2543: none
			want(b, "To of 180", header(b.primary.take("180"), "To"), header(up, "To"))
			resp := refuse(b, up, down, status, b.ibx, b.primary)
			want(b, "tag of the final", header(resp, "To"), header(up, "To")+";tag=final")
		}
		_, down := b.place("ok")
		b.ibx.send(accept(down, "Odd.Tag~1", "10.0.0.1"))
		ok := b.primary.take("200")
		want(b, "tag of 200", parameter(header(ok, "To"), "tag"), "Odd.Tag~1")
		b.primary.send(uac(ok, "BYE", "bye", 2, "10.0.1.1"))
		b.ibx.send(answer(b.ibx.take("BYE"), 200, "x"))
		b.primary.take("200")
	})
}

// pendingAndDelivered: the branch at the primary rings on, cancelled, while the
// secondary has the call.
func (b *bed) pendingAndDelivered(id string) (up, first, second string) {
	b.Helper()
	up, first = b.ring(id)
	b.pass(8 * time.Second)
	b.switchover()
	b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
	return up, first, b.secondary.take("INVITE")
}

// test6xxWithAPendingBranch: a 6xx starts nothing new and is the final. Our
// choice: a branch that we gave up never delays it; its late 2xx is released.
func test6xxWithAPendingBranch(t *testing.T) {
	run(t, func(b *bed) {
		up, first, second := b.pendingAndDelivered("six")
		refuse(b, up, second, 603, b.secondary, b.ibx)
		b.ibx2.silent() // no desk
		b.primary.send(accept(first, "p", "10.0.1.1"))
		b.primary.take("ACK")
		b.primary.send(answer(b.primary.take("BYE"), 200, "p"))
		b.ibx.silent()
	}, withDesk)
	run(t, func(b *bed) { // the 2xx came first: it wins
		_, first, second := b.pendingAndDelivered("two")
		b.primary.send(accept(first, "p", "10.0.1.1"))
		ok := b.ibx.take("200")
		b.secondary.send(answer(second, 603, "s"))
		b.secondary.take("ACK")
		b.ibx.silent()
		b.hangUp(ok)
	}, withDesk)
}

// testCancelOfACallingBranch: the branch that heard nothing gets its CANCEL after
// its first provisional, also once another answered.
func testCancelOfACallingBranch(t *testing.T) {
	run(t, func(b *bed) {
		_, first := b.place("c")
		b.pass(4 * time.Second)
		_ = b.ibx.all()
		second := b.ibx2.take("INVITE")
		b.ibx2.send(accept(second, "x", "10.0.0.2"))
		ok := b.primary.take("200")
		b.pass(2 * time.Second)
		b.ibx.silent() // nothing before its first provisional (§9.1)
		b.ibx.send(answer(first, 180, "late"))
		cancel := b.ibx.take("CANCEL")
		want(b, "branch", branchOf(cancel), branchOf(first))
		b.ibx.send(answer(cancel, 200, "late"))
		b.ibx.send(answer(first, 487, "late"))
		b.ibx.take("ACK")
		b.primary.silent()
		b.primary.send(uac(ok, "BYE", "bye", 2, "10.0.1.1"))
		b.ibx2.send(answer(b.ibx2.take("BYE"), 200, "x"))
		b.primary.take("200")
	})
}

// testContextOutlivesTheFinal: "A response context … MUST NOT be destroyed until
// all of its associated transactions have been terminated, even after forwarding
// a final response": finals of the others are acknowledged, each time they come.
func testContextOutlivesTheFinal(t *testing.T) {
	run(t, func(b *bed) {
		_, first, second := b.pendingAndDelivered("x")
		b.secondary.send(accept(second, "s", "10.0.1.2"))
		ok := b.ibx.take("200")
		b.pass(5 * time.Second)
		for range 3 {
			b.primary.send(answer(first, 487, "p"))
			b.primary.take("ACK")
			b.pass(4 * time.Second)
		}
		b.ibx.silent()
		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		b.secondary.send(answer(b.secondary.take("BYE"), 200, "s"))
		b.ibx.take("200")
	})
}

// testOneFinal: one final to a request that is no INVITE; to an INVITE one non-2xx
// or any number of 2xx, never both by our own doing.
func testOneFinal(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("o")
		b.ibx.send(uac(ok, "INFO", "i", 2, "10.0.0.1"))
		info := b.primary.take("INFO")
		b.primary.send(answer(info, 200, "x"))
		b.primary.send(answer(info, 500, "x"))
		b.ibx.take("200")
		b.ibx.silent()
		b.hangUp(ok)
		up, down := b.place("inv")
		refuse(b, up, down, 486, b.ibx, b.primary)
		b.ibx.send(accept(down, "after", "10.0.0.1")) // of a fork further down
		b.ibx.take("ACK")
		b.ibx.send(answer(b.ibx.take("BYE"), 200, "after"))
		b.primary.silent()
	})
	t.Run("late answers", TestLate2xx)
}

// testNo18xOfOurs: a proxy cannot make an 18x: while a call is held the IPBX hears
// nothing of ours.
func testNo18xOfOurs(t *testing.T) {
	run(t, func(b *bed) {
		up := b.refusedBy("n", 500)
		b.verify()
		b.pass(19 * time.Second)
		b.ibx.silent()
		b.pass(time.Second)
		b.ibx.send(ackNon2xx(up, b.ibx.take("486")))
	}, func(c *Config) { c.Policy.HoldSignal = 0 })
}

// TestResponseWithoutTheCallersViaWentUp: a server that strips the Vias below
// ours had its response relayed without any, which no caller can match: "if no
// Via values remain …, the response was meant for this element and MUST NOT be
// forwarded" (RFC 3261 §16.7(3)).
func TestResponseWithoutTheCallersViaWentUp(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.place("one")
		stray := b.p.Stats.Stray.Load()
		for _, raw := range []string{answer(down, 183, "x"), answer(down, 486, "x"), accept(down, "x", "10.0.0.1")} {
			b.ibx.send(with(raw, "Via: "+vias(down)[1]+"\r\n", ""))
		}
		b.primary.silent()
		want(b, "counted", b.p.Stats.Stray.Load(), stray+3)
		refuse(b, up, down, 404, b.ibx, b.primary)
		_, ok := b.establish("tail")
		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		bye := b.primary.take("BYE")
		b.primary.send(with(answer(bye, 200, "x"), "Via: "+vias(bye)[1]+"\r\n", ""))
		b.ibx.silent()
		b.primary.send(answer(bye, 200, "x"))
		b.ibx.take("200")
	})
}
