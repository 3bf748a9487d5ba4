package mirror

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// pgsource asks a PostgreSQL by its own views, over one connection that is kept.
// Functions and views: PostgreSQL, "Monitoring Database Activity" and "System
// Administration Functions"; the names are those of version 10 and later.
type pgsource struct {
	config  *pgconn.Config
	c       *Config
	beats   *heart // nil: none
	main    bool
	seen    *mirrorAt
	address string

	conn *pgconn.PgConn // of the asking goroutine; nil: none
}

// mirrorAt is where the mirror of a URL answered last: the main knows it by that.
// Both sources of a Watcher share it.
type mirrorAt = atomic.Pointer[netip.Addr]

// maxBody bounds one message of the server, in bytes; our choice.
const maxBody = 1 << 20

func newPostgres(c *Config, d *Database, main bool, seen *mirrorAt) (*pgsource, error) {
	config, err := pgconn.ParseConfig(d.URL)
	if err != nil {
		return nil, err
	}
	if d.Password != "" {
		config.Password = d.Password
	}
	config.RuntimeParams["application_name"] = "releve"
	config.MaxProtocolMessageBodyLen = maxBody
	s := &pgsource{config: config, c: c, main: main, seen: seen, address: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))}
	config.DialFunc = dialLimited(maxRead)
	if c.Heartbeat != "" {
		db, err := openPostgres(d)
		if err != nil {
			return nil, err
		}
		s.beats = newHeart(c, db, quoted(config.User), dollar)
	}
	return s, nil
}

func (s *pgsource) ask(ctx context.Context, beat uint64) Answer {
	a, err := s.asked(ctx)
	if err != nil {
		a = failed(ctx, err, s.c.Timeout)
	}
	a.Address = s.address
	if a.Reach == Up && s.beats != nil && !(s.main && a.Role == Standby) {
		s.beats.ask(ctx, &a, beat, s.main)
	}
	return a
}

// asked asks over the kept connection, and over a new one when that was lost
// meanwhile: a server that was restarted is not down.
func (s *pgsource) asked(ctx context.Context) (Answer, error) {
	if s.conn != nil {
		if a, err := s.over(ctx); err == nil || ctx.Err() != nil {
			return a, err
		}
	}
	conn, err := pgconn.ConnectConfig(ctx, s.config)
	if err != nil {
		return Answer{}, err
	}
	s.conn = conn
	return s.over(ctx)
}

func (s *pgsource) over(ctx context.Context) (Answer, error) {
	allow(s.conn.Conn(), maxRead)
	a, err := s.question(ctx)
	if err != nil {
		s.drop()
	}
	return a, err
}

func (s *pgsource) drop() {
	if s.conn != nil {
		_ = s.conn.Conn().Close() // at once: nothing is owed to the server
		s.conn = nil
	}
}

func (s *pgsource) close() {
	s.drop()
	if s.beats != nil {
		s.beats.close()
	}
}

// question asks who it is, then what is of its role.
func (s *pgsource) question(ctx context.Context) (Answer, error) {
	a, seer, err := s.identity(ctx)
	if err != nil {
		return a, err
	}
	if !seer {
		a.Grants = "GRANT pg_monitor TO " + quoted(s.config.User)
	}
	switch {
	case s.main && a.Role == Primary:
		if err = s.senders(ctx, &a, seer); err == nil {
			err = s.slots(ctx, &a)
		}
	case !s.main:
		if at, ok := s.conn.Conn().RemoteAddr().(*net.TCPAddr); ok {
			addr := at.AddrPort().Addr().Unmap()
			s.seen.Store(&addr)
		}
		if a.Role == Standby {
			err = s.receiver(ctx, &a)
		}
	}
	return a, err
}

var errNoPostgres = errors.New("it does not answer as PostgreSQL does")

const identityQuery = `select pg_is_in_recovery(), current_setting('server_version'), current_setting('server_version_num'),
(select system_identifier from pg_control_system()), extract(epoch from clock_timestamp()),
(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end) - '0/0'::pg_lsn,
case when pg_is_in_recovery() then pg_is_wal_replay_paused() end,
extract(epoch from pg_last_xact_replay_timestamp()), pg_has_role(current_user, 'pg_monitor', 'usage')`

