package proxy

import (
	"bytes"
	"net/netip"
	"strconv"

	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
)

// wayOfDialog finds where an in-dialog request goes: by Route set and
// Request-URI, vouched for by our signed token; else by a known server in the
// Request-URI; else by the table of calls.
func (s *shard) wayOfDialog(f transport.Flow, raw []byte, h *message.Head) (way, bool) {
	w := way{}
	uri := h.URI.Of(raw)
	routes := h.Routes
	if s.p.ours(uri) && routes > 0 && s.tokenOf(uri, raw, h, &w) {
		// A strict router put our Record-Route in the Request-URI
		// (RFC 3261 §16.4): the last Route is the real one.
		last := lastRoute(raw, h)
		uri, w.uri, w.lastRoute = last, last, true
		routes--
	}
	if stripped := s.p.withoutMaddr(uri); stripped != nil {
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
		if u, ok := message.ParseURI(next); ok {
			if _, loose := u.Param("lr"); !loose {
				// RFC 3261 §16.6(6): a strict router takes its URI as the
				// Request-URI, ours goes to the end of Route.
				w.pushURI, w.uri = uri, next
				w.dropRoutes++
			}
		}
	}
	if !w.signed && !s.vouched(next, raw, h, &w) {
		return w, false
	}
	var ok bool
	if w.flow, ok = s.p.flowOf(next, f.Listener); !ok {
		w.flow, ok = s.p.fallback(f, w.token)
	}
	return w, ok
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

// withoutMaddr is a URI without the maddr that names us (RFC 3261 §16.4); nil
// when it has none.
func (p *Proxy) withoutMaddr(uri []byte) []byte {
	u, ok := message.ParseURI(uri)
	if !ok {
		return nil
	}
	value, ok := u.Param("maddr")
	if !ok {
		return nil
	}
	if addr, ok := hostPort(value); !ok || !p.isOurs(addr) {
		return nil
	}
	i := len(uri) - len(u.Headers) - len(u.Params)
	out := append([]byte(nil), uri[:i]...)
	for param := range bytes.SplitSeq(u.Params[1:], []byte(";")) {
		if name, _, _ := bytes.Cut(param, []byte("=")); !bytes.EqualFold(name, []byte("maddr")) {
			out = append(append(out, ';'), param...)
		}
	}
	return append(out, u.Headers...)
}

// vouched accepts an in-dialog request without a valid token when it goes to a
// known server or IPBX, or belongs to a call in progress.
func (s *shard) vouched(next, raw []byte, h *message.Head, w *way) bool {
	if f, ok := s.p.flowOf(next, 0); ok {
		if side := s.p.side(f); side.kind != fromStranger {
			w.token.Server = side.server()
			return true
		}
	}
	owner, ok := s.p.Dialogs.Owner(s.p.callKey(h.CallID.Of(raw)))
	w.token.Server = owner
	return ok
}

// flowOf is the flow to the host of a URI, when it is an address.
func (p *Proxy) flowOf(uri []byte, via uint8) (transport.Flow, bool) {
	u, ok := message.ParseURI(uri)
	if !ok {
		return transport.Flow{}, false
	}
	host := u.HostPort
	if maddr, ok := u.Param("maddr"); ok {
		host = maddr
	}
	addr, ok := hostPort(host)
	if !ok || p.isOurs(addr) {
		return transport.Flow{}, false
	}
	network := p.networkOf(addr)
	if t, ok := u.Param("transport"); ok {
		network = transport.UDP
		if isTCP(t) {
			network = transport.TCP
		}
	}
	return p.flowTo(addr, network, via), true
}

// networkOf is how a configured peer is reached; UDP for any other (RFC 3263 §4.1).
func (p *Proxy) networkOf(addr netip.AddrPort) transport.Network {
	for i := range p.cfg.Servers {
		if p.cfg.Servers[i].Addr == addr {
			return p.cfg.Servers[i].Network
		}
	}
	for i := range p.cfg.IPBXs {
		if p.cfg.IPBXs[i].Addr == addr {
			return p.cfg.IPBXs[i].Network
		}
	}
	return transport.UDP
}

// fallback is the configured far end of the dialog, when its URI names no address.
func (p *Proxy) fallback(f transport.Flow, t message.Token) (transport.Flow, bool) {
	if p.side(f).kind == fromServer {
		if int(t.IPBX) >= len(p.cfg.IPBXs) {
			return transport.Flow{}, false
		}
		return p.peerFlow(&p.cfg.IPBXs[t.IPBX].Peer), true
	}
	if t.Server == router.NoServer || !p.cfg.Servers[t.Server].Addr.IsValid() {
		return transport.Flow{}, false
	}
	return p.peerFlow(&p.cfg.Servers[t.Server].Peer), true
}

// viaFlow is where a response goes by its top Via alone (RFC 3261 §18.2.2).
func (p *Proxy) viaFlow(raw []byte, h *message.Head) (transport.Flow, bool) {
	host := h.SentBy.Of(raw)
	addr, ok := hostPort(host)
	port := sentByPort(host)
	if !h.Received.Empty() {
		a, good := message.AddrPort(h.Received.Of(raw))
		if !good {
			return transport.Flow{}, false
		}
		if n, err := strconv.ParseUint(string(h.RPort.Of(raw)), 10, 16); err == nil {
			port = uint16(n)
		}
		addr, ok = withPort(a, port), true
	}
	network := transport.UDP
	if isTCP(h.ViaTransport.Of(raw)) {
		network = transport.TCP
	}
	return p.flowTo(addr, network, 0), ok
}
