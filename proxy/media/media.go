// Package media is the little RTP that Relève handles itself: it listens to the
// sound of a test call, and plays the prompt of a held call. No other media passes
// Relève.
//
//	Ports ─ Listen ─► Ear ─ packets ─► Meter ─► Report ─► Judge: audible, late, silent, no packets
//	WAV ─ sound.ReadWAV ─► Prompt ─► Player ─ one ticker ─► G.711, 20 ms, to each listener
//
// Meter, Judge, the session descriptions and package sound are pure: they read no
// clock and keep nothing of their own. An Ear owns its socket, its goroutine and its Meter; a
// Player owns one socket and one goroutine, whoever listens. Both are safe for
// concurrent use. Nothing waits for the network: what cannot be sent is lost.
//
// RFC 3550 §5.1, §6.4.1, A.1, A.3, A.8; RFC 3551 §4.1, §4.5.14, §6; RFC 3264 for the
// offer of a test call and the answer to a held caller; ITU-T G.711.
package media

import (
	"time"

	"releve/proxy/media/sound"
)

const (
	// Rate is sound.Rate.
	Rate = sound.Rate

	// packetTime is what one packet of ours holds (RFC 3551 §4.2).
	packetTime = 20 * time.Millisecond
	// packetSamples are its samples, and its bytes: one a sample.
	packetSamples = Rate / 50
)

// Law is sound.Law.
type Law = sound.Law

// The laws.
const (
	MuLaw = sound.MuLaw
	ALaw  = sound.ALaw
)
