package procedure

import (
	"fmt"

	"releve/cmd/internal/admin"
)

const (
	primary   = "primary"
	secondary = "secondary"
)

// Of returns the checklist of a procedure; false: there is none of that name.
func Of(name string) (Checklist, bool) {
	switch name {
	case admin.ProcedureSwitchover:
		return switchover(), true
	case admin.ProcedureReinstate:
		return reinstate(), true
	case admin.ProcedureReturn:
		return returning(), true
	case admin.ProcedureMirror:
		return mirror(), true
	case admin.ProcedureCopy:
		return copying(), true
	}
	return Checklist{}, false
}

// switchover moves calls and licence to the secondary, by an operator; at level
// backup that is the only way.
func switchover() Checklist {
	l := Checklist{Name: admin.ProcedureSwitchover, From: primary, To: secondary, Server: secondary}
	l.Steps = []Step{
		{ID: "what", Kind: Told},
		{ID: "at-rest", Kind: Verified, Need: true, Check: serves(primary)},
		{ID: "from-state", Kind: Told, Check: state(primary)},
		{ID: "calls", Kind: Told, Check: holds(primary)},
		{ID: "bring-on", Kind: Asked, Need: true, When: absent(secondary)},
		{ID: "to-answers", Kind: Verified, Need: true, Patience: Short, Probe: secondary, Check: answers},
		{ID: "to-ready", Kind: Verified, Need: true, Patience: Short, Check: ready(secondary)},
		{ID: "data-age", Kind: Verified, When: (*Facts).backup, Check: dataAge},
		{ID: "data-accepted", Kind: Asked, Need: true, When: (*Facts).backup},
		{ID: "mirror-lag", Kind: Verified, When: mirrored, Check: mirrorLag},
	}
	l.Steps = append(l.Steps, change("switch", Switchover, secondary)...)
	l.Steps = append(l.Steps, Step{ID: "then-repair", Kind: Told})
	return l
}

func mirrored(f *Facts) bool { return f.Mirror != nil }

// change are the steps around a change of role: what it costs, the hand work, the
// act, and that the other server serves.
func change(id string, act Act, to string) []Step {
	return []Step{
		{ID: "licence-worst", Kind: Told, When: (*Facts).registers, Check: worst},
		{ID: "recable", Kind: Asked, Need: true, When: func(f *Facts) bool { return f.analogue() != "" }},
		{ID: id, Kind: Done, Need: true, Act: act},
		{ID: "binding", Kind: Verified, Need: true, Patience: Short, When: (*Facts).registers, Check: bound(to)},
		{ID: "to-serves", Kind: Verified, Need: true, Patience: Short, Probe: to, Check: answers},
		{ID: "test-call", Kind: Verified, Patience: Short, Probe: to, When: (*Facts).callCheck, Check: testCall},
		{ID: "first-call", Kind: Verified, Patience: Call, Calls: to, Check: served},
		{ID: "heard", Kind: Asked, Need: true, When: func(f *Facts) bool { return !f.Served }},
	}
}

// reinstate makes the repaired primary the passive server, ready for the return
// or for a failure of the secondary.
func reinstate() Checklist {
	return Checklist{Name: admin.ProcedureReinstate, From: secondary, To: primary, Server: primary, Steps: []Step{
		{ID: "what-reinstate", Kind: Told},
		{ID: "on-secondary", Kind: Verified, Need: true, Check: serves(secondary)},
		{ID: "repaired", Kind: Asked, Need: true},
		{ID: "same-version", Kind: Asked, Need: true},
		{ID: "own-switchover-off", Kind: Asked, Need: true},
		{ID: "database-restored", Kind: Asked, Need: true},
		{ID: "mirror-streams", Kind: Verified, When: mirrored, Check: streams},
		{ID: "both-present", Kind: Told, When: (*Facts).backup},
		{ID: "network", Kind: Asked, Need: true},
		{ID: "server-answers", Kind: Verified, Need: true, Patience: Short, Probe: primary, Check: answers},
		{ID: "test-call", Kind: Verified, Probe: primary, When: (*Facts).callCheck, Check: testCall},
		{ID: "not-registered", Kind: Verified, Need: true, Patience: Short, When: (*Facts).registers, Check: nowhere(primary)},
		{ID: "undrain", Kind: Done, Need: true, Act: Undrain, When: func(f *Facts) bool { return f.server(primary).Drained != nil }},
		{ID: "stable", Kind: Verified, Need: true, Patience: Short, Check: stable(primary)},
		{ID: "now-passive", Kind: Told},
	}}
}

