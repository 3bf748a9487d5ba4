package control

import (
	"time"

	"releve/router"
	"releve/router/licence"
	"releve/router/role"
)

// saveRetry is how long after a failed save the next try comes. Our choice.
const saveRetry = time.Second

// save asks for the present row to be made durable, one save at a time, and
// only while this node may decide.
func (s *State) save(now router.Clock, out []Effect) []Effect {
	if s.saving || !s.lease {
		return out
	}
	out = s.confirm(now, out)
	if s.Row() == s.durable && s.version != 0 || s.saving {
		return out
	}
	s.saving, s.inflight, s.retryAt = true, s.Row(), 0
	return append(out, Effect{Kind: Save, Row: s.inflight, Version: s.version + 1, Epoch: s.hold.Epoch()})
}

// confirm tells a machine that asks for what is durable already: nothing would
// be written, and it would wait for ever.
func (s *State) confirm(now router.Clock, out []Effect) []Effect {
	if s.version == 0 {
		return out
	}
	if s.asked.licence && s.want.Licence == s.durable.Licence {
		s.asked.licence = false
		out = s.licenceStep(now, licence.Event{Kind: licence.Saved, Row: s.durable.Licence}, out)
	}
	if s.asked.role && s.want.Role == s.durable.Role {
		s.asked.role = false
		out = s.roleStep(now, role.Event{Kind: role.Saved, Row: s.durable.Role}, out)
	}
	return out
}

// saved: the row in flight is durable; both machines learn what of theirs is.
func (s *State) saved(now router.Clock, version uint64, out []Effect) []Effect {
	if !s.saving || version != s.version+1 {
		return out
	}
	s.saving, s.retryAt, s.durable, s.version = false, 0, s.inflight, version
	if s.winning {
		return s.leased(now, Event{On: true}, out)
	}
	s.asked.licence = s.asked.licence && s.want.Licence != s.durable.Licence
	s.asked.role = s.asked.role && s.want.Role != s.durable.Role
	out = s.licenceStep(now, licence.Event{Kind: licence.Saved, Row: s.durable.Licence}, out)
	return s.roleStep(now, role.Event{Kind: role.Saved, Row: s.durable.Role}, out)
}

// saveFailed: failed, or nobody knows. The row in flight may be durable or
// not; the same row is saved again under the same version, which the store
// answers alike in both cases. Until then nothing new is sent.
func (s *State) saveFailed(now router.Clock, version uint64, out []Effect) []Effect {
	if !s.saving || version != s.version+1 {
		return out
	}
	s.retryAt = now.Mono.Add(saveRetry)
	if !s.lease {
		return out
	}
	out = s.licenceStep(now, licence.Event{Kind: licence.SaveUnknown}, out)
	return s.roleStep(now, role.Event{Kind: role.SaveUnknown}, out)
}

// saveAgain repeats the save whose outcome is unknown.
func (s *State) saveAgain(now router.Clock, out []Effect) []Effect {
	if !s.saving || s.retryAt == 0 || !s.lease && !s.winning || now.Mono < s.retryAt {
		return out
	}
	s.retryAt = 0
	return append(out, Effect{Kind: Save, Row: s.inflight, Version: s.version + 1, Epoch: s.hold.Epoch()})
}
