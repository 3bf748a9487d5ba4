package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	groupBytes    = 1 << 20 // a group this long is synced at once
	firstRetry    = 100 * time.Millisecond
	lastRetry     = 5 * time.Second
	spaceFreedPct = 90 // SpaceFull ends when less than this is used
)

// writer is the goroutine that turns the queue into segments; it alone touches
// its fields.
//
// A group is written as it comes, and ends with a mark and a sync. After any
// fault the file is cut back to its last mark and left; the whole group, still
// in memory, then goes into a new file. So no entry is ever in two files, and
// none is given up. (After a failed sync the kernel may have dropped the pages,
// hence a new file and not a second sync.)
type writer struct {
	s    *Spool
	next uint64 // number of the next segment

	file    file     // nil: none open
	segment *segment // of file
	spoilt  bool     // file must be cut back before anything else is written

	taken   []entry // reused
	group   []byte  // frames since the last mark
	inFile  int     // how much of group is in file
	records int     // entries in group
	marked  bool    // group ends with its mark

	nextWrite time.Time // not before, unless the queue is half full
	syncAt    time.Time // when group is due; of no meaning while it is empty
	retryAt   time.Time // zero: the last try succeeded
	retry     time.Duration
	fault     error // of the last try
}

func (w *writer) run() {
	defer close(w.s.written)
	for {
		asked := w.s.queue.requests()
		if asked.refused {
			w.s.edge(QueueFull, true, fmt.Errorf("%d entries wait: further ones are lost and counted until the disk follows", w.s.options.QueueEntries))
		}
		err := w.turn(time.Now(), asked.close || asked.seal || len(asked.flush) > 0)
		if asked.seal && err == nil && w.file != nil {
			err = w.seal()
		}
		for _, done := range asked.flush {
			done <- err
		}
		if asked.close {
			w.finish(err)
			return
		}
		w.wait(time.Now())
	}
}

// turn writes what is queued and due, and syncs what is due; all of it now
// when forced.
func (w *writer) turn(now time.Time, force bool) error {
	if w.fault != nil && now.Before(w.retryAt) && !force {
		return w.fault
	}
	n := w.s.queue.len()
	if n > 0 && (force || !now.Before(w.nextWrite) || n >= w.s.options.QueueEntries/2) {
		w.nextWrite = now.Add(w.s.options.WriteEvery)
		if err := w.drain(now); err != nil {
			return w.failed(now, err)
		}
	}
	if len(w.group) > 0 && (force || w.fault != nil || !now.Before(w.syncAt)) {
		if err := w.sync(); err != nil {
			return w.failed(now, err)
		}
	}
	w.succeeded()
	return nil
}

// drain writes everything queued, group by group; at most a whole queue, so
// that one that fills as fast as it is written lets requests through.
func (w *writer) drain(now time.Time) error {
	for taken := 0; taken <= w.s.options.QueueEntries; {
		if w.full() {
			if err := w.sync(); err != nil {
				return err
			}
		}
		n := w.encode(now)
		taken += n
		if n == 0 {
			break
		}
	}
	if w.inFile == len(w.group) {
		return nil
	}
	return w.write()
}

func (w *writer) full() bool {
	return w.marked || w.records >= w.s.options.GroupEntries || len(w.group) >= groupBytes
}

// encode appends queued entries to the group and returns how many it took.
func (w *writer) encode(now time.Time) int {
	w.taken = w.s.queue.take(w.taken[:0], w.s.options.GroupEntries-w.records)
	if len(w.group) == 0 {
		w.syncAt = now.Add(w.s.options.SyncEvery)
	}
	for i := range w.taken {
		longer, ok := appendEntry(w.group, &w.taken[i])
		switch {
		case !ok:
			w.s.counts.lost.At(LossTooLong).Inc()
		case !w.s.bytes.Take(int64(len(longer) - len(w.group))):
			w.s.counts.lost.At(LossSpaceFull).Inc()
			w.s.edge(SpaceFull, true, fmt.Errorf("%d bytes wait for the store: further entries are lost and counted until it takes them", w.s.options.TotalBytes))
		default:
			w.group = longer
			w.records++
		}
	}
	clear(w.taken) // let go of the strings
	return len(w.taken)
}

// write brings the file up to the group, making a file when none is open.
func (w *writer) write() error {
	if w.spoilt {
		if err := w.cutBack(); err != nil {
			return err
		}
	}
	if w.file == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	n, err := w.file.Write(w.group[w.inFile:])
	w.inFile += n
	return err
}

// sync ends the group: mark, write, fsync; then it may be ingested.
func (w *writer) sync() error {
	if !w.marked {
		w.group = appendFrame(w.group, kindMark, nil)
		w.s.bytes.Add(markBytes)
		w.marked = true
	}
	if err := w.write(); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	w.s.publish(w.segment, int64(len(w.group)))
	w.s.counts.written.Add(uint64(w.records))
	w.group, w.inFile, w.records, w.marked = w.group[:0], 0, 0, false
	if w.segment.end >= w.s.options.SegmentBytes {
		return w.seal()
	}
	return nil
}

