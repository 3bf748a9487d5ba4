package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/router"
	"releve/router/control"
)

// maxEvents bounds the events that wait for the mind; what is refused is
// counted and the mind samples the rest from the proxy's counters.
const maxEvents = 4096

// sampleEvery is how often the proxy's counters are shown to the mind.
const sampleEvery = time.Second

// mind runs the control loop: one goroutine owns the state; everybody else
// posts events to it.
type mind struct {
	app   *App
	state control.State

	events  chan request
	saves   chan control.Effect
	refused atomic.Uint64
	wake    chan struct{}
	flags   flags
	sampled sample
	startAt time.Time // wall clock of the start, for Clock.High

	overflowed bool      // an overflow is being stepped; owned by the loop
	sick       bool      // owned by the loop
	sickUntil  time.Time // likewise

	mu            sync.Mutex // guards what other goroutines read
	status        snapshot
	alarms        *alarm.Table
	last          [router.Servers]probed
	stateSince    [router.Servers]time.Time
	view          router.View
	viewedAt      time.Time
	activeSince   time.Time
	moveBegan     time.Time
	verifications uint64
	switchovers   uint64

	reconciled *time.Timer
	done       chan struct{} // closed when the loops end
	jobs       chan func()
	wait       sync.WaitGroup
}

// request is one event and where its effects are wanted, if anywhere.
type request struct {
	event control.Event
	reply chan []control.Effect
}

// flags are set under a shard's lock and read by the loop: coalesced by nature.
type flags struct {
	overflow [router.Servers]atomic.Bool
	served   [router.Servers]atomic.Bool
	passive  [router.Servers]atomic.Bool
	fault    atomic.Pointer[string]
}

func newMind(a *App) *mind {
	m := &mind{
		app: a, events: make(chan request, maxEvents), saves: make(chan control.Effect, 1),
		wake: make(chan struct{}, 1), startAt: time.Now(), jobs: make(chan func(), 1024), done: make(chan struct{}),
		alarms: alarm.NewTable(0),
	}
	m.state = control.New(a.controlPolicy(), uint64(time.Now().UnixNano()))
	return m
}

// firstView is what calls are routed by until the mind has read the store.
func (m *mind) firstView() router.View {
	return router.View{Active: router.Primary, Act: m.app.cfg.Verification.Act}
}

// clock reads both clocks once. Mono stops with a paused machine; High does not.
func (m *mind) clock() router.Clock {
	mono := m.app.proxy.Now()
	wall := router.Instant(time.Now().Round(0).Sub(m.startAt.Round(0)))
	return router.Clock{Mono: mono, High: max(mono, wall)}
}

// tryBoot reads the stored row and shows it to the mind.
func (m *mind) tryBoot(ctx context.Context) error {
	if err := m.app.store.open(); err != nil {
		return err
	}
	store, err := m.app.store.use()
	if err != nil {
		return err
	}
	raw, version, err := store.LoadState(ctx)
	if err != nil {
		return fmt.Errorf("read the stored role and licence: %w", err)
	}
	e := control.Event{Kind: control.Boot, Version: version, On: true}
	if version > 0 {
		if err := json.Unmarshal(raw, &e.Row); err != nil {
			return fmt.Errorf("read the stored role and licence: %w; restore state.db from a backup", err)
		}
		m.presume()
	}
	stored, err := store.Alarms(ctx)
	if err != nil {
		return fmt.Errorf("read the stored alarms: %w", err)
	}
	m.mu.Lock()
	m.alarms.Restore(stored)
	m.mu.Unlock()
	_, err = m.ask(ctx, e)
	return err
}

// presumed is how long after a restart calls of the earlier run may hold lines
// that we do not know of. Our choice: a call to an attendant lasts minutes.
const presumed = 15 * time.Minute

// presume declares the count of lines inexact for a while: an earlier run may
// have left calls in progress.
func (m *mind) presume() {
	exact := func(is bool) {
		for s := router.Primary; s <= router.Secondary; s++ {
			m.app.proxy.Dialogs.Reconcile(s, is)
		}
	}
	exact(false)
	m.mu.Lock()
	m.reconciled = time.AfterFunc(presumed, func() { exact(true) })
	m.mu.Unlock()
}

