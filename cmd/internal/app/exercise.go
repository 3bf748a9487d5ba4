package app

import (
	"context"
	"sync"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/router"
)

// exerciseSilence ends an exercise of which nothing is heard any more: its
// terminal was closed. Our choice; a drill says that it lives every second.
const exerciseSilence = 30 * time.Second

// exercise is the drill that runs. The node knows of it so that everybody sees
// it; what is done is done by commands like any other.
type exercise struct {
	mu    sync.Mutex
	since *admin.Mark // guarded by mu; nil: none runs
	heard time.Time   // guarded by mu
}

func (x *exercise) running() *admin.Mark {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.since
}

// Exercise takes a word of a drill.
func (a *App) Exercise(_ context.Context, n admin.ExerciseNote) error {
	x := &a.exercise
	x.mu.Lock()
	now := time.Now()
	was := x.since
	x.heard = now
	switch n.State {
	case admin.ExerciseBegin:
		if was != nil {
			x.mu.Unlock()
			return &admin.Fault{Status: 409, Code: text.FaultExercise}
		}
		x.since = &admin.Mark{At: now.UTC(), By: n.Actor, Note: n.Reason}
	case admin.ExerciseEnd:
		x.since = nil
	}
	x.mu.Unlock()
	switch {
	case n.State == admin.ExerciseBegin:
		a.eventBy(n.Actor, text.EventExerciseStarted, map[string]string{"note": n.Reason})
		a.mind.raise(alarm.Exercise, node)
	case n.State == admin.ExerciseEnd && was != nil:
		a.exerciseEnded(n.Actor, !n.Failed)
	}
	return nil
}

// exerciseEnded: a failed one stands as an alarm until one goes well.
func (a *App) exerciseEnded(actor string, well bool) {
	a.mind.clearAlarm(alarm.Exercise, node)
	a.mind.set(alarm.ExerciseFailed, node, !well)
	code := text.EventExerciseFailed
	if well {
		code = text.EventExerciseDone
		if err := a.marks.change(func(m *marked) { m.Drill = &admin.Mark{At: time.Now().UTC(), By: actor} }); err != nil {
			a.log.Error("exercise", "error", err)
		}
	}
	a.eventBy(actor, code, nil)
}

// watchExercise ends an exercise whose terminal is gone, and says when one is due.
func (m *mind) watchExercise(now time.Time) {
	x := &m.app.exercise
	x.mu.Lock()
	gone := x.since != nil && now.Sub(x.heard) > exerciseSilence
	if gone {
		x.since = nil
	}
	on := x.since != nil
	x.mu.Unlock()
	if gone {
		m.app.exerciseEnded("releve", false)
	}
	if !on { // of a former life, too
		m.tell(&m.told.exercise, alarm.Exercise, false)
	} else {
		m.told.exercise = untold
	}
	m.tell(&m.told.overdue, alarm.ExerciseOverdue, m.drillDue(now))
}

// drillDue: longer ago than drill.every, counted from when that was first
// configured where none was ever held.
func (m *mind) drillDue(now time.Time) bool {
	every := m.app.cfg().Drill.Every
	k := m.app.marks.get()
	asked := every > 0 && m.app.cfg().Level >= router.Backup
	if asked != !k.Asked.IsZero() {
		k.Asked = time.Time{}
		if asked {
			k.Asked = now.UTC()
		}
		if err := m.app.marks.change(func(on *marked) { on.Asked = k.Asked }); err != nil && asked {
			return false // tried again in a second; what cannot be written has its own alarm
		}
	}
	if !asked {
		return false
	}
	last := k.Asked
	if k.Drill != nil && k.Drill.At.After(last) {
		last = k.Drill.At
	}
	return now.Sub(last) > every
}
