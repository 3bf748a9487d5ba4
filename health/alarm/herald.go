package alarm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"releve/db"
)

// Kind is what is told of an alarm.
type Kind string

// The kinds.
const (
	KindRaised       Kind = "raised"
	KindChanged      Kind = "changed"
	KindAcknowledged Kind = "acknowledged"
	KindReminder     Kind = "reminder"
	KindCleared      Kind = "cleared"
)

// MaxReminders bounds the reminders of one incident. Our choice: who has not
// come after a day of hours will not come for the next one.
const MaxReminders = 24

// Rules of telling.
type Rules struct {
	Remind time.Duration // between reminders of what is critical or major and not acknowledged; 0: none
	Delay  time.Duration // how long what is minor or less must stand before it is told; critical and major at once
}

// Telling is one thing to tell the receivers. ID and Incident are made of the
// alarm alone, so that what is told again after a crash is known again.
type Telling struct {
	Kind     Kind
	Alarm    db.Alarm
	First    Severity // the severity that the incident was first told with
	Incident string   // letters, digits and dashes
	ID       string   // likewise, with dots
	At       time.Time
}

// Told is an incident whose receivers know of it, and not yet of its end.
type Told struct {
	Number   uint16    `json:"number"`
	Object   string    `json:"object"`
	Raised   time.Time `json:"raised"`
	First    Severity  `json:"first"`
	Severity Severity  `json:"severity"`
	AckAt    time.Time `json:"ack_at,omitzero"`
	Latest   time.Time `json:"latest"` // when it was told or reminded of last
	Reminded int       `json:"reminded,omitempty"`
}

// Memory is what a Herald knows over a restart.
type Memory struct {
	Told       []Told    `json:"told"`
	Windows    []Window  `json:"windows"`
	LastWindow uint32    `json:"last_window"`
	Silent     time.Time `json:"silent,omitzero"` // since when
	Frozen     time.Time `json:"frozen,omitzero"` // likewise, the roles
}

// Herald decides what the receivers are told, by comparing what stands with what
// they know. So nothing is forgotten that happened while they could not be told:
// within a window, before a crash, while the store was away.
//
//	table ── Step ──► raised, changed, acknowledged, reminder, cleared
//	           ▲ windows, delay
//
// Pure. Owned by the owner of the Table, and stepped after each change of it.
type Herald struct {
	memory  Memory
	told    map[key]*Told
	version uint64
	blips   uint64
	waiting map[key]bool // stand and are not told yet, for the delay or a window
}

// NewHerald returns a Herald that knows m.
func NewHerald(m Memory) *Herald {
	h := &Herald{memory: m, told: map[key]*Told{}, waiting: map[key]bool{}}
	for _, t := range m.Told {
		h.told[key{Number(t.Number), t.Object}] = &t
	}
	h.memory.Told = nil
	return h
}

// Memory is what is to be stored; it changes with Version.
func (h *Herald) Memory() Memory {
	m := h.memory
	m.Windows = slices.Clone(m.Windows)
	for _, t := range h.told {
		m.Told = append(m.Told, *t)
	}
	slices.SortFunc(m.Told, func(a, b Told) int {
		return strings.Compare(incident(a.Number, a.Object, a.Raised), incident(b.Number, b.Object, b.Raised))
	})
	return m
}

// Version rises with every change worth storing.
func (h *Herald) Version() uint64 { return h.version }

// Blips counts the alarms that ended before they were told.
func (h *Herald) Blips() uint64 { return h.blips }

// Step compares the table with what was told, and returns what is to be told
// now, the gravest first. complete: the table holds all that was stored; before,
// what is missing there is not known to have ended.
func (h *Herald) Step(now time.Time, t *Table, r Rules, complete bool) []Telling {
	h.expire(now)
	var out []Telling
	for k, row := range t.rows {
		if row.active() {
			if complete || h.told[k] == nil { // when it began is not known yet otherwise
				out = append(out, h.standing(now, k, row.alarm, r)...)
			}
		}
	}
	for k, known := range h.told {
		row := t.rows[k]
		if row == nil && !complete || row != nil && row.active() || h.silenced(now, k.number) {
			continue
		}
		ended := now
		if row != nil && row.alarm.Cleared.After(known.Raised) {
			ended = row.alarm.Cleared
		}
		out = append(out, h.end(k, ended))
	}
	for k := range h.waiting {
		if row := t.rows[k]; row == nil || !row.active() {
			delete(h.waiting, k)
			h.blips++
		}
	}
	slices.SortStableFunc(out, func(a, b Telling) int {
		if n := a.At.Compare(b.At); n != 0 {
			return n
		}
		return graver(a.Alarm, b.Alarm)
	})
	return out
}

