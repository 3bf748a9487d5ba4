package sqlite

import (
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"releve/db"
)

// What can be wrong with the file. Each is wrapped in an error that names the
// file and says what to do.
var (
	ErrNoDirectory = errors.New("its directory does not exist")
	ErrReadOnly    = errors.New("it cannot be written")
	ErrNotDatabase = errors.New("it is not a SQLite database")
	ErrForeign     = errors.New("it is a database of another program")
	ErrNewerSchema = errors.New("it was written by a newer version of releve")
	ErrCorrupt     = errors.New("it is damaged")
	ErrDiskFull    = errors.New("its disk is full")
	ErrBusy        = errors.New("another process holds it")
	ErrDisk        = errors.New("its disk reports a fault")
)

const (
	remedyNotDatabase = "check store.path; when it is the right file, move it aside and restore a backup with releve restore"
	remedyReadOnly    = "give it and its directory to the user who runs releve (chown), and check that the disk is not mounted read-only"
	remedyBusy        = "stop the other process (a second releve, a sqlite3 shell); lsof shows which it is"
)

// remedyCorrupt needs the path in it: it names all three files.
func remedyCorrupt(path string) string {
	return fmt.Sprintf("stop releve, move %[1]s, %[1]s-wal and %[1]s-shm aside together and keep them, check the disk, "+
		"then restore the last backup with releve restore; without a backup releve starts with an empty store: "+
		"check first which server the IPBX has registered", path)
}

// explain turns a driver's error into one that names the file and says what to
// do. ErrConflict is an answer, not a fault, and passes as it is.
func (s *Store) explain(what string, err error) error {
	if errors.Is(err, db.ErrConflict) {
		return err
	}
	remedy, kind := diagnose(s.path, err)
	if kind == nil {
		return fmt.Errorf("%s %s: %w", what, s.path, err)
	}
	return fmt.Errorf("%s %s: %w: %s (%w)", what, s.path, kind, remedy, err)
}

// diagnose returns what kind of fault err is and what to do; nil when it is
// none of the known kinds.
func diagnose(path string, err error) (remedy string, kind error) {
	var e *driver.Error
	if !errors.As(err, &e) {
		return "", nil
	}
	switch e.Code() & 0xff { // the low byte is the primary result code
	case lib.SQLITE_FULL:
		return "free space on its disk; nothing was lost, what could not be written is tried again", ErrDiskFull
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN:
		return remedyReadOnly, ErrReadOnly
	case lib.SQLITE_NOTADB:
		return remedyNotDatabase, ErrNotDatabase
	case lib.SQLITE_CORRUPT:
		return remedyCorrupt(path), ErrCorrupt
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return remedyBusy, ErrBusy
	case lib.SQLITE_IOERR:
		return "look in the kernel's log (dmesg) for disk faults and free space", ErrDisk
	}
	return "", nil
}
