package proxy

import (
	"net/netip"
	"strings"

	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/transport"
)

// way is where a request goes and what changes on it.
type way struct {
	flow       transport.Flow
	uri        []byte // new Request-URI; nil: as received
	dropRoutes int    // our own Route values at the top
	lastRoute  bool   // a strict router put our URI in the Request-URI: the last Route moved there
	pushURI    []byte // the next hop is a strict router: this URI goes to the end of Route
	token      message.Token
	signed     bool // token came with the request: an in-dialog one
}

// hop is the way to a target, for a request outside a dialog.
func (p *Proxy) hop(c *context, t fork.Target) (way, bool) {
	w := way{dropRoutes: p.ownRoutes(c.raw, &c.head)}
	switch {
	case t == fork.ToRoute:
		return c.way, c.way.flow.Remote.IsValid()
	case t == fork.ToRescue:
		if p.cfg.RescueURI == "" {
			return w, false
		}
		w.flow = p.peerFlow(&p.cfg.Rescue)
		w.uri = []byte(p.cfg.RescueURI)
		w.token = message.Token{FromIPBX: true, IPBX: c.from.ipbx()}
	case t >= fork.ToIPBX:
		i := int(t - fork.ToIPBX)
		if i >= len(p.cfg.IPBXs) {
			return w, false
		}
		peer := &p.cfg.IPBXs[i].Peer
		w.flow, w.uri = p.peerFlow(peer), p.uriAt(c.head.UserOf.Of(c.raw), peer)
		w.token = message.Token{Server: c.from.server(), IPBX: uint8(i)}
	default:
		s := serverOf(t)
		srv := &p.cfg.Servers[s]
		if !srv.Addr.IsValid() {
			return w, false
		}
		user := c.head.UserOf.Of(c.raw)
		if srv.User != "" {
			user = []byte(srv.User)
		}
		w.flow, w.uri = p.peerFlow(&srv.Peer), p.uriAt(user, &srv.Peer)
		w.token = message.Token{Server: s, FromIPBX: true, IPBX: c.from.ipbx()}
	}
	w.token.Epoch = p.View().Epoch
	return w, true
}

func (p *Proxy) peerFlow(peer *Peer) transport.Flow {
	return transport.Flow{Listener: peer.Listener, Network: peer.Network, Remote: peer.Addr}
}

// uriAt is a Request-URI for user at a peer: Relève is responsible for the
// number it was called by, and hands it to the peer that serves it (RFC 3261
// §16.5, §16.6(2)).
func (p *Proxy) uriAt(user []byte, peer *Peer) []byte {
	b := append(make([]byte, 0, 48), "sip:"...)
	if len(user) > 0 {
		b = append(append(b, user...), '@')
	}
	b = peer.Addr.AppendTo(b)
	if peer.Network == transport.TCP {
		b = append(b, ";transport=tcp"...)
	}
	return b
}

// appendRequest builds what goes to branch i of c (RFC 3261 §16.6).
func (s *shard) appendRequest(dst []byte, c *context, w way, branch []byte) []byte {
	l := w.flow.Listener
	var via, rr [2][192]byte
	edit := message.Edit{
		URI: w.uri, DropRoutes: w.dropRoutes, DropLastRoute: w.lastRoute, LastRoute: bracketed(w.pushURI),
		MaxForwards:   decremented(c.head.MaxForwards),
		PushVia:       s.appendVia(via[0][:0], c.raw, &c.head, w.flow, branch),
		StampReceived: c.stamp.Addr, SetReceived: c.stamp.Received, SetRPort: c.stamp.RPort,
		SetContentLength: w.flow.Network.Reliable(),
	}
	if recordRoutes(c.head.Method) {
		edit.PushRecordRoute[0] = s.appendRecordRoute(rr[0][:0], l, w.token, c.head.CallID.Of(c.raw))
		if c.flow.Listener != l {
			// The side a request leaves by is on top; each side then finds its
			// own address first (RFC 5658 §5).
			edit.PushRecordRoute[1] = s.appendRecordRoute(rr[1][:0], c.flow.Listener, w.token, c.head.CallID.Of(c.raw))
		}
	}
	return message.AppendForward(dst, c.raw, &c.head, &edit)
}

