package spool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"releve/db"
	"releve/health/metric"
	"releve/router"
)

// What goes in comes out of the real store, whole.
func TestRoundTrip(t *testing.T) {
	store := sqliteStore(t)
	s := mustOpen(t, newDir(t), Options{})
	call := record(1)
	call.From, call.Held, call.WouldHave, call.EndedBy = "é\"\n", time.Second, router.ReasonDelivered, "relève"
	event := db.Event{Time: call.Started, Code: "switchover-done", Params: map[string]string{"a": "é"}, Actor: "paul"}
	s.Call(call)
	s.Event(event)
	must(t, s.Drain(t.Context(), store))
	calls, err := store.Calls(t.Context(), "", 0)
	if err != nil || !reflect.DeepEqual(calls, []router.CallRecord{call}) {
		t.Errorf("calls %+v, %v", calls, err)
	}
	events, err := store.Events(t.Context(), time.Time{}, 0)
	must(t, err)
	event.ID = 1
	if !reflect.DeepEqual(events, []db.Event{event}) {
		t.Errorf("events %+v", events)
	}
	if st := s.Stats(); st.Written != 2 || st.Ingested != 2 || st.Lost != 0 || st.Backlog != 0 || st.Queued != 0 {
		t.Errorf("stats %+v", st)
	}
	must(t, s.Close(), s.Close())
	if left := segmentFiles(t, s.dir); len(left) != 0 {
		t.Errorf("ingested segments stay after Close: %v", left)
	}
	s.Call(call)
	if s.Lost(LossClosed) != 1 || !errors.Is(s.Flush(t.Context()), ErrClosed) || !errors.Is(s.Drain(t.Context(), store), ErrClosed) {
		t.Error("a closed spool must say so")
	}
}

// TestAClosedSpoolIsFreeWhateverIsBeingStarted: a process that was forked, and does not
// run its own program yet, has a copy of the lock.
func TestAClosedSpoolIsFreeWhateverIsBeingStarted(t *testing.T) {
	s := mustOpen(t, newDir(t), Options{})
	copied, err := syscall.Dup(int(s.lock.Fd()))
	must(t, err)
	defer func() { _ = syscall.Close(copied) }()
	if _, err := Open(s.dir, Options{}); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Fatalf("opened twice: %v", err)
	}
	must(t, s.Close())
	again, err := Open(s.dir, Options{})
	must(t, err)
	must(t, again.Close())
}

// An entry is in the hands of the kernel at once when the spool was idle, and
// synced and ingested within SyncEvery, without Flush.
func TestCadence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mustOpen(t, newDir(t), Options{})
		var store ledger
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, &store) }()
		put(s, 0, 1)
		synctest.Wait()
		files := segmentFiles(t, s.dir)
		if len(files) != 1 {
			t.Fatalf("files %v", files)
		}
		if data, err := os.ReadFile(files[0]); err != nil || !bytes.Contains(data, []byte(id(0))) {
			t.Errorf("not written at once: %q, %v", data, err)
		}
		put(s, 1, 3) // within the write interval: together, later
		time.Sleep(s.options.WriteEvery)
		synctest.Wait()
		if data, _ := os.ReadFile(files[0]); !bytes.Contains(data, []byte(id(2))) {
			t.Error("not written after the write interval")
		}
		if n := len(store.got()); n != 0 {
			t.Errorf("%d calls ingested before they were synced", n)
		}
		time.Sleep(s.options.SyncEvery - s.options.WriteEvery)
		synctest.Wait()
		store.want(t, 0, 3)
		if !slices.Equal(store.batches, []int{3}) {
			t.Errorf("batches %v, want one group", store.batches)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
		must(t, s.Close())
	})
}

func TestCloseEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mustOpen(t, newDir(t), Options{})
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context(), &ledger{}) }()
		synctest.Wait()
		must(t, s.Close())
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("Run = %v, want ErrClosed", err)
		}
	})
}

