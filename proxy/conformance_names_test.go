package proxy

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"releve/proxy/resolve"
	"releve/proxy/transport"
	"releve/router"
)

// book is a scripted DNS.
type book struct {
	mu      sync.Mutex
	known   map[resolve.Name][]resolve.Target
	answers map[resolve.Name][]resolve.Target // known once asked for
	delay   time.Duration
	asked   int
}

func newBook() *book {
	return &book{known: make(map[resolve.Name][]resolve.Target), answers: make(map[resolve.Name][]resolve.Target)}
}

func (d *book) Targets(n resolve.Name) ([]resolve.Target, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.known[n]
	return t, ok
}

func (d *book) Resolve(n resolve.Name, done func()) {
	d.mu.Lock()
	d.asked++
	d.mu.Unlock()
	go func() {
		time.Sleep(d.delay)
		d.mu.Lock()
		if t, ok := d.answers[n]; ok {
			d.known[n] = t
		}
		d.mu.Unlock()
		done()
	}()
}

func (d *book) set(n resolve.Name, to ...netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[n] = udpTargets(to...)
}

func udpTargets(to ...netip.AddrPort) (out []resolve.Target) {
	for _, a := range to {
		out = append(out, resolve.Target{Addr: a})
	}
	return out
}

var (
	voice      = resolve.Name{Host: "voice.test"}
	addrVoice2 = at("10.0.1.11:5060")
	addrVoice3 = at("10.0.1.12:5060")
)

// named makes the primary a name that leads to its address and two more.
func (d *book) named(c *Config) {
	d.set(voice, addrPrimary, addrVoice2, addrVoice3)
	c.Names = d
	c.Servers[router.Primary].Peer = Peer{Name: "principal", Host: voice}
}

// atName runs f at a site whose primary is a name with three addresses.
func atName(t *testing.T, f func(b *bed, d *book, second, third *peer), settings ...setting) {
	t.Helper()
	d := newBook()
	run(t, func(b *bed) {
		f(b, d, b.peer("second", transport.UDP, addrVoice2), b.peer("third", transport.UDP, addrVoice3))
	}, append([]setting{d.named}, settings...)...)
}

// testBranchOfEachAttempt: three addresses, three branches, all of RFC 3261's
// form, and the same call.
func testBranchOfEachAttempt(t *testing.T) {
	atName(t, func(b *bed, _ *book, second, third *peer) {
		up := invite("b")
		b.ibx.send(up)
		b.ibx.take("100")
		seen := make(map[string]bool)
		for i, p := range []*peer{b.primary, second, third} {
			down := p.take("INVITE sip:5001@voice.test SIP/2.0")
			want(b, "cookie", strings.HasPrefix(branchOf(down), "z9hG4bK"), true)
			want(b, "used before", seen[branchOf(down)], false)
			seen[branchOf(down)] = true
			if i < 2 {
				p.send(answer(down, 503, "x"))
				p.take("ACK")
				continue
			}
			refuse(b, up, down, 404, p, b.ibx)
		}
		want(b, "tried as", b.record().Attempts, 1)
	})
}

