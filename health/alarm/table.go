package alarm

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"releve/db"
)

// Our choices: a third raise in ten minutes is flapping; five quiet minutes end it.
const (
	Flaps      = 3
	FlapWindow = 10 * time.Minute
	Quiet      = 5 * time.Minute
)

// DefaultLimit bounds the alarms kept, active and cleared.
const DefaultLimit = 500

// ErrNotActive: there is no such active alarm.
var ErrNotActive = errors.New("no such active alarm: list the alarms and acknowledge one of them")

// ErrNoName: an acknowledgement without who.
var ErrNoName = errors.New("an acknowledgement needs a name: say who takes the alarm")

type key struct {
	number Number
	object string
}

type row struct {
	alarm   db.Alarm
	raises  [Flaps]time.Time // the latest, newest first
	settles time.Time        // flapping and cleared by its cause: ends then; zero: not settling
}

func (r *row) active() bool { return r.alarm.Cleared.IsZero() }

func (r *row) severity() Severity { return Severity(r.alarm.Severity) }

// Table holds the alarms. Make it with NewTable.
type Table struct {
	limit   int
	rows    map[key]*row
	version uint64
	dropped uint64
}

// NewTable returns an empty table of at most limit alarms; 0 or less means
// DefaultLimit.
func NewTable(limit int) *Table {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Table{limit: limit, rows: map[key]*row{}}
}

// Restore takes stored alarms for the content, the gravest first when there are
// more than fit. It tells nothing of them: they were told when they came.
func (t *Table) Restore(stored []db.Alarm) {
	clear(t.rows)
	sorted := slices.SortedFunc(slices.Values(stored), graver)
	for i, a := range sorted {
		if i == t.limit {
			t.dropped += uint64(len(sorted) - i)
			break
		}
		t.rows[key{Number(a.Number), a.Object}] = &row{alarm: a, raises: [Flaps]time.Time{a.Raised}}
	}
}

// Raise raises an alarm with the severity of the catalogue. It reports whether
// that is to be told: an alarm that is active already is not.
func (t *Table) Raise(now time.Time, n Number, object string) bool {
	return t.RaiseAs(now, n, object, n.Severity())
}

// RaiseAs is Raise with a severity of its own. A changed severity is told, too.
func (t *Table) RaiseAs(now time.Time, n Number, object string, s Severity) bool {
	k := key{n, object}
	r := t.rows[k]
	if r == nil {
		if !t.room(s) {
			return false
		}
		r = &row{alarm: db.Alarm{Number: uint16(n), Object: object, Cleared: now}}
		t.rows[k] = r
	}
	if r.active() && r.settles.IsZero() {
		return t.reclass(r, s)
	}
	t.version++
	copy(r.raises[1:], r.raises[:])
	r.raises[0] = now
	if r.alarm.Count < 1<<32-1 {
		r.alarm.Count++
	}
	if r.active() {
		r.settles = time.Time{} // it was flapping, and told
		return t.reclass(r, s)
	}
	a := &r.alarm
	a.Severity, a.Raised, a.Cleared = string(s), now, time.Time{}
	a.AckBy, a.AckNote, a.AckAt = "", "", time.Time{}
	return true
}

// reclass changes the severity of an active alarm.
func (t *Table) reclass(r *row, s Severity) bool {
	if r.severity() == s {
		return false
	}
	r.alarm.Severity = string(s)
	t.version++
	return true
}

// Clear ends an alarm. It reports whether that is to be told; a flapping alarm
// stays active, and Tick ends it.
func (t *Table) Clear(now time.Time, n Number, object string) bool {
	r := t.rows[key{n, object}]
	if r == nil || !r.active() || !r.settles.IsZero() {
		return false
	}
	if oldest := r.raises[Flaps-1]; !oldest.IsZero() && now.Sub(oldest) <= FlapWindow {
		r.settles = now.Add(Quiet)
		return false
	}
	t.end(r, now)
	return true
}

func (t *Table) end(r *row, now time.Time) {
	r.alarm.Cleared, r.settles = now, time.Time{}
	t.version++
}

// Tick ends the flapping alarms that have been quiet, and returns them in
// order: they are to be told as cleared.
func (t *Table) Tick(now time.Time) []db.Alarm {
	var ended []db.Alarm
	for _, r := range t.rows {
		if !r.settles.IsZero() && !now.Before(r.settles) {
			t.end(r, now)
			r.raises = [Flaps]time.Time{}
			ended = append(ended, r.alarm)
		}
	}
	slices.SortFunc(ended, graver)
	return ended
}

// Next is when Tick has something to do; false when it has not.
func (t *Table) Next() (time.Time, bool) {
	var next time.Time
	for _, r := range t.rows {
		if !r.settles.IsZero() && (next.IsZero() || r.settles.Before(next)) {
			next = r.settles
		}
	}
	return next, !next.IsZero()
}

// Acknowledge notes who takes an active alarm; its cause stays. A second one
// replaces the first. Errors: ErrNotActive, ErrNoName.
func (t *Table) Acknowledge(now time.Time, n Number, object, by, note string) error {
	if by == "" {
		return ErrNoName
	}
	r := t.rows[key{n, object}]
	if r == nil || !r.active() {
		return ErrNotActive
	}
	r.alarm.AckBy, r.alarm.AckNote, r.alarm.AckAt = by, note, now
	t.version++
	return nil
}

// Active returns the active alarms, the gravest first, then the newest.
func (t *Table) Active() []db.Alarm {
	return t.sorted(func(r *row) bool { return r.active() })
}

// All returns the active alarms and the cleared ones still kept: what is stored.
func (t *Table) All() []db.Alarm { return t.sorted(func(*row) bool { return true }) }

func (t *Table) sorted(keep func(*row) bool) []db.Alarm {
	out := make([]db.Alarm, 0, len(t.rows))
	for _, r := range t.rows {
		if keep(r) {
			out = append(out, r.alarm)
		}
	}
	slices.SortFunc(out, graver)
	return out
}

// graver orders active before cleared, then by severity, then the newest first.
func graver(a, b db.Alarm) int {
	gone := func(a db.Alarm) int {
		if a.Cleared.IsZero() {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(gone(a), gone(b)),
		cmp.Compare(Severity(a.Severity).rank(), Severity(b.Severity).rank()),
		b.Raised.Compare(a.Raised),
		cmp.Compare(a.Number, b.Number),
		cmp.Compare(a.Object, b.Object),
	)
}

// room makes place for an alarm of severity s: a cleared one goes, the oldest of
// the least severity first, then an active one that is less severe. Objects may
// be named by strangers (an unknown source), so a flood of warnings must never
// keep a critical alarm out.
func (t *Table) room(s Severity) bool {
	if len(t.rows) < t.limit {
		return true
	}
	all := t.All()
	victim := all[len(all)-1]
	if victim.Cleared.IsZero() {
		t.dropped++
		if Severity(victim.Severity).rank() <= s.rank() {
			return false
		}
	}
	delete(t.rows, key{Number(victim.Number), victim.Object})
	return true
}

// Len is how many alarms are kept, active and cleared.
func (t *Table) Len() int { return len(t.rows) }

// Version rises with every change worth storing.
func (t *Table) Version() uint64 { return t.version }

// Dropped counts the active alarms that found no place or had to make it.
func (t *Table) Dropped() uint64 { return t.dropped }
