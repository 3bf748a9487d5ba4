package proxy

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

// TestInDialog: requests within a dialog follow the route set and our token, in
// both directions; never a look-up (RFC 3261 §12.2, §16.4–16.6).
func TestInDialog(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		name := "same process"
		if restarted {
			name = "another process with the same keys and no memory"
		}
		t.Run(name, func(t *testing.T) {
			run(t, func(b *bed) {
				down, ok := b.establish("d")
				if restarted {
					b.restart()
					b.view(func(v *router.View) { v.Active, v.Phase = router.Secondary, router.OnSecondary })
				}
				// re-INVITE of the caller: 100 here, 200 and ACK end to end.
				re := uac(ok, "INVITE", "re", 2, "10.0.0.1")
				b.ibx.send(re)
				b.ibx.take("100")
				reDown := b.primary.take("INVITE sip:ivr@10.0.1.1:5060 SIP/2.0")
				want(b, "Route", len(headers(reDown, "Route")), 0)
				want(b, "Record-Route (§16.6(4))", len(headers(reDown, "Record-Route")), 1)
				b.primary.send(accept(reDown, "p-d", "10.0.1.1"))
				reOK := b.ibx.take("200")
				b.ibx.send(uac(reOK, "ACK", "re-ack", 2, "10.0.0.1"))
				b.primary.take("ACK sip:ivr@10.0.1.1:5060")
				// re-INVITE of the server, refused: 491 goes through, its ACK ends here.
				from := uas(down, "INVITE", "sre", "p-d", 1, "10.0.1.1")
				b.primary.send(from)
				b.primary.take("100")
				up := b.ibx.take("INVITE sip:0612345678@10.0.0.1:5060 SIP/2.0")
				refuse(b, from, up, 491, b.ibx, b.primary)
				for i, method := range []string{"REFER", "NOTIFY", "INFO", "UPDATE", "PRACK", "MESSAGE", "FOO"} {
					b.primary.send(uas(down, method, method, "p-d", 2+i, "10.0.1.1"))
					got := b.ibx.take(method + " sip:0612345678@10.0.0.1:5060 SIP/2.0")
					want(b, "Vias", len(vias(got)), 2)
					b.ibx.send(answer(got, 202, "x"))
					b.primary.take("202")
				}
				b.primary.send(uas(down, "BYE", "bye", "p-d", 20, "10.0.1.1"))
				b.ibx.send(answer(b.ibx.take("BYE sip:0612345678@10.0.0.1:5060"), 200, "x"))
				b.primary.take("200")
				r := b.record()
				want(b, "ended by", r.EndedBy, "callee")
				want(b, "server", r.Server, "primary")
				if restarted {
					want(b, "reason", r.Reason, router.ReasonRestarted)
				}
			})
		})
	}
}

// TestInDialog_Token: without a valid token a request goes to a known party that
// its Request-URI names, or by the table of calls; else 481 (our choice).
func TestInDialog_Token(t *testing.T) {
	tamper := func(raw string) string {
		token := parameter(uriIn(header(raw, "Route")), "t")
		flipped := "A"
		if strings.HasPrefix(token[8:], "A") {
			flipped = "B"
		}
		return with(raw, token, token[:8]+flipped+token[9:])
	}
	t.Run("tampered, known server in the Request-URI", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("t")
			b.restart()
			b.ibx.send(tamper(uac(ok, "INFO", "i", 2, "10.0.0.1")))
			b.primary.send(answer(b.primary.take("INFO sip:ivr@10.0.1.1:5060"), 200, "x"))
			b.ibx.take("200")
		})
	})
	t.Run("tampered, elsewhere: 481, and nothing leaves", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("t")
			b.restart()
			for _, r := range []string{
				tamper(with(uac(ok, "INFO", "i", 2, "10.0.0.1"), "sip:ivr@10.0.1.1:5060", "sip:x@192.0.2.66:5060")),
				with(uac(ok, "INFO", "j", 2, "10.0.0.1"), "t@10.0.0.1", "u@10.0.0.1", "sip:ivr@10.0.1.1:5060", "sip:x@192.0.2.66:5060"), // moved to another call
			} {
				b.ibx.send(r)
				b.ibx.take("481")
			}
			b.ibx.send(with(uac(ok, "ACK", "k", 1, "10.0.0.1"), header(ok, "Record-Route"), "<sip:10.0.0.5:5060;lr>", "sip:ivr@10.0.1.1:5060", "sip:x@192.0.2.66:5060"))
			b.stranger.silent()
			b.primary.silent()
		})
	})
	t.Run("no Route, our own address in the Request-URI: the table knows the call", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("t")
			bye := uac(ok, "BYE", "b", 2, "10.0.0.1")
			bye = with(bye, "Route: "+header(bye, "Route")+"\r\n", "", "sip:ivr@10.0.1.1:5060", "sip:5000@10.0.0.5:5060")
			b.ibx.send(bye)
			b.primary.send(answer(b.primary.take("BYE"), 200, "x"))
			b.ibx.take("200")
		})
	})
	t.Run("the previous key still verifies", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("t")
			b.cfg.Keys = rotated()
			b.restart()
			// Its Contact is no configured address: only the token vouches for it.
			other := b.peer("another board", transport.UDP, at("10.0.7.7:5066"))
			b.ibx.send(with(uac(ok, "BYE", "b", 2, "10.0.0.1"), "sip:ivr@10.0.1.1:5060", "sip:ivr@10.0.7.7:5066"))
			other.send(answer(other.take("BYE"), 200, "x"))
			b.ibx.take("200")
		})
	})
}

