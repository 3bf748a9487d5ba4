package mirror

import (
	"cmp"
	"time"
)

// Tracker turns looks into States. Pure: time is in the looks. One owner; not safe
// for concurrent use.
type Tracker struct {
	policy Policy

	logs, beats series
	lag         time.Duration
	lagAt       time.Time
	bytes       int64

	flowing time.Time // when the replication was last seen to run, or to have moved; zero: not followed yet
	moved   [2]uint64 // the mirror's position and beat then
	sighted time.Time // when neither was out of our own reach; zero: not followed yet

	mainDown, mirrorDown, broken, lagging, crowded damped

	why, space Cause
	behind     Known
}

// damped believes in a change when confirm looks in a row say so.
type damped struct {
	on    bool
	other int // looks in a row that say otherwise
}

func (d *damped) enter(k Known) (changed bool) {
	switch {
	case k == Unknown:
		return false
	case (k == Yes) == d.on:
		d.other = 0
		return false
	}
	if d.other++; d.other < confirm {
		return false
	}
	d.on, d.other = !d.on, 0
	return true
}

// NewTracker returns one that has seen nothing.
func NewTracker(p Policy) *Tracker { return &Tracker{policy: p} }

// Look enters one look and returns what is known now.
func (t *Tracker) Look(l Look) State {
	measured := t.measure(l)
	f := Facts{Look: l, Lag: t.lag, Measured: measured, Halted: t.halted(l), Blind: t.blind(l)}
	v := Judge(f, t.policy)
	t.mainDown.enter(v.MainDown)
	t.mirrorDown.enter(v.MirrorDown)
	t.broken.enter(v.Broken)
	if v.Broken == Yes {
		t.why = v.Why
	}
	t.lagging.enter(v.Lagging)
	t.crowded.enter(v.Crowded)
	if v.Crowded == Yes {
		t.space = v.Space
	}
	t.judgeBehind(v)
	s := State{
		At: l.At, Look: l, MainDown: t.mainDown.on, MirrorDown: t.mirrorDown.on, Lagging: t.lagging.on,
		Behind: t.behind, Lag: t.lag, LagAt: t.lagAt, Bytes: t.bytes, Stream: stream(f),
	}
	if t.broken.on {
		s.Broken = t.why
	}
	if t.crowded.on {
		s.Space = t.space
	}
	return s
}

// measure brings the lag up to date; false: this look told nothing of it.
func (t *Tracker) measure(l Look) bool {
	main, mirror := l.Main, l.Mirror
	if main.Reach != Up || main.Role == Standby {
		return false
	}
	if main.Position > 0 {
		t.logs.main(l.At, main.Position)
	}
	copied := main.System == "" || mirror.System == "" || main.System == mirror.System
	switch {
	case mirror.Reach == Up && mirror.Role == Standby && mirror.Position > 0 && copied:
		t.logs.mirror(mirror.Position)
	case mirror.Reach != Up && main.Sent > 0:
		t.logs.mirror(main.Sent)
	}
	if main.Beats && main.Beat > 0 {
		t.beats.main(l.At, main.Beat)
	}
	if mirror.Reach == Up && mirror.Beats && mirror.Beat <= main.Beat {
		t.beats.mirror(mirror.Beat)
	}
	logs, byLog := t.logLag(l)
	beats, byBeat := t.beatLag(l)
	if !byLog && !byBeat {
		return false
	}
	t.lag, t.lagAt, t.bytes = max(logs, beats), l.At, int64(t.logs.behind())
	return true
}

// logLag: what the mirror lacked when the main was first asked is dated by the
// main's own clock, on both sides of the subtraction. What the main has measured
// itself (replay_lag) fills in what passed between two looks, and no more: it stays
// what it was while nothing is written.
func (t *Tracker) logLag(l Look) (time.Duration, bool) {
	d, whole, ok := t.logs.lag(l.At)
	if !ok || t.logs.behind() == 0 {
		return 0, ok
	}
	if !t.lagAt.IsZero() {
		d = max(d, min(l.Main.Delay, l.At.Sub(t.lagAt)))
	}
	if !whole && !l.Main.Clock.IsZero() && !l.Mirror.Replayed.IsZero() {
		d = max(d, l.Main.Clock.Sub(l.Mirror.Replayed))
	}
	return d, true
}

// beatLag: a beat is dated by our own clock, which wrote it.
func (t *Tracker) beatLag(l Look) (time.Duration, bool) {
	d, whole, ok := t.beats.lag(l.At)
	if ok && !whole && t.beats.applied > 0 {
		d = max(d, time.Duration(l.At.UnixMilli()-int64(t.beats.applied))*time.Millisecond)
	}
	return d, ok
}

// halted says that nothing has come through for settle. A mirror that is fed from
// an archive has no stream, and moves all the same.
func (t *Tracker) halted(l Look) bool {
	f := Facts{Look: l}
	if l.Main.Reach != Up {
		t.flowing = time.Time{} // without its main a mirror stands still
		return false
	}
	moves := l.Mirror.Position > t.moved[0] || l.Mirror.Beat > t.moved[1]
	t.moved = [2]uint64{max(t.moved[0], l.Mirror.Position), max(t.moved[1], l.Mirror.Beat)}
	if t.flowing.IsZero() || moves || stream(f) != Stopped {
		t.flowing = l.At
	}
	return l.At.Sub(t.flowing) >= cmp.Or(t.policy.settle, settle)
}

// blind: the watch itself does not work.
func (t *Tracker) blind(l Look) bool {
	if t.sighted.IsZero() || l.Main.Reach != Ours && l.Mirror.Reach != Ours {
		t.sighted = l.At
	}
	return l.At.Sub(t.sighted) >= blindAfter
}

// judgeBehind: what the mirror lacks counts as long as the main can be asked;
// after that, what was known before. A mirror that has ceased to be one is behind
// whatever its last lag was.
func (t *Tracker) judgeBehind(v Finding) {
	lost := t.broken.on && (t.why == Promoted || t.why == Another || t.why == SlotLost)
	switch {
	case v.MainDown == Yes:
	case v.Lagging == Unknown && !lost:
	case t.lagging.on || lost:
		t.behind = Yes
	case v.Lagging == No:
		t.behind = No
	}
}
