package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"releve/db"
	"releve/db/dbtest"
	"releve/router"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "state.db") }

func TestContract(t *testing.T) {
	dbtest.Run(t, func(t *testing.T) db.Store { return open(t, newPath(t)) })
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd ?name%20#é.db")
	s := open(t, path)
	if err := s.SaveState(t.Context(), []byte("row"), 0); err != nil {
		t.Fatal(err)
	}
	b := db.Batch{Segment: "s", Offset: 1, Calls: []router.CallRecord{{CallID: "a"}}}
	if err := s.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatalf("Close, and again: %v", err)
	}
	s = open(t, path)
	if row, v, err := s.LoadState(t.Context()); string(row) != "row" || v != 1 || err != nil {
		t.Errorf("LoadState = %q, %d, %v", row, v, err)
	}
	if err := s.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if calls, err := s.Calls(t.Context(), "", 0); len(calls) != 1 || err != nil {
		t.Errorf("%d calls, %v: the batch was known before the restart", len(calls), err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A copy of the files as they are after SaveState returned is what a power cut
// leaves: the row must be in it.
func TestDurableWithoutClose(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	if err := s.SaveState(t.Context(), []byte("row"), 0); err != nil {
		t.Fatal(err)
	}
	cut := newPath(t)
	for _, suffix := range []string{"", "-wal"} { // -shm is rebuilt
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(cut+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if row, v, err := open(t, cut).LoadState(t.Context()); string(row) != "row" || v != 1 || err != nil {
		t.Errorf("after a power cut: %q, %d, %v", row, v, err)
	}
}

func TestSettings(t *testing.T) {
	path := newPath(t)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	for _, c := range []struct {
		pool   *sql.DB
		pragma string
		want   string
	}{
		{s.write, "journal_mode", "wal"},
		{s.write, "synchronous", "2"}, // FULL
		{s.write, "busy_timeout", "5000"},
		{s.write, "application_id", fmt.Sprint(applicationID)},
		{s.read, "query_only", "1"},
		{s.read, "busy_timeout", "5000"},
	} {
		var got string
		if err := c.pool.QueryRow("PRAGMA " + c.pragma).Scan(&got); err != nil || got != c.want {
			t.Errorf("%s = %q, %v; want %q", c.pragma, got, err, c.want)
		}
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode of %s: %v, %v", path+suffix, info.Mode(), err)
		}
	}
}

func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	pool, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, q := range statements {
		if _, err := pool.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		path func(t *testing.T) string
		kind error
		want string // what the operator is told to do
	}{
		{"no directory", func(t *testing.T) string { return filepath.Join(t.TempDir(), "no", "state.db") }, ErrNoDirectory, "install -d -m 0700"},
		{"directory is a file", func(t *testing.T) string {
			return filepath.Join(write(t, "x"), "state.db")
		}, ErrNoDirectory, "correct store.path"},
		{"is a directory", func(t *testing.T) string { return t.TempDir() }, ErrNotDatabase, "store.path names a file"},
		{"a device", func(*testing.T) string { return os.DevNull }, ErrNotDatabase, "store.path names a file"},
		{"text", func(t *testing.T) string { return write(t, "site: CH de Exemple\n") }, ErrNotDatabase, "releve restore"},
		{"shorter than a header", func(t *testing.T) string { return write(t, "SQLite") }, ErrNotDatabase, "releve restore"},
		{"garbage behind the header", func(t *testing.T) string {
			return write(t, magic+strings.Repeat("garbage ", 2000))
		}, ErrNotDatabase, "releve restore"},
		{"nobody may write there", func(*testing.T) string { return "/sys/kernel/releve.db" }, ErrReadOnly, "chown"},
		{"another program's", func(t *testing.T) string {
			path := newPath(t)
			raw(t, path, "CREATE TABLE users (name TEXT)")
			return path
		}, ErrForeign, "correct store.path"},
		{"another program's mark", func(t *testing.T) string {
			path := newPath(t)
			raw(t, path, "PRAGMA application_id = 42", "CREATE TABLE users (name TEXT)")
			return path
		}, ErrForeign, "correct store.path"},
		{"newer schema", func(t *testing.T) string {
			path := newPath(t)
			open(t, path).Close()
			raw(t, path, "INSERT INTO schema_version VALUES (9999, '')")
			return path
		}, ErrNewerSchema, "install the newer version again"},
		{"damaged", damaged, ErrCorrupt, "-wal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.path(t)
			before, _ := os.ReadFile(path)
			s, err := Open(path)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q\nwants kind %q, the path, and %q", err, c.kind, c.want)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the refused file was changed")
			}
		})
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := newPath(t)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// damaged returns a store whose pages after the schema are overwritten.
func damaged(t *testing.T) string {
	path := newPath(t)
	s := open(t, path)
	var b db.Batch
	for i := range 500 {
		b.Calls = append(b.Calls, router.CallRecord{CallID: fmt.Sprint(i)})
	}
	if err := errors.Join(s.Append(t.Context(), b), s.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(strings.Repeat("X", 16<<10)), 32<<10); err != nil {
		t.Fatal(err)
	}
	return path
}

// The disk is full (SQLite's own limit of pages gives the same result code):
// the error says so, what was stored stays, and the next write after space was
// made succeeds.
func TestDiskFull(t *testing.T) {
	s := open(t, newPath(t))
	if err := s.SaveState(t.Context(), []byte("row"), 0); err != nil {
		t.Fatal(err)
	}
	var limit int
	if err := s.write.QueryRow("PRAGMA max_page_count = 1").Scan(&limit); err != nil { // means: what it has now
		t.Fatal(err)
	}
	b := db.Batch{Segment: "s", Offset: 1}
	for i := range 200 {
		b.Calls = append(b.Calls, router.CallRecord{CallID: strings.Repeat("x", 100) + fmt.Sprint(i)})
	}
	if err := s.Append(t.Context(), b); !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "free space") {
		t.Fatalf("Append on a full disk: %v", err)
	}
	if calls, err := s.Calls(t.Context(), "", 0); len(calls) != 0 || err != nil {
		t.Errorf("a part of the batch was stored: %d calls, %v", len(calls), err)
	}
	if err := s.write.QueryRow("PRAGMA max_page_count = 100000").Scan(&limit); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), b); err != nil {
		t.Fatalf("after space was made: %v", err)
	}
	if calls, err := s.Calls(t.Context(), "", 0); len(calls) != len(b.Calls) || err != nil {
		t.Errorf("%d calls, %v", len(calls), err)
	}
}

