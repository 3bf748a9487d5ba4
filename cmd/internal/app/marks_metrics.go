package app

import (
	"time"

	"releve/health/metric"
	"releve/router"
)

// markMetrics are the series of what operators noted.
func (a *App) markMetrics(set *metric.Set) {
	truth := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	for s := router.Primary; s <= router.Secondary; s++ {
		set.GaugeFunc("releve_server_drained", "1 while an operator wants no new calls on the server",
			func() float64 { return truth(a.proxy.View().Drained[s]) }, metric.Label{Name: "server", Value: s.String()})
	}
	set.GaugeFunc("releve_exercise_running", "1 during a drill", func() float64 { return truth(a.exercise.running() != nil) })
	set.GaugeFunc("releve_exercise_last_timestamp_seconds", "when the last drill went well; 0: none did", func() float64 {
		if m := a.marks.get().Drill; m != nil {
			return float64(m.At.Unix())
		}
		return 0
	})
	set.GaugeFunc("releve_secondary_data_age_seconds", "level backup: age of the copy at the secondary; -1: not known, or no such copy", func() float64 {
		if d := a.secondaryData(); d != nil && !d.CopiedAt.IsZero() {
			return max(time.Since(d.CopiedAt).Seconds(), 0)
		}
		return -1
	})
}
