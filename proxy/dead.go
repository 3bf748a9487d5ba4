package proxy

import (
	"releve/proxy/dialog"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
)

// maxRoutes bounds the route set kept of a call; one with more is not released
// by us (its IPBX ends it).
const maxRoutes = 8

// farLeg is what a BYE of ours towards the IPBX needs, as if the server sent
// it (RFC 3261 §12.2.1.1): kept at the answer of branch i, for the day the server
// is dead.
func (p *Proxy) farLeg(c *context, i uint8, ok []byte, h *message.Head) dialog.Leg {
	if c.call.outgoing {
		return dialog.Leg{
			Target: string(h.ContactURI.Of(ok)), From: string(h.From.Of(ok)), To: string(h.To.Of(ok)),
			CSeq: h.CSeq, Flow: c.branches[i].flow, Routes: message.RouteSet(ok, h, p.Ours),
		}
	}
	leg := dialog.Leg{
		Target: string(c.head.ContactURI.Of(c.raw)), From: string(h.To.Of(ok)), To: string(c.head.From.Of(c.raw)),
		Flow: c.flow,
	}
	for v := range message.Values(c.raw, &c.head, "Record-Route") {
		leg.Routes = append(leg.Routes, string(v))
	}
	return leg
}

// Bye is one BYE of ours towards the IPBX.
type Bye struct {
	CallID string
	Server router.Server // in whose place
	Leg    dialog.Leg
}

// ReleaseCalls ends the calls in progress on a server that is confirmed dead:
// their lines are free, their records say so, and the BYEs to send towards the
// IPBX are returned (our choice: dead_calls release).
func (p *Proxy) ReleaseCalls(s router.Server) []Bye {
	now := p.Now()
	var out []Bye
	for _, call := range p.Dialogs.Live() {
		if call.Server != s || !p.endCall(call.Key, now, router.ReasonServerDead, byReleve) {
			continue
		}
		if call.Leg.Target != "" && len(call.Leg.Routes) <= maxRoutes {
			call.Leg.Flow = p.legFlow(call.Leg)
			call.Leg.CSeq++
			out = append(out, Bye{CallID: call.CallID, Server: s, Leg: call.Leg})
		}
	}
	return out
}

// legFlow is where the BYE goes: the first Route, else the remote target, else
// where the call came from.
func (p *Proxy) legFlow(l dialog.Leg) transport.Flow {
	next := []byte(l.Target)
	if len(l.Routes) > 0 {
		next = uriOf([]byte(l.Routes[0]))
	}
	if f, ok := p.flowOf(next, l.Flow.Listener); ok {
		return f
	}
	return l.Flow
}
