package app

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/health/metric"
	"releve/health/mirror"
)

// status is what the screens show of a look.
func (w *mirrorWatch) status(s mirror.State) *admin.Mirror {
	c := &w.app.cfg().Mirror
	cause := s.Cause()
	main, copied := &s.Look.Main, &s.Look.Mirror
	out := &admin.Mirror{
		State: stateOf(s), Cause: string(cause), Detail: detailOf(s), At: s.At.UTC(), Lag: s.Lag, LagAt: utc(s.LagAt), MaxLag: c.MaxLag,
		Bytes: s.Bytes, Blocks: s.Behind == mirror.Yes, Streaming: s.Stream == mirror.Running, Replication: cmp.Or(main.Word, copied.Word),
		Paused: copied.Paused, Heartbeat: c.Heartbeat, WAL: main.WAL, MaxWAL: int64(c.MaxWAL), Grants: cmp.Or(main.Grants, copied.Grants),
		Main: databaseOf(main, s.MainDown, c.Main.Address()), Mirror: databaseOf(copied, s.MirrorDown, c.Mirror.Address()),
	}
	out.Since, out.Main.Since, out.Mirror.Since = out.At, out.At, out.At
	if was := w.shown.Load(); was != nil {
		out.Since = sinceOf(was.State == out.State, was.Since, out.At)
		out.Main.Since = sinceOf(was.Main.State == out.Main.State, was.Main.Since, out.At)
		out.Mirror.Since = sinceOf(was.Mirror.State == out.Mirror.State, was.Mirror.Since, out.At)
	}
	return out
}

