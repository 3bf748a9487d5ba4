// Package sqlite is the db.Store of one node, in one SQLite file in WAL mode.
//
// Writes go through one connection, one short transaction at a time, each
// synced before it is reported (synchronous=FULL); reads have connections of
// their own and never wait for a write. The Store holds no state beside its
// connections: all methods are safe for concurrent use.
//
//	Open:  directory → file (0600, a SQLite file, writable) → WAL → quick_check
//	       → migrations → ready
//
// Every error names the file and says what to do; errors.Is tells the kinds
// apart (ErrDiskFull, ErrReadOnly, …).
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"releve/db"
)

const (
	// busyTimeout is how long a statement waits for another process (a backup,
	// the sqlite3 shell) that holds the file.
	busyTimeout = 5 * time.Second
	// readers is the bound of concurrent queries; further ones wait.
	readers = 4
	// fullCheckBytes: a larger file is checked only in its small tables when it
	// is opened, so that a start after years of records takes no longer than
	// one after a day. Our choice; Check reads the whole.
	fullCheckBytes = 64 << 20
)

// Store is a db.Store in one SQLite file.
type Store struct {
	path        string
	write       *sql.DB              // one connection
	read        *sql.DB              // at most readers, query_only
	insertCalls [callSteps]*sql.Stmt // by step, see rowsOf
	insertMark  *sql.Stmt
	insertNote  *sql.Stmt
}

var _ db.Store = (*Store)(nil)

// Open opens the store in the file path, and makes it when there is none; its
// directory must exist. It brings an older schema up to date. It returns
// ErrNoDirectory, ErrReadOnly, ErrNotDatabase, ErrForeign, ErrNewerSchema,
// ErrCorrupt, ErrDiskFull or ErrBusy, wrapped with what to do, and leaves a
// file it refuses as it was.
func Open(path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	if err := prepareFile(path); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s := &Store{path: path}
	if err := s.connect(context.Background()); err != nil {
		s.Close()
		return nil, s.explain("open store", err)
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context) (err error) {
	if s.write, err = sql.Open("sqlite", dsn(s.path, "synchronous(FULL)", "journal_size_limit(67108864)")+"&_txlock=immediate"); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	s.write.SetMaxIdleConns(1)
	if s.read, err = sql.Open("sqlite", dsn(s.path, "query_only(1)")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)

	if err := refuseForeign(ctx, s.write); err != nil {
		return err
	}
	// Only now is it our file and may be changed; WAL stays set in it.
	if err := restrict(s.path); err != nil {
		return err
	}
	var mode string
	if err := s.write.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system refuses WAL (journal mode is %s): put the store on a local disk, not on a network share", mode)
	}
	if err := s.quickCheck(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, s.write); err != nil {
		return err
	}
	return s.prepare(ctx)
}

func (s *Store) prepare(ctx context.Context) (err error) {
	for step := range s.insertCalls {
		text := insertCallSQL + callRow + strings.Repeat(", "+callRow, rowsOf(step)-1)
		if s.insertCalls[step], err = s.write.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&s.insertMark, insertMarkSQL},
		{&s.insertNote, insertEventSQL},
	} {
		if *p.stmt, err = s.write.PrepareContext(ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

// dsn names the file as a URI, so that no character of its path is special.
func dsn(path string, pragmas ...string) string {
	q := url.Values{"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())}, "_pragma": pragmas}
	return (&url.URL{Scheme: "file", Path: path}).String() + "?" + q.Encode()
}

// Close ends the store; a call that is running ends with an error or is done.
// Close again does nothing.
func (s *Store) Close() error {
	var errs []error
	for _, stmt := range append(s.insertCalls[:], s.insertMark, s.insertNote) {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	// Readers first: the writer is then the last connection and folds the WAL
	// into the file.
	for _, pool := range []*sql.DB{s.read, s.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return s.explain("close store", err)
	}
	return nil
}

// update runs f in one durable write transaction.
func (s *Store) update(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(what, err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the first error is the one that tells
		return s.explain(what, err)
	}
	if err := tx.Commit(); err != nil {
		return s.explain(what, err)
	}
	return nil
}
