package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/proxy/agent"
	"releve/router"
)

const outside = "sip:0145000001@10.0.0.1"

// asserting gives the primary's calls an identity; mapping puts it into From.
func asserting(c *Config) {
	for i := range c.IPBXs {
		c.IPBXs[i].Identity[router.Primary] = outside
	}
}

func mapping(c *Config) {
	asserting(c)
	for i := range c.IPBXs {
		c.IPBXs[i].MapFrom = true
	}
}

func ignoringRecordRoute(c *Config) {
	for i := range c.IPBXs {
		c.IPBXs[i].Manners = Manners{RewriteContact: true, Status: 486, Requeue: true}
	}
}

func TestIdentityIsAsserted(t *testing.T) {
	for _, c := range []struct {
		name    string
		request string
		pai     string
		preset  setting
	}{
		{"added", placing("a"), "<" + outside + ">", asserting},
		{"ours stands alone", placing("a", "P-Asserted-Identity: <sip:5001@10.0.1.1>", "P-Asserted-Identity: <tel:+33145>", "P-Preferred-Identity: <sip:x@y>"), "<" + outside + ">", asserting},
		{"none is configured", placing("a", "P-Asserted-Identity: <sip:5001@10.0.1.1>"), "<sip:5001@10.0.1.1>", func(*Config) {}},
		{"From is replaced instead", placing("a", "P-Asserted-Identity: <sip:5001@10.0.1.1>"), "<sip:5001@10.0.1.1>", mapping},
		{"an anonymous From stays", with(placing("a", "Privacy: id"), "<sip:5001@10.0.1.1>;tag", "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag"), "<" + outside + ">", mapping},
		{"a From too long for the token stays", with(placing("a"), "<sip:5001@10.0.1.1>;tag", "<sip:"+strings.Repeat("5", 200)+"@10.0.1.1>;tag"), "<" + outside + ">", mapping},
		{"a tel From is replaced", with(placing("a"), "<sip:5001@10.0.1.1>;tag", "<tel:+335001>;tag"), "", mapping},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(b *bed) {
				b.primary.send(c.request)
				b.primary.take("100")
				down := b.ibx.take("INVITE")
				want(b, "asserted", strings.Join(headers(down, "P-Asserted-Identity"), "|"), c.pai)
				if c.pai == "<"+outside+">" {
					want(b, "preferred", len(headers(down, "P-Preferred-Identity")), 0)
				}
				from := header(c.request, "From")
				if strings.HasSuffix(c.name, "replaced instead") || strings.HasSuffix(c.name, "is replaced") {
					from = strings.Replace(from, uriIn(from), outside, 1)
				}
				want(b, "From", header(down, "From"), from)
				want(b, "To", header(down, "To"), header(c.request, "To"))
				b.ibx.send(answer(down, 486, "x"))
				b.ibx.take("ACK")
				up := b.primary.take("486")
				want(b, "From above", header(up, "From"), header(c.request, "From"))
				b.primary.send(ackNon2xx(c.request, up))
				b.record()
			}, c.preset)
		})
	}
}

// TestMappedCall: both ends see one dialog under their own names in every message of
// it, over a challenge and a restart at each quiet moment, with an IPBX that follows
// Record-Route and one that ignores it.
func TestMappedCall(t *testing.T) {
	for restartAt := range 5 {
		for _, settings := range [][]setting{{mapping, holding}, {mapping, holding, ignoringRecordRoute}} {
			t.Run(fmt.Sprint("restart ", restartAt, ", settings ", len(settings)), func(t *testing.T) {
				run(t, func(b *bed) { mappedCall(b, restartAt, len(settings) > 2) }, settings...)
			})
		}
	}
}

func mappedCall(b *bed, restartAt int, direct bool) {
	moment := func(n int) {
		if n == restartAt {
			b.restart()
		}
	}
	own := `"Accueil; <1>" <sip:5001@10.0.1.1;user=phone>;tag=from-a`
	shown := `"Accueil; <1>" <` + outside + `>;tag=from-a`
	callee := "<sip:0145000000@10.0.0.5:5060>;tag=x"
	party := func(raw, from, to string) string {
		b.Helper()
		want(b, "From of "+startLine(raw), header(raw, "From"), from)
		want(b, "To of "+startLine(raw), header(raw, "To"), to)
		return raw
	}
	request := with(placing("a"), "<sip:5001@10.0.1.1>;tag=from-a", own)
	b.primary.send(request)
	b.primary.take("100")
	down := asked(b, b.ibx, b.ibx.take("INVITE"), challenge407("n1"))
	party(down, shown, "<sip:0145000000@10.0.0.5:5060>")
	moment(1)
	b.ibx.send(answer(down, 180, "x", "Contact: <sip:desk@10.0.0.1:5060>"))
	party(b.primary.take("180"), own, callee)
	b.ibx.send(accept(down, "x", "10.0.0.1"))
	ok := party(b.primary.take("200"), own, callee)
	moment(2)
	b.primary.send(uac(ok, "ACK", "ack", 101, "10.0.1.1"))
	party(b.ibx.take("ACK"), shown, callee)

	// The IPBX refreshes: its Contact target is ours when it ignores Record-Route.
	re := uas(down, "INVITE", "re", "x", 1, "10.0.0.1")
	if direct {
		re = withoutRoutes(re)
	}
	b.ibx.send(re)
	b.ibx.take("100")
	got := party(b.primary.take("INVITE"), callee, own)
	b.primary.send(answer(got, 200, "", "Contact: <sip:ivr2@10.0.1.1:5060>"))
	answered := party(b.ibx.take("200"), callee, shown)
	b.primary.send(answer(got, 200, "", "Contact: <sip:ivr2@10.0.1.1:5060>"))
	party(b.ibx.take("200"), callee, shown)
	moment(3)
	ack := uas(answered, "ACK", "ack2", "", 1, "10.0.0.1")
	ack = with(ack, "From: "+shown+";tag=", "From: "+callee, "To: "+callee, "To: "+shown)
	if direct {
		ack = withoutRoutes(ack)
	}
	b.ibx.send(ack)
	party(b.primary.take("ACK"), callee, own)

	moment(4)
	b.primary.send(uac(ok, "BYE", "bye", 102, "10.0.1.1"))
	bye := party(b.ibx.take("BYE"), shown, callee)
	b.ibx.send(answer(bye, 200, ""))
	party(b.primary.take("200"), own, callee)
	b.record()
}

