package proxy

import (
	"bytes"

	"releve/proxy/message"
	"releve/proxy/transport"
)

// An IPBX that ignores Record-Route sends what it has to say within a dialog to
// the Contact alone (RFC 3261 §12.2.1.1 without a route set). For such a one
// (Manners.RewriteContact) every Contact in what it is sent names us, and its
// user part carries the real one, signed:
//
//	server ── Contact: <sip:ivr@server> ──► us ── Contact: <sip:rlv-TOKEN@us> ──► IPBX
//	server ◄── BYE sip:ivr@server ───────── us ◄── BYE sip:rlv-TOKEN@us ───────── IPBX
//
// Nothing is remembered, so a node that just started routes it, and a target
// refresh is one more such Contact. The other side sees the IPBX's own Contact
// and follows our Record-Route. A deviation from "a proxy does not change
// Contact" (RFC 3261 §16.6), for these IPBXs alone.

// remotePrefix begins the user part of a Contact of ours.
const remotePrefix = "rlv-"

// disguise is the Contact that stands for the one in a message from a far end
// to an IPBX; nil: it stays as it is. own is the server's own URI, where another one
// stands for it at the IPBX (Token.From).
func (s *shard) disguise(dst []byte, from side, own string, to transport.Flow, raw []byte, h *message.Head) []byte {
	p := s.p
	if !p.cfg().rewrites || h.ContactURI.Empty() || !recordRoutes(h.Method) || !h.Request && (h.Status == 100 || h.Status >= 300) {
		return nil
	}
	m := p.mannersOf(p.side(to))
	if m == nil || !m.RewriteContact {
		return nil
	}
	contact := h.ContactURI.Of(raw)
	t := message.Token{Server: from.server(), FromIPBX: true, IPBX: p.side(to).index, Epoch: p.View().Epoch, From: own}
	dst = append(dst, "sip"...)
	if secure(contact) {
		dst = append(dst, 's')
	}
	dst = append(append(dst, ':'), remotePrefix...)
	mark := len(dst)
	dst = s.keys.AppendRemote(dst, t, contact, h.CallID.Of(raw))
	if len(dst) == mark {
		return nil // too long to carry: the IPBX then speaks to it past us
	}
	l := &p.cfg().Listeners[to.Listener]
	dst = append(append(dst, '@'), l.SentBy...)
	if secure(contact) {
		return dst
	}
	return appendTransport(dst, l.Network)
}

// undisguised is the real remote target behind a Request-URI of ours; nil: it
// carries none for this Call-ID.
func (s *shard) undisguised(uri, callID []byte) (message.Token, []byte) {
	u, ok := message.ParseURI(uri)
	if !ok || !bytes.HasPrefix(u.User, []byte(remotePrefix)) || !s.p.ours(uri) {
		return message.Token{}, nil
	}
	t, target, ok := s.keys.VerifyRemote(u.User[len(remotePrefix):], callID)
	if !ok {
		return message.Token{}, nil
	}
	return t, target
}
