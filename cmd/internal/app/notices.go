package app

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/health/notify"
	"releve/router"
)

// How an alarm is told:
//
//	change of the table ─► herald (pure, under mu): what is to be told
//	                          └─► pending ─► tellNotices: rendered ─► Dispatcher ─► receivers
//	                                             └─► storeNotices: queues on disk, then what the herald knows
//
// The herald's memory is written after the queues that follow from it: a crash in
// between tells a second time with the same ID, and never not at all.

const (
	noticesDir  = "notices"
	memoryFile  = "told.json"
	maxMemory   = 1 << 20
	maxPending  = 2 * alarm.DefaultLimit
	noticePause = 50 * time.Millisecond // until the picture shows what the alarm follows from
)

// telling is the herald and what waits to be rendered; guarded by mind.mu.
type telling struct {
	herald  *alarm.Herald
	pending []alarm.Telling
	dropped uint64
	read    bool // the table holds the stored alarms
	wake    chan struct{}
	due     *owed         // to be stored; nil: nothing new
	store   chan struct{} // has one place: due was set
}

// owed is what the herald knew when the receivers had been told.
type owed struct {
	memory  alarm.Memory
	version uint64
}

// openNotices reads what an earlier run left.
func (a *App) openNotices() {
	dir := filepath.Join(a.cfg().Store.Path, noticesDir)
	d, err := notify.Open(notify.Options{Dir: dir, Log: a.log, Failing: a.receiverFailing, Dropping: a.receiverDropping})
	if err != nil {
		a.log.Error("notices of an earlier run", "error", err)
	}
	a.notices = d
	a.stops = append(a.stops, d.Close)
}

// heraldOf is a herald that knows what was told already.
func heraldOf(a *App) *alarm.Herald {
	var m alarm.Memory
	path := filepath.Join(a.cfg().Store.Path, noticesDir, memoryFile)
	raw, err := os.ReadFile(path)
	switch {
	case err != nil:
	case len(raw) > maxMemory:
		err = errors.New("it is larger than any that Relève writes")
	default:
		err = json.Unmarshal(raw, &m)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Error("what was told of alarms cannot be read: what stands is told again", "file", path, "error", err)
		_ = os.Rename(path, path+".damaged")
		m = alarm.Memory{}
	}
	return alarm.NewHerald(m)
}

func (a *App) receiverFailing(name string, on bool, _ error) {
	a.mind.set(alarm.SinkDown, name, on)
}

func (a *App) receiverDropping(name string, on bool) {
	a.mind.set(alarm.NoticesDropped, name, on)
}

