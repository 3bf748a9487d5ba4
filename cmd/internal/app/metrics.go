package app

import (
	"net/http"
	"runtime"

	"releve/health/metric"
	"releve/proxy"
	"releve/router"
)

// metrics declares the node's series over the counters that its rooms keep.
func (a *App) metrics() http.Handler {
	set := metric.NewSet()
	st := &a.proxy.Stats
	for o := router.Answered; o <= router.Lost; o++ {
		set.GaugeFunc("releve_calls_total", "calls by outcome since the start", func() float64 { return float64(st.Outcomes[o].Load()) },
			metric.Label{Name: "outcome", Value: o.String()})
	}
	gauges := []struct {
		name, help string
		value      func() uint64
	}{
		{"releve_calls_offered_total", "initial INVITEs", st.Offered.Load},
		{"releve_calls_held_total", "calls that overflowed", st.Held.Load},
		{"releve_messages_malformed_total", "messages refused or dropped as malformed", st.Malformed.Load},
		{"releve_messages_stray_total", "responses and ACKs without a context", st.Stray.Load},
		{"releve_messages_unsent_total", "messages that the sockets did not take", st.Unsent.Load},
		{"releve_requests_shed_total", "messages and requests refused or dropped by any limit of the call path", st.Shed},
		{"releve_strangers_total", "messages of unknown sources that were looked at", st.Strangers.Load},
		{"releve_faults_total", "panics that ended one call", st.Panics.Load},
		{"releve_late_answers_dismissed_total", "late 2xx that were ACKed and BYEd", st.Dismissed.Load},
		{"releve_calls_asked_total", "answers to questions after calls in progress", st.Asked.Load},
		{"releve_jobs_refused_total", "acts outside the call path that found no room", a.mind.refused.Load},
		{"releve_requests_own_shed_total", "requests of our own that a limit of ours refused", a.agent.Shed},
		{"releve_requests_own_pending", "requests of our own in progress", func() uint64 { return uint64(a.agent.Pending()) }},
		{"releve_loops_missed_total", "dissuasions that the loop guard had no room for", func() uint64 { return a.proxy.Dialogs.Refused().Loops }},
		{"releve_late_provisionals_dropped_total", "18x of branches that were given up", st.LateDrops.Load},
		{"releve_records_written_total", "records and events made durable", func() uint64 { return a.records.stats().Written }},
		{"releve_records_lost_total", "records and events lost", func() uint64 { return a.records.stats().Lost }},
		{"releve_records_backlog_bytes", "records durable and not yet in the store", func() uint64 { return uint64(a.records.stats().Backlog) }},
	}
	for b := range proxy.Bounds {
		set.GaugeFunc("releve_refused_total", "what a limit of the call path refused or dropped",
			func() float64 { return float64(st.Refused[b].Load()) }, metric.Label{Name: "limit", Value: b.String()})
	}
	for _, g := range gauges {
		set.GaugeFunc(g.name, g.help, func() float64 { return float64(g.value()) })
	}
	set.GaugeFunc("releve_transactions", "requests in progress, with the tails of those that ended", func() float64 { return float64(a.proxy.Transactions()) })
	set.GaugeFunc("releve_goroutines", "goroutines of this process", func() float64 { return float64(runtime.NumGoroutine()) })
	set.GaugeFunc("releve_calls_active", "calls in progress", func() float64 { return float64(a.proxy.Dialogs.Len()) })
	for s := router.Primary; s <= router.Secondary; s++ {
		label := metric.Label{Name: "server", Value: s.String()}
		set.GaugeFunc("releve_lines_reserved", "lines reserved", func() float64 { n, _, _ := a.proxy.Dialogs.Lines(s); return float64(n) }, label)
		set.GaugeFunc("releve_calls_forgotten_total", "calls that one of their ends had lost", func() float64 { return float64(st.Forgotten[s].Load()) }, label)
		set.GaugeFunc("releve_lines_doubted", "of the lines reserved, those of calls that were not answered in time", func() float64 { return float64(a.proxy.Dialogs.Doubted(s)) }, label)
		set.GaugeFunc("releve_calls_waiting", "dissuaded calls that wait for a line", func() float64 { return float64(a.proxy.Dialogs.Waiting(s)) }, label)
		set.GaugeFunc("releve_server_active", "1 for the server that serves", func() float64 {
			if a.proxy.View().Active == s {
				return 1
			}
			return 0
		}, label)
	}
	set.GaugeFunc("releve_epoch", "counts role changes", func() float64 { return float64(a.proxy.View().Epoch) })
	footprint(set)
	a.wireMetrics(set)
	a.checkMetrics(set)
	a.mirrorMetrics(set)
	a.markMetrics(set)
	a.testMetrics(set)
	a.promptMetrics(set)
	a.screenMetrics(set)
	a.mind.counted.declare(set)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = set.WriteTo(w) // the reader went away: nothing to do
		a.noticeMetrics(w)
	})
}
