package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

// The flows of TestConformanceFlows in which a dialog exists.

func flowReInviteGlare(t *testing.T) {
	run(t, func(b *bed) {
		down, ok := b.establish("g")
		one := uac(ok, "INVITE", "one", 2, "10.0.0.1")
		two := uas(down, "INVITE", "two", "p-g", 1, "10.0.1.1")
		b.ibx.send(one)
		b.primary.send(two)
		b.ibx.take("100")
		b.primary.take("INVITE")
		b.primary.take("100")
		b.ibx.take("INVITE")
		b.refuseBoth(one, two)
		want(b, "overflows", b.overflowed(), 0)
		b.secondary.silent()
		b.hangUp(ok)
	})
}

// refuseBoth has both sides refuse the re-INVITE of the other with 491.
func (b *bed) refuseBoth(one, two string) {
	b.Helper()
	b.pass(500 * ms)
	atPrimary, atIBX := b.primary.take("INVITE"), b.ibx.take("INVITE") // repeats: nobody answered yet
	b.primary.send(answer(atPrimary, 491, "x"))
	b.primary.take("ACK")
	b.ibx.send(ackNon2xx(one, b.ibx.take("491")))
	b.ibx.send(answer(atIBX, 491, "x"))
	b.ibx.take("ACK")
	b.primary.send(ackNon2xx(two, b.primary.take("491")))
	b.pass(10 * time.Second)
	b.ibx.silent() // no retry of ours
	b.primary.silent()
}

func flowReInviteToTheDead(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("d")
		b.switchover()
		b.net.Down(addrPrimary.Addr())
		re := uac(ok, "INVITE", "re", 2, "10.0.0.1")
		b.ibx.send(re)
		b.ibx.take("100")
		b.pass(32 * time.Second)
		b.ibx.send(ackNon2xx(re, b.ibx.take("408")))
		b.secondary.silent()
		b.net.Up(addrPrimary.Addr()) // restarted, empty
		_ = b.primary.all()
		re = uac(ok, "INVITE", "re2", 3, "10.0.0.1")
		b.ibx.send(re)
		b.ibx.take("100")
		refuse(b, re, b.primary.take("INVITE"), 481, b.primary, b.ibx)
		b.secondary.silent()
		b.hangUp(ok)
	})
}

func flowByeToTheDead(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("d")
		b.net.Down(addrPrimary.Addr())
		for i, method := range []string{"UPDATE", "INFO", "BYE"} {
			b.ibx.send(uac(ok, method, method, 2+i, "10.0.0.1"))
		}
		b.lines(0, 0)
		want(b, "records at the first BYE", len(b.records), 1)
		b.pass(64 * time.Second)
		for _, m := range b.ibx.all() {
			want(b, "response", startLine(m.raw), "SIP/2.0 100 Trying")
		}
		b.secondary.silent()
		want(b, "records", len(b.records), 1)
		b.net.Up(addrPrimary.Addr())
	})
}

func flowRestartWhileRinging(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("r")
		b.restart()
		b.ibx.send(cancelOf(up))
		b.ibx.take("481")
		b.primary.silent()
		b.primary.send(answer(down, 180, "p-r")) // it rings on: our key vouches for it
		b.ibx.take("180")
		b.ibx.send(up)
		b.ibx.take("100")
		again := b.primary.take("INVITE") // the server knows this branch
		want(b, "the branch again", branchOf(again), branchOf(down))
		refuse(b, up, again, 404, b.primary, b.ibx)
	})
}

// TestByeOfAnEarlyDialogWasRecordedAsACall: a caller may end an early dialog by BYE
// (RFC 3261 §15): that made a record of a call answered before a restart, and the
// INVITE's final another one.
func TestByeOfAnEarlyDialogWasRecordedAsACall(t *testing.T) {
	bye := func(b *bed, down string) {
		b.Helper()
		early := answer(down, 180, "p-e", "Contact: <sip:ivr@10.0.1.1:5060>")
		b.ibx.send(uac(early, "BYE", "bye-early", 2, "10.0.0.1"))
		b.primary.send(answer(b.primary.take("BYE sip:ivr@10.0.1.1:5060"), 200, "x"))
		b.ibx.take("200")
		want(b, "records", len(b.records), 0)
	}
	run(t, func(b *bed) {
		up, down := b.ring("e")
		bye(b, down)
		refuse(b, up, down, 487, b.primary, b.ibx)
		want(b, "outcome", b.record().Outcome, router.RefusedByPeer.String())
		b.lines(0, 0)
	})
	run(t, func(b *bed) { // the server answers all the same
		_, down := b.ring("e")
		bye(b, down)
		b.primary.send(accept(down, "p-e", "10.0.1.1"))
		ok := b.ibx.take("200")
		b.lines(1, 0)
		b.hangUp(ok)
		want(b, "outcome", b.record().Outcome, "answered")
	})
}

