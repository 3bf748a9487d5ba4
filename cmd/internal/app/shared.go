package app

import (
	"context"
	"errors"
	"time"

	"releve/router/control"
)

// A store that is not this machine's: it is looked at, and what others do to it
// reaches the mind.

const (
	// lookStore is how often a shared store is looked at, and lookLimit how long it
	// may take to answer; two looks in vain make an alarm. Our choice: well before
	// the day on which a change of role needs it.
	lookStore = 3 * time.Second
	lookLimit = 3 * time.Second
)

// watchStore looks at the open shared store until life ends.
func (m *mind) watchStore() {
	select {
	case <-m.restored:
	case <-m.life.Done():
		return
	}
	if _, own, err := m.app.store.both(); err != nil || own == nil {
		return
	}
	tick := time.NewTicker(lookStore)
	defer tick.Stop()
	for vain := 0; ; {
		select {
		case <-m.life.Done():
			return
		case <-tick.C:
		}
		err := m.lookAtStore(m.life)
		switch {
		case m.life.Err() != nil:
			return
		case err == nil:
			if vain > 1 {
				m.settleNow() // the spool would wait up to half a minute
			}
			vain = 0
			m.troubled(storeAway, false, nil)
			continue
		case errors.Is(err, errAnotherNode):
			m.giveUp()
			vain = 2
		}
		if vain++; vain > 1 {
			m.troubled(storeAway, true, err)
		}
	}
}

// storeless: a change of role could not be stored now. A shared store is asked: an
// order that had to wait for it would be carried out when nobody expects it.
func (m *mind) storeless(ctx context.Context) bool {
	if m.inTrouble(storeClosed | saveFailed | storeAway) {
		return true
	}
	err := m.lookAtStore(ctx)
	if err != nil {
		m.app.log.Warn("an order is refused: the store was asked first", "error", err)
	}
	return err != nil
}

// lookAtStore reads the row and says whether it is ours.
func (m *mind) lookAtStore(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	store, own, err := m.app.store.both()
	if err != nil || own == nil {
		return nil // storeClosed tells; a file of ours is asked by writing to it
	}
	row, version, err := own.read(ctx, store)
	if err != nil || version == 0 {
		return err
	}
	return own.refuse(row)
}

// settleNow hands over what waited for the store.
func (m *mind) settleNow() {
	ctx, cancel := context.WithTimeout(m.life, saveLimit)
	defer cancel()
	if err := m.app.records.settle(ctx, m.app.store); err != nil {
		m.app.log.Warn("hand the records to the store, which is back", "error", err)
	}
}

// beginAnew: what is stored is of our former life and newer than what we read. The
// mind takes it as it does at a start, or when another node has decided meanwhile;
// the save under way is forgotten, for it can land no more.
func (m *mind) beginAnew(late overtaken) {
	m.app.log.Warn("a save of the former run landed after this one had read the store: beginning from it", "version", late.version)
	m.post(control.Event{Kind: control.Lease})
	m.post(control.Event{Kind: control.Lease, On: true, Row: late.row, Version: late.version})
}

// giveUp: another node writes the store. Two must not decide, so this one does not:
// it registers nobody and changes no role until it is started again. Calls are
// routed as they were.
func (m *mind) giveUp() {
	if !m.gaveUp.Swap(true) {
		m.post(control.Event{Kind: control.Lease})
	}
}
