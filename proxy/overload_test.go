package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

func rate(perSecond int) setting {
	return func(c *Config) { c.Limits.CallsPerSecond = perSecond }
}

// crowd is one moment of a load: calls that the IPBX offers, answered at once by
// the primary and hung up a second later.
type crowd struct {
	b         *bed
	n         int
	oks       []string // of calls in progress
	served    int
	refused   int
	unbridged int // BYEs that were not answered
}

// offer offers one call and plays it as far as it goes.
func (c *crowd) offer() {
	b := c.b
	c.n++
	up := invite("crowd-" + strconv.Itoa(c.n))
	b.ibx.send(up)
	for _, m := range b.primary.all() {
		if strings.HasPrefix(m.raw, "INVITE ") {
			b.primary.send(accept(m.raw, "p", "10.0.1.1"))
		}
	}
	for _, m := range b.ibx.all() {
		switch status := startLine(m.raw); {
		case strings.HasPrefix(status, "SIP/2.0 503"):
			c.refused++
			b.ibx.send(ackNon2xx(up, m.raw))
			if after := header(m.raw, "Retry-After"); after < "1" || after > "5" {
				b.Fatalf("Retry-After %q", after)
			}
		case strings.HasPrefix(status, "SIP/2.0 200"):
			c.served++
			b.ibx.send(uac(m.raw, "ACK", "ack-"+strconv.Itoa(c.n), 1, "10.0.0.1"))
			c.oks = append(c.oks, m.raw)
		}
	}
	b.primary.all()
}

// end hangs the oldest calls up until keep are left: their BYEs are never shed.
func (c *crowd) end(keep int) {
	b := c.b
	for ; len(c.oks) > keep; c.oks = c.oks[1:] {
		b.ibx.send(uac(c.oks[0], "BYE", "bye-"+header(c.oks[0], "Call-ID"), 2, "10.0.0.1"))
		for _, m := range b.primary.all() {
			if strings.HasPrefix(m.raw, "BYE ") {
				b.primary.send(answer(m.raw, 200, "x"))
			}
		}
		if m := b.ibx.all(); len(m) != 1 || !strings.HasPrefix(m[0].raw, "SIP/2.0 200") {
			c.unbridged++
		}
	}
}

// testPulse: five times the limit for a minute, then the load of every day.
func testPulse(t *testing.T) {
	const limit = 10
	run(t, func(b *bed) {
		c := &crowd{b: b}
		for range 60 * 5 * limit {
			c.offer()
			b.pass(time.Second / (5 * limit))
			c.end(limit)
		}
		if c.served < 60*limit*95/100 || c.served > 60*limit+2*limit {
			b.Fatalf("%d calls served in the pulse, want what the limit admits: %d", c.served, 60*limit)
		}
		if c.served+c.refused != c.n {
			b.Fatalf("%d calls: %d served, %d refused", c.n, c.served, c.refused)
		}
		c.served, c.refused, c.n = 0, 0, 100_000
		for range 30 * limit * 8 / 10 {
			c.offer()
			b.pass(time.Second * 10 / (limit * 8))
			c.end(limit)
		}
		offered := c.n - 100_000
		if c.served*100 < offered*95 {
			b.Fatalf("after the pulse %d of %d calls were served", c.served, offered)
		}
		c.end(0)
		want(b, "in-dialog requests refused", c.unbridged, 0)
		if b.p.Stats.Refused[BoundCalls].Load() == 0 {
			b.Error("nothing was counted")
		}
	}, rate(limit), func(c *Config) { c.Servers[router.Primary].Lines = 1000 })
}

// testShedStateless: what is turned away leaves nothing behind, a repeat gets the
// same bytes even when there is room again, its ACK ends here, no server hears
// of it.
func testShedStateless(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("one")
		second := invite("two")
		b.ibx.send(second)
		no := b.ibx.take("503")
		want(b, "contexts", b.p.InProgress(), 1) // the first call's tail, and nothing of the second
		b.pass(1500 * ms)
		b.ibx.send(second)
		want(b, "the repeat's answer", b.ibx.take("503"), no)
		stray := b.p.Stats.Stray.Load()
		b.ibx.send(ackNon2xx(second, no))
		want(b, "stray ACKs", b.p.Stats.Stray.Load(), stray)
		b.primary.silent()
		b.hangUp(ok)
		b.ibx.send(invite("three")) // the second's tokens are there again
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		b.primary.send(answer(down, 486, "p"))
		b.primary.take("ACK")
		b.view(func(v *router.View) {})
		b.ibx.take("486")
	}, rate(1), observing, func(c *Config) { c.Shards = 1 })
}

// testNeverShed: in-dialog requests, CANCEL and REGISTER pass while every new
// call is turned away.
func testNeverShed(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("a")
		for i := range 5 {
			b.ibx.send(invite(fmt.Sprint("flood-", i)))
			b.ibx.take("503")
		}
		b.ibx.send(cancelOf(up))
		b.ibx.take("200")
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p-a"))
		b.primary.send(answer(down, 487, "p-a"))
		b.primary.take("ACK")
		b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
		b.primary.send(with(outgoing("reg", "10.0.1.1"), "INVITE sip:0145000000@", "REGISTER sip:", "1 INVITE", "1 REGISTER"))
		b.primary.take("200")
	}, rate(1))
}

