package server

import (
	"testing"
	"time"
)

// TestManners: quirks that take long to see on the wire, or that package phone
// shows on it, ask for the right manners.
func TestManners(t *testing.T) {
	for q, want := range map[Quirk]func(habits) bool{
		"answer-slow":          func(h habits) bool { return h.delay == 10*time.Second },
		"rtp-loss":             func(h habits) bool { return h.LoseEvery == 10 },
		"slow":                 func(h habits) bool { return h.mode.Kind == Slow && h.mode.Least >= 300*time.Millisecond },
		"contact-rewritten":    func(h habits) bool { return h.ContactThrough },
		"record-route-ignored": func(h habits) bool { return h.IgnoreRecordRoute },
	} {
		var h habits
		quirks[q](&h)
		if !want(h) {
			t.Errorf("%s: %+v", q, h)
		}
		if h = (habits{}); want(h) {
			t.Errorf("%s: a server without quirks has it", q)
		}
	}
}
