package spool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The last record is torn at every byte, then damaged at every byte: all before
// it is ingested exactly once, it never half.
func TestTornTail(t *testing.T) {
	dir := newDir(t)
	s := mustOpen(t, dir, Options{})
	put(s, 0, 3)
	must(t, s.Flush(t.Context()), s.Close())
	whole, err := os.ReadFile(segmentFiles(t, dir)[0])
	must(t, err)
	whole = whole[:len(whole)-markBytes] // killed before the mark was written
	last := appendFrame(nil, kindCall, nil)
	last, ok := appendEntry(last[:0], &entry{kind: kindCall, call: record(2)})
	if !ok || !strings.HasSuffix(string(whole), string(last)) {
		t.Fatal("the segment does not end with the last record")
	}
	begin := len(whole) - len(last)

	check := func(name string, data []byte, want int) {
		t.Helper()
		crashed := filepath.Join(t.TempDir(), "spool")
		must(t, os.Mkdir(crashed, 0o700))
		path := filepath.Join(crashed, newSegmentName(7))
		must(t, os.WriteFile(path, data, 0o600))
		var store ledger
		// Two processes one after the other; the first is killed after it
		// recovered, before it ingested.
		first := mustOpen(t, crashed, Options{})
		if info, err := os.Stat(path); err != nil || info.Size() != int64(begin+(want-2)*len(last)) {
			t.Fatalf("%s: the torn tail stays in the file: %v, %v", name, info.Size(), err)
		}
		second := mustOpen(t, crashCopy(t, crashed), Options{})
		put(second, want, want+1)
		must(t, second.Drain(t.Context(), &store))
		if got := store.got(); len(got) != want+1 {
			t.Fatalf("%s: %d calls %v, want %d", name, len(got), got, want+1)
		}
		store.want(t, 0, want+1)
		if cut := second.counts.cutBytes.Value() + first.counts.cutBytes.Value(); (cut > 0) != (len(data) > len(whole) || want < 3 && len(data) != begin) {
			t.Errorf("%s: %d bytes counted as cut", name, cut)
		}
		must(t, first.Close(), second.Close())
	}
	check("nothing torn", whole, 3)
	for n := begin; n < len(whole); n++ {
		check(fmt.Sprintf("cut at byte %d", n), whole[:n], 2)
	}
	for n := begin; n < len(whole); n++ {
		bad := slices.Clone(whole)
		bad[n] ^= 0x10
		check(fmt.Sprintf("byte %d damaged", n), bad, 2)
	}
	check("zeros behind the end", append(slices.Clone(whole), make([]byte, 5000)...), 3)
	check("a length beyond all bounds", append(slices.Clone(whole), 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5), 3)
}

// A process killed while it made the segment leaves a part of the header.
func TestTornHeader(t *testing.T) {
	for n := range len(segmentHeader) + 1 {
		dir := newDir(t)
		must(t, os.Mkdir(dir, 0o700))
		must(t, os.WriteFile(filepath.Join(dir, newSegmentName(1)), []byte(segmentHeader[:n]), 0o600))
		s := mustOpen(t, dir, Options{})
		put(s, 0, 1)
		var store ledger
		must(t, s.Drain(t.Context(), &store), s.Close())
		store.want(t, 0, 1)
		if left := segmentFiles(t, dir); len(left) != 0 {
			t.Errorf("header of %d bytes: %v stays", n, left)
		}
	}
}

