package media

import "math"

// Our choices: sound is judged by windows of 100 ms; a window is heard from -45 dBm0
// on (speech and prompts lie at -10 to -35, comfort noise and idle lines below -50);
// three heard windows are sound, one or two are a click.
const (
	windowSamples = Rate / 10
	audibleLevel  = -45.0
	enoughWindows = 3
)

// fullScale is the level of the largest sine, in dBm0, and its mean square (ITU-T
// G.711 §5: 3.14 for A-law, 3.17 for µ-law; the difference is nothing here).
const (
	fullScale       = 3.14
	fullScaleSquare = 32768.0 * 32768.0 / 2
)

// quietest is what silence is said to be, in dBm0.
const quietest = -90.0

// window gathers the samples of one window. What does not alternate is no sound: a
// codec that is stuck at one value has a mean and no energy.
type window struct {
	n           int
	sum, square int64
}

func (w *window) add(sample int16) {
	v := int64(sample)
	w.n++
	w.sum += v
	w.square += v * v
}

// level is the energy of the window without its mean, in dBm0; quietest at least.
func (w *window) level() float64 {
	if w.n == 0 {
		return quietest
	}
	mean := float64(w.sum) / float64(w.n)
	return levelOf(float64(w.square)/float64(w.n) - mean*mean)
}

func levelOf(square float64) float64 {
	if square <= 0 {
		return quietest
	}
	return max(quietest, fullScale+10*math.Log10(square/fullScaleSquare))
}
