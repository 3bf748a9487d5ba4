package health

import "time"

// Our choices: a server is slow against its own past, not against a number of
// ours, once eight answers have made a past; 50 ms is what nobody hears.
const (
	latencySamples = 8
	latencyFactor  = 8 // deviations above the mean
	latencyFloor   = 50 * time.Millisecond
)

// latency is the history of round-trip times: exponentially weighted mean and
// mean deviation, as RFC 6298 §2 keeps them, but slower (1/16).
type latency struct {
	mean, deviation time.Duration
	samples         uint8 // up to latencySamples
	odd             bool  // the newest was out of its own history
}

// add judges rtt against the history, then lets it in. An odd value enters cut
// to the limit: one outlier does not move the history, a lasting change does.
func (l *latency) add(rtt time.Duration) {
	if l.samples == 0 {
		*l = latency{mean: rtt, deviation: rtt / 2, samples: 1}
		return
	}
	limit := max(l.mean+latencyFactor*l.deviation, latencyFloor)
	l.odd = l.samples >= latencySamples && rtt > limit
	rtt = min(rtt, limit)
	l.samples = min(l.samples+1, latencySamples)
	l.deviation += ((rtt - l.mean).Abs() - l.deviation) / 16
	l.mean += (rtt - l.mean) / 16
}
