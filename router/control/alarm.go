package control

import (
	"releve/health"
	"releve/router"
	"releve/router/licence"
)

// The alarms of this room, numbers of package health/alarm.
const (
	AlarmSilent     uint16 = 1001 // a server does not answer, Count probes in a row
	AlarmMute       uint16 = 1003 // GRAY or DEGRADED, lasting
	AlarmSlow       uint16 = 1004 // SLOW, Count probes in a row
	AlarmNotReady   uint16 = 1008 // the secondary could not take over, for notReadyAfter intervals
	AlarmSelf       uint16 = 1009 // this node is sick or cut off
	AlarmIPBXSilent uint16 = 1010 // an IPBX does not answer, Count probes in a row
	AlarmBoth       uint16 = 1019 // the secondary is there although it may be off the network (backup)
)

// notReadyAfter: how many idle intervals the secondary may be not ready before
// that is told. Our choice, the freshness of evidence.
const notReadyAfter = 3

// edge is what was last told of an alarm. Nothing was told since the start: a
// former life may have raised it, so the first thing known is told either way.
type edge uint8

const (
	untold edge = iota
	cleared
	raised
)

// alarms follows the conditions that are told as alarms. Conditions that one
// lost message could bring are counted in results in a row.
type alarms struct {
	silent, mute, slow [router.Servers]edge
	notReady, self     edge
	both               edge
	ipbx               [MaxIPBX]edge

	dead, late [router.Servers]uint8 // results in a row that judge a server dead, slow
	unseen     [MaxIPBX]uint8
	unready    router.Instant // Mono since when the secondary is not ready; with unreadyOn
	unreadyOn  bool
}

// retell: another node may have told something else since; what is known is told
// again.
func (a *alarms) retell() {
	a.silent, a.mute, a.slow = [router.Servers]edge{}, [router.Servers]edge{}, [router.Servers]edge{}
	a.notReady, a.self, a.both, a.ipbx = untold, untold, untold, [MaxIPBX]edge{}
}

// enough is the number of results in a row that raise an alarm: as many as
// confirm a dysfunction.
func (s *State) enough() uint8 { return max(s.policy.Role.Count, 1) }

// count enters the result of a probe of a server.
func (a *alarms) count(x router.Server, now router.Clock, s *State) {
	verdict, _ := s.Judged(now, x)
	switch {
	case verdict.Dead():
		a.dead[x], a.late[x] = min(a.dead[x]+1, s.enough()), 0
	case verdict == router.VerdictSlow:
		a.dead[x], a.late[x] = 0, min(a.late[x]+1, s.enough())
	case !frozen(verdict) && verdict != router.VerdictUnknown:
		a.dead[x], a.late[x] = 0, 0
	}
}

// countIPBX enters the result of a probe of an IPBX. One whose port refuses is
// seen, and serves nobody.
func (a *alarms) countIPBX(e Event, s *State) {
	switch i := e.IPBX; {
	case i >= MaxIPBX:
	case e.Evidence == router.Refused || s.board.Unseen(i):
		a.unseen[i] = min(a.unseen[i]+1, s.enough())
	default:
		a.unseen[i] = 0
	}
}

// frozen: the verdict is about ourselves, or about our way there, and says
// nothing of the server.
func frozen(v router.Verdict) bool {
	return v == router.VerdictSelfSick || v == router.VerdictSelfIsolated || v == router.VerdictPartition
}

// watch tells the alarms whose condition changed.
func (s *State) watch(now router.Clock, out []Effect) []Effect {
	if !s.lease || s.board.Known == ([router.Servers]bool{}) {
		return out
	}
	sick := false
	for x := router.Primary; x <= router.Secondary; x++ {
		if x == router.Secondary && !s.policy.Secondary {
			continue
		}
		facts := s.board.Facts(now.Mono, x, s.policy.Health)
		verdict, _ := health.Judge(facts)
		sick = sick || verdict == router.VerdictSelfSick || verdict == router.VerdictSelfIsolated
		out = s.watchServer(x, verdict, facts.Lasting, out)
	}
	out = s.alarms.self.tell(AlarmSelf, router.NoServer, 0, sick, out)
	for i := range s.alarms.ipbx[:min(s.policy.IPBXs, MaxIPBX)] {
		out = s.watchIPBX(now, i, out)
	}
	if s.policy.Absent {
		out = s.watchBoth(now, out)
	}
	return s.watchReady(now, out)
}

