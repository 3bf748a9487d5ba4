// Package transaction holds the four transaction machines of RFC 3261 §17 with
// the corrections of RFC 6026 (Accepted, Timers L and M, a transport error
// does not destroy an INVITE server transaction) and RFC 4320.
//
// A State is a flat value without pointers: it decides, the caller sends.
// Pure: the clock is an argument. Not safe for concurrent use; the shard that
// owns the call owns the State.
//
//	INVITE client      Calling → Proceeding → Completed → Terminated
//	                         \→ Accepted (2xx) → Terminated
//	non-INVITE client  Trying → Proceeding → Completed → Terminated
//	INVITE server      Proceeding → Completed → Confirmed → Terminated
//	                         \→ Accepted (2xx) → Terminated
//	non-INVITE server  Trying → Proceeding → Completed → Terminated
//
// Each machine ends by itself once its final was sent or received. Without a
// final an INVITE client in Proceeding waits for ever by design: Timer C of
// package fork ends it through Stop (RFC 3261 §16.8, §9.1).
package transaction

import (
	"time"

	"releve/router"
)

// Timer values of RFC 3261 table 4. They are the specification's, not settings.
const (
	T1 = 500 * time.Millisecond
	T2 = 4 * time.Second
	T4 = 5 * time.Second
	// TimerD is how long an INVITE client transaction absorbs repeats over UDP.
	TimerD = 32 * time.Second
)

// Kind is one of the four machines.
type Kind uint8

// The machines.
const (
	InviteClient Kind = iota
	Client
	InviteServer
	Server
)

// Phase is the state of a machine.
type Phase uint8

// The states of all machines; Calling serves Trying of the non-INVITE ones too.
const (
	Calling Phase = iota
	Proceeding
	Completed
	Confirmed
	Accepted
	Terminated
)

// Event is what happens to a transaction.
type Event uint8

// Start: a client transaction sends its request for the first time, a server
// transaction received its request for the first time. Request: a repeat of
// the request arrived. Response: a response arrived (client) with status.
// Send: the user sends a response (server) with status. Ack: an ACK for a
// non-2xx, or one with the INVITE's branch, arrived. Failed: the transport
// failed. Timer: the deadline of Next passed. Stop: the user gave the request
// up: it abandoned it, or a CANCEL was sent for it. It is retransmitted no
// more and the machine stays to treat a late answer: in Calling until Timer B,
// in Proceeding for 64*T1 from now (RFC 3261 §9.1).
const (
	Start Event = iota
	Request
	Response
	Send
	Ack
	Failed
	Timer
	Stop
)

// Actions is a set of things to do, performed in the order of the bits.
type Actions uint16

// Transmit: send the stored request (client) or the last response (server)
// (again). SendAck: send the ACK of this non-2xx final (RFC 3261 §17.1.1.3).
// Pass: hand the response to the user (client), or this ACK (INVITE server in
// Accepted, RFC 6026 §7.1). PassTimeout: Timer B, F or H ended it, or 64*T1
// after a CANCEL. PassFailed: the transport failed. Forget: the stored message
// may be released (only the key is needed from here on). Terminate: remove it.
// Trying: nothing was sent yet and a 100 is due: send one through Send
// (100 ms after an INVITE; other requests as RFC 4320 §4.1 has it).
const (
	Transmit Actions = 1 << iota
	SendAck
	Pass
	PassTimeout
	PassFailed
	Forget
	Terminate
	Trying
)

// State is one transaction: a flat value, comparable, without pointers. Made by
// New; the zero value is not usable.
type State struct {
	Kind     Kind
	Phase    Phase
	Reliable bool           // TCP or TLS: no retransmission (Timers A, E, G off; D, I, J, K are 0)
	Stopped  bool           // Stop was given: no more retransmissions of the request
	spoke    bool           // server: a response was sent, repeats get the last one; client: PassFailed was given
	interval time.Duration  // of the running retransmission timer
	resend   router.Instant // next retransmission, or the 100 that is due; Never: none
	end      router.Instant // Timer B, D, F, H, I, J, K, L or M; Never: none
}

var _ map[State]struct{} // comparable: the explorer keys on it

const (
	// wholeLife is 64*T1: Timers B, F, H, J, L and M.
	wholeLife = 64 * T1
	// tryingAfter is our choice within the 200 ms of RFC 3261 §17.2.1.
	tryingAfter = 100 * time.Millisecond
	// lateTryingAfter is when a client's Timer E reaches T2, T1+2*T1+4*T1: no
	// 100 to a non-INVITE before it, one if nothing else then (RFC 4320 §4.1).
	lateTryingAfter = 7 * T1
)

// New starts a machine at now: a client sends its request for the first time,
// a server received its request.
func New(k Kind, reliable bool, now router.Instant) (State, Actions) {
	s := State{Kind: k, Reliable: reliable, resend: router.Never, end: router.Never}
	switch k {
	case InviteServer:
		s.Phase = Proceeding
		s.resend = now.Add(tryingAfter)
		return s, 0
	case Server:
		s.resend = now.Add(lateTryingAfter)
		// Our choice: a request that gets no final (RFC 4320 §4.2 forbids the
		// 408) ends T4 after its client gave up, so that the Timer F of what we
		// forwarded comes first.
		s.end = now.Add(wholeLife + T4)
		return s, 0
	}
	s.end = now.Add(wholeLife) // Timer B or F
	if !reliable {
		s.interval = T1 // Timer A or E
		s.resend = now.Add(T1)
	}
	return s, Transmit
}

// Next is when Step wants Timer; router.Never when no timer runs.
func (t *State) Next() router.Instant { return min(t.resend, t.end) }

// Step tells the machine what happened at now and returns what to do. status is
// read with Response and Send only. An event that means nothing in the present
// phase returns no action; so does a Timer before Next.
func (t *State) Step(now router.Instant, e Event, status uint16) Actions {
	if t.Phase == Terminated || e == Start {
		return 0
	}
	switch t.Kind {
	case InviteClient:
		return t.inviteClient(now, e, status)
	case Client:
		return t.client(now, e, status)
	case InviteServer:
		return t.inviteServer(now, e, status)
	case Server:
		return t.server(now, e, status)
	}
	return 0
}

// enter moves to a phase that lasts d and retransmits nothing; a duration of
// zero is not waited for.
func (t *State) enter(now router.Instant, p Phase, d time.Duration, a Actions) Actions {
	if d == 0 {
		return t.terminate(a)
	}
	t.Phase = p
	t.resend = router.Never
	t.end = now.Add(d)
	return a
}

func (t *State) terminate(a Actions) Actions {
	t.Phase = Terminated
	t.resend, t.end = router.Never, router.Never
	return a&^Forget | Terminate
}

// tail is the duration of Timer D, I, J or K: zero on a reliable transport.
func (t *State) tail(d time.Duration) time.Duration {
	if t.Reliable {
		return 0
	}
	return d
}

// again retransmits and doubles the interval up to limit. The next one counts
// from now, not from when this one was due: a paused machine makes no burst.
func (t *State) again(now router.Instant, limit time.Duration) Actions {
	t.interval = min(2*t.interval, limit)
	t.resend = now.Add(t.interval)
	return Transmit
}
