package mirror

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// heart writes beats on the main and reads them on the mirror, through any
// database/sql driver:
//
//	create table releve_heartbeat (node varchar(64) primary key, beat bigint not null)
//
// One row a node of ours. A beat is our own clock in milliseconds when it was
// written; it is compared with nothing but our own clock.
type heart struct {
	db      *sql.DB
	table   string
	node    string
	timeout time.Duration
	account string // as a grant writes it

	database string // MySQL's, where the table is; "": PostgreSQL

	mark placeholder
}

// placeholder writes the nth parameter of a statement.
type placeholder func(n int) string

func dollar(n int) string { return "$" + strconv.Itoa(n) }

func question(int) string { return "?" }

// maxNode bounds the name of a node in its row, in bytes.
const maxNode = 64

// keepBeats is how long a connection of a pool is used: each has a budget of what it
// reads, and MySQL sees what an account was granted with the next one. Our choice.
const keepBeats = time.Minute

func newHeart(c *Config, db *sql.DB, account string, mark placeholder) *heart {
	db.SetMaxOpenConns(1)
	db.SetConnMaxLifetime(keepBeats)
	return &heart{db: db, table: c.Heartbeat, node: c.Node[:min(len(c.Node), maxNode)], timeout: c.Timeout, account: account, mark: mark}
}

// openPostgres opens a PostgreSQL for the heartbeat.
func openPostgres(d *Database) (*sql.DB, error) {
	config, err := pgx.ParseConfig(d.URL)
	if err != nil {
		return nil, err
	}
	if d.Password != "" {
		config.Password = d.Password
	}
	config.RuntimeParams["application_name"] = "releve"
	config.MaxProtocolMessageBodyLen, config.DialFunc = maxBody, dialLimited(8*maxRead)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // nothing is prepared: a pooler may stand between
	return stdlib.OpenDB(*config), nil
}

// ask writes or reads a beat and enters it. A database that takes no beat in time
// takes nothing from anybody: it is down, whatever else it answers. One that refuses
// our account the table is known by its views, where it has any.
func (h *heart) ask(ctx context.Context, a *Answer, beat uint64, main bool) {
	var err error
	if main {
		if err = h.write(ctx, beat); err == nil {
			a.Beat = beat
		}
	} else {
		a.Beat, err = h.read(ctx)
	}
	if err == nil {
		a.Beats = true
		return
	}
	f := failed(ctx, err, h.timeout)
	a.Full, a.Cause = a.Full || f.Full, cut("heartbeat: "+f.Cause)
	if f.Reach == Down || f.Reach == Denied && a.Position == 0 {
		a.Reach = f.Reach
	}
	if f.Reach == Denied && a.Grants == "" && !f.Untrusted {
		a.Grants = h.grant(errors.As(err, new(noTable)))
	}
}

// grant is the SQL that lets the account beat; untabled: its table could not be made.
func (h *heart) grant(untabled bool) string {
	schema, _, qualified := strings.Cut(h.table, ".")
	switch {
	case h.database != "" && !qualified:
		return "GRANT CREATE, SELECT, INSERT, UPDATE ON " + h.database + "." + h.table + " TO " + h.account
	case h.database != "":
		return "GRANT CREATE, SELECT, INSERT, UPDATE ON " + h.table + " TO " + h.account
	case untabled && qualified:
		return "CREATE SCHEMA IF NOT EXISTS " + schema + "; GRANT CREATE, USAGE ON SCHEMA " + schema + " TO " + h.account
	case untabled:
		return "GRANT CREATE ON SCHEMA public TO " + h.account
	}
	return "GRANT SELECT, INSERT, UPDATE ON " + h.table + " TO " + h.account
}

// noTable: the table of the beats is missing, and could not be made.
type noTable struct{ error }

func (e noTable) Unwrap() error { return e.error }

// write makes the table and the row when they are missing.
func (h *heart) write(ctx context.Context, beat uint64) error {
	n, err := h.update(ctx, beat)
	if isMissing(err) {
		if _, err = h.db.ExecContext(ctx, "create table "+h.table+" (node varchar(64) primary key, beat bigint not null)"); err != nil {
			return noTable{err}
		}
		n, err = 0, nil
	}
	if err != nil || n > 0 {
		return err
	}
	_, err = h.db.ExecContext(ctx, "insert into "+h.table+" (node, beat) values ("+h.mark(1)+", "+h.mark(2)+")", h.node, int64(beat))
	return err
}

func (h *heart) update(ctx context.Context, beat uint64) (int64, error) {
	r, err := h.db.ExecContext(ctx, "update "+h.table+" set beat = "+h.mark(1)+" where node = "+h.mark(2), int64(beat), h.node)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// read returns the newest beat that the mirror has; 0: none has come yet.
func (h *heart) read(ctx context.Context) (uint64, error) {
	var beat int64
	err := h.db.QueryRowContext(ctx, "select beat from "+h.table+" where node = "+h.mark(1), h.node).Scan(&beat)
	if errors.Is(err, sql.ErrNoRows) || isMissing(err) {
		return 0, nil
	}
	return uint64(max(beat, 0)), err
}

func (h *heart) close() { _ = h.db.Close() }

// isMissing: the table is not there. PostgreSQL 42P01, MySQL ER_NO_SUCH_TABLE;
// another driver says so in its words.
func isMissing(err error) bool {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	switch {
	case err == nil:
		return false
	case errors.As(err, &pg):
		return pg.Code == "42P01"
	case errors.As(err, &my):
		return my.Number == 1146
	}
	return strings.Contains(err.Error(), "no such table")
}
