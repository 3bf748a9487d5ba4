package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

// TestRFC3581 §4: received and rport are written into the top Via, and responses
// go to the source address and port; without rport to the port of sent-by
// (RFC 3261 §18.2.1, §18.2.2). Also in answers made without a context.
func TestRFC3581(t *testing.T) {
	for _, r := range []struct{ name, via, stamped, to string }{
		{"rport asked for", "10.0.0.1:5080;rport;branch=z9hG4bK-r", "10.0.0.1:5080;rport=5060;branch=z9hG4bK-r;received=10.0.0.1", "10.0.0.1:5060"},
		{"no rport: the port of sent-by", "10.0.0.1:5080;branch=z9hG4bK-r", "10.0.0.1:5080;branch=z9hG4bK-r", "10.0.0.1:5080"},
		{"a name: received", "pbx.local;branch=z9hG4bK-r", "pbx.local;branch=z9hG4bK-r;received=10.0.0.1", "10.0.0.1:5060"},
		{"another address: received", "172.16.0.9:5080;branch=z9hG4bK-r", "172.16.0.9:5080;branch=z9hG4bK-r;received=10.0.0.1", "10.0.0.1:5080"},
		{"a received of the sender's is not believed", "10.0.0.1:5060;received=192.0.2.66;branch=z9hG4bK-r", "10.0.0.1:5060;received=10.0.0.1;branch=z9hG4bK-r", "10.0.0.1:5060"},
	} {
		for what, base := range map[string]string{
			"OPTIONS": plainRequest("OPTIONS", "r"), "483": with(invite("r"), "Max-Forwards: 70", "Max-Forwards: 0"),
			"400": adding(invite("r"), "Call-ID: two"), "CANCEL": cancelOf(invite("r")), "INVITE": invite("r"),
		} {
			t.Run(r.name+"/"+what, func(t *testing.T) {
				run(t, func(b *bed) {
					to := b.ibx
					if at(r.to) != addrIBX {
						to = b.peer("sent-by", transport.UDP, at(r.to))
					}
					raw := with(base, "10.0.0.1:5060;branch=z9hG4bK-r", r.via)
					b.ibx.send(raw)
					want(b, "Via", vias(to.take(""))[0], "SIP/2.0/UDP "+r.stamped)
					if what == "INVITE" {
						down := b.primary.take("INVITE")
						want(b, "Via downstream", vias(down)[1], "SIP/2.0/UDP "+r.stamped)
						refuse(b, raw, down, 404, b.primary, to)
					}
				})
			})
		}
	}
}

// TestSection18_2_2 §18.2.2: over a stream the response goes on "the existing
// connection … If that connection attempt fails", or it closed, on a new one "to
// the IP address in the received parameter … the port in the sent-by".
func TestSection18_2_2_Stream(t *testing.T) {
	run(t, func(b *bed) {
		server := b.peer("primary over TCP", transport.TCP, addrPrimary)
		up := with(outgoing("s", "10.0.1.1"), "SIP/2.0/UDP", "SIP/2.0/TCP")
		server.send(up)
		want(b, "on the connection", startLine(server.streamed()[0]), "SIP/2.0 100 Trying")
		down := b.ibx.take("INVITE")
		server.end.Close() // it restarts
		again := b.peer("primary again", transport.TCP, addrPrimary)
		b.pass(ms)
		b.ibx.send(answer(down, 404, "x"))
		b.ibx.take("ACK")
		final := again.take("404")
		again.send(ackNon2xx(up, final))
	}, overTCP)
}

// TestRFC3891 INVITE with Replaces goes to the owner of the dialog, which is no
// new call for the server: no line, no overflow, no dissuasion.
func TestRFC3891_Replaces(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("owned")
		b.switchover() // the secondary is active, the dialog is the primary's
		replaces := "Replaces: owned@10.0.0.1;to-tag=p-owned;from-tag=from-owned"
		up := adding(invite("new"), replaces)
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		want(b, "Replaces", header(down, "Replaces"), strings.TrimPrefix(replaces, "Replaces: "))
		b.lines(1, 0)
		refuse(b, up, down, 481, b.primary, b.ibx)
		want(b, "overflows", b.overflows, 0)
		want(b, "reason", b.record().Reason, router.ReasonReplaces)
		up = adding(invite("unknown"), "Replaces: nobody@10.0.0.1;to-tag=x;from-tag=y")
		b.ibx.send(up)
		b.ibx.take("100")
		refuse(b, up, b.secondary.take("INVITE"), 481, b.secondary, b.ibx)
		up = adding(invite("silent"), replaces) // no clock of ours
		b.ibx.send(up)
		b.ibx.take("100")
		b.pass(20 * time.Second)
		b.secondary.silent()
		downs := b.primary.all()
		refuse(b, up, downs[0].raw, 603, b.primary, b.ibx)
		b.hangUp(ok)
	})
}

