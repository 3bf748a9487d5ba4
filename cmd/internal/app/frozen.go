package app

import (
	"context"
	"errors"
	"time"

	"releve/health/alarm"
)

// A panic while the mind decides leaves its state half changed: who is active,
// what was sent to a registrar and what is stored may no longer agree. Our
// choice: nothing is decided any more. Calls go on by the last View, operators'
// commands are refused, the gravest alarm says so, and the process ends as soon as
// no call is being set up, so that its supervisor starts it anew: a registration
// that nothing renews would end soon, and every call with it. Conversations are
// carried by their Record-Route. The next start reads what was stored before.
//
//	deciding ── panic ──► frozen ── no call in set-up, or leaveLimit ──► ended ── start ──► deciding

// leaveLimit is the longest that a frozen mind waits for calls in set-up: our
// choice, well under half of the shortest registration (30 s), which is renewed
// at half of its time.
const leaveLimit = 10 * time.Second

// ErrFault is why Run ended by itself: start it again.
var ErrFault = errors.New("an internal fault stopped releve's decisions: it has ended so that it is started again")

// errFrozen: the loop decides nothing any more.
var errFrozen = errors.New("an internal fault has stopped releve's decisions: calls go on; it restarts by itself where systemd runs it")

// decide runs f, on which decisions depend: a panic in it freezes the mind.
func (m *mind) decide(f func()) {
	defer func() {
		if r := recover(); r != nil {
			m.app.proxy.Caught(r, "")
			m.freeze()
		}
	}()
	f()
}

// freeze tells everybody.
func (m *mind) freeze() {
	m.freezing.Do(func() { close(m.frozen) })
	m.do(func() { m.raise(alarm.Frozen, node) })
}

// keepFrozen is the loop of a mind that decides nothing: it empties what is
// handed to it, and goes on watching what needs no decision.
func (m *mind) keepFrozen(sample <-chan time.Time) {
	for {
		select {
		case <-m.life.Done():
			return
		case <-m.wake:
		case <-sample:
			m.do(func() { m.observe(time.Now()) })
		}
		m.results.take()
		m.do(m.faulted)
	}
}

// outlive keeps a frozen node until no call is being set up.
func (a *App) outlive(ctx context.Context) {
	limit, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-limit.Done():
			return
		case <-tick.C:
			if a.proxy.Stats.SettingUp() == 0 {
				return
			}
		}
	}
}
