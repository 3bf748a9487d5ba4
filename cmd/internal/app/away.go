package app

import (
	"time"

	"releve/router"
	"releve/router/control"
)

// A machine that was paused (a virtual machine's snapshot, SIGSTOP, a host under
// overload) finds everything overdue when it goes on: the time-outs of probes that
// were answered meanwhile, rounds, held calls. It must know that it was away before
// it handles any of it, so the loop itself looks, at the head of each turn, and
// tells the mind first (package control: what is void then).
//
// It sees it three ways, whichever comes first:
//   - it sleeps a second at most, and woke later than that;
//   - what it slept for was due long ago;
//   - the wall clock went further than the monotonic one, which stands still while
//     a virtual machine is paused. A clock that is set forward looks alike: a few
//     seconds without a verdict are its price.

// lateLimit is how late our own timers may be before we doubt ourselves. Our
// choice: an order of magnitude above a busy Go scheduler.
const lateLimit = 500 * time.Millisecond

// sickFor is how long a late timer makes us doubt ourselves. Our choice: what
// was under way when the machine stopped has ended by then.
const sickFor = 5 * time.Second

// jumpLimit is how much further than the monotonic clock the wall clock may go
// between two turns. Our choice: an hour's drift is far less.
const jumpLimit = 2 * time.Second

// awake is what the loop knows of its own sleep. Owned by the loop.
type awake struct {
	at    time.Time      // the newest turn, by the monotonic clock; zero: none yet
	ahead time.Duration  // how far the wall clock was ahead of the monotonic one then, since the start
	due   router.Instant // Mono of what it slept for
	till  time.Time      // we doubt ourselves until then
	told  bool           // the state knows
}

// away reports whether the loop, at now, was away since its newest turn. ahead is
// how far the wall clock has run ahead of the monotonic one since the start; mono
// is now as the state reads it; tick is when the sample was due that woke it, zero:
// none did.
func (a *awake) away(now time.Time, ahead time.Duration, mono router.Instant, tick time.Time) bool {
	was := *a
	a.at, a.ahead, a.due = now, ahead, router.Never
	switch {
	case was.at.IsZero():
		return false
	case was.overslept():
		return true
	case mono > was.due && mono.Sub(was.due) > lateLimit:
		return true
	case !tick.IsZero() && now.Sub(tick) > lateLimit:
		return true
	}
	return ahead-was.ahead > jumpLimit
}

// overslept: more went by since the newest turn than the loop ever sleeps.
func (a *awake) overslept() bool { return !a.at.IsZero() && time.Since(a.at) > sampleEvery+lateLimit }

// doubt tells the state whether this machine was away, before anything else.
func (m *mind) doubt(tick time.Time) {
	now := time.Now()
	away := m.awake.away(now, m.clock.ahead(now), m.clock.now().Mono, tick)
	if away {
		m.awake.till = now.Add(sickFor)
		m.app.log.Warn("timers were late: this machine was paused or overloaded; nothing is judged for a while")
	}
	sick := now.Before(m.awake.till)
	if m.booted && (away || sick != m.awake.told) {
		m.awake.told = sick
		m.step(control.Event{Kind: control.Self, On: sick})
	}
}
