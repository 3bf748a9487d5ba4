package proxy

import (
	"testing"
)

// testCancelOfAnother: a CANCEL counts only from the hop that sent the INVITE.
func testCancelOfAnother(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.ring("a")
		b.ibx2.send(cancelOf(up))
		b.ibx2.all()
		b.primary.silent()
		b.stranger.send(cancelOf(up))
		b.primary.silent()
		b.ibx.all() // a 481 for the forged one goes to the Via's port at its source, never here
		b.ibx.send(cancelOf(up))
		b.ibx.take("200")
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p-a"))
		b.primary.send(answer(down, 487, "p-a"))
		b.primary.take("ACK")
		b.ibx.take("487")
	})
}

// testSpoofed: BYE, CANCEL and REGISTER of strangers do nothing, REGISTER of an
// IPBX is refused.
func testSpoofed(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("a")
		b.stranger.send(uac(ok, "BYE", "forged", 2, "10.0.0.1"))
		b.stranger.send(with(plainRequest("REGISTER", "r"), "sip:5000@", "sip:"))
		b.lines(1, 0)
		b.primary.silent()
		b.stranger.silent()
		b.ibx.silent()
		b.ibx.send(with(plainRequest("REGISTER", "r2"), "sip:5000@", "sip:"))
		b.ibx.take("403")
		b.hangUp(ok)
	})
}

// testForgedVia: whatever a Via says, the answer goes to the datagram's source,
// and a Route to a stranger is not followed.
func testForgedVia(t *testing.T) {
	run(t, func(b *bed) {
		b.ibx.send(with(plainRequest("OPTIONS", "v"), "10.0.0.1:5060;branch", "192.0.2.66:5060;received=192.0.2.66;rport=5060;maddr=192.0.2.66;branch"))
		b.ibx.take("200")
		b.stranger.silent()
		b.ibx.send(adding(with(plainRequest("BYE", "b"), "To: <sip:5000@10.0.0.5:5060>", "To: <sip:5000@10.0.0.5:5060>;tag=x"), "Route: <sip:192.0.2.66;lr>"))
		b.ibx.take("481")
		b.stranger.silent()
	})
}

// testDigestURI: a Request-URI that the server addressed to the IPBX stays as it
// is, so that the digest computed over it does.
func testDigestURI(t *testing.T) {
	run(t, func(b *bed) {
		const uri = "sip:0145000000@10.0.0.1:5060;user=phone"
		const digest = `Digest username="5001", realm="oxe", nonce="n", uri="` + uri + `", response="0"`
		b.primary.send(adding(with(outgoing("o", "10.0.1.1"), "sip:0145000000@10.0.0.5:5060 SIP", uri+" SIP"), "Proxy-Authorization: "+digest))
		b.primary.take("100")
		down := b.ibx.take("INVITE " + uri + " SIP/2.0")
		want(b, "credentials", header(down, "Proxy-Authorization"), digest)
		b.ibx.send(answer(down, 486, "x"))
		b.ibx.take("ACK")
		b.primary.take("486")
	})
}

// testIdentityKept: between peers that we know, identity and privacy pass.
func testIdentityKept(t *testing.T) {
	run(t, func(b *bed) {
		b.ibx.send(adding(invite("a"), "P-Asserted-Identity: \"X\" <sip:06@10.0.0.1>, <tel:+336>", "Privacy: id;critical"))
		b.ibx.take("100")
		down := b.primary.take("INVITE")
		want(b, "identity", header(down, "P-Asserted-Identity"), "\"X\" <sip:06@10.0.0.1>, <tel:+336>")
		want(b, "privacy", header(down, "Privacy"), "id;critical")
		b.primary.send(answer(down, 404, "p"))
		b.primary.take("ACK")
		b.ibx.take("404")
	})
}
