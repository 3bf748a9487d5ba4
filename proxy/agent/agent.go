// Package agent is Relève's own user agent (RFC 3261 §8): OPTIONS of a round,
// REGISTER, the test call (Call), and the ACK and BYE of a 2xx that nobody wants.
//
//	Do ─► pending ──► final response ───────► Result{Status}
//	         │  └───► Timer F, or our limit ─► TimedOut
//	         ├──────► transport error ───────► Refused, Unreachable, TLSFailed
//	         ├──────► a fault of ours ───────► Overload, and Caught is told
//	         └──────► Close ─────────────────► (no callback)
//
// Agent owns its client transactions behind one mutex; their timers are its
// own, its sockets are the proxy's, so that a far end sees one address. Results
// are delivered on the goroutine that found them out, never under the mutex: a
// callback may call Do, and must not block.
//
// RFC 3261 §8.1, §9.1, §12, §13.2.2.4, §15.1.1, §17.1.2, §18.4; RFC 3264 §6; RFC 3326.
package agent

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// prefix marks the branches of our own requests, so that a response is known
// for ours before any table is asked.
const prefix = "z9hG4bKown"

// maxPending bounds the transactions in progress; more are refused with Overload.
const maxPending = 10_000

// Wire is what the agent needs of the sockets.
type Wire interface {
	Send(f transport.Flow, raw []byte) error
}

// Carrier is a Wire that says which connection took a message, the Conn of a Flow: a
// request ends with that one, and with no former one to the same peer.
type Carrier interface {
	Carry(f transport.Flow, raw []byte) (conn uint32, err error)
}

// Agent sends requests of our own. Safe for concurrent use.
type Agent struct {
	// Caught is told of a panic in the treatment of one request or in its callback:
	// it ended that request alone. Called by the function that recovered. Set it
	// before the first request; nil: nobody is told.
	Caught func(r any)

	wire   Wire
	sentBy func(listener uint8) string
	start  time.Time

	mu          sync.Mutex           // guards what follows
	pending     map[string]*exchange // by branch
	calls       map[string]*Call     // by branch
	closed      bool
	shed        uint64 // requests refused with Overload
	closedPorts closed // by ICMP, a moment ago
}

// New returns an Agent whose Via names sentBy of the flow's listener.
func New(wire Wire, sentBy func(listener uint8) string) *Agent {
	return &Agent{wire: wire, sentBy: sentBy, start: time.Now(), pending: make(map[string]*exchange), calls: make(map[string]*Call), closedPorts: make(closed)}
}

// Request is one request of ours outside the calls.
type Request struct {
	Method   string
	URI      string
	From, To string // header values; From without a tag gets one
	CallID   string // empty: a fresh one
	CSeq     uint32 // 0: 1, unless InDialog
	InDialog bool   // From, To, Call-ID and CSeq are a dialog's
	Contact  string // header value; empty: none
	Routes   []string
	Extra    [][]byte // whole header lines
	Flow     transport.Flow
	// Others are further addresses of the same far end, tried in turn when one
	// fails, says 503, or is silent for its share of the time (RFC 3263 §4.3).
	Others []transport.Flow
	// Timeout is our own limit, instead of Timer F; 0: Timer F.
	Timeout time.Duration
	// Allowed is asked before each transmission and retransmission: false
	// sends nothing any more. nil: always.
	Allowed func() bool
	// Answer makes the credentials for a request that got the 401 or 407 in hand:
	// whole lines, none when there are none. It is sent once more then, with the next
	// CSeq (RFC 3261 §22.2). nil: nobody answers.
	Answer func(Result) [][]byte
}

// Failure says why no response came.
type Failure uint8

// NoFailure: a final response came. TimedOut: silence. Refused: ICMP port
// unreachable or reset. Unreachable: any other transport failure. TLSFailed:
// certificates or configuration. Forbidden: Allowed said no before the first
// transmission. Overload: too many of our own requests in progress, or a fault
// of ours ended this one. NoAddress: the name of the far end is not known; the
// caller's to say. OwnNetwork: our own side could not send; nothing is known of
// the far end.
const (
	NoFailure Failure = iota
	TimedOut
	Refused
	Unreachable
	TLSFailed
	Forbidden
	Overload
	NoAddress
	OwnNetwork
)

// Result is how a request ended. Raw and Head are valid until the callback returns.
type Result struct {
	Failure    Failure
	Status     uint16 // of the final response; never one made here
	RetryAfter bool   // the response carries Retry-After
	Raw        []byte
	Head       *message.Head
	Took       time.Duration
	Remote     netip.AddrPort // the address of the far end that was asked for this response
	Repeated   bool           // the request was transmitted more than once
}

func (a *Agent) now() router.Instant { return router.Instant(time.Since(a.start)) }

