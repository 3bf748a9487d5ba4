package agent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/testbed/wire"
)

// placed is a call of ours and what became of it.
type placed struct {
	*Call
	got   []Answer
	at    time.Duration
	ended int
}

func (b *bed) invite(limit time.Duration) *placed {
	p := &placed{}
	p.Call = b.agent.Invite(Invitation{
		URI: "sip:2999@10.0.0.1", From: "<sip:releve@10.0.0.5>", To: "<sip:2999@10.0.0.1>", Contact: "<sip:10.0.0.5:5060>",
		Offer: []byte(offer), Flow: b.flow, Limit: limit, Ours: ourRoute, Ended: func() { p.ended++ },
	}, func(r Answer) {
		r.Raw, r.Head = nil, nil
		p.got, p.at = append(p.got, r), time.Since(b.start)
	})
	synctest.Wait()
	return p
}

func (p *placed) was(b *bed, f Failure, status, rang uint16, at time.Duration) {
	b.Helper()
	if len(p.got) != 1 || p.got[0].Failure != f || p.got[0].Status != status || p.got[0].Rang != rang || p.at != at {
		b.Fatalf("told %+v at %v; want once failure %d, status %d, rang %d at %v", p.got, p.at, f, status, rang, at)
	}
}

// methods are the requests that arrived, in order.
func (b *bed) methods() (out []string, raw []string) {
	for _, g := range b.arrived() {
		out, raw = append(out, strings.Fields(g.raw)[0]), append(raw, g.raw)
	}
	return out, raw
}

func (b *bed) expect(want ...string) []string {
	b.Helper()
	got, raw := b.methods()
	if !slices.Equal(got, want) {
		b.Fatalf("sent %v, want %v", got, want)
	}
	return raw
}

func okWith(tag string) []string {
	return []string{"Contact: <sip:5001@10.0.0.1:5070>", "Record-Route: <sip:10.0.3.1;lr>", "X-Tag: " + tag}
}

func (b *bed) calls(want int) {
	b.Helper()
	if n := b.agent.Calls(); n != want {
		b.Fatalf("%d calls are left, want %d", n, want)
	}
}

func TestCallAnsweredAndHungUp(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		p := b.invite(8 * time.Second)
		invite := b.one()
		if header(invite, "Content-Type") != "application/sdp" || !strings.HasSuffix(invite, offer) ||
			!strings.Contains(header(invite, "From"), ";tag="+OwnTag) || header(invite, "Contact") == "" {
			b.Fatalf("sent\n%s", invite)
		}
		b.answer(invite, 180)
		b.pass(time.Second)
		b.answer(invite, 200, okWith("far")...)
		p.was(b, NoFailure, 200, 180, time.Second)
		ack := b.expect("ACK")[0]
		if !strings.HasPrefix(ack, "ACK sip:5001@10.0.0.1:5070 SIP/2.0\r\n") || header(ack, "Route") != "<sip:10.0.3.1;lr>" ||
			header(ack, "CSeq") != "1 ACK" || header(ack, "To") != "<sip:2999@10.0.0.1>;tag=far" ||
			header(ack, "Via") == header(invite, "Via") {
			b.Fatalf("sent\n%s", ack)
		}
		b.answer(invite, 200, okWith("far")...) // its ACK was lost
		if again := b.expect("ACK")[0]; again != ack {
			b.Fatalf("the repeat got another ACK\n%s", again)
		}
		p.Hangup()
		p.Hangup()
		bye := b.expect("BYE")[0]
		if header(bye, "CSeq") != "2 BYE" || header(bye, "Route") != "<sip:10.0.3.1;lr>" {
			b.Fatalf("sent\n%s", bye)
		}
		b.answer(bye, 200)
		b.answer(invite, 200, okWith("far")...)
		b.expect("ACK")
		b.pass(40 * time.Second)
		b.expect()
		b.calls(0)
	})
}

func TestCallRefused(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		p := b.invite(8 * time.Second)
		invite := b.one()
		b.answer(invite, 503, "Retry-After: 5")
		p.was(b, NoFailure, 503, 0, 0)
		if !p.got[0].RetryAfter {
			b.Error("Retry-After is not told")
		}
		ack := b.expect("ACK")[0]
		if header(ack, "Via") != header(invite, "Via") || header(ack, "CSeq") != "1 ACK" { // RFC 3261 §17.1.1.3
			b.Fatalf("sent\n%s", ack)
		}
		b.answer(invite, 503)
		b.expect("ACK")
		p.Hangup()
		b.expect()
		b.pass(40 * time.Second)
		b.calls(0)
	})
}

// RFC 3261 §9.1: a call that rings is cancelled, and its 487 acknowledged.
func TestCallThatRingsForEver(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		p := b.invite(3 * time.Second)
		invite := b.one()
		b.answer(invite, 180)
		b.pass(3 * time.Second)
		p.was(b, TimedOut, 0, 180, 3*time.Second)
		cancel := b.expect("CANCEL")[0]
		if header(cancel, "Via") != header(invite, "Via") || header(cancel, "CSeq") != "1 CANCEL" {
			b.Fatalf("sent\n%s", cancel)
		}
		b.pass(500 * time.Millisecond)
		b.expect("CANCEL") // over UDP it is repeated until it is answered
		b.answer(cancel, 200)
		b.answer(invite, 487)
		b.expect("ACK")
		b.pass(40 * time.Second)
		b.expect()
		b.calls(0)
	})
}

