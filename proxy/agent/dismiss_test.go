package agent

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve/proxy/transport"
	"releve/testbed/wire"
)

func lines(l ...string) string { return strings.Join(l, "\r\n") }

// unwanted is a 2xx that nobody wants, with two hops behind us, and sdp.
func unwanted(sdp string) string {
	return lines("SIP/2.0 200 OK",
		"Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKproxy1",
		"Record-Route: <sip:10.0.2.1;lr>, <sip:10.0.2.2;lr>",
		"Record-Route: <sip:10.0.0.5:5060;lr;tk=ours>",
		"Record-Route: <sip:10.0.3.1;lr>",
		"From: \"Service 3\" <sip:0612@10.0.0.9>;tag=caller",
		"To: <sip:5000@10.0.0.5>;tag=callee",
		"Call-ID: call-1",
		"CSeq: 2147483646 INVITE",
		"Contact: <sip:5001@10.0.0.1:5070;transport=udp>",
		"Content-Length: "+strconv.Itoa(len(sdp)), "", sdp)
}

func inviteWith(sdp string) string {
	return lines("INVITE sip:5000@10.0.0.5 SIP/2.0",
		"Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKup",
		"From: \"Service 3\" <sip:0612@10.0.0.9>;tag=caller", "To: <sip:5000@10.0.0.5>", "Call-ID: call-1",
		"CSeq: 2147483646 INVITE", "Contact: <sip:0612@10.0.0.9>", "Content-Length: "+strconv.Itoa(len(sdp)), "", sdp)
}

const offer = "v=0\r\no=P 1 2 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\na=group:BUNDLE\r\n" +
	"m=audio 4000/2 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\nm=video 4002 RTP/AVP 96\r\nc=IN IP4 10.0.0.1\r\n"

func ourRoute(v []byte) bool { return bytes.Contains(v, []byte("tk=ours")) }

func TestDismissAcksAndByes(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		b.agent.Dismiss(b.flow, []byte(inviteWith("v=0\r\n")), []byte(unwanted("v=0\r\n")), false, ourRoute, nil)
		m := b.arrived()
		if len(m) != 2 {
			b.Fatalf("%d messages: %v", len(m), m)
		}
		common := "Max-Forwards: 70\r\nRoute: <sip:10.0.2.2;lr>\r\nRoute: <sip:10.0.2.1;lr>\r\n" +
			"From: \"Service 3\" <sip:0612@10.0.0.9>;tag=caller\r\nTo: <sip:5000@10.0.0.5>;tag=callee\r\nCall-ID: call-1\r\n"
		want := []string{
			"ACK sip:5001@10.0.0.1:5070;transport=udp SIP/2.0\r\nVia: " + header(m[0].raw, "Via") + "\r\n" + common +
				"CSeq: 2147483646 ACK\r\nContent-Length: 0\r\n\r\n",
			"BYE sip:5001@10.0.0.1:5070;transport=udp SIP/2.0\r\nVia: " + header(m[1].raw, "Via") + "\r\n" + common +
				"CSeq: 2147483647 BYE\r\nReason: SIP;cause=487;text=\"Call was answered elsewhere\"\r\nContent-Length: 0\r\n\r\n",
		}
		for i := range want {
			if m[i].raw != want[i] {
				b.Errorf("got\n%swant\n%s", m[i].raw, want[i])
			}
		}
		b.answer(m[1].raw, 200)
		b.pass(time.Minute)
		if g := b.arrived(); len(g) != 0 || b.agent.Pending() != 0 {
			b.Errorf("left behind: %v, %d pending", g, b.agent.Pending())
		}
	})
}

// RFC 3261 §13.2.2.4: each repeat of a 2xx is ACKed; the call ends once.
func TestRepeatIsAckedAlone(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		b.agent.Dismiss(b.flow, []byte(inviteWith("")), []byte(unwanted(offer)), true, ourRoute, nil)
		if raw := b.one(); !strings.HasPrefix(raw, "ACK ") || !strings.Contains(raw, "m=audio 0 ") || b.agent.Pending() != 0 {
			b.Fatalf("%d pending, got\n%s", b.agent.Pending(), raw)
		}
	})
}

