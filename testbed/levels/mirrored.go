package levels

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"releve/testbed/postgres"
	"releve/testbed/server"
)

// withDatabases opens a site that watches a pair of databases of its own.
func (s *site) withDatabases(ctx context.Context) (err error) {
	if s.databases, err = postgres.StartPair(ctx); err != nil {
		return err
	}
	return s.open(ctx)
}

// written has the main database write, so that a lag is one.
func (s *site) written(ctx context.Context) error {
	return s.databases.Main.Do(ctx, "CREATE TABLE IF NOT EXISTS calls (at timestamptz)", "INSERT INTO calls VALUES (now())")
}

// mirroring: the mirror lags, is cut and comes back; the main database is killed,
// and told within seconds, on the screen too, while calls go on.
func mirroring(ctx context.Context, b *book, s *site) error {
	if err := s.withDatabases(ctx); err != nil {
		return err
	}
	now, ok := s.until(ctx, func(v status) bool { return v.Mirror != nil && v.Mirror.State == "ok" && !v.Mirror.LagAt.IsZero() })
	b.check(ok && len(now.Alarms) == 0, "the mirror follows: %s", s.describe(now))
	b.serves(ctx, s.ipbx, "principal", "a caller is served")

	if err := errors.Join(s.databases.Cut(ctx), s.written(ctx)); err != nil {
		return err
	}
	now, ok = s.until(ctx, func(v status) bool { return v.alarm(1029) || v.alarm(1020) })
	b.check(ok && now.Mirror.State != "ok", "the mirror is cut, and that is told: %s", s.describe(now))
	if err := s.databases.Mend(ctx); err != nil {
		return err
	}
	now, ok = s.until(ctx, func(v status) bool { return v.Mirror.State == "ok" && len(v.Alarms) == 0 })
	b.check(ok, "it follows again, and the alarm ends: %s", s.describe(now))

	killed := time.Now()
	s.databases.Main.Kill()
	now, ok = s.until(ctx, func(v status) bool { return v.alarm(1022) })
	b.detected(time.Since(killed))
	b.check(ok && now.Mirror.State == "main-down", "the main database is killed, and that is told: %s", s.describe(now))
	shown := s.shows(ctx, "1022")
	b.within(shown, time.Since(killed), "the screen shows it")
	mailed := s.mailed(ctx, s.told.box, "1022")
	b.within(mailed, time.Since(killed), "the mail is in the mailbox")
	mailed = s.mailed(ctx, "urgent."+s.told.box, "1022")
	b.within(mailed, time.Since(killed), "and in that of who is on call")
	b.serves(ctx, s.ipbx, "principal", "a caller is served meanwhile")
	now, _ = s.until(ctx, func(status) bool { return true })
	b.check(now.Active == "primary" && now.Phase == "normal" && now.Counters.Switchovers == 0, "nothing switched: %s", s.describe(now))
	if err := s.databases.Main.Restart(ctx); err != nil {
		return err
	}
	now, ok = s.until(ctx, func(v status) bool { return v.Mirror.State == "ok" && len(v.Alarms) == 0 })
	b.check(ok, "it is back, and the alarm ends: %s", s.describe(now))
	return nil
}

// highAvailability: the primary dies with its database, a caller is held and
// served by the secondary; what the mirror lacked is told; the return is an
// operator's.
func highAvailability(ctx context.Context, b *book, s *site) error {
	if err := s.withDatabases(ctx); err != nil {
		return err
	}
	if err := s.switchOn(); err != nil {
		return err
	}
	now, ok := s.until(ctx, func(v status) bool {
		return v.ready("secondary") && v.Mirror != nil && v.Mirror.State == "ok" && !v.Mirror.LagAt.IsZero() && bound(s.ipbx) == "5001"
	})
	b.check(ok && len(now.Alarms) == 0, "the secondary is ready, the mirror follows: %s", s.describe(now))
	b.serves(ctx, s.ipbx, "principal", "a caller is served")

	if err := s.principal.SetMode(server.Mode{Kind: server.AllBusy}); err != nil {
		return err
	}
	r, err := incoming(ctx, s.ipbx)
	now, _ = s.until(ctx, func(v status) bool { return v.Phase == "normal" })
	b.check(err == nil && r.AnsweredBy != "secours" && now.Counters.Switchovers == 0, "the primary is busy: nothing switches, status %d by %q: %s", r.Status, r.AnsweredBy, s.describe(now))

	if err := s.principal.SetMode(server.Mode{Kind: server.Killed}); err != nil {
		return err
	}
	s.databases.Main.Kill()
	b.serves(ctx, s.ipbx, "secours", "the primary and its database die: the caller is held and served by the secondary")
	now, ok = s.until(ctx, func(v status) bool {
		return v.Phase == "on-secondary" && v.alarm(1005) && v.alarm(1022) && bound(s.ipbx) == "5002"
	})
	b.check(ok && now.Mirror.AtRisk != nil, "the switchover and the data at risk are told: %s", s.describe(now))
	urgent, err := s.told.office.texts("urgent." + s.told.box)
	b.check(err == nil && !slices.ContainsFunc(urgent, func(m string) bool { return strings.Contains(m, "1005") }), "a switchover that works wakes nobody: %d urgent mails, %v", len(urgent), err)
	b.check(s.shows(ctx, "en secours"), "the screen says that the attendant runs on the secondary")
	b.places(ctx, s.secours, "ipbx", "the secondary places a call")

	if err := errors.Join(s.databases.Main.Restart(ctx), s.principal.SetMode(server.Mode{Kind: server.Healthy})); err != nil {
		return err
	}
	now, ok = s.until(ctx, func(v status) bool { return v.ready("primary") })
	b.check(ok && now.Active == "secondary", "the primary is well again, nothing returns by itself: %s", s.describe(now))
	said, err := s.verb(ctx, "return", "--force", "--yes", "--reason", "levels")
	b.check(err == nil, "the operator returns: %s", said)
	b.serves(ctx, s.ipbx, "principal", "a caller is served by the primary")
	b.check(s.ipbx.MaxBindingsAtOnce("5001", "5002") == 1, "bindings of both users at once: %d", s.ipbx.MaxBindingsAtOnce("5001", "5002"))
	return nil
}
