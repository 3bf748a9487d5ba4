package proxy

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
)

// TestPanicEndsOneCall plants a panic in every stage that a message or a clock
// goes through: the process lives, it is counted and told, and each shard goes
// on with the next call.
func TestPanicEndsOneCall(t *testing.T) {
	boom := func() { panic("planted") }
	once := func() func() {
		var done atomic.Bool
		return func() {
			if !done.Swap(true) {
				boom()
			}
		}
	}
	for _, c := range []struct {
		name   string
		plant  func(b *bed)
		play   func(b *bed) // up to the panic
		heal   func(b *bed)
		panics uint64
	}{
		{
			"reading a message",
			func(b *bed) { b.p.heads.New = func() any { return (*message.Head)(nil) } },
			func(b *bed) { b.ibx.send(invite("x")) },
			func(b *bed) { b.p.heads.New = func() any { return new(message.Head) } },
			1,
		},
		{
			"the agent's response",
			func(b *bed) {
				o, f := b.p.hooks.Own, once()
				b.p.hooks.Own = func(raw []byte, h *message.Head) bool { f(); return o(raw, h) }
			},
			func(b *bed) {
				b.ibx.send(invite("x"))
				b.primary.send(answer(b.primary.take("INVITE"), 404, "p"))
				b.pass(ms)
				b.primary.all()
			},
			nil, 1,
		},
		{
			"sending a response",
			func(b *bed) { f := once(); b.onSend = func([]byte) { f() } },
			func(b *bed) { b.ibx.send(invite("x")) },
			nil, 1,
		},
		{
			"sending a request, and the answer that a panic leaves",
			func(b *bed) {
				b.onSend = func(raw []byte) {
					if strings.HasPrefix(string(raw), "INVITE") || strings.HasPrefix(string(raw), "SIP/2.0 500") {
						boom()
					}
				}
			},
			func(b *bed) { b.ibx.send(invite("x")) },
			func(b *bed) { b.onSend = nil },
			1,
		},
		{
			"a clock",
			func(b *bed) {
				b.onSend = func(raw []byte) {
					if b.now() > 0 && strings.HasPrefix(string(raw), "INVITE") {
						boom()
					}
				}
			},
			func(b *bed) { b.ibx.send(invite("x")); b.pass(time.Second) },
			func(b *bed) { b.onSend = nil },
			1,
		},
		{
			"telling control of an overflow",
			func(b *bed) { f := once(); b.onHold = f },
			func(b *bed) { b.refusedBy("x", 500) },
			nil, 1,
		},
		{
			"telling control that a call was served",
			func(b *bed) { f := once(); b.p.hooks.Served = func(router.Server) { f() } },
			func(b *bed) {
				b.verify()
				_, down := b.ring("x")
				b.primary.send(accept(down, "p-x", "10.0.1.1"))
				b.dissuade(router.VerdictHealthy)
			},
			nil, 1,
		},
		{
			"recording a call, again and again",
			func(b *bed) { b.p.hooks.Record = func(router.CallRecord) { boom() } },
			func(b *bed) { b.refusedBy("x", 404); b.pass(time.Minute) },
			func(b *bed) { b.p.hooks.Record = nil },
			1,
		},
		{
			"closing a call that lasted too long",
			func(b *bed) { b.p.hooks.Record = func(router.CallRecord) { boom() } },
			func(b *bed) { b.establish("x"); b.pass(3 * time.Minute) },
			func(b *bed) { b.p.hooks.Record = nil },
			1,
		},
		{
			"a passive server's call",
			func(b *bed) { f := once(); b.p.hooks.PassiveCall = func(router.Server) { f() } },
			func(b *bed) { b.secondary.send(outgoing("x", "10.0.1.2")) },
			nil, 1,
		},
		{
			"a server's REGISTER",
			func(b *bed) { f := once(); b.p.hooks.Registered = func(router.Server, int) { f() } },
			func(b *bed) {
				b.primary.send(adding(with(outgoing("r", "10.0.1.1"), "INVITE sip:0145000000@", "REGISTER sip:", "1 INVITE", "1 REGISTER"), "Expires: 60"))
			},
			nil, 1,
		},
		{
			"a late 2xx",
			func(b *bed) {
				f := once()
				b.p.hooks.Dismiss = func(transport.Flow, []byte, []byte, bool) { f() }
			},
			func(b *bed) {
				up, down := b.ring("x")
				b.pass(8 * time.Second)
				b.verify()
				b.pass(20 * time.Second)
				b.ibx.send(ackNon2xx(up, b.ibx.take("486")))
				b.primary.send(accept(down, "p-x", "10.0.1.1"))
			},
			nil, 1,
		},
		{
			"the report of a panic",
			func(b *bed) {
				f := once()
				b.onSend = func([]byte) { f() }
				b.p.hooks.Fault = func(string, string) { boom() }
			},
			func(b *bed) { b.ibx.send(invite("x")) },
			nil, 1,
		},
		{
			"a stranger's refusal",
			func(b *bed) { f := once(); b.onSend = func([]byte) { f() } },
			func(b *bed) { b.p.Refuse(transport.Flow{Remote: addrStranger}, []byte(invite("x"))) },
			nil, 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(b *bed) {
				b.panics, b.lost = c.panics, true
				c.plant(b)
				c.play(b)
				b.pass(ms)
				want(b, "panics", b.p.Stats.Panics.Load(), c.panics)
				if c.heal != nil {
					c.heal(b)
				}
				for _, p := range []*peer{b.ibx, b.primary, b.secondary} {
					p.all()
				}
				for i := range 6 { // some in each shard
					_, ok := b.establish(fmt.Sprint("after-", i))
					b.hangUp(ok)
				}
			}, func(c *Config) { c.MaxDuration = 2 * time.Minute })
		})
	}
}