// TestByeOfOursWentToAContactOfLongAgo: a re-INVITE or UPDATE of the IPBX, or its
// answer to one, moves the remote target (RFC 3261 §12.2.2): the BYE of a call whose
// server is dead goes to the last one.
func TestByeOfOursWentToAContactOfLongAgo(t *testing.T) {
	released := func(b *bed) string {
		b.Helper()
		byes := b.p.ReleaseCalls(router.Primary)
		if len(byes) != 1 {
			b.Fatalf("released: %+v", byes)
		}
		return byes[0].Leg.Target
	}
	run(t, func(b *bed) {
		down, ok := b.establish("r")
		b.ibx.send(with(uac(ok, "UPDATE", "u", 2, "10.0.0.1"), "Contact: <sip:0612345678@10.0.0.1:5060>", "Contact: <sip:moved@10.0.0.1:5070>"))
		b.primary.send(answer(b.primary.take("UPDATE"), 200, "x", "Contact: <sip:ivr@10.0.1.1:5999>"))
		b.ibx.take("200")
		b.primary.send(uas(down, "UPDATE", "v", "p-r", 1, "10.0.1.1"))
		b.ibx.send(answer(b.ibx.take("UPDATE"), 500, "x", "Contact: <sip:refused@10.0.0.1>"))
		b.primary.take("500")
		want(b, "target", released(b), "sip:moved@10.0.0.1:5070")
	})
	run(t, func(b *bed) {
		down, _ := b.establish("s")
		b.primary.send(uas(down, "UPDATE", "v", "p-s", 1, "10.0.1.1"))
		b.ibx.send(answer(b.ibx.take("UPDATE"), 200, "x", "Contact: <sip:again@10.0.0.1:5071>"))
		b.primary.take("200")
		want(b, "target", released(b), "sip:again@10.0.0.1:5071")
	})
}

// TestLate2xxOfAReInviteEndedTheCall: a re-INVITE that the caller cancelled, and that
// the server answered after our 487, had that answer hung up as a call of its own:
// the BYE ended the call in progress. It is acknowledged, and the call stands.
func TestLate2xxOfAReInviteEndedTheCall(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("r")
		re := uac(ok, "INVITE", "re", 2, "10.0.0.1")
		b.ibx.send(re)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		b.ibx.send(cancelOf(re))
		b.ibx.take("200")
		b.pass(2 * time.Second)
		b.ibx.send(ackNon2xx(re, b.ibx.take("487")))
		_ = b.primary.all() // repeats
		for range 2 {
			b.primary.send(carrying(accept(down, "p-r", "10.0.1.1"), "v=0\r\n"))
			ack := b.primary.take("ACK sip:ivr@10.0.1.1:5060")
			want(b, "CSeq", header(ack, "CSeq"), "2 ACK")
			b.primary.silent()
			b.ibx.silent()
		}
		b.lines(1, 0)
		b.hangUp(ok)
		want(b, "ended by", b.record().EndedBy, "caller")
	})
	run(t, func(b *bed) { // while it rings: as any other
		_, ok := b.establish("c")
		re := uac(ok, "INVITE", "re", 2, "10.0.0.1")
		b.ibx.send(re)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		b.primary.send(answer(down, 100, ""))
		b.ibx.send(cancelOf(re, "Reason: SIP;cause=487"))
		b.ibx.take("200")
		cancel := b.primary.take("CANCEL sip:ivr@10.0.1.1:5060")
		want(b, "Reason", header(cancel, "Reason"), "SIP;cause=487")
		b.primary.send(answer(cancel, 200, "x"))
		refuse(b, re, down, 487, b.primary, b.ibx)
		b.lines(1, 0)
		b.hangUp(ok)
	})
}

// The refreshes stop and no BYE comes: the record ends with its session. A refresh
// in time moves that end; a BYE after it still goes by its Route.
func flowSessionRanOut(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("t")
		b.primary.send(answer(down, 200, "p-t", "Contact: <sip:ivr@10.0.1.1:5060>", "Session-Expires: 600;refresher=uac", "Require: timer"))
		ok := b.ibx.take("200")
		b.ibx.send(uac(ok, "ACK", "k", 1, "10.0.0.1"))
		b.primary.take("ACK")
		b.pass(5 * time.Minute)
		b.ibx.send(uac(ok, "UPDATE", "u", 2, "10.0.0.1"))
		b.primary.send(answer(b.primary.take("UPDATE"), 200, "x", "Session-Expires: 600;refresher=uac"))
		b.ibx.take("200")
		b.pass(9*time.Minute + 30*time.Second)
		b.lines(1, 0)
		b.pass(3 * time.Minute)
		b.lines(0, 0)
		r := b.record()
		want(b, "ended by", r.EndedBy, "relève")
		b.ibx.silent() // what becomes of the two ends is theirs
		b.primary.silent()
		b.ibx.send(uac(ok, "BYE", "late", 3, "10.0.0.1"))
		b.primary.send(answer(b.primary.take("BYE sip:ivr@10.0.1.1:5060"), 481, "x"))
		b.ibx.take("481")
	})
	run(t, func(b *bed) { // no session timer: only the longest call ends it
		_, ok := b.establish("n")
		b.pass(2 * time.Hour)
		b.lines(1, 0)
		b.hangUp(ok)
	})
}

