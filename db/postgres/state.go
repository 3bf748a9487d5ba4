package postgres

import (
	"bytes"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"releve/db"
)

// LoadState implements db.Store.
func (s *Store) LoadState(ctx context.Context) (row []byte, version uint64, err error) {
	err = s.with(ctx, s.state, "read the state row in", func(ctx context.Context, c *pgx.Conn) error {
		row, version, err = loadState(ctx, c)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return row, version, nil
}

func loadState(ctx context.Context, c *pgx.Conn) (row []byte, version uint64, err error) {
	err = c.QueryRow(ctx, "SELECT stored, version FROM state").Scan(&row, &version)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, nil
	}
	return row, version, err
}

const (
	firstStateSQL = "INSERT INTO state (id, version, stored) VALUES (1, 1, $1) ON CONFLICT (id) DO NOTHING"
	nextStateSQL  = "UPDATE state SET version = version + 1, stored = $1 WHERE id = 1 AND version = $2"
)

// SaveState implements db.Store: one statement, which is its own transaction.
func (s *Store) SaveState(ctx context.Context, row []byte, ifVersion uint64) error {
	if row == nil {
		row = []byte{} // an empty row is a row; NULL is none
	}
	query, args := firstStateSQL, []any{row}
	if ifVersion > 0 {
		query, args = nextStateSQL, []any{row, int64(ifVersion)}
	}
	return s.with(ctx, s.state, "save the state row in", func(ctx context.Context, c *pgx.Conn) error {
		done, err := c.Exec(ctx, query, args...)
		if err != nil || done.RowsAffected() == 1 {
			return err
		}
		stored, version, err := loadState(ctx, c)
		switch {
		case err != nil:
			return err
		case version == ifVersion+1 && bytes.Equal(stored, row):
			return nil // an earlier try whose outcome was unknown did reach the disk
		}
		return db.ErrConflict
	})
}
