package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
)

// Examined is what Examine read.
type Examined struct {
	Schema int   // version of the file
	Newest int   // version that this program writes
	Bytes  int64 // size of the file without its WAL
}

// Examine looks into the store in the file path without changing it: no
// migration, no WAL of its own, beside a process that uses it or alone. It
// reads the whole file. Errors are those of Open; fs.ErrNotExist where there is
// none yet.
func Examine(ctx context.Context, path string) (Examined, error) {
	var out Examined
	info, err := os.Stat(path)
	if err != nil {
		return out, fmt.Errorf("examine store: %w", err)
	}
	out.Bytes = info.Size()
	f, err := os.Open(path)
	if err != nil {
		return out, fmt.Errorf("examine store %s: %w", path, err)
	}
	defer f.Close()
	if err := inspect(f); err != nil {
		return out, fmt.Errorf("examine store %s: %w", path, err)
	}
	steps, err := readMigrations(migrations)
	if err != nil {
		return out, err
	}
	out.Newest = len(steps)
	q := url.Values{"mode": {"ro"}, "_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())}, "_pragma": {"query_only(1)"}}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path}).String()+"?"+q.Encode())
	if err != nil {
		return out, err
	}
	defer pool.Close()
	s := &Store{path: path, read: pool}
	if err := s.examine(ctx, &out); err != nil {
		return out, s.explain("examine store", err)
	}
	return out, nil
}

func (s *Store) examine(ctx context.Context, out *Examined) error {
	if err := refuseForeign(ctx, s.read); err != nil {
		return err
	}
	if err := s.check(ctx, s.read, "PRAGMA quick_check(1)"); err != nil {
		return err
	}
	if err := s.read.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&out.Schema); err != nil {
		return err
	}
	if out.Schema > out.Newest {
		return fmt.Errorf("%w: its schema is version %d and this program knows %d: install the newer version again, or restore a backup of before",
			ErrNewerSchema, out.Schema, out.Newest)
	}
	return nil
}