func sinceOf(same bool, before, now time.Time) time.Time {
	if same {
		return before
	}
	return now
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

func stateOf(s mirror.State) string {
	switch {
	case s.MainDown:
		return admin.MirrorMainDown
	case s.Broken != mirror.OK:
		return admin.MirrorBroken
	case s.MirrorDown:
		return admin.MirrorDown
	case s.Lagging:
		return admin.MirrorLagging
	case s.LagAt.IsZero():
		return admin.MirrorUnknown
	}
	return admin.MirrorOK
}

// detailOf is what the databases said, as they said it.
func detailOf(s mirror.State) string {
	for _, a := range []*mirror.Answer{&s.Look.Main, &s.Look.Mirror} {
		if a.Cause != "" {
			return a.Address + ": " + a.Cause
		}
	}
	return ""
}

// databaseOf shows one that failed once as it was: a lost packet is no news.
func databaseOf(a *mirror.Answer, down bool, address string) admin.Database {
	d := admin.Database{Address: address, State: a.Reach.String(), Cause: a.Cause, Role: a.Role.String(), Version: a.Version, Size: a.Size, Full: a.Full}
	if a.Reach == mirror.Down && !down {
		d.State = admin.DatabaseUp
	}
	if a.Untrusted {
		d.State = admin.DatabaseTLS
	}
	if down {
		d.State = admin.DatabaseDown
	}
	return d
}

// Mirror is the mirrored database for the screens; nil: none is watched.
func (a *App) mirrorStatus() *admin.Mirror {
	c := &a.cfg().Mirror
	if !c.Watched() {
		return nil
	}
	out := admin.Mirror{
		State: admin.MirrorUnknown, MaxLag: c.MaxLag, Heartbeat: c.Heartbeat, MaxWAL: int64(c.MaxWAL),
		Main:   admin.Database{Address: c.Main.Address(), State: admin.DatabaseUnknown, Role: admin.DatabaseRoleless},
		Mirror: admin.Database{Address: c.Mirror.Address(), State: admin.DatabaseUnknown, Role: admin.DatabaseRoleless},
	}
	if shown := a.mirror.shown.Load(); shown != nil {
		out = *shown
	}
	out.AtRisk = a.mirror.atRisk.Load()
	return &out
}

// mirrorDetail is what an alarm about the mirror, or about a secondary that is not
// ready for its sake, says besides, in the site's language.
func (a *App) mirrorDetail(n alarm.Number, unready bool) string {
	shown := a.mirror.shown.Load()
	if shown == nil {
		return ""
	}
	m := text.For(text.Lang(a.cfg().Language))
	lag := ""
	if !shown.LagAt.IsZero() {
		lag = m.MirrorLag(shown.Lag, 0)
	}
	switch n {
	case alarm.SecondaryNotReady:
		if unready && shown.Blocks {
			return fmt.Sprintf("%s, %s", m.MirrorBlocks(), lag)
		}
	case alarm.MirrorLag:
		return lag
	case alarm.MainDatabaseDown:
		return shown.Main.Cause
	case alarm.MirrorDown:
		return shown.Mirror.Cause
	case alarm.MirrorBroken, alarm.DatabaseSpace:
		return m.MirrorCause(shown.Cause)
	}
	return ""
}

// mirrorMetrics declares the series of the watch; none where there is none at the
// start.
func (a *App) mirrorMetrics(set *metric.Set) {
	if !a.cfg().Mirror.Watched() {
		return
	}
	of := func(f func(*admin.Mirror) float64) func() float64 {
		return func() float64 {
			if s := a.mirrorStatus(); s != nil {
				return f(s)
			}
			return math.NaN()
		}
	}
	flag := func(yes bool) float64 {
		if yes {
			return 1
		}
		return 0
	}
	set.GaugeFunc("releve_mirror_lag_seconds", "how old what the mirror lacks is; NaN: never measured", of(func(s *admin.Mirror) float64 {
		if s.LagAt.IsZero() {
			return math.NaN()
		}
		return s.Lag.Seconds()
	}))
	set.GaugeFunc("releve_mirror_max_lag_seconds", "above it a switchover is blocked", of(func(s *admin.Mirror) float64 { return s.MaxLag.Seconds() }))
	set.GaugeFunc("releve_mirror_behind_bytes", "log that the mirror has not replayed (PostgreSQL)", of(func(s *admin.Mirror) float64 { return float64(s.Bytes) }))
	set.GaugeFunc("releve_mirror_streaming", "1 while the replication runs", of(func(s *admin.Mirror) float64 { return flag(s.Streaming) }))
	set.GaugeFunc("releve_mirror_blocks_switchover", "1 while the mirror keeps the secondary from being ready", of(func(s *admin.Mirror) float64 { return flag(s.Blocks) }))
	set.GaugeFunc("releve_mirror_wal_kept_bytes", "log that replication slots keep on the main", of(func(s *admin.Mirror) float64 { return float64(s.WAL) }))
	for _, d := range []struct {
		name string
		of   func(*admin.Mirror) *admin.Database
	}{{"main", func(s *admin.Mirror) *admin.Database { return &s.Main }}, {"mirror", func(s *admin.Mirror) *admin.Database { return &s.Mirror }}} {
		label := metric.Label{Name: "database", Value: d.name}
		set.GaugeFunc("releve_mirror_database_up", "1 while it answers", of(func(s *admin.Mirror) float64 { return flag(d.of(s).State == admin.DatabaseUp) }), label)
		set.GaugeFunc("releve_mirror_database_size_bytes", "of its databases; 0: not known", of(func(s *admin.Mirror) float64 { return float64(d.of(s).Size) }), label)
	}
	count := func(f func(looks, failed uint64) uint64) func() float64 {
		return func() float64 {
			if w := a.mirror.watcher.Load(); w != nil {
				return float64(f(w.Counts()))
			}
			return 0
		}
	}
	set.GaugeFunc("releve_mirror_looks_total", "looks at the two databases", count(func(looks, _ uint64) uint64 { return looks }))
	set.GaugeFunc("releve_mirror_questions_failed_total", "questions to a database without a sound answer", count(func(_, failed uint64) uint64 { return failed }))
}
