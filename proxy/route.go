package proxy

import (
	"bytes"
	"net/netip"
	"strconv"

	"releve/proxy/message"
	"releve/proxy/resolve"
	"releve/proxy/transport"
	"releve/router"
)

// wayOfDialog finds where an in-dialog request goes: by Route set and
// Request-URI, vouched for by our signed token; else by a known server in the
// Request-URI; else by the table of calls. A way that asks for a name waits for
// its look-up, unless that was tried already.
func (s *shard) wayOfDialog(f transport.Flow, raw []byte, h *message.Head, tried bool) (way, bool) {
	w := way{}
	uri := h.URI.Of(raw)
	routes := h.Routes
	if bytes.HasPrefix(h.UserOf.Of(raw), []byte(remotePrefix)) {
		if t, target := s.undisguised(uri, h.CallID.Of(raw)); target != nil {
			uri, w.uri, w.token, w.signed = target, target, t, true
		}
	}
	if s.p.ours(uri) && routes > 0 && s.tokenOf(uri, raw, h, &w) {
		// A strict router put our Record-Route in the Request-URI
		// (RFC 3261 §16.4): the last Route is the real one.
		last := lastRoute(raw, h)
		uri, w.uri, w.lastRoute = last, last, true
		routes--
	}
	if stripped := s.p.withoutMaddr(uri, f); stripped != nil {
		uri, w.uri = stripped, stripped
	}
	w.dropRoutes = min(s.p.ownRoutes(raw, h), int(routes))
	for i := range w.dropRoutes {
		if s.tokenOf(h.Route[i].Of(raw), raw, h, &w) {
			break
		}
	}
	next := uri
	if int(routes) > w.dropRoutes && w.dropRoutes < len(h.Route) {
		next = h.Route[w.dropRoutes].Of(raw)
		w.strict(next, uri)
	}
	w.secure = secure(uri) || secure(next)
	first, known := s.p.leads(next, &w)
	if !w.signed && !s.vouched(f, first, known, raw, h, &w) {
		return w, false
	}
	switch {
	case known:
		return w, s.toward(&w, first, f.Listener)
	case w.ask.Host != "" && !tried:
		return w, true // once it was looked up
	}
	w.ask = resolve.Name{}
	return w, s.p.fallback(f, &w)
}

// toward aims an in-dialog request; a sips one that TLS cannot carry is refused
// and never downgraded (RFC 5630 §5.3).
func (s *shard) toward(w *way, t target, via uint8) bool {
	if st := s.p.roster.Load().at(t.addr, t.network); st != nil {
		w.peer = st.peer
	}
	if !s.p.aim(w, t, via) {
		w.refuse = 480
		return false
	}
	return true
}

// tokenOf verifies the token of one of our URIs.
func (s *shard) tokenOf(uri, raw []byte, h *message.Head, w *way) bool {
	u, ok := message.ParseURI(uri)
	if !ok {
		return false
	}
	text, ok := u.Param("t")
	if !ok {
		return false
	}
	token, ok := s.keys.VerifyToken(text, h.CallID.Of(raw))
	if ok {
		w.token, w.signed = token, true
	}
	return ok
}

// withoutMaddr is a URI without the maddr that names us, and without a port and
// a transport other than SIP's own, when the request came by the port and transport that it names
// (RFC 3261 §16.4); nil when it has none, or another.
func (p *Proxy) withoutMaddr(uri []byte, f transport.Flow) []byte {
	u, ok := message.ParseURI(uri)
	if !ok {
		return nil
	}
	if _, ok := u.Param("maddr"); !ok {
		return nil
	}
	at, ok := placeOf(uri)
	if !ok || int(f.Listener) >= len(p.own) || at.network != f.Network {
		return nil
	}
	if addr, ok := at.addr(); !ok || p.own[f.Listener] != addr {
		return nil
	}
	i := len(uri) - len(u.Headers) - len(u.Params)
	if uint16(u.Port) != portOf(at.network) && u.Port != 0 {
		i -= len(u.HostPort) - len(u.Host)
	}
	out := append([]byte(nil), uri[:i]...)
	for param := range bytes.SplitSeq(u.Params[1:], []byte(";")) {
		name, _, _ := bytes.Cut(param, []byte("="))
		if !bytes.EqualFold(name, []byte("maddr")) && !bytes.EqualFold(name, []byte("transport")) {
			out = append(append(out, ';'), param...)
		}
	}
	return append(out, u.Headers...)
}

// vouched accepts an in-dialog request without a valid token when it goes to a
// known server or IPBX (first, when known), or belongs to a call in progress.
// Nothing is looked up for any other: Relève is no open relay.
func (s *shard) vouched(f transport.Flow, first target, known bool, raw []byte, h *message.Head, w *way) bool {
	if known && s.p.side(f).kind != fromDesk { // a To tag of its own making is no call
		side := s.p.side(transport.Flow{Remote: first.addr})
		if side.kind != fromStranger {
			w.token.Server = side.server()
			return true
		}
	}
	owner, ok := s.p.Dialogs.Owner(s.p.callKey(h.CallID.Of(raw)))
	w.token.Server = owner
	return ok
}

// leads finds the first target of a URI and leaves the others in w, or the name
// that must be looked up before (RFC 3263 §4). One of our own addresses leads
// nowhere.
func (p *Proxy) leads(uri []byte, w *way) (first target, known bool) {
	at, ok := placeOf(uri)
	if !ok {
		return target{}, false
	}
	if addr, ok := at.addr(); ok {
		if p.isOurs(addr) {
			return target{}, false
		}
		return target{addr: addr, network: p.networkAt(addr, at)}, true
	}
	name := resolve.Name{Host: string(bytes.ToLower(at.host)), Port: at.port, Network: at.network, Given: at.given, Secure: at.secure}
	all := p.lookup(name)
	if len(all) == 0 {
		w.ask = name
		return target{}, false
	}
	w.rest = all[1:]
	return all[0], !p.isOurs(all[0].addr)
}

