package postgres

import (
	"context"
	"testing"
	"time"
)

// The pair streams, and each thing that can go wrong is seen to have.
func TestPair(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p, err := StartPair(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	is := func(s *Server, q, want string) {
		t.Helper()
		must(await(ctx, q, func() bool { got, _ := s.Ask(ctx, q); return got == want }))
	}
	must(p.Main.Do(ctx, "create table x (n int)", "insert into x values (1)"))
	is(p.Mirror, "select n from x", "1")
	must(p.Pause(ctx))
	must(p.Main.Do(ctx, "insert into x values (2)"))
	must(p.Resume(ctx))
	is(p.Mirror, "select count(*) from x", "2")
	p.Main.Kill()
	if _, err := p.Main.Ask(ctx, "select 1"); err == nil {
		t.Fatal("a killed server answers")
	}
	must(p.Main.Restart(ctx))
	must(p.AwaitStreaming(ctx))
	must(p.Break(ctx))
	must(p.Promote(ctx))
	is(p.Mirror, "select pg_is_in_recovery()", "f")
}
