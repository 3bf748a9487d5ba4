package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"

	"releve/db"
)

// LoadState implements db.Store.
func (s *Store) LoadState(ctx context.Context) ([]byte, uint64, error) {
	row, version, err := loadState(ctx, s.read)
	if err != nil {
		return nil, 0, s.explain("read the state row in", err)
	}
	return row, version, nil
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func loadState(ctx context.Context, q queryer) (row []byte, version uint64, err error) {
	err = q.QueryRowContext(ctx, "SELECT row, version FROM state").Scan(&row, &version)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	return row, version, err
}

// SaveState implements db.Store.
func (s *Store) SaveState(ctx context.Context, row []byte, ifVersion uint64) error {
	if row == nil {
		row = []byte{} // an empty row is a row; NULL is none
	}
	return s.update(ctx, "save the state row in", func(tx *sql.Tx) error {
		stored, version, err := loadState(ctx, tx)
		switch {
		case err != nil:
			return err
		case version == ifVersion+1 && bytes.Equal(stored, row):
			return nil // an earlier try whose outcome was unknown did reach the disk
		case version != ifVersion:
			return db.ErrConflict
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO state (id, version, row) VALUES (1, ?1, ?2)
			ON CONFLICT (id) DO UPDATE SET version = ?1, row = ?2`, int64(ifVersion+1), row)
		return err
	})
}
