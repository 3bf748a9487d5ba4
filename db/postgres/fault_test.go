package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"releve/db"
	"releve/router"
	"releve/testbed/postgres"
)

// as is url with another user, and that user's settings.
func as(url, user string) string { return strings.Replace(url, "releve@", user+"@", 1) }

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		url  func(t *testing.T) string
		kind error
		want string // what the operator is told to do
	}{
		{"not a URL", func(*testing.T) string { return "postgres://a:b:c" }, ErrURL, "store.postgres"},
		{"a schema of two names", func(t *testing.T) string { return database(t, "") + "&search_path=a,b" }, ErrURL, "search_path"},
		{"nobody listens", func(*testing.T) string { return "postgres://u@127.0.0.1:1/x" }, ErrUnreachable, "runs"},
		{"a wrong user", func(t *testing.T) string { return as(database(t, ""), "nobody") }, ErrRefused, "pg_hba.conf"},
		{"no database", func(*testing.T) string { return server.URL("127.0.0.1", "nowhere") }, ErrNoDatabase, "CREATE DATABASE"},
		{"no right", func(t *testing.T) string {
			url := database(t, "")
			admin(t, "postgres", "DROP ROLE IF EXISTS humble", "CREATE ROLE humble LOGIN PASSWORD '"+server.Password+"'")
			return as(url, "humble")
		}, ErrPermission, "CREATE SCHEMA"},
		{"another program's schema", func(t *testing.T) string {
			url := database(t, "")
			admin(t, name(url), "CREATE SCHEMA releve", "CREATE TABLE releve.users (name text)")
			return url
		}, ErrForeign, "store.postgres"},
		{"newer schema", func(t *testing.T) string {
			url := database(t, "")
			open(t, url).Close()
			admin(t, name(url), "INSERT INTO releve.schema_version VALUES (9999)")
			return url
		}, ErrNewerSchema, "install the newer version again"},
		{"an encoding that lacks characters", func(t *testing.T) string {
			return database(t, "ENCODING 'LATIN1' TEMPLATE template0")
		}, ErrEncoding, "ENCODING 'UTF8'"},
		{"read only", func(t *testing.T) string {
			url := database(t, "")
			admin(t, "postgres", "ALTER DATABASE "+name(url)+" SET default_transaction_read_only = on")
			return url
		}, ErrReadOnly, "takes writes"},
		{"a server that never answers", func(t *testing.T) string {
			return fmt.Sprintf("postgres://u@%s/x?sslmode=disable&connect_timeout=1", silent(t, ""))
		}, ErrUnreachable, "runs"},
		{"something else answers", func(t *testing.T) string {
			return fmt.Sprintf("postgres://u@%s/x?sslmode=disable", silent(t, "HTTP/1.1 400 Bad Request\r\n\r\n"))
		}, ErrUnreachable, "runs"},
		{"a length that fills the memory", func(t *testing.T) string {
			return fmt.Sprintf("postgres://u@%s/x?sslmode=disable", silent(t, "R\x7f\xff\xff\xff"))
		}, ErrUnreachable, "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := try(t, c.url(t))
			if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Fatalf("error %q\nwants kind %q and %q", err, c.kind, c.want)
			}
			if strings.ContainsAny(err.Error(), "\n\t") || strings.Contains(err.Error(), server.Password) {
				t.Errorf("not one line, or with the password: %q", err)
			}
		})
	}
}

func name(url string) string {
	_, after, _ := strings.Cut(url, "://")
	_, after, _ = strings.Cut(after, "/")
	name, _, _ := strings.Cut(after, "?")
	return name
}