// appendInDialog builds a request that is forwarded without a context (ACK).
func (s *shard) appendInDialog(dst []byte, f transport.Flow, raw []byte, h *message.Head, w way, i uint8) []byte {
	var via [192]byte
	st := stamp(f, raw, h)
	edit := message.Edit{
		URI: w.uri, DropRoutes: w.dropRoutes, DropLastRoute: w.lastRoute, LastRoute: bracketed(w.pushURI),
		MaxForwards:   decremented(h.MaxForwards),
		PushVia:       s.appendVia(via[:0], raw, h, w.flow, s.branch(raw, h, fork.ToRoute, i)),
		StampReceived: st.Addr, SetReceived: st.Received, SetRPort: st.RPort,
		SetContentLength: w.flow.Network.Reliable(),
	}
	return message.AppendForward(dst, raw, h, &edit)
}

// recordRoutes: requests that form or refresh a dialog stay on our path
// (RFC 3261 §16.6(4)).
func recordRoutes(m message.Method) bool {
	switch m {
	case message.INVITE, message.SUBSCRIBE, message.REFER, message.NOTIFY, message.UPDATE, message.Other:
		return true
	}
	return false
}

// decremented is Max-Forwards of the copy: one less, or 70 when absent
// (RFC 3261 §16.6(3)).
func decremented(n int) int {
	if n < 0 {
		return 70
	}
	return max(n-1, 0)
}

// branch is derived from the received one, so that both nodes build the same and
// a retry never reuses one (RFC 3261 §16.6(8), §16.11). Valid until the next.
func (s *shard) branch(raw []byte, h *message.Head, t fork.Target, attempt uint8) []byte {
	s.id = s.keys.AppendBranch(s.id[:0], h.Branch.Of(raw), h.SentBy.Of(raw), h.CallID.Of(raw), h.CSeq, uint8(t), attempt)
	return s.id
}

// appendVia writes our Via value; the loop hash stands beside the branch (RFC
// 5393 §4.2.2).
func (s *shard) appendVia(dst, raw []byte, h *message.Head, f transport.Flow, branch []byte) []byte {
	dst = append(append(dst, "SIP/2.0/"...), f.Network.String()...)
	dst = append(append(dst, ' '), s.p.cfg.Listeners[f.Listener].SentBy...)
	dst = append(append(append(dst, ";branch="...), branch...), ";rport"...)
	return message.AppendViaLoop(dst, message.LoopHash(raw, h, s.keys))
}

// appendRecordRoute writes our Record-Route value with the signed token.
func (s *shard) appendRecordRoute(dst []byte, listener uint8, t message.Token, callID []byte) []byte {
	l := &s.p.cfg.Listeners[listener]
	dst = append(append(dst, "<sip:"...), l.SentBy...)
	if l.Network == transport.TCP {
		dst = append(dst, ";transport=tcp"...)
	}
	dst = append(dst, ";lr;t="...)
	dst = s.keys.AppendToken(dst, t, callID)
	return append(dst, '>')
}

// ownRoutes counts our Route values at the top.
func (p *Proxy) ownRoutes(raw []byte, h *message.Head) int {
	n := 0
	for n < len(h.Route) && n < int(h.Routes) && p.ours(h.Route[n].Of(raw)) {
		n++
	}
	return n
}

// ours reports whether a URI is one of our addresses.
func (p *Proxy) ours(uri []byte) bool {
	u, ok := message.ParseURI(uri)
	if !ok {
		return false
	}
	addr, ok := hostPort(u.HostPort)
	return ok && p.isOurs(addr)
}

// inserted reports whether a sent-by is one that we write into Via.
func (p *Proxy) inserted(sentBy []byte) bool {
	for i := range p.cfg.Listeners {
		if string(sentBy) == p.cfg.Listeners[i].SentBy {
			return true
		}
	}
	for i := range p.cfg.Listeners {
		if strings.EqualFold(string(sentBy), p.cfg.Listeners[i].SentBy) {
			return true
		}
	}
	addr, ok := hostPort(sentBy)
	return ok && p.isOurs(addr)
}

func (p *Proxy) isOurs(addr netip.AddrPort) bool {
	for i := range p.own {
		if p.own[i] == addr {
			return true
		}
	}
	return false
}

// bracketed is a URI as a Route value; nil stays nil.
func bracketed(uri []byte) []byte {
	if uri == nil {
		return nil
	}
	return append(append([]byte("<"), uri...), '>')
}

func withPort(a netip.AddrPort, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr(), port)
}
