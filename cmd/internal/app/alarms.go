package app

import (
	"context"
	"net/http"
	"slices"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
)

// Alarms returns the alarm table.
func (a *App) Alarms(context.Context) []db.Alarm {
	a.mind.mu.Lock()
	defer a.mind.mu.Unlock()
	return a.detailed(a.mind.alarms.Active(), a.mind.status.licence)
}

// Acknowledge notes who takes an active alarm.
func (a *App) Acknowledge(_ context.Context, k admin.Acknowledgement) error {
	n := alarm.Number(k.Number)
	var err error
	a.mind.change(func(t *alarm.Table) bool {
		err = t.Acknowledge(time.Now(), n, k.Object, k.Actor, k.Comment)
		return err == nil
	})
	if err != nil {
		return &admin.Fault{Status: http.StatusNotFound, Code: text.FaultNotActive}
	}
	p := alarmParams(n, k.Object)
	p["note"] = k.Comment
	a.eventBy(k.Actor, text.EventAlarmAcknowledged, p)
	return nil
}

// AlarmHistory is the whole table: what stands, then what ended.
func (a *App) AlarmHistory(context.Context) []db.Alarm {
	a.mind.mu.Lock()
	defer a.mind.mu.Unlock()
	return a.mind.alarms.All()
}

// standing are the active alarms of these numbers.
func (a *App) standing(numbers ...alarm.Number) []db.Alarm {
	a.mind.mu.Lock()
	defer a.mind.mu.Unlock()
	return slices.DeleteFunc(a.mind.alarms.Active(), func(x db.Alarm) bool {
		return !slices.Contains(numbers, alarm.Number(x.Number))
	})
}
