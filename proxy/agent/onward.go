package agent

import (
	"slices"
	"time"

	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// share is how long one of several addresses may be silent: an equal part of our
// own limit, else 4 s. Our choice.
func share(q Request) time.Duration {
	if q.Timeout > 0 {
		return q.Timeout / time.Duration(1+len(q.Others))
	}
	return 4 * time.Second
}

// begin starts the transaction at x.flow with a branch of its own (RFC 3261
// §16.6(8)); x is not known to others yet, or mu is held.
func (a *Agent) begin(x *exchange, now router.Instant) {
	x.branch, x.conn = newBranch(), 0
	x.raw = a.build(x)
	x.tx, _ = transaction.New(transaction.Client, x.flow.Network.Reliable(), now)
	x.moveAt = router.Never
	if len(x.rest) > 0 {
		x.moveAt = now.Add(x.share)
	}
}

// transmit sends for the first time at one address.
func (a *Agent) transmit(x *exchange, f transport.Flow, raw []byte) {
	if failure := sent(a.carry(x, f, raw)); failure != NoFailure {
		a.fail(x, f, failure)
	}
}

// carry sends, and notes which connection took it, where the Wire says so.
func (a *Agent) carry(x *exchange, f transport.Flow, raw []byte) error {
	wire, ok := a.wire.(Carrier)
	if !ok || !f.Network.Reliable() {
		return a.wire.Send(f, raw)
	}
	conn, err := wire.Carry(f, raw)
	a.mu.Lock()
	defer a.mu.Unlock()
	if x.flow == f {
		x.conn = conn
	}
	return err
}

// fail goes on to the next address after f failed, or ends x: as refused or
// failed by TLS only when every address was.
func (a *Agent) fail(x *exchange, f transport.Flow, why Failure) {
	defer a.survive(x)
	switch what, flow, raw := a.onward(x, f, &why); what {
	case dueEnd:
		a.end(x, Result{Failure: why})
	case dueRepeat:
		a.transmit(x, flow, raw)
	}
}

// onward turns x to its next address after f failed, if there is one; why becomes
// the failure of all of them.
func (a *Agent) onward(x *exchange, f transport.Flow, why *Failure) (due, transport.Flow, []byte) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending[x.branch] != x || x.flow.Remote != f.Remote || x.flow.Network != f.Network {
		return dueNothing, f, nil // it ended, or went on already
	}
	if x.failure != NoFailure && x.failure != *why {
		*why = Unreachable
	}
	x.failure = *why
	if len(x.rest) == 0 || x.req.Allowed != nil && !x.req.Allowed() {
		return dueEnd, f, nil
	}
	x.earlier = append(x.earlier, attempt{x.branch, x.flow.Remote})
	x.flow, x.rest = x.rest[0], x.rest[1:]
	a.begin(x, now)
	a.pending[x.branch] = x
	a.arm(x, now)
	return dueRepeat, x.flow, x.raw
}

// Failed takes a transport error: what waits for that peer ends.
func (a *Agent) Failed(f transport.Flow, c transport.Cause) {
	failure := Unreachable
	switch c {
	case transport.PortUnreachable:
		failure = Refused
	case transport.TLSFault:
		failure = TLSFailed
	case transport.OwnNetwork:
		failure = OwnNetwork
	}
	now := a.now()
	a.mu.Lock()
	if failure == Refused {
		a.closedPorts.refused(f, now)
	}
	var hit []*exchange
	for _, x := range a.pending {
		elsewhere := x.conn != 0 && f.Conn != 0 && x.conn != f.Conn // a former connection's end is told late
		if x.flow.Remote == f.Remote && x.flow.Network == f.Network && !elsewhere && !slices.Contains(hit, x) {
			hit = append(hit, x)
		}
	}
	var calls []*Call
	for _, c := range a.calls {
		if c.q.Flow.Remote == f.Remote && c.q.Flow.Network == f.Network {
			calls = append(calls, c)
		}
	}
	a.mu.Unlock()
	for _, x := range hit {
		a.fail(x, f, failure)
	}
	for _, c := range calls {
		c.broken(failure)
	}
}
