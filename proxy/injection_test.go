package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/router"
)

// evils are what an attacker puts into a value: line ends that would begin a
// header of his, bare ones, NUL, and their escaped forms, which must stay so.
var evils = []string{
	"\r\nX-Injected: 1", "\nX-Injected: 1", "\rX-Injected: 1", "\x00X-Injected: 1", "\r\n X-Injected: 1", "\r\n\r\nX-Injected: 1",
	"%0d%0aX-Injected:%201", "\\\r\nX-Injected: 1", "\">\r\nX-Injected: 1",
}

// TestNoHeaderInjection puts each of them into every value that we copy into a
// message of our own making or into a header that we write. A line that the
// sender wrote himself may be forwarded as his; nothing that we write holds it.
// Whatever we send must scan as one message: the harness checks each.
func TestNoHeaderInjection(t *testing.T) {
	register := func(evil string) string {
		return adding(with(outgoing("r", "10.0.1.1"), "INVITE sip:0145000000@", "REGISTER sip:", "1 INVITE", "1 REGISTER",
			"<sip:5001@10.0.1.1:5060>", "<sip:5001@10.0.1.1:5060"+evil+">;expires=60"), "Expires: 60")
	}
	for _, place := range []struct {
		name string
		play func(b *bed, evil string)
	}{
		{"the user of the Request-URI", func(b *bed, evil string) {
			b.ibx.send(with(invite("a"), "sip:5000@10.0.0.5:5060 SIP", "sip:5000"+evil+"@10.0.0.5:5060 SIP"))
		}},
		{"a parameter of the Request-URI", func(b *bed, evil string) {
			b.ibx.send(with(invite("a"), "sip:5000@10.0.0.5:5060 SIP", "sip:5000@10.0.0.5:5060;p="+evil+" SIP"))
		}},
		{"the method", func(b *bed, evil string) {
			b.ibx.send(with(invite("a"), "INVITE sip", "INV"+evil+"ITE sip"))
		}},
		{"the From tag", func(b *bed, evil string) { b.ibx.send(with(invite("a"), ";tag=from-a", ";tag=from"+evil)) }},
		{"the display name", func(b *bed, evil string) { b.ibx.send(with(invite("a"), "Dr. Noé", "Dr."+evil)) }},
		{"the To", func(b *bed, evil string) {
			b.ibx.send(with(invite("a"), "To: <sip:5000@10.0.0.5:5060>", "To: <sip:5000@10.0.0.5:5060>;tag="+evil))
		}},
		{"the Call-ID", func(b *bed, evil string) { b.ibx.send(with(invite("a"), "Call-ID: a@", "Call-ID: a"+evil+"@")) }},
		{"the branch", func(b *bed, evil string) { b.ibx.send(with(invite("a"), "branch=z9hG4bK-a", "branch=z9hG4bK-a"+evil)) }},
		{"the caller's Contact", func(b *bed, evil string) {
			b.ibx.send(with(invite("a"), "<sip:0612345678@10.0.0.1:5060>", "<sip:06"+evil+"@10.0.0.1:5060>"))
		}},
		{"Timestamp", func(b *bed, evil string) { b.ibx.send(adding(invite("a"), "Timestamp: 54"+evil)) }},
		{"Proxy-Require", func(b *bed, evil string) { b.ibx.send(adding(invite("a"), "Proxy-Require: foo"+evil)) }},
		{"Referred-By", func(b *bed, evil string) { b.ibx.send(adding(invite("a"), "Referred-By: <sip:x"+evil+"@y>")) }},
		{"the Diversion that came", func(b *bed, evil string) {
			b.ibx.send(adding(invite("a"), "Diversion: <sip:x"+evil+"@y>"))
		}},
		{"the History-Info that came", func(b *bed, evil string) {
			b.ibx.send(adding(invite("a"), "History-Info: <sip:x@y>;index=1"+evil))
		}},
		{"Replaces", func(b *bed, evil string) { b.ibx.send(adding(invite("a"), "Replaces: x"+evil+";to-tag=a;from-tag=b")) }},
		{"a Contact to be registered", func(b *bed, evil string) { b.primary.send(register(evil)) }},
		{"the Contact of a server", func(b *bed, evil string) {
			b.ibx.send(invite("a"))
			for _, m := range b.primary.all() {
				b.primary.send(answer(m.raw, 200, "p", "Contact: <sip:ivr"+evil+"@10.0.1.1:5060>"))
			}
		}},
		{"the Contact of a redirection", func(b *bed, evil string) {
			b.ibx.send(invite("a"))
			for _, m := range b.primary.all() {
				b.primary.send(answer(m.raw, 302, "p", "Contact: <sip:ivr"+evil+"@10.0.1.1:5060>"))
			}
		}},
		{"the tag of a server", func(b *bed, evil string) {
			b.ibx.send(invite("a"))
			for _, m := range b.primary.all() {
				b.primary.send(answer(m.raw, 401, "p"+evil))
			}
		}},
		{"the challenge of a server", func(b *bed, evil string) {
			b.ibx.send(invite("a"))
			for _, m := range b.primary.all() {
				b.primary.send(answer(m.raw, 401, "p", "WWW-Authenticate: Digest realm=\"x"+evil+"\""))
			}
		}},
		{"the Reason of a CANCEL", func(b *bed, evil string) {
			up, _ := b.ring("a")
			b.ibx.send(cancelOf(up, "Reason: SIP;cause=200;text=\"x"+evil+"\""))
		}},
	} {
		t.Run(place.name, func(t *testing.T) {
			for _, evil := range evils {
				run(t, func(b *bed) {
					b.lost = true
					place.play(b, evil)
					b.pass(9 * time.Second) // an overflow, and its marks
					b.switchover()
					b.pass(time.Minute)
					for _, p := range []*peer{b.ibx, b.ibx2, b.primary, b.secondary} {
						for _, m := range p.all() {
							b.clean(m.raw, evil)
						}
					}
				}, manner(func(m *Manners) { marking(m); rewriting(m) }), func(c *Config) { c.MaxDuration = 30 * time.Second })
			}
		})
	}
}

