package proxy

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"releve/proxy/transport"
	"releve/testbed/wire"
)

// TestConformanceFlows: the nasty flows of docs/conformance.md §4 that show between
// an IPBX and two servers.
func TestConformanceFlows(t *testing.T) {
	t.Run("flow 01 CANCEL crosses 200", flowCancelCrosses200)
	t.Run("flow 02 CANCEL before any 1xx", flowCancelBeforeAnything)
	t.Run("flow 03 a ringing server is given up", flowGivenUpWhileRinging)
	t.Run("flow 04 early media, then another answer", testEarlyMedia)
	t.Run("flow 05 200 after its CANCEL", TestLate2xx)
	t.Run("flow 06 200 of both", TestLate2xx)
	t.Run("flow 07 200 repeated", flowRepeated200)
	t.Run("flow 08 what overflows", flowWhatOverflows)
	t.Run("flow 08 busy", TestBusy)
	t.Run("flow 12 TCP accepted, no answer", flowHungOverTCP)
	t.Run("flow 13 100 and then silence", flowTryingThenSilence)
	t.Run("flow 14 INVITE repeated after the overflow", testRepeatAfterTheOverflow)
	t.Run("flow 15 the same call by another branch", testMergedRequests)
	t.Run("flow 15 both answered", TestSecondLegOfACallHadNoRecord)
	t.Run("flow 16 no offer", testOfferless)
	t.Run("flow 17 PRACK pending when the call moves on", flowPrackPending)
	t.Run("flow 18 Replaces", TestRFC3891_Replaces)
	t.Run("flow 19 BYE glare", TestBYE)
	t.Run("flow 20 re-INVITE glare", flowReInviteGlare)
	t.Run("flow 20 re-INVITE cancelled", TestLate2xxOfAReInviteEndedTheCall)
	t.Run("flow 21 re-INVITE to a dead server", flowReInviteToTheDead)
	t.Run("flow 22 BYE to a dead server", flowByeToTheDead)
	t.Run("flow 23 restart: established calls", TestInDialog)
	t.Run("flow 23 restart: ringing calls", flowRestartWhileRinging)
	t.Run("flow 24 the session ran out", flowSessionRanOut)
	t.Run("flow 25 REFER to the other server", flowReferToTheOther)
	t.Run("flow 36 TCP connection gone", flowConnectionGone)
	t.Run("flow 36 TCP connection gone under a request", TestByeOnADeadConnectionLeftTheCall)
	t.Run("flow 36 TCP connection gone: responses", TestSection18_2_2_Stream)
	t.Run("flow 37 ICMP", testICMP)
	t.Run("flow 37 ICMP port unreachable", TestHold)
	t.Run("flow 40 the wall clock jumps", testMonotonic)
	t.Run("flow 43 hairpin", testHairpin)
	t.Run("flow 45 200 without To tag or Contact", TestCallWithoutToTagLostItsAck)
	t.Run("flow 47 BYE before the ACK", TestBYE)
	t.Run("flow 48 the branch in other letters", TestBranchInOtherLettersWasUnknown)
}

func flowCancelCrosses200(t *testing.T) {
	for _, first := range []string{"CANCEL", "200"} {
		t.Run(first+" is here first", func(t *testing.T) {
			run(t, func(b *bed) {
				up, down := b.ring("x")
				ok200 := accept(down, "p-x", "10.0.1.1")
				if first == "200" {
					b.primary.send(ok200)
					b.ibx.send(cancelOf(up))
				} else {
					b.ibx.send(cancelOf(up))
					b.primary.send(ok200)
					b.primary.send(answer(b.primary.take("CANCEL"), 481, "p"))
				}
				var ok string
				got := map[string]int{}
				for _, m := range b.ibx.all() {
					got[header(m.raw, "CSeq")+" "+startLine(m.raw)[8:11]]++
					if strings.HasPrefix(startLine(m.raw), "SIP/2.0 200") && header(m.raw, "CSeq") == "1 INVITE" {
						ok = m.raw
					}
				}
				want(b, "what went up", fmt.Sprint(got), "map[1 CANCEL 200:1 1 INVITE 200:1]")
				b.primary.silent() // no CANCEL after the 200
				b.ibx.send(uac(ok, "ACK", "k", 1, "10.0.0.1"))
				b.primary.take("ACK")
				b.hangUp(ok)
				want(b, "outcome", b.record().Outcome, "answered")
			})
		})
	}
}

