package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/health/notify"
)

// Receivers is the state of each receiver of alarms.
func (a *App) Receivers(context.Context) []admin.Receiver {
	var out []admin.Receiver
	for _, s := range a.notices.States() {
		out = append(out, admin.Receiver{
			Name: s.Name, Waiting: s.Waiting, Sent: s.Sent, Failed: s.Failed, Dropped: s.Dropped, Down: s.Down, Cause: s.Cause,
		})
	}
	return out
}

// sinkCause is why a receiver takes nothing, in the site's language; "": it does.
func (a *App) sinkCause(name string) string {
	for _, s := range a.notices.States() {
		if s.Name == name && s.Cause != "" {
			return text.For(text.Lang(a.cfg().Language)).ReceiverCause(s.Cause)
		}
	}
	return ""
}

// testLimit bounds a test: one Send that is under way, and its own. Our choice.
const testLimit = 25 * time.Second

// TestReceivers sends a test notice, to all of them at once.
func (a *App) TestReceivers(ctx context.Context, name string) ([]admin.ReceiverTest, error) {
	var names []string
	for _, n := range a.notices.Names() {
		if kind, _, _ := strings.Cut(n, " "); name == "all" || name == n || name == kind {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return nil, &admin.Fault{Status: http.StatusNotFound, Code: text.FaultNoReceiver, Detail: name}
	}
	ctx, cancel := context.WithTimeout(ctx, testLimit)
	defer cancel()
	out := make([]admin.ReceiverTest, len(names))
	var wait sync.WaitGroup
	for i, n := range names {
		wait.Go(func() { out[i] = a.testReceiver(ctx, n) })
	}
	wait.Wait()
	return out, nil
}

func (a *App) testReceiver(ctx context.Context, name string) admin.ReceiverTest {
	began := time.Now()
	answer, err := a.notices.Test(ctx, name, a.testNotice(name))
	r := admin.ReceiverTest{Name: name, OK: err == nil, Answer: answer, Took: float64(time.Since(began).Microseconds()) / 1000}
	if err != nil {
		r.Cause = err.Error()
	}
	return r
}

func (a *App) testNotice(name string) notify.Notice {
	a.mind.mu.Lock()
	s := a.mind.status
	a.mind.mu.Unlock()
	n := a.blank(s)
	say := text.For(text.Lang(n.Language))
	n.Kind, n.Time, n.Severity = notify.Test, time.Now().UTC(), string(alarm.Indeterminate)
	n.Incident = "test-" + strconv.FormatInt(n.Time.UnixNano(), 36)
	n.ID, n.Object = n.Incident+".test", name
	n.Title, n.Todo, n.Word, n.Thread = say.TestTitle(), say.TestTodo(), say.NoticeWord("test", ""), say.TestThread(n.Site)
	n.Text = a.written(n, n.Time)
	return n
}

// Silences are those that are open or planned.
func (a *App) Silences(context.Context) []admin.Silence {
	now := time.Now()
	a.mind.mu.Lock()
	defer a.mind.mu.Unlock()
	return silences(now, a.mind.telling.herald.Windows(now))
}

func silences(now time.Time, windows []alarm.Window) (out []admin.Silence) {
	for _, w := range windows {
		out = append(out, admin.Silence{ID: w.ID, Start: w.Start, End: w.End, Reason: w.Reason, By: w.By, All: w.All, Open: w.Open(now)})
	}
	return out
}

var silenceFaults = map[error]text.FaultCode{
	alarm.ErrWindowLength: text.FaultSilenceLength, alarm.ErrWindowStart: text.FaultSilenceStart,
	alarm.ErrWindowMany: text.FaultSilenceMany, alarm.ErrWindowReason: text.FaultReason, alarm.ErrNoWindow: text.FaultNoSilence,
}

func silenceFault(err error) error {
	for known, code := range silenceFaults {
		if errors.Is(err, known) {
			status := http.StatusBadRequest
			if code == text.FaultNoSilence {
				status = http.StatusNotFound
			}
			return &admin.Fault{Status: status, Code: code}
		}
	}
	return err
}

// Silence plans a silence.
func (a *App) Silence(_ context.Context, s admin.SilenceAsked) (admin.Silence, error) {
	now := time.Now()
	a.mind.mu.Lock()
	w, err := a.mind.telling.herald.Plan(now, s.Start, s.Length, alarm.Window{Reason: s.Reason, By: s.Actor, All: s.All})
	a.mind.announce(now)
	a.mind.mu.Unlock()
	if err != nil {
		return admin.Silence{}, silenceFault(err)
	}
	a.eventBy(s.Actor, text.EventSilencePlanned, silenceParams(w, s.Reason))
	return silences(now, []alarm.Window{w})[0], nil
}

// EndSilence ends a silence, or all; what stands is told.
func (a *App) EndSilence(_ context.Context, id uint32, actor string) ([]admin.Silence, error) {
	now := time.Now()
	a.mind.mu.Lock()
	gone, err := a.mind.telling.herald.End(now, id)
	a.mind.announce(now)
	a.mind.mu.Unlock()
	if err != nil {
		return nil, silenceFault(err)
	}
	for _, w := range gone {
		a.eventBy(actor, text.EventSilenceEnded, silenceParams(w, w.Reason))
	}
	return silences(now, gone), nil
}

func silenceParams(w alarm.Window, reason string) map[string]string {
	return map[string]string{"id": fmt.Sprint(w.ID), "duration": w.End.Sub(w.Start).String(), "note": reason}
}
