package app

import (
	"net/http"

	"releve/health/metric"
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
		{"releve_requests_shed_total", "requests refused by a limit", st.Shed.Load},
		{"releve_faults_total", "panics that ended one call", st.Panics.Load},
		{"releve_late_answers_dismissed_total", "late 2xx that were ACKed and BYEd", st.Dismissed.Load},
		{"releve_events_refused_total", "events the control loop had no room for", a.mind.refused.Load},
	}
	for _, g := range gauges {
		set.GaugeFunc(g.name, g.help, func() float64 { return float64(g.value()) })
	}
	set.GaugeFunc("releve_calls_active", "calls in progress", func() float64 { return float64(a.proxy.Dialogs.Len()) })
	for s := router.Primary; s <= router.Secondary; s++ {
		label := metric.Label{Name: "server", Value: s.String()}
		set.GaugeFunc("releve_lines_reserved", "lines reserved", func() float64 { n, _, _ := a.proxy.Dialogs.Lines(s); return float64(n) }, label)
		set.GaugeFunc("releve_server_active", "1 for the server that serves", func() float64 {
			if a.proxy.View().Active == s {
				return 1
			}
			return 0
		}, label)
	}
	set.GaugeFunc("releve_epoch", "counts role changes", func() float64 { return float64(a.proxy.View().Epoch) })
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = set.WriteTo(w) // the reader went away: nothing to do
	})
}
