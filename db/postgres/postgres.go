// Package postgres is the db.Store in a PostgreSQL database, in a schema of its
// own. It keeps nothing but its connections: all methods are safe for concurrent
// use.
//
//	Open:  URL → a server that takes writes → encoding → schema → migrations → ready
//
// What a slow, hung, restarted or failed-over server may do to us is bounded:
//
//	connections in use     4: 1 for the state row, 1 for records and alarms, 2 for queries;
//	                       each waits for its own kind only, so no search holds up a save
//	connecting             3 s per host (connect_timeout of the URL, if given)
//	one operation          10 s, or the caller's context; statement_timeout,
//	                       lock_timeout and TCP_USER_TIMEOUT end what is left of it
//	Close                  1 s; connections that nobody answers are cut then
//
// Of several hosts in the URL the first one that takes writes is used
// (target_session_attrs=read-write, whatever the URL says: a standby cannot store
// anything). A server that became a standby loses our connections at the first
// write that it refuses. A direct connection is expected: a pooler such as
// PgBouncer in transaction mode would not keep the settings of a session.
//
// Every error names the server and says what to do; errors.Is tells the kinds
// apart (ErrUnreachable, ErrReadOnly, …).
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"releve/db"
)

// The bounds; our choice.
const (
	// opLimit is the longest of one operation.
	opLimit = 10 * time.Second
	// closeLimit is how long Close waits for the server.
	closeLimit = time.Second
	// queries at once; further ones wait.
	queries = 2
	// maxConns bounds the pool: the 4 in use, and those that were given up and are
	// still being closed.
	maxConns = 8
)

// Options say where the store is.
type Options struct {
	URL      string // postgres://user@host[:port][,host…]/database[?…]; search_path names the schema: releve
	Password string // "": as in the URL, .pgpass, or none
	Name     string // application_name, by which an administrator knows us; "": releve
}

// Store is a db.Store in one schema of a PostgreSQL database.
type Store struct {
	at     string // hosts and database, for messages
	schema string
	pool   *pgxpool.Pool
	lines  *lines

	// Each has a place for those who use a connection for it.
	state, write, read chan struct{}
}

var _ db.Store = (*Store)(nil)

// Open connects, and brings an older schema up to date; several may do so at
// once. It returns ErrUnreachable, ErrRefused, ErrNoDatabase, ErrPermission,
// ErrForeign, ErrNewerSchema, ErrReadOnly, ErrEncoding or ErrURL, wrapped with what
// to do, and changes nothing in what it refuses.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{
		lines: newLines(),
		state: make(chan struct{}, 1), write: make(chan struct{}, 1), read: make(chan struct{}, queries),
	}
	config, err := s.configure(o)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	if s.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		return nil, fmt.Errorf("open the store: %w: %w", ErrURL, err)
	}
	err = s.with(ctx, s.state, "open", func(ctx context.Context, c *pgx.Conn) error {
		return s.migrate(ctx, c)
	})
	if err != nil {
		_ = s.Close() // the first error is the one that tells
		return nil, err
	}
	return s, nil
}

// Close ends the store: operations that are under way end with an error or are
// done. Close again does nothing.
func (s *Store) Close() error {
	s.lines.hangUpAfter(closeLimit, s.pool.Close)
	return nil
}

// with runs f on a connection, in its turn among those of its kind.
func (s *Store) with(ctx context.Context, turn chan struct{}, what string, f func(context.Context, *pgx.Conn) error) error {
	limited, cancel := context.WithTimeoutCause(ctx, opLimit, errNoAnswer)
	defer cancel()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-limited.Done():
		return s.explain(what, context.Cause(limited))
	}
	conn, err := s.pool.Acquire(limited)
	if err == nil {
		err = f(limited, conn.Conn())
		conn.Release()
	}
	if err == nil {
		return nil
	}
	if limited.Err() != nil && ctx.Err() == nil {
		err = errors.Join(errNoAnswer, err)
	}
	if readOnly(err) {
		s.pool.Reset() // it became a standby: look for the one that takes writes
	}
	return s.explain(what, err)
}

// update runs f in one durable transaction.
func (s *Store) update(ctx context.Context, what string, f func(context.Context, pgx.Tx) error) error {
	return s.with(ctx, s.write, what, func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return f(ctx, tx) })
	})
}

// each calls f for every row of a query.
func (s *Store) each(ctx context.Context, what string, f func(pgx.CollectableRow) error, query string, args ...any) error {
	return s.with(ctx, s.read, what, func(ctx context.Context, c *pgx.Conn) error {
		found, err := c.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			if err := f(found); err != nil {
				return err
			}
		}
		return found.Err()
	})
}
