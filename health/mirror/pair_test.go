package mirror

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"releve/testbed/postgres"
)

// watched is a watch of two databases and what it reported.
type watched struct {
	t *testing.T
	*Watcher

	mu  sync.Mutex
	all []State // guarded by mu
}

// watch watches fast: the databases are on loopback.
func watch(t *testing.T, c Config) *watched {
	t.Helper()
	w := &watched{t: t}
	c.Interval, c.Timeout = 100*time.Millisecond, 2*time.Second
	if c.MaxLag == 0 {
		c.MaxLag = 700 * time.Millisecond
	}
	c.Node, c.settle = "test", 2*time.Second
	c.Report = func(s State) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.all = append(w.all, s)
	}
	w.Watcher = New(c)
	w.Start()
	t.Cleanup(w.Close)
	return w
}

// await waits until a state is as is says; what names it.
func (w *watched) await(what string, is func(State) bool) State {
	w.t.Helper()
	defer func(began time.Time) { w.t.Logf("%s: after %v", what, time.Since(began).Round(time.Millisecond)) }(time.Now())
	limit := time.Now().Add(40 * time.Second)
	for time.Now().Before(limit) {
		if s := w.State(); !s.At.IsZero() && is(s) {
			return s
		}
		time.Sleep(5 * time.Millisecond)
	}
	s := w.State()
	w.t.Fatalf("%s: never; last %+v\nmain %+v\nmirror %+v", what, s, s.Look.Main, s.Look.Mirror)
	return State{}
}

func sound(s State) bool { return s.Cause() == OK && s.Behind == No && s.Stream == Running }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pairConfig is how an account that may only watch sees a pair.
func pairConfig(p *postgres.Pair) Config {
	url := func(s *postgres.Server) string {
		return fmt.Sprintf("postgres://watch@127.0.0.1:%d/postgres?sslmode=disable", s.Port)
	}
	return Config{Main: Database{URL: url(p.Main), Password: "w"}, Mirror: Database{URL: url(p.Mirror), Password: "w"}}
}

func startPair(t *testing.T) (*postgres.Pair, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	p, err := postgres.StartPair(ctx)
	must(t, err)
	t.Cleanup(p.Stop)
	must(t, p.Main.Do(ctx, "create table work (n int)", "create role watch login password 'w'", "grant pg_monitor to watch"))
	for { // the mirror has the account, too
		if n, err := p.Mirror.Ask(ctx, "select count(*) from pg_auth_members where member = 'watch'::regrole"); err == nil && n == "1" {
			return p, ctx
		}
		must(t, ctx.Err())
		time.Sleep(10 * time.Millisecond)
	}
}

// A pair that is lagged, cut and broken, its mirror killed and its main killed.
func TestPostgresPair(t *testing.T) {
	t.Parallel()
	p, ctx := startPair(t)
	w := watch(t, pairConfig(p))
	s := w.await("sound", sound)
	if s.Look.Main.Role != Primary || s.Look.Mirror.Role != Standby || s.Look.Main.Major < 10 || s.Look.Main.System == "" || s.Look.Main.System != s.Look.Mirror.System {
		t.Errorf("%+v\n%+v", s.Look.Main, s.Look.Mirror)
	}
	w.await("sizes", func(s State) bool { return s.Look.Main.Size > 1<<20 && s.Look.Mirror.Size > 1<<20 })

	must(t, p.Pause(ctx))
	must(t, p.Main.Do(ctx, "insert into work values (1)"))
	s = w.await("lagging", func(s State) bool { return s.Lagging && s.Behind == Yes })
	if s.Cause() != Paused || s.Lag < 700*time.Millisecond || s.Bytes <= 0 || s.Broken != OK || !s.Look.Mirror.Paused {
		t.Errorf("lagged: %+v", s)
	}
	must(t, p.Resume(ctx))
	w.await("caught up", sound)

	thaw, err := p.Freeze(ctx)
	must(t, err)
	must(t, p.Main.Do(ctx, "insert into work values (2)"))
	w.await("a frozen receiver", func(s State) bool { return s.Lagging && s.Broken == OK })
	thaw()
	w.await("thawed", sound)

	p.Mirror.Kill()
	s = w.await("the mirror killed", func(s State) bool { return s.MirrorDown })
	if s.MainDown || s.Broken != OK || s.Cause() != MirrorDown {
		t.Errorf("mirror killed: %+v", s)
	}
	must(t, p.Main.Do(ctx, "insert into work values (3)"))
	w.await("its lag grows while nobody can read it", func(s State) bool { return s.Lagging && s.Behind == Yes })
	must(t, p.Mirror.Restart(ctx))
	w.await("the mirror back", sound)

	p.Main.Kill()
	killed := time.Now()
	s = w.await("the main killed", func(s State) bool { return s.MainDown })
	t.Logf("main killed: known after %v", time.Since(killed))
	if s.Behind != No || s.MirrorDown || s.Cause() != MainDown || s.LagAt.IsZero() {
		t.Errorf("the last value before the fault: %+v", s)
	}
	must(t, p.Main.Restart(ctx))
	w.await("the main back", func(s State) bool { return !s.MainDown && sound(s) })

	must(t, p.Break(ctx))
	s = w.await("broken", func(s State) bool { return s.Broken == SlotLost && s.Behind == Yes })
	if !s.Look.Main.SlotLost {
		t.Errorf("%+v", s.Look.Main)
	}
}

