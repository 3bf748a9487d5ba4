package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

// after checks the instants of messages, counted from begin.
func after(b *bed, what string, begin time.Duration, is []time.Duration, should ...time.Duration) {
	b.Helper()
	for i := range is {
		is[i] -= begin
	}
	if !slices.Equal(is, should) {
		b.Errorf("%s at %v, want %v", what, is, should)
	}
}

func seconds(s ...float64) (out []time.Duration) {
	for _, v := range s {
		out = append(out, time.Duration(v*float64(time.Second)))
	}
	return out
}

// TestSection17_1_1_2 §17.1.1.2: the INVITE client. "Timer A fires at T1 …
// doubled each time", "Timer B … 64*T1".
func TestSection17_1_1_2_InviteClient(t *testing.T) {
	t.Run("Timers A and B", func(t *testing.T) {
		run(t, func(b *bed) {
			up := invite("a")
			b.ibx.send(up)
			b.pass(40 * time.Second)
			after(b, "INVITE", 0, b.primary.instants("INVITE"), seconds(0, .5, 1.5, 3.5, 7.5, 15.5, 31.5)...)
			after(b, "408", 0, b.ibx.instants("408")[:1], 32*time.Second)
			b.ibx.send(ackNon2xx(up, answer(up, 408, "x")))
		}, observing)
	})
	t.Run("a provisional stops Timer A", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("p")
			b.ibx.send(answer(down, 100, ""))
			b.pass(100 * time.Second)
			b.ibx.silent()
			refuse(b, up, down, 404, b.ibx, b.primary)
		})
	})
	t.Run("no retransmission over TCP; Timer B runs", func(t *testing.T) {
		run(t, func(b *bed) {
			server := b.peer("primary over TCP", transport.TCP, addrPrimary)
			up := invite("tcp")
			b.ibx.send(up)
			b.pass(31 * time.Second)
			want(b, "INVITEs", len(server.instants("INVITE")), 1)
			b.pass(time.Second)
			b.ibx.take("100")
			b.ibx.send(ackNon2xx(up, b.ibx.take("408")))
		}, observing, overTCP)
	})
	t.Run("Timer D: each repeat of the final gets the same ACK (§17.1.1.3) and goes no further", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("d")
			b.ibx.send(answer(down, 486, "x"))
			first := b.ibx.take("ACK")
			b.primary.send(ackNon2xx(up, b.primary.take("486")))
			for range 3 {
				b.pass(10 * time.Second)
				b.ibx.send(answer(down, 486, "x"))
				want(b, "ACK", b.ibx.take("ACK"), first)
			}
			b.pass(2*time.Second + ms) // 32 s after the first
			b.ibx.send(answer(down, 486, "x"))
			b.ibx.silent()
			b.primary.silent()
		})
	})
	t.Run("the ACK is that of §17.1.1.3", func(t *testing.T) {
		run(t, func(b *bed) {
			up := adding(outgoing("k", "10.0.1.1"), "Route: <sip:10.0.0.5;lr>, <sip:10.0.0.1;lr>, <sip:10.0.0.99;lr>", "Authorization: Digest a=\"b\"")
			b.primary.send(up)
			b.primary.take("100")
			down := b.ibx.take("INVITE")
			b.ibx.send(answer(down, 486, "totag"))
			ack := b.ibx.take("ACK")
			want(b, "Request-URI", strings.Fields(ack)[1], strings.Fields(down)[1])
			want(b, "Via", strings.Join(vias(ack), "|"), vias(down)[0])
			want(b, "From", header(ack, "From"), header(down, "From"))
			want(b, "To", header(ack, "To"), header(down, "To")+";tag=totag")
			want(b, "Call-ID", header(ack, "Call-ID"), header(down, "Call-ID"))
			want(b, "CSeq", header(ack, "CSeq"), "1 ACK")
			want(b, "Route", strings.Join(headers(ack, "Route"), "|"), strings.Join(headers(down, "Route"), "|"))
			want(b, "Route values", header(ack, "Route") != "", true)
			want(b, "credentials (§22.1)", header(ack, "Authorization"), "Digest a=\"b\"")
			b.primary.send(ackNon2xx(up, b.primary.take("486")))
		})
	})
}

func overTCP(c *Config) {
	s := &c.Servers[router.Primary]
	s.Network, s.Listener = transport.TCP, 1
}

