package proxy

import (
	"strings"
	"testing"
	"time"

	"releve/proxy/transport"
)

// place has the primary place a call to the first IPBX: nothing of Relève's own
// (clocks, hold) applies to it, so that RFC 3261 §16.7–16.10 show bare.
func (b *bed) place(id string) (up, down string) {
	b.Helper()
	up = outgoing(id, "10.0.1.1")
	b.primary.send(up)
	b.primary.take("100")
	return up, b.ibx.take("INVITE")
}

// refuse answers the INVITE down with a final and treats the ACKs of both hops.
func refuse(b *bed, up, down string, status int, callee, caller *peer) string {
	b.Helper()
	callee.send(answer(down, status, "final"))
	callee.take("ACK")
	resp := caller.take("")
	caller.send(ackNon2xx(up, resp))
	return resp
}

// TestSection16_7_1 §16.7(1), with §18.1.2 and RFC 6026 §7.3: a response that
// matches no client transaction is not forwarded.
func TestSection16_7_1_Unmatched(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.place("u")
		good := answer(down, 180, "x")
		for name, raw := range map[string]string{
			"another branch":                  with(good, branchOf(down), "z9hG4bK-theirs"),
			"another method":                  with(good, "1 INVITE", "1 BYE"),
			"the sent-by is not ours":         with(good, "10.0.0.5:5060", "10.0.0.7:5060"),
			"no Via but one, and not of ours": answer(outgoing("u", "10.0.1.1"), 200, "x"),
		} {
			b.ibx.send(raw)
			if m := b.primary.all(); len(m) > 0 {
				b.Errorf("%s: forwarded", name)
			}
		}
		b.ibx2.send(good) // answers from another address than asked: the branch counts
		b.primary.take("180")
		refuse(b, up, down, 404, b.ibx, b.primary)
	})
}

// TestSection16_7_2 §16.7(2): "if the response is a provisional response with
// status codes 101 to 199 inclusive (i.e., anything but 100), the proxy MUST
// reset timer C". §16.8: "If timer C should fire … If the client transaction has
// received a provisional response, the proxy MUST generate a CANCEL". The 408 of
// §16.8 goes up when the branch says nothing more for 64*T1.
func TestSection16_7_2_And_16_8_TimerC(t *testing.T) {
	for _, r := range []struct {
		name   string
		status int
		fires  time.Duration
	}{{"180 resets it", 180, 281 * time.Second}, {"100 does not", 100, 181 * time.Second}} {
		t.Run(r.name, func(t *testing.T) {
			run(t, func(b *bed) {
				up, down := b.place("c")
				b.ibx.send(answer(down, 183, "x"))
				b.primary.take("183")
				b.pass(100 * time.Second)
				b.ibx.send(answer(down, r.status, "x"))
				_ = b.primary.all()
				b.pass(r.fires - b.now() - ms)
				b.ibx.silent()
				b.pass(ms)
				cancel := b.ibx.take("CANCEL")
				want(b, "Request-URI", strings.Fields(cancel)[1], strings.Fields(down)[1])
				want(b, "branch", branchOf(cancel), branchOf(down))
				// The IPBX answers the CANCEL and forgets the INVITE.
				b.ibx.send(answer(cancel, 200, "x"))
				b.primary.silent()
				b.pass(32 * time.Second)
				b.primary.send(ackNon2xx(up, b.primary.take("408")))
				want(b, "record", b.record().Status, uint16(408))
			})
		})
	}
}

// TestSection16_8_Answered: the 487 that Timer C's CANCEL brings goes up.
func TestSection16_8_Answered(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.place("c")
		b.ibx.send(answer(down, 180, "x"))
		b.primary.take("180")
		b.pass(181 * time.Second)
		b.ibx.send(answer(b.ibx.take("CANCEL"), 200, "x"))
		want(b, "final", startLine(refuse(b, up, down, 487, b.ibx, b.primary)), "SIP/2.0 487 Whatever")
	})
}

// TestSection16_7_3 §16.7(3): "The proxy removes the topmost Via header field
// value from the response." §16.7(8), (9): the Record-Route stays as it is and
// nothing else changes; the received of the next Via stays in.
func TestSection16_7_3_Via(t *testing.T) {
	run(t, func(b *bed) {
		up := with(invite("v"), "Via: SIP/2.0/UDP 10.0.0.1:5060", "Via: SIP/2.0/UDP gateway.local:5060")
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		joined := answer(down, 183, "p", "X-Odd:  a ,b", "Content-Type: application/sdp")
		joined = with(joined, "\r\nVia: SIP/2.0/UDP gateway", ", SIP/2.0/UDP gateway") // one line, as many IPBXs have it
		b.primary.send(strings.ReplaceAll(joined, "Content-Length: 0\r\n\r\n", "Content-Length: 4\r\n\r\nv=0\n"))
		got := b.ibx.take("183")
		want(b, "Via", strings.Join(vias(got), "|"), "SIP/2.0/UDP gateway.local:5060;branch=z9hG4bK-v;received=10.0.0.1")
		want(b, "Record-Route", header(got, "Record-Route"), header(down, "Record-Route"))
		want(b, "X-Odd", strings.Contains(got, "X-Odd:  a ,b\r\n"), true)
		want(b, "body", body(got), "v=0\n")
		refuse(b, up, down, 404, b.primary, b.ibx)
	}, observing)
}

