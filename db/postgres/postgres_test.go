package postgres

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"releve/db"
	"releve/db/dbtest"
	"releve/testbed/postgres"
)

// server is one PostgreSQL for the tests that do not break it; each takes a
// database of its own.
var server *postgres.Server

func TestMain(m *testing.M) {
	s, err := postgres.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "these tests need PostgreSQL:", err)
		os.Exit(1)
	}
	server = s
	code := m.Run()
	s.Stop()
	os.Exit(code)
}

var databases atomic.Int64

// database makes an empty one and returns its URL.
func database(t *testing.T, more string) string {
	t.Helper()
	name := fmt.Sprintf("t%d", databases.Add(1))
	admin(t, "postgres", "CREATE DATABASE "+name+" "+more)
	return server.URL("127.0.0.1", name)
}

// admin runs statements in a database as its superuser.
func admin(t *testing.T, database string, statements ...string) {
	t.Helper()
	config, err := pgx.ParseConfig(server.URL("127.0.0.1", database))
	must(t, err)
	config.Password = server.Password
	c, err := pgx.ConnectConfig(t.Context(), config)
	must(t, err)
	defer c.Close(context.Background())
	for _, q := range statements {
		if _, err := c.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func try(t *testing.T, url string) (*Store, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s, err := Open(ctx, Options{URL: url, Password: server.Password})
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func open(t *testing.T, url string) *Store {
	t.Helper()
	s, err := try(t, url)
	must(t, err)
	return s
}

// Each part of the suite has a schema of its own.
func TestContract(t *testing.T) {
	url, n := database(t, ""), 0
	dbtest.Run(t, func(t *testing.T) db.Store {
		n++
		return open(t, fmt.Sprintf("%s&search_path=s%d", url, n))
	})
}

// Two nodes write the same row: for each version exactly one wins, and knows it.
func TestTwoStoresOneWins(t *testing.T) {
	url := database(t, "")
	stores := []*Store{open(t, url), open(t, url)}
	for version := range uint64(30) {
		errs := make([]error, len(stores))
		var wg sync.WaitGroup
		for i, s := range stores {
			wg.Go(func() { errs[i] = s.SaveState(t.Context(), []byte{byte(version), byte(i)}, version) })
		}
		wg.Wait()
		row, v, err := stores[0].LoadState(t.Context())
		must(t, err)
		if v != version+1 || len(row) != 2 || row[0] != byte(version) {
			t.Fatalf("version %d holds %v", v, row)
		}
		winner := int(row[1])
		if errs[winner] != nil || errs[1-winner] != db.ErrConflict { //nolint:errorlint // exactly it
			t.Fatalf("version %d: store %d won, errors %v", v, winner, errs)
		}
	}
}

// Nodes that start together make the schema once.
func TestManyOpenAnEmptyDatabase(t *testing.T) {
	url := database(t, "")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := try(t, url); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var n int
	must(t, open(t, url).pool.QueryRow(t.Context(), "SELECT count(*) FROM schema_version").Scan(&n))
	steps, err := readMigrations(migrations)
	must(t, err)
	if n != len(steps) {
		t.Errorf("%d steps were taken, want %d", n, len(steps))
	}
}
