package proxy

import (
	"strconv"

	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
)

// registerExpires is what a server's own REGISTER is granted here, in seconds.
// Our choice: short, so that its disappearance shows.
const registerExpires = 60

// forUs reports whether an OPTIONS asks for Relève itself: no user part, or
// nothing behind us could answer for it; the IPBX's keep-alives all do.
func (p *Proxy) forUs(raw []byte, h *message.Head, from side) bool {
	return from.kind == fromIPBX || from.kind == fromDesk || h.UserOf.Empty() || h.MaxForwards == 0 || p.ours(h.URI.Of(raw))
}

// options answers 200 while a call would be treated (a rescue target counts),
// else 503: then the IPBX shall indeed go elsewhere.
func (p *Proxy) options(f transport.Flow, raw []byte, h *message.Head) {
	v := p.View()
	nobody := v.Phase == router.BothDown || v.Drained[v.Active]
	if nobody && p.cfg().RescueURI == "" {
		p.answerStateless(f, raw, h, 503, phrase(503))
		return
	}
	p.answerStateless(f, raw, h, 200, phrase(200),
		[]byte("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY, INFO, PRACK, UPDATE, MESSAGE, SUBSCRIBE\r\n"),
		[]byte("Accept: application/sdp\r\n"))
}

// register answers a server's own REGISTER here: what is registered at the
// IPBX is Relève's matter (in mode trunk, nobody registers). In mode gate the
// licence says what becomes of it.
func (s *shard) register(now router.Instant, key uint64, f transport.Flow, from side, raw []byte, h *message.Head) {
	p := s.p
	if from.kind != fromServer || !p.cfg().LocalRegister {
		p.answerStateless(f, raw, h, 403, phrase(403))
		return
	}
	// No option tag changes what is answered here, a gin least of all: its numbers
	// would not be bound (RFC 3261 §8.2.2.3, §10.3(2); RFC 6140 §5.1).
	if tags := unsupported(raw, h, "Require"); tags != nil {
		p.answerStateless(f, raw, h, 420, phrase(420), tags...)
		return
	}
	if reason := wrongContact(raw, h); reason != "" {
		p.answerStateless(f, raw, h, 400, reason)
		return
	}
	if p.cfg().Gate != nil {
		s.registrar(now, key, f, from, raw, h)
		return
	}
	var extra [][]byte
	granted, asked := 0, false
	for c := range message.ContactList(raw, h) {
		asked = true
		expires := grant(c.Expires, h.Expires)
		if c.Star || expires == 0 {
			continue
		}
		granted = max(granted, expires)
		if line, err := message.Line("Contact", "<"+string(c.URI)+">;expires="+strconv.Itoa(expires)); err == nil {
			extra = append(extra, line)
		}
	}
	p.answerStateless(f, raw, h, 200, phrase(200), extra...)
	if asked && p.hooks.Registered != nil { // else it only asked (RFC 3261 §10.2.3)
		p.hooks.Registered(from.server(), granted)
	}
}

// unsupported are the Unsupported lines of a 420: the tags of the header name.
func unsupported(raw []byte, h *message.Head, name string) (lines [][]byte) {
	for v := range message.Fields(raw, h, name) {
		if line, err := message.Line("Unsupported", string(v)); err == nil {
			lines = append(lines, line)
		}
	}
	return lines
}

// wrongContact is why the Contacts of a REGISTER cannot be taken; empty: they can.
// "Contact: *" stands alone and means nothing but removal (RFC 3261 §10.2.2,
// §10.3(6)).
func wrongContact(raw []byte, h *message.Head) string {
	n, star, bad := 0, false, false
	for c := range message.ContactList(raw, h) {
		n++
		star, bad = star || c.Star, bad || c.Bad
	}
	switch {
	case star && (n > 1 || h.Expires != 0):
		return "Wildcard Contact Needs Expires 0"
	case bad:
		return "Malformed Contact"
	}
	return ""
}

// grant is the expiry of one Contact in seconds: of its own parameter, else of
// the Expires header (-1: absent), never more than asked (RFC 3261 §10.3(7)).
func grant(contact, header int) int {
	switch {
	case contact >= 0:
		return min(contact, registerExpires)
	case header >= 0:
		return min(header, registerExpires)
	}
	return registerExpires
}