// TestBYE: a call ends once, at its first BYE; 47: a BYE before the ACK.
func TestBYE(t *testing.T) {
	t.Run("glare: both pass, one record, one line", func(t *testing.T) {
		run(t, func(b *bed) {
			down, ok := b.establish("g")
			b.ibx.send(uac(ok, "BYE", "one", 2, "10.0.0.1"))
			b.primary.send(uas(down, "BYE", "two", "p-g", 1, "10.0.1.1"))
			b.lines(0, 0)
			b.primary.send(answer(b.primary.take("BYE"), 481, "x"))
			b.ibx.send(answer(b.ibx.take("BYE"), 200, "x"))
			b.ibx.take("481")
			b.primary.take("200")
			want(b, "records", len(b.records), 1)
		})
	})
	t.Run("the line is free once the server was told, not before: else the next INVITE overtakes the BYE", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("o")
			reserved := -1
			b.mu.Lock()
			b.onSend = func(raw []byte) {
				if bytes.HasPrefix(raw, []byte("BYE")) {
					reserved, _, _ = b.p.Dialogs.Lines(router.Primary)
				}
			}
			b.mu.Unlock()
			b.hangUp(ok)
			want(b, "lines reserved when the BYE leaves", reserved, 1)
			b.lines(0, 0)
		})
	})
	t.Run("before the ACK", func(t *testing.T) {
		run(t, func(b *bed) {
			_, down := b.ring("b")
			b.primary.send(accept(down, "p-b", "10.0.1.1"))
			ok := b.ibx.take("200")
			b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
			b.primary.send(answer(b.primary.take("BYE"), 200, "x"))
			b.ibx.take("200")
			b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
			b.primary.take("ACK")
		})
	})
	t.Run("a silent server: no 408 (RFC 4320 §4.2), the line is free at once", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("s")
			b.net.Down(addrPrimary.Addr())
			b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
			b.lines(0, 0)
			b.pass(64 * time.Second)
			for _, m := range b.ibx.all() {
				want(b, "response", startLine(m.raw), "SIP/2.0 100 Trying")
			}
			b.net.Up(addrPrimary.Addr())
		})
	})
	t.Run("a call that lasts longer than the maximum is forgotten", func(t *testing.T) {
		run(t, func(b *bed) {
			b.establish("m")
			b.pass(12 * time.Minute)
			r := b.record()
			want(b, "reason", r.Reason, router.ReasonMaxDuration)
			want(b, "ended by", r.EndedBy, "relève")
		}, func(c *Config) { c.MaxDuration = 10 * time.Minute })
	})
}

// TestStray §16.11, RFC 6026 §7.3: without a context only 18x and 2xx to an INVITE
// whose branch our key signed are relayed, by the next Via.
func TestStray(t *testing.T) {
	for _, r := range []struct {
		status int
		method string
		passes bool
	}{
		{180, "INVITE", true},
		{183, "INVITE", true},
		{200, "INVITE", true},
		{100, "INVITE", false},
		{404, "INVITE", false},
		{487, "INVITE", false},
		{200, "CANCEL", false},
		{200, "BYE", false},
	} {
		t.Run(fmt.Sprint(r.status, r.method), func(t *testing.T) {
			run(t, func(b *bed) {
				up := with(invite("s"), "10.0.0.1:5060;branch", "gateway.local:5060;rport;branch")
				b.ibx.send(up)
				b.ibx.take("100")
				down := b.primary.take("INVITE")
				b.restart()
				resp := with(answer(down, r.status, "p", "Contact: <sip:ivr@10.0.1.1:5060>"), "1 INVITE", "1 "+r.method)
				b.primary.send(resp)
				if !r.passes {
					b.ibx.silent()
					return
				}
				got := b.ibx.take(fmt.Sprint(r.status))
				want(b, "Via", strings.Join(vias(got), "|"), "SIP/2.0/UDP gateway.local:5060;rport=5060;branch=z9hG4bK-s;received=10.0.0.1")
				forged := with(resp, branchOf(down)[:20], branchOf(down)[:19]+"0")
				b.primary.send(forged)
				b.ibx.silent()
			})
		})
	}
}