func (s *pgsource) identity(ctx context.Context) (a Answer, seer bool, err error) {
	rows, err := s.rows(ctx, identityQuery)
	if err == nil && (len(rows) != 1 || rows[0][2] == "") {
		err = errNoPostgres
	}
	if err != nil {
		return a, false, err
	}
	r := rows[0]
	a = Answer{Reach: Up, Role: Primary, Version: firstWord(r[1]), System: r[3], Position: whole(r[5]), Paused: r[6] == "t"}
	a.Major = int(whole(r[2]) / 10_000)
	if r[0] == "t" {
		a.Role = Standby
	}
	if a.Clock = epoch(r[4]); a.Role == Standby {
		a.Replayed = epoch(r[7])
	}
	return a, r[8] == "t", nil
}

// senders looks for the mirror among those that the main feeds. Without the grant
// the rows are there and say nothing.
func (s *pgsource) senders(ctx context.Context, a *Answer, seer bool) error {
	rows, err := s.rows(ctx, `select application_name, host(client_addr), state, replay_lsn - '0/0'::pg_lsn, extract(epoch from replay_lag)
from pg_stat_replication where state is distinct from 'backup' limit 32`)
	if err != nil || !seer {
		return err
	}
	a.Stream = Stopped
	r := s.ofMirror(rows)
	if r == nil {
		return nil
	}
	a.Word, a.Sent = r[2], whole(r[3])
	if r[2] == "streaming" || r[2] == "catchup" {
		a.Stream = Running
	}
	a.Delay = seconds(r[4])
	return nil
}

// ofMirror: by its name, by its address, the only one, or the one furthest behind:
// prudent, when nothing tells them apart.
func (s *pgsource) ofMirror(rows [][]string) (found []string) {
	address := s.seen.Load()
	for _, r := range rows {
		at, err := netip.ParseAddr(r[1])
		switch {
		case s.c.Standby != "":
			if r[0] == s.c.Standby {
				return r
			}
		case address != nil && err == nil && at == *address:
			return r
		case found == nil || whole(r[3]) < whole(found[3]):
			found = r
		}
	}
	return found
}

// slots: what they keep, and whether one lost what it kept (version 13 and later).
func (s *pgsource) slots(ctx context.Context, a *Answer) error {
	lost := "false"
	if a.Major >= 13 {
		lost = "coalesce(bool_or(wal_status = 'lost'), false)"
	}
	rows, err := s.rows(ctx, "select coalesce(max(pg_current_wal_lsn() - restart_lsn), 0)::bigint, "+lost+" from pg_replication_slots where not temporary")
	if err == nil && len(rows) == 1 {
		a.WAL, a.SlotLost = int64(whole(rows[0][0])), rows[0][1] == "t"
	}
	return err
}

// receiver: no row, no receiver; a row without a state, no grant.
func (s *pgsource) receiver(ctx context.Context, a *Answer) error {
	rows, err := s.rows(ctx, "select coalesce(status, '') from pg_stat_wal_receiver")
	switch {
	case err != nil:
	case len(rows) == 0:
		a.Stream = Stopped
	case rows[0][0] == "streaming":
		a.Stream, a.Word = Running, rows[0][0]
	case rows[0][0] != "":
		a.Stream, a.Word = Stopped, rows[0][0]
	}
	return err
}

// rows asks one statement; NULL is "".
func (s *pgsource) rows(ctx context.Context, query string) ([][]string, error) {
	results, err := s.conn.Exec(ctx, query).ReadAll()
	if err != nil {
		return nil, err
	}
	var out [][]string
	for _, r := range results {
		for _, values := range r.Rows {
			row := make([]string, max(len(values), columns))
			for i, v := range values {
				row[i] = string(v)
			}
			out = append(out, row)
		}
	}
	return out, nil
}

// columns is at least what any of our questions asks for: what answers with
// fewer is no PostgreSQL, and says nothing.
const columns = 9

// measure asks over a connection of its own: it may take long.
func (s *pgsource) measure(ctx context.Context) int64 {
	conn, err := pgconn.ConnectConfig(ctx, s.config)
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Conn().Close() }()
	results, err := conn.Exec(ctx, "select sum(pg_database_size(oid))::bigint from pg_database where pg_has_role(current_user, 'pg_read_all_stats', 'usage') or has_database_privilege(oid, 'connect')").ReadAll()
	if err != nil || len(results) == 0 || len(results[0].Rows) == 0 || len(results[0].Rows[0]) == 0 {
		return 0
	}
	return int64(whole(string(results[0].Rows[0][0])))
}

// whole reads a number of the server; 0 when it is none.
func whole(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}

func epoch(s string) time.Time {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(f * 1e6))
}

func seconds(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(cut(s), " ")
	return word
}

// quoted writes a name as SQL does.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
