package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/db/postgres"
	"releve/db/spool"
	"releve/db/sqlite"
	"releve/health/alarm"
	"releve/router"
	"releve/router/control"
)

// storage is the store, or the promise of one: a database that cannot be read
// at the start holds up no call. Calls go to the primary, no role and no
// registration changes, and it is tried again until it opens.
type storage struct {
	connect opener
	tried   chan struct{} // closed when it was tried to open once
	once    sync.Once
	opening sync.Mutex // held while it is opened: nobody else waits for that

	mu  sync.Mutex
	db  db.Store
	own *ownership // nil: nobody but this machine reaches the store
	err error      // why db is nil
}

// opener opens the store; own is nil where no other machine can.
type opener func(ctx context.Context) (store db.Store, own *ownership, err error)

// retryStore is how often an unreadable database is tried again. Our choice.
const retryStore = 5 * time.Second

func newStorage(connect opener) *storage {
	return &storage{connect: connect, tried: make(chan struct{}), err: errors.New("it was not tried yet")}
}

// openerOf is how the configured store is opened.
func openerOf(c *config.Store) opener {
	if c.Postgres == "" {
		return func(context.Context) (db.Store, *ownership, error) {
			s, err := sqlite.Open(filepath.Join(c.Path, "state.db"))
			if err != nil {
				return nil, nil, err
			}
			return s, nil, nil
		}
	}
	return func(ctx context.Context) (db.Store, *ownership, error) {
		own, err := newOwnership(c.Path, c.TakeOver)
		if err != nil {
			return nil, nil, err
		}
		s, err := postgres.Open(ctx, postgres.Options{URL: c.Postgres, Password: c.Password.Value(), Name: "releve " + own.node})
		if err != nil {
			return nil, nil, err
		}
		return s, own, nil
	}
}

// open opens the database unless it is open.
func (s *storage) open(ctx context.Context) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	defer s.once.Do(func() { close(s.tried) })
	if _, err := s.use(); err == nil {
		return nil
	}
	store, own, err := s.connect(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.db, s.own = store, own
	}
	return err
}

func (s *storage) use() (db.Store, error) {
	store, _, err := s.both()
	return store, err
}

func (s *storage) both() (db.Store, *ownership, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, nil, fmt.Errorf("the store is not open: %w", s.err)
	}
	return s.db, s.own, nil
}

func (s *storage) close() {
	s.mu.Lock()
	store := s.db
	s.db, s.err = nil, errors.New("closed")
	s.mu.Unlock()
	if store != nil {
		_ = store.Close() // it may take a second: nobody waits for mu meanwhile
	}
}

// loadState is what this node goes on from.
func (s *storage) loadState(ctx context.Context) ([]byte, uint64, error) {
	store, own, err := s.both()
	if err != nil {
		return nil, 0, err
	}
	if own != nil {
		return own.boot(ctx, store)
	}
	return store.LoadState(ctx)
}

// Append implements spool.Store: the spool waits while the store is not open,
// and says nothing of it before it was tried.
func (s *storage) Append(ctx context.Context, b db.Batch) error {
	select {
	case <-s.tried:
	case <-ctx.Done():
		return ctx.Err()
	}
	store, err := s.use()
	if err != nil {
		return err
	}
	return store.Append(ctx, b)
}

func (s *storage) saveState(ctx context.Context, row []byte, ifVersion uint64) error {
	store, own, err := s.both()
	if err != nil {
		return err
	}
	if own != nil {
		return own.save(ctx, store, row, ifVersion)
	}
	return store.SaveState(ctx, row, ifVersion)
}

func (s *storage) saveAlarms(ctx context.Context, all []db.Alarm) error {
	store, err := s.use()
	if err != nil {
		return err
	}
	return store.SaveAlarms(ctx, all)
}

func (s *storage) calls(ctx context.Context, filter string, limit int) ([]router.CallRecord, error) {
	store, err := s.use()
	if err != nil || limit <= 0 {
		return nil, err
	}
	return store.Calls(ctx, filter, limit)
}

func (s *storage) events(ctx context.Context, since time.Time, limit int) ([]db.Event, error) {
	store, err := s.use()
	if err != nil {
		return nil, err
	}
	return store.Events(ctx, since, limit)
}

// trouble is a set of what is wrong with the data of this node. The alarm stands
// as long as any of it does.
type trouble uint16

// storeClosed: the database cannot be opened or read. saveFailed: role and
// licence cannot be written. alarmsFailed: the alarm table cannot. recordsClosed:
// the records cannot be opened. storeAway: the open database does not answer, or
// belongs to another node. The conditions of the open records follow.
const (
	storeClosed trouble = 1 << iota
	saveFailed
	alarmsFailed
	recordsClosed
	storeAway
	recordsFirst
)