// announce lets the herald look at the table; called under mu after each change.
func (m *mind) announce(now time.Time) {
	t := &m.telling
	c := m.app.cfg().Alarms
	t.pending = append(t.pending, t.herald.Step(now, m.alarms, alarm.Rules{Remind: c.Remind, Delay: c.Delay}, t.read)...)
	if over := len(t.pending) - maxPending; over > 0 {
		t.pending = t.pending[over:]
		t.dropped += uint64(over)
	}
	if len(t.pending) > 0 {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// tellNotices renders what is to be told and gives it to the receivers, once more
// at the end. It touches no disk: one that hangs keeps nobody from being told.
func (m *mind) tellNotices() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	soon := false // the pause runs: a stream of alarms does not prolong it
	for {
		select {
		case <-m.life.Done():
			m.flushNotices()
			return
		case <-m.telling.wake:
			if !soon {
				pause.Reset(noticePause)
			}
			soon = true
			continue
		case <-pause.C:
			soon = false
		case now := <-tick.C:
			m.forgotten(now)
		}
		m.flushNotices()
	}
}

// Objects of the alarm about an intervention that nobody has ended.
const (
	forgottenSilence = "silence"
	forgottenFreeze  = "maintenance"
)

// forgotten looks, once a second, for a silence or a freeze of the roles that was
// left open; and lets the herald look at the clock.
func (m *mind) forgotten(now time.Time) {
	m.mu.Lock()
	m.announce(now)
	silent := m.telling.herald.SilentSince(now)
	frozen := m.telling.herald.FrozenSince(now, m.viewedOnce, m.view.Phase == router.Maintenance)
	m.mu.Unlock()
	long := func(since time.Time) bool { return !since.IsZero() && now.Sub(since) > alarm.LongSilence }
	m.set(alarm.SilenceLong, forgottenSilence, long(silent))
	m.set(alarm.SilenceLong, forgottenFreeze, long(frozen))
}

// flushNotices tells what is pending, and leaves what follows from it to be stored.
func (m *mind) flushNotices() {
	m.mu.Lock()
	pending, next := m.telling.pending, &owed{m.telling.herald.Memory(), m.telling.herald.Version()}
	m.telling.pending = nil
	s := m.status
	m.mu.Unlock()
	notices := make([]notify.Notice, 0, len(pending))
	for _, t := range pending {
		notices = append(notices, m.app.notice(t, s))
	}
	m.app.notices.Tell(notices...)
	m.mu.Lock()
	m.telling.due = next
	m.mu.Unlock()
	select {
	case m.telling.store <- struct{}{}:
	default:
	}
}

// storeNotices keeps the queues and what the herald knows on disk, once more when
// told that it is the end.
func (m *mind) storeNotices(end <-chan struct{}) {
	retry := time.NewTicker(m.app.options.retry)
	defer retry.Stop()
	var stored uint64
	for {
		select {
		case <-end:
			m.storeNotice(stored)
			return
		case <-m.telling.store:
		case <-retry.C:
		}
		stored = m.storeNotice(stored)
	}
}

// storeNotice stores what is due unless version stored of it is on disk, and
// returns the version that is then.
func (m *mind) storeNotice(stored uint64) uint64 {
	m.mu.Lock()
	due := m.telling.due
	m.mu.Unlock()
	if due == nil || due.version == stored {
		return stored
	}
	if m.app.notices.Save() != nil { // logged there
		return stored
	}
	raw, err := json.Marshal(due.memory)
	if err == nil {
		err = notify.Replace(filepath.Join(m.app.cfg().Store.Path, noticesDir, memoryFile), raw)
	}
	if err != nil {
		m.app.log.Error("keep what was told of alarms", "error", err)
		return stored
	}
	return due.version
}

// notice renders what is to be told, in the site's language.
func (a *App) notice(t alarm.Telling, s snapshot) notify.Notice {
	c := a.cfg()
	say := text.For(text.Lang(c.Language))
	title := say.AlarmTitle(t.Alarm.Number, t.Alarm.Object)
	n := a.blank(s)
	n.ID, n.Incident, n.Kind, n.Time = t.ID, t.Incident, notify.Kind(t.Kind), t.At
	n.Number, n.Object, n.Severity = t.Alarm.Number, t.Alarm.Object, t.Alarm.Severity
	n.Urgent = alarm.Urgent(alarm.Number(t.Alarm.Number), t.First) || alarm.Urgent(alarm.Number(t.Alarm.Number), alarm.Severity(t.Alarm.Severity))
	n.Title, n.Todo = title, say.AlarmTodo(t.Alarm.Number)
	n.Word = say.NoticeWord(string(t.Kind), t.Alarm.Severity)
	n.Thread = say.NoticeThread(c.Site, t.Alarm.Number, string(t.First), title)
	n.Detail = t.Alarm.Detail
	if n.Number == uint16(alarm.SinkDown) && n.Kind != notify.Cleared {
		n.Detail = a.sinkCause(n.Object) // the others hear why
	}
	if t.Kind == alarm.KindAcknowledged {
		n.By, n.Note = t.Alarm.AckBy, t.Alarm.AckNote
	}
	n.Text = a.written(n, t.Alarm.Raised)
	return n
}

// blank is what all notices have.
func (a *App) blank(s snapshot) notify.Notice {
	c := a.cfg()
	host, err := os.Hostname()
	if err != nil {
		host = "releve"
	}
	say := text.For(text.Lang(c.Language))
	return notify.Notice{
		Site: c.Site, Node: host, Language: string(say.Lang()), Headline: say.Headline(a.headline(s)), Contacts: a.contacts(say),
	}
}

func (a *App) written(n notify.Notice, raised time.Time) string {
	say := text.For(text.Lang(n.Language))
	return say.NoticeText(text.Written{
		Kind: string(n.Kind), Word: n.Word, Title: n.Title, Headline: n.Headline, Todo: n.Todo, Detail: n.Detail,
		Number: n.Number, Raised: raised.Local(), At: n.Time.Local(), By: n.By, Note: n.Note, Object: n.Object,
		Severity: n.Severity, Site: n.Site, Node: n.Node, Contacts: n.Contacts,
	})
}

// contacts are whom to call, in words.
func (a *App) contacts(say text.Messages) []string {
	c := a.cfg().Contacts
	var out []string
	for _, x := range [...]struct{ label, who string }{{"on-call", c.OnCall}, {"integrator", c.Integrator}, {"tlmcom", c.TLMCom}} {
		if x.who != "" {
			out = append(out, say.Label(x.label)+" "+x.who)
		}
	}
	return out
}
