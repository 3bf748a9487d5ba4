package proxy

import (
	"net/netip"
	"strconv"
	"strings"

	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/resolve"
	"releve/proxy/transport"
)

// way is where a request goes and what changes on it.
type way struct {
	flow       transport.Flow
	plain      bool     // this target by UDP, whatever the size
	rest       []target // where it goes when nothing answers there (RFC 3263 §4.3)
	peer       *Peer    // who is there; nil: nobody configured
	uri        []byte   // new Request-URI; nil: as received
	dropRoutes int      // Route values to remove at the top
	lastRoute  bool     // a strict router put our URI in the Request-URI: the last Route moved there
	pushURI    []byte   // the next hop is a strict router: this URI goes to the end of Route
	secure     bool     // sips: TLS only, and Record-Route says sips
	marks      marks
	answers    *answers // challenges that this attempt answers; nil: none
	change     *change  // nil: it goes as its sender numbered and named it
	token      message.Token
	signed     bool         // token came with the request: an in-dialog one
	ask        resolve.Name // this name must be looked up first; Host empty: none
	refuse     uint16       // status when there is no way; 0: 481
}

// hop is the way to a target, for a request outside a dialog.
func (p *Proxy) hop(c *context, t fork.Target) (way, bool) {
	w := way{dropRoutes: p.ownRoutes(c.raw, &c.head), secure: p.secured(c.raw, &c.head)}
	user := c.head.UserOf.Of(c.raw)
	switch {
	case t == fork.ToRoute:
		return c.way, c.way.flow.Remote.IsValid()
	case t == fork.ToRescue:
		if p.cfg().RescueURI == "" {
			return w, false
		}
		w.peer, w.uri = &p.cfg().Rescue, p.rescueURI(w.secure)
		w.token = message.Token{FromIPBX: true, IPBX: c.from.ipbx()}
	case t >= fork.ToIPBX:
		i := int(t - fork.ToIPBX)
		if i >= len(p.cfg().IPBXs) {
			return w, false
		}
		w.peer = &p.cfg().IPBXs[i].Peer
		w.token = message.Token{Server: c.from.server(), IPBX: uint8(i)}
		if uri := c.head.URI.Of(c.raw); p.names(uri, w.peer) {
			// The server named this IPBX itself: the digest it computed for that
			// URI stays right (RFC 3261 §22.4).
			w.uri = uri
		}
	default:
		s := serverOf(t)
		w.peer = &p.cfg().Servers[s].Peer
		user = c.userAt(s)
		if c.call != nil && c.call.replaces {
			// A transfer to what this IPBX took for the server's Contact.
			_, w.uri = c.s.undisguised(c.head.URI.Of(c.raw), dialogOf(c.head.Replaces.Of(c.raw)))
		}
		w.token = message.Token{Server: s, FromIPBX: true, IPBX: c.from.ipbx()}
	}
	if w.uri == nil {
		w.uri = p.uriAt(user, w.peer, w.secure)
	}
	w.token.Epoch = p.View().Epoch
	ok := p.aimAtPeer(&w)
	p.foreignRoutes(&w, c.raw, &c.head)
	return w, ok
}

// aimAtPeer points w to the first target of its peer that can be reached.
func (p *Proxy) aimAtPeer(w *way) bool {
	first, rest, ok := p.targetsOf(w.peer)
	if !ok {
		return false
	}
	for !p.aim(w, first, w.peer.Listener) {
		if len(rest) == 0 {
			return false
		}
		first, rest = rest[0], rest[1:]
	}
	w.rest = rest
	return true
}

// aim points w to a target; false when no listener of ours reaches it, or a
// sips request would leave TLS (RFC 3261 §26.2.2, RFC 5630 §3).
func (p *Proxy) aim(w *way, t target, via uint8) (ok bool) {
	w.plain = t.plain
	w.flow, ok = p.flowTo(t, w.peer, via)
	return ok && (!w.secure || t.network == transport.TLS)
}

// foreignRoutes treats the Route values left below ours in a request outside a
// dialog (RFC 3261 §16.6(6), (7)). Our choice: where such a request goes is
// decided by role, never by its sender. A Route that names the very peer chosen
// stays: it is the next hop's to remove. Any other is removed with all below it,
// so that the request never goes to one place while its Route names another.
func (p *Proxy) foreignRoutes(w *way, raw []byte, h *message.Head) {
	n := w.dropRoutes
	if n >= int(h.Routes) {
		return
	}
	if n >= len(h.Route) || !p.leadsTo(h.Route[n].Of(raw), w) {
		w.dropRoutes = int(h.Routes)
		return
	}
	w.strict(h.Route[n].Of(raw), w.uri)
}

