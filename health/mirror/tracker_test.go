package mirror

import (
	"testing"
	"time"
)

// film gives a tracker a look a second.
type film struct {
	*Tracker
	now time.Time
	s   State
}

func newFilm() *film {
	return &film{Tracker: NewTracker(Policy{MaxLag: 10 * time.Second}), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// show gives it n looks; at the main's and the mirror's positions.
func (f *film) show(n int, look func(l *Look)) State {
	for range n {
		f.now = f.now.Add(time.Second)
		l := good().Look
		l.At = f.now
		look(&l)
		f.s = f.Look(l)
	}
	return f.s
}

func at(main, mirror uint64) func(*Look) {
	return func(l *Look) { l.Main.Position, l.Mirror.Position = main, mirror }
}

// An idle main is no lag, whatever the clocks of the machines say; a busy one is
// none while the mirror has what the main had.
func TestIdleIsNoLag(t *testing.T) {
	f := newFilm()
	s := f.show(3600, func(l *Look) {
		at(100, 100)(l)
		l.Main.Clock, l.Mirror.Replayed = f.now.Add(-time.Hour), f.now.Add(-5*time.Hour)
	})
	if s.Lag != 0 || s.Behind != No || s.Cause() != OK || s.LagAt != f.now {
		t.Errorf("%+v", s)
	}
	pos := uint64(100)
	s = f.show(600, func(l *Look) { pos += 50; at(pos, pos-10)(l); l.Main.Delay = 30 * time.Millisecond })
	if s.Lag != 30*time.Millisecond || s.Behind != No {
		t.Errorf("busy: %+v", s)
	}
	s = f.show(2, func(l *Look) { pos += 50; at(pos, pos-10)(l); l.Main.Delay = time.Hour })
	if s.Lag != time.Second {
		t.Errorf("what the main measured long ago: %+v", s)
	}
	s = f.show(2, func(l *Look) { at(pos, pos)(l); l.Main.Delay = time.Hour })
	if s.Lag != 0 || s.Behind != No {
		t.Errorf("and nothing is missing: %+v", s)
	}
}

// The lag is the age of the first thing that the mirror lacks.
func TestLagIsTheAgeOfWhatIsMissing(t *testing.T) {
	f := newFilm()
	f.show(5, at(100, 100))
	s := f.show(8, at(200, 100)) // first seen in the first of these looks
	if s.Lag != 7*time.Second || s.Behind != No || s.Bytes != 100 {
		t.Errorf("%+v", s)
	}
	f.show(3, at(300, 100))
	s = f.show(2, at(300, 200)) // it has what was missing first
	if s.Lag != 4*time.Second || s.Lagging {
		t.Errorf("it caught up with part: %+v", s)
	}
	s = f.show(10, at(300, 200))
	if !s.Lagging || s.Behind != Yes || s.Cause() != Lagging {
		t.Errorf("above the limit: %+v", s)
	}
	if s = f.show(1, at(300, 300)); s.Lag != 0 || !s.Lagging {
		t.Errorf("one look is not believed: %+v", s)
	}
	if s = f.show(1, at(300, 300)); s.Lagging || s.Behind != No {
		t.Errorf("caught up: %+v", s)
	}
}

// A mirror that was behind before anybody looked is dated by the main's own clock.
func TestBehindBeforeTheFirstLook(t *testing.T) {
	f := newFilm()
	clock := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := f.show(2, func(l *Look) {
		at(200, 100)(l)
		l.Main.Clock, l.Mirror.Replayed = clock, clock.Add(-time.Minute)
	})
	if s.Lag != time.Minute || s.Behind != Yes {
		t.Errorf("%+v", s)
	}
}

// The lag of a mirror that nobody can read is that of what it had last, or of what
// the main says that it has.
func TestUnreadableMirror(t *testing.T) {
	gone := func(l *Look) { l.Mirror, l.Main.Stream, l.Main.Position = Answer{Reach: Down}, Stopped, 200 }
	f := newFilm()
	f.show(3, at(100, 100))
	s := f.show(13, gone)
	if !s.MirrorDown || s.Broken != OK || s.Lag != 12*time.Second || s.Behind != Yes {
		t.Errorf("%+v", s)
	}
	f = newFilm()
	f.show(3, at(100, 100))
	s = f.show(30, func(l *Look) { gone(l); l.Main.Stream, l.Main.Sent = Running, 200 })
	if !s.MirrorDown || s.Lag != 0 || s.Behind != No {
		t.Errorf("the main's view alone: %+v", s)
	}
}

// When the main dies the last value before stands, for ever; a lost packet is no
// death.
func TestLastValueBeforeTheFault(t *testing.T) {
	dead := func(l *Look) { l.Main = Answer{Reach: Down} }
	f := newFilm()
	f.show(3, at(100, 100))
	if s := f.show(1, dead); s.MainDown || s.Behind != No {
		t.Errorf("one look: %+v", s)
	}
	if s := f.show(1, dead); !s.MainDown || s.Cause() != MainDown {
		t.Errorf("two: %+v", s)
	}
	s := f.show(500, func(l *Look) { dead(l); l.Mirror = Answer{Reach: Down} })
	if s.Behind != No || s.Lag != 0 || !s.MirrorDown || !s.LagAt.Before(f.now) {
		t.Errorf("long after: %+v", s)
	}
	f = newFilm()
	f.show(3, at(100, 100))
	f.show(20, at(200, 100))
	if s := f.show(500, dead); s.Behind != Yes || !s.Lagging {
		t.Errorf("it lagged before: %+v", s)
	}
	f = newFilm()
	if s := f.show(50, dead); s.Behind != Unknown || !s.LagAt.IsZero() {
		t.Errorf("never measured: %+v", s)
	}
}

// A promoted mirror is behind at once; with the main gone it is the restore.
func TestPromoted(t *testing.T) {
	f := newFilm()
	f.show(3, at(100, 100))
	promoted := func(l *Look) {
		at(100, 150)(l)
		l.Mirror.Role, l.Mirror.Stream, l.Main.Stream = Primary, Unsaid, Stopped
	}
	if s := f.show(2, promoted); s.Broken != Promoted || s.Behind != Yes {
		t.Errorf("%+v", s)
	}
	f = newFilm()
	f.show(3, at(100, 100))
	f.show(3, func(l *Look) { l.Main = Answer{Reach: Down} })
	s := f.show(3, func(l *Look) { promoted(l); l.Main = Answer{Reach: Down} })
	if s.Broken != OK || s.Behind != No {
		t.Errorf("restored by hand: %+v", s)
	}
}

// A cut stream is told after a while; a receiver that comes back is no news, and a
// mirror fed from an archive has no stream at all.
func TestHalted(t *testing.T) {
	cut := func(l *Look) { l.Main.Stream, l.Mirror.Stream = Stopped, Stopped }
	f := newFilm()
	f.show(3, at(100, 100))
	if s := f.show(9, cut); s.Broken != OK {
		t.Errorf("told too early: %+v", s)
	}
	f.show(1, func(*Look) {})
	if s := f.show(9, cut); s.Broken != OK {
		t.Errorf("it had come back: %+v", s)
	}
	if s := f.show(3, cut); s.Broken != Halted || s.Behind != No {
		t.Errorf("cut: %+v", s)
	}
	if s := f.show(2, func(*Look) {}); s.Broken != OK {
		t.Errorf("back: %+v", s)
	}
	pos := uint64(100)
	if s := f.show(60, func(l *Look) { pos += 16; at(pos, pos)(l); cut(l) }); s.Broken != OK {
		t.Errorf("from an archive: %+v", s)
	}
}

// Beats: the lag is that of the first beat that is missing; before the first look,
// by our own clock.
func TestBeats(t *testing.T) {
	f := newFilm()
	beats := func(late time.Duration) func(*Look) {
		return func(l *Look) {
			now := uint64(l.At.UnixMilli())
			l.Main = Answer{Reach: Up, Role: Primary, Beat: now, Beats: true}
			l.Mirror = Answer{Reach: Up, Beat: uint64(l.At.Add(-late).UnixMilli()), Beats: true}
		}
	}
	if s := f.show(1, beats(time.Minute)); s.Lag != time.Minute {
		t.Errorf("at the start: %+v", s)
	}
	if s := f.show(5, beats(0)); s.Lag != 0 || s.Behind != No || s.Cause() != OK {
		t.Errorf("%+v", s)
	}
	if s := f.show(30, beats(3*time.Second)); s.Lag != 2*time.Second {
		t.Errorf("three beats behind: %v", s.Lag)
	}
	s := f.show(30, func(l *Look) { beats(0)(l); l.Mirror.Beat = 0 })
	if !s.Lagging || s.Behind != Yes {
		t.Errorf("none arrives: %+v", s)
	}
}

// A main that is behind itself was restored from a backup: what was known of it
// means nothing, and nothing is called a lag for that.
func TestMainThatWasRestored(t *testing.T) {
	f := newFilm()
	f.show(3, at(1000, 1000))
	s := f.show(3, at(500, 500))
	if s.Lag != 0 || s.Behind != No {
		t.Errorf("%+v", s)
	}
}

// What is remembered is bounded, and a lag of days is still told.
func TestLongLagIsBounded(t *testing.T) {
	f := newFilm()
	f.show(3, at(100, 100))
	pos := uint64(100)
	s := f.show(50_000, func(l *Look) { pos++; at(pos, 100)(l) })
	if len(f.logs.marks) > maxMarks {
		t.Fatalf("%d marks", len(f.logs.marks))
	}
	if want := 50_000 * time.Second; s.Lag < want*9/10 || s.Lag > want {
		t.Errorf("%v, want about %v", s.Lag, want)
	}
}