// clean checks a message that we sent while someone injected.
func (b *bed) clean(raw, evil string) {
	b.Helper()
	ours := strings.HasPrefix(raw, "SIP/2.0 ") && !strings.Contains(startLine(raw), "Whatever") ||
		strings.HasPrefix(raw, "CANCEL ") || strings.HasPrefix(raw, "ACK ")
	if ours && len(headers(raw, "X-Injected")) > 0 {
		b.Errorf("%q went into a message of ours:\n%s", evil, raw)
	}
	for _, name := range []string{"Diversion", "History-Info", "Via", "Record-Route", "Reason", "Unsupported"} {
		for _, v := range headers(raw, name) {
			if strings.ContainsAny(v, "\r\n\x00") {
				b.Errorf("%q went into %s:\n%s", evil, name, raw)
			}
		}
	}
	if n := len(headers(raw, "X-Injected")); n > 1 {
		b.Errorf("%q came out %d times:\n%s", evil, n, raw)
	}
}

// TestNoInjectionFromConfig: what a wrong file says cannot become a header
// either: such a message is not sent at all.
func TestNoInjectionFromConfig(t *testing.T) {
	for _, place := range []struct {
		name string
		set  func(c *Config, evil string)
	}{
		{"the user of a server", func(c *Config, evil string) { c.Servers[router.Primary].User = "5001" + evil }},
		{"the rescue", func(c *Config, evil string) { withDesk(c); c.RescueURI = "sip:9" + evil + "@10.0.0.2" }},
		{"the rescue by redirection", func(c *Config, evil string) {
			withDesk(c)
			manner(func(m *Manners) { m.RedirectRescue = true })(c)
			c.RescueURI = "sip:9" + evil + "@10.0.0.2"
		}},
		{"the secondary's user, marked", func(c *Config, evil string) {
			c.Servers[router.Secondary].User = "5002" + evil
			manner(marking)(c)
		}},
	} {
		for i, evil := range evils {
			if strings.HasPrefix(evil, "%") {
				continue
			}
			t.Run(fmt.Sprint(place.name, " ", i), func(t *testing.T) {
				run(t, func(b *bed) {
					b.lost = true
					b.onSend = func(raw []byte) {
						if len(raw) == 0 {
							b.Error("sent an empty message")
						}
					}
					b.ibx.send(invite("a"))
					for _, m := range b.primary.all() {
						b.primary.send(answer(m.raw, 500, "p"))
					}
					b.switchover()
					b.pass(time.Minute)
					for _, p := range []*peer{b.ibx, b.ibx2, b.primary, b.secondary} {
						for _, m := range p.all() {
							if m.raw == "" || strings.Contains(m.raw, "X-Injected") {
								b.Errorf("%s received %q", p.name, m.raw)
							}
						}
					}
				}, func(c *Config) { place.set(c, evil) })
			})
		}
	}
}