func TestReadOnly(t *testing.T) {
	s := open(t, newPath(t))
	if _, err := s.write.Exec("PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveState(t.Context(), []byte("x"), 0); !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "chown") {
		t.Errorf("SaveState into a read-only file: %v", err)
	}
}

// Another process holds the file: the caller's deadline ends the wait, and
// without one the busy timeout does.
func TestBusy(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	other := open(t, path)
	tx, err := other.write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.SaveState(ctx, []byte("x"), 0); err == nil {
		t.Error("wrote while another process held the file")
	}
	if _, err := s.write.Exec("PRAGMA busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveState(t.Context(), []byte("x"), 0); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "stop the other process") {
		t.Errorf("SaveState into a held file: %v", err)
	}
	if _, _, err := s.LoadState(t.Context()); err != nil {
		t.Errorf("reading does not wait for a writer: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveState(t.Context(), []byte("x"), 0); err != nil {
		t.Error(err)
	}
}

// A query reads the rows it returns, not the whole table.
func TestQueriesUseIndexes(t *testing.T) {
	s := open(t, newPath(t))
	for _, c := range []struct {
		query  string
		args   []any
		want   []string
		refuse string
	}{
		{allCallsSQL, []any{1}, []string{"USING INDEX calls_by_start"}, "TEMP B-TREE"},
		{findCallsSQL, []any{1, "a", "b"}, []string{"USING INDEX calls_by_call_id", "USING COVERING INDEX calls_by_start"}, ""},
		{eventsSQL, []any{1, 1}, []string{"USING INDEX events_by_time"}, "TEMP B-TREE"},
	} {
		var plan strings.Builder
		err := s.each(t.Context(), func(r *sql.Rows) error {
			var id, parent, unused int
			var detail string
			err := r.Scan(&id, &parent, &unused, &detail)
			plan.WriteString(detail + "\n")
			return err
		}, "EXPLAIN QUERY PLAN "+c.query, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(plan.String(), want) {
				t.Errorf("%s\nplan:\n%swants %s", c.query, plan.String(), want)
			}
		}
		if c.refuse != "" && strings.Contains(plan.String(), c.refuse) {
			t.Errorf("%s\nsorts:\n%s", c.query, plan.String())
		}
	}
}

func TestPruneDropsOldMarks(t *testing.T) {
	s := open(t, newPath(t))
	raw(t, s.path, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d)
		INSERT INTO ingested (segment, offset) SELECT 's' || i, 1 FROM n`, keptMarks+700))
	if err := s.Prune(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	var n int
	var oldest string
	if err := s.read.QueryRow("SELECT count(*), (SELECT segment FROM ingested ORDER BY id LIMIT 1) FROM ingested").Scan(&n, &oldest); err != nil {
		t.Fatal(err)
	}
	if n != keptMarks || oldest != "s701" {
		t.Errorf("%d marks are left, the oldest %s; want the newest %d", n, oldest, keptMarks)
	}
}

func TestMigrationNames(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{[]string{"0001_a.sql", "0002_b.sql"}, ""},
		{nil, "no migration"},
		{[]string{"0001_a.sql", "0003_b.sql"}, "must begin with 0002_"},
		{[]string{"0001_a.sql", "0001_b.sql"}, "must begin with 0002_"},
	} {
		from := fstest.MapFS{}
		for _, n := range c.names {
			from["migration/"+n] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		steps, err := readMigrations(from)
		if c.want == "" && (err != nil || len(steps) != len(c.names)) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %d steps, %v; want %q", c.names, len(steps), err, c.want)
		}
	}
}

// A migration that fails leaves the file at the version it had.
func TestMigrationIsWhole(t *testing.T) {
	s := open(t, newPath(t))
	tx, err := s.write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := apply(t.Context(), tx, []string{"", "CREATE TABLE two (a); INSERT INTO nowhere VALUES (1)"}); err == nil {
		t.Fatal("a broken migration succeeded")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	var version, tables int
	err = s.read.QueryRow("SELECT (SELECT max(version) FROM schema_version), (SELECT count(*) FROM sqlite_schema WHERE name = 'two')").Scan(&version, &tables)
	if err != nil || version != 1 || tables != 0 {
		t.Errorf("version %d, %d tables of the broken migration, %v", version, tables, err)
	}
}
