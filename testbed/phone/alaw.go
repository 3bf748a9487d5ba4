package phone

import "math"

// encodeALaw and decodeALaw are ITU-T G.711 table 1a, even bits inverted.
func encodeALaw(sample int16) byte {
	sign := byte(0x80)
	v := int(sample)
	if v < 0 {
		sign, v = 0, -v-1
	}
	v >>= 3
	exponent := 0
	for limit := 0x1f; v > limit && exponent < 7; limit = limit<<1 | 1 {
		exponent++
	}
	mantissa := v >> max(exponent, 1) & 0x0f // segments 0 and 1 share a step
	return (sign | byte(exponent<<4) | byte(mantissa)) ^ 0x55
}

func decodeALaw(b byte) int16 {
	b ^= 0x55
	exponent, mantissa := int(b>>4&7), int(b&0x0f)
	v := mantissa<<4 + 8
	if exponent > 0 {
		v = (v + 0x100) << (exponent - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}

// tone is one second of two mixed tones, A-law, 8 kHz; whole periods, so that
// it loops without a click.
func tone(first, second float64) []byte {
	out := make([]byte, 8000)
	for i := range out {
		t := float64(i) / 8000
		out[i] = encodeALaw(int16(6000 * (math.Sin(2*math.Pi*first*t) + math.Sin(2*math.Pi*second*t))))
	}
	return out
}

// Silence is one second of A-law silence, for UseMedia.
func Silence() []byte {
	out := make([]byte, 8000)
	for i := range out {
		out[i] = encodeALaw(0)
	}
	return out
}

// energy is the mean square of the decoded samples. A full 440 Hz prompt is
// about 3.6e7, A-law silence below 1e3.
func energy(payload []byte) float64 {
	if len(payload) == 0 {
		return 0
	}
	var sum float64
	for _, b := range payload {
		v := float64(decodeALaw(b))
		sum += v * v
	}
	return sum / float64(len(payload))
}
