package app

import (
	"time"

	"releve/health/alarm"
	"releve/router"
	"releve/router/licence"
)

// moveLong is how long a move of the licence may take before it is told; our
// choice: an IPBX that proves needs about a second.
const moveLong = 10 * time.Second

// edge is what was last told of an alarm. Nothing was told since the start: a
// former life may have raised it.
type edge uint8

const (
	untold edge = iota
	ended
	stands
)

func (m *mind) tell(e *edge, n alarm.Number, on bool) {
	want := ended
	if on {
		want = stands
	}
	if *e != want {
		*e = want
		m.set(n, node, on)
	}
}

// stays says that the active server will not be left by itself, whatever
// happens to it.
func (a *App) stays(v router.View) bool {
	return !a.cfg().Automatic() || !a.cfg().Verification.Dead || !v.Act || v.Phase == router.Maintenance
}

// nobody says that no server answers callers: both were found down, or the
// active one is dead and nothing will switch.
func (a *App) nobody(s snapshot) bool {
	v := s.view
	moving := v.Phase == router.Switching || v.Phase == router.Returning
	return v.Phase == router.BothDown || !moving && a.stays(v) && s.verdicts[v.Active].Dead()
}

// watch tells the alarms that only the whole picture shows.
func (m *mind) watch(s snapshot) {
	m.watchNobody(s)
	m.tell(&m.told.stuck, alarm.MoveStuck, m.stuck(s))
}

// watchNobody: what the role machine says of both being down, and the dead
// server that nothing leaves. The latter is damped as the alarm about that
// server is. While nothing is known, or a verification may still find the
// other server, what was told last stands.
func (m *mind) watchNobody(s snapshot) {
	v := s.view
	verdict := s.verdicts[v.Active]
	switch {
	case v.Phase == router.BothDown:
		m.tell(&m.told.nobody, alarm.NobodyServes, true)
	case m.app.nobody(s):
		if m.silent[v.Active] {
			m.tell(&m.told.nobody, alarm.NobodyServes, true)
		}
	case verdict.Dead() && (v.Phase == router.Normal || v.Phase == router.Verifying):
	case verdict == router.VerdictUnknown && v.Phase != router.Switching && v.Phase != router.Returning:
	default:
		m.tell(&m.told.nobody, alarm.NobodyServes, false)
	}
}

// stuck: a move waits for a fence, or does not come to its end otherwise.
func (m *mind) stuck(s snapshot) bool {
	l := s.licence
	switch {
	case s.view.MoveBy != 0:
		return true
	case l.Phase != licence.Drain && l.Phase != licence.Unreg && l.Phase != licence.Claim:
		return false
	case l.Leaving == router.NoServer && m.bound.holder == router.NoServer:
		return false // the first bind is no move
	}
	return !m.bound.left.IsZero() && time.Since(m.bound.left) > moveLong
}