// leadsTo reports whether a URI names the peer of w.
func (p *Proxy) leadsTo(uri []byte, w *way) bool {
	at, ok := placeOf(uri)
	if !ok {
		return false
	}
	if w.peer.named() && strings.EqualFold(string(at.host), w.peer.Host.Host) {
		return true
	}
	addr, ok := at.addr()
	if !ok {
		return false
	}
	s := p.roster.Load().at(addr, w.flow.Network)
	return addr == w.flow.Remote || s != nil && s.side == w.peer.of
}

// names reports whether a plain Request-URI is one at a peer.
func (p *Proxy) names(uri []byte, peer *Peer) bool {
	u, ok := message.ParseURI(uri)
	at, placed := placeOf(uri)
	if !ok || !placed || len(u.Headers) > 0 {
		return false
	}
	if _, method := u.Param("method"); method {
		return false
	}
	if peer.named() {
		return strings.EqualFold(string(at.host), peer.Host.Host)
	}
	addr, ok := at.addr()
	return ok && addr == peer.Addr
}

// strict treats a next hop without lr: it takes its URI as the Request-URI, and
// ours goes to the end of Route (RFC 3261 §16.6(6)).
func (w *way) strict(next, uri []byte) {
	u, ok := message.ParseURI(next)
	if !ok {
		return
	}
	if _, loose := u.Param("lr"); !loose {
		w.pushURI, w.uri = uri, next
		w.dropRoutes++
	}
}

// secured reports whether a request asks for TLS all the way: its Request-URI,
// or the first Route that is not ours, is a sips one (RFC 3261 §16.6(4)).
func (p *Proxy) secured(raw []byte, h *message.Head) bool {
	if secure(h.URI.Of(raw)) {
		return true
	}
	n := p.ownRoutes(raw, h)
	return n < len(h.Route) && n < int(h.Routes) && secure(h.Route[n].Of(raw))
}

// uriAt is a Request-URI for user at a peer: Relève is responsible for the
// number it was called by, and hands it to the peer that serves it (RFC 3261
// §16.5, §16.6(2)). sips is kept and never brought in (RFC 5630 §5.3).
func (p *Proxy) uriAt(user []byte, peer *Peer, secure bool) []byte {
	b := append(make([]byte, 0, 64), "sip"...)
	if secure {
		b = append(b, 's')
	}
	b = append(b, ':')
	if len(user) > 0 {
		b = append(append(b, user...), '@')
	}
	network, given := peer.Network, true
	if peer.named() {
		n := &peer.Host
		b = append(b, n.Host...)
		if n.Port != 0 {
			b = strconv.AppendUint(append(b, ':'), uint64(n.Port), 10)
		}
		network, given = n.Network, n.Given || n.Secure
	} else {
		b = peer.Addr.AppendTo(b)
	}
	if given && !secure {
		b = appendTransport(b, network)
	}
	return b
}

// appendTransport names a network in a URI; UDP is what is meant without.
func appendTransport(dst []byte, n transport.Network) []byte {
	switch n {
	case transport.TCP:
		return append(dst, ";transport=tcp"...)
	case transport.TLS:
		// Deprecated by RFC 3261 §26.2.2, and the only way to say TLS in a sip
		// URI; every stack reads it.
		return append(dst, ";transport=tls"...)
	}
	return dst
}

// rescueURI is the operators' desk as a Request-URI.
func (p *Proxy) rescueURI(asked bool) []byte {
	uri := p.cfg().RescueURI
	if rest, plain := strings.CutPrefix(uri, "sip:"); plain && asked {
		uri = "sips:" + rest
	}
	return []byte(uri)
}