// troubled notes that t began (on) or ended, and says so once: a line of the log
// for each, one alarm and one line of the journal for all of them together.
func (m *mind) troubled(t trouble, on bool, err error) {
	m.mu.Lock()
	before := m.troubles
	m.troubles &^= t
	if on {
		m.troubles, m.storeCause = m.troubles|t, cause(err)
	}
	after := m.troubles
	m.mu.Unlock()
	switch {
	case before == after:
		return
	case on:
		m.app.log.Error("store", "trouble", t.String(), "error", err)
	default:
		m.app.log.Info("store", "recovered", t.String())
	}
	switch {
	case before == 0:
		m.raise(alarm.StoreDown, node)
		m.app.event(text.EventStoreDown, map[string]string{"cause": cause(err)})
	case after == 0:
		m.clearAlarm(alarm.StoreDown, node)
		m.app.event(text.EventStoreUp, nil)
	}
}

// inTrouble: any of t is wrong.
func (m *mind) inTrouble(t trouble) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.troubles&t != 0
}

func (t trouble) String() string {
	switch t {
	case storeClosed:
		return "not open"
	case saveFailed:
		return "role and licence not saved"
	case alarmsFailed:
		return "alarms not saved"
	case recordsClosed:
		return "records not open"
	case storeAway:
		return "not reachable"
	}
	for c := spool.QueueFull; c < spool.Damaged; c++ {
		if t == recordsFirst<<c {
			return "records: " + c.String()
		}
	}
	return "unknown"
}

// recordsTroubled takes the conditions of the spool. Damage has no end: it is
// told each time, and what could not be read was set aside.
func (m *mind) recordsTroubled(c spool.Condition, on bool, err error) {
	if c != spool.Damaged {
		m.troubled(recordsFirst<<c, on, err)
		return
	}
	m.app.log.Error("records damaged, the unreadable part was set aside", "error", err)
	m.app.event(text.EventInternalFault, map[string]string{"cause": cause(err)})
}

func cause(err error) string {
	if err == nil {
		return ""
	}
	return firstLine(err.Error())
}

// saver performs saves one at a time: a slow disk holds up no probe.
func (m *mind) saver() {
	for {
		select {
		case <-m.life.Done():
			return
		case e := <-m.saves:
			m.save(e)
		}
	}
}

// saveLimit bounds one save; its outcome is unknown then.
const saveLimit = 5 * time.Second

// lastSaveLimit bounds the last save of the alarms: a stop does not wait long for
// what changed in its last second.
const lastSaveLimit = 2 * time.Second

func (m *mind) save(e control.Effect) {
	raw, err := json.Marshal(e.Row)
	if err == nil {
		ctx, cancel := context.WithTimeout(m.life, saveLimit)
		defer cancel()
		err = m.app.store.saveState(ctx, raw, e.Version-1)
	}
	if late := (overtaken{}); errors.As(err, &late) {
		m.beginAnew(late)
		return
	}
	if errors.Is(err, errAnotherNode) {
		m.giveUp()
	}
	if errors.Is(err, db.ErrConflict) {
		err = fmt.Errorf("another process writes the same store, stop one of the two: %w", err)
	}
	kind := control.Saved
	if err != nil {
		kind = control.SaveFailed
	}
	if err == nil || m.life.Err() == nil { // a save that our own stop broke off is no trouble
		m.troubled(saveFailed, err != nil, err)
	}
	m.post(control.Event{Kind: kind, Version: e.Version})
}

// keepAlarms stores the alarm table when it changed, once more at the end. What
// is stored is read before anything is written over it.
func (m *mind) keepAlarms() {
	select {
	case <-m.restored:
	case <-m.life.Done():
		return
	}
	var stored uint64
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		ending, limit := false, saveLimit
		select {
		case <-m.life.Done():
			ending, limit = true, lastSaveLimit
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		stored = m.keep(ctx, stored)
		cancel()
		if ending {
			return
		}
	}
}

// keep stores the alarms unless version stored is the present one, and returns
// the version that is stored then.
func (m *mind) keep(ctx context.Context, stored uint64) uint64 {
	m.mu.Lock()
	ended := m.alarms.Tick(time.Now())
	m.announce(time.Now())
	version, all := m.alarms.Version(), m.alarms.All()
	m.mu.Unlock()
	for _, a := range ended {
		m.app.event(text.EventAlarmCleared, alarmParams(alarm.Number(a.Number), a.Object))
	}
	if version == stored {
		return stored
	}
	err := m.app.store.saveAlarms(ctx, all)
	m.troubled(alarmsFailed, err != nil, err)
	if err != nil {
		return stored
	}
	return version
}
