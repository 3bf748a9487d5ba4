package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migration/*.sql
var migrations embed.FS

// lockKey is our half of the key of the lock under which a schema is changed: "RELV".
const lockKey = 0x52454c56

// migrate brings the schema to the newest version, all steps in one transaction.
// Nodes that start together come one after the other: the lock is the
// transaction's, so nobody who dies keeps it.
func (s *Store) migrate(ctx context.Context, c *pgx.Conn) error {
	steps, err := readMigrations(migrations)
	if err != nil {
		return err
	}
	var encoding string
	if err := c.QueryRow(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("%w: its encoding is %s: make the database again with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", ErrEncoding, encoding)
	}
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return s.apply(ctx, tx, steps) })
}

func (s *Store) apply(ctx context.Context, tx pgx.Tx, steps []string) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, hashtext($2))", lockKey, s.schema); err != nil {
		return err
	}
	have, err := s.schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	if have > len(steps) {
		return fmt.Errorf("%w: its schema is version %d and this program knows %d: install the newer version again, or restore a backup of before",
			ErrNewerSchema, have, len(steps))
	}
	for i, text := range steps[have:] {
		version := have + i + 1
		if _, err := tx.Conn().PgConn().Exec(ctx, text).ReadAll(); err != nil {
			return fmt.Errorf("migration %04d: %w", version, err)
		}
		if _, err := tx.Exec(ctx, "INSERT INTO schema_version (version) VALUES ($1)", version); err != nil {
			return fmt.Errorf("migration %04d: %w", version, err)
		}
	}
	return nil
}

// schemaVersion is what is there, 0 for nothing; then the schema is made.
func (s *Store) schemaVersion(ctx context.Context, tx pgx.Tx) (have int, err error) {
	var exists, ours bool
	var relations int
	err = tx.QueryRow(ctx, `SELECT to_regnamespace($1) IS NOT NULL, to_regclass($1 || '.schema_version') IS NOT NULL,
		(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1)`, s.schema).
		Scan(&exists, &ours, &relations)
	switch {
	case err != nil:
		return 0, err
	case ours:
		err = tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&have)
		return have, err
	case relations > 0:
		return 0, fmt.Errorf("%w: the schema %s holds tables of another program: correct store.postgres, or give releve a database of its own", ErrForeign, s.schema)
	case !exists: // CREATE SCHEMA IF NOT EXISTS asks for the right to create even where it exists
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+s.schema); err != nil {
			return 0, err
		}
	}
	_, err = tx.Exec(ctx, "CREATE TABLE schema_version (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())")
	return 0, err
}

// readMigrations returns the texts of migration/NNNN_*.sql, which are numbered
// from 0001 without a gap; index 0 holds number 1.
func readMigrations(from fs.FS) ([]string, error) {
	names, err := fs.Glob(from, "migration/*.sql") // sorted by name
	if err != nil || len(names) == 0 {
		return nil, errors.Join(errors.New("no migration is embedded"), err)
	}
	steps := make([]string, 0, len(names))
	for i, name := range names {
		if want := fmt.Sprintf("%04d_", i+1); !strings.HasPrefix(path.Base(name), want) {
			return nil, fmt.Errorf("migration %s: its name must begin with %s", name, want)
		}
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, string(text))
	}
	return steps, nil
}
