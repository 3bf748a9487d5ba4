package proxy

import (
	"strings"
	"testing"
)

// routeless is a request of a UA that ignores Record-Route.
func routeless(raw string) string {
	var out []string
	for _, l := range strings.Split(raw, "\r\n") {
		if !strings.HasPrefix(l, "Route:") {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\r\n")
}

func rewriting(m *Manners) { m.RewriteContact = true }

// testRewritten: to an IPBX that ignores Record-Route the Contact of the server
// names us; what it sends there reaches the server's real Contact, by the
// signature alone; the server sees the IPBX's own.
func testRewritten(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.ring("a")
		want(b, "the caller's Contact", header(down, "Contact"), "<sip:0612345678@10.0.0.1:5060>")
		ok200 := answer(down, 200, "p-a", "Contact: \"Accueil\" <sip:ivr@10.0.1.1:5060;ob>;+sip.instance=\"<urn:uuid:1>\"")
		b.primary.send(ok200)
		ok := b.ibx.take("200")
		contact := header(ok, "Contact")
		if !strings.HasPrefix(contact, "\"Accueil\" <sip:rlv-") || !strings.HasSuffix(contact, "@10.0.0.5:5060>;+sip.instance=\"<urn:uuid:1>\"") {
			b.Fatalf("Contact %s", contact)
		}
		b.ibx.send(routeless(uac(ok, "ACK", "ack", 1, "10.0.0.1")))
		b.primary.take("ACK sip:ivr@10.0.1.1:5060;ob SIP/2.0")
		b.primary.send(ok200) // its repeat says the same
		want(b, "Contact of the repeat", header(b.ibx.take("200"), "Contact"), contact)
		b.ibx.send(routeless(uac(ok, "ACK", "ack", 1, "10.0.0.1")))
		b.primary.take("ACK")

		// A target refresh by the server, and the IPBX's own.
		b.primary.send(with(uas(down, "UPDATE", "up", "p-a", 1, "10.0.1.1"), "Contact: <sip:ivr@10.0.1.1:5060>", "Contact: <sip:other@10.0.1.1:5060>"))
		update := b.ibx.take("UPDATE sip:0612345678@10.0.0.1:5060 SIP/2.0")
		refreshed := uriIn(header(update, "Contact"))
		if !strings.HasPrefix(refreshed, "sip:rlv-") || refreshed == uriIn(contact) {
			b.Fatalf("refreshed to %s", refreshed)
		}
		b.ibx.send(answer(update, 200, "", "Contact: <sip:new@10.0.0.1:5060>"))
		want(b, "the IPBX's Contact", header(b.primary.take("200"), "Contact"), "<sip:new@10.0.0.1:5060>")
		b.ibx.send(with(routeless(uac(ok, "INVITE", "re", 2, "10.0.0.1")), uriIn(contact), refreshed))
		b.ibx.take("100")
		re := b.primary.take("INVITE sip:other@10.0.1.1:5060 SIP/2.0")
		b.primary.send(answer(re, 200, "", "Contact: <sip:third@10.0.1.1:5060>"))
		third := uriIn(header(b.ibx.take("200"), "Contact"))
		b.ibx.send(with(routeless(uac(ok, "ACK", "reack", 2, "10.0.0.1")), uriIn(contact), third))
		b.primary.take("ACK sip:third@10.0.1.1:5060 SIP/2.0")

		// A node that knows nothing of the call.
		b.restart()
		forged := strings.Replace(third, third[20:24], "AAAA", 1)
		b.ibx.send(with(routeless(uac(ok, "BYE", "forged", 3, "10.0.0.1")), uriIn(contact), forged))
		b.ibx.take("481")
		b.primary.silent()
		b.ibx.send(with(routeless(uac(ok, "BYE", "bye", 4, "10.0.0.1")), uriIn(contact), third))
		b.primary.send(answer(b.primary.take("BYE sip:third@10.0.1.1:5060 SIP/2.0"), 200, ""))
		b.ibx.take("200")
	}, manner(rewriting), func(c *Config) { c.IPBXs[1].Manners = Manners{Status: 486} })
}

// testRewrittenOutgoing: likewise for a call that the server places; the other
// IPBX, which follows Record-Route, sees the server's own Contact.
func testRewrittenOutgoing(t *testing.T) {
	run(t, func(b *bed) {
		b.primary.send(outgoing("o", "10.0.1.1"))
		b.primary.take("100")
		down := b.ibx.take("INVITE")
		if !strings.HasPrefix(uriIn(header(down, "Contact")), "sip:rlv-") {
			b.Fatalf("Contact %s", header(down, "Contact"))
		}
		b.ibx.send(answer(down, 503, "x"))
		b.ibx.take("ACK")
		plain := b.ibx2.take("INVITE")
		want(b, "Contact", header(plain, "Contact"), "<sip:5001@10.0.1.1:5060>")
		b.ibx2.send(answer(plain, 486, "y"))
		b.ibx2.take("ACK")
		b.primary.take("486")

		b.primary.send(outgoing("p", "10.0.1.1"))
		b.primary.take("100")
		down = b.ibx.take("INVITE")
		b.ibx.send(answer(down, 200, "ib", "Contact: <sip:tel@10.0.0.1:5060>"))
		ok := b.primary.take("200")
		want(b, "Contact", header(ok, "Contact"), "<sip:tel@10.0.0.1:5060>")
		b.primary.send(uac(ok, "ACK", "ack", 1, "10.0.1.1"))
		b.ibx.take("ACK")
		b.ibx.send(routeless(uas(down, "BYE", "bye", "ib", 1, "10.0.0.1")))
		b.primary.send(answer(b.primary.take("BYE sip:5001@10.0.1.1:5060"), 200, ""))
		b.ibx.take("200")
	}, manner(rewriting), func(c *Config) { c.IPBXs[1].Manners = Manners{Status: 486} })
}
