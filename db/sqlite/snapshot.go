package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
)

// Snapshot writes a whole copy of the store in the file from to the new file to, as
// it is at one moment, beside a process that uses it or alone (VACUUM INTO). It
// changes nothing in from; writers do not wait for it.
func Snapshot(ctx context.Context, from, to string) error {
	if _, err := Examine(ctx, from); err != nil {
		return err
	}
	q := url.Values{"mode": {"ro"}, "_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())}}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: from}).String()+"?"+q.Encode())
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return (&Store{path: from}).explain("copy store", err)
	}
	return nil
}
