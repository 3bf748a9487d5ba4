// Package media is the little RTP that Relève handles itself: it listens to the
// sound of a test call, and plays the prompt of a held call. No other media passes
// Relève.
//
//	Ports ─ Listen ─► Ear ─ packets ─► Meter ─► Report ─► Judge: audible, late, silent, no packets
//	WAV ─ Load ─► Prompt ─► Player ─ one ticker ─► G.711, 20 ms, to each listener
//
// Law, Meter, Judge, the session descriptions and Load are pure: they read no
// clock and keep nothing. An Ear owns its socket, its goroutine and its Meter; a
// Player owns one socket and one goroutine, whoever listens. Both are safe for
// concurrent use. Nothing waits for the network: what cannot be sent is lost.
//
// RFC 3550 §5.1, §6.4.1, A.1, A.3, A.8; RFC 3551 §4.1, §4.5.14, §6; RFC 3264 for the
// offer of a test call and the answer to a held caller; ITU-T G.711.
package media

import "time"

// Rate is the sampling rate of G.711, in samples a second.
const Rate = 8000

const (
	// packetTime is what one packet of ours holds (RFC 3551 §4.2).
	packetTime = 20 * time.Millisecond
	// packetSamples are its samples, and its bytes: one a sample.
	packetSamples = Rate * int(packetTime/time.Millisecond) / 1000
)

// Law is one of the two companding laws of ITU-T G.711; its value is the static RTP
// payload type (RFC 3551 §6).
type Law uint8

// MuLaw is PCMU, ALaw is PCMA.
const (
	MuLaw Law = 0
	ALaw  Law = 8
)

// known says that a payload type is G.711.
func (l Law) known() bool { return l == MuLaw || l == ALaw }

// Silence is the byte of a zero sample.
func (l Law) Silence() byte { return l.Encode(0) }

// Decode returns a byte of the law as a linear sample of 16 bits.
func (l Law) Decode(b byte) int16 {
	if l == MuLaw {
		return decodeMuLaw(b)
	}
	return decodeALaw(b)
}

// Encode returns a linear sample of 16 bits as a byte of the law.
func (l Law) Encode(sample int16) byte {
	if l == MuLaw {
		return encodeMuLaw(sample)
	}
	return encodeALaw(sample)
}