func TestRotation(t *testing.T) {
	dir := newDir(t)
	s := mustOpen(t, dir, Options{SegmentBytes: 1500, GroupEntries: 5})
	for i := range 10 {
		put(s, i*10, i*10+10)
		must(t, s.Flush(t.Context()))
	}
	files := segmentFiles(t, dir)
	if len(files) < 5 || !slices.IsSorted(files) {
		t.Fatalf("%d segments for %d bytes", len(files), s.Stats().Bytes)
	}
	var onDisk int64
	for _, f := range files {
		info, err := os.Stat(f)
		must(t, err)
		if info.Size() > 1500+5*300 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d bytes, mode %v", f, info.Size(), info.Mode())
		}
		onDisk += info.Size()
	}
	if st := s.Stats(); st.Bytes != onDisk {
		t.Errorf("counted %d bytes, on disk are %d", st.Bytes, onDisk)
	}
	var store ledger
	must(t, s.Drain(t.Context(), &store))
	store.want(t, 0, 100)
	if slices.Max(store.batches) > 5 {
		t.Errorf("batches %v, at most 5 entries each", store.batches)
	}
	if left := segmentFiles(t, dir); len(left) > 1 {
		t.Errorf("ingested segments stay: %v", left)
	}
	// The one being written and the next ones go on in order.
	put(s, 100, 130)
	must(t, s.Drain(t.Context(), &store), s.Close())
	store.want(t, 0, 130)
}

// Beyond TotalBytes entries are refused and counted; when the store takes the
// old ones there is room again.
func TestSpaceFull(t *testing.T) {
	var told reports
	s := mustOpen(t, newDir(t), Options{SegmentBytes: 2000, TotalBytes: 10_000, GroupEntries: 3, Report: told.add})
	put(s, 0, 100)
	must(t, s.Flush(t.Context()))
	st := s.Stats()
	if st.Bytes > 10_000+1000 || st.Lost == 0 || st.Written+st.Lost != 100 || s.Lost(LossSpaceFull) != st.Lost {
		t.Fatalf("stats %+v", st)
	}
	kept := int(st.Written)
	var store ledger
	must(t, s.Drain(t.Context(), &store))
	store.want(t, 0, kept) // the oldest are kept
	put(s, kept, kept+5)
	must(t, s.Drain(t.Context(), &store))
	store.want(t, 0, kept+5)
	told.want(t, "+space-full", "-space-full")
}

// The store is down: entries go on to the disk, tries get rarer, and all come
// in order when it is back. An append whose outcome is unknown is sent again
// and stored once.
func TestStoreDownAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told reports
		s := mustOpen(t, newDir(t), Options{SegmentBytes: 2000, Report: told.add})
		store := &ledger{}
		store.set(errors.New("no connection"), nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, store) }()
		for i := range 60 {
			put(s, i, i+1)
			time.Sleep(10 * time.Second)
		}
		synctest.Wait()
		store.mu.Lock()
		gaps := make([]time.Duration, 0, len(store.tries))
		for i := 1; i < len(store.tries); i++ {
			gaps = append(gaps, store.tries[i].Sub(store.tries[i-1]))
		}
		store.mu.Unlock()
		if len(gaps) < 10 || gaps[0] != firstStoreTry || gaps[1] != 2*firstStoreTry || gaps[len(gaps)-1] != lastStoreTry || !slices.IsSorted(gaps) {
			t.Errorf("tries came after %v", gaps)
		}
		store.set(nil, errors.New("connection lost while committing"))
		time.Sleep(2 * lastStoreTry)
		store.set(nil, nil)
		time.Sleep(lastStoreTry)
		synctest.Wait()
		store.want(t, 0, 60)
		told.want(t, "+store-fault", "-store-fault")
		if st := s.Stats(); st.Lost != 0 || st.Backlog != 0 {
			t.Errorf("stats %+v", st)
		}
		cancel()
		<-ended
	})
}

// hang never answers.
type hang struct{}

