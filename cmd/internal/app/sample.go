package app

import (
	"strings"
	"time"

	"releve/health"
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
	mirror   control.Copy
}

// maxShown bounds the calls of one class shown at once: a class of thousands
// says no more than one of hundreds.
const maxShown = 256

// sample shows the mind what the call path counted since. Before the store was
// read there is no mind to show it to; nothing is taken for seen then.
func (m *mind) sample() {
	if !m.booted {
		return
	}
	st := &m.app.proxy.Stats
	for s := router.Primary; s <= router.Secondary; s++ {
		for e := router.OK; e <= router.ConfigFault; e++ {
			n := st.Evidence[s][e].Load()
			fresh := min(n-m.seen.evidence[s][e], maxShown)
			m.seen.evidence[s][e] = n
			for range fresh {
				m.step(control.Event{Kind: control.Evidence, Server: s, Evidence: e})
			}
		}
		if at := st.ServedAt[s].Load(); at != m.seen.served[s] {
			m.seen.served[s] = at
			m.step(control.Event{Kind: control.Answered, Server: s, At: router.Instant(at)})
		}
		if o := m.app.proxy.Dialogs.Occupancy(s, 0); o != m.seen.lines[s] {
			m.seen.lines[s] = o
			m.step(control.Event{Kind: control.Lines, Server: s, Occupancy: o})
			if o == router.Full {
				m.suspect(s, time.Now())
			}
		}
	}
	if c := control.Copy(m.app.mirror.copied.Load()); c != m.seen.mirror {
		m.seen.mirror = c
		m.step(control.Event{Kind: control.Mirror, Copy: c})
	}
	for i := range m.app.cfg().IPBX {
		if at := st.IPBXAt[i].Load(); at != m.seen.ipbx[i] {
			m.seen.ipbx[i] = at
			m.step(control.Event{Kind: control.Sight, IPBX: uint8(i)})
		}
	}
}

// look is done every second.
func (m *mind) look() {
	m.sample()
	if m.booted {
		m.lookForRestarts(time.Now())
	}
	m.do(func() { m.observe(time.Now()) })
}

// observe raises and clears what no decision depends on; a panic in it ends one
// look.
func (m *mind) observe(now time.Time) {
	if !m.booted { // the stored alarms are not read: what is told now would be forgotten
		return
	}
	m.count(now)
	m.lookForRegisters(now)
	m.awaitRegister(now)
	m.watchNet(now)
	m.watchMarks(now)
}

// snapshot is the mind as other goroutines see it.
type snapshot struct {
	at       time.Time
	view     router.View
	row      control.Row
	licence  licence.Status
	verdicts [router.Servers]router.Verdict
	good     [router.Servers]uint8
	host     [router.Servers]health.Presence
	ready    bool
	returnAt time.Time // from when on a return needs no force for its time; zero: now
}

// picture refreshes what the screens show.
func (m *mind) picture() {
	now := m.clock.now()
	s := snapshot{at: time.Now(), view: m.app.proxy.View(), row: m.state.Row(), licence: m.state.Licence(now), ready: m.state.Ready()}
	if left := m.state.ReturnAt().Sub(now.Mono); left > 0 && s.view.Active == router.Secondary {
		s.returnAt = time.Now().Add(left).UTC()
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		s.verdicts[x], _ = m.state.Judged(now, x)
		s.good[x] = m.state.Good(now, x)
		s.host[x] = m.state.Host(now, x)
	}
	m.mu.Lock()
	old := m.status
	m.status = s
	m.mu.Unlock()
	if m.booted {
		m.readied(old, s)
		m.watch(s)
	}
}

// matches reports whether a call in progress answers to filter.
func matches(r *router.CallRecord, filter string) bool {
	return filter == "" || strings.HasPrefix(r.CallID, filter) || strings.Contains(r.From, filter) || strings.Contains(r.To, filter)
}
