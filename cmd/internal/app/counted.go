package app

import (
	"cmp"
	"net/netip"
	"time"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/proxy/transport"
	"releve/router"
)

// How counters become alarms; our choices. One refused datagram is a scan, and a
// wrong source repeats its requests: three in a minute are told, or one
// connection. Ten callers sent away within a minute are more than a busy morning
// has. A limit that was met once has lost something, and is told at once.
const (
	countWindow   = time.Minute
	countQuiet    = 5 * time.Minute // without a new reason: the alarm ends
	faultQuiet    = 24 * time.Hour  // a panic of the night is for those of the day
	manyRefused   = 10
	unknownSource = 3
)

// damper turns a counter that only grows into a condition: it begins when the
// counter rises by enough within a window, and ends when that has not happened
// for countQuiet. Windows follow each other, they do not slide: what straddles
// two of them may need up to twice as much. The zero damper is of a counter
// that began at 0.
type damper struct {
	base  uint64    // at the start of the window
	start time.Time // of the window; zero: no window yet
	hit   time.Time // when the counter last rose by enough
	on    bool
	quiet time.Duration // what ends it, without a new reason; 0: countQuiet
}

// see shows the counter at now; changed: the condition began or ended.
func (d *damper) see(now time.Time, count, enough uint64) (changed bool) {
	was := d.on
	if d.start.IsZero() {
		d.start = now
	}
	switch {
	case count < d.base: // a socket was closed, and its count went with it
		d.base = count
	case count-d.base >= enough:
		d.on, d.hit = true, now
		d.start, d.base = now, count
	case now.Sub(d.start) >= countWindow:
		d.start, d.base = now, count
	}
	if d.on && now.Sub(d.hit) >= cmp.Or(d.quiet, countQuiet) {
		d.on = false
	}
	return d.on != was
}

// counted is what follows the counters. Owned by the mind's loop.
type counted struct {
	limits  []limit
	floods  []damper // by proxy.Floods
	shed    damper   // new calls beyond limits.calls_per_second
	rush    rush
	refused damper
	strange damper
	faults  damper // panics that were caught; the alarm is raised by the one
	source  string // object of the alarm about an unknown source

	handshakes map[string]*damper // TLS, refused, by far end
	logins     damper             // at the alarm screen, refused
}

// newCounted lists what is followed; called once the rooms exist.
func (a *App) newCounted() counted {
	return counted{
		faults: damper{quiet: faultQuiet}, floods: make([]damper, len(a.proxy.Floods())),
		limits: append(a.limitsOfCalls(), append(a.limitsOfNode(), a.wireLimits()...)...),
	}
}

// count raises and clears the alarms that follow counters; once a second.
func (m *mind) count(now time.Time) {
	c := &m.counted
	for i := range c.limits {
		l := &c.limits[i]
		l.observe()
		n := l.count()
		if l.quiet || !l.see(now, n, 1) {
			continue
		}
		if l.on {
			m.app.event(text.EventLimit, map[string]string{"limit": l.name, "count": number(n - min(l.told, n))})
		}
		l.told = n
		m.set(alarm.LimitReached, l.name, l.on)
	}
	if c.faults.see(now, m.app.proxy.Stats.Panics.Load(), 1) {
		m.set(alarm.InternalFault, node, c.faults.on)
	}
	m.compareLines()
	m.countFloods(now)
	m.countShed(now)
	m.countHandshakes(now)
	m.countLogins(now)
	if c.refused.see(now, m.callers.turnedAway.Load(), manyRefused) {
		m.set(alarm.ManyRefused, node, c.refused.on)
	}
	if c.strange.see(now, strangeness(m.app.wire.Counters()), unknownSource) {
		m.strange(c)
	}
}

// strangeness counts what came from unknown sources. Our choice: one connection
// is enough for the alarm, one datagram is not. A connection is no forged
// address, and an IPBX that calls from an address which ipbx.sources lacks
// comes back by TCP once in a minute only, where by UDP it repeats itself.
func strangeness(c transport.Counters) uint64 {
	return c.Refused + (unknownSource-1)*c.ConnectionsRefused
}

// strange names the source that was refused last; the alarm keeps that name.
func (m *mind) strange(c *counted) {
	if !c.strange.on {
		m.clearAlarm(alarm.UnknownSource, c.source)
		return
	}
	c.source = node
	if a := m.callers.stranger.Load(); a != nil {
		c.source = a.String()
	}
	m.app.log.Warn("messages from an unknown source are not served", "source", c.source)
	m.raise(alarm.UnknownSource, c.source)
}

func (m *mind) set(n alarm.Number, object string, on bool) (changed bool) {
	if on {
		return m.raise(n, object)
	}
	return m.clearAlarm(n, object)
}

// known is proxy.Known, and remembers who was not.
func (a *App) known(from netip.Addr) bool {
	if a.proxy.Known(from) {
		return true
	}
	if last := a.mind.callers.stranger.Load(); last == nil || *last != from {
		stranger := from // a copy: only what is refused costs an allocation
		a.mind.callers.stranger.Store(&stranger)
	}
	return false
}

// compareLines tells when a server has shown another number of lines than the
// file gives it: busy with fewer, or serving more.
func (m *mind) compareLines() {
	for _, s := range m.app.cfg().Servers {
		most, full := m.app.proxy.Dialogs.Learnt(s.Role)
		m.set(alarm.LinesDiffer, s.Role.String(), full != 0 && full < s.Lines || most > s.Lines)
	}
}

// turnedAway: a caller from the IPBX whom nobody served. At the overflow entry a
// dissuasion sends the call back to the primary, as it shall.
func turnedAway(r *router.CallRecord) bool {
	if r.Outgoing {
		return false
	}
	switch r.Outcome {
	case router.Dissuaded.String():
		return r.Entry != router.OverflowEntry.String()
	case router.RefusedByPeer.String(), router.Failed.String(), router.Lost.String():
		return true
	}
	return false
}

// concluded reads the record of a call for the alarms. Called under a shard's
// lock: what takes longer is done later.
func (m *mind) concluded(r *router.CallRecord) {
	if turnedAway(r) {
		m.callers.turnedAway.Add(1)
	}
	refused := r.Reason == router.ReasonMisprovisioned
	served := r.Outcome == router.Answered.String() && m.callers.misprovisioned.Load()
	if r.Outgoing || !refused && !served {
		return
	}
	object := r.Server + " / " + r.To // the numbers are those of service_numbers: bounded
	m.later(func() {
		if refused {
			m.callers.misprovisioned.Store(true)
		}
		m.set(alarm.Misprovisioned, object, refused)
	})
}
