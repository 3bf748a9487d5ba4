package app

import (
	"sync/atomic"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/web"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/health/metric"
	"releve/proxy"
	"releve/proxy/dialog"
	"releve/router"
)

// limit is one bound of ours: how much it holds at most and now, and how often it
// refused. What it refused raises an alarm, unless it is quiet: nothing is lost by
// it that another alarm does not tell.
type limit struct {
	name  string // a word of text.Limit
	count func() uint64
	most  func() int64 // nil: it holds nothing, it is a rate or a size
	used  func() int64 // nil likewise
	quiet bool
	damper
	told uint64        // the count when the journal last named it
	high *atomic.Int64 // the most that used was, once a second
}

// holding gives a limit what it holds.
func (l limit) holding(most int64, used func() int64) limit {
	return l.upTo(func() int64 { return most }, used)
}

// upTo is holding, where a reload may change how much that is.
func (l limit) upTo(most, used func() int64) limit {
	l.most, l.used, l.high = most, used, new(atomic.Int64)
	return l
}

func (l *limit) observe() {
	if l.used == nil {
		return
	}
	if n := l.used(); n > l.high.Load() {
		l.high.Store(n)
	}
}

// declare makes the series of all limits.
func (c *counted) declare(set *metric.Set) {
	for i := range c.limits {
		l := &c.limits[i]
		by := metric.Label{Name: "limit", Value: l.name}
		count, used, most, high := l.count, l.used, l.most, l.high
		set.GaugeFunc("releve_limit_refused_total", "what a limit refused, dropped or forgot since the start", func() float64 { return float64(count()) }, by)
		if used == nil {
			continue
		}
		set.GaugeFunc("releve_limit_used", "what a queue or table holds now", func() float64 { return float64(used()) }, by)
		set.GaugeFunc("releve_limit_capacity", "what a queue or table holds at most", func() float64 { return float64(most()) }, by)
		set.GaugeFunc("releve_limit_high_water", "the most a queue or table held, seen once a second", func() float64 {
			return float64(max(high.Load(), used()))
		}, by)
	}
}

// limitsOfCalls are the bounds of the call path.
func (a *App) limitsOfCalls() []limit {
	st, d := &a.proxy.Stats, a.proxy.Dialogs
	of := func(name string, b ...proxy.Bound) limit {
		return limit{name: name, count: func() (n uint64) {
			for _, b := range b {
				n += st.Refused[b].Load()
			}
			return n
		}}
	}
	table := func(name string, quiet bool, value func(r dialog.Refused) uint64) limit {
		return limit{name: name, quiet: quiet, count: func() uint64 { return value(d.Refused()) }}
	}
	waiting := func() (n int64) {
		for s := router.Primary; s <= router.Secondary; s++ {
			n += int64(d.Waiting(s))
		}
		return n
	}
	places := func() (n int64) {
		for _, s := range a.cfg().Servers {
			n += int64(max(1, s.Lines/4))
		}
		return n
	}
	size := of(text.LimitMessageSize, proxy.BoundMessage)
	return []limit{
		of(text.LimitRequests, proxy.BoundDialogs, proxy.BoundEvents).holding(int64(d.Capacity()), func() int64 { return int64(d.Len()) }),
		of(text.LimitTransactions, proxy.BoundTransactions).upTo(func() int64 { return int64(a.cfg().Limits.Transactions) }, a.proxy.InProgress),
		of(text.LimitHeldCalls, proxy.BoundHeld).upTo(func() int64 { return int64(a.cfg().Limits.HeldCalls) }, a.proxy.Held),
		{name: size.name, count: func() uint64 { return size.count() + a.wire.Counters().Oversized }},
		of(text.LimitURI, proxy.BoundURI), of(text.LimitLine, proxy.BoundLine),
		of(text.LimitHeaders, proxy.BoundHeaders), of(text.LimitVias, proxy.BoundVias),
		table(text.LimitLoopGuard, false, func(r dialog.Refused) uint64 { return r.Loops }),
		table("waiting", true, func(r dialog.Refused) uint64 { return r.Waiting }).upTo(places, waiting), // dissuaded, as counted
		table("ended-calls", true, func(r dialog.Refused) uint64 { return r.Ended }),                     // a BYE that crosses is recorded twice
		{name: "pings", quiet: true, count: st.Refused[proxy.BoundPings].Load},                           // no call is among them
		{name: "turned-away", quiet: true, count: st.Unremembered.Load},                                  // in an overload, which is told
		{name: text.LimitSteps, count: st.Runaway.Load},
		a.registrationsLimit(),
	}
}

// registrationsLimit bounds the servers' REGISTERs that wait (mode gate).
func (a *App) registrationsLimit() limit {
	_, most, _ := a.registrar.Offers()
	return limit{name: text.LimitRegistrations, count: func() uint64 {
		_, _, dropped := a.registrar.Offers()
		return dropped + a.proxy.Stats.Refused[proxy.BoundRegistrations].Load()
	}}.holding(int64(most), func() int64 {
		now, _, _ := a.registrar.Offers()
		return int64(now)
	})
}

// limitsOfNode are the bounds beside the call path.
func (a *App) limitsOfNode() []limit {
	m, r := a.mind, a.names.resolver
	return []limit{
		limit{name: text.LimitNames, count: func() uint64 { return r.Stats().Refused + a.proxy.Stats.NotParked.Load() }}.
			holding(int64(r.Stats().MaxNames), func() int64 { return int64(r.Stats().Names) }),
		{name: "names-forgotten", quiet: true, count: func() uint64 { return r.Stats().Evicted }}, // asked for again when needed
		{name: "sockets-of-names", quiet: true, count: a.names.closed.Load},                       // addresses that a name left long ago
		limit{name: text.LimitOwnRequests, count: a.agent.Shed}.
			holding(int64(a.agent.Capacity()), func() int64 { return int64(a.agent.Pending()) }),
		{name: text.LimitMediaPorts, count: a.tests.ports.Refused},
		a.promptLimit(),
		{name: text.LimitRecords, count: func() uint64 { return a.records.stats().Lost }},
		limit{name: text.LimitJobs, count: m.refused.Load}.holding(maxJobs, func() int64 { return int64(len(m.jobs)) }),
		limit{name: text.LimitPlugins, count: func() uint64 { return m.checks().Shed() }}.holding(int64(second(m.checks().Running())), func() int64 {
			now, _ := m.checks().Running()
			return int64(now)
		}),
		limit{name: text.LimitAlarms, count: func() uint64 {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.alarms.Dropped()
		}}.holding(alarm.DefaultLimit, func() int64 {
			m.mu.Lock()
			defer m.mu.Unlock()
			return int64(m.alarms.Len())
		}),
		limit{name: text.LimitDoor, count: func() uint64 {
			_, _, waited := a.doorConnections()
			return waited
		}}.holding(admin.MaxConnections, func() int64 {
			open, _, _ := a.doorConnections()
			return int64(open)
		}),
		limit{name: text.LimitScreens, count: func() uint64 { return a.screenStats().TurnedAway }}.
			holding(web.MaxConnections, func() int64 { return int64(a.screenStats().Connections) }),
	}
}

// doorConnections are those of the admin door; none before it opens.
func (a *App) doorConnections() (open, most int, waited uint64) {
	if d := a.door.Load(); d != nil {
		return d.Connections()
	}
	return 0, admin.MaxConnections, 0
}

func second(_, n int) int { return n }
