//go:build race

package transport

// The race detector makes sync.Pool drop at random.
const raceEnabled = true