// Killed after the store took batches and before the segment was deleted, with
// the segment still being written or complete: nothing is stored twice.
func TestCrashBetweenIngestAndDelete(t *testing.T) {
	store := sqliteStore(t)
	s := mustOpen(t, newDir(t), Options{GroupEntries: 4})
	put(s, 0, 10)
	must(t, s.Flush(t.Context()))
	before := crashCopy(t, s.dir)
	must(t, s.Drain(t.Context(), store))
	put(s, 10, 15)
	must(t, s.Drain(t.Context(), store))
	put(s, 15, 20)
	must(t, s.Flush(t.Context()))
	after := crashCopy(t, s.dir) // 0–14 are in the store, 15–19 only here

	// A tail that was written and not synced, so not marked either.
	tail, err := os.OpenFile(segmentFiles(t, after)[0], os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	unsynced, _ := appendEntry(nil, &entry{kind: kindCall, call: record(20)})
	_, err = tail.Write(unsynced)
	must(t, err, tail.Close())
	again := crashCopy(t, after)

	for _, dir := range []string{before, after, again} {
		r := mustOpen(t, dir, Options{})
		must(t, r.Drain(t.Context(), store), r.Close())
	}
	var want []string
	for i := range 21 {
		want = append(want, id(i))
	}
	if got := storedIDs(t, store, "call-"); !slices.Equal(got, want) {
		t.Errorf("stored %v\nwant each of %d once", got, len(want))
	}
}

// Names never come back, even when the directory was emptied: the store would
// take new batches for old ones.
func TestNamesAreNew(t *testing.T) {
	var store ledger
	for i := range 3 {
		s := mustOpen(t, newDir(t), Options{})
		put(s, i, i+1)
		must(t, s.Drain(t.Context(), &store), s.Close())
	}
	store.want(t, 0, 3)
}

// A segment damaged in its middle while the spool is open: what is before it is
// ingested, the rest is set aside, counted and reported, and the next segments
// follow.
func TestDamagedMiddle(t *testing.T) {
	for _, live := range []bool{false, true} {
		t.Run(fmt.Sprintf("live=%v", live), func(t *testing.T) {
			var told reports
			o := Options{GroupEntries: 5, Report: told.add}
			s := mustOpen(t, newDir(t), o)
			put(s, 0, 20)
			must(t, s.Flush(t.Context()))
			if !live {
				s.queue.seal()
				must(t, s.Flush(t.Context()))
			}
			path := segmentFiles(t, s.dir)[0]
			data, err := os.ReadFile(path)
			must(t, err)
			data[strings.Index(string(data), id(12))] ^= 1
			must(t, os.WriteFile(path, data, 0o600))
			var store ledger
			if live { // the first try has the segment ended, the next one gives it up
				if err := s.Drain(t.Context(), &store); err == nil {
					t.Error("a damaged segment was drained without an error")
				}
			}
			must(t, s.Flush(t.Context()), s.Drain(t.Context(), &store))
			store.want(t, 0, 12)
			put(s, 12, 15)
			must(t, s.Drain(t.Context(), &store))
			store.want(t, 0, 15)
			if live {
				told.want(t, "+store-fault", "+damaged", "-store-fault")
			} else {
				told.want(t, "+damaged")
			}
			info, err := os.Stat(path + damagedSuffix)
			if err != nil || s.counts.cutBytes.Value() == 0 {
				t.Errorf("set aside: %v, %d bytes counted", err, s.counts.cutBytes.Value())
			}
			must(t, s.Close())
			// It counts against the total of the next process too.
			if st := mustOpen(t, s.dir, Options{}).Stats(); st.Bytes != info.Size() {
				t.Errorf("%d bytes, want the %d that were set aside", st.Bytes, info.Size())
			}
		})
	}
}

// Somebody deleted a segment: the others are ingested.
func TestSegmentGone(t *testing.T) {
	dir := newDir(t)
	s := mustOpen(t, dir, Options{SegmentBytes: 1, GroupEntries: 2})
	put(s, 0, 6)
	must(t, s.Flush(t.Context()))
	must(t, os.Remove(segmentFiles(t, dir)[0]))
	var store ledger
	must(t, s.Drain(t.Context(), &store))
	store.want(t, 2, 6)
	if st := s.Stats(); st.Bytes != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestForeignFiles(t *testing.T) {
	dir := newDir(t)
	must(t, os.Mkdir(dir, 0o700))
	other := filepath.Join(dir, newSegmentName(3))
	must(t, os.WriteFile(other, []byte("releve spool 9\n\x00of a later version"), 0o600))
	note := filepath.Join(dir, "README")
	must(t, os.WriteFile(note, nil, 0o600))
	// A whole frame of a kind, and one of a form, that this version does not know.
	known := filepath.Join(dir, newSegmentName(4))
	data := appendFrame([]byte(segmentHeader), 'X', []byte("{}"))
	data = appendFrame(data, kindCallJSON, []byte(`{"epoch":"seven"}`))
	data, _ = appendEntry(data, &entry{kind: kindCall, call: record(0)})
	must(t, os.WriteFile(known, data, 0o600))

	var told reports
	s := mustOpen(t, dir, Options{Report: told.add})
	var store ledger
	must(t, s.Drain(t.Context(), &store))
	store.want(t, 0, 1)
	told.want(t, "+damaged", "+damaged", "+damaged")
	if s.Lost(LossUnreadable) != 2 {
		t.Errorf("stats %+v", s.Stats())
	}
	for _, path := range []string{other + damagedSuffix, note} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("a file that is not ours must stay: %v", err)
		}
	}
	if next := segmentNumberAfterWrite(t, s); next != 5 {
		t.Errorf("the next segment has number %d, want one above all", next)
	}
}

func segmentNumberAfterWrite(t *testing.T, s *Spool) int {
	t.Helper()
	put(s, 1, 2)
	must(t, s.Flush(t.Context()))
	files := segmentFiles(t, s.dir)
	number, err := strconv.Atoi(filepath.Base(files[len(files)-1])[:12])
	must(t, err)
	return number
}

// childDir tells the test binary to be the process that is killed.
const childDir = "RELEVE_SPOOL_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

// child writes records without end and says on stdout how many are durable.
func child(dir string) {
	s, err := Open(dir, Options{SegmentBytes: 20_000, GroupEntries: 50, WriteEvery: time.Millisecond, SyncEvery: 3 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() { // ends with the parent, however that ends
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	go s.Run(context.Background(), &ledger{}) // segments are read and deleted meanwhile
	for n := 0; ; n++ {
		put(s, n, n+1)
		if n%20 == 19 {
			if err := s.Flush(context.Background()); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			fmt.Println(n + 1)
		}
	}
}

// A process is killed (SIGKILL) while it writes; what it called durable and did
// not ingest is there, whole, once, and without a gap.
func TestKill(t *testing.T) {
	for _, acks := range []int{1, 7, 30} {
		dir := newDir(t)
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		_, err := cmd.StdinPipe()
		must(t, err)
		out, err := cmd.StdoutPipe()
		must(t, err, cmd.Start())
		lines := bufio.NewScanner(out)
		durable := 0
		for range acks {
			if !lines.Scan() {
				break
			}
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Errorf("child: %s", lines.Text())
				break
			}
			durable = n
		}
		must(t, cmd.Process.Kill())
		for lines.Scan() { // said before it died
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				durable = n
			}
		}
		_ = cmd.Wait() // killed, as it should be

		var store ledger
		s := mustOpen(t, dir, Options{})
		must(t, s.Drain(t.Context(), &store), s.Close())
		got := store.got()
		if len(got) == 0 {
			continue // the child's own store had taken and deleted all
		}
		var first, last int
		_, err1 := fmt.Sscanf(got[0], "call-%05d@", &first)
		_, err2 := fmt.Sscanf(got[len(got)-1], "call-%05d@", &last)
		must(t, errors.Join(err1, err2))
		store.want(t, first, last+1)
		if last+1 < durable {
			t.Errorf("%d were durable, the last recovered is %d", durable, last+1)
		}
	}
}