// testNextAddress: what leads to the next address, and what stops there.
func testNextAddress(t *testing.T) {
	for _, r := range []struct {
		name string
		fail func(b *bed, down string)
	}{
		{"503", func(b *bed, down string) { b.primary.send(answer(down, 503, "x")); b.primary.take("ACK") }},
		{"503 after 100", func(b *bed, down string) {
			b.primary.send(answer(down, 100, ""))
			b.primary.send(answer(down, 503, "x"))
			b.primary.take("ACK")
		}},
		{"silence, for its share of progress_timeout", func(b *bed, _ string) { b.pass(700 * ms); b.primary.all() }},
	} {
		t.Run(r.name, func(t *testing.T) {
			atName(t, func(b *bed, _ *book, second, third *peer) {
				up := invite("n")
				b.ibx.send(up)
				b.ibx.take("100")
				second.silent()
				r.fail(b, b.primary.take("INVITE"))
				down := second.take("INVITE")
				b.lines(1, 0)
				second.send(accept(down, "p", "10.0.1.11"))
				ok := b.ibx.take("200")
				b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
				second.take("ACK sip:ivr@10.0.1.11:5060")
				third.silent()
				b.primary.all() // repeats of the silent one's INVITE are over
				b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
				second.send(answer(second.take("BYE"), 200, "x"))
				b.ibx.take("200")
			})
		})
	}
	t.Run("port unreachable", func(t *testing.T) {
		atName(t, func(b *bed, _ *book, second, _ *peer) {
			b.net.Refuse(addrPrimary)
			up := invite("n")
			b.ibx.send(up)
			b.ibx.take("100")
			refuse(b, up, second.take("INVITE"), 404, second, b.ibx)
		})
	})
	for _, status := range []int{404, 486, 500, 603} {
		t.Run("stops: "+strings.TrimSpace(startLine(answer(invite("x"), status, ""))[8:11]), func(t *testing.T) {
			atName(t, func(b *bed, _ *book, second, _ *peer) {
				up := invite("n")
				b.ibx.send(up)
				b.ibx.take("100")
				b.primary.send(answer(b.primary.take("INVITE"), status, "x"))
				b.primary.take("ACK")
				second.silent()
				b.ibx.send(ackNon2xx(up, b.ibx.take("")))
			}, observing)
		})
	}
	t.Run("a request that is no INVITE", func(t *testing.T) {
		atName(t, func(b *bed, _ *book, second, _ *peer) {
			b.ibx.send(plainRequest("MESSAGE", "m"))
			b.primary.take("MESSAGE")
			b.pass(4100 * ms)
			b.primary.all()
			b.ibx.take("100") // RFC 4320 §4.1
			second.send(answer(second.take("MESSAGE"), 200, "x"))
			b.ibx.take("200")
		})
	})
}

// testNoAddressLeft: only then is the branch over: refused when all refused.
func testNoAddressLeft(t *testing.T) {
	d := newBook()
	run(t, func(b *bed) {
		b.net.Refuse(addrPrimary)
		b.net.Refuse(addrSecondary)
		up := invite("n")
		b.ibx.send(up)
		b.ibx.take("100")
		b.ibx.send(ackNon2xx(up, b.ibx.take("500")))
		want(b, "reason", b.record().Reason, router.ReasonPortRefused)
		want(b, "further addresses", b.p.Stats.Retargeted.Load(), 1)
	}, d.named, observing, func(c *Config) { d.set(voice, addrPrimary, addrSecondary); c.Servers[router.Secondary] = Server{} })
}

