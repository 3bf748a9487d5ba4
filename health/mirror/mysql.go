package mirror

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// mysource watches MySQL and MariaDB: the heartbeat tells the lag; what a replica
// says of itself is taken where our account may ask.
type mysource struct {
	c       *Config
	db      *sql.DB
	beats   *heart
	main    bool
	address string
	heard   *complaints
}

func newMySQL(c *Config, d *Database, u *url.URL, main bool) (*mysource, error) {
	config, err := mysqlConfig(d, u)
	if err != nil {
		return nil, err
	}
	heard := &complaints{}
	config.Logger = heard
	heard.follow(config.TLS)
	config.Timeout, config.ReadTimeout, config.WriteTimeout = measureLimit, measureLimit, measureLimit // each question has its own, shorter one
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	s := &mysource{c: c, db: sql.OpenDB(connector), main: main, address: config.Addr, heard: heard}
	s.db.SetMaxOpenConns(2) // one may be measuring
	s.db.SetConnMaxLifetime(keepBeats)
	if c.Heartbeat != "" {
		s.beats = newHeart(c, sql.OpenDB(connector), "'"+config.User+"'", question)
		if s.beats.database = config.DBName; s.beats.database == "" {
			s.beats.database = "*"
		}
	}
	return s, nil
}

// mysqlConfig reads mysql://user@host:port/database?tls=…&ssl-ca=… (secured).
func mysqlConfig(d *Database, u *url.URL) (*mysql.Config, error) {
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr, config.DBName = u.User.Username(), "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	if u.Port() == "" {
		config.Addr = u.Host + ":3306"
	}
	if config.Passwd, _ = u.User.Password(); d.Password != "" {
		config.Passwd = d.Password
	}
	if err := secure(config, u.Query()); err != nil {
		return nil, err
	}
	config.DialFunc = dialLimited(8 * maxRead)
	return config, nil
}

func (s *mysource) ask(ctx context.Context, beat uint64) Answer {
	a := Answer{Reach: Up}
	var readOnly, account string
	s.heard.forget()
	if err := s.db.QueryRowContext(ctx, "select @@version, @@global.read_only, current_user()").Scan(&a.Version, &readOnly, &account); err != nil {
		a = failed(ctx, s.heard.explain(err), s.c.Timeout)
		a.Address = s.address
		return a
	}
	a.Address, a.Version = s.address, cut(a.Version)
	a.Major, _ = strconv.Atoi(strings.SplitN(a.Version, ".", 2)[0])
	if s.main {
		a.Role = Primary
		if readOnly == "1" {
			a.Role = Standby
			return a
		}
	} else if err := s.replica(ctx, &a, mysqlAccount(account)); err != nil {
		return lost(ctx, a, err, s.c.Timeout)
	}
	if s.beats != nil {
		s.beats.account = mysqlAccount(account)
		s.beats.ask(ctx, &a, beat, s.main)
	}
	return a
}

// lost: it answered the first question and not the next.
func lost(ctx context.Context, a Answer, err error, timeout time.Duration) Answer {
	f := failed(ctx, err, timeout)
	a.Reach, a.Cause = f.Reach, f.Cause
	return a
}

// replica asks a mirror about its replication: in the words of MariaDB 10.5 and
// MySQL 8.0.22, else in the older ones. Not being allowed to is no fault.
func (s *mysource) replica(ctx context.Context, a *Answer, account string) error {
	row, err := s.status(ctx, "show replica status")
	if isSyntax(err) {
		row, err = s.status(ctx, "show slave status")
	}
	var my *mysql.MySQLError
	if errors.As(err, &my) && (my.Number == 1227 || my.Number == 1044 || my.Number == 1142) {
		a.Grants = "GRANT REPLICATION CLIENT ON *.* TO " + account
		if strings.Contains(a.Version, "MariaDB") {
			a.Grants = "GRANT REPLICA MONITOR ON *.* TO " + account
		}
		return nil
	}
	if err != nil {
		return err
	}
	if a.Role, a.Stream = Standby, Stopped; row == nil {
		a.Role = Primary
		return nil
	}
	io, apply := either(row, "Slave_IO_Running", "Replica_IO_Running"), either(row, "Slave_SQL_Running", "Replica_SQL_Running")
	a.Word = "IO " + io + ", SQL " + apply
	a.Paused = io == "Yes" && apply == "No"
	if io == "Yes" && apply == "Yes" {
		a.Stream = Running
	}
	for _, name := range []string{"Last_IO_Error", "Last_SQL_Error", "Last_Error"} {
		if e := row[name]; e != "" && a.Cause == "" {
			a.Cause = cut(e)
		}
	}
	return nil
}

// mysqlAccount writes what current_user() says as SQL does: a GRANT names the very
// account, its host too.
func mysqlAccount(account string) string {
	at := strings.LastIndexByte(account, '@')
	if at < 0 {
		return "'" + account + "'"
	}
	return "'" + account[:at] + "'@'" + account[at+1:] + "'"
}

func either(row map[string]string, names ...string) string {
	for _, n := range names {
		if v := row[n]; v != "" {
			return v
		}
	}
	return ""
}

// maxStatus bounds the columns of a replica's status; our choice.
const maxStatus = 256

// status returns the first row by names; nil: there is none.
func (s *mysource) status(ctx context.Context, query string) (map[string]string, error) {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || len(names) > maxStatus || !rows.Next() {
		return nil, errors.Join(err, rows.Err())
	}
	values, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	row := make(map[string]string, len(names))
	for i, n := range names {
		row[n] = values[i].String
	}
	return row, rows.Close()
}

func isSyntax(err error) bool {
	var my *mysql.MySQLError
	return errors.As(err, &my) && my.Number == 1064
}

func (s *mysource) measure(ctx context.Context) int64 {
	var size sql.NullFloat64
	if s.db.QueryRowContext(ctx, "select sum(data_length + index_length) from information_schema.tables").Scan(&size) != nil {
		return 0
	}
	return int64(size.Float64)
}

func (s *mysource) close() {
	_ = s.db.Close()
	if s.beats != nil {
		s.beats.close()
	}
}
