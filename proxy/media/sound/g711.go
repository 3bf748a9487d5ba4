package sound

// encodeALaw is ITU-T G.711 table 1a: 13 bits, even bits inverted.
func encodeALaw(sample int16) byte {
	sign, v := byte(0x80), int(sample)
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

// The bias and the clip of µ-law in 16 bits (ITU-T G.711 table 2a, 14 bits × 4).
const (
	muBias = 33 << 2
	muClip = 8158 << 2
)

// encodeMuLaw is ITU-T G.711 table 2a: 14 bits, all bits inverted.
func encodeMuLaw(sample int16) byte {
	sign, v := byte(0), int(sample)
	if v < 0 {
		sign, v = 0x80, -v
	}
	v = min(v, muClip) + muBias
	exponent := 7
	for mask := 0x4000; v&mask == 0 && exponent > 0; mask >>= 1 {
		exponent--
	}
	return ^(sign | byte(exponent<<4) | byte(v>>(exponent+3)&0x0f))
}

func decodeMuLaw(b byte) int16 {
	b = ^b
	exponent, mantissa := int(b>>4&7), int(b&0x0f)
	v := (mantissa<<3+muBias)<<exponent - muBias
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v)
}
