// Package snmp is the receiver of package notify that sends SNMP notifications
// to a supervisor: v2c or v3 (RFC 3416 §4.2.6, RFC 3414), traps or informs.
//
// A v2c or v3 trap cannot be confirmed: Send returns nil when it was sent, and
// an error when the receiver's machine says that nobody listens. An inform is
// confirmed by the receiver, and Send returns nil only then.
//
// Of a v3 trap the sender is the authoritative engine (RFC 3414 §1.5.1): its
// engine ID has to be known to the receiver (createUser -e 0x…) and its count of
// boots must never go back, or what it sends is dropped without a word. Engine
// keeps both. Of an inform the receiver is authoritative and is asked first.
//
// The objects and their numbers are those of RELEVE-MIB (MIB). Text is folded to
// ASCII unless told otherwise: without the MIB, most supervisors show anything
// else as a row of hexadecimal digits.
//
// An Engine is safe for concurrent use and outlives the Sinks; a Sink is used by
// one goroutine at a time and keeps no connection.
package snmp