// silent listens, says what it is given, and nothing more.
func silent(t *testing.T, says string) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(says))
			t.Cleanup(func() { c.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr()
}

// Our own settings stand whatever the URL says of them.
func TestSettings(t *testing.T) {
	t.Parallel()
	s := open(t, database(t, "")+"&synchronous_commit=off&statement_timeout=1234&search_path=mine&application_name=x&default_transaction_isolation=serializable")
	for setting, want := range map[string]string{
		"synchronous_commit": "on", "transaction_isolation": "read committed", "client_encoding": "UTF8", "search_path": "mine",
		"statement_timeout": "1234ms", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s", "tcp_user_timeout": "10000",
		"application_name": "x",
	} {
		var got string
		if err := s.pool.QueryRow(t.Context(), "SHOW "+setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", setting, got, err, want)
		}
	}
}

// Searches that wait hold up no save and no record.
func TestHeldTablesHoldUpNoSave(t *testing.T) {
	t.Parallel()
	url := database(t, "")
	s, other := open(t, url), open(t, url)
	tx, err := other.pool.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE calls, events IN ACCESS EXCLUSIVE MODE")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 * queries {
		wg.Go(func() { _, _ = s.Calls(ctx, "x", 1) })
	}
	wg.Go(func() { _ = s.Append(ctx, db.Batch{Calls: []router.CallRecord{{CallID: "a"}}}) })
	for v := range uint64(3) {
		must(t, s.SaveState(t.Context(), []byte("x"), v))
	}
	if n := s.pool.Stat().MaxConns(); n != maxConns {
		t.Errorf("%d connections at most", n)
	}
	cancel()
	wg.Wait()
	must(t, tx.Rollback(t.Context()))
	must(t, s.Append(t.Context(), db.Batch{Calls: []router.CallRecord{{CallID: "b"}}}))
}

// A row that another session holds: the caller's deadline ends the wait.
func TestHeldRowEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	url := database(t, "")
	s, other := open(t, url), open(t, url)
	must(t, s.SaveState(t.Context(), []byte("a"), 0))
	tx, err := other.pool.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM state FOR UPDATE")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.SaveState(ctx, []byte("b"), 1); !errors.Is(err, ErrUnreachable) || errors.Is(err, db.ErrConflict) {
		t.Errorf("%v", err)
	}
	must(t, tx.Rollback(t.Context()))
	must(t, s.SaveState(t.Context(), []byte("b"), 1))
}

// The server is killed and comes back, hangs and goes on: the store is the same,
// and nobody waits for it longer than they said.
func TestServerDiesAndHangs(t *testing.T) {
	t.Parallel()
	pg, err := postgres.Start(t.Context())
	must(t, err)
	defer pg.Stop()
	s, err := Open(t.Context(), Options{URL: pg.URL("127.0.0.1", "postgres"), Password: pg.Password})
	must(t, err)
	must(t, s.SaveState(t.Context(), []byte("a"), 0))

	pg.Kill()
	if err := s.SaveState(t.Context(), []byte("b"), 1); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a killed server: %v", err)
	}
	must(t, pg.Restart(t.Context()))
	again(t, func(ctx context.Context) error { return s.SaveState(ctx, []byte("b"), 1) })

	thaw := pg.Freeze()
	for range 2 * maxConns { // more than there are connections to lose
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := s.SaveState(ctx, []byte("c"), 2); !errors.Is(err, ErrUnreachable) {
			t.Errorf("a hung server: %v", err)
		}
		cancel()
	}
	thaw()
	again(t, func(ctx context.Context) error { return s.SaveState(ctx, []byte("c"), 2) })
	if row, v, err := s.LoadState(t.Context()); string(row) != "c" || v != 3 || err != nil {
		t.Errorf("%q %d %v", row, v, err)
	}

	thaw = pg.Freeze()
	defer thaw()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case <-closed:
	case <-time.After(time.Minute): // the driver alone would take its 15 s per connection
		t.Fatal("Close waits for a server that hangs")
	}
	must(t, s.Close())
}

// again tries until it succeeds; each try is bounded.
func again(t *testing.T, try func(context.Context) error) {
	t.Helper()
	end, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		ctx, done := context.WithTimeout(end, 5*time.Second)
		err := try(ctx)
		done()
		if err == nil {
			return
		}
		if end.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Several hosts: the one that takes writes is found behind a dead host, a silent
// one, and a standby; and again when the standby becomes the main one.
func TestSeveralHosts(t *testing.T) {
	t.Parallel()
	p, err := postgres.StartPair(t.Context())
	must(t, err)
	defer p.Stop()
	url := fmt.Sprintf("postgres://%s@127.0.0.1:1,%s,127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=disable&connect_timeout=1&target_session_attrs=any",
		p.Main.User, silent(t, ""), p.Mirror.Port, p.Main.Port)
	s, err := Open(t.Context(), Options{URL: url, Password: p.Main.Password})
	must(t, err)
	defer s.Close()
	must(t, s.SaveState(t.Context(), []byte("a"), 0))
	again(t, func(ctx context.Context) error {
		n, err := p.Mirror.Ask(ctx, "select version from releve.state")
		if err == nil && n != "1" {
			err = errors.New("not there yet")
		}
		return err
	})

	p.Main.Kill()
	must(t, p.Promote(t.Context()))
	again(t, func(ctx context.Context) error { return s.SaveState(ctx, []byte("b"), 1) })
	if n, err := p.Mirror.Ask(t.Context(), "select version from releve.state"); err != nil || n != "2" {
		t.Errorf("the new main server has version %s, %v", n, err)
	}
}

// A server that takes no writes any more loses our connections: the next ones look
// for the one that does.
func TestConnectionsToAStandbyAreGivenUp(t *testing.T) {
	t.Parallel()
	url := database(t, "")
	s := open(t, url)
	must(t, s.SaveState(t.Context(), []byte("a"), 0))
	admin(t, "postgres", "ALTER DATABASE "+name(url)+" SET default_transaction_read_only = on")
	_, err := s.pool.Exec(t.Context(), "SET default_transaction_read_only = on") // as on a server that was demoted
	must(t, err)
	if err := s.SaveState(t.Context(), []byte("b"), 1); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("%v", err)
	}
	admin(t, "postgres", "ALTER DATABASE "+name(url)+" RESET default_transaction_read_only")
	must(t, s.SaveState(t.Context(), []byte("b"), 1))
}

