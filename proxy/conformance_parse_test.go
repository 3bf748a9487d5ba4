package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/router"
)

// TestConformanceValidation: rules V that only the whole element shows (RFC 3261
// §16.3, §8.2.6); the parser's own are in proxy/message.
func TestConformanceValidation(t *testing.T) {
	t.Run("V09 RFC 3261 §16.3(3)", TestSection16_3)
	t.Run("V09 RFC 3261 §16.3(3) OPTIONS", TestOptions)
	t.Run("V09 RFC 3261 §16.3(3) ACK", TestSection16_3_3_ACK)
	t.Run("V12 RFC 3261 §16.3(5) §20.40", testProxyRequire)
	t.Run("V13 RFC 3261 §8.2.2.3", testProxyRequireOfCancelAndAck)
	t.Run("V14 RFC 3261 §20.32", testRequirePasses)
	t.Run("V21 RFC 3261 §16.3", testMergedRequests)
	t.Run("V22 RFC 3261 §8.2.6", testOurOwnErrors)
	t.Run("V23 RFC 3261 §17.1.1.3 §18.1.2", testNeverAnswered)
	t.Run("V23 RFC 3261 §16.3", TestSection16_3_Dropped)
}

// testProxyRequire: 420, and Unsupported lists the tags of Proxy-Require that we do
// not know (none is known) and no tag of Require.
func testProxyRequire(t *testing.T) {
	run(t, func(b *bed) {
		up := adding(invite("p"), "Require: 100rel, one", "Proxy-Require: foo,bar", "proxy-REQUIRE : baz")
		b.ibx.send(up)
		resp := b.ibx.take("420")
		tags := strings.ReplaceAll(strings.Join(headers(resp, "Unsupported"), ","), " ", "")
		want(b, "Unsupported", tags, "foo,bar,baz")
		b.ibx.send(ackNon2xx(up, resp))
		_, ok := b.establish("d")
		b.ibx.send(adding(uac(ok, "INFO", "i", 2, "10.0.0.1"), "Proxy-Require: privacy"))
		want(b, "Unsupported", header(b.ibx.take("420"), "Unsupported"), "privacy")
		b.primary.silent()
		b.hangUp(ok)
	})
}

// testProxyRequireOfCancelAndAck: there it means nothing and is never refused.
func testProxyRequireOfCancelAndAck(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("c")
		b.ibx.send(cancelOf(up, "Proxy-Require: foo", "Require: bar"))
		b.ibx.take("200")
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
		b.primary.send(answer(down, 487, "p"))
		b.primary.take("ACK")
		b.ibx.send(adding(ackNon2xx(up, b.ibx.take("487")), "Proxy-Require: foo", "Require: bar"))
		b.pass(10e9)
		b.ibx.silent() // it ended the 487
		_, down = b.ring("a")
		b.primary.send(accept(down, "p-a", "10.0.1.1"))
		ok := b.ibx.take("200")
		b.ibx.send(adding(uac(ok, "ACK", "k", 1, "10.0.0.1"), "Proxy-Require: foo", "Require: bar"))
		ack := b.primary.take("ACK")
		want(b, "Proxy-Require", header(ack, "Proxy-Require"), "foo")
		b.ibx.silent()
		b.hangUp(ok)
	})
}

// testRequirePasses: what the far end must understand is not ours to judge.
func testRequirePasses(t *testing.T) {
	run(t, func(b *bed) {
		up := adding(outgoing("r", "10.0.1.1"), "Require: nobody-knows-it, precondition", "Require: x")
		b.primary.send(up)
		b.primary.take("100")
		down := b.ibx.take("INVITE")
		want(b, "Require", strings.Join(headers(down, "Require"), "|"), "nobody-knows-it, precondition|x")
		refuse(b, up, down, 420, b.ibx, b.primary)
		b.ibx.send(adding(plainRequest("MESSAGE", "m"), "Require: y"))
		down = b.primary.take("MESSAGE")
		want(b, "Require", header(down, "Require"), "y")
		b.primary.send(answer(down, 420, "x", "Unsupported: y"))
		want(b, "Unsupported", header(b.ibx.take("420"), "Unsupported"), "y")
	})
}

// testMergedRequests: a request that came by two ways is no error for a proxy: both
// are forwarded, only the far end may say 482.
func testMergedRequests(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("m")
		again := with(up, "z9hG4bK-m", "z9hG4bK-other")
		b.ibx.send(again)
		b.ibx.take("100")
		second := b.primary.take("INVITE")
		refuse(b, again, second, 482, b.primary, b.ibx)
		refuse(b, up, down, 404, b.primary, b.ibx)
		first := plainRequest("MESSAGE", "n")
		for _, raw := range []string{first, with(first, "z9hG4bK-n", "z9hG4bK-n2")} {
			b.ibx.send(raw)
			b.primary.send(answer(b.primary.take("MESSAGE"), 200, "x"))
			b.ibx.take("200")
		}
	})
}

// TestSecondLegOfACallHadNoRecord: two legs of one Call-ID were both answered, and
// the second one left no record.
func TestSecondLegOfACallHadNoRecord(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("m")
		b.ibx.send(with(invite("m"), "z9hG4bK-m", "z9hG4bK-other"))
		b.ibx.take("100")
		second := b.primary.take("INVITE")
		b.lines(2, 0)
		b.primary.send(accept(down, "p1", "10.0.1.1"))
		one := b.ibx.take("200")
		b.primary.send(accept(second, "p2", "10.0.1.1"))
		two := b.ibx.take("200")
		for i, ok := range []string{two, one} {
			b.ibx.send(uac(ok, "BYE", fmt.Sprint("bye", i), 2, "10.0.0.1"))
			b.primary.send(answer(b.primary.take("BYE"), 200, "x"))
			b.ibx.take("200")
		}
		want(b, "records", len(b.records), 2)
		b.pass(40 * time.Second)
		b.lines(0, 0)
	})
}