func (hang) Append(ctx context.Context, _ db.Batch) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told reports
		s := mustOpen(t, newDir(t), Options{Report: told.add})
		put(s, 0, 1)
		if err := s.Drain(t.Context(), hang{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain into a store that hangs = %v", err)
		}
		told.want(t, "+store-fault")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if err := s.Drain(ctx, hang{}); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("Drain until its own deadline = %v after %v", err, time.Since(begun))
		}
		must(t, s.Close())
	})
}

// Many callers, a store that takes, a few flushes: each entry is stored once.
func TestConcurrent(t *testing.T) {
	const callers, each = 8, 300
	store := sqliteStore(t)
	s := mustOpen(t, newDir(t), Options{SegmentBytes: 32 << 10, QueueEntries: callers * each, GroupEntries: 100, WriteEvery: time.Millisecond, SyncEvery: 5 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, store) }()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				if i%2 == 0 {
					s.Call(record(c*each + i))
				} else {
					s.Event(db.Event{Time: time.Unix(int64(i), 0), Code: id(c*each + i)})
				}
				if i%100 == 99 {
					must(t, s.Flush(t.Context()))
				}
				_ = s.Stats()
			}
		})
	}
	wg.Wait()
	must(t, s.Drain(t.Context(), store))
	cancel()
	<-ended
	must(t, s.Close())
	events, err := store.Events(t.Context(), time.Time{}, 0)
	must(t, err)
	ids := storedIDs(t, store, "call-")
	for _, e := range events {
		ids = append(ids, e.Code)
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != callers*each || len(events) != callers*each/2 {
		t.Errorf("%d different entries, %d events; want %d", len(slices.Compact(ids)), len(events), callers*each)
	}
	if st := s.Stats(); st.Lost != 0 || st.Written != callers*each {
		t.Errorf("stats %+v", st)
	}
}

// Order is kept per caller, through groups, segments and batches.
func TestOrder(t *testing.T) {
	s := mustOpen(t, newDir(t), Options{SegmentBytes: 1000, GroupEntries: 7})
	put(s, 0, 500)
	var store ledger
	must(t, s.Drain(t.Context(), &store))
	store.want(t, 0, 500)
}

func TestTooLong(t *testing.T) {
	s := mustOpen(t, newDir(t), Options{})
	long := record(0)
	long.From = strings.Repeat("x", maxBody)
	s.Call(long)
	s.Event(db.Event{Time: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}) // has no JSON form
	put(s, 0, 1)
	var store ledger
	must(t, s.Drain(t.Context(), &store))
	store.want(t, 0, 1)
	if s.Lost(LossTooLong) != 2 {
		t.Errorf("stats %+v", s.Stats())
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := newDir(t)
	s := mustOpen(t, dir, Options{})
	for _, c := range []struct {
		name    string
		dir     string
		options Options
		want    string
	}{
		{"open already", dir, Options{}, "stop that one first"},
		{"no parent", dir + "/no/spool", Options{}, "make the directory"},
		{"a file", dir + "/lock", Options{}, "belongs to who runs releve"},
		{"negative", newDir(t), Options{QueueEntries: -1}, "use 0 for its default"},
	} {
		if _, err := Open(c.dir, c.options); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.dir) {
			t.Errorf("%s: %v, want %q and the directory", c.name, err, c.want)
		}
	}
	must(t, s.Close())
	must(t, mustOpen(t, dir, Options{}).Close())
}

func TestMetrics(t *testing.T) {
	var set metric.Set
	s := mustOpen(t, newDir(t), Options{Metrics: &set})
	put(s, 0, 3)
	must(t, s.Flush(t.Context()))
	var out bytes.Buffer
	if _, err := set.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"releve_spool_written_total 3\n", `releve_spool_lost_total{reason="queue-full"} 0` + "\n", "releve_spool_ingested_total 0\n",
		`releve_limit_capacity{limit="spool_queue"} 8192` + "\n", `releve_limit_capacity{limit="spool_bytes"} 5.36870912e+08` + "\n",
	} {
		want = strings.Replace(want, "5.36870912e+08", "536870912", 1)
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