// TestSection17_1_2_2 §17.1.2.2: the non-INVITE client. Timer E doubles up to T2,
// is T2 after a provisional; Timer F ends it; Timer K absorbs repeats. RFC 4320
// §4.2: a proxy does not send a 408 to a non-INVITE; §4.1: 100 over UDP not
// before Timer E of the client reaches T2, then at once.
func TestSection17_1_2_2_Client(t *testing.T) {
	t.Run("Timers E and F, RFC 4320", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("e")
			begin := b.now()
			b.ibx.send(uac(ok, "INFO", "info", 2, "10.0.0.1"))
			b.pass(60 * time.Second)
			after(b, "INFO", begin, b.primary.instants("INFO"), seconds(0, .5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)...)
			up := b.ibx.all()
			want(b, "responses", len(up), 1)
			want(b, "the only one", startLine(up[0].raw), "SIP/2.0 100 Trying")
			want(b, "100 at", up[0].at-begin, 3500*ms)
			b.ibx.send(uac(ok, "BYE", "bye", 3, "10.0.0.1"))
			b.primary.send(answer(b.primary.take("BYE"), 200, "x"))
			b.ibx.take("200")
		})
	})
	t.Run("after a provisional Timer E is T2; the provisional stays here (RFC 4320 §4.1)", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("t2")
			begin := b.now()
			b.ibx.send(uac(ok, "INFO", "info", 2, "10.0.0.1"))
			info := b.primary.take("INFO")
			b.primary.send(answer(info, 100, ""))
			b.primary.send(answer(info, 182, "x"))
			b.pass(10 * time.Second)
			after(b, "INFO", begin, b.primary.instants("INFO"), seconds(.5, 4.5, 8.5)...)
			b.primary.send(answer(info, 200, "x"))
			after(b, "100", begin, b.ibx.instants("100"), 3500*ms)
			b.hangUp(with(ok, "From:", "From:"))
		})
	})
	t.Run("Timer K: repeats of the final are absorbed", func(t *testing.T) {
		run(t, func(b *bed) {
			_, ok := b.establish("k")
			b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
			bye := b.primary.take("BYE")
			b.primary.send(answer(bye, 200, "x"))
			b.ibx.take("200")
			for range 3 {
				b.primary.send(answer(bye, 200, "x"))
				b.pass(4 * time.Second)
			}
			b.ibx.silent()
		})
	})
}

// TestSection17_2_1 §17.2.1: the INVITE server. The final is repeated by Timer G
// (T1, doubled up to T2) until the ACK or Timer H (64*T1).
func TestSection17_2_1_InviteServer(t *testing.T) {
	t.Run("Timers G and H", func(t *testing.T) {
		run(t, func(b *bed) {
			_, down := b.place("g")
			b.ibx.send(answer(down, 404, "x"))
			b.pass(40 * time.Second)
			after(b, "404", 0, b.primary.instants("404"), seconds(0, .5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)...)
		})
	})
	t.Run("the ACK ends it and goes no further; Timer I absorbs its repeats", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("h")
			b.ibx.send(answer(down, 404, "x"))
			b.ibx.take("ACK")
			final := b.primary.take("404")
			b.pass(600 * ms)
			want(b, "Timer G", b.primary.take("404"), final)
			for range 3 {
				b.primary.send(ackNon2xx(up, final))
				b.pass(time.Second)
			}
			b.primary.silent()
			b.ibx.silent()
			b.pass(10 * time.Second)
			b.primary.silent()
		})
	})
	t.Run("a repeat of the INVITE gets the final again", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("r")
			b.ibx.send(answer(down, 404, "x"))
			b.ibx.take("ACK")
			final := b.primary.take("404")
			b.primary.send(up)
			want(b, "again", b.primary.take("404"), final)
			b.ibx.silent()
			b.primary.send(ackNon2xx(up, final))
			b.primary.send(up) // Confirmed: absorbed
			b.primary.silent()
		})
	})
	t.Run("100 Trying at once, with Timestamp and without a tag (§8.2.6.1)", func(t *testing.T) {
		run(t, func(b *bed) {
			up := adding(outgoing("t", "10.0.1.1"), "Timestamp: 54.2")
			b.primary.send(up)
			trying := b.primary.take("100")
			want(b, "at", b.now(), 0)
			want(b, "Timestamp", header(trying, "Timestamp"), "54.2")
			want(b, "To", header(trying, "To"), header(up, "To"))
			refuse(b, up, b.ibx.take("INVITE"), 404, b.ibx, b.primary)
		})
	})
	t.Run("Timer G is off over TCP", func(t *testing.T) {
		run(t, func(b *bed) {
			server := b.peer("primary over TCP", transport.TCP, addrPrimary)
			up := with(outgoing("g", "10.0.1.1"), "SIP/2.0/UDP", "SIP/2.0/TCP")
			server.send(up)
			b.ibx.send(answer(b.ibx.take("INVITE"), 404, "x"))
			b.pass(20 * time.Second)
			all := server.streamed()
			want(b, "responses", len(all), 2)
			want(b, "the final", startLine(all[1]), "SIP/2.0 404 Whatever")
			server.send(ackNon2xx(up, all[1]))
		}, overTCP)
	})
}

