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
// non-2xx arrived. Failed: the transport failed. Timer: the deadline of Next
// passed. Stop: the user abandons retransmission (client, Calling): the
// machine stays to treat a late answer.
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
// Pass: hand the response to the user (client). PassTimeout: Timer B, F or H
// ended it. PassFailed: the transport failed. Forget: the stored message may be
// released (only the key is needed from here on). Terminate: remove it.
const (
	Transmit Actions = 1 << iota
	SendAck
	Pass
	PassTimeout
	PassFailed
	Forget
	Terminate
)

// State is one transaction.
type State struct {
	Kind     Kind
	Phase    Phase
	Reliable bool           // TCP or TLS: no retransmission (Timers A, E, G off; D, I, J, K are 0)
	Stopped  bool           // Stop was given: no more retransmissions of the request
	interval time.Duration  // of the running retransmission timer
	resend   router.Instant // next retransmission; Never: none
	end      router.Instant // Timer B, D, F, H, I, J, K, L or M; Never: none
}
