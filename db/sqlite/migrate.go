package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed migration/*.sql
var migrations embed.FS

// migrate brings the schema to the newest version, all steps in one
// transaction: a file is never left between two versions.
func migrate(ctx context.Context, pool *sql.DB) error {
	steps, err := readMigrations(migrations)
	if err != nil {
		return err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := apply(ctx, tx, steps); err != nil {
		_ = tx.Rollback() // the first error is the one that tells
		return err
	}
	return tx.Commit()
}

func apply(ctx context.Context, tx *sql.Tx, steps []string) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d;
		CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied TEXT NOT NULL) STRICT`, applicationID))
	if err != nil {
		return err
	}
	var have int
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&have); err != nil {
		return err
	}
	if have > len(steps) {
		return fmt.Errorf("%w: its schema is version %d and this program knows %d: install the newer version again, or restore a backup of before",
			ErrNewerSchema, have, len(steps))
	}
	for i, text := range steps[have:] {
		version := have + i + 1
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("migration %04d: %w", version, err)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO schema_version VALUES (?, datetime('now'))", version); err != nil {
			return fmt.Errorf("migration %04d: %w", version, err)
		}
	}
	return nil
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