// standing is what is to be told of an alarm that stands.
func (h *Herald) standing(now time.Time, k key, a db.Alarm, r Rules) (out []Telling) {
	if h.silenced(now, k.number) {
		if h.told[k] == nil {
			h.waiting[k] = true
		}
		return nil
	}
	known := h.told[k]
	if known != nil && !stored(known.Raised).Equal(stored(a.Raised)) { // it ended and came back unseen
		out = append(out, h.end(k, a.Raised))
		known = nil
	}
	if known == nil {
		return append(out, h.first(now, k, a, r)...)
	}
	if s := Severity(a.Severity); s != known.Severity {
		known.Severity = s
		out = append(out, h.about(known, a, KindChanged, now, "changed."+string(s)))
	}
	if !a.AckAt.IsZero() && !stored(a.AckAt).Equal(stored(known.AckAt)) {
		known.AckAt = a.AckAt
		out = append(out, h.about(known, a, KindAcknowledged, a.AckAt, "acknowledged"))
	}
	if h.remind(now, known, a, r) {
		known.Reminded++
		out = append(out, h.about(known, a, KindReminder, now, "reminder"))
	}
	return out
}

// first tells of an alarm for the first time, when it has stood long enough.
func (h *Herald) first(now time.Time, k key, a db.Alarm, r Rules) []Telling {
	s := Severity(a.Severity)
	if !s.AtLeast(Major) && now.Sub(a.Raised) < r.Delay {
		h.waiting[k] = true
		return nil
	}
	delete(h.waiting, k)
	known := &Told{Number: a.Number, Object: a.Object, Raised: a.Raised, First: s, Severity: s}
	h.told[k] = known
	out := []Telling{h.about(known, a, KindRaised, a.Raised, "raised")}
	known.Latest = now
	if !a.AckAt.IsZero() { // taken within the window
		known.AckAt = a.AckAt
		out = append(out, h.about(known, a, KindAcknowledged, a.AckAt, "acknowledged"))
		known.Latest = now
	}
	return out
}

func (h *Herald) remind(now time.Time, known *Told, a db.Alarm, r Rules) bool {
	return r.Remind > 0 && a.AckAt.IsZero() && Severity(a.Severity).AtLeast(Major) &&
		known.Reminded < MaxReminders && now.Sub(known.Latest) >= r.Remind
}

// about makes a Telling and notes it.
func (h *Herald) about(known *Told, a db.Alarm, kind Kind, at time.Time, what string) Telling {
	h.version++
	known.Latest = at
	id := incident(known.Number, known.Object, known.Raised)
	if kind != KindRaised {
		what += "." + strconv.FormatInt(at.UnixNano(), 36)
	}
	return Telling{Kind: kind, Alarm: a, First: known.First, Incident: id, ID: id + "." + what, At: at.UTC()}
}

// end tells that an incident is over.
func (h *Herald) end(k key, at time.Time) Telling {
	known := h.told[k]
	delete(h.told, k)
	h.version++
	id := incident(known.Number, known.Object, known.Raised)
	return Telling{
		Kind: KindCleared, First: known.First, Incident: id, ID: id + ".cleared", At: at.UTC(),
		Alarm: db.Alarm{Number: known.Number, Object: known.Object, Severity: string(known.Severity), Raised: known.Raised, Cleared: at},
	}
}

// stored is t as every store gives it back: to the microsecond (db.Store).
func stored(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

// incident names one occurrence of an alarm.
func incident(number uint16, object string, raised time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%d", number, object, stored(raised).UnixMicro()))
	return fmt.Sprintf("%d-%s", number, hex.EncodeToString(sum[:8]))
}
