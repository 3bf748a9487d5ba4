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

// legs are both ends of a call answered by branch i, kept for the day when one
// end is asked after it, or is told of its end, in the place of the other.
func (c *context) legs(i uint8, ok []byte, h *message.Head) (l [2]dialog.Leg) {
	called, calling := dialog.AtServer, dialog.AtIPBX
	if c.call.outgoing {
		called, calling = calling, called
	}
	l[called] = dialog.Leg{
		Target: string(h.ContactURI.Of(ok)), From: string(h.From.Of(ok)), To: string(h.To.Of(ok)),
		CSeq: h.CSeq, Flow: c.branches[i].flow, Routes: message.RouteSet(ok, h, c.s.p.Ours),
	}
	l[calling] = dialog.Leg{
		Target: string(c.head.ContactURI.Of(c.raw)), From: l[called].To, To: string(c.head.From.Of(c.raw)),
		Flow: c.flow,
	}
	for v := range message.Values(c.raw, &c.head, "Record-Route") {
		l[calling].Routes = append(l[calling].Routes, string(v))
	}
	return l
}

// Bye is one BYE of ours to an end of a call.
type Bye struct {
	CallID string
	Server router.Server // of the call
	Leg    dialog.Leg
}

// byeTo is the BYE to end e of a call; false when that end cannot be told.
func (p *Proxy) byeTo(c *dialog.Call, e dialog.End) (Bye, bool) {
	l := c.Legs[e]
	if l.Target == "" || len(l.Routes) > maxRoutes {
		return Bye{}, false
	}
	l.Flow = p.legFlow(l)
	l.CSeq++
	return Bye{CallID: c.CallID, Server: c.Server, Leg: l}, true
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
		if b, ok := p.byeTo(&call, dialog.AtIPBX); ok {
			out = append(out, b)
		}
	}
	return out
}

// legFlow is where a request to an end goes: the first Route, else the remote
// target, else where that end was heard from.
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
