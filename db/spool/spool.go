// Package spool is the lossless way in for call records and events: what the
// call path hands over is on disk within milliseconds and in the store, exactly
// once, when the store can take it.
//
//	Call, Event → queue (memory) → segment files → batches → store
//	              never blocks      one goroutine    Run or Drain
//
// The writing goroutine owns the segment being written; Run and Drain, one at a
// time, own the reading. Call and Event only take a short mutex and may be
// used from anywhere, also from a Report function. All methods are safe for
// concurrent use.
//
// A segment is a file NUMBER-RANDOM.seg: a header, then frames (see frame.go),
// each with its CRC-32C. After each group of frames a mark is written and the
// file is synced; a batch is what lies between two marks, so its bounds are the
// same however often it is read, and the store knows a batch sent twice by
// (segment, offset). The random part makes a name that no store has ever seen.
//
//	what happens                what is lost
//	process killed (-9)         what was queued in the last write interval (20 ms under load, else nothing)
//	power cut                   what came in the last sync interval (200 ms)
//	tail torn at any byte       the torn frame and what follows it; it was never reported as durable
//	killed while ingesting      nothing, and nothing is stored twice
//	store down                  nothing until TotalBytes are full
//	disk full or faulty         nothing until the queue is full; it is tried again and again
//
// Whatever is lost is counted by its reason (Loss) and reported (Condition).
package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"releve/db"
	"releve/health/metric"
	"releve/router"
)

// ErrClosed: the spool was closed.
var ErrClosed = errors.New("the spool is closed")

// Options are the bounds of a spool. A zero field means its default.
type Options struct {
	SegmentBytes int64         // a segment this long is followed by a new one: 8 MiB
	TotalBytes   int64         // all segments together; beyond it entries are refused: 512 MiB
	QueueEntries int           // waiting in memory; beyond it entries are refused: 8192
	GroupEntries int           // most entries in one group, thus in one batch for the store: 500
	WriteEvery   time.Duration // under load, entries are handed to the kernel this often: 20 ms
	SyncEvery    time.Duration // and synced to the disk this often: 200 ms

	// Metrics is where the spool declares its series; nil shows none.
	Metrics *metric.Set
	// Report is told when a condition begins (on) and ends. It is called from
	// the spool's own goroutines and from Open, never from Call or Event; it
	// must not call Flush, Drain or Close. nil: nobody is told.
	Report func(c Condition, on bool, err error)

	create func(path string) (file, error) // nil: createFile; tests break it
}

func (o Options) withDefaults() (Options, error) {
	if o.SegmentBytes < 0 || o.TotalBytes < 0 || o.QueueEntries < 0 || o.GroupEntries < 0 || o.WriteEvery < 0 || o.SyncEvery < 0 {
		return o, errors.New("a bound of the spool is negative: use 0 for its default")
	}
	o.SegmentBytes = orDefault(o.SegmentBytes, 8<<20)
	o.TotalBytes = orDefault(o.TotalBytes, 512<<20)
	o.QueueEntries = orDefault(o.QueueEntries, 8192)
	o.GroupEntries = orDefault(o.GroupEntries, 500)
	o.WriteEvery = orDefault(o.WriteEvery, 20*time.Millisecond)
	o.SyncEvery = orDefault(o.SyncEvery, 200*time.Millisecond)
	if o.create == nil {
		o.create = createFile
	}
	return o, nil
}

func orDefault[N int | int64 | time.Duration](n, fallback N) N {
	if n == 0 {
		return fallback
	}
	return n
}

// Spool is an open spool directory.
type Spool struct {
	dir     string
	options Options
	lock    *os.File
	queue   queue
	counts  counts
	bytes   *metric.Limit

	ready   chan struct{} // capacity 1: something became durable
	written chan struct{} // closed when the writing goroutine has ended
	life    context.Context
	end     context.CancelFunc // ends Run and Drain
	once    sync.Once
	closeIt error // result of Close, guarded by once

	mu       sync.Mutex
	segments []*segment       // guarded by mu; oldest first, the last may be the one being written
	present  [conditions]bool // guarded by mu

	reading chan struct{} // capacity 1: held by whoever ingests
	reader  reader        // owned by the holder of reading
}

