package preflight

import (
	"net/netip"
	"slices"
	"strings"

	"releve/proxy/transport"
)

// flow is the way to a far end.
func flowTo(network transport.Network, to netip.AddrPort) transport.Flow {
	return transport.Flow{Network: network, Remote: to, Listener: listener(network, false)}
}

// sentBy is our address at a listener.
func (s *station) sentBy(listener uint8) string { return s.tr.Addr(int(listener)).String() }

// listener is where a network is heard, or where its hop is.
func listener(n transport.Network, beside bool) uint8 {
	l := [...]uint8{main, tcp, secure}[n]
	if beside {
		l++
	}
	return l
}

// uri is ours at a network, or the hop's beside it.
func (s *station) uri(user string, n transport.Network, beside bool) string {
	out := "sip:" + s.sentBy(listener(n, beside))
	if user != "" {
		out = "sip:" + user + "@" + s.sentBy(listener(n, beside))
	}
	if n != transport.UDP {
		out += ";transport=" + strings.ToLower(n.String())
	}
	return out
}

// contact is our Contact for a flow.
func (s *station) contact(f transport.Flow) string {
	return "<" + s.uri("releve", f.Network, false) + ">"
}

// leg names whose hop a Record-Route value of ours is: where the IPBX is a proxy, one
// call carries both.
type leg string

// The legs: the caller's side and the called one's.
const (
	calling leg = "calling"
	called  leg = "called"
)

// hopRoute is the Record-Route value of our own hop at one side.
func (s *station) hopRoute(n transport.Network, l leg) string {
	return "<" + s.uri("", n, true) + ";lr;leg=" + string(l) + ">"
}

// isHop fits a Route or Record-Route value of our own hop at one side, by any network.
func (s *station) isHop(l leg) func(value []byte) bool {
	return func(value []byte) bool {
		v := string(value)
		return strings.Contains(v, "leg="+string(l)) &&
			(strings.Contains(v, s.sentBy(hop)) || strings.Contains(v, s.sentBy(hopTCP)) || strings.Contains(v, s.sentBy(hopSecure)))
	}
}

// turnedAway notes who began a TLS connection to us and did not like it.
func (s *station) turnedAway(f transport.Flow, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dialed := slices.ContainsFunc(s.peers, func(p transport.Peer) bool { return p.Addr == f.Remote })
	if !dialed && len(s.turned) < maxWaiting {
		s.turned[f.Remote.Addr()] = err
	}
}

// wentOff is why one of all began a TLS connection to us and broke it off; nil: nobody
// did.
func (s *station) wentOff(all []netip.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range all {
		if err := s.turned[a]; err != nil {
			return err
		}
	}
	return nil
}
