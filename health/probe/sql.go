package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"releve/health"
)

// Question is what a sql check asks.
type Question struct {
	URL      string // of the database; its scheme names the driver
	Password string // "": none
	Query    string
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

// Driver asks one kind of database. Another database is another Driver, and its
// scheme in the list that the configuration accepts.
type Driver interface {
	// Ask connects, asks, and returns the first column of the first row as
	// text; errNoRow when there is none. It ends with ctx, changes nothing in
	// the database, and reads no more than it needs.
	Ask(ctx context.Context, q Question) (string, error)
}

var errNoRow = errors.New("the query returned no row")

// ask: a database on the server's own host is as good a sight of that host as
// any; one elsewhere (no {host} in its URL) proves nothing of it.
func (c *Check) ask(ctx context.Context, t Target) Result {
	var driver Driver = postgreSQL{}
	if c.Driver != nil {
		driver = c.Driver
	}
	value, err := driver.Ask(ctx, Question{URL: c.URL, Password: c.Password, Query: c.Query, Dial: t.Dial})
	var refused *pgconn.PgError
	switch {
	case err == nil && c.Expect != "" && value != c.Expect:
		return Result{State: Failed, Up: health.Up, Note: fmt.Sprintf("the query returned %q, not %q", short(value), short(c.Expect))}
	case err == nil:
		return Result{State: OK, Up: health.Up, Note: fmt.Sprintf("the query returned %q", short(value))}
	case errors.As(err, &refused):
		return Result{State: Failed, Up: health.Up, Note: refused.Message + " (SQLSTATE " + refused.Code + ")"}
	case errors.Is(err, errNoRow), errors.Is(err, errTooLong):
		return Result{State: Failed, Up: health.Up, Note: err.Error()}
	}
	r := unreached(err)
	if r.Up == health.Down && !timedOut(err) && !unconnected(err) {
		r.Up = health.Up // it answered, and not as a database does
	}
	return r
}

// short keeps a value within a Note.
func short(s string) string { return s[:min(len(s), maxNote/3)] }

// timedOut: nothing came in time.
func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// unconnected: no connection was made at all.
func unconnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// postgreSQL asks PostgreSQL by the simple protocol, inside a transaction that may
// only read and is never committed.
type postgreSQL struct{}

func (postgreSQL) Ask(ctx context.Context, q Question) (string, error) {
	config, err := pgconn.ParseConfig(q.URL)
	if err != nil {
		return "", err
	}
	config.DialFunc = q.Dial
	// One address per name, and the dialler knows it: no look-up of its own.
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	guard := &framed{}
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		*guard = framed{r: r}
		return pgproto3.NewFrontend(guard, w)
	}
	value, err := converse(ctx, config, q)
	if guard.broken {
		return "", errTooLong
	}
	return value, err
}

// converse connects, asks and leaves.
func converse(ctx context.Context, config *pgconn.Config, q Question) (string, error) {
	config.RuntimeParams["application_name"] = "releve"
	if q.Password != "" {
		config.Password = q.Password
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return "", whatFailed(err)
	}
	defer func() { _ = conn.Conn().Close() }() // at once: nothing is owed to the transaction
	if _, err := conn.Exec(ctx, "begin transaction read only").ReadAll(); err != nil {
		return "", err
	}
	return first(conn.Exec(ctx, q.Query))
}

// whatFailed is the last of what was tried, without the connection string.
func whatFailed(err error) error {
	var c *pgconn.ConnectError
	if !errors.As(err, &c) {
		return err
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused
	}
	for inner := c.Unwrap(); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
		if joined, ok := inner.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 0 {
			return joined.Unwrap()[len(joined.Unwrap())-1]
		}
	}
	return err
}

// first reads one row of the last statement that has any.
func first(all *pgconn.MultiResultReader) (string, error) {
	for all.NextResult() {
		rows := all.ResultReader()
		if rows.NextRow() && len(rows.Values()) > 0 {
			return string(rows.Values()[0]), nil
		}
		if _, err := rows.Close(); err != nil {
			return "", err
		}
	}
	if err := all.Close(); err != nil {
		return "", err
	}
	return "", errNoRow
}

// maxMessage bounds one message of a database, in bytes, our choice: a row that
// answers a check is short, and the length that something else sends instead
// would be allocated before it is read.
const maxMessage = 1 << 20

var errTooLong = errors.New("it does not speak as a PostgreSQL server: a message is longer than 1 MiB")

// framed reads PostgreSQL messages (type, length that counts itself, body) and
// ends at one that is too long.
type framed struct {
	r    io.Reader
	head [5]byte
	have int   // bytes of head that were seen
	body int64 // bytes of the body that are to come

	broken bool // a message was too long
}

func (f *framed) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if f.body > 0 {
			skip := min(f.body, int64(len(rest)))
			f.body, rest = f.body-skip, rest[skip:]
			continue
		}
		took := copy(f.head[f.have:], rest)
		f.have, rest = f.have+took, rest[took:]
		if f.have < len(f.head) {
			break
		}
		f.have = 0
		f.body = int64(int32(binary.BigEndian.Uint32(f.head[1:]))) - 4
		if f.body < 0 || f.body > maxMessage {
			f.broken = true
			return 0, errTooLong
		}
	}
	return n, err
}
