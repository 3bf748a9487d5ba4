package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"releve/db"
	"releve/db/sqlite"
	"releve/health/alarm"
	"releve/router"
)

// storage is the store, or the promise of one: a database that cannot be read
// at the start holds up no call. Calls go to the primary, no role and no
// registration changes, and the file is tried again until it opens.
type storage struct {
	path string

	mu  sync.Mutex
	db  *sqlite.Store
	err error // why db is nil
}

// retryStore is how often an unreadable database is tried again. Our choice.
const retryStore = 5 * time.Second

func newStorage(dir string) *storage { return &storage{path: filepath.Join(dir, "state.db")} }

// open opens the database unless it is open.
func (s *storage) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return nil
	}
	s.db, s.err = sqlite.Open(s.path)
	return s.err
}

func (s *storage) use() (*sqlite.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, fmt.Errorf("the store is not open: %w", s.err)
	}
	return s.db, nil
}

func (s *storage) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		_ = s.db.Close()
		s.db, s.err = nil, errors.New("closed")
	}
}

// Append implements spool.Store: the spool waits while the store is not open.
func (s *storage) Append(ctx context.Context, b db.Batch) error {
	store, err := s.use()
	if err != nil {
		return err
	}
	return store.Append(ctx, b)
}

func (s *storage) saveState(ctx context.Context, row []byte, ifVersion uint64) error {
	store, err := s.use()
	if err != nil {
		return err
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

// boot reads the stored row, or tries again until it can.
func (m *mind) boot(ctx context.Context) {
	err := m.tryBoot(ctx)
	if err == nil {
		return
	}
	m.app.log.Error("the store cannot be read: calls go to the primary, roles and registration stay as they are until it can", "error", err)
	m.raise(alarm.StoreDown, "relève")
	m.wait.Go(func() {
		retry := time.NewTicker(retryStore)
		defer retry.Stop()
		for err != nil {
			select {
			case <-ctx.Done():
				return
			case <-retry.C:
				err = m.tryBoot(ctx)
			}
		}
		m.clearAlarm(alarm.StoreDown, "relève")
	})
}