// newBranch is unique across space and time (RFC 3261 §8.1.1.7).
func newBranch() string { return prefix + strings.ToLower(rand.Text()[:16]) }

// Do sends q. done, when not nil, is called exactly once, unless the agent is
// closed first; before Do returns when nothing could be sent.
func (a *Agent) Do(q Request, done func(Result)) {
	if answer := q.Answer; answer != nil {
		q = complete(q)
		first, report := q, done
		done = func(r Result) {
			if r.Failure == NoFailure && (r.Status == 401 || r.Status == 407) {
				if lines := answer(r); len(lines) > 0 {
					first.CSeq++
					first.Extra, first.Answer = append(slices.Clone(first.Extra), lines...), nil
					a.Do(first, report)
					return
				}
			}
			if report != nil {
				report(r)
			}
		}
	}
	x := &exchange{req: complete(q), flow: q.Flow, rest: q.Others, done: done, sentAt: time.Now(), limit: router.Never, silence: TimedOut}
	now := a.now()
	if q.Timeout > 0 {
		x.limit = now.Add(q.Timeout)
	}
	x.share = share(q)
	defer a.survive(x)
	a.begin(x, now)
	if q.Allowed != nil && !q.Allowed() {
		a.report(x, Result{Failure: Forbidden})
		return
	}
	raw, ok := a.enter(x, now)
	if !ok {
		a.report(x, Result{Failure: Overload})
		return
	}
	a.transmit(x, q.Flow, raw)
}

// enter makes x pending; false when there is no room, or no agent any more.
func (a *Agent) enter(x *exchange, now router.Instant) ([]byte, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x.entered = true
	if a.closed || len(a.pending) >= maxPending {
		a.shed++
		return nil, false
	}
	a.pending[x.branch] = x
	a.closedPorts.doubt(x, now)
	a.arm(x, now)
	return x.raw, true
}

// sent reads what Send returned. What the kernel or a queue did not take is a
// lost message, and repeats are the cure; an unreachable destination is reported
// by Failed, with its cause.
func sent(err error) Failure {
	switch {
	case err == nil, errors.Is(err, transport.ErrFull), errors.Is(err, transport.ErrQueueFull), errors.Is(err, transport.ErrUnreachable):
		return NoFailure
	case errors.Is(err, transport.ErrLimit), errors.Is(err, transport.ErrClosed):
		return Overload
	}
	return Unreachable
}

// Shed is the number of requests that were refused with Overload.
func (a *Agent) Shed() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.shed
}

// Capacity is how many requests may be in progress.
func (a *Agent) Capacity() int { return maxPending }

// Pending is the number of requests in progress.
func (a *Agent) Pending() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.pending)
}

// complete fills what the caller left to us; it is the same at each address.
func complete(q Request) Request {
	if q.CallID == "" {
		q.CallID = rand.Text()
	}
	if q.CSeq == 0 && !q.InDialog {
		q.CSeq = 1
	}
	if !strings.Contains(q.From, ";tag=") {
		q.From += ";tag=" + strings.ToLower(rand.Text()[:10])
	}
	return q
}

// Response takes a response whose branch is one of ours; false: not ours.
// Repeats of a final find no transaction and are absorbed (RFC 3261 §17.1.2.2).
func (a *Agent) Response(raw []byte, h *message.Head) bool {
	branch := h.Branch.Of(raw)
	if len(branch) < len(prefix) || string(branch[:len(prefix)]) != prefix {
		return false
	}
	now := a.now()
	a.mu.Lock()
	if c := a.calls[string(branch)]; c != nil {
		a.mu.Unlock()
		c.invited(raw, h)
		return true
	}
	x := a.pending[string(branch)]
	present := x != nil && x.branch == string(branch)
	if present {
		a.closedPorts.spoke(x.flow)
	}
	if present && h.Status < 200 {
		x.tx.Step(now, transaction.Response, h.Status)
		x.moveAt = router.Never // it speaks
		a.arm(x, now)
	}
	var flow transport.Flow
	var remote netip.AddrPort
	if present {
		flow = x.flow
	}
	if x != nil {
		remote = x.asked(string(branch))
	}
	further := x != nil && len(x.rest) > 0
	a.mu.Unlock()
	switch {
	case x == nil || h.Status < 200:
	case h.Status == 503 && !present: // its branch went on
	case h.Status == 503 && further:
		a.fail(x, flow, Unreachable)
	default:
		a.end(x, Result{Status: h.Status, RetryAfter: h.RetryAfter, Raw: raw, Head: h, Remote: remote})
	}
	return true
}

// Close drops what is in progress; no callback comes after it.
func (a *Agent) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, x := range a.pending {
		if x.timer != nil {
			x.timer.Stop()
		}
	}
	clear(a.pending)
	a.drop()
}