// returning makes the primary active again. Old calls end on the secondary before
// anybody touches it.
func returning() Checklist {
	l := Checklist{Name: admin.ProcedureReturn, From: secondary, To: primary, Server: primary}
	l.Steps = []Step{
		{ID: "what", Kind: Told},
		{ID: "on-secondary", Kind: Verified, Need: true, Check: serves(secondary)},
		{ID: "to-answers", Kind: Verified, Need: true, Patience: Short, Probe: primary, Check: answers},
		{ID: "to-ready", Kind: Verified, Need: true, Patience: Short, Check: ready(primary)},
		{ID: "stable", Kind: Verified, Need: true, Patience: Short, Check: stable(primary)},
		{ID: "return-time", Kind: Verified, Need: true, Check: mayReturn},
		{ID: "data-back", Kind: Asked, Need: true, When: (*Facts).backup},
		{ID: "calls", Kind: Told, Check: holds(secondary)},
		{ID: "quiet", Kind: Verified, Need: true, Patience: Calls, When: func(f *Facts) bool { return f.Quiet >= 0 }, Check: quiet(secondary)},
	}
	l.Steps = append(l.Steps, change("return", Return, primary)...)
	l.Steps = append(l.Steps,
		Step{ID: "old-calls", Kind: Verified, Patience: Calls, Check: idle(secondary)},
		Step{ID: "take-off", Kind: Asked, When: (*Facts).backup},
	)
	return l
}

// copying records a copy by hand of the data to the secondary.
func copying() Checklist {
	return Checklist{Name: admin.ProcedureCopy, From: primary, To: secondary, Server: secondary, Steps: []Step{
		{ID: "what-copy", Kind: Told},
		{ID: "complete", Kind: Asked, Need: true},
		{ID: "copy-verified", Kind: Asked},
		{ID: "copied", Kind: Done, Need: true, Act: Copy},
	}}
}

// Drill is the checklist of the supervised exercise; it is performed by Exercise.
func Drill() Checklist {
	return Checklist{Name: admin.ProcedureDrill, From: primary, To: secondary, Server: secondary, Steps: []Step{
		{ID: "what", Kind: Told},
		{ID: "window", Kind: Verified, Need: true, When: func(f *Facts) bool { return f.Window != "" }, Check: func(f *Facts) Finding { return when(f.Inside, "", "") }},
		{ID: "at-rest", Kind: Verified, Need: true, Check: serves(primary)},
		{ID: "no-alarm", Kind: Verified, Need: true, Check: calm},
		{ID: "to-answers", Kind: Verified, Need: true, Probe: secondary, Check: answers},
		{ID: "to-ready", Kind: Verified, Need: true, Check: ready(secondary)},
		{ID: "data-age", Kind: Verified, When: (*Facts).backup, Check: dataAge},
		{ID: "mirror-lag", Kind: Verified, When: mirrored, Check: mirrorLag},
		{ID: "calls-few", Kind: Verified, Need: true, Check: func(f *Facts) Finding {
			n := f.server(primary).Calls
			return when(n <= f.Limit, fmt.Sprint("calls=", n), fmt.Sprint("calls=", n))
		}},
		{ID: "licence-worst", Kind: Told, When: (*Facts).registers, Check: worst},
	}}
}