// The ACKs of two calls with the same CSeq number once had one branch: a proxy
// behind us may take the second for a repeat (RFC 3261 §8.1.1.7).
func TestEachDismissalHasABranchOfItsOwn(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		for range 2 {
			b.agent.Dismiss(b.flow, []byte(inviteWith("")), []byte(unwanted("")), false, ourRoute, nil)
		}
		seen := make(map[string]bool)
		for _, m := range b.arrived() {
			if v := header(m.raw, "Via"); seen[v] {
				b.Errorf("twice: %s", v)
			} else {
				seen[v] = true
			}
		}
		if len(seen) != 4 {
			b.Errorf("%d messages", len(seen))
		}
	})
}

// RFC 3261 §13.2.2.4: an offer in the 2xx is answered in the ACK; RFC 3264 §6:
// as many streams as offered, in order, port 0.
func TestOfferInTheAnswerIsRefused(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		b.agent.Dismiss(b.flow, []byte(inviteWith("")), []byte(unwanted(offer)), false, ourRoute, nil)
		ack := b.arrived()[0].raw
		_, body, _ := strings.Cut(ack, "\r\n\r\n")
		want := "v=0\r\no=P 1 2 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n" +
			"m=audio 0 RTP/AVP 8 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 10.0.0.1\r\n"
		if body != want || header(ack, "Content-Type") != "application/sdp" || header(ack, "Content-Length") != strconv.Itoa(len(want)) {
			b.Fatalf("got\n%s", ack)
		}
	})
}

func TestAnswerInThe2xxIsNotAnsweredAgain(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		b.agent.Dismiss(b.flow, []byte(inviteWith(offer)), []byte(unwanted(offer)), false, ourRoute, nil)
		if ack := b.arrived()[0].raw; !strings.HasSuffix(ack, "Content-Length: 0\r\n\r\n") {
			b.Fatalf("got\n%s", ack)
		}
	})
}

func TestDismissOfNonsenseSendsNothing(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		for _, ok := range []string{
			"", "nonsense", inviteWith(""),
			strings.Replace(unwanted(""), "Contact: <sip:5001@10.0.0.1:5070;transport=udp>\r\n", "", 1),
		} {
			b.agent.Dismiss(b.flow, []byte(inviteWith("")), []byte(ok), false, ourRoute, nil)
		}
		if g := b.arrived(); len(g) != 0 || b.agent.Pending() != 0 {
			b.Errorf("sent %v", g)
		}
	})
}

func TestBye(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		b.agent.Bye(b.flow, "sip:0612@10.0.0.1:5060", "<sip:5000@x>;tag=callee", "<sip:0612@y>;tag=caller", "call-1", 3,
			[]string{"<sip:10.0.2.1;lr>"}, `Q.850;cause=27;text="Voice server out of order"`, nil)
		raw := b.one()
		want := "BYE sip:0612@10.0.0.1:5060 SIP/2.0\r\nVia: " + header(raw, "Via") + "\r\nMax-Forwards: 70\r\nRoute: <sip:10.0.2.1;lr>\r\n" +
			"From: <sip:5000@x>;tag=callee\r\nTo: <sip:0612@y>;tag=caller\r\nCall-ID: call-1\r\nCSeq: 3 BYE\r\n" +
			"Reason: Q.850;cause=27;text=\"Voice server out of order\"\r\nContent-Length: 0\r\n\r\n"
		if raw != want {
			b.Fatalf("got\n%swant\n%s", raw, want)
		}
		b.pass(600 * ms)
		if g := b.instants(); len(g) != 1 {
			b.Errorf("repeated at %v", g)
		}
		b.answer(raw, 481)
		b.pass(time.Minute)
		if g := b.arrived(); len(g) != 0 {
			b.Errorf("repeated after its final: %v", g)
		}
	})
}
