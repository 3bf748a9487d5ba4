package agent

import (
	"net/netip"
	"time"

	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// closed remembers which ports were closed a moment ago, by remote address.
// Silence right after a refusal is one more refusal: a kernel answers a closed
// port by ICMP, but not each datagram (RFC 1812 §4.3.2.8). Linux sends one peer
// six errors, then one a second (icmp_ratelimit), and the calls and their repeats
// take them from the OPTIONS of a round.
type closed map[netip.AddrPort]router.Instant

const (
	// closedFor: longer than the second that lies between two errors. An OPTIONS
	// sent later than that after an error gets one of its own.
	closedFor = 1500 * time.Millisecond
	// maxClosed bounds the table; only configured peers have a socket that hears of
	// refusals, so it is never reached. Beyond it a silence stays a silence.
	maxClosed = 256
)

// refused notes that an ICMP error came; mu of the agent is held.
func (c closed) refused(f transport.Flow, now router.Instant) {
	if _, known := c[f.Remote]; f.Network == transport.UDP && (known || len(c) < maxClosed) {
		c[f.Remote] = now
	}
}

// spoke forgets it: somebody listens.
func (c closed) spoke(f transport.Flow) {
	if f.Network == transport.UDP {
		delete(c, f.Remote)
	}
}

// doubt gives a request with a limit of its own no more than T1 at a port that
// was closed a moment ago. Silence then means that it still is; who listens there
// again answers within that (our choice).
func (c closed) doubt(x *exchange, now router.Instant) {
	at, was := c[x.flow.Remote]
	if !was || now.Sub(at) > closedFor || x.req.Timeout == 0 || x.flow.Network != transport.UDP || len(x.rest) > 0 {
		return
	}
	x.limit, x.silence = min(x.limit, now.Add(transaction.T1)), Refused
}
