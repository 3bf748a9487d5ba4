package phone

import (
	"math"

	"releve/proxy/media/sound"
)

// tone is one second of two mixed tones, A-law, 8 kHz; whole periods, so that
// it loops without a click.
func tone(first, second float64) []byte {
	out := make([]byte, 8000)
	for i := range out {
		t := float64(i) / 8000
		out[i] = sound.ALaw.Encode(int16(6000 * (math.Sin(2*math.Pi*first*t) + math.Sin(2*math.Pi*second*t))))
	}
	return out
}

// Silence is one second of A-law silence, for UseMedia.
func Silence() []byte {
	out := make([]byte, 8000)
	for i := range out {
		out[i] = sound.ALaw.Encode(0)
	}
	return out
}

// energy is the mean square of the decoded samples. A full 440 Hz prompt is
// about 3.6e7, A-law silence below 1e3.
func energy(law sound.Law, payload []byte) float64 {
	if len(payload) == 0 {
		return 0
	}
	var sum float64
	for _, b := range payload {
		v := float64(law.Decode(b))
		sum += v * v
	}
	return sum / float64(len(payload))
}