// TestSection16_7_5 §16.7(5): "any provisional response other than 100 (Trying)"
// and "any 2xx response" "MUST be forwarded" at once; after a final "only 2xx to
// INVITE".
func TestSection16_7_5_Immediate(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.place("i")
		b.ibx.send(answer(down, 100, ""))
		b.primary.silent()
		for _, s := range []string{"180", "183", "199"} {
			b.ibx.send(with(answer(down, 180, "x-"+s), "180", s))
			want(b, "To tag", parameter(header(b.primary.take(s), "To"), "tag"), "x-"+s)
		}
		b.ibx.send(accept(down, "x", "10.0.0.1"))
		ok := b.primary.take("200")
		b.ibx.send(answer(down, 180, "x"))
		b.ibx.send(answer(down, 486, "y"))
		b.primary.silent()
		b.ibx.send(accept(down, "x", "10.0.0.1")) // a repeat
		b.primary.take("200")
		b.ibx.send(accept(down, "fork", "10.0.0.1")) // another dialog of a fork further down
		b.primary.take("200")
		b.primary.send(uac(ok, "BYE", "bye", 2, "10.0.1.1"))
		b.ibx.send(answer(b.ibx.take("BYE"), 200, "x"))
		b.primary.take("200")
	})
}

// TestSection16_7_5_6xx: "If a 6xx response is received, it is not immediately
// forwarded, but the stateful proxy SHOULD cancel all client pending
// transactions … and it MUST NOT create any new branches in this context".
func TestSection16_7_5_6xx(t *testing.T) {
	for _, status := range []int{600, 603, 606} {
		run(t, func(b *bed) {
			up, down := b.ring("six")
			resp := refuse(b, up, down, status, b.primary, b.ibx)
			want(b, "final", strings.Fields(resp)[1], strings.Fields(answer(down, status, ""))[1])
			b.ibx2.silent() // no desk, no secondary
			b.secondary.silent()
		}, withDesk)
	}
}

// TestSection16_7_6 §16.7(6): the best response. "A 503 … SHOULD … be converted
// to 500"; "If there are no final responses …, 408"; the lowest class, from
// whichever branch.
func TestSection16_7_6_Best(t *testing.T) {
	t.Run("503 alone becomes 500, without Retry-After", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("s")
			b.ibx.send(answer(down, 503, "x", "Retry-After: 30"))
			b.ibx.take("ACK")
			second := b.ibx2.take("INVITE")
			resp := refuse(b, up, second, 503, b.ibx2, b.primary)
			want(b, "final", startLine(resp), "SIP/2.0 500 Server Internal Error")
			want(b, "Retry-After", header(resp, "Retry-After"), "")
		})
	})
	t.Run("no final: 408", func(t *testing.T) {
		run(t, func(b *bed) {
			up, _ := b.place("s")
			b.pass(64 * time.Second)
			b.primary.send(ackNon2xx(up, b.primary.take("408")))
		})
	})
	t.Run("the lower class of an earlier branch", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.ring("s")
			b.primary.send(answer(down, 408, "early"))
			b.primary.take("ACK")
			desk := b.ibx2.take("INVITE sip:9@")
			b.ibx2.send(answer(desk, 500, "late"))
			b.ibx2.take("ACK")
			resp := b.ibx.take("408")
			want(b, "To tag", parameter(header(resp, "To"), "tag"), "early")
			want(b, "Via", vias(resp)[0], vias(up)[0])
			b.ibx.send(ackNon2xx(up, resp))
		}, observing, withDesk)
	})
}

// TestSection16_7_7 §16.7(7): all challenges of the 401 or 407 go up, unmodified
// and in order (RFC 8760 §2.3).
func TestSection16_7_7_Challenges(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.place("a")
		a, c := `Digest realm="oxe", nonce="n,1", algorithm=SHA-256`, `Digest realm="oxe", nonce="n2"`
		b.ibx.send(answer(down, 401, "x", "WWW-Authenticate: "+a, "WWW-Authenticate: "+c))
		b.ibx.take("ACK")
		resp := b.primary.take("401")
		want(b, "challenges", strings.Join(headers(resp, "WWW-Authenticate"), "|"), a+"|"+c)
		b.primary.send(ackNon2xx(up, resp))
	})
}

