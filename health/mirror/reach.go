package mirror

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// maxCause bounds what is kept of an error, in bytes; our choice.
const maxCause = 200

// maxRead bounds what is read from a database in one question, in bytes: its
// answers are a few hundred, and what is no database may send for ever. Our choice.
const maxRead = 4 << 20

// newSource makes who asks d; main: beats are written there.
func newSource(c *Config, d *Database, main bool, seen *mirrorAt) source {
	u, err := url.Parse(d.URL)
	if err == nil && hasFiles(u) {
		return &renewed{again: func() source { return openSource(c, d, u, nil, main, seen) }, now: openSource(c, d, u, nil, main, seen)}
	}
	return openSource(c, d, u, err, main, seen)
}

func openSource(c *Config, d *Database, u *url.URL, err error, main bool, seen *mirrorAt) source {
	switch {
	case err != nil || u.Hostname() == "":
		return unreadable{"the address of the database cannot be read"}
	case u.Scheme == "postgres" || u.Scheme == "postgresql":
		s, err := newPostgres(c, d, main, seen)
		if err != nil {
			return unreadable{short(err)}
		}
		return s
	case u.Scheme == "mysql":
		s, err := newMySQL(c, d, u, main)
		if err != nil {
			return unreadable{short(err)}
		}
		return s
	}
	return unreadable{"no driver for " + u.Scheme}
}

// unreadable stands for a database whose address says nothing.
type unreadable struct{ cause string }

func (s unreadable) ask(context.Context, uint64) Answer {
	return Answer{Reach: Ours, Cause: s.cause}
}
func (s unreadable) measure(context.Context) int64 { return 0 }
func (s unreadable) close()                        {}

// failed turns an error into what it says of the database.
func failed(ctx context.Context, err error, timeout time.Duration) Answer {
	a := Answer{Reach: Down, Cause: short(err)}
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	var dns *net.DNSError
	switch {
	case errors.As(err, &pg):
		a.Reach, a.Full = ofSQLState(pg.Code), pg.Code == "53100"
		a.Cause = cut(pg.Message + " (SQLSTATE " + pg.Code + ")")
	case errors.As(err, &my):
		a.Reach, a.Full = ofMySQL(my.Number), my.Number == 1021 || my.Number == 1114
		a.Cause = cut(my.Message + fmt.Sprintf(" (error %d)", my.Number))
	case untrusted(err) != nil:
		a.Reach, a.Untrusted, a.Cause = Denied, true, cut(untrusted(err).Error())
	case errors.As(err, &dns):
		a.Reach, a.Cause = Ours, cut("its name has no address: "+dns.Err)
	case ours(err):
		a.Reach = Ours
	case ctx.Err() != nil || timedOut(err):
		a.Cause = fmt.Sprintf("no answer within %v", timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		a.Cause = "connection refused"
	}
	return a
}

// ofSQLState: refusing us is not being down; starting, stopping, or having no room
// for anybody is. PostgreSQL, appendix A.
func ofSQLState(code string) Reach {
	switch {
	case code == "53100": // disk full: it reads on
		return Up
	case strings.HasPrefix(code, "28"), strings.HasPrefix(code, "3D"), strings.HasPrefix(code, "3F"), strings.HasPrefix(code, "42"), strings.HasPrefix(code, "0A"), strings.HasPrefix(code, "25"):
		return Denied
	}
	return Down
}

// ofMySQL: likewise, by the server's error numbers.
func ofMySQL(number uint16) Reach {
	switch number {
	case 1021, 1114: // disk full, table full
		return Up
	case 1040, 1053, 1077, 1152, 1203: // no room, shutting down
		return Down
	}
	return Denied
}

// ours says that we could not even send.
func ours(err error) bool {
	for _, e := range []error{syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EMFILE, syscall.ENFILE, syscall.EPERM, syscall.EACCES} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// short is the last of what was tried, in one line, without the connection string.
func short(err error) string {
	var c *pgconn.ConnectError
	if errors.As(err, &c) && c.Unwrap() != nil {
		err = c.Unwrap()
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 0 {
		err = joined.Unwrap()[len(joined.Unwrap())-1]
	}
	return cut(err.Error())
}

func cut(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
	return strings.ToValidUTF8(s[:min(len(s), maxCause)], "")
}

// errTooMuch: what answers is no database.
var errTooMuch = errors.New("it does not speak as a database: its answer never ends")

// limited is a connection that reads no more than left bytes.
type limited struct {
	net.Conn
	left atomic.Int64
}

func (c *limited) Read(p []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		return 0, errTooMuch
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.left.Add(-int64(n))
	return n, err
}

// allow gives a connection what the next question may read.
func allow(c net.Conn, budget int64) {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	if l, ok := c.(*limited); ok {
		l.left.Store(budget)
	}
}

// dialLimited dials connections that read no more than budget bytes.
func dialLimited(budget int64) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l := &limited{Conn: c}
		l.left.Store(budget)
		return l, nil
	}
}
