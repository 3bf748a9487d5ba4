package proxy

import (
	"releve/proxy/transport"
	"releve/router"
)

// astray treats the responses whose connection is closed and could not be opened
// to the address that their request came from: they go to where the name in the
// sent-by leads (RFC 3261 §18.2.2, RFC 3263 §5), once. ask looks an unknown name
// up first.
func (s *shard) astray(now router.Instant, f transport.Flow, ask bool) {
	if !f.Network.Reliable() || f.Conn != 0 {
		return
	}
	for _, c := range s.servers {
		if c.rerouted || c.flow.Network != f.Network || c.flow.Remote != f.Remote || !c.byName() {
			continue
		}
		sentBy := c.head.SentBy.Of(c.raw)
		to, ok := s.p.sentByFlow(sentBy, f.Network, c.flow.Listener)
		if !ok && ask {
			s.p.cfg().Names.Resolve(sentByName(sentBy, f.Network), func() { s.post(posted{kind: postAstray, flow: f}) })
			continue
		}
		if !ok {
			continue
		}
		c.flow, c.rerouted = to, true
		if len(c.last) > 0 {
			_ = s.send(c.flow, c.last) // RFC 3261 §16.9
		}
	}
}

// byName reports whether the way of responses may lead through a name.
func (c *context) byName() bool {
	if c.s.p.cfg().Names == nil || len(c.raw) == 0 || !c.flow.Network.Reliable() {
		return false
	}
	_, literal := hostPort(c.head.SentBy.Of(c.raw), c.flow.Network)
	return !literal
}
