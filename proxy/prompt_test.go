package proxy

import (
	"strings"
	"testing"
	"time"

	"releve/router"
)

// playing is a prompt that every offer takes but one without audio.
type playing struct{ begun, ended int }

const promptAnswer = "v=0\r\nm=audio 4000 RTP/AVP 8\r\n"

func (b *bed) plays() *playing {
	x := &playing{}
	b.p.hooks.Prompt = func(offer []byte) ([]byte, func()) {
		if strings.Contains(string(offer), "m=video") {
			return nil, nil
		}
		x.begun++
		over := false
		return []byte(promptAnswer), func() {
			if !over {
				over = true
				x.ended++
			}
		}
	}
	return x
}

func (x *playing) was(b *bed, begun, ended int) {
	b.Helper()
	b.pass(0)
	if x.begun != begun || x.ended != ended {
		b.Fatalf("begun %d times, ended %d times; want %d and %d", x.begun, x.ended, begun, ended)
	}
}

// TestHoldPrompt: a held caller hears early media of ours, in an early dialog of ours,
// until his call is given to a server or ends.
func TestHoldPrompt(t *testing.T) {
	prompt := func(c *Config) { c.Policy.Prompt = true }
	t.Run("183 with our answer, until the secondary is given the call, whose tag is another", func(t *testing.T) {
		run(t, func(b *bed) {
			x := b.plays()
			b.refusedBy("p1", 500)
			early := b.ibx.take("183")
			want(b, "Content-Type", header(early, "Content-Type"), "application/sdp")
			want(b, "body", early[strings.Index(early, "\r\n\r\n")+4:], promptAnswer)
			want(b, "Contact", header(early, "Contact"), "<sip:10.0.0.5:5060>")
			ours := parameter(header(early, "To"), "tag")
			want(b, "a tag of ours", strings.HasPrefix(ours, ownTag), true)
			x.was(b, 1, 0)
			b.switchover()
			down := b.secondary.take("INVITE")
			b.secondary.send(answer(down, 180, "s"))
			b.ibx.take("180")
			x.was(b, 1, 0)
			b.secondary.send(accept(down, "s", b.secondary.addr.Addr().String()))
			ok := b.ibx.take("200")
			x.was(b, 1, 1)
			want(b, "another tag (RFC 3261 §12.1)", parameter(header(ok, "To"), "tag"), "s")
			b.ibx.send(uac(ok, "ACK", "ack-p1", 1, "10.0.0.1"))
			b.secondary.take("ACK")
			b.ibx.send(uac(ok, "BYE", "bye-p1", 2, "10.0.0.1"))
			b.secondary.send(answer(b.secondary.take("BYE"), 200, "x"))
			b.ibx.take("200")
			x.was(b, 1, 1)
		}, prompt)
	})
	t.Run("the caller hangs up", func(t *testing.T) {
		run(t, func(b *bed) {
			x := b.plays()
			up := b.refusedBy("p2", 500)
			b.ibx.take("183")
			b.ibx.send(cancelOf(up))
			b.ibx.take("200")
			b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
			x.was(b, 1, 1)
		}, prompt)
	})
	t.Run("an offer in the early dialog is refused, and the prompt goes on", func(t *testing.T) {
		run(t, func(b *bed) {
			x := b.plays()
			up := b.refusedBy("p3", 500)
			early := b.ibx.take("183")
			update := with(uac(early, "UPDATE", "upd-p3", 2, "10.0.0.1"), "Content-Length: 0\r\n\r\n", "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n")
			b.ibx.send(update)
			b.ibx.take("488")
			x.was(b, 1, 0)
			b.ibx.send(uac(early, "BYE", "bye-p3", 3, "10.0.0.1"))
			b.ibx.take("200")
			b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
			x.was(b, 1, 1)
		}, prompt)
	})
	t.Run("the primary answers after all", func(t *testing.T) {
		run(t, func(b *bed) {
			x := b.plays()
			b.ibx.send(invite("p4"))
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			b.primary.send(answer(down, 100, ""))
			b.pass(9 * time.Second) // answer_timeout
			b.ibx.take("183")
			x.was(b, 1, 0)
			b.primary.send(accept(down, "p", b.primary.addr.Addr().String()))
			ok := b.ibx.take("200")
			x.was(b, 1, 1)
			b.ibx.send(uac(ok, "ACK", "ack-p4", 1, "10.0.0.1"))
			b.primary.take("ACK")
			b.ibx.send(uac(ok, "BYE", "bye-p4", 2, "10.0.0.1"))
			b.primary.send(answer(b.primary.take("BYE"), 200, "x"))
			b.ibx.take("200")
		}, prompt)
	})
	refused := func(name string, raw func(id string) string, signal uint16, status string) {
		t.Run(name, func(t *testing.T) {
			run(t, func(b *bed) {
				x := b.plays()
				up := raw("q")
				b.ibx.send(up)
				b.ibx.take("100")
				b.primary.send(answer(b.primary.take("INVITE"), 500, "p"))
				b.primary.take("ACK")
				if status == "" {
					b.ibx.silent()
				} else if plain := b.ibx.take(status); !strings.HasSuffix(plain, "\r\nContent-Length: 0\r\n\r\n") {
					b.Errorf("got\n%s", plain)
				}
				x.was(b, 0, 0)
				b.ibx.send(cancelOf(up))
				b.ibx.take("200")
				b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
			}, prompt, func(c *Config) { c.Policy.HoldSignal = signal })
		})
	}
	video := func(id string) string {
		return with(invite(id), "Content-Length: 5\r\n\r\nv=0\r\n", "Content-Length: 28\r\n\r\nv=0\r\nm=video 4 RTP/AVP 96\r\n\r")
	}
	refused("an offer without G.711: the plain signal", video, 182, "182")
	refused("an offer without G.711, and no plain signal", video, 0, "")
	refused("a body that is no SDP alone", func(id string) string {
		return with(invite(id), "application/sdp", "multipart/mixed;boundary=x")
	}, 180, "180")
	refused("no offer", func(id string) string {
		return with(invite(id), "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n", "Content-Length: 0\r\n\r\n")
	}, 183, "183")
	refused("100rel is required", func(id string) string { return adding(invite(id), "Require: 100rel") }, 182, "")
}

// Whatever ends a call ends its prompt.
func TestHoldPromptEndsWithAFault(t *testing.T) {
	run(t, func(b *bed) {
		x := b.plays()
		up := b.refusedBy("f", 500)
		b.ibx.take("183")
		b.verify()
		b.view(func(v *router.View) { v.Phase, v.Verifying, v.Ruling = router.BothDown, false, router.RuleRescue })
		b.ibx.send(ackNon2xx(up, b.ibx.take("500")))
		x.was(b, 1, 1)
	}, func(c *Config) { c.Policy.Prompt, c.RescueURI, c.Policy.Rescue = true, "", false })
}
