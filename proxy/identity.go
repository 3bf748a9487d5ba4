package proxy

import (
	"bytes"

	"releve/proxy/message"
	"releve/router"
)

// Who a server's calls come from, for the IPBX. From and To are the server's own
// and stay as they are; the identity is asserted beside them (RFC 3325). Where the
// IPBX reads nothing but From, the URI there is replaced in all that the server
// sends within the call, and put back in all that the IPBX sends:
//
//	server ── From: A ──► us ── From: B ──► IPBX        requests of the server,
//	       ◄─ From: A ───    ◄─ From: B ───             and their responses
//	       ◄─ To: A ─────    ◄─ To: B ─────             requests of the IPBX,
//	       ── To: A ────►    ── To: B ────►             and their responses
//
// Tags and display names stay, so both ends see one dialog. The token in our
// Record-Route carries A; B is configured: a node that just started does it too. Our
// choices: a caller who is anonymous stays so (the identity is asserted instead),
// and a URI too long for the token is not replaced.

// identity is the URI that calls of a server come from at an IPBX; empty: none is
// configured.
func (p *Proxy) identity(s router.Server, ipbx uint8) string {
	if int(ipbx) >= len(p.cfg().IPBXs) || s >= router.Servers {
		return ""
	}
	return p.cfg().IPBXs[ipbx].Identity[s]
}

// identify enters the identity into a request of a server outside a dialog, on its
// way to an IPBX; false: it has none.
func (c *context) identify(ch *change, w *way) bool {
	p := c.s.p
	if c.from.kind != fromServer || !c.opens() || !c.toIPBX(w) {
		return false
	}
	who := p.identity(c.from.server(), w.token.IPBX)
	if who == "" {
		return false
	}
	if uri := c.replaceable(w.token.IPBX); uri != nil {
		ch.from, w.token.From = []byte(who), string(uri)
		return true
	}
	line, err := message.Line("P-Asserted-Identity", "<"+who+">")
	if err != nil || !asserts(c.head.Method) {
		return false
	}
	// Ours stands alone: two of one scheme are no identity (RFC 3325 §9.1), and a
	// preferred one is for the first proxy to remove (§9.2).
	ch.drop = identities
	ch.lines = append(ch.lines, line)
	return true
}

var identities = []string{"P-Asserted-Identity", "P-Preferred-Identity"}

// toIPBX reports whether w leads to the IPBX of its token.
func (c *context) toIPBX(w *way) bool {
	i := int(w.token.IPBX)
	return i < len(c.s.p.cfg().IPBXs) && w.peer != nil && w.peer.of == side{fromIPBX, w.token.IPBX}
}

// asserts: P-Asserted-Identity has no place in the others (RFC 3325 §9.1).
func asserts(m message.Method) bool {
	switch m {
	case message.ACK, message.CANCEL, message.REGISTER, message.PRACK, message.UPDATE:
		return false
	}
	return true
}

// replaceable is the URI in the server's From that another one replaces towards an
// IPBX; nil: it stays.
func (c *context) replaceable(ipbx uint8) []byte {
	x := &c.s.p.cfg().IPBXs[ipbx]
	who := x.Identity[c.from.server()]
	if !x.MapFrom || who == "" {
		return nil
	}
	uri := uriOf(c.head.From.Of(c.raw))
	u, ok := message.ParseURI(uri)
	if !ok || len(uri) > message.MaxTokenFrom || string(uri) == who || anonymous(u) {
		return nil
	}
	return uri
}

// anonymous: RFC 3261 §8.1.1.3, RFC 3323 §4.1.1.3.
func anonymous(u message.URI) bool {
	return message.EqualFold(u.User, "anonymous") || bytes.HasSuffix(bytes.ToLower(u.Host), []byte(".invalid"))
}

// rename sets the From of a server's request in a dialog whose From was replaced.
func (p *Proxy) rename(t *message.Token, ch *change) {
	if t.From == "" {
		return
	}
	if who := p.identity(t.Server, t.IPBX); who != "" {
		ch.from = []byte(who)
	}
}

// renamed is the URI of the sender's own From, where another one stands in the
// response; nil: the same one does.
func (c *context) renamed(raw []byte, h *message.Head) []byte {
	if !c.altered || c.from.kind != fromServer {
		return nil
	}
	own := uriOf(c.head.From.Of(c.raw))
	if own == nil || bytes.Equal(own, uriOf(h.From.Of(raw))) {
		return nil
	}
	return own
}
