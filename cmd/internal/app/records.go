package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"releve/db"
	"releve/db/spool"
	"releve/router"
)

// records is the way in for call records and the journal: the spool, or the
// promise of one. A directory that cannot be written at the start holds up no
// call: what cannot be kept is counted, and the spool is tried again until it
// opens.
type records struct {
	dir    string
	retry  time.Duration
	report func(c spool.Condition, on bool, err error)
	lost   atomic.Uint64 // handed over while there was no spool

	mu     sync.RWMutex
	spool  *spool.Spool // guarded by mu; nil: not open
	closed bool         // guarded by mu
}

// errNoRecords: the records cannot be read now.
var errNoRecords = errors.New("the records are not open: look in the log for what is wrong with store.path")

// open opens the spool unless it is open or closed for good. Called by New, then
// by run alone. The spool reports its troubles from within, and those reach
// Event: no lock is held meanwhile.
func (r *records) open() error {
	if r.use() != nil {
		return nil
	}
	s, err := spool.Open(r.dir, spool.Options{Report: r.report})
	if err != nil {
		return fmt.Errorf("open the records: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return s.Close()
	}
	r.spool = s
	return nil
}

func (r *records) use() *spool.Spool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.spool
}

// Call and Event never block.
func (r *records) Call(c router.CallRecord) {
	if s := r.use(); s != nil {
		s.Call(c)
		return
	}
	r.lost.Add(1)
}

func (r *records) Event(e db.Event) {
	if s := r.use(); s != nil {
		s.Event(e)
		return
	}
	r.lost.Add(1)
}

// run opens the spool, however often it takes, and hands what it holds to the
// store until ctx ends. trouble is told how it stands.
func (r *records) run(ctx context.Context, store spool.Store, trouble func(on bool, err error)) {
	retry := time.NewTicker(r.retry)
	defer retry.Stop()
	for r.use() == nil {
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
		}
		err := r.open()
		trouble(err != nil, err)
	}
	_ = r.use().Run(ctx, store) // ends with ctx, or at close; its faults are reported as conditions
}

// settle makes what was recorded so far readable from the store.
func (r *records) settle(ctx context.Context, store spool.Store) error {
	s := r.use()
	if s == nil {
		return errNoRecords
	}
	return s.Drain(ctx, store)
}

// close hands over what it can and ends; what stays is read at the next start.
func (r *records) close(ctx context.Context, store spool.Store) error {
	r.mu.Lock()
	s := r.spool
	r.closed = true
	r.mu.Unlock()
	if s == nil {
		return nil
	}
	_ = s.Drain(ctx, store) // a store that is down is no reason to lose what is on disk
	return s.Close()
}

// stats are the figures of the spool, with what was lost without one.
func (r *records) stats() (st spool.Stats) {
	if s := r.use(); s != nil {
		st = s.Stats()
	}
	st.Lost += r.lost.Load()
	return st
}