func (w *writer) open() error {
	name := newSegmentName(w.next)
	path := filepath.Join(w.s.dir, name)
	f, err := w.s.options.create(path)
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte(segmentHeader)); err != nil {
		return errors.Join(err, f.Close(), os.Remove(path))
	}
	head := int64(len(segmentHeader))
	w.next++
	w.file, w.inFile = f, 0
	w.segment = &segment{name: name, end: head, done: head}
	w.s.bytes.Add(head)
	w.s.mu.Lock()
	w.s.segments = append(w.s.segments, w.segment)
	w.s.mu.Unlock()
	return nil
}

// seal ends the file, whose content is synced; one without content is deleted.
func (w *writer) seal() error {
	err := w.file.Close()
	if w.s.seal(w.segment) {
		err = errors.Join(err, os.Remove(filepath.Join(w.s.dir, w.segment.name)))
	}
	w.file, w.segment, w.inFile = nil, nil, 0
	w.s.wakeReader() // it deletes the file
	return err
}

// cutBack removes what follows the last mark, durably, and leaves the file.
// Until that succeeds nothing else is written: a crash must not find the group
// in two files.
func (w *writer) cutBack() error {
	if err := w.file.Truncate(w.segment.end); err != nil {
		return fmt.Errorf("cut back: %w", err)
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("cut back: %w", err)
	}
	w.spoilt = false
	_ = w.seal() // its content is synced: nothing hangs on the close
	return nil
}

func (w *writer) failed(now time.Time, err error) error {
	w.s.counts.diskFaults.Inc()
	w.spoilt = w.file != nil
	w.retry = min(max(2*w.retry, firstRetry), lastRetry)
	w.retryAt = now.Add(w.retry)
	w.fault = fmt.Errorf("write spool %s: %w: free space or check the disk; it is tried again by itself", w.s.dir, err)
	w.s.edge(DiskFault, true, w.fault)
	return w.fault
}

func (w *writer) succeeded() {
	w.retry, w.retryAt, w.fault = 0, time.Time{}, nil
	w.s.edge(DiskFault, false, nil)
	if w.s.queue.len() < w.s.options.QueueEntries/2 {
		w.s.edge(QueueFull, false, nil)
	}
	if r := w.s.bytes.Reading(); r.Used < r.Capacity/100*spaceFreedPct {
		w.s.edge(SpaceFull, false, nil)
	}
}

// wait returns when something is due or asked for.
func (w *writer) wait(now time.Time) {
	due, idle := w.due()
	if idle {
		<-w.s.queue.wake
		return
	}
	timer := time.NewTimer(due.Sub(now))
	defer timer.Stop()
	select {
	case <-w.s.queue.wake:
	case <-timer.C:
	}
}

// due returns when turn has something to do; idle when it has nothing.
func (w *writer) due() (at time.Time, idle bool) {
	queued := w.s.queue.len() > 0
	switch {
	case w.fault != nil:
		return w.retryAt, false
	case queued && (len(w.group) == 0 || w.nextWrite.Before(w.syncAt)):
		return w.nextWrite, false
	case len(w.group) > 0:
		return w.syncAt, false
	}
	return time.Time{}, true
}

// finish gives up what a last try could not write.
func (w *writer) finish(err error) {
	left := w.s.queue.take(nil, w.s.options.QueueEntries)
	lost := len(left) + w.records
	w.s.counts.lost.At(LossClosed).Add(uint64(lost))
	if lost > 0 {
		w.s.closeIt = fmt.Errorf("close spool: %d entries are lost: %w", lost, err)
	}
	if w.file == nil {
		return
	}
	if w.spoilt {
		if err := w.cutBack(); err == nil {
			return
		}
	}
	if err := w.seal(); err != nil && w.s.closeIt == nil {
		w.s.closeIt = fmt.Errorf("close spool: %w", err)
	}
}

// seal marks seg as complete; when it is empty it is forgotten instead.
func (s *Spool) seal(seg *segment) (empty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.sealed = true
	empty = seg.end == int64(len(segmentHeader))
	if empty {
		s.segments = slices.DeleteFunc(s.segments, func(o *segment) bool { return o == seg })
		s.bytes.Give(seg.end)
	}
	return empty
}

// publish makes n more bytes of seg ready for the store.
func (s *Spool) publish(seg *segment, n int64) {
	s.mu.Lock()
	seg.end += n
	s.mu.Unlock()
	s.wakeReader()
}

func (s *Spool) wakeReader() {
	select {
	case s.ready <- struct{}{}:
	default: // it will look anyway
	}
}