// testUrgent: an emergency, a call with a priority and an attended transfer are
// admitted up to twice the limit; OPTIONS of the IPBX are answered throughout.
func testUrgent(t *testing.T) {
	run(t, func(b *bed) {
		b.ibx.send(invite("a"))
		b.ibx.take("100")
		b.primary.take("INVITE")
		b.ibx.send(invite("b"))
		b.ibx.take("503")
		b.ibx.send(plainRequest("MESSAGE", "m"))
		b.ibx.take("480")
		b.ibx.send(plainRequest("OPTIONS", "o"))
		b.ibx.take("200")
		b.primary.send(with(outgoing("sos", "10.0.1.1"), "sip:0145000000@10.0.0.5", "sip:112@10.0.0.5"))
		b.primary.take("100")
		b.ibx.take("INVITE sip:112@")
		b.ibx.send(adding(invite("c"), "Resource-Priority: ets.0"))
		b.ibx.take("503") // the urgent token is spent as well
		b.pass(time.Second)
		b.ibx.all() // the INVITE for 112 was repeated
		b.ibx.send(adding(invite("d"), "Priority: Emergency"))
		b.ibx.take("100")
		b.primary.take("INVITE")
		b.ibx.send(adding(invite("e"), "resource-priority: wps.1"))
		b.ibx.take("100")
		b.primary.take("INVITE")
		b.lost = true // nobody answers: their end is another test's
	}, rate(1), observing, func(c *Config) { c.Policy.ProgressTimeout = 0 })
}

// testTransactionsBounded: over the table of transactions new calls are turned
// away with 503, calls in progress are served.
func testTransactionsBounded(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("one")
		b.pass(ms)
		b.ring("two")
		b.ibx.send(invite("three"))
		if header(b.ibx.take("503"), "Retry-After") == "" {
			b.Error("no Retry-After")
		}
		want(b, "counted", b.p.Stats.Refused[BoundTransactions].Load(), 1)
		b.hangUp(ok)
		b.lost = true
		b.ibx.send(cancelOf(invite("two")))
	}, func(c *Config) { c.Limits.Transactions = 2 }, observing)
}

// testHeldBounded: as many calls are held as may be, the next one reaches a
// human, or gets the reject.
func testHeldBounded(t *testing.T, answerWanted string, settings ...setting) {
	run(t, func(b *bed) {
		for i := range 2 {
			b.ibx.send(invite(fmt.Sprint("held-", i)))
			b.ibx.take("100")
			b.primary.send(answer(b.primary.take("INVITE"), 500, "p"))
			b.primary.take("ACK")
		}
		if strings.HasPrefix(answerWanted, "INVITE") {
			down := b.ibx2.take(answerWanted)
			b.ibx2.send(accept(down, "desk", "10.0.0.2"))
			answerWanted = "200"
		}
		b.ibx.take(answerWanted)
		want(b, "counted", b.p.Stats.Refused[BoundHeld].Load(), 1)
		want(b, "overflows told", b.overflows, 1)
		b.ibx.all()
		b.pass(time.Minute)
		b.lost = true
		for _, c := range b.p.Dialogs.Live() {
			b.p.endCall(c.Key, b.p.Now(), router.ReasonNone, byReleve)
		}
		want(b, "held", b.p.held.Load(), 0)
	}, append(settings, func(c *Config) { c.Limits.HeldCalls = 1 })...)
}

// testSourceRate: what one source sends beyond its rate is not even read; others
// are served.
func testSourceRate(t *testing.T) {
	run(t, func(b *bed) {
		for i := range 10 {
			b.ibx.send(plainRequest("OPTIONS", fmt.Sprint(i)))
		}
		want(b, "answered", len(b.ibx.instants("200")), 4)
		want(b, "dropped", b.p.Stats.Refused[BoundSource].Load(), 6)
		want(b, "of", b.p.Floods()[0], Flooding{"oxe", 6})
		b.ibx2.send(with(plainRequest("OPTIONS", "x"), "10.0.0.1:5060;branch", "10.0.0.2:5060;branch"))
		b.ibx2.take("200")
		b.pass(time.Second)
		b.ibx.send(plainRequest("OPTIONS", "later"))
		b.ibx.take("200")
	}, func(c *Config) { c.Limits.SourceRate, c.Limits.SourceBurst = 2, 4 })
}

// TestPingsAreNoRushOfCalls: the OPTIONS that waited while the machine was paused
// come at once; those too many are dropped, and no call was turned away.
func TestPingsAreNoRushOfCalls(t *testing.T) {
	run(t, func(b *bed) {
		for i := range 3 * pingRate {
			b.ibx.send(plainRequest("OPTIONS", fmt.Sprint(i)))
		}
		dropped := b.p.Stats.Refused[BoundPings].Load()
		if dropped == 0 || len(b.ibx.instants("200"))+int(dropped) != 3*pingRate {
			b.Errorf("%d answered, %d dropped", len(b.ibx.instants("200")), dropped)
		}
		want(b, "calls refused", b.p.Stats.Refused[BoundCalls].Load(), 0)
	})
}

