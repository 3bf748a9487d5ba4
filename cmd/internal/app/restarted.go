package app

import (
	"strconv"
	"time"

	"releve/cmd/internal/text"
	"releve/router"
	"releve/router/control"
)

// A server that answers 481 within several calls that it had answered was
// restarted, and has lost them. Our choice: three different calls within ten
// seconds (one, or two, may be a crossing of two hang-ups).
//
// That is an error of each of these calls, so the server is DEGRADED until calls
// are answered again; it switches only as switch_on and lasting say, for a server
// that was restarted usually serves. Its other calls are asked after at once, so
// that those it has lost hold no line; where it has never proven that it knows a call
// when asked, they end with their caller.
const (
	lostCalls  = 3
	lostWithin = 10 * time.Second
)

// losses follows the calls that one server has lost. Owned by the mind's loop.
type losses struct {
	seen uint64
	last [lostCalls]time.Time // when the newest were seen, the newest first
}

// add enters that the counter stands at n, and reports whether that makes a
// restart; it is told once, and the next one begins from nothing.
func (l *losses) add(now time.Time, n uint64) bool {
	fresh := min(n-l.seen, lostCalls)
	l.seen = n
	for range fresh {
		copy(l.last[1:], l.last[:])
		l.last[0] = now
	}
	oldest := l.last[lostCalls-1]
	if fresh == 0 || oldest.IsZero() || now.Sub(oldest) > lostWithin {
		return false
	}
	l.last = [lostCalls]time.Time{}
	return true
}

// lookForRestarts tells the mind of servers that have lost their calls.
func (m *mind) lookForRestarts(now time.Time) {
	for s := router.Primary; s <= router.Secondary; s++ {
		if !m.losses[s].add(now, m.app.proxy.Stats.Denied[s].Load()) {
			continue
		}
		left := m.app.proxy.Dialogs.Calls(s)
		m.app.log.Warn("a server has lost its calls: it was restarted", "server", s.String(), "left", left)
		m.app.event(text.EventServerRestarted, map[string]string{"server": s.String(), "calls": strconv.Itoa(left)})
		m.app.proxy.Dialogs.Suspect(s, m.app.proxy.Now(), m.app.proxy.Now())
		m.step(control.Event{Kind: control.Restarted, Server: s})
	}
}