// TestSection16_7_4 §16.7(4) our choice: 3xx is not recursed on, it goes up.
func TestSection16_7_4_Redirect(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("r")
		b.primary.send(answer(down, 302, "x", "Contact: <sip:elsewhere@10.0.9.9>;q=0.5"))
		b.primary.take("ACK")
		resp := b.ibx.take("302")
		want(b, "Contact", header(resp, "Contact"), "<sip:elsewhere@10.0.9.9>;q=0.5")
		b.ibx.send(ackNon2xx(up, resp))
	})
}

// TestSection16_7_10 §16.7(10): "If the forwarded response was a final response,
// the proxy MUST generate a CANCEL request for all pending client transactions
// associated with this response context."
func TestSection16_7_10_Cancel(t *testing.T) {
	run(t, func(b *bed) {
		_, first := b.ring("x") // the primary rings; the operators' desk answers
		b.pass(8 * time.Second)
		desk := b.ibx2.take("INVITE")
		cancel := b.primary.take("CANCEL")
		want(b, "branch", branchOf(cancel), branchOf(first))
		want(b, "Via values", len(vias(cancel)), 1)
		b.primary.send(answer(cancel, 200, "p"))
		b.primary.send(answer(first, 487, "p"))
		b.primary.take("ACK")
		b.ibx2.send(accept(desk, "d", "10.0.0.2"))
		ok := b.ibx.take("200")
		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		b.ibx2.send(answer(b.ibx2.take("BYE"), 200, "d"))
		b.ibx.take("200")
		want(b, "server", b.record().Server, "rescue")
	}, observing, withDesk)
}

// TestSection16_9 §16.9: "If the transport layer notifies a proxy of an error
// when it tries to forward a request …, the proxy MUST behave as if the
// forwarded request received a 503".
func TestSection16_9_TransportErrors(t *testing.T) {
	t.Run("the next target is tried", func(t *testing.T) {
		run(t, func(b *bed) {
			b.net.Refuse(addrIBX)
			up := outgoing("e", "10.0.1.1")
			b.primary.send(up)
			b.primary.take("100")
			second := b.ibx2.take("INVITE")
			refuse(b, up, second, 404, b.ibx2, b.primary)
			b.net.Accept(addrIBX)
		})
	})
	t.Run("all fail: 500, a 503 of ours", func(t *testing.T) {
		run(t, func(b *bed) {
			b.net.Refuse(addrIBX)
			b.net.Refuse(addrIBX2)
			up := outgoing("e", "10.0.1.1")
			b.primary.send(up)
			b.primary.take("100")
			b.primary.send(ackNon2xx(up, b.primary.take("500")))
		})
	})
	t.Run("a request within a dialog", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("e")
			b.net.Refuse(addrPrimary)
			b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
			b.ibx.take("500")
		})
	})
	t.Run("an error for what was answered already is ignored", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("e")
			b.ibx.send(answer(down, 180, "x"))
			b.primary.take("180")
			b.net.Refuse(addrIBX)
			b.primary.send(cancelOf(up)) // its CANCEL meets ICMP
			b.primary.take("200")
			b.net.Accept(addrIBX)
			b.pass(500 * ms)
			b.ibx.send(answer(b.ibx.take("CANCEL"), 200, "x"))
			refuse(b, up, down, 487, b.ibx, b.primary)
			b.ibx2.silent()
		})
	})
	t.Run("a stream that breaks under a ringing call (§18.4)", func(t *testing.T) {
		run(t, func(b *bed) {
			server := b.peer("primary over TCP", transport.TCP, addrPrimary)
			b.ibx.send(invite("tcp"))
			b.ibx.take("100")
			m := b.takeStream(server)
			if err := server.end.SendFlow(m.Flow, []byte(answer(string(m.Raw), 180, "p"))); err != nil {
				b.Fatal(err)
			}
			b.ibx.take("180")
			b.net.Refuse(addrPrimary) // the process dies, its connections with it
			b.pass(ms)
			want(b, "overflows", b.overflows, 1)
			b.switchover()
			b.answeredBy(b.secondary)
		}, overTCP)
	})
	t.Run("a full socket buffer is a lost datagram, not a dead server", func(t *testing.T) {
		run(t, func(b *bed) {
			b.full.Store(true)
			b.ibx.send(invite("full"))
			b.full.Store(false)
			b.primary.silent()
			want(b, "overflows", b.overflows, 0)
			b.pass(500 * ms)
			refuse(b, invite("full"), b.primary.take("INVITE"), 404, b.primary, b.ibx)
		})
	})
	t.Run("a response that cannot be sent is dropped, no branch is cancelled", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("e")
			b.net.Refuse(addrPrimary)
			b.ibx.send(answer(down, 180, "x"))
			b.net.Accept(addrPrimary)
			b.ibx.silent()
			b.primary.silent()
			refuse(b, up, down, 404, b.ibx, b.primary)
		})
	})
}