// RFC 3261 §9.1: no CANCEL before a provisional; it waits for one.
func TestCallToASilentServer(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		p := b.invite(3 * time.Second)
		b.pass(3 * time.Second)
		p.was(b, TimedOut, 0, 0, 3*time.Second)
		invite := b.expect("INVITE", "INVITE", "INVITE")[0] // at 0, 0.5 and 1.5 s
		b.pass(5 * time.Second)
		b.expect() // it was given up: repeated no more
		b.answer(invite, 180)
		b.expect("CANCEL")
		b.pass(80 * time.Second)
		b.calls(0)
	})
}

// A 2xx that crosses our CANCEL is a call that exists: ACK and BYE, once.
func TestCallAnsweredTooLate(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		p := b.invite(3 * time.Second)
		invite := b.one()
		b.answer(invite, 180)
		b.pass(3 * time.Second)
		b.expect("CANCEL")
		b.answer(invite, 200, okWith("far")...)
		b.expect("ACK", "BYE")
		b.answer(invite, 200, okWith("far")...)
		b.expect("ACK")
		p.was(b, TimedOut, 0, 180, 3*time.Second)
	})
}

// RFC 3261 §13.2.2.4: a second callee, behind a proxy that forked, gets its ACK and
// its BYE; the first one goes on.
func TestCallAnsweredTwice(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		p := b.invite(3 * time.Second)
		invite := b.one()
		b.answer(invite, 200, okWith("far")...)
		b.expect("ACK")
		other := strings.Replace(invite, "\r\nTo: <sip:2999@10.0.0.1>", "\r\nTo: <sip:2999@10.0.0.1>;tag=other", 1)
		b.answer(other, 200, okWith("other")...)
		for _, m := range b.expect("ACK", "BYE") {
			if header(m, "To") != "<sip:2999@10.0.0.1>;tag=other" {
				b.Errorf("sent\n%s", m)
			}
		}
		p.Hangup()
		if bye := b.expect("BYE")[0]; header(bye, "To") != "<sip:2999@10.0.0.1>;tag=far" {
			b.Errorf("sent\n%s", bye)
		}
		p.was(b, NoFailure, 200, 0, 0)
	})
}

func TestCallToAClosedPort(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		b.end.Close()
		p := b.invite(3 * time.Second)
		b.pass(time.Second)
		p.was(b, Refused, 0, 0, 0)
		p.Hangup()
		b.pass(40 * time.Second)
		b.calls(0)
	})
}

// What the far end asks for in a call of ours.
func TestRequestsInACallOfOurs(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		p := b.invite(3 * time.Second)
		invite := b.one()
		tag := header(invite, "From")
		tag = tag[strings.Index(tag, "tag=")+4:]
		ask := func(method, tag, body string) int {
			raw := fmt.Sprintf("%s sip:10.0.0.5 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: <sip:2999@10.0.0.1>;tag=far\r\n"+
				"To: <sip:releve@10.0.0.5>;tag=%s\r\nCall-ID: %s\r\nCSeq: 7 %s\r\nContent-Length: %d\r\n\r\n%s", method, tag, header(invite, "Call-ID"), method, len(body), body)
			var h message.Head
			scanned, r, _ := message.Scan([]byte(raw), &h)
			if r != message.OK {
				b.Fatalf("%s: not read", raw)
			}
			return b.agent.Request(scanned, &h)
		}
		if s := ask("BYE", tag, ""); s != 481 {
			b.Errorf("before the answer: %d", s)
		}
		b.answer(invite, 200, okWith("far")...)
		b.expect("ACK")
		for _, x := range []struct {
			method, tag, body string
			want              int
		}{
			{"OPTIONS", tag, "", 200},
			{"INVITE", tag, offer, 488},
			{"UPDATE", tag, offer, 488},
			{"BYE", "rlv-other", "", 481},
			{"BYE", tag, "", 200},
			{"BYE", tag, "", 200}, // its repeat
		} {
			if s := ask(x.method, x.tag, x.body); s != x.want {
				b.Errorf("%s %s: %d, want %d", x.method, x.tag, s, x.want)
			}
		}
		if p.ended != 1 {
			b.Errorf("told %d times that it ended", p.ended)
		}
		p.Hangup()
		b.expect()
		b.pass(40 * time.Second)
		b.calls(0)
	})
}

func TestCallsAreBounded(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		for range maxCalls {
			b.invite(time.Minute)
		}
		p := b.invite(time.Minute)
		p.was(b, Overload, 0, 0, 0)
		p.Hangup()
		if b.agent.Shed() != 1 {
			b.Error("not counted")
		}
	})
}
