package app

import (
	"errors"
	"time"

	"releve/health/alarm"
)

// A panic while the mind decides leaves its state half changed: who is active,
// what was sent to a registrar and what is stored may no longer agree. Our
// choice: nothing is decided any more. Calls go on by the last View, roles and
// registration stay as they are (a registration that nothing renews ends with its
// time), the gravest alarm says so, and operators' commands are refused. The
// process does not end itself: it carries calls, and who restarts it chooses
// when. The next start reads what was stored before.
//
//	deciding ── panic ──► frozen ── restart ──► deciding

// errFrozen: the loop decides nothing any more.
var errFrozen = errors.New("an internal fault has stopped releve's decisions: calls go on; restart releve")

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