// TestPassive: from the passive server: 403 and an alarm; one outgoing call for
// each call it still holds, also when an earlier one failed.
func TestPassive(t *testing.T) {
	run(t, func(b *bed) {
		up := outgoing("one", "10.0.1.2")
		b.secondary.send(up)
		b.secondary.take("100")
		resp := b.secondary.take("403")
		b.secondary.send(ackNon2xx(up, resp))
		want(b, "alarms", len(b.passive), 1)
		b.ibx.silent()
		_, ok := b.establish("held")
		b.switchover()
		for i := range 3 { // each fails, so the next may be tried
			up := outgoing(fmt.Sprint("transfer", i), "10.0.1.1")
			b.primary.send(up)
			b.primary.take("100")
			b.lines(2, 0)
			refuse(b, up, b.ibx.take("INVITE"), 486, b.ibx, b.primary)
			want(b, "reason", b.record().Reason, router.ReasonPassiveTransfer)
		}
		up = outgoing("placed", "10.0.1.1")
		b.primary.send(up)
		b.primary.take("100")
		b.ibx.send(accept(b.ibx.take("INVITE"), "x", "10.0.0.1"))
		placed := b.primary.take("200")
		more := outgoing("more", "10.0.1.1")
		b.primary.send(more)
		b.primary.take("100")
		b.primary.send(ackNon2xx(more, b.primary.take("403")))
		b.primary.send(uac(placed, "BYE", "bye", 2, "10.0.1.1"))
		b.ibx.send(answer(b.ibx.take("BYE"), 200, "x"))
		b.primary.take("200")
		b.hangUp(ok)
	})
}

// TestOptions: the IPBX's keep-alive gets 200 while a call would be treated; a
// rescue target counts.
func TestOptions(t *testing.T) {
	for _, r := range []struct {
		phase  router.Phase
		desk   bool
		status string
	}{
		{router.Normal, false, "200"},
		{router.Verifying, false, "200"},
		{router.Switching, false, "200"},
		{router.OnSecondary, false, "200"},
		{router.Returning, false, "200"},
		{router.Maintenance, false, "200"},
		{router.BothDown, false, "503"},
		{router.BothDown, true, "200"},
	} {
		t.Run(fmt.Sprint(r.phase, r.desk), func(t *testing.T) {
			settings := []setting{}
			if r.desk {
				settings = append(settings, withDesk)
			}
			run(t, func(b *bed) {
				b.view(func(v *router.View) { v.Phase = r.phase })
				for _, raw := range []string{
					plainRequest("OPTIONS", "a"), with(plainRequest("OPTIONS", "b"), "Max-Forwards: 70", "Max-Forwards: 0"),
					with(plainRequest("OPTIONS", "c"), "sip:5000@10.0.0.5:5060 SIP", "sip:10.0.0.5 SIP"),
				} {
					b.ibx.send(raw)
					resp := b.ibx.take(r.status)
					if header(resp, "Allow") == "" && r.status == "200" || parameter(header(resp, "To"), "tag") == "" {
						b.Errorf("the answer lacks Allow or a tag:\n%s", resp)
					}
				}
				b.primary.silent()
			}, settings...)
		})
	}
}

