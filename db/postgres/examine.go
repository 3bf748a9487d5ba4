package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Examined is what Examine read.
type Examined struct {
	Schema int    // version that is there; 0: none yet
	Newest int    // version that this program writes
	Bytes  int64  // of the whole database
	Where  string // hosts and database, without user and password
}

// Examine looks into the store without changing it, in a read-only
// transaction, beside nodes that use it. Errors are those of Open, but for
// what only a migration meets.
func Examine(ctx context.Context, o Options) (Examined, error) {
	var out Examined
	steps, err := readMigrations(migrations)
	if err != nil {
		return out, err
	}
	out.Newest = len(steps)
	s := &Store{lines: newLines(), state: make(chan struct{}, 1)}
	config, err := s.configure(o)
	if err != nil {
		return out, fmt.Errorf("examine the store: %w", err)
	}
	out.Where = s.at
	if s.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		return out, fmt.Errorf("examine the store: %w: %w", ErrURL, err)
	}
	err = s.with(ctx, s.state, "examine", func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, c, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error { return s.examine(ctx, tx, &out) })
	})
	return out, errors.Join(err, s.Close())
}

func (s *Store) examine(ctx context.Context, tx pgx.Tx, out *Examined) error {
	var ours bool
	err := tx.QueryRow(ctx, `SELECT to_regclass($1 || '.schema_version') IS NOT NULL, pg_database_size(current_database())`, s.schema).
		Scan(&ours, &out.Bytes)
	if err != nil || !ours {
		return err
	}
	if err := tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&out.Schema); err != nil {
		return err
	}
	if out.Schema > out.Newest {
		return fmt.Errorf("%w: its schema is version %d and this program knows %d: install the newer version again, or restore a backup of before",
			ErrNewerSchema, out.Schema, out.Newest)
	}
	return nil
}
