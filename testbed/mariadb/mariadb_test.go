package mariadb

import (
	"context"
	"testing"
	"time"
)

// What is written on the main is read on the mirror, unless it is cut.
func TestPair(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p, err := StartPair(ctx, "welsuite")
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
	must(p.Main.Do(ctx, "create table welsuite.x (n int)", "insert into welsuite.x values (7)"))
	for {
		if n, _ := p.Mirror.Ask(ctx, "select n from welsuite.x"); n == "7" {
			break
		}
		must(ctx.Err())
		time.Sleep(20 * time.Millisecond)
	}
	must(p.Cut(ctx))
	must(p.Mend(ctx))
}
