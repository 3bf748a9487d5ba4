package alarm

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Bounds of windows, our choices: longer than a week, nobody remembers who asked
// for the silence; a window is planned three months ahead at most.
const (
	MaxWindow   = 7 * 24 * time.Hour
	MinWindow   = time.Minute
	MaxAhead    = 90 * 24 * time.Hour
	MaxWindows  = 20
	LongSilence = 24 * time.Hour // beyond it, SilenceLong says so
)

// What is wrong with a window.
var (
	ErrWindowLength = errors.New("a silence lasts from one minute to seven days: plan several for more")
	ErrWindowStart  = errors.New("a silence begins now or within ninety days")
	ErrWindowReason = errors.New("a silence needs a reason: say what is being done")
	ErrWindowMany   = errors.New("twenty silences are planned already: end one of them first")
	ErrNoWindow     = errors.New("there is no such silence")
)

// Window is a planned silence: alarms are raised, stored and shown in it, and
// not sent. What still stands at its end is told then.
type Window struct {
	ID     uint32    `json:"id"` // from 1, never used again
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	All    bool      `json:"all"` // silences NobodyServes, too
}

// Open says whether the window silences at now.
func (w Window) Open(now time.Time) bool { return !now.Before(w.Start) && now.Before(w.End) }

// Plan adds a window from start (zero: now) for length.
func (h *Herald) Plan(now, start time.Time, length time.Duration, w Window) (Window, error) {
	h.expire(now)
	if start.IsZero() {
		start = now
	}
	switch {
	case length < MinWindow || length > MaxWindow:
		return Window{}, ErrWindowLength
	case start.Before(now.Add(-time.Minute)) || start.After(now.Add(MaxAhead)):
		return Window{}, ErrWindowStart
	case strings.TrimSpace(w.Reason) == "":
		return Window{}, ErrWindowReason
	case len(h.memory.Windows) >= MaxWindows:
		return Window{}, ErrWindowMany
	}
	h.memory.LastWindow++
	w.ID, w.Start, w.End = h.memory.LastWindow, start.UTC(), start.Add(length).UTC()
	h.memory.Windows = append(h.memory.Windows, w)
	slices.SortStableFunc(h.memory.Windows, func(a, b Window) int { return a.Start.Compare(b.Start) })
	h.version++
	return w, nil
}

// End ends a window before its time, or cancels one that is planned; 0: all of
// them. It returns those that ended.
func (h *Herald) End(now time.Time, id uint32) ([]Window, error) {
	h.expire(now)
	var gone []Window
	h.memory.Windows = slices.DeleteFunc(h.memory.Windows, func(w Window) bool {
		if id == 0 || w.ID == id {
			gone = append(gone, w)
			return true
		}
		return false
	})
	if len(gone) == 0 {
		return nil, ErrNoWindow
	}
	h.version++
	return gone, nil
}

// Windows returns those that are open or planned, the earliest first.
func (h *Herald) Windows(now time.Time) []Window {
	h.expire(now)
	return slices.Clone(h.memory.Windows)
}

// SilentSince is when the present silence began, whatever windows it is made of;
// zero: there is none.
func (h *Herald) SilentSince(now time.Time) (since time.Time) {
	h.expire(now)
	if !slices.ContainsFunc(h.memory.Windows, func(w Window) bool { return w.Open(now) }) {
		h.memory.Silent = time.Time{}
		return since
	}
	if h.memory.Silent.IsZero() {
		for _, w := range h.memory.Windows {
			if w.Open(now) && (h.memory.Silent.IsZero() || w.Start.Before(h.memory.Silent)) {
				h.memory.Silent = w.Start
			}
		}
		h.version++
	}
	return h.memory.Silent
}

// FrozenSince is since when the roles have been frozen by an operator, over
// restarts; zero: they are not. known: the roles were read from the store.
func (h *Herald) FrozenSince(now time.Time, known, frozen bool) time.Time {
	if known && frozen == h.memory.Frozen.IsZero() {
		h.memory.Frozen = time.Time{}
		if frozen {
			h.memory.Frozen = now.UTC()
		}
		h.version++
	}
	return h.memory.Frozen
}

// expire forgets the windows that are over.
func (h *Herald) expire(now time.Time) {
	before := len(h.memory.Windows)
	h.memory.Windows = slices.DeleteFunc(h.memory.Windows, func(w Window) bool { return !now.Before(w.End) })
	if len(h.memory.Windows) != before {
		h.version++
	}
}

// silenced says whether what happens to alarm n is kept silent at now.
func (h *Herald) silenced(now time.Time, n Number) bool {
	if n == SilenceLong {
		return false
	}
	return slices.ContainsFunc(h.memory.Windows, func(w Window) bool {
		return w.Open(now) && (w.All || n != NobodyServes)
	})
}