// Open opens the spool in dir, makes the directory when only its last part is
// missing, cuts what a crash left torn, and starts the writing goroutine. Only
// one process at a time has a spool open.
func Open(dir string, o Options) (*Spool, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open spool %s: %w", dir, err)
	}
	lock, err := lockDirectory(dir)
	if err != nil {
		return nil, fmt.Errorf("open spool %s: %w", dir, err)
	}
	s := &Spool{
		dir: dir, options: o, lock: lock,
		queue:   newQueue(o.QueueEntries, o.Metrics),
		bytes:   o.Metrics.Limit("spool_bytes", o.TotalBytes),
		ready:   make(chan struct{}, 1),
		written: make(chan struct{}),
		reading: make(chan struct{}, 1),
	}
	s.counts = newCounts(o.Metrics, s)
	s.life, s.end = context.WithCancel(context.Background())
	next, err := s.recover()
	if err != nil {
		s.end()
		_ = unlock(lock)
		return nil, fmt.Errorf("open spool %s: %w", dir, err)
	}
	w := &writer{s: s, next: next}
	go w.run()
	return s, nil
}

// Call hands over the record of a call. It never blocks and never fails: what
// cannot be kept is counted and reported.
func (s *Spool) Call(c router.CallRecord) { s.put(entry{kind: kindCall, call: c}) }

// Event hands over a line of the journal, like Call. Its ID is left to the
// store; its Params must not change afterwards.
func (s *Spool) Event(e db.Event) { s.put(entry{kind: kindEvent, event: e}) }

func (s *Spool) put(e entry) {
	if loss := s.queue.put(e); loss != lossNone {
		s.counts.lost.At(loss).Inc()
	}
}

// Flush returns when everything handed over before is synced to the disk, or
// with the reason why it is not (it stays queued and is tried again).
func (s *Spool) Flush(ctx context.Context) error {
	done := make(chan error, 1)
	if !s.queue.ask(done) {
		return ErrClosed
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close writes and syncs what is queued, ends Run and Drain, and gives the
// directory free. What is durable and not ingested stays for the next Open.
// The error says how many entries could not be written; they are lost.
func (s *Spool) Close() error {
	s.once.Do(func() {
		s.queue.close()
		<-s.written
		s.end()
		s.reading <- struct{}{} // and kept: nothing is ingested any more
		s.reader.close()
		s.removeIngested()
		if err := unlock(s.lock); err != nil && s.closeIt == nil {
			s.closeIt = err
		}
	})
	return s.closeIt
}

// Stats is what a spool holds and what it did since Open.
type Stats struct {
	Queued   int64  // entries in memory
	Bytes    int64  // of all segments on disk
	Backlog  int64  // bytes durable and not yet in the store
	Written  uint64 // entries made durable
	Ingested uint64 // entries handed to the store, those found again after a crash included
	Lost     uint64 // entries lost, for whatever reason
}

// Stats returns the present figures.
func (s *Spool) Stats() Stats {
	st := Stats{
		Queued: s.queue.limit.Reading().Used, Bytes: s.bytes.Reading().Used, Backlog: s.backlog(),
		Written: s.counts.written.Value(), Ingested: s.counts.ingested.Value(),
	}
	for _, l := range losses {
		st.Lost += s.Lost(l)
	}
	return st
}

// Lost returns how many entries were lost for one reason.
func (s *Spool) Lost(l Loss) uint64 { return s.counts.lost.At(l).Value() }

func (s *Spool) backlog() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int64
	for _, seg := range s.segments {
		n += seg.end - seg.done
	}
	return n
}