func TestPruneDropsOldMarks(t *testing.T) {
	t.Parallel()
	s := open(t, database(t, ""))
	_, err := s.pool.Exec(t.Context(), "INSERT INTO ingested (segment, stored_to) SELECT ('s' || i)::bytea, 1 FROM generate_series(1, $1) i ORDER BY i", keptMarks+700)
	must(t, err)
	must(t, s.Prune(t.Context(), time.Time{}))
	var n int
	var oldest []byte
	must(t, s.pool.QueryRow(t.Context(), "SELECT count(*), (SELECT segment FROM ingested ORDER BY id LIMIT 1) FROM ingested").Scan(&n, &oldest))
	if n != keptMarks || string(oldest) != "s701" {
		t.Errorf("%d marks are left, the oldest %s; want the newest %d", n, oldest, keptMarks)
	}
}

// A query reads the rows it returns, not the whole table.
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	s := open(t, database(t, ""))
	for query, c := range map[string]struct {
		args []any
		want string
	}{
		allCallsSQL:  {[]any{1}, "calls_by_start"},
		findCallsSQL: {[]any{1, []byte("a"), []byte("a"), []byte("b")}, "calls_by_call_id"},
		eventsSQL:    {[]any{int64(1), 1}, "events_by_time"},
	} {
		must(t, pgx.BeginFunc(t.Context(), s.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off"); err != nil {
				return err
			}
			found, err := tx.Query(t.Context(), "EXPLAIN "+query, c.args...)
			if err != nil {
				return err
			}
			plan, err := pgx.CollectRows(found, pgx.RowTo[string])
			if err == nil && !strings.Contains(strings.Join(plan, "\n"), c.want) {
				t.Errorf("%s\nplan:\n%s\nwants %s", query, strings.Join(plan, "\n"), c.want)
			}
			return err
		}))
	}
}

func TestMigrationNames(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{[]string{"0001_a.sql", "0002_b.sql"}, ""},
		{nil, "no migration"},
		{[]string{"0001_a.sql", "0003_b.sql"}, "must begin with 0002_"},
	} {
		from := fstest.MapFS{}
		for _, n := range c.names {
			from["migration/"+n] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		if _, err := readMigrations(from); (err != nil) != (c.want != "") || !strings.Contains(fmt.Sprint(err), c.want) && c.want != "" {
			t.Errorf("%v: %v; want %q", c.names, err, c.want)
		}
	}
}

// A migration that fails leaves the schema at the version it had.
func TestMigrationIsWhole(t *testing.T) {
	t.Parallel()
	s := open(t, database(t, ""))
	steps, err := readMigrations(migrations)
	must(t, err)
	err = s.update(t.Context(), "migrate", func(ctx context.Context, tx pgx.Tx) error {
		return s.apply(ctx, tx, append(steps, "CREATE TABLE two (a int); INSERT INTO nowhere VALUES (1)"))
	})
	if err == nil {
		t.Fatal("a broken migration succeeded")
	}
	var version, tables int
	must(t, s.pool.QueryRow(t.Context(), "SELECT (SELECT max(version) FROM schema_version), (SELECT count(*) FROM pg_class WHERE relname = 'two')").Scan(&version, &tables))
	if version != len(steps) || tables != 0 {
		t.Errorf("version %d, %d tables of the broken migration", version, tables)
	}
}