// TestSection16_10 is the CANCEL processing.
func TestSection16_10_Cancel(t *testing.T) {
	t.Run("matching: 200 at once and CANCEL downstream, 487 upstream", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.ring("c")
			b.ibx.send(adding(cancelOf(up, `Reason: SIP;cause=200;text="Call completed elsewhere"`, "Reason: Q.850;cause=26"), "Require: foo", "X-Mine: y"))
			resp := b.ibx.take("200")
			want(b, "CSeq", header(resp, "CSeq"), "1 CANCEL")
			cancel := b.primary.take("CANCEL " + strings.Fields(down)[1] + " SIP/2.0")
			want(b, "Via (§9.1)", strings.Join(vias(cancel), "|"), vias(down)[0])
			for _, name := range []string{"From", "To", "Call-ID", "Route"} {
				want(b, name+" (§9.1)", header(cancel, name), header(down, name))
			}
			want(b, "CSeq (§9.1)", header(cancel, "CSeq"), "1 CANCEL")
			want(b, "Require (§9.1)", header(cancel, "Require")+header(cancel, "X-Mine"), "")
			want(b, "Reason (RFC 3326 §2)", header(cancel, "Reason"), `SIP;cause=200;text="Call completed elsewhere", Q.850;cause=26`)
			b.primary.send(answer(cancel, 200, "p"))
			b.primary.send(answer(down, 487, "p-c"))
			b.primary.take("ACK")
			final := b.ibx.take("487")
			b.ibx.send(ackNon2xx(up, final))
			want(b, "outcome", b.record().Outcome, "cancelled")
			b.lines(0, 0)
		})
	})
	t.Run("no matching INVITE: our choice is 481, no other node could know it", func(t *testing.T) {
		run(t, func(b *bed) {
			b.ibx.send(cancelOf(invite("none")))
			b.ibx.take("481")
			b.primary.silent()
		})
	})
	t.Run("not before a provisional (§9.1): remembered", func(t *testing.T) {
		run(t, func(b *bed) {
			up := invite("early")
			b.ibx.send(up)
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			b.ibx.send(cancelOf(up))
			ok := b.ibx.take("200")
			b.primary.silent()
			b.primary.send(answer(down, 180, "p"))
			cancel := b.primary.take("CANCEL")
			b.primary.send(answer(cancel, 200, "p"))
			b.primary.send(answer(down, 487, "p"))
			b.primary.take("ACK")
			var finals []string
			for _, m := range b.ibx.all() {
				if !strings.HasPrefix(m.raw, "SIP/2.0 18") {
					finals = append(finals, m.raw)
				}
			}
			want(b, "finals", len(finals), 1)
			want(b, "status", startLine(finals[0])[8:11], "487")
			b.ibx.send(ackNon2xx(up, finals[0]))
			_ = ok
		})
	})
	t.Run("never a provisional: our choice is 487 by progress_timeout, and no overflow", func(t *testing.T) {
		run(t, func(b *bed) {
			up := invite("mute")
			b.ibx.send(up)
			b.ibx.take("100")
			b.primary.take("INVITE")
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			b.pass(2 * time.Second)
			b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
			b.secondary.silent()
			want(b, "overflows", b.overflows, 0)
		})
	})
	t.Run("after the final: 200, and no effect (§9.2)", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.ring("late")
			b.primary.send(accept(down, "p", "10.0.1.1"))
			ok := b.ibx.take("200")
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			b.primary.silent()
			b.ibx.silent()
			b.hangUp(ok)
		})
	})
	t.Run("a mute server after the CANCEL: ended 64*T1 later (§9.1)", func(t *testing.T) {
		run(t, func(b *bed) {
			up, _ := b.ring("mute")
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			b.primary.take("CANCEL")
			b.pass(32 * time.Second)
			b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
		})
	})
	t.Run("a CANCEL that crosses the 200: the call stands", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.ring("cross")
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			cancel := b.primary.take("CANCEL")
			b.primary.send(accept(down, "p", "10.0.1.1"))
			b.primary.send(answer(cancel, 481, "p"))
			ok := b.ibx.take("200")
			b.lines(1, 0)
			b.hangUp(ok)
			want(b, "outcome", b.record().Outcome, "answered")
		})
	})
	t.Run("repeated: answered again, one CANCEL downstream", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.ring("twice")
			b.ibx.send(cancelOf(up))
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			b.ibx.take("200")
			cancel := b.primary.take("CANCEL")
			b.primary.silent()
			b.primary.send(answer(cancel, 200, "p"))
			refuse(b, up, down, 487, b.primary, b.ibx)
		})
	})
}
