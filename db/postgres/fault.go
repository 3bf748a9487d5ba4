package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"releve/db"
)

// What can be wrong with the database. Each is wrapped in an error that names the
// server and says what to do.
var (
	ErrURL         = errors.New("its URL cannot be used")
	ErrUnreachable = errors.New("it cannot be reached")
	ErrRefused     = errors.New("it refuses our user")
	ErrNoDatabase  = errors.New("the database does not exist")
	ErrPermission  = errors.New("our user lacks a right")
	ErrForeign     = errors.New("it is used by another program")
	ErrNewerSchema = errors.New("it was written by a newer version of releve")
	ErrReadOnly    = errors.New("it takes no writes")
	ErrEncoding    = errors.New("it cannot hold every character")
	ErrFull        = errors.New("it is full")
	ErrBusy        = errors.New("another session holds what we need")
	ErrCorrupt     = errors.New("its data are damaged")
	ErrChanged     = errors.New("our tables are not as we left them")
)

// errNoAnswer is the cause of a context that opLimit ended.
var errNoAnswer = fmt.Errorf("it did not answer within %s", opLimit)

// explain turns a driver's error into one, on one line, that names the server and
// says what to do. ErrConflict is an answer, not a fault, and passes as it is; so
// does the end of the caller's own context, but for the name.
func (s *Store) explain(what string, err error) error {
	if errors.Is(err, db.ErrConflict) {
		return err
	}
	for _, known := range []error{ErrForeign, ErrNewerSchema, ErrEncoding} {
		if errors.Is(err, known) { // says all
			return fmt.Errorf("%s the store %s: %w", what, s.at, err)
		}
	}
	flat := oneLine{err}
	remedy, kind := diagnose(err)
	if kind == nil {
		return fmt.Errorf("%s the store %s: %w", what, s.at, flat)
	}
	return fmt.Errorf("%s the store %s: %w: %s (%w)", what, s.at, kind, remedy, flat)
}

// oneLine is an error whose text the journal shows whole.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }
func (e oneLine) Unwrap() error { return e.error }

// remedies by SQLSTATE, the class (two digits) where the code has none.
var remedies = map[string]struct {
	kind   error
	remedy string
}{
	"28":    {ErrRefused, "check the user of store.postgres, its password_file, and the server's pg_hba.conf"},
	"3D000": {ErrNoDatabase, "make it: CREATE DATABASE … OWNER … ENCODING 'UTF8'"},
	"42501": {ErrPermission, "give it a schema of its own: CREATE SCHEMA releve AUTHORIZATION …"},
	"42P01": {ErrChanged, "a table is gone; restart releve after restoring the database"},
	"42703": {ErrChanged, "a column is gone; restore the database from a backup"},
	"25006": {ErrReadOnly, "name every server of the cluster in store.postgres; the one that takes writes is looked for"},
	"53100": {ErrFull, "free space on the server's disk; nothing was lost, what could not be written is tried again"},
	"53300": {ErrUnreachable, "it has no connection left: raise max_connections, or limit the others"},
	"53":    {ErrFull, "look in the server's log; what could not be written is tried again"},
	"55P03": {ErrBusy, "look in pg_stat_activity for who holds it; it is tried again"},
	"57014": {ErrBusy, "the statement took too long: look at the server's load and in pg_stat_activity; it is tried again"},
	"57P":   {ErrUnreachable, "the server starts or stops; it is tried again"},
	"58":    {ErrCorrupt, "look in the server's log and at its disk; restore a backup"},
	"XX001": {ErrCorrupt, "look in the server's log and at its disk; restore a backup"},
	"XX002": {ErrCorrupt, "REINDEX the schema, then look in the server's log and at its disk"},
}

// diagnose returns what kind of fault err is and what to do; nil when it is none
// of the known kinds.
func diagnose(err error) (remedy string, kind error) {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		for n := len(pg.Code); n >= 2; n-- {
			if r, ok := remedies[pg.Code[:n]]; ok {
				return r.remedy, r.kind
			}
		}
		return "", nil
	}
	if strings.Contains(err.Error(), "read only connection") { // pgconn has no value for it
		return remedies["25006"].remedy, ErrReadOnly
	}
	if errors.Is(err, context.Canceled) {
		return "", nil
	}
	const down = "check that the server runs and the network between; calls go on, changes of role wait, records are kept and tried again"
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &connect), errors.Is(err, errNoAnswer), errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return down, ErrUnreachable
	}
	var net interface{ Timeout() bool } // net.Error: a connection that was cut
	if errors.As(err, &net) || strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "closed") {
		return down, ErrUnreachable
	}
	return "", nil
}

// readOnly: a server refused to write, for it is a standby now.
func readOnly(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "25006"
}
