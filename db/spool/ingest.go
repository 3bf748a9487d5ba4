package spool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"releve/db"
)

const (
	readBuffer    = 64 << 10
	storeTimeout  = 30 * time.Second // one batch; a store that hangs is a store that is down
	firstStoreTry = 200 * time.Millisecond
	lastStoreTry  = 30 * time.Second
)

// Store is what the spool needs of a db.Store.
type Store interface {
	// Append as in db.Store: durable, whole, and known again when sent twice.
	Append(ctx context.Context, b db.Batch) error
}

// Run hands everything that becomes durable to the store, in order, until ctx
// or the spool ends, whose error it returns. While the store is down it tries
// again, after 200 ms first and every 30 s at last.
func (s *Spool) Run(ctx context.Context, store Store) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	var pause time.Duration
	for {
		err := s.ingest(ctx, store)
		if ctx.Err() != nil {
			return s.ended(ctx)
		}
		if err == nil {
			pause = 0
			select {
			case <-s.ready:
			case <-ctx.Done():
			}
			continue
		}
		pause = min(max(2*pause, firstStoreTry), lastStoreTry)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// Drain flushes the spool and hands everything to the store. It returns the
// first error; what is left stays for the next try.
func (s *Spool) Drain(ctx context.Context, store Store) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	flushed := s.Flush(ctx)
	err := s.ingest(ctx, store)
	if ctx.Err() != nil {
		err = s.ended(ctx)
	}
	return errors.Join(flushed, err)
}

// within returns a context that ends with ctx and with the spool.
func (s *Spool) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.life, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

func (s *Spool) ended(ctx context.Context) error { return context.Cause(ctx) }

// reader is the position in the first segment; owned by who holds reading.
type reader struct {
	name   string
	file   *os.File
	frames frames
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
	}
	r.name, r.file = "", nil
}

// ingest hands over all that is durable now, oldest first.
func (s *Spool) ingest(ctx context.Context, store Store) error {
	select {
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		seg, ok := s.first()
		switch {
		case !ok, seg.done == seg.end && !seg.sealed:
			s.edge(StoreFault, false, nil)
			return nil
		case seg.done == seg.end:
			s.reader.close()
			s.remove(seg)
			continue
		}
		if err := s.ingestSegment(ctx, store, seg); err != nil {
			if ctx.Err() == nil {
				s.counts.storeOut.Inc()
				s.edge(StoreFault, true, err)
			}
			return err
		}
	}
}

// ingestSegment hands over the batches of seg up to its end as it is now.
func (s *Spool) ingestSegment(ctx context.Context, store Store, seg segment) error {
	if err := s.seek(seg); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return s.giveUp(seg, err)
		}
		return fmt.Errorf("read spool: %w", err)
	}
	for seg.done < seg.end {
		batch, end, readErr := s.readBatch(seg)
		if n := len(batch.Calls) + len(batch.Events); n > 0 {
			batch.Segment, batch.Offset = seg.name, end
			if err := s.hand(ctx, store, batch); err != nil {
				return err
			}
			s.counts.ingested.Add(uint64(n))
		}
		seg.done = end
		s.advance(end)
		switch {
		case errors.Is(readErr, errTorn):
			return s.giveUp(seg, readErr)
		case readErr != nil:
			return fmt.Errorf("read spool segment %s: %w", seg.name, readErr)
		}
	}
	return nil
}

func (s *Spool) hand(ctx context.Context, store Store, b db.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := store.Append(ctx, b); err != nil {
		return fmt.Errorf("hand %d records to the store: %w", len(b.Calls)+len(b.Events), err)
	}
	return nil
}

// seek opens the segment where it was left, and only as far as it is durable.
func (s *Spool) seek(seg segment) error {
	r := &s.reader
	if r.name != seg.name {
		r.close()
		f, err := os.Open(filepath.Join(s.dir, seg.name))
		if err != nil {
			return err
		}
		r.name, r.file = seg.name, f
	}
	part := io.NewSectionReader(r.file, seg.done, seg.end-seg.done)
	if r.frames.in == nil {
		r.frames.in = bufio.NewReaderSize(part, readBuffer)
	} else {
		r.frames.in.Reset(part)
	}
	r.frames.offset = seg.done
	return nil
}

// readBatch reads up to the next mark or the end of the part, and returns where
// that is. With errTorn the batch is what was whole before.
func (s *Spool) readBatch(seg segment) (b db.Batch, end int64, err error) {
	f := &s.reader.frames
	for f.offset < seg.end {
		kind, payload, err := f.next()
		switch {
		case err == io.EOF:
			return b, f.offset, errTorn // shorter than it was when it was synced
		case errors.Is(err, errTorn):
			return b, f.offset, err
		case err != nil:
			return db.Batch{}, seg.done, err
		case kind == kindMark:
			return b, f.offset, nil
		}
		if err := appendTo(&b, kind, payload); err != nil {
			s.counts.lost.At(LossUnreadable).Inc()
			s.edge(Damaged, true, fmt.Errorf("segment %s, before byte %d: an entry is whole but cannot be read: %w", seg.name, f.offset, err))
		}
	}
	return b, f.offset, nil
}

// giveUp leaves a segment that cannot be read any further.
func (s *Spool) giveUp(seg segment, why error) error {
	s.reader.close()
	if !seg.sealed {
		s.queue.seal() // the next try finds it sealed
		return fmt.Errorf("read spool segment %s, which is still written: %w", seg.name, why)
	}
	if err := s.setAside(seg.name, seg.end-seg.done, why); err != nil {
		return err
	}
	s.forget(seg)
	if !errors.Is(why, fs.ErrNotExist) {
		s.bytes.Add(seg.end) // it is still there, under another name
	}
	return nil
}

// advance remembers that the first segment is in the store up to end.
func (s *Spool) advance(end int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments[0].done = end
}