// watchBoth: one server is expected (level backup), and both serve. A primary that
// does not answer is no second one: who reads then that the secondary is to be
// switched off would take the last server away. While its silence is not sure
// nothing is told.
func (s *State) watchBoth(now router.Clock, out []Effect) []Effect {
	dead := s.alarms.dead[router.Primary]
	if dead > 0 && dead < s.enough() {
		return out
	}
	both := dead == 0 && s.role.View().Active != router.Secondary && s.Good(now, router.Secondary) >= goodRounds
	return s.alarms.both.tell(AlarmBoth, router.Secondary, 0, both, out)
}

// watchServer: of a server that is expected to be absent nothing is told.
func (s *State) watchServer(x router.Server, v router.Verdict, lasting bool, out []Effect) []Effect {
	a := &s.alarms
	absent := s.policy.Absent && x == router.Secondary && s.role.View().Active != x
	if frozen(v) || v == router.VerdictUnknown && !absent {
		return out
	}
	switch {
	case absent || a.dead[x] == 0:
		out = a.silent[x].tell(AlarmSilent, x, 0, false, out)
	case a.dead[x] >= s.enough():
		out = a.silent[x].tell(AlarmSilent, x, 0, true, out)
	}
	faulty := v == router.VerdictGray || v == router.VerdictDegraded
	if lasting && faulty || !faulty {
		out = a.mute[x].tell(AlarmMute, x, 0, faulty && !absent, out)
	}
	if a.late[x] == 0 || a.late[x] >= s.enough() {
		out = a.slow[x].tell(AlarmSlow, x, 0, a.late[x] > 0 && !absent, out)
	}
	return out
}

// watchIPBX also tells the licence when an IPBX comes back: it may have been
// restarted, and have lost our bindings.
func (s *State) watchIPBX(now router.Clock, i int, out []Effect) []Effect {
	a := &s.alarms
	silent := a.unseen[i] >= s.enough()
	if a.unseen[i] > 0 && !silent {
		return out
	}
	back := a.ipbx[i] == raised && !silent
	out = a.ipbx[i].tell(AlarmIPBXSilent, router.NoServer, uint8(i), silent, out)
	if back {
		out = s.licenceStep(now, licence.Event{Kind: licence.Restarted, IPBX: uint8(i)}, out)
	}
	return out
}

// watchReady: the secondary could not take over, and the day may come.
func (s *State) watchReady(now router.Clock, out []Effect) []Effect {
	a := &s.alarms
	x := router.Secondary
	passive := s.policy.Secondary && !s.policy.Absent && s.role.View().Active != x
	if !passive || !s.board.Known[x] || s.Good(now, x) >= goodRounds && !s.stale(x) {
		a.unreadyOn, a.unready = false, 0
		return a.notReady.tell(AlarmNotReady, x, 0, false, out)
	}
	if !a.unreadyOn {
		a.unreadyOn, a.unready = true, now.Mono
	}
	if now.Mono.Sub(a.unready) < notReadyAfter*s.policy.Health.Interval {
		return out
	}
	return a.notReady.tell(AlarmNotReady, x, 0, true, out)
}

// tell appends the alarm when it differs from what was told last.
func (e *edge) tell(number uint16, x router.Server, ipbx uint8, on bool, out []Effect) []Effect {
	want := cleared
	if on {
		want = raised
	}
	if *e == want {
		return out
	}
	*e = want
	return append(out, Effect{Kind: Alarm, Alarm: number, Server: x, IPBX: ipbx, On: on})
}