func flowCancelBeforeAnything(t *testing.T) {
	run(t, func(b *bed) {
		up := invite("c")
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		b.ibx.send(cancelOf(up))
		b.ibx.take("200")
		b.primary.silent()
		b.pass(1900 * ms)
		_ = b.primary.all() // the INVITE again
		b.primary.send(answer(down, 100, ""))
		cancel := b.primary.take("CANCEL")
		b.primary.send(answer(cancel, 200, "p"))
		refuse(b, up, down, 487, b.primary, b.ibx)
		b.secondary.silent()
		want(b, "overflows", b.overflowed(), 0)
	})
	run(t, func(b *bed) { // it never speaks
		up := invite("d")
		b.ibx.send(up)
		b.ibx.take("100")
		b.primary.take("INVITE")
		b.ibx.send(cancelOf(up))
		b.ibx.take("200")
		b.pass(2 * time.Second)
		b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
		b.pass(40 * time.Second)
		want(b, "overflows", b.overflowed(), 0)
		b.secondary.silent()
		b.ibx.silent()
	})
}

func flowGivenUpWhileRinging(t *testing.T) {
	run(t, func(b *bed) {
		_, first, second := b.pendingAndDelivered("g")
		dropped := b.p.Stats.LateDrops.Load()
		b.primary.send(answer(first, 180, "p-g"))
		b.primary.send(answer(first, 183, "p-g2"))
		b.ibx.silent()
		want(b, "late provisionals counted", b.p.Stats.LateDrops.Load(), dropped+2)
		b.secondary.send(answer(second, 180, "s-g"))
		want(b, "tag", parameter(header(b.ibx.take("180"), "To"), "tag"), "s-g")
		b.primary.send(answer(first, 487, "p-g"))
		b.primary.take("ACK")
		b.secondary.send(accept(second, "s-g", "10.0.1.2"))
		ok := b.ibx.take("200")
		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		b.secondary.send(answer(b.secondary.take("BYE"), 200, "x"))
		b.ibx.take("200")
	})
}

// Within 64*T1 every copy of the 200 and of its ACK passes. After it a 200 is
// stray: counted, and relayed on the proof of its branch alone (rule P02).
func flowRepeated200(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("r")
		resp := accept(down, "p-r", "10.0.1.1")
		b.primary.send(resp)
		ok := b.ibx.take("200")
		ack := uac(ok, "ACK", "k", 1, "10.0.0.1")
		for range 6 {
			b.pass(5 * time.Second)
			b.primary.send(resp)
			want(b, "the copy", b.ibx.take("200"), ok)
			b.ibx.send(ack)
			b.primary.take("ACK")
			b.primary.silent()
		}
		want(b, "stray", b.p.Stats.Stray.Load(), uint64(0))
		b.pass(5 * time.Second)
		b.primary.send(resp)
		want(b, "stray", b.p.Stats.Stray.Load(), uint64(1))
		b.ibx.take("200")
		b.lines(1, 0)
		b.hangUp(ok)
	})
}

func flowWhatOverflows(t *testing.T) {
	const (
		relayed, held, waits = "relayed", "held", "waits"
	)
	for _, r := range []struct {
		status  int
		extra   string
		becomes string
	}{
		{401, "", relayed},
		{407, "", relayed},
		{404, "", relayed},
		{403, "", relayed},
		{302, "", relayed},
		{422, "", relayed},
		{488, "", relayed},
		{501, "", relayed},
		{505, "", relayed},
		{513, "", relayed},
		{580, "", relayed},
		{600, "", relayed},
		{603, "", relayed},
		{606, "", relayed},
		{408, "", held},
		{500, "", held},
		{502, "", held},
		{503, "", held},
		{504, "", held},
		{486, "", held},
		{480, "", held}, // with an empty server: unexplained
		{503, "Retry-After: 10", waits},
	} {
		t.Run(fmt.Sprint(r.status, r.extra), func(t *testing.T) {
			run(t, func(b *bed) {
				var extra []string
				if r.extra != "" {
					extra = append(extra, r.extra)
				}
				up := b.refusedBy("o", r.status, extra...)
				b.secondary.silent()
				switch r.becomes {
				case relayed:
					b.ibx.send(ackNon2xx(up, b.ibx.take(fmt.Sprint(r.status))))
					want(b, "overflows", b.overflowed(), 0)
					return
				case held:
					want(b, "overflows", b.overflowed(), 1)
				case waits:
					want(b, "overflows", b.overflowed(), 0)
				}
				b.ibx.silent()
				b.ibx.send(cancelOf(up))
				b.ibx.take("200")
				b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
			})
		})
	}
}

