package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"releve/db"
	"releve/db/sqlite"
	"releve/router"
)

// ledger is a Store in memory that keeps db.Store's promise about batches sent
// twice and remembers each Call-ID in the order it came. It can be down.
type ledger struct {
	mu      sync.Mutex
	marks   map[string]int64
	ids     []string
	events  []string
	batches []int
	tries   []time.Time
	down    error // refuse without storing
	unsure  error // store, and say this all the same
}

func (l *ledger) Append(ctx context.Context, b db.Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries = append(l.tries, time.Now())
	if err := errors.Join(ctx.Err(), l.down); err != nil {
		return err
	}
	if b.Offset > l.marks[b.Segment] {
		if l.marks == nil {
			l.marks = map[string]int64{}
		}
		l.marks[b.Segment] = b.Offset
		for _, c := range b.Calls {
			l.ids = append(l.ids, c.CallID)
		}
		for _, e := range b.Events {
			l.events = append(l.events, e.Code)
		}
		l.batches = append(l.batches, len(b.Calls)+len(b.Events))
	}
	return l.unsure
}

func (l *ledger) set(down, unsure error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down, l.unsure = down, unsure
}

func (l *ledger) got() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

// want fails unless exactly the calls from…to-1 came, each once, in order.
func (l *ledger) want(t *testing.T, from, to int) {
	t.Helper()
	var want []string
	for i := from; i < to; i++ {
		want = append(want, id(i))
	}
	if got := l.got(); !slices.Equal(got, want) {
		t.Fatalf("store has %d calls %v\nwant %d to %d, each once, in order", len(got), got, from, to-1)
	}
}

func id(n int) string { return fmt.Sprintf("call-%05d@10.0.0.1", n) }

func record(n int) router.CallRecord {
	return router.CallRecord{
		CallID: id(n), From: "0612345678", To: "5000", Entry: "inline", Server: "primary", Outcome: "answered",
		Reason: router.ReasonActiveServes, Status: 200, Setup: time.Second, Started: time.Date(2026, 3, 9, 12, 0, n, 0, time.UTC), Attempts: 1,
	}
}

func put(s *Spool, from, to int) {
	for i := from; i < to; i++ {
		s.Call(record(i))
	}
}

func mustOpen(t *testing.T, dir string, o Options) *Spool {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a test that minds closes it itself
	return s
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func newDir(t *testing.T) string { return filepath.Join(t.TempDir(), "spool") }

// crashCopy copies the directory as a killed process leaves it.
func crashCopy(t *testing.T, dir string) string {
	t.Helper()
	to := newDir(t)
	must(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

func segmentFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	must(t, err)
	return files
}

// reports collects what Report is told, as text.
type reports struct {
	mu   sync.Mutex
	text []string
}

func (r *reports) add(c Condition, on bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sign := map[bool]string{true: "+", false: "-"}[on]
	r.text = append(r.text, sign+c.String())
	if on && err == nil {
		r.text = append(r.text, "a report without a reason")
	}
}

func (r *reports) want(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.text, want) {
		t.Errorf("reported %q, want %q", r.text, want)
	}
}

// disk makes files on a disk of limited size and with planned faults.
type disk struct {
	mu       sync.Mutex
	space    int64 // bytes left; ENOSPC beyond
	syncErr  error
	cutErr   error
	created  int
	attempts int
}

func (d *disk) create(path string) (file, error) {
	f, err := createFile(path)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.created++
	return &diskFile{file: f, disk: d}, nil
}

func (d *disk) set(space int64, syncErr, cutErr error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.space, d.syncErr, d.cutErr = space, syncErr, cutErr
}

type diskFile struct {
	file
	disk *disk
	size int64
}

// Write writes what fits, as a real disk does.
func (f *diskFile) Write(p []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.attempts++
	fits := min(int64(len(p)), f.disk.space)
	n, err := f.file.Write(p[:fits])
	f.disk.space -= int64(n)
	f.size += int64(n)
	if err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

func (f *diskFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.syncErr != nil {
		return f.disk.syncErr
	}
	return f.file.Sync()
}

func (f *diskFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.cutErr != nil {
		return f.disk.cutErr
	}
	f.disk.space += f.size - size
	f.size = size
	return f.file.Truncate(size)
}

// sqliteStore is the real store.
func sqliteStore(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "state.db"))
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func storedIDs(t *testing.T, s db.Store, prefix string) []string {
	t.Helper()
	calls, err := s.Calls(t.Context(), prefix, 0)
	must(t, err)
	var ids []string
	for _, c := range calls {
		if strings.HasPrefix(c.CallID, prefix) {
			ids = append(ids, c.CallID)
		}
	}
	slices.Sort(ids)
	return ids
}
