package app

import (
	"time"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/proxy"
)

// rush is the overload that runs, for the journal.
type rush struct {
	began time.Time
	count uint64 // calls shed when it began
}

// countShed raises and clears the alarm that new calls are shed. It ends when
// none was for countQuiet.
func (m *mind) countShed(now time.Time) {
	c := &m.counted
	n := m.app.proxy.Stats.Refused[proxy.BoundCalls].Load()
	before := c.shed.base
	if !c.shed.see(now, n, 1) {
		return
	}
	m.set(alarm.Overloaded, node, c.shed.on)
	if c.shed.on {
		c.rush = rush{now, min(before, n)}
		m.app.event(text.EventOverloadBegun, map[string]string{"rate": number(uint64(m.app.cfg().Limits.CallsPerSecond))})
		return
	}
	took := c.shed.hit.Sub(c.rush.began) + time.Second // counted once a second
	m.app.event(text.EventOverloadEnded, map[string]string{"count": number(n - c.rush.count), "duration": took.Round(time.Second).String()})
}

// countFloods does so for each peer that sends more than its rate.
func (m *mind) countFloods(now time.Time) {
	c := &m.counted
	for i, f := range m.app.proxy.Floods() {
		d := &c.floods[i]
		if !d.see(now, f.Dropped, 1) {
			continue
		}
		m.set(alarm.SourceFlood, f.Name, d.on)
		if d.on {
			m.app.event(text.EventSourceFlood, map[string]string{"source": f.Name, "rate": number(uint64(m.app.cfg().Limits.SourceRate))})
			continue
		}
		m.app.event(text.EventSourceCalm, map[string]string{"source": f.Name, "count": number(f.Dropped)})
	}
}
