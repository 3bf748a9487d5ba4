package control

import (
	"time"

	"releve/router"
	"releve/router/licence"
	"releve/router/role"
)

// saveRetry is how long after a failed save the next try comes. Our choice.
const saveRetry = time.Second

// save asks for the present row to be made durable, one save at a time.
func (s *State) save(now router.Clock, out []Effect) []Effect {
	if s.saving || s.retryAt != 0 && now.Mono < s.retryAt {
		return out
	}
	row := s.Row()
	if row == s.durable && s.version != 0 {
		return out
	}
	s.saving, s.inflight, s.retryAt = true, row, 0
	return append(out, Effect{Kind: Save, Row: row, Version: s.version + 1})
}

// saved: the row in flight is durable; both machines learn what of theirs is.
func (s *State) saved(now router.Clock, version uint64, out []Effect) []Effect {
	if !s.saving || version != s.version+1 {
		return out
	}
	s.saving, s.durable, s.version = false, s.inflight, version
	out = s.licenceStep(now, licence.Event{Kind: licence.Saved, Row: s.durable.Licence}, out)
	return s.roleStep(now, role.Event{Kind: role.Saved, Row: s.durable.Role}, out)
}

// saveFailed: failed, or nobody knows. The row in flight may be durable or
// not; the same row is saved again under the same version, which the store
// answers alike in both cases. Until then nothing new is sent.
func (s *State) saveFailed(now router.Clock, out []Effect) []Effect {
	if !s.saving {
		return out
	}
	s.retryAt = now.Mono.Add(saveRetry)
	out = s.licenceStep(now, licence.Event{Kind: licence.SaveUnknown}, out)
	return s.roleStep(now, role.Event{Kind: role.SaveUnknown}, out)
}

// saveAgain repeats the save whose outcome is unknown.
func (s *State) saveAgain(now router.Clock, out []Effect) []Effect {
	if !s.saving || s.retryAt == 0 || now.Mono < s.retryAt {
		return out
	}
	s.retryAt = 0
	return append(out, Effect{Kind: Save, Row: s.inflight, Version: s.version + 1})
}