// A mirror that is cut is told after a while, not at once; and one that takes
// changes of its own at once.
func TestPostgresCutAndPromoted(t *testing.T) {
	t.Parallel()
	p, ctx := startPair(t)
	w := watch(t, pairConfig(p))
	w.await("sound", sound)
	must(t, p.Cut(ctx))
	s := w.await("cut", func(s State) bool { return s.Broken != OK })
	if s.Broken != Halted || s.MirrorDown || s.MainDown || s.Behind != No { // the main is idle: nothing is lost yet
		t.Errorf("cut: %+v", s)
	}
	must(t, p.Mend(ctx))
	w.await("mended", sound)
	must(t, p.Promote(ctx))
	w.await("promoted", func(s State) bool { return s.Broken == Promoted && s.Behind == Yes })
	p.Main.Kill()
	s = w.await("and then the main is gone", func(s State) bool { return s.MainDown })
	if s.Look.Mirror.Role != Primary || s.Look.Mirror.Reach != Up {
		t.Errorf("%+v", s.Look.Mirror)
	}
}

// The heartbeat on a PostgreSQL pair, an account without the grant, one that the
// main refuses, and roles the wrong way round.
func TestPostgresAccounts(t *testing.T) {
	t.Parallel()
	p, ctx := startPair(t)
	must(t, p.Main.Do(ctx, "create role plain login password 'w'", "create schema releve authorization plain"))
	c := pairConfig(p)
	plain := c
	plain.Main.URL, plain.Mirror.URL = strings.Replace(c.Main.URL, "watch@", "plain@", 1), strings.Replace(c.Mirror.URL, "watch@", "plain@", 1)
	plain.Heartbeat = "releve.beats"
	w := watch(t, plain)
	s := w.await("a heartbeat", func(s State) bool { return s.Look.Mirror.Beat > 0 && s.Behind == No && s.Cause() == OK })
	if s.Look.Main.Grants != `GRANT pg_monitor TO "plain"` || s.Look.Main.Stream != Unsaid {
		t.Errorf("without the grant: %+v", s.Look.Main)
	}
	must(t, p.Pause(ctx))
	w.await("the heartbeat lags", func(s State) bool { return s.Lagging })
	must(t, p.Resume(ctx))
	w.await("and has come", func(s State) bool { return s.Cause() == OK && s.Behind == No })

	held := make(chan error, 1)
	go func() {
		held <- p.Main.Do(ctx, "begin; lock table releve.beats in access exclusive mode; select pg_sleep(6); commit")
	}()
	s = w.await("nothing can be written", func(s State) bool { return s.MainDown })
	if !strings.HasPrefix(s.Look.Main.Cause, "heartbeat: no answer within") {
		t.Errorf("%+v", s.Look.Main)
	}
	must(t, <-held)
	w.await("it can again", func(s State) bool { return s.Cause() == OK })

	denied := c
	denied.Main.Password = "wrong"
	d := watch(t, denied)
	s = d.await("the account refused", func(s State) bool { return s.Broken == MainDenied })
	if s.MainDown || strings.Contains(s.Look.Main.Cause, "wrong") {
		t.Errorf("refused: %+v", s)
	}
	tableless := plain
	tableless.Heartbeat = "kept.beats"
	d = watch(t, tableless)
	s = d.await("no table can be made", func(s State) bool { return s.Look.Main.Grants != "" && strings.Contains(s.Look.Main.Cause, "kept") })
	must(t, p.Main.Do(ctx, `GRANT pg_monitor TO "plain"`)) // what is missing is said one by one
	s = d.await("the next one", func(s State) bool { return strings.Contains(s.Look.Main.Grants, "kept") })
	must(t, p.Main.Do(ctx, s.Look.Main.Grants))
	d.await("granted as it was said", func(s State) bool { return s.Look.Main.Beats && s.Look.Main.Grants == "" })

	turned := c
	turned.Main, turned.Mirror = c.Mirror, c.Main
	watch(t, turned).await("roles swapped", func(s State) bool { return s.Broken == Swapped })
}
