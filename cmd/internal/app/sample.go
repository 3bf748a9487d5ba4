package app

import (
	"context"
	"strconv"
	"strings"
	"time"

	"releve/cmd/internal/text"
	"releve/db/spool"
	"releve/health/alarm"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// sample is what of the proxy's counters the mind has seen.
type sample struct {
	evidence [router.Servers][8]uint64
	served   [router.Servers]int64
	ipbx     [8]int64
	lines    [router.Servers]router.Occupancy
}

// maxShown bounds the calls of one class shown at once: a class of thousands
// says no more than one of hundreds.
const maxShown = 256

// sample shows the mind what the call path counted since.
func (m *mind) sample() {
	st := &m.app.proxy.Stats
	for s := router.Primary; s <= router.Secondary; s++ {
		for e := router.OK; e <= router.ConfigFault; e++ {
			n := st.Evidence[s][e].Load()
			fresh := min(n-m.sampled.evidence[s][e], maxShown)
			m.sampled.evidence[s][e] = n
			for range fresh {
				m.state.Step(m.clock(), control.Event{Kind: control.Evidence, Server: s, Evidence: e}, nil)
			}
		}
		if at := st.ServedAt[s].Load(); at != m.sampled.served[s] {
			m.sampled.served[s] = at
			m.step(control.Event{Kind: control.Answered, Server: s})
		}
		if o := m.app.proxy.Dialogs.Occupancy(s, 0); o != m.sampled.lines[s] {
			m.sampled.lines[s] = o
			m.step(control.Event{Kind: control.Lines, Server: s, Occupancy: o})
		}
	}
	for i := range m.app.cfg.IPBX {
		if at := st.IPBXAt[i].Load(); at != m.sampled.ipbx[i] {
			m.sampled.ipbx[i] = at
			m.step(control.Event{Kind: control.Sight, IPBX: uint8(i)})
		}
	}
}

// lateLimit is how late our own timers may be before we doubt ourselves. Our
// choice: an order of magnitude above a busy Go scheduler.
const lateLimit = 500 * time.Millisecond

// late watches our own timers: a tick that comes late says that this machine,
// not the servers, was away.
func (m *mind) late(by time.Duration) {
	if by > lateLimit {
		m.sickUntil = time.Now().Add(5 * time.Second)
	}
	if sick := time.Now().Before(m.sickUntil); sick != m.sick {
		m.sick = sick
		m.step(control.Event{Kind: control.Self, On: sick})
	}
}

// snapshot is the mind as other goroutines see it.
type snapshot struct {
	view     router.View
	row      control.Row
	licence  licence.Status
	verdicts [router.Servers]router.Verdict
	good     [router.Servers]uint8
	ready    bool
}

// picture refreshes what the screens show.
func (m *mind) picture() {
	now := m.clock()
	s := snapshot{view: m.state.View(), row: m.state.Row(), licence: m.state.Licence(now), ready: m.state.Ready()}
	for x := router.Primary; x <= router.Secondary; x++ {
		s.verdicts[x], _ = m.state.Judged(now, x)
		s.good[x] = m.state.Good(now, x)
	}
	m.mu.Lock()
	m.status = s
	m.mu.Unlock()
}

// keepAlarms stores the alarm table when it changed.
func (m *mind) keepAlarms(ctx context.Context) {
	var stored uint64
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m.mu.Lock()
		ended := m.alarms.Tick(time.Now())
		version, all := m.alarms.Version(), m.alarms.All()
		m.mu.Unlock()
		for _, a := range ended {
			m.app.event(text.EventAlarmCleared, map[string]string{"number": strconv.Itoa(int(a.Number)), "object": a.Object})
		}
		if version == stored {
			continue
		}
		if err := m.app.store.saveAlarms(ctx, all); err != nil {
			m.app.log.Error("save alarms", "error", err)
			continue
		}
		stored = version
	}
}

// spoolFault turns the spool's troubles into alarms and lines of the journal.
func (a *App) spoolFault(c spool.Condition, on bool, err error) {
	if a.mind == nil {
		return
	}
	a.log.Error("records", "condition", c.String(), "on", on, "error", err)
	if on {
		a.mind.raise(alarm.StoreDown, "relève")
		return
	}
	a.mind.clearAlarm(alarm.StoreDown, "relève")
}

// matches reports whether a call in progress answers to filter.
func matches(r *router.CallRecord, filter string) bool {
	return filter == "" || strings.HasPrefix(r.CallID, filter) || strings.Contains(r.From, filter) || strings.Contains(r.To, filter)
}
