package agent

import (
	"net/netip"
	"time"

	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// exchange is one request of ours; what changes with each address is guarded by
// the agent's mutex.
type exchange struct {
	branch  string         // of the present attempt
	earlier []attempt      // those before it: a late answer counts
	flow    transport.Flow // of the present attempt
	conn    uint32         // which took it, of a stream; 0: not known
	rest    []transport.Flow
	share   time.Duration
	moveAt  router.Instant // when the next address is tried; Never: it is the last
	failure Failure        // of an earlier address
	req     Request
	raw     []byte
	tx      transaction.State
	timer   *time.Timer
	sentAt  time.Time
	limit   router.Instant
	silence Failure // what silence until limit means
	again   bool    // transmitted more than once
	entered bool    // it was pending
	done    func(Result)
}

// attempt is one that went to an address before the present one.
type attempt struct {
	branch string
	remote netip.AddrPort
}

// asked is the address that a branch went to.
func (x *exchange) asked(branch string) netip.AddrPort {
	for _, e := range x.earlier {
		if e.branch == branch {
			return e.remote
		}
	}
	return x.flow.Remote
}

func (a *Agent) build(x *exchange) []byte {
	q := &x.req
	return message.AppendRequest(nil, &message.Request{
		Method: q.Method, URI: q.URI, Via: a.via(x.flow, x.branch), From: q.From, To: q.To,
		CallID: q.CallID, CSeq: q.CSeq, MaxForwards: 70, Contact: q.Contact, Routes: q.Routes, Extra: q.Extra,
	})
}

func (a *Agent) via(f transport.Flow, branch string) string {
	return "SIP/2.0/" + f.Network.String() + " " + a.sentBy(f.Listener) + ";branch=" + branch + ";rport"
}

// arm sets the timer of x to its next deadline; mu is held.
func (a *Agent) arm(x *exchange, now router.Instant) {
	d := min(x.tx.Next(), x.limit, x.moveAt)
	if d == router.Never {
		return
	}
	wait := max(d.Sub(now), 0)
	if x.timer == nil {
		x.timer = time.AfterFunc(wait, func() { a.tick(x) })
		return
	}
	x.timer.Reset(wait)
}

// due is what the timer of an exchange found to do.
type due uint8

const (
	dueNothing due = iota
	dueEnd
	dueMove
	dueRepeat
)

func (a *Agent) tick(x *exchange) {
	defer a.survive(x)
	switch what, flow, raw := a.stepped(x); {
	case what == dueEnd:
		a.end(x, Result{Failure: x.silence})
	case what == dueMove:
		a.fail(x, flow, TimedOut)
	case what == dueRepeat && (x.req.Allowed == nil || x.req.Allowed()):
		_ = a.wire.Send(flow, raw) // a lost repeat is what repeats are for
	}
}

// stepped moves x on to now.
func (a *Agent) stepped(x *exchange) (due, transport.Flow, []byte) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.pending[x.branch] != x:
		return dueNothing, x.flow, nil
	case now >= x.limit:
		return dueEnd, x.flow, nil
	case x.moveAt <= now:
		return dueMove, x.flow, nil
	}
	var act transaction.Actions
	if x.tx.Next() <= now {
		act = x.tx.Step(now, transaction.Timer, 0)
	}
	if act&(transaction.PassTimeout|transaction.Terminate) != 0 {
		return dueEnd, x.flow, nil
	}
	a.arm(x, now)
	if act&transaction.Transmit != 0 {
		x.again = true
		return dueRepeat, x.flow, x.raw
	}
	return dueNothing, x.flow, nil
}

// end takes x out and reports, once.
func (a *Agent) end(x *exchange, r Result) {
	a.mu.Lock()
	mine := a.pending[x.branch] == x
	r.Repeated = x.again || len(x.earlier) > 0
	delete(a.pending, x.branch)
	for _, e := range x.earlier {
		delete(a.pending, e.branch)
	}
	if x.timer != nil {
		x.timer.Stop()
	}
	a.mu.Unlock()
	if mine {
		r.Took = time.Since(x.sentAt)
		a.report(x, r)
	}
}