func flowHungOverTCP(t *testing.T) {
	run(t, func(b *bed) {
		server := b.overStream("hung")
		b.ibx.send(invite("h"))
		b.ibx.take("100")
		b.pass(2 * time.Second)
		want(b, "overflows", b.overflowed(), 1)
		m := b.takeStream(server)
		b.verify()
		b.reply(server, m, accept(string(m.Raw), "p", "10.0.1.1")) // it wakes up: proof of life
		ok := b.ibx.take("200")
		b.ibx.send(with(uac(ok, "BYE", "bye", 2, "10.0.0.1"), "BYE sip:ivr@10.0.1.1:5060", "BYE sip:ivr@10.0.1.1:5060;transport=tcp"))
		bye := b.takeStream(server)
		want(b, "at the server", strings.HasPrefix(string(bye.Raw), "BYE"), true)
		b.reply(server, bye, answer(string(bye.Raw), 200, "x"))
		b.ibx.take("200")
	}, overTCP)
	run(t, func(b *bed) {
		server := b.overStream("hung")
		b.ibx.send(invite("i"))
		b.ibx.take("100")
		b.pass(2 * time.Second)
		b.switchover()
		want(b, "INVITEs at it", len(server.instants("INVITE")), 1)
		b.answeredBy(b.secondary)
	}, overTCP)
}

func flowTryingThenSilence(t *testing.T) {
	run(t, func(b *bed) {
		b.ibx.send(invite("t"))
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		b.primary.send(answer(down, 100, ""))
		b.pass(8*time.Second - ms)
		want(b, "overflows", b.overflowed(), 0)
		b.pass(ms)
		want(b, "overflows", b.overflowed(), 1)
		b.switchover()
		begin := b.now()
		b.answeredBy(b.secondary)
		b.pass(40 * time.Second)
		after(b, "CANCEL", begin, b.primary.instants("CANCEL"), seconds(0, .5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)...)
	})
}

func flowPrackPending(t *testing.T) {
	run(t, func(b *bed) {
		up := adding(invite("p"), "Require: 100rel")
		b.ibx.send(up)
		b.ibx.take("100")
		first := b.primary.take("INVITE")
		b.primary.send(answer(first, 183, "p", "Contact: <sip:ivr@10.0.1.1:5060>", "Require: 100rel", "RSeq: 9"))
		early := b.ibx.take("183")
		b.pass(8 * time.Second)
		b.switchover()
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		second := b.secondary.take("INVITE")
		b.ibx.send(adding(uac(early, "PRACK", "pk", 2, "10.0.0.1"), "RAck: 9 1 INVITE"))
		prack := b.primary.take("PRACK sip:ivr@10.0.1.1:5060")
		b.secondary.silent()
		b.primary.send(answer(prack, 481, "x"))
		b.ibx.take("481")
		refuse(b, up, second, 486, b.secondary, b.ibx)
	})
}

// overStream is the primary's end on TCP.
func (b *bed) overStream(name string) *peer {
	b.Helper()
	return b.peer(name, transport.TCP, addrPrimary)
}

// reply sends a response on the connection its request came by.
func (b *bed) reply(p *peer, to wire.Message, raw string) {
	b.Helper()
	if err := p.end.SendFlow(to.Flow, []byte(raw)); err != nil {
		b.Fatal(err)
	}
	synctest.Wait()
}

// overflowed is how many calls were held.
func (b *bed) overflowed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.overflows
}