// TestPanic: a panic ends one call, not the others: 500 upstream, CANCEL
// downstream, one record.
func TestPanic(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("other")
		up, down := b.ring("victim")
		b.ibx.send(invite("ringing"))
		b.ibx.take("100")
		second := b.primary.take("INVITE")
		b.primary.send(answer(second, 180, "p"))
		b.ibx.take("180")
		b.primary.send(answer(second, 599, "p")) // meets it
		b.primary.take("ACK")
		b.panics = 1
		b.lines(2, 0)
		b.ibx.send(ackNon2xx(invite("ringing"), b.ibx.take("500")))
		want(b, "outcome", b.record().Outcome, "lost")
		want(b, "reason", b.record().Reason, router.ReasonFault)
		want(b, "faults", len(b.faults), 1)
		refuse(b, up, down, 404, b.primary, b.ibx)
		b.hangUp(ok)
	}, func(c *Config) {
		c.Shards = 1
		c.Policy.Overrides[router.Primary] = func(status uint16) router.Class {
			if status == 599 {
				panic("a fault in a reading of the operator's")
			}
			return router.ClassNone
		}
	})
}

// TestInDialog_Names: a far end whose Contact is a name is reached where the
// token says: the server of the call, the IPBX of the call.
func TestInDialog_Names(t *testing.T) {
	run(t, func(b *bed) {
		up := outgoing("n", "10.0.1.1")
		up = with(up, "<sip:5001@10.0.1.1:5060>\r\nContent", "<sip:5001@ivr.local>\r\nContent")
		b.net.Refuse(addrIBX)
		b.primary.send(up)
		b.primary.take("100")
		down := b.ibx2.take("INVITE")
		b.net.Accept(addrIBX)
		b.ibx2.send(with(accept(down, "x", "10.0.0.2"), "sip:ivr@10.0.0.2:5060", "sip:0145@oxe-b.local"))
		ok := b.primary.take("200")
		b.restart()
		b.primary.send(uac(ok, "INFO", "i", 2, "10.0.1.1"))
		b.ibx2.send(answer(b.ibx2.take("INFO sip:0145@oxe-b.local SIP/2.0"), 200, "x"))
		b.primary.take("200")
		b.ibx2.send(uas(down, "BYE", "b", "x", 1, "10.0.0.2"))
		b.primary.send(answer(b.primary.take("BYE sip:5001@ivr.local"), 200, "x"))
		b.ibx2.take("200")
	})
	run(t, func(b *bed) {
		up := with(invite("m"), "10.0.0.1:5060;branch", "10.0.0.2:5060;branch", "<sip:0612345678@10.0.0.1:5060>", "<sip:0612345678@oxe-b.local>")
		b.ibx2.send(up)
		b.ibx2.take("100")
		down := b.primary.take("INVITE")
		b.primary.send(accept(down, "p", "10.0.1.1"))
		b.ibx2.take("200")
		b.primary.send(uas(down, "BYE", "b", "p", 1, "10.0.1.1"))
		b.ibx2.send(answer(b.ibx2.take("BYE sip:0612345678@oxe-b.local"), 200, "x"))
		b.primary.take("200")
	})
}

// TestInDialog_Maddr §16.4: "If the Request-URI contains a maddr parameter" that
// is not ours, the request goes there; ours is stripped.
func TestInDialog_Maddr(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("m")
		b.ibx.send(with(uac(ok, "INFO", "i", 2, "10.0.0.1"), "INFO sip:ivr@10.0.1.1:5060", "INFO sip:ivr@voice.local;maddr=10.0.1.1;x=y"))
		b.primary.send(answer(b.primary.take("INFO sip:ivr@voice.local;maddr=10.0.1.1;x=y SIP"), 200, "x"))
		b.ibx.take("200")
		b.ibx.send(with(uac(ok, "INFO", "j", 3, "10.0.0.1"), "INFO sip:ivr@10.0.1.1:5060", "INFO sip:ivr@10.0.1.1:5060;maddr=10.0.0.5;x=y"))
		b.primary.send(answer(b.primary.take("INFO sip:ivr@10.0.1.1:5060;x=y SIP"), 200, "x"))
		b.ibx.take("200")
		b.hangUp(ok)
	})
}
