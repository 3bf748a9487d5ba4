package app

import (
	"context"
	"errors"
	"strconv"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/web"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/health/metric"
)

// retryScreen is how often an address that is taken is tried again, our choice.
const retryScreen = 5 * time.Second

// serveScreen opens the alarm screen. An address that is taken or a certificate
// that cannot be read holds up no call: it is said, and tried again.
func (a *App) serveScreen(door *admin.Door) {
	if !a.cfg().Admin.Listen.IsValid() {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	err := a.openScreen(door)
	if err != nil {
		a.screenClosed(err)
	}
	go func() {
		defer close(done)
		if err != nil {
			a.keepOpening(ctx, door)
		}
	}()
	a.stops = append(a.stops, func() {
		cancel()
		<-done
		if s := a.screen.Load(); s != nil {
			limit, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			_ = s.Close(limit)
		}
	})
}

func (a *App) openScreen(door *admin.Door) error {
	s, err := web.Listen(web.Options{
		Node: a, API: door.API(), Log: a.log, Told: a.mind.loggedIn,
		Config: func() config.Admin { return a.cfg().Admin },
		Lang:   func() text.Lang { return text.Lang(a.cfg().Language) },
	})
	if err != nil {
		return err
	}
	s.Start()
	a.screen.Store(s)
	a.log.Info("the alarm screen is open", "address", s.Addr().String())
	return nil
}

func (a *App) screenClosed(err error) {
	address := a.cfg().Admin.Listen.String()
	a.log.Warn("the alarm screen cannot open; it is tried again", "address", address, "error", err)
	if !a.cfg().Says("admin.listen") {
		return // another node of this machine has the standard address; nobody asked for it here
	}
	a.event(text.EventPageClosed, map[string]string{"address": address, "cause": rootCause(err)})
}

// rootCause is what the system said.
func rootCause(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return firstLine(err.Error())
}

// keepOpening tries until it is open.
func (a *App) keepOpening(ctx context.Context, door *admin.Door) {
	tick := time.NewTicker(retryScreen)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if a.openScreen(door) != nil {
			continue
		}
		if a.cfg().Says("admin.listen") {
			a.event(text.EventPageOpen, map[string]string{"address": a.cfg().Admin.Listen.String()})
		}
		return
	}
}

// screenStats are zero while it is not open.
func (a *App) screenStats() web.Stats {
	if s := a.screen.Load(); s != nil {
		return s.Stats()
	}
	return web.Stats{}
}

func (a *App) screenMetrics(set *metric.Set) {
	of := func(event string, value func(web.Stats) uint64) {
		set.GaugeFunc("releve_screen_total", "what the alarm screen was asked and refused",
			func() float64 { return float64(value(a.screenStats())) }, metric.Label{Name: "event", Value: event})
	}
	of("request", func(s web.Stats) uint64 { return s.Requests })
	of("login-refused", func(s web.Stats) uint64 { return s.LoginsRefused })
	set.GaugeFunc("releve_screen_streams", "browsers that show the alarm screen live", func() float64 { return float64(a.screenStats().Streams) })
	set.GaugeFunc("releve_screen_sessions", "logins at the alarm screen that stand", func() float64 { return float64(a.screenStats().Sessions) })
}

// loggedIn is a hook of the alarm screen. Refusals are only noted: who tries
// passwords shall not fill the journal.
func (m *mind) loggedIn(t web.Told) {
	if t.Refused {
		m.mu.Lock()
		m.lastRefused = t
		m.mu.Unlock()
		return
	}
	m.app.eventBy(t.Name, text.EventLogin, map[string]string{"source": t.From})
}

// manyLogins is how many refused within a minute are told, our choice: less is a
// person with cold fingers.
const manyLogins = 5

// countLogins raises and clears the alarm about refused logins.
func (m *mind) countLogins(now time.Time) {
	n := m.app.screenStats().LoginsRefused
	if !m.counted.logins.see(now, n, manyLogins) {
		return
	}
	m.set(alarm.LoginRefused, node, m.counted.logins.on)
	if !m.counted.logins.on {
		return
	}
	m.mu.Lock()
	last := m.lastRefused
	m.mu.Unlock()
	name := []rune(last.Name)
	m.app.event(text.EventLoginRefused, map[string]string{
		"source": last.From, "user": string(name[:min(len(name), 64)]), "count": strconv.FormatUint(n, 10),
	})
}