// networkAt is how an address is reached: as its URI says, else as the peer
// there is configured, else by UDP (RFC 3263 §4.1).
func (p *Proxy) networkAt(addr netip.AddrPort, at place) transport.Network {
	if !at.given && !at.secure {
		if s := p.roster.Load().at(addr, transport.UDP); s != nil {
			return s.network
		}
	}
	return at.network
}

// flowOf is the flow to where a URI leads, by what is known now.
func (p *Proxy) flowOf(uri []byte, via uint8) (transport.Flow, bool) {
	var w way
	first, ok := p.leads(uri, &w)
	if !ok {
		return transport.Flow{}, false
	}
	return p.flowTo(first, nil, via)
}

// fallback is the configured far end of the dialog, when its URI leads nowhere.
func (p *Proxy) fallback(f transport.Flow, w *way) bool {
	from := p.side(f).kind
	switch t := &w.token; {
	case from == fromServer, from == fromDesk:
		if int(t.IPBX) >= len(p.cfg().IPBXs) {
			return false
		}
		w.peer = &p.cfg().IPBXs[t.IPBX].Peer
	case t.Server == router.NoServer:
		if !w.signed || !t.FromIPBX || p.cfg().RescueURI == "" {
			return false
		}
		w.peer = &p.cfg().Rescue // a call that no server took
	default:
		w.peer = &p.cfg().Servers[t.Server].Peer
	}
	return p.aimAtPeer(w)
}

// viaFlow is where a response goes by its top Via alone (RFC 3261 §18.2.2, RFC
// 3263 §5). maddr is not obeyed: our choice, it is for multicast.
func (p *Proxy) viaFlow(raw []byte, h *message.Head) (transport.Flow, bool) {
	network, ok := networkOf(h.ViaTransport.Of(raw))
	if !ok {
		return transport.Flow{}, false
	}
	host := h.SentBy.Of(raw)
	if h.Received.Empty() {
		return p.sentByFlow(host, network, 0)
	}
	a, ok := message.AddrPort(h.Received.Of(raw))
	if !ok {
		return transport.Flow{}, false
	}
	port := sentByPort(host, network)
	if n, err := strconv.ParseUint(string(h.RPort.Of(raw)), 10, 16); err == nil {
		port = uint16(n)
	}
	return p.flowTo(target{addr: withPort(a, port), network: network}, nil, 0)
}

// sentByFlow is the flow to a sent-by, by what is known of its name.
func (p *Proxy) sentByFlow(sentBy []byte, network transport.Network, via uint8) (transport.Flow, bool) {
	if addr, ok := hostPort(sentBy, network); ok {
		return p.flowTo(target{addr: addr, network: network}, nil, via)
	}
	all := p.lookup(sentByName(sentBy, network))
	if len(all) == 0 {
		return transport.Flow{}, false
	}
	return p.flowTo(all[0], nil, via)
}

// sentByName is the name in a sent-by: with a port its addresses, without one
// SRV first, for the transport of the Via (RFC 3263 §5).
func sentByName(sentBy []byte, network transport.Network) resolve.Name {
	n := resolve.Name{Network: network, Given: true}
	host, port, ok := bytes.Cut(sentBy, []byte(":"))
	n.Host = string(bytes.ToLower(bytes.TrimSpace(host)))
	if ok {
		v, _ := strconv.ParseUint(string(bytes.TrimSpace(port)), 10, 16)
		n.Port = uint16(v)
	}
	return n
}

// checkSecure refuses a sips request outside a dialog that TLS cannot carry on:
// 416 where no listener speaks TLS, as where the scheme is not known; 480 with
// warning 380 where the far end is not reached by TLS (RFC 5630 §5.3, §6.2, our
// reading; never a downgrade).
func (p *Proxy) checkSecure(raw []byte, h *message.Head, from side) (status int, extra [][]byte) {
	if !h.ToTag.Empty() || !p.secured(raw, h) || h.Method == message.OPTIONS && p.forUs(raw, h, from) {
		return 0, nil
	}
	if !p.speaksTLS() {
		return 416, nil
	}
	if from.kind == fromServer {
		for i := range p.cfg().IPBXs {
			if p.cfg().IPBXs[i].securely() {
				return 0, nil
			}
		}
	} else if s := p.View().Active; p.cfg().Servers[s].securely() {
		return 0, nil
	}
	return 480, [][]byte{p.sipsNotAllowed()}
}

func (p *Proxy) speaksTLS() bool {
	for i := range p.cfg().Listeners {
		if p.cfg().Listeners[i].Network == transport.TLS {
			return true
		}
	}
	return false
}

// securely reports whether the peer is reached by TLS.
func (p *Peer) securely() bool {
	if p.named() {
		return p.Host.Secure || !p.Host.Given || p.Host.Network == transport.TLS
	}
	return p.Network == transport.TLS
}

// sipsNotAllowed is the warning of RFC 5630 §6.2.
func (p *Proxy) sipsNotAllowed() []byte {
	return []byte("Warning: 380 " + p.cfg().Listeners[0].SentBy + " \"SIPS Not Allowed\"\r\n")
}

// refuseWay answers an in-dialog request that has no way.
func (p *Proxy) refuseWay(f transport.Flow, raw []byte, h *message.Head, w *way) {
	if w.refuse == 480 && w.secure {
		p.answerStateless(f, raw, h, 480, phrase(480), p.sipsNotAllowed())
		return
	}
	p.answerStateless(f, raw, h, 481, phrase(481))
}
