package app

import (
	"cmp"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/health/mirror"
	"releve/router/control"
)

// mirrorWatch is the watch of the mirrored database, and what was told of it. The
// watch's goroutine calls seen; the mind reads copied.
type mirrorWatch struct {
	app     *App
	watcher atomic.Pointer[mirror.Watcher] // nil: none
	shown   atomic.Pointer[admin.Mirror]   // of the newest look; nil: none yet
	copied  atomic.Uint32                  // control.Copy
	atRisk  atomic.Pointer[admin.DataAtRisk]

	renewing sync.Mutex // by reloads, one after the other

	// Of the watch's goroutine, and of renew while there is none.
	told struct {
		main, mirror, broken, lagging edge
		space                         [2]edge        // of the main, of the mirror
		gravity                       alarm.Severity // of broken
	}
	word string // the state that the journal told last
}

// prepareMirror makes the watch that the file asks for.
func (a *App) prepareMirror() {
	a.mirror.app = a
	if a.cfg().Mirror.Watched() {
		a.mirror.watcher.Store(mirror.New(a.mirrorConfig()))
	}
}

func (a *App) mirrorConfig() mirror.Config {
	m := a.cfg().Mirror
	host, _ := os.Hostname() // "": one row for all that have none
	return mirror.Config{
		Main:   mirror.Database{URL: m.Main.URL, Password: m.Main.Password.Value()},
		Mirror: mirror.Database{URL: m.Mirror.URL, Password: m.MirrorPassword()},
		MaxLag: m.MaxLag, Interval: m.Interval, Timeout: m.Timeout, Heartbeat: m.Heartbeat, Node: cmp.Or(host, "releve"),
		Standby: m.Standby, MaxWAL: int64(m.MaxWAL), MaxDatabase: int64(m.MaxDatabase),
		Report: a.mirror.seen, Caught: func(r any) { a.proxy.Caught(r, "") },
	}
}

// start begins to watch.
func (w *mirrorWatch) start() {
	if x := w.watcher.Load(); x != nil {
		x.Start()
	}
}

// stop ends the watch.
func (w *mirrorWatch) stop() {
	if x := w.watcher.Swap(nil); x != nil {
		x.Close()
	}
}

// reload watches what the file says now, if that is something else. The former
// watch ends first: its report would be taken for the new one's.
func (w *mirrorWatch) reload(before, next *config.Config) {
	if reflect.DeepEqual(before.Mirror, next.Mirror) {
		return
	}
	w.app.mind.wait.Go(w.renew)
}

// renew ends the watch and begins the one of the configuration in force. One at a
// time: of two reloads in a row the later one's watch stays.
func (w *mirrorWatch) renew() {
	w.renewing.Lock()
	defer w.renewing.Unlock()
	if former := w.watcher.Swap(nil); former != nil {
		former.Close()
	}
	w.shown.Store(nil)
	w.copied.Store(0)
	c := w.app.cfg()
	switch {
	case w.app.mind.life.Err() != nil:
		return
	case !c.Mirror.Watched():
		w.alarms(mirror.State{}) // of what is watched no more nothing stands
		return
	}
	x := mirror.New(w.app.mirrorConfig())
	w.watcher.Store(x)
	x.Start()
}

// seen takes what the watch found in one look.
func (w *mirrorWatch) seen(s mirror.State) {
	shown := w.status(s)
	w.shown.Store(shown)
	w.copied.Store(uint32(copyOf(s.Behind)))
	w.app.mind.signal()
	w.alarms(s)
	if w.word != shown.State {
		w.word = shown.State
		p := map[string]string{"state": shown.State, "mirror": shown.Cause}
		if shown.Cause == shown.State {
			delete(p, "mirror") // the state says it
		}
		if !shown.LagAt.IsZero() {
			p["lag"] = shown.Lag.Round(time.Millisecond).String()
		}
		w.app.event(text.EventMirror, p)
	}
}

func copyOf(k mirror.Known) control.Copy {
	return [...]control.Copy{mirror.Unknown: control.CopyUnknown, mirror.No: control.CopyFresh, mirror.Yes: control.CopyBehind}[k]
}

// alarms tells what holds. What was told before the stored alarms were read stays
// on top of them; an end is told after that, or the stored one would stand.
func (w *mirrorWatch) alarms(s mirror.State) {
	m := w.app.mind
	read := false
	select {
	case <-m.restored:
		read = true
	default:
	}
	tell := func(e *edge, n alarm.Number, object string, on bool) {
		switch {
		case on && *e != stands:
			*e = stands
			m.raise(n, object)
		case !on && *e != ended && read:
			*e = ended
			m.clearAlarm(n, object)
		}
	}
	tell(&w.told.main, alarm.MainDatabaseDown, "main", s.MainDown)
	tell(&w.told.mirror, alarm.MirrorDown, "mirror", s.MirrorDown)
	tell(&w.told.lagging, alarm.MirrorLag, "mirror", s.Lagging && s.Broken == mirror.OK)
	full := s.Space == mirror.MirrorFull
	tell(&w.told.space[0], alarm.DatabaseSpace, "main", s.Space != mirror.OK && !full)
	tell(&w.told.space[1], alarm.DatabaseSpace, "mirror", full)
	w.brokenAlarm(s, read)
}

// brokenAlarm: two databases that both take changes lose some: that is worse than
// none that follows.
func (w *mirrorWatch) brokenAlarm(s mirror.State, read bool) {
	m := w.app.mind
	gravity := alarm.Major
	if s.Broken == mirror.Promoted || s.Broken == mirror.Another || s.Broken == mirror.Swapped {
		gravity = alarm.Critical
	}
	switch on := s.Broken != mirror.OK; {
	case on && (w.told.broken != stands || w.told.gravity != gravity):
		w.told.broken, w.told.gravity = stands, gravity
		m.raiseAs(alarm.MirrorBroken, "mirror", gravity)
	case !on && w.told.broken != ended && read:
		w.told.broken = ended
		m.clearAlarm(alarm.MirrorBroken, "mirror")
	}
}

// raiseAs is raise with a severity of its own.
func (m *mind) raiseAs(n alarm.Number, object string, s alarm.Severity) {
	if m.change(func(t *alarm.Table) bool { return t.RaiseAs(time.Now(), n, object, s) }) {
		m.app.event(text.EventAlarmRaised, alarmParams(n, object))
	}
}

// risk is what a switchover now could not take along, as an event carries it; ""
// where no mirror is watched. It is kept for the screens.
func (w *mirrorWatch) risk(now time.Time) string {
	if !w.app.cfg().Mirror.Watched() {
		return ""
	}
	r := admin.DataAtRisk{At: now.UTC()}
	if shown := w.shown.Load(); shown != nil && !shown.LagAt.IsZero() {
		r.Lag, r.Known = shown.Lag, true
	}
	w.atRisk.Store(&r)
	return riskLine(&r)
}

// unmeasured stands for a lag that nobody knows.
const unmeasured = "unknown"

func riskLine(r *admin.DataAtRisk) string {
	switch {
	case r == nil:
		return ""
	case !r.Known:
		return unmeasured
	}
	return r.Lag.Round(time.Millisecond).String()
}

// recall reads what the newest switchover of an earlier run left at risk.
func (w *mirrorWatch) recall(e db.Event) {
	line := e.Params["risk"]
	if line == "" {
		return
	}
	r := &admin.DataAtRisk{At: e.Time.UTC()}
	if d, err := time.ParseDuration(line); err == nil {
		r.Lag, r.Known = d, true
	}
	w.atRisk.CompareAndSwap(nil, r)
}