// TestSection17_2_2 §17.2.2: the non-INVITE server. Trying discards repeats of the
// request, Completed answers them for 64*T1 (Timer J).
func TestSection17_2_2_Server(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("j")
		bye := uac(ok, "BYE", "bye", 2, "10.0.0.1")
		b.ibx.send(bye)
		b.ibx.send(bye)
		down := b.primary.take("BYE")
		b.primary.silent()
		b.ibx.silent()
		b.primary.send(answer(down, 200, "x"))
		final := b.ibx.take("200")
		for range 3 {
			b.pass(10 * time.Second)
			b.ibx.send(bye)
			want(b, "again", b.ibx.take("200"), final)
		}
		b.primary.silent()
		want(b, "one record", len(b.records), 1)
	})
}

// TestSection17_2_3 §17.2.3: matching. With the cookie: branch, sent-by and method
// (ACK as INVITE). Without it, as RFC 2543: Request-URI, tags, Call-ID, CSeq and
// top Via.
func TestSection17_2_3_Matching(t *testing.T) {
	t.Run("another sent-by is another transaction", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("m")
			other := with(up, "10.0.1.1:5060;branch", "10.0.1.1:5080;branch")
			b.primary.send(other)
			second := b.ibx.take("INVITE")
			refuse(b, up, down, 404, b.ibx, b.primary)
			b.ibx.send(answer(second, 404, "x"))
			b.ibx.take("ACK")
			// Without rport its responses go to the port of its sent-by (§18.2.2).
			b.pass(40 * time.Second)
			b.primary.silent()
		})
	})
	for _, branch := range []string{"1", "z9hG4bK", ""} {
		t.Run(fmt.Sprintf("RFC 2543: branch %q", branch), func(t *testing.T) {
			run(t, func(b *bed) {
				up := outgoing("old", "10.0.1.1")
				if branch == "" {
					up = with(up, ";branch=z9hG4bK-old", "")
				} else {
					up = with(up, "z9hG4bK-old", branch)
				}
				b.primary.send(up)
				b.primary.take("100")
				down := b.ibx.take("INVITE")
				b.primary.send(up)
				b.primary.take("100")
				b.ibx.silent()
				another := with(up, "1 INVITE", "2 INVITE")
				b.primary.send(another)
				b.primary.take("100")
				second := b.ibx.take("INVITE")
				if branchOf(second) == branchOf(down) {
					b.Errorf("two requests share a branch")
				}
				refuse(b, up, down, 404, b.ibx, b.primary)
				b.primary.send(cancelOf(another))
				b.primary.take("200")
				b.ibx.silent() // no provisional yet
				refuse(b, another, second, 404, b.ibx, b.primary)
			})
		})
	}
	t.Run("a merged request (same call, other branch) is a call of its own", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("m")
			again := with(up, "z9hG4bK-m", "z9hG4bK-m2")
			b.primary.send(again)
			b.primary.take("100")
			second := b.ibx.take("INVITE")
			refuse(b, again, second, 482, b.ibx, b.primary)
			refuse(b, up, down, 404, b.ibx, b.primary)
		})
	})
}

// streamed are the messages a party of a stream received.
func (p *peer) streamed() (out []string) {
	synctest.Wait()
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	for a, list := range p.b.inbox {
		if a.Addr() != p.addr.Addr() {
			continue
		}
		for _, m := range list {
			out = append(out, m.raw)
		}
		p.b.inbox[a] = nil
	}
	return out
}
