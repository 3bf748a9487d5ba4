package preflight

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"releve/testbed/mariadb"
	"releve/testbed/postgres"
)

// TestDatabasesAreKnown: real ones by what they say of themselves, and strangers.
func TestDatabasesAreKnown(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	pg, err := postgres.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Stop()
	my, err := mariadb.StartPair(ctx, "wel")
	if err != nil {
		t.Fatal(err)
	}
	defer my.Stop()
	at := fmt.Sprintf("127.0.0.1:%d", pg.Port)
	garbage, mute := speaker(t, "220 mail ESMTP\r\n"), speaker(t, "")
	for name, c := range map[string]struct {
		address, product, word string
		state                  State
	}{
		"PostgreSQL":                {"postgres://" + at, "PostgreSQL", "", OK},
		"MariaDB":                   {"mysql://" + my.Main.Address(), "MariaDB", "", OK},
		"a mail server":             {"mysql://" + garbage, "MySQL", "foreign", NoGo},
		"a mail server at 5432":     {"postgres://" + garbage, "PostgreSQL", "foreign", NoGo},
		"a refusal of no length":    {"postgres://" + speaker(t, "NE\x00\x00\x00\x00"), "PostgreSQL", "", OK},
		"silence":                   {"mysql://" + mute, "", "mute", NoGo},
		"a closed port":             {"postgres://127.0.0.1:1", "", "closed", NoGo},
		"a password in the address": {"postgres://u:secret@" + at + "/db", "PostgreSQL", "", OK},
	} {
		f := judgeDatabase(c.address, look(ctx, c.address))
		if f.State != c.state || f.Values["case"] != c.word || !strings.HasPrefix(f.Values["product"], c.product) {
			t.Errorf("%s: %s %v", name, f.State, f.Values)
		}
		if strings.Contains(redacted(c.address)+f.Values["address"], "secret") {
			t.Errorf("%s: the password is shown", name)
		}
	}
}

// speaker says one thing to whoever connects, and no more.
func speaker(t *testing.T, says string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Write([]byte(says))
		}
	}()
	return l.Addr().String()
}
