package mirror

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/testbed/mariadb"
)

// The heartbeat on a real MariaDB pair: it arrives, it lags when the replication is
// cut, the main dies; with an account that may do no more than beat.
func TestMariaDBPair(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	p, err := mariadb.StartPair(ctx, "welsuite")
	must(t, err)
	defer p.Stop()
	must(t, p.Main.Do(ctx, "create user watch@'127.0.0.1' identified by 'w'", "grant create, select, insert, update on welsuite.* to watch@'127.0.0.1'"))
	await(ctx, t, p.Mirror, "select count(*) from mysql.user where user = 'watch'", "1")
	url := func(s *mariadb.Server) Database {
		return Database{URL: fmt.Sprintf("mysql://watch@%s/welsuite", s.Address()), Password: "w"}
	}
	w := watch(t, Config{Main: url(p.Main), Mirror: url(p.Mirror), Heartbeat: "releve_heartbeat"})
	s := w.await("beats arrive", func(s State) bool { return s.Behind == No && s.Look.Mirror.Beat > 0 && s.Cause() == OK })
	if s.Look.Main.Role != Primary || !strings.Contains(s.Look.Mirror.Version, "MariaDB") || s.Look.Main.Major < 10 {
		t.Errorf("%+v\n%+v", s.Look.Main, s.Look.Mirror)
	}
	if got := s.Look.Mirror.Grants; got != "GRANT REPLICA MONITOR ON *.* TO 'watch'@'127.0.0.1'" || s.Look.Mirror.Role != NoRole {
		t.Errorf("without the grant: %q, %v", got, s.Look.Mirror.Role)
	}
	if n, err := p.Mirror.Ask(ctx, "select count(*) from welsuite.releve_heartbeat"); err != nil || n != "1" {
		t.Errorf("%s rows, %v", n, err)
	}
	must(t, p.Main.Do(ctx, s.Look.Mirror.Grants)) // as it is said
	await(ctx, t, p.Mirror, "select count(*) from information_schema.user_privileges where grantee like '%watch%' and privilege_type like '%MONITOR'", "1")
	must(t, p.Mirror.Do(ctx, "kill user watch")) // the grant is seen by the next connection: a minute at most
	w.await("the replica's own word", func(s State) bool {
		return s.Look.Mirror.Role == Standby && s.Stream == Running && s.Look.Mirror.Grants == ""
	})

	blind := Config{Main: url(p.Main), Mirror: url(p.Mirror), Heartbeat: "mysql.beats"} // no table of this account's
	b := watch(t, blind)
	s = b.await("no table for it", func(s State) bool { return s.Broken == MainDenied })
	want := "GRANT CREATE, SELECT, INSERT, UPDATE ON mysql.beats TO 'watch'@'127.0.0.1'"
	if got := s.Look.Main.Grants; got != want {
		t.Errorf("%q", got)
	}
	must(t, p.Main.Do(ctx, want)) // what is said can be run as it stands, and helps
	b.await("granted", func(s State) bool { return s.Look.Main.Beats })
	b.Close()

	must(t, p.Cut(ctx))
	w.await("the heartbeat lags", func(s State) bool { return s.Lagging && s.Behind == Yes && s.Stream == Stopped })
	must(t, p.Mend(ctx))
	w.await("mended", sound)

	must(t, p.Main.Do(ctx, "set global read_only = 1"))
	s = w.await("a main that takes no changes", func(s State) bool { return s.Broken == MainStandby })
	if s.Behind != No {
		t.Errorf("%+v", s)
	}
	must(t, p.Main.Do(ctx, "set global read_only = 0"))
	w.await("it does again", sound)

	p.Main.Kill()
	s = w.await("the main killed", func(s State) bool { return s.MainDown })
	if s.Behind != No || s.MirrorDown {
		t.Errorf("the last value before: %+v", s)
	}
	must(t, p.Main.Restart(ctx))
	w.await("the main back", func(s State) bool { return !s.MainDown && sound(s) })

	must(t, p.Mirror.Do(ctx, "stop slave", "reset slave all"))
	w.await("no replica any more", func(s State) bool { return s.Broken == Promoted && s.Behind == Yes })
	p.Mirror.Kill()
	w.await("the mirror killed", func(s State) bool { return s.MirrorDown })
}

// await waits until a server answers so: what was done on the main has come.
func await(ctx context.Context, t *testing.T, s *mariadb.Server, query, want string) {
	t.Helper()
	for {
		if got, err := s.Ask(ctx, query); err == nil && got == want {
			return
		}
		must(t, ctx.Err())
		time.Sleep(20 * time.Millisecond)
	}
}