func flowReferToTheOther(t *testing.T) {
	run(t, func(b *bed) {
		down, ok := b.establish("held")
		refer := adding(uas(down, "REFER", "rf", "p-held", 1, "10.0.1.1"), "Refer-To: <sip:5002@10.0.0.1>")
		b.primary.send(refer)
		got := b.ibx.take("REFER")
		want(b, "Refer-To", header(got, "Refer-To"), "<sip:5002@10.0.0.1>")
		b.ibx.send(answer(got, 202, "x"))
		b.primary.take("202")
		b.switchover()
		lines := []string{"Referred-By: <sip:ivr@10.0.1.1>", "History-Info: <sip:5000@x>;index=1, <sip:5002@x?Reason=SIP%3Bcause%3D302>;index=1.1"}
		up := adding(invite("new"), lines...)
		b.ibx.send(up)
		b.ibx.take("100")
		second := b.secondary.take("INVITE")
		for _, name := range []string{"Referred-By", "History-Info"} {
			want(b, name, header(second, name), header(up, name))
		}
		refuse(b, up, second, 404, b.secondary, b.ibx)
		attended := adding(invite("att"), "Replaces: held@10.0.0.1;to-tag=p-held;from-tag=from-held")
		b.ibx.send(attended)
		b.ibx.take("100")
		refuse(b, attended, b.primary.take("INVITE"), 481, b.primary, b.ibx)
		b.hangUp(ok)
	})
}

func flowConnectionGone(t *testing.T) {
	run(t, func(b *bed) {
		server := b.overStream("before")
		b.ibx.send(invite("g"))
		b.ibx.take("100")
		m := b.takeStream(server)
		b.reply(server, m, with(accept(string(m.Raw), "p", "10.0.1.1"), "10.0.1.1:5060>", "10.0.1.1:5060;transport=tcp>"))
		ok := b.ibx.take("200")
		server.end.Close() // the connection is gone, and nobody told
		again := b.overStream("after")
		b.pass(ms)
		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		bye := b.takeStream(again)
		want(b, "on a new connection", strings.HasPrefix(string(bye.Raw), "BYE"), true)
		b.reply(again, bye, answer(string(bye.Raw), 200, "x"))
		b.ibx.take("200")
	}, overTCP)
}

// TestByeOnADeadConnectionLeftTheCall: a connection that broke under a request of a
// dialog answered it 500, and the server kept the call: it goes once more, by a new
// connection and with a new branch; when that breaks too, 500.
func TestByeOnADeadConnectionLeftTheCall(t *testing.T) {
	for _, breaks := range []int{1, 2} {
		t.Run(fmt.Sprint(breaks), func(t *testing.T) {
			run(t, func(b *bed) {
				server := b.overStream("before")
				b.ibx.send(invite("g"))
				b.ibx.take("100")
				m := b.takeStream(server)
				b.reply(server, m, with(accept(string(m.Raw), "p", "10.0.1.1"), "10.0.1.1:5060>", "10.0.1.1:5060;transport=tcp>"))
				ok := b.ibx.take("200")
				b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
				first := string(b.takeStream(server).Raw)
				for range breaks {
					b.p.Failed(transport.Flow{Network: transport.TCP, Listener: 1, Remote: addrPrimary, Conn: 7}, transport.ConnectionLost)
					b.pass(ms)
				}
				if breaks == 2 {
					b.ibx.take("500")
					return
				}
				bye := b.takeStream(server)
				want(b, "again", strings.HasPrefix(string(bye.Raw), "BYE"), true)
				want(b, "a branch of its own", branchOf(string(bye.Raw)) != branchOf(first), true)
				b.reply(server, bye, answer(string(bye.Raw), 200, "x"))
				b.ibx.take("200")
			}, overTCP)
		})
	}
}

// TestCallWithoutToTagLostItsAck: a server that answers without a To tag (RFC 2543,
// pjsip with one of its options) had the ACK of its 200 dropped, and the BYE of such
// a call opened nothing that ends it: the token in the Route says what they are.
func TestCallWithoutToTagLostItsAck(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("n")
		raw := answer(down, 200, "none") // and no Contact
		b.primary.send(with(raw, ";tag=none", ""))
		ok := b.ibx.take("200")
		want(b, "To", header(ok, "To"), header(down, "To"))
		target := func(m string) string {
			return with(m, strings.Fields(m)[0]+"  SIP", strings.Fields(m)[0]+" sip:5000@10.0.0.5:5060 SIP")
		}
		b.lines(1, 0)
		b.switchover() // the token counts, not who serves
		b.ibx.send(target(uac(ok, "ACK", "k", 1, "10.0.0.1")))
		b.primary.take("ACK")
		b.ibx.send(target(uac(ok, "INFO", "i", 2, "10.0.0.1")))
		b.primary.send(answer(b.primary.take("INFO"), 200, "x"))
		b.ibx.take("200")
		b.ibx.send(target(uac(ok, "BYE", "bye", 3, "10.0.0.1")))
		b.primary.send(answer(b.primary.take("BYE"), 200, "x"))
		b.ibx.take("200")
		b.lines(0, 0)
		b.secondary.silent()
		want(b, "ended by", b.record().EndedBy, "caller")
	})
}