// testStrangerRefused: 403 to the datagram's own source, whatever the Via says;
// few, short, and nothing kept; ACKs and responses hear nothing.
func testStrangerRefused(t *testing.T) {
	run(t, func(b *bed) {
		raw := invite("scan")
		f := transport.Flow{Remote: addrStranger}
		b.p.Refuse(f, []byte(raw))
		no := b.stranger.take("403")
		if len(no) > 2*len(raw) {
			b.Errorf("%d bytes for %d", len(no), len(raw))
		}
		for _, quiet := range []string{
			with(raw, "INVITE sip", "ACK sip", "1 INVITE", "1 ACK"), answer(raw, 200, "x"), "\r\n\r\n", "\x00\x01\x00\x00", "rubbish",
			"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1\r\n\r\n",
		} {
			b.p.Refuse(f, []byte(quiet))
		}
		if m := b.stranger.all(); len(m) > 1 { // the last one may be answered, in fewer than twice its bytes
			b.Errorf("%d answers", len(m))
		}
		for range 100 {
			b.p.Refuse(f, []byte(raw))
		}
		if n := len(b.stranger.all()); n == 0 || n > strangerRate {
			b.Errorf("%d of 100 were answered", n)
		}
		b.ibx.silent() // the Via's sent-by is the IPBX's
		want(b, "kept", b.p.InProgress(), 0)
	})
}

// testSizes: what is longer than it may be is refused with its own code.
func testSizes(t *testing.T) {
	many := func(n int, line string) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = line
		}
		return out
	}
	run(t, func(b *bed) {
		for _, c := range []struct {
			raw, want string
			bound     Bound
		}{
			{with(invite("uri"), "sip:5000@10.0.0.5:5060 SIP", "sip:"+strings.Repeat("5", 2048)+"@10.0.0.5 SIP"), "414", BoundURI},
			{adding(invite("line"), "X-Long: "+strings.Repeat("x", 16<<10)), "400 Header Line Too Long", BoundLine},
			{adding(invite("size"), many(3, "X-Long: "+strings.Repeat("x", 15<<10))...), "513", BoundMessage},
			{adding(invite("headers"), many(256, "X: y")...), "400 Too Many Header Lines", BoundHeaders},
			{with(invite("vias"), "Max-Forwards", strings.Repeat("Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKx\r\n", 70)+"Max-Forwards"), "400 Too Many Vias", BoundVias},
		} {
			before := b.p.Stats.Refused[c.bound].Load()
			b.ibx.send(c.raw)
			b.ibx.take(c.want)
			want(b, c.want, b.p.Stats.Refused[c.bound].Load(), before+1)
		}
		b.primary.silent()
	}, func(c *Config) { c.Limits.MessageSize = 40_000 })
}

// testManyVias: 70 Vias and 100 Routes are forwarded, every one in its place.
func testManyVias(t *testing.T) {
	run(t, func(b *bed) {
		vs := strings.Repeat("Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKx\r\n", 69)
		b.ibx.send(with(invite("v"), "Max-Forwards", vs+"Max-Forwards"))
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		want(b, "Vias", len(vias(down)), 71)
		b.primary.send(answer(down, 404, "p"))
		b.primary.take("ACK")
		want(b, "Vias", len(vias(b.ibx.take("404"))), 70)
		var routes []string
		for i := range 100 {
			routes = append(routes, fmt.Sprintf("<sip:10.9.0.%d;lr>", i))
		}
		b.ibx.send(adding(invite("r"), "Route: "+strings.Join(routes, ", ")))
		for _, m := range b.ibx.all() {
			if s := startLine(m.raw); !strings.HasPrefix(s, "SIP/2.0 1") && !strings.HasPrefix(s, "SIP/2.0 4") {
				b.Errorf("%s", s)
			}
		}
		b.lost = true
	}, observing)
}

// testFragmented: an INVITE of 8 KB passes whole.
func testFragmented(t *testing.T) {
	run(t, func(b *bed) {
		sdp := strings.Repeat("a=x\r\n", 1600)
		up := strings.Replace(invite("big"), "Content-Length: 5\r\n\r\nv=0\r\n", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(sdp), sdp), 1)
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		want(b, "body", body(down), sdp)
		b.primary.send(answer(down, 404, "p"))
		b.primary.take("ACK")
		b.ibx.take("404")
	}, observing)
}

// TestTurnedAwayBeyondItsRoom: who is not remembered is told.
func TestTurnedAwayBeyondItsRoom(t *testing.T) {
	var away turnedAway
	for k := range uint64(maxTurned) {
		if !away.add(k, 1) {
			t.Fatalf("no room for the %d-th", k)
		}
	}
	if away.add(maxTurned, 1) || away.has(maxTurned, 1) || !away.has(7, 1) {
		t.Error("more are remembered than there is room for")
	}
}