// appendRequest builds what goes to branch i of c (RFC 3261 §16.6).
func (s *shard) appendRequest(dst []byte, c *context, w *way, branch []byte) []byte {
	l := w.flow.Listener
	var via, rr [2][192]byte
	edit := message.Edit{
		URI: w.uri, DropRoutes: w.dropRoutes, DropLastRoute: w.lastRoute, LastRoute: bracketed(w.pushURI),
		MaxForwards:   decremented(c.head.MaxForwards),
		PushVia:       s.appendVia(via[0][:0], c.raw, &c.head, w.flow, branch),
		StampReceived: c.stamp.Addr, SetReceived: c.stamp.Received, SetRPort: c.stamp.RPort,
		SetContentLength: w.flow.Network.Reliable(), History: w.marks.history,
	}
	if w.marks.diversion != nil {
		edit.Add = [][]byte{w.marks.diversion}
	}
	if ch, some := c.changes(w); some {
		ch.into(&edit)
	}
	if s.p.cfg().rewrites {
		edit.Contact = s.disguise(nil, c.from, w.token.From, w.flow, c.raw, &c.head)
	}
	if recordRoutes(c.head.Method) {
		edit.PushRecordRoute[0] = s.appendRecordRoute(rr[0][:0], l, w, c.head.CallID.Of(c.raw))
		if c.flow.Listener != l && (!w.secure || c.flow.Network == transport.TLS) {
			// The side a request leaves by is on top; each side then finds its
			// own address first (RFC 5658 §5). A sips request that came
			// without TLS gets one value: all of the dialog is to be TLS
			// (RFC 3261 §16.6(4)).
			edit.PushRecordRoute[1] = s.appendRecordRoute(rr[1][:0], c.flow.Listener, w, c.head.CallID.Of(c.raw))
		}
	}
	return message.AppendForward(dst, c.raw, &c.head, &edit)
}

// appendInDialog builds a request that is forwarded without a context (ACK).
func (s *shard) appendInDialog(dst []byte, f transport.Flow, raw []byte, h *message.Head, w *way, i uint8) []byte {
	var via [192]byte
	st := stamp(f, raw, h)
	edit := message.Edit{
		URI: w.uri, DropRoutes: w.dropRoutes, DropLastRoute: w.lastRoute, LastRoute: bracketed(w.pushURI),
		MaxForwards:   decremented(h.MaxForwards),
		PushVia:       s.appendVia(via[:0], raw, h, w.flow, s.branch(raw, h, fork.ToRoute, i)),
		StampReceived: st.Addr, SetReceived: st.Received, SetRPort: st.RPort,
		SetContentLength: w.flow.Network.Reliable(),
	}
	if w.change != nil {
		w.change.into(&edit)
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
	dst = append(append(dst, ' '), s.p.cfg().Listeners[f.Listener].SentBy...)
	dst = append(append(append(dst, ";branch="...), branch...), ";rport"...)
	return message.AppendViaLoop(dst, message.LoopHash(raw, h, s.keys))
}

// appendRecordRoute writes our Record-Route value with the signed token.
func (s *shard) appendRecordRoute(dst []byte, listener uint8, w *way, callID []byte) []byte {
	dst = append(s.p.appendOwnURI(append(dst, '<'), listener, w.secure), ";lr;t="...)
	dst = s.keys.AppendToken(dst, w.token, callID)
	return append(dst, '>')
}

// appendOwnURI writes the URI of a listener.
func (p *Proxy) appendOwnURI(dst []byte, listener uint8, secure bool) []byte {
	l := &p.cfg().Listeners[listener]
	if secure {
		return append(append(dst, "sips:"...), l.SentBy...)
	}
	return appendTransport(append(append(dst, "sip:"...), l.SentBy...), l.Network)
}

// ownRoutes counts our Route values at the top.
func (p *Proxy) ownRoutes(raw []byte, h *message.Head) int {
	n := 0
	for n < len(h.Route) && n < int(h.Routes) && p.ours(h.Route[n].Of(raw)) {
		n++
	}
	return n
}

// ours reports whether a URI is one of our addresses, whatever its transport.
func (p *Proxy) ours(uri []byte) bool {
	u, ok := message.ParseURI(uri)
	if !ok {
		return false
	}
	network := transport.UDP
	if t, ok := u.Param("transport"); ok {
		network, _ = networkOf(t)
	}
	if secure(uri) {
		network = transport.TLS
	}
	addr, ok := hostPort(u.HostPort, network)
	return ok && p.isOurs(addr)
}

// inserted reports whether a sent-by is one that we write into Via.
func (p *Proxy) inserted(sentBy []byte) bool {
	for i := range p.cfg().Listeners {
		if string(sentBy) == p.cfg().Listeners[i].SentBy {
			return true
		}
	}
	for i := range p.cfg().Listeners {
		if strings.EqualFold(string(sentBy), p.cfg().Listeners[i].SentBy) {
			return true
		}
	}
	for _, n := range [...]transport.Network{transport.UDP, transport.TLS} {
		if addr, ok := hostPort(sentBy, n); ok && p.isOurs(addr) {
			return true
		}
	}
	return false
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