// testSilentSpeaks: an address that was left because it was silent.
func testSilentSpeaks(t *testing.T) {
	t.Run("first: it has the call, the other is cancelled when it speaks", func(t *testing.T) {
		atName(t, func(b *bed, _ *book, second, third *peer) {
			up := invite("s")
			b.ibx.send(up)
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			b.pass(700 * ms)
			b.primary.all()
			other := second.take("INVITE")
			b.primary.send(answer(down, 180, "p"))
			b.ibx.take("180")
			second.send(answer(other, 180, "s"))
			cancel := second.take("CANCEL")
			want(b, "branch", branchOf(cancel), branchOf(other))
			second.send(answer(cancel, 200, "s"))
			second.send(answer(other, 487, "s"))
			second.take("ACK")
			b.ibx.silent()
			b.pass(time.Second)
			third.silent()
			b.primary.send(accept(down, "p", "10.0.1.1"))
			ok := b.ibx.take("200")
			b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
			b.primary.take("ACK")
			b.hangUp(ok)
		})
	})
	t.Run("second: it is cancelled", func(t *testing.T) {
		atName(t, func(b *bed, _ *book, second, _ *peer) {
			up := invite("s")
			b.ibx.send(up)
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			b.pass(700 * ms)
			b.primary.all()
			other := second.take("INVITE")
			second.send(answer(other, 180, "s"))
			b.ibx.take("180")
			b.primary.send(answer(down, 180, "p"))
			b.primary.take("CANCEL")
			b.ibx.silent()
			refuse(b, up, other, 404, second, b.ibx)
		})
	})
	t.Run("with a 2xx, when the other rings: it has the call", func(t *testing.T) {
		atName(t, func(b *bed, _ *book, second, _ *peer) {
			b.ibx.send(invite("s"))
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			b.pass(700 * ms)
			b.primary.all()
			other := second.take("INVITE")
			second.send(answer(other, 180, "s"))
			b.ibx.take("180")
			b.primary.send(accept(down, "p", "10.0.1.1"))
			ok := b.ibx.take("200")
			cancel := second.take("CANCEL")
			want(b, "Reason", header(cancel, "Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"")
			second.send(answer(other, 487, "s"))
			second.take("ACK")
			b.primary.send(accept(down, "p", "10.0.1.1")) // a repeat goes up too
			b.ibx.take("200")
			b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
			b.primary.take("ACK")
			b.hangUp(ok)
		})
	})
	t.Run("with a 503: acknowledged, and no more", func(t *testing.T) {
		atName(t, func(b *bed, _ *book, second, _ *peer) {
			up := invite("s")
			b.ibx.send(up)
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			b.pass(700 * ms)
			b.primary.all()
			other := second.take("INVITE")
			for range 2 {
				b.primary.send(answer(down, 503, "p"))
				b.primary.take("ACK")
			}
			refuse(b, up, other, 404, second, b.ibx)
		})
	})
}

// testSameTuple: the name leads elsewhere between INVITE and CANCEL, or ACK.
func testSameTuple(t *testing.T) {
	atName(t, func(b *bed, d *book, second, _ *peer) {
		flip := func(to netip.AddrPort) { d.set(voice, to); b.p.SetTargets(voice, udpTargets(to)) }
		up := invite("t")
		b.ibx.send(up)
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		b.primary.send(answer(down, 180, "p"))
		b.ibx.take("180")
		flip(addrVoice2)
		b.ibx.send(cancelOf(up))
		b.ibx.take("200")
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
		b.primary.send(answer(down, 487, "p"))
		b.primary.take("ACK")
		b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
		second.silent()

		up = invite("after") // a new call goes by the new answer
		b.ibx.send(up)
		b.ibx.take("100")
		refuse(b, up, second.take("INVITE"), 404, second, b.ibx)
		b.primary.silent()
		b.primary.send(outgoing("former", "10.0.1.1")) // the address it left is still the primary's
		b.primary.take("100")
		gone := b.ibx.take("INVITE")
		refuse(b, outgoing("former", "10.0.1.1"), gone, 404, b.ibx, b.primary)
	})
}

// testResponseByName: the IPBX placed its call over TCP, restarted behind
// another address, and is found by the name in its Via.
func testResponseByName(t *testing.T) {
	d := newBook()
	name := resolve.Name{Host: "pbx.test", Network: transport.TCP, Given: true}
	d.answers[name] = []resolve.Target{{Addr: addrIBX2, Network: transport.TCP}}
	run(t, func(b *bed) {
		tcp := b.talker("ibx over TCP", ends("10.0.0.1", "fd00::1")[2])
		up := with(invite("r"), "SIP/2.0/UDP 10.0.0.1:5060", "SIP/2.0/TCP pbx.test")
		tcp.say(up)
		want(b, "received", parameter(vias(tcp.hear("100"))[0], "received"), "10.0.0.1")
		down := b.primary.take("INVITE")
		tcp.peer.end.Close()
		moved := b.talker("ibx elsewhere", end{transport.TCP, addrIBX2, addrUs})
		b.primary.send(answer(down, 404, "p"))
		b.primary.take("ACK")
		b.pass(ms)
		final := moved.hear("404")
		moved.say(ackNon2xx(up, final))
		want(b, "look-ups", d.asked, 1)
	}, func(c *Config) { c.Names = d })
}

// testDialogByName: Contacts that are names.
func testDialogByName(t *testing.T) {
	phone := resolve.Name{Host: "phone.test", Port: 5060}
	established := func(b *bed) (down, ok string) {
		up := with(invite("d"), "Contact: <sip:0612345678@10.0.0.1:5060>", "Contact: <sip:0612345678@phone.test:5060>")
		b.ibx.send(up)
		b.ibx.take("100")
		down = b.primary.take("INVITE")
		b.primary.send(accept(down, "p", "10.0.1.1"))
		ok = b.ibx.take("200")
		b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
		b.primary.take("ACK")
		return down, ok
	}
	bye := func(b *bed, down string) string { return uas(down, "BYE", "bye", "p", 1, "10.0.1.1") }
	for _, r := range []struct {
		name    string
		answer  netip.AddrPort // not valid: none
		delay   time.Duration
		known   bool
		wait    time.Duration
		arrives netip.AddrPort
	}{
		{"known: at once", addrIBX2, 0, true, 0, addrIBX2},
		{"unknown: after its look-up", addrIBX2, 500 * ms, false, 500 * ms, addrIBX2},
		{"no such name: the configured far end", netip.AddrPort{}, 100 * ms, false, 100 * ms, addrIBX},
		{"DNS is silent: the configured far end after 2 s", addrIBX2, time.Minute, false, 2 * time.Second, addrIBX},
	} {
		t.Run(r.name, func(t *testing.T) {
			d := newBook()
			d.delay = r.delay
			if r.answer.IsValid() {
				d.answers[phone] = udpTargets(r.answer)
			}
			if r.known {
				d.set(phone, r.answer)
			}
			run(t, func(b *bed) {
				down, _ := established(b)
				raw := bye(b, down)
				b.primary.send(raw)
				if r.wait > 0 {
					b.ibx.silent()
					b.ibx2.silent()
					b.primary.send(raw) // a repeat waits with it
					b.pass(r.wait)
					want(b, "look-ups", d.asked, 1)
				}
				to := b.ibx
				if r.arrives == addrIBX2 {
					to = b.ibx2
				}
				to.send(answer(to.take("BYE sip:0612345678@phone.test:5060"), 200, "x"))
				b.primary.take("200")
				b.pass(time.Minute) // a late answer of DNS changes nothing
				b.ibx2.silent()
			}, func(c *Config) { c.Names = d })
		})
	}
	t.Run("unknown host and no token: 481, nothing is looked up", func(t *testing.T) {
		d := newBook()
		run(t, func(b *bed) {
			b.ibx.send(with(plainRequest("INFO", "x"), "INFO sip:5000@10.0.0.5:5060", "INFO sip:x@evil.test",
				"To: <sip:5000@10.0.0.5:5060>", "To: <sip:5000@10.0.0.5:5060>;tag=none"))
			b.ibx.take("481")
			want(b, "look-ups", d.asked, 0)
		}, func(c *Config) { c.Names = d })
	})
	t.Run("no token, a known name of a known peer", func(t *testing.T) {
		d := newBook()
		d.set(resolve.Name{Host: "one.voice.test"}, addrPrimary)
		run(t, func(b *bed) {
			b.ibx.send(with(plainRequest("INFO", "x"), "INFO sip:5000@10.0.0.5:5060", "INFO sip:ivr@one.voice.test",
				"To: <sip:5000@10.0.0.5:5060>", "To: <sip:5000@10.0.0.5:5060>;tag=none"))
			b.primary.send(answer(b.primary.take("INFO sip:ivr@one.voice.test"), 200, "x"))
			b.ibx.take("200")
		}, func(c *Config) { c.Names = d })
	})
	t.Run("an ACK waits too", func(t *testing.T) {
		d := newBook()
		d.delay = 300 * ms
		d.answers[resolve.Name{Host: "ivr.test", Port: 5060}] = udpTargets(addrPrimary)
		run(t, func(b *bed) {
			b.ibx.send(invite("d"))
			b.ibx.take("100")
			b.primary.send(accept(b.primary.take("INVITE"), "p", "ivr.test"))
			ok := b.ibx.take("200")
			b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
			b.primary.silent()
			b.pass(300 * ms)
			b.primary.take("ACK sip:ivr@ivr.test:5060")
			b.hangUp(ok)
		}, func(c *Config) { c.Names = d })
	})
	t.Run("too many wait: the configured far end at once", func(t *testing.T) {
		d := newBook()
		d.delay = time.Minute
		run(t, func(b *bed) {
			down, _ := established(b)
			s := b.p.shards[b.p.hash([]byte("d@10.0.0.1"))%uint64(len(b.p.shards))]
			s.mu.Lock()
			for i := range uint64(maxParked) {
				s.parked[i] = &parked{timer: time.NewTimer(time.Hour)}
			}
			s.mu.Unlock()
			b.primary.send(bye(b, down))
			b.ibx.send(answer(b.ibx.take("BYE"), 200, "x"))
			b.primary.take("200")
			want(b, "look-ups", d.asked, 0)
			want(b, "counted", b.p.Stats.NotParked.Load(), 1)
		}, func(c *Config) { c.Names = d })
	})
}

// TestStaleNameServesOn: DNS forgot the name of a server while calls go on.
func TestStaleNameServesOn(t *testing.T) {
	atName(t, func(b *bed, d *book, _, _ *peer) {
		d.mu.Lock()
		clear(d.known)
		d.mu.Unlock()
		b.p.SetTargets(voice, nil)
		up, down := b.call("stale")
		refuse(b, up, down, 404, b.primary, b.ibx)
	})
}

// TestNameUnknownAtTheStart: no address yet is a failed branch, and no panic.
func TestNameUnknownAtTheStart(t *testing.T) {
	d := newBook()
	run(t, func(b *bed) {
		up := invite("u")
		b.ibx.send(up)
		b.ibx.take("100")
		b.ibx.send(ackNon2xx(up, b.ibx.take("500")))
		want(b, "known", b.p.Known(addrPrimary.Addr()), false)
		b.p.SetTargets(resolve.Name{Host: "VOICE.test."}, udpTargets(addrPrimary))
		want(b, "known", b.p.Known(addrPrimary.Addr()), true)
		synctest.Wait()
		up, down := b.call("v")
		refuse(b, up, down, 404, b.primary, b.ibx)
	}, observing, func(c *Config) {
		c.Names = d
		c.Servers[router.Primary].Peer = Peer{Name: "principal", Host: voice}
	})
}

// TestTheEndOfAFormerConnectionIsNoBrokenCall: it is told when the call went by the
// next one already; the server got the INVITE twice, and its first answer was lost.
func TestTheEndOfAFormerConnectionIsNoBrokenCall(t *testing.T) {
	run(t, func(b *bed) {
		server := b.talker("primary", ends("10.0.1.1", "fd00::101")[2])
		b.conn.Store(8)
		up := invite("once")
		b.ibx.send(up)
		b.ibx.take("100")
		first := server.hear("INVITE")
		b.p.Failed(transport.Flow{Network: transport.TCP, Listener: 1, Remote: addrPrimary, Conn: 7}, transport.ConnectionLost)
		b.pass(ms)
		server.say(answer(first, 180, "p"))
		b.ibx.take("180")
		server.say(answer(first, 404, "p"))
		server.hear("ACK")
		b.ibx.send(ackNon2xx(up, b.ibx.take("404")))
		want(b, "overflows", b.overflows, 0)
	}, overTCP)
}

// TestCallOnABrokenConnectionIsPlacedAgain: a connection that ended under an
// INVITE had the call refused, though the server lived: it is sent once more, on
// a new connection with a new branch.
func TestCallOnABrokenConnectionIsPlacedAgain(t *testing.T) {
	run(t, func(b *bed) {
		server := b.talker("primary", ends("10.0.1.1", "fd00::101")[2])
		b.conn.Store(7)
		up := invite("again")
		b.ibx.send(up)
		b.ibx.take("100")
		first := server.hear("INVITE")
		b.p.Failed(transport.Flow{Network: transport.TCP, Listener: 1, Remote: addrPrimary, Conn: 7}, transport.ConnectionLost)
		second := server.hear("INVITE")
		want(b, "another branch", branchOf(first) != branchOf(second), true)
		want(b, "overflows", b.overflows, 0)
		server.say(answer(second, 404, "p"))
		server.hear("ACK")
		b.ibx.send(ackNon2xx(up, b.ibx.take("404")))
	}, overTCP)
}
