package control

import (
	"releve/router"
	"releve/router/role"
)

// Copy is what is known of the mirrored database, on which the secondary would
// work.
//
//	Event{Mirror, Copy} ─► readiness of the secondary ─► role.Ready
//
// It may block a switchover, never trigger one: it enters nothing but readiness. The
// owner sends CopyUnknown while it cannot tell (the main database is down, perhaps
// with the primary's host), and then the last value before stands; it is part of
// Row, so that it outlives a restart. One that was never measured blocks nothing:
// our choice, as with every evidence of what was never good; that it cannot be
// measured is an alarm of the watch.
type Copy uint8

// The values of Copy.
const (
	CopyUnknown Copy = iota
	CopyFresh        // the mirror has what the main had, up to the limit
	CopyBehind       // it lags beyond the limit, or is no mirror any more
)

// mirrored enters what the watch says.
func (s *State) mirrored(now router.Clock, c Copy, out []Effect) []Effect {
	if !s.policy.Mirror || c == CopyUnknown && mutant != 51 || mutant == 54 && s.copy == CopyBehind {
		return out
	}
	s.copy = c
	if mutant == 53 && c == CopyBehind {
		return s.roleStep(now, role.Event{Kind: role.Operator, Command: role.Switchover, Force: true}, out)
	}
	return out
}

// stale says that the mirror keeps x from taking over: only the secondary works on
// it, and a return asks for nothing of it.
func (s *State) stale(x router.Server) bool {
	return x == router.Secondary && s.copy == CopyBehind
}

// Stale says that the mirror keeps the secondary from being ready.
func (s *State) Stale() bool { return s.stale(router.Secondary) }
