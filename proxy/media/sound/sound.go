// Package sound is G.711 without the network: its two laws, and the file that a
// prompt is read from. Pure, safe for concurrent use. ITU-T G.711; RFC 3551 §6; the
// RIFF WAVE file format.
package sound

// Rate is the sampling rate of G.711, in samples a second.
const Rate = 8000

// Law is one of the two companding laws of ITU-T G.711; its value is the static RTP
// payload type (RFC 3551 §6).
type Law uint8

// MuLaw is PCMU, ALaw is PCMA.
const (
	MuLaw Law = 0
	ALaw  Law = 8
)

// Known says that a payload type is G.711.
func (l Law) Known() bool { return l == MuLaw || l == ALaw }

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
