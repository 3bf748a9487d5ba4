package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// magic begins every SQLite file (SQLite file format §1.3.1).
const magic = "SQLite format 3\x00"

// applicationID marks our files (PRAGMA application_id): "RELV".
const applicationID = 0x52454c56

// fileMode: call records hold telephone numbers; nobody else reads them.
const fileMode = 0o600

// prepareFile makes the file when there is none, and refuses what is not a
// writable SQLite file.
func prepareFile(path string) error {
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: make it with install -d -m 0700 -o USER %s, USER being who runs releve", ErrNoDirectory, dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%w: %s is a file: correct store.path", ErrNoDirectory, dir)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		if info, statErr := os.Stat(path); statErr == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%w: it is a directory or a device: store.path names a file", ErrNotDatabase)
		}
		return fmt.Errorf("%w: %s (%w)", ErrReadOnly, remedyReadOnly, err)
	}
	defer f.Close()
	return inspect(f)
}

func inspect(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is a directory or a device: store.path names a file", ErrNotDatabase)
	}
	if info.Size() > 0 {
		head := make([]byte, len(magic))
		if _, err := io.ReadFull(f, head); err != nil || string(head) != magic {
			return fmt.Errorf("%w: %s", ErrNotDatabase, remedyNotDatabase)
		}
	}
	return nil
}

// restrict sets the mode of a file that was made with a wider one; SQLite
// gives -wal and -shm the mode of the file.
func restrict(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm() == fileMode {
		return nil
	}
	if err := os.Chmod(path, fileMode); err != nil {
		return fmt.Errorf("%w: %s (%w)", ErrReadOnly, remedyReadOnly, err)
	}
	return nil
}

// refuseForeign refuses a SQLite file that has tables but not our mark.
func refuseForeign(ctx context.Context, pool *sql.DB) error {
	var id, tables int
	if err := pool.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := pool.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if id == applicationID || id == 0 && tables == 0 {
		return nil
	}
	return fmt.Errorf("%w: correct store.path so that it names a file of releve's own", ErrForeign)
}

// quickCheck looks for damage before anything is written. In a file above
// fullCheckBytes it reads only the tables without which no role is known.
func (s *Store) quickCheck(ctx context.Context) error {
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if info.Size() <= fullCheckBytes {
		return s.check(ctx, s.write, "PRAGMA quick_check(1)")
	}
	for _, table := range []string{"state", "ingested", "alarms"} {
		if err := s.check(ctx, s.write, "PRAGMA quick_check('"+table+"')"); err != nil {
			return err
		}
	}
	return nil
}

// Check reads the whole file and returns ErrCorrupt, wrapped with what to do,
// when it is damaged. It takes seconds per gigabyte and hinders nobody: for
// the doctor and for a nightly look.
func (s *Store) Check(ctx context.Context) error {
	if err := s.check(ctx, s.read, "PRAGMA quick_check(1)"); err != nil {
		return s.explain("check store", err)
	}
	return nil
}

func (s *Store) check(ctx context.Context, pool *sql.DB, pragma string) error {
	var finding string
	if err := pool.QueryRowContext(ctx, pragma).Scan(&finding); err != nil {
		return err
	}
	if finding != "ok" {
		return fmt.Errorf("%w: %s: %s", ErrCorrupt, finding, remedyCorrupt(s.path))
	}
	return nil
}
