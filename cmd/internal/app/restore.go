package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/router"
	"releve/router/control"
)

// bootWait is how long calls wait for the store at the start, so that they are
// routed by the stored role from the first one on. A store that takes longer
// holds up no call: the primary gets them meanwhile. Our choice.
const bootWait = 500 * time.Millisecond

// boot begins to read the stored row and returns when that is done, or has
// failed once, or takes too long.
func (m *mind) boot(ctx context.Context) {
	tried := make(chan struct{})
	m.wait.Go(func() { m.restore(tried) })
	limit := time.NewTimer(bootWait)
	defer limit.Stop()
	select {
	case <-tried:
	case <-limit.C:
		m.app.log.Warn("the store is slow: calls go to the primary until it is read")
	case <-ctx.Done():
	}
}

// restore reads the store, again and again until it can; tried is closed after
// the first time.
func (m *mind) restore(tried chan struct{}) {
	retry := time.NewTicker(m.app.options.retry)
	defer retry.Stop()
	err := m.tryBoot(m.life)
	m.troubled(storeClosed, err != nil, err)
	close(tried)
	for err != nil {
		select {
		case <-m.life.Done():
			return
		case <-retry.C:
			err = m.tryBoot(m.life)
			m.troubled(storeClosed, err != nil, err)
		}
	}
	close(m.restored)
	m.recallRisk()
}

// recallRisk reads from the journal what the newest switchover left at risk, for the
// screens of a node that was restarted since.
func (m *mind) recallRisk() {
	if !m.app.cfg().Mirror.Watched() {
		return
	}
	ctx, cancel := context.WithTimeout(m.life, saveLimit)
	defer cancel()
	store, err := m.app.store.use()
	if err != nil {
		return
	}
	if events, err := store.EventsOf(ctx, []string{text.EventSwitchoverBegun}, time.Time{}, 1); err == nil && len(events) > 0 {
		m.app.mirror.recall(events[0])
	}
}

// tryBoot reads what is stored and shows it to the mind.
func (m *mind) tryBoot(ctx context.Context) error {
	if err := m.app.store.open(ctx); err != nil {
		return err
	}
	e, alarms, err := m.stored(ctx)
	if err != nil {
		return err
	}
	if e.Version > 0 && !m.app.kept.clean {
		m.presume()
	}
	m.restoreAlarms(alarms)
	boot := func() { m.step(e); m.drainAgain() }
	if _, err = m.request(ctx, request{do: boot, reply: make(chan []control.Effect, 1)}); errors.Is(err, errFrozen) {
		return nil // it was read, and trying again changes nothing
	}
	return err
}

// stored is all that the store remembers.
func (m *mind) stored(ctx context.Context) (e control.Event, alarms []db.Alarm, err error) {
	store, err := m.app.store.use()
	if err != nil {
		return e, nil, err
	}
	raw, version, err := m.app.store.loadState(ctx)
	if err != nil {
		return e, nil, fmt.Errorf("read the stored role and licence: %w", err)
	}
	e = control.Event{Kind: control.Boot, Version: version, On: true}
	if version > 0 {
		if err := json.Unmarshal(raw, &e.Row); err != nil {
			return e, nil, fmt.Errorf("read the stored role and licence: %w; restore state.db from a backup", err)
		}
	}
	if alarms, err = store.Alarms(ctx); err != nil {
		return e, nil, fmt.Errorf("read the stored alarms: %w", err)
	}
	return e, alarms, nil
}

// restoreAlarms puts the alarms of this run back on top of the stored ones.
func (m *mind) restoreAlarms(stored []db.Alarm) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.alarms.Active()
	m.alarms.Restore(stored)
	for _, a := range now {
		m.alarms.RaiseAs(a.Raised, alarm.Number(a.Number), a.Object, alarm.Severity(a.Severity))
	}
	for _, a := range m.alarms.Active() {
		switch alarm.Number(a.Number) {
		case alarm.Misprovisioned:
			m.callers.misprovisioned.Store(true)
		case alarm.LimitReached, alarm.ManyRefused, alarm.UnknownSource, alarm.SourceFlood, alarm.Overloaded,
			alarm.InternalFault, alarm.Frozen, alarm.TLSFault, alarm.CheckFailed, alarm.SinkDown, alarm.NoticesDropped:
			// Of counters that began again at 0, of a fault that ended with its process.
			if !slices.ContainsFunc(now, func(n db.Alarm) bool { return n.Number == a.Number && n.Object == a.Object }) {
				m.alarms.Clear(time.Now(), alarm.Number(a.Number), a.Object)
			}
		}
	}
	m.telling.read = true
	m.announce(time.Now())
}

// presumed is how long after a restart calls of the earlier run may hold lines
// that we do not know of. Our choice: a call to an attendant lasts minutes.
const presumed = 15 * time.Minute

// presume declares the count of lines inexact for a while: an earlier run that
// did not end by a clean stop may have left calls in progress that it did not
// note.
func (m *mind) presume() {
	exact := func(is bool) {
		for s := router.Primary; s <= router.Secondary; s++ {
			m.app.proxy.Dialogs.Reconcile(s, is)
		}
	}
	exact(false)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reconciled == nil {
		m.reconciled = time.AfterFunc(presumed, func() { exact(true) })
	}
}