// testOurOwnErrors: "The From field of the response MUST equal the From … The Call-ID
// … CSeq … MUST equal … The Via header field values … MUST equal … and MUST maintain
// the same ordering … the UAS MUST add a tag to the To"; the same tag each time.
func testOurOwnErrors(t *testing.T) {
	base := with(invite("e"), "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-e",
		"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-e;odd=\"a,b\" , SIP/2.0/TCP phone.local;branch=z9hG4bK-0\r\nv: SIP/2.0/TLS other;branch=1")
	base = adding(base, "Record-Route: <sip:10.0.0.1;lr>", "Timestamp: 5")
	for _, r := range []struct {
		status string
		raw    string
	}{
		{"483", with(base, "Max-Forwards: 70", "Max-Forwards: 0")},
		{"420", adding(base, "Proxy-Require: x")},
		{"416", with(base, "INVITE sip:", "INVITE isdn:")},
		{"505", with(base, "SIP/2.0\r\n", "SIP/7.0\r\n")},
		{"400", with(base, "Max-Forwards: 70", "Max-Forwards: x")},
		{"481", with(base, "INVITE sip:5000@10.0.0.5:5060", "INFO sip:5000@10.0.0.77", "1 INVITE", "1 INFO", "To: <sip:5000@10.0.0.5:5060>", "To: <sip:5000@10.0.0.5:5060>;tag=theirs")},
		{"480", with(base, "INVITE sip:", "MESSAGE sip:", "1 INVITE", "1 MESSAGE")},
	} {
		t.Run(r.status, func(t *testing.T) {
			run(t, func(b *bed) {
				b.ibx.send(r.raw)
				resp := b.ibx.take(r.status)
				for _, name := range []string{"From", "Call-ID", "CSeq"} {
					want(b, name, header(resp, name), header(r.raw, name))
				}
				v := strings.Join(vias(with(r.raw, "v: SIP/2.0/TLS", "Via: SIP/2.0/TLS")), "|")
				want(b, "Via", strings.Join(vias(strings.ReplaceAll(resp, "\r\nv: ", "\r\nVia: ")), "|"), v)
				tag := parameter(header(resp, "To"), "tag")
				if theirs := parameter(header(r.raw, "To"), "tag"); tag == "" || theirs != "" && tag != theirs {
					b.Errorf("To of the answer: %q", header(resp, "To"))
				}
				for _, name := range []string{"Contact", "Record-Route", "Timestamp", "Content-Type"} {
					want(b, name, header(resp, name), "")
				}
				want(b, "Content-Length", header(resp, "Content-Length"), "0")
				if r.status == "480" {
					return // a transaction's: it is repeated from there
				}
				b.ibx.send(r.raw)
				want(b, "the answer to its repeat", b.ibx.take(r.status), resp)
			}, func(c *Config) { c.Servers[router.Primary] = Server{} })
		})
	}
}

// testNeverAnswered: no ACK and no response is ever answered, however malformed;
// each is counted.
func testNeverAnswered(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("n")
		ack := ackNon2xx(up, answer(up, 404, "x"))
		resp := answer(down, 180, "x")
		counted := func() uint64 { return b.p.Stats.Malformed.Load() + b.p.Stats.Stray.Load() }
		for name, raw := range map[string]string{
			"ACK of nothing":               with(ack, "z9hG4bK-n", "z9hG4bK-q", "Call-ID: n@", "Call-ID: q@"),
			"ACK without Call-ID":          with(ack, "Call-ID: n@10.0.0.1\r\n", ""),
			"ACK with two CSeq":            adding(ack, "CSeq: 2 ACK"),
			"ACK of another version":       with(ack, "SIP/2.0\r\n", "SIP/3.0\r\n"),
			"ACK with Max-Forwards 0":      with(ack, "z9hG4bK-n", "z9hG4bK-0", "Max-Forwards: 70", "Max-Forwards: 0"),
			"ACK with Max-Forwards x":      with(ack, "z9hG4bK-n", "z9hG4bK-1", "Max-Forwards: 70", "Max-Forwards: x"),
			"ACK with a URI of none":       with(ack, "z9hG4bK-n", "z9hG4bK-2", "ACK sip:", "ACK isdn:"),
			"response without From":        with(resp, "From: ", "Frim: "),
			"response with CSeq of none":   with(resp, "CSeq: 1 INVITE", "CSeq: INVITE"),
			"response of another version":  with(resp, "SIP/2.0 180", "SIP/3.0 180"),
			"response with a status of 99": with(resp, "SIP/2.0 180", "SIP/2.0 99"),
			"response with two Call-IDs":   adding(resp, "Call-ID: another"),
			"response cut off":             resp[:len(resp)/2],
		} {
			before := counted()
			b.ibx.send(raw)
			b.primary.send(raw)
			for _, p := range []*peer{b.ibx, b.primary} {
				if m := p.all(); len(m) > 0 {
					b.Errorf("%s: %s received %q", name, p.name, startLine(m[0].raw))
				}
			}
			if counted() != before+2 {
				b.Errorf("%s: counted %d, want 2", name, counted()-before)
			}
		}
		refuse(b, up, down, 404, b.primary, b.ibx)
	})
}