// TestRegister: a server's own REGISTER is answered here (every mode but trunk)
// and reaches no IPBX; the IPBX's gets 403.
func TestRegister(t *testing.T) {
	register := func(extra ...string) string {
		r := with(plainRequest("REGISTER", fmt.Sprintf("r%d", len(strings.Join(extra, "")))),
			"Contact: <sip:0612345678@10.0.0.1:5060>\r\n", "", "10.0.0.1:5060;branch", "10.0.1.1:5060;branch")
		if len(extra) == 0 {
			return r
		}
		return adding(r, extra...)
	}
	contact := "<sip:5001@10.0.1.1:5060>"
	for _, r := range []struct {
		name     string
		raw      string
		contacts string
		granted  []int
	}{
		{"60 s at most", register("Contact: "+contact, "Expires: 3600"), contact + ";expires=60", []int{60}},
		{"less when less is asked (§10.3(7))", register("Contact: " + contact + ";expires=30"), contact + ";expires=30", []int{30}},
		{"Expires: 0 takes it away", register("Contact: "+contact, "Expires: 0"), "", []int{0}},
		{"Contact: *", register("Contact: *", "Expires: 0"), "", []int{0}},
		{"one of two goes", register("Contact: <sip:old@10.0.1.1>;expires=0, " + contact), contact + ";expires=60", []int{60}},
		{"a query changes nothing (§10.2.3)", register(), "", nil},
	} {
		t.Run(r.name, func(t *testing.T) {
			run(t, func(b *bed) {
				b.primary.send(r.raw)
				resp := b.primary.take("200")
				want(b, "Contact", strings.Join(headers(resp, "Contact"), "|"), r.contacts)
				want(b, "granted", fmt.Sprint(b.granted), fmt.Sprint(r.granted))
				b.ibx.silent()
			})
		})
	}
	run(t, func(b *bed) {
		// RFC 3261 §20.10, RFC 4475 §3.1.2.13: a URI with "?" stands in brackets.
		b.primary.send(register("Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"))
		b.primary.take("400")
		want(b, "granted", len(b.granted), 0)
	})
	run(t, func(b *bed) {
		b.ibx.send(plainRequest("REGISTER", "ibx"))
		b.ibx.take("403")
	})
	run(t, func(b *bed) {
		b.primary.send(register("Contact: " + contact))
		b.primary.take("403")
	}, func(c *Config) { c.LocalRegister = false })
}

// TestLoopGuard: the same identified caller and number dissuaded three times in
// 30 s goes to the desk; anonymous never counts; nor do more than 5 diversions.
func TestLoopGuard(t *testing.T) {
	dissuadedCall := func(b *bed, id, from string) {
		b.Helper()
		up := with(invite(id), "sip:0612345678@10.0.0.1;x=1", from)
		b.ibx.send(up)
		b.ibx.take("100")
		b.primary.send(answer(b.primary.take("INVITE"), 500, "p"))
		b.primary.take("ACK")
		b.verify()
		b.dissuade(router.VerdictHealthy)
		b.ibx.send(ackNon2xx(up, b.ibx.take("486")))
		b.pass(3 * time.Second)
	}
	noRequeue := func(c *Config) { c.Policy.Requeue = false }
	run(t, func(b *bed) {
		for i := range 3 {
			dissuadedCall(b, fmt.Sprint("n", i), "sip:0612345678@10.0.0.1;x=1")
		}
		b.ibx.send(invite("fourth"))
		b.ibx.take("100")
		b.primary.silent()
		b.answeredBy(b.ibx2)
		want(b, "reason", b.record().Reason, router.ReasonLooped)
		other := with(invite("other"), "0612345678@10.0.0.1;x", "0799999999@10.0.0.1;x")
		b.ibx.send(other)
		b.ibx.take("100")
		refuse(b, other, b.primary.take("INVITE"), 404, b.primary, b.ibx)
		b.pass(30 * time.Second)
		b.ibx.send(invite("later"))
		b.ibx.take("100")
		refuse(b, invite("later"), b.primary.take("INVITE"), 404, b.primary, b.ibx)
	}, noRequeue, withDesk)
	run(t, func(b *bed) {
		for i := range 5 {
			dissuadedCall(b, fmt.Sprint("a", i), "sip:anonymous@anonymous.invalid")
		}
	}, noRequeue)
	run(t, func(b *bed) {
		up := adding(invite("div"), "Diversion: <sip:1@x>, <sip:2@x>", "History-Info: <sip:1@x>;index=1, <sip:1@x>;index=1.1", "Diversion: <sip:3@x>, <sip:4@x>, <sip:5@x>, <sip:6@x>")
		b.ibx.send(up)
		b.ibx.take("100")
		b.ibx.send(ackNon2xx(up, b.ibx.take("480")))
		b.primary.silent()
	})
}