// withoutRoutes is a request of an IPBX that ignores Record-Route.
func withoutRoutes(raw string) string {
	var out []string
	for l := range strings.SplitSeq(raw, "\r\n") {
		if !strings.HasPrefix(l, "Route:") {
			out = append(out, l)
		}
	}
	return text(out...)
}

// TestIncomingCallsKeepTheirNames: the identity is of outgoing calls.
func TestIncomingCallsKeepTheirNames(t *testing.T) {
	run(t, func(b *bed) {
		down, ok := b.establish("a")
		b.primary.send(uas(down, "INFO", "i", "p-a", 1, "10.0.1.1"))
		info := b.ibx.take("INFO")
		want(b, "From", header(info, "From"), header(ok, "To"))
		want(b, "asserted", len(headers(info, "P-Asserted-Identity")), 0)
		b.ibx.send(answer(info, 200, ""))
		b.primary.take("200")
		b.hangUp(ok)
		b.record()
	}, mapping)
}

// TestReleaseUnderTheMappedName: a BYE of ours in the place of a dead server has the
// names and numbers of the IPBX's side.
func TestReleaseUnderTheMappedName(t *testing.T) {
	run(t, func(b *bed) {
		b.primary.send(placing("a"))
		b.primary.take("100")
		down := asked(b, b.ibx, b.ibx.take("INVITE"), challenge407("n1"))
		b.ibx.send(accept(down, "x", "10.0.0.1"))
		ok := b.primary.take("200")
		b.primary.send(uac(ok, "ACK", "ack", 101, "10.0.1.1"))
		b.ibx.take("ACK")
		b.primary.send(uac(ok, "INFO", "i", 102, "10.0.1.1"))
		info := asked(b, b.ibx, b.ibx.take("INFO"), challenge407("n2"))
		counted(b, info, 107)
		b.ibx.send(answer(info, 200, ""))
		b.primary.take("200")
		byes := b.p.ReleaseCalls(router.Primary)
		if len(byes) != 1 || byes[0].Leg.From != header(down, "From") || byes[0].Leg.CSeq != 108 || byes[0].Server != router.Primary {
			b.Fatalf("%+v", byes)
		}
		// It is asked for the password like any other, and answered once.
		leg := byes[0].Leg
		b.agent.Bye(leg.Flow, leg.Target, leg.From, leg.To, byes[0].CallID, leg.CSeq, leg.Routes, "Q.850;cause=27", func(r agent.Result) [][]byte {
			return b.p.Answer(leg.Flow, byes[0].Server, "BYE", leg.Target, r.Raw, r.Head)
		})
		bye := asked(b, b.ibx, counted(b, b.ibx.take("BYE"), 108), challenge407("n3"))
		proven(b, counted(b, bye, 109), true)
		b.ibx.send(answer(bye, 407, "", challenge407("n4")))
		b.ibx.silent()
		b.record()
	}, mapping, holding)
}

// TestEachServerIsCalledByItsOwnUser: whichever is active, a call comes to the user
// that it has, and From and To are the caller's.
func TestEachServerIsCalledByItsOwnUser(t *testing.T) {
	run(t, func(b *bed) {
		down, ok := b.establish("a")
		want(b, "primary", startLine(down), "INVITE sip:5001@10.0.1.1:5060 SIP/2.0")
		want(b, "To", header(down, "To"), header(invite("a"), "To"))
		b.hangUp(ok)
		b.record()

		b.ibx.send(invite("b"))
		b.ibx.take("100")
		_ = b.primary.take("INVITE")
		b.pass(2 * time.Second)
		b.switchover()
		_ = b.primary.all()
		second := b.secondary.take("INVITE") // the one that was held
		want(b, "secondary", startLine(second), "INVITE sip:5002@10.0.1.2:5060 SIP/2.0")
		refuse(b, invite("b"), second, 603, b.secondary, b.ibx)
		b.record()

		b.ibx.send(invite("c"))
		b.ibx.take("100")
		third := b.secondary.take("INVITE")
		want(b, "secondary", startLine(third), "INVITE sip:5002@10.0.1.2:5060 SIP/2.0")
		want(b, "To", header(third, "To"), header(invite("c"), "To"))
		want(b, "From", header(third, "From"), header(invite("c"), "From"))
		refuse(b, invite("c"), third, 603, b.secondary, b.ibx)
		b.record()
	})
}
