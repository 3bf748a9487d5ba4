package health

import "releve/router"

// CallResult is what one test call proved.
type CallResult uint8

// CallUnknown: nothing; it was not made, or this node was late. CallGood: answered,
// with audible sound when that is asked for. CallMute: answered, and no sound in
// time. CallStuck: no answer in time, or none at all. CallErr: a failure of the
// server (408, 5xx). CallBusy: it said that it is busy, which is no fault.
const (
	CallUnknown CallResult = iota
	CallGood
	CallMute
	CallStuck
	CallErr
	CallBusy
)

// quiet is a run of mute test calls.
type quiet struct {
	on    bool
	since router.Instant // of the first; with on
	at    router.Instant // of the newest; with on
}

// CallProbe enters the result of a test call. It is one more decided call; one that
// fails counts against the server only when one was good before (Heard).
func (b *Board) CallProbe(now router.Instant, s router.Server, r CallResult) {
	v := &b.server[s]
	switch r {
	case CallGood:
		b.Heard[s] = true
		v.probe, v.mute = presence{Up, now}, quiet{}
		b.Answered(now, s)
		v.calls.add(now, router.OK)
	case CallBusy:
		v.probe = presence{Unknown, now}
		v.calls.add(now, router.Busy)
	case CallMute, CallStuck, CallErr:
		v.probe = presence{Down, now}
		if b.Heard[s] {
			v.failed(now, r)
		}
	}
}

// failed enters a test call that counts against the server.
func (v *evidence) failed(now router.Instant, r CallResult) {
	switch {
	case r != CallMute:
		v.mute = quiet{}
	case v.isMute(now):
		v.mute.at = now
	default:
		v.mute = quiet{on: true, since: now, at: now}
	}
	e := router.Stuck
	if r == CallErr {
		e = router.Err
	}
	v.calls.add(now, e)
}

// isMute: the newest test call was answered and had no sound. Our choice: real calls
// that were answered since do not refute it, for nobody listened to them; it counts
// for as long as any decided call does.
func (v *evidence) isMute(now router.Instant) bool {
	return v.mute.on && now.Sub(v.mute.at) <= window
}

// Mute reports whether an answer of the server proves nothing at present: its test
// calls are answered, and nothing is heard.
func (b *Board) Mute(now router.Instant, s router.Server) bool { return b.server[s].isMute(now) }