// TestHistoryIsNoLoop: a plain call through a chain of proxies that only looked
// the number up (Avaya's writes an entry for each application) is no loop,
// though its History-Info is long and one forwarding stands in both headers.
func TestHistoryIsNoLoop(t *testing.T) {
	run(t, func(b *bed) {
		up := invite("sm")
		for i := range 8 {
			up = adding(up, fmt.Sprintf("History-Info: <sip:5000@sm.example.com>;index=1.%d;rc=1", i))
		}
		for i := range 5 {
			up = adding(up, fmt.Sprintf("History-Info: <sip:20%d@x?Reason=SIP%%3Bcause%%3D302>;index=1.9.%d;mp=1.9", i, i), fmt.Sprintf("Diversion: <sip:20%d@x>;reason=unconditional", i))
		}
		b.ibx.send(up)
		b.ibx.take("100")
		refuse(b, up, b.primary.take("INVITE"), 404, b.primary, b.ibx)
		up = with(adding(up, "History-Info: <sip:206@x;cause=486>;index=1.9.6"), "branch=", "branch=z9hG4bKsix;x=")
		up = strings.ReplaceAll(up, "Call-ID: ", "Call-ID: six")
		b.ibx.send(up)
		b.ibx.take("100")
		b.ibx.send(ackNon2xx(up, b.ibx.take("480")))
		b.primary.silent()
	})
}

// TestBytes: what a proxy has no business with passes byte for byte (RFC 3261
// §16.6(1), §7.3.1): compact names, folds, odd white space, binary and large
// bodies.
func TestBytes(t *testing.T) {
	large := strings.Repeat("a=candidate:1 1 UDP 2130706431 10.0.1.1 8998 typ host\r\n", 900)
	for name, sdp := range map[string]string{"binary": "v=0\x00\xff\xfe\r\n\r\n", "large": large} {
		t.Run(name, func(t *testing.T) {
			run(t, func(b *bed) {
				up := with(outgoing("b", "10.0.1.1"), "Contact:", "m :", "Content-Length: 0\r\n\r\n",
					fmt.Sprintf("s: =?utf-8?B?w6k=?=\r\nX-Fold: one\r\n  two\r\n\tthree\r\nk:a ,b;c=\"d\\\"e\"\r\nl: %d\r\n\r\n%s", len(sdp), sdp))
				b.primary.send(up)
				b.primary.take("100")
				down := b.ibx.take("INVITE")
				// All but the first line, Via, Max-Forwards and our Record-Route.
				cut := func(raw string) string { return raw[strings.Index(raw, "From:"):] }
				if cut(down) != cut(up) {
					b.Errorf("changed:\n%q\n%q", cut(down), cut(up))
				}
				resp := with(answer(down, 183, "x"), "Content-Length: 0\r\n\r\n", fmt.Sprintf("l:%d\r\n\r\n%s", len(sdp), sdp))
				b.ibx.send(resp)
				got := b.primary.take("183")
				want(b, "body", body(got) == sdp, true)
				refuse(b, up, down, 404, b.ibx, b.primary)
			})
		})
	}
}

// TestOutOfDialog: other requests go to the active server, or to the first IPBX
// that can be reached (RFC 3261 §16.9).
func TestOutOfDialog(t *testing.T) {
	run(t, func(b *bed) {
		b.ibx.send(plainRequest("MESSAGE", "m"))
		m := b.primary.take("MESSAGE sip:5001@10.0.1.1:5060")
		b.primary.send(answer(m, 202, "x"))
		b.ibx.take("202")
		b.net.Refuse(addrIBX)
		up := with(outgoing("s", "10.0.1.1"), "INVITE sip", "SUBSCRIBE sip", "1 INVITE", "1 SUBSCRIBE")
		b.primary.send(up)
		sub := b.ibx2.take("SUBSCRIBE sip:0145000000@10.0.0.2:5060")
		want(b, "Record-Route", len(headers(sub, "Record-Route")), 1)
		b.ibx2.send(answer(sub, 489, "x"))
		b.primary.take("489")
	})
}

// An INVITE whose Contact we refuse in a Request-URI was once forwarded: the
// server's BYE was answered 400, and the call kept its line for hours.
func TestContactThatNoRequestCouldNameIsRefused(t *testing.T) {
	run(t, func(b *bed) {
		for _, contact := range []string{"<sip:01450\x1100@10.0.0.1>", "<sip:0145 00@10.0.0.1>", "<sip:a@>", "*"} {
			raw := invite("broken")
			at := strings.Index(raw, "\r\nContact: ") + len("\r\nContact: ")
			end := at + strings.Index(raw[at:], "\r\n")
			b.ibx.send(raw[:at] + contact + raw[end:])
			b.ibx.take("400")
			if m := b.primary.all(); len(m) != 0 {
				b.Errorf("Contact %q is forwarded", contact)
			}
		}
	})
}