// run is the loop.
func (m *mind) run(ctx context.Context) {
	sample := time.NewTicker(sampleEvery)
	defer sample.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-m.events:
			effects := m.step(r.event)
			if r.reply != nil {
				r.reply <- effects
			}
		case <-m.wake:
		case at := <-sample.C:
			m.late(time.Since(at))
			m.sample()
		case <-timer.C:
			m.step(control.Event{Kind: control.Tick})
		}
		m.flagged()
		next, ok := m.state.Next()
		wait := time.Minute
		if ok {
			wait = max(next.Sub(m.app.proxy.Now()), 0)
		}
		timer.Reset(wait)
	}
}

// step gives the mind one event and performs what it decides.
func (m *mind) step(e control.Event) []control.Effect {
	var room [16]control.Effect
	effects := m.state.Step(m.clock(), e, room[:0])
	for i := range effects {
		m.perform(&effects[i])
	}
	m.picture()
	return effects
}

// post hands an event to the loop without blocking.
func (m *mind) post(e control.Event) {
	select {
	case m.events <- request{event: e}:
	default:
		m.refused.Add(1)
	}
}

// ask posts an event and waits for its effects.
func (m *mind) ask(ctx context.Context, e control.Event) ([]control.Effect, error) {
	r := request{event: e, reply: make(chan []control.Effect, 1)}
	select {
	case m.events <- r:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case effects := <-r.reply:
		return effects, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *mind) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// The hooks of the proxy: under a shard's lock, so they only set a flag.

func (m *mind) overflow(s router.Server)    { m.flags.overflow[s].Store(true); m.signal() }
func (m *mind) served(s router.Server)      { m.flags.served[s].Store(true); m.signal() }
func (m *mind) passiveCall(s router.Server) { m.flags.passive[s].Store(true); m.signal() }
func (m *mind) fault(what string)           { m.flags.fault.Store(&what); m.signal() }

func (m *mind) registered(router.Server, int) {}

// flagged shows the mind what the hooks left.
func (m *mind) flagged() {
	for s := router.Primary; s <= router.Secondary; s++ {
		if m.flags.served[s].Swap(false) {
			m.step(control.Event{Kind: control.Answered, Server: s})
		}
		if m.flags.overflow[s].Swap(false) {
			m.sample()
			m.overflowed = true
			m.step(control.Event{Kind: control.Overflow, Server: s})
			m.overflowed = false
		}
		if m.flags.passive[s].Swap(false) {
			m.raise(alarm.PassiveCalls, s.String())
		}
	}
	if what := m.flags.fault.Swap(nil); what != nil {
		m.app.log.Error("a fault ended one call", "what", *what)
		m.raise(alarm.InternalFault, "relève")
		m.app.event(text.EventInternalFault, map[string]string{"cause": firstLine(*what)})
	}
}

// saver performs saves one at a time: a slow disk holds up no probe.
func (m *mind) saver(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-m.saves:
			m.save(ctx, e)
		}
	}
}

func (m *mind) save(ctx context.Context, e control.Effect) {
	raw, err := json.Marshal(e.Row)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err = m.app.store.saveState(ctx, raw, e.Version-1)
	}
	if err == nil {
		m.post(control.Event{Kind: control.Saved, Version: e.Version})
		return
	}
	if errors.Is(err, db.ErrConflict) {
		m.app.log.Error("another process writes the same store; stop one of the two", "error", err)
	} else {
		m.app.log.Error("save role and licence", "error", err)
	}
	m.post(control.Event{Kind: control.SaveFailed, Version: e.Version})
}

// later runs f outside any lock, in order; bounded.
func (m *mind) later(f func()) {
	select {
	case m.jobs <- f:
	default:
		m.refused.Add(1)
	}
}

func (m *mind) worker(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-m.jobs:
			f()
		}
	}
}

// background starts the loops; the returned function ends them.
func (a *App) background(parent context.Context) func() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	m := a.mind
	m.wait.Go(func() { m.run(ctx) })
	m.wait.Go(func() { m.saver(ctx) })
	m.wait.Go(func() { m.worker(ctx) })
	m.wait.Go(func() { _ = a.spool.Run(ctx, a.store) })
	m.wait.Go(func() { m.keepAlarms(ctx) })
	m.boot(ctx)
	return func() {
		m.mu.Lock()
		if m.reconciled != nil {
			m.reconciled.Stop()
		}
		m.mu.Unlock()
		a.event(text.EventStopped, nil)
		cancel()
		close(m.done)
		m.wait.Wait()
		a.agent.Close()
	}
}
