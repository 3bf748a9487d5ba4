package spool

import (
	"context"
	"errors"
	"maps"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const endless = 1 << 40 // bytes

// The disk is full: callers notice nothing, entries wait in memory, then are
// counted; when there is space again everything that waited is written, once,
// without anybody's help.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told reports
		d := &disk{space: 3000}
		s := mustOpen(t, newDir(t), Options{QueueEntries: 40, GroupEntries: 10, Report: told.add, create: d.create})
		store := &ledger{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, store) }()

		for i := range 30 { // some fit, a group is torn in its middle
			put(s, i, i+1)
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		inStore := len(store.got())
		if inStore == 0 || inStore == 30 {
			t.Fatalf("%d of 30 calls came before the disk was full: the test's size is wrong", inStore)
		}
		told.want(t, "+disk-fault")
		if err := s.Flush(t.Context()); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Flush on a full disk = %v", err)
		}
		if n := len(segmentFiles(t, s.dir)); n > 1 {
			t.Errorf("%d files pile up on a full disk", n)
		}
		put(s, 30, 200) // more than the queue holds
		synctest.Wait()
		lost := s.Lost(LossQueueFull)
		if st := s.Stats(); lost == 0 || st.Lost != lost || st.Queued != 40 {
			t.Errorf("stats %+v", st)
		}
		told.want(t, "+disk-fault", "+queue-full")

		d.set(endless, nil, nil)
		time.Sleep(lastRetry + time.Second)
		synctest.Wait()
		store.want(t, 0, 200-int(lost)) // the oldest are kept
		told.want(t, "+disk-fault", "+queue-full", "-disk-fault", "-queue-full")
		cancel()
		<-ended
		must(t, s.Close())
		if left := segmentFiles(t, s.dir); len(left) != 0 {
			t.Errorf("%v stays", left)
		}
	})
}

// The disk is full anywhere in three groups: whatever fits, nothing is lost or
// doubled, in this process and after it was killed at that moment.
func TestDiskFullAnywhere(t *testing.T) {
	probe := &disk{space: endless}
	s := mustOpen(t, newDir(t), Options{GroupEntries: 2, create: probe.create})
	put(s, 0, 5)
	must(t, s.Flush(t.Context()))
	size := s.Stats().Bytes
	must(t, s.Close())
	for space := int64(0); space < size; space += 7 {
		d := &disk{space: space}
		s := mustOpen(t, newDir(t), Options{GroupEntries: 2, create: d.create})
		store := &ledger{}
		put(s, 0, 5)
		if err := s.Drain(t.Context(), store); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%d bytes: Drain = %v", space, err)
		}
		killed := mustOpen(t, crashCopy(t, s.dir), Options{})
		later := &ledger{marks: maps.Clone(store.marks), ids: store.got()}
		must(t, killed.Drain(t.Context(), later), killed.Close())
		later.want(t, 0, len(later.got()))

		d.set(endless, nil, nil)
		must(t, s.Drain(t.Context(), store))
		store.want(t, 0, 5)
		must(t, s.Close())
	}
}

// After a failed sync nobody knows what is on the disk: the group is written
// again into a new file, and not before the old one is cut back.
func TestSyncFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{space: endless}
		var told reports
		s := mustOpen(t, newDir(t), Options{create: d.create, Report: told.add})
		store := &ledger{}
		put(s, 0, 2)
		must(t, s.Flush(t.Context()))
		d.set(endless, syscall.EIO, syscall.EIO)
		put(s, 2, 4)
		if err := s.Flush(t.Context()); !errors.Is(err, syscall.EIO) {
			t.Errorf("Flush = %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if d.created != 1 {
			t.Errorf("%d files made while the old one could not be cut back", d.created)
		}
		d.set(endless, nil, nil)
		put(s, 4, 6)
		time.Sleep(lastRetry + time.Second)
		synctest.Wait()
		if st := s.Stats(); st.Written != 6 || st.Lost != 0 {
			t.Errorf("stats %+v", st)
		}
		if d.created != 2 {
			t.Errorf("%d files made, want a second one: a second sync of the first proves nothing", d.created)
		}
		killed := mustOpen(t, crashCopy(t, s.dir), Options{})
		must(t, killed.Drain(t.Context(), store), killed.Close())
		store.want(t, 0, 6)
		told.want(t, "+disk-fault", "-disk-fault")
		must(t, s.Close())
	})
}

// Close on a disk that takes nothing ends and says what is lost.
func TestCloseOnFullDisk(t *testing.T) {
	d := &disk{space: 10}
	s := mustOpen(t, newDir(t), Options{create: d.create})
	put(s, 0, 3)
	if err := s.Close(); !errors.Is(err, syscall.ENOSPC) || s.Lost(LossClosed) != 3 {
		t.Errorf("Close = %v, stats %+v", err, s.Stats())
	}
}

// No file can be made at all (directory gone, no rights): the same.
func TestCreateFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		s := mustOpen(t, newDir(t), Options{create: func(path string) (file, error) {
			if broken.Load() {
				return nil, os.ErrPermission
			}
			return createFile(path)
		}})
		put(s, 0, 3)
		synctest.Wait()
		if s.counts.diskFaults.Value() != 1 {
			t.Errorf("%d faults counted", s.counts.diskFaults.Value())
		}
		broken.Store(false) // the writer sleeps until its next try
		time.Sleep(firstRetry + time.Second)
		synctest.Wait()
		var store ledger
		must(t, s.Drain(t.Context(), &store), s.Close())
		store.want(t, 0, 3)
	})
}
