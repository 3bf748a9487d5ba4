package control

import (
	"time"

	"releve/router"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// Base is what Canon takes out of the numbers that only rise: an explorer takes
// the same out of rows and messages beside a State. Differences wrap.
type Base struct {
	Licence licence.Base // its Epoch is that of the roles, too
	Version uint64
	Lease   uint64
}

// CanonVersion is what the version of the durable row becomes in a canonical
// State; 0 (nothing was ever stored) stays 0.
const CanonVersion = 1 << 8

// Base returns the base of s; of a State that Idles, of its epoch only.
func (s *State) Base() Base {
	if s.Idles() {
		return Base{Licence: licence.Base{Epoch: s.role.View().Epoch - licence.CanonEpoch}}
	}
	b := Base{Licence: s.licence.Base(), Lease: s.hold.Base()}
	b.Licence.Epoch = s.role.View().Epoch - licence.CanonEpoch
	if s.version != 0 {
		b.Version = s.version - CanonVersion
	}
	return b
}

// Row returns r relative to b.
func (b Base) Row(r Row) Row {
	r.Licence = b.Licence.Row(r.Licence)
	r.Role.Epoch -= b.Licence.Epoch
	return r
}

// Canon returns the State that behaves as s does at now, with now moved to zero
// and the numbers that only rise set to fixed ones: two States with one Canon do
// the same for ever, idle probes apart, which lose their spread. Steps taken on
// it begin again at clock zero. Calls decided within the last minute keep their
// distance to the present bucket, so a State that saw real calls is for keeping
// in sets only, and not to be stepped on; so is one with a round under way.
func (s State) Canon(now router.Clock) State {
	future := func(at router.Instant) router.Instant { return max(at-now.Mono, 0) }
	b := s.Base()
	s.role, s.licence = s.role.Relative(now, b.Licence.Epoch), s.licence.Relative(now, b.Licence)
	s.round.rtt = 0 // for the journal only
	s.board = s.board.Canon(now.Mono, s.policy.Health)
	s.durable, s.want = b.Row(s.durable), b.Row(s.want)
	if s.saving {
		s.inflight = b.Row(s.inflight)
	} else {
		s.inflight = Row{}
	}
	s.version -= b.Version
	if s.Idles() {
		s.durable, s.want, s.bindTo, s.version, s.asked = Row{}, Row{}, router.NoServer, 0, asked{}
		s.licence = licence.New(s.policy.Licence, licence.Row{})
	}
	s.hold = s.hold.Canon(now)
	if s.retryAt != 0 {
		if s.retryAt = future(s.retryAt); s.retryAt == 0 {
			s.retryAt = -1 // due; 0 is none
		}
	}
	if s.round.number != 0 {
		s.round.number, s.round.by = 1, future(s.round.by)
	}
	s.doubt = s.doubt.canon(now.Mono)
	for i := range s.idle {
		s.idle[i].at, s.idle[i].cadence.Seed = future(s.idle[i].at), 0
	}
	if s.policy.Health.CallProbe {
		s.calls = s.calls.canon(now.Mono, s.policy.Calls)
	}
	if s.alarms.unreadyOn {
		s.alarms.unready = max(s.alarms.unready-now.Mono, -router.Instant(notReadyAfter*s.policy.Health.Interval))
	}
	s.view = router.View{} // follows from the rest
	return s
}

// Idles: another node may act, and this one will be told what is stored before
// it does.
func (s *State) Idles() bool {
	return s.policy.Lease.Shared && !s.lease && !s.winning && s.hold.Until() == 0
}

// Ranked is a canonical s for an explorer in which time passes in multiples of
// tick, for every clock. It is without what such an explorer does not look at:
// what only alarms and views know, good rounds beyond those that a rule asks
// for, round-trip times, and in a State that Idles the roles that it was told,
// for it is told anew before it decides. Instants are those at which they are
// first noticed. What the alarm about a silent IPBX knows stays, for its end is
// told to the licence.
func (s State) Ranked(tick time.Duration) State {
	seen := s.alarms
	s.alarms = alarms{ipbx: seen.ipbx, unseen: seen.unseen}
	for i, e := range s.alarms.ipbx {
		if e == cleared {
			s.alarms.ipbx[i] = untold
		}
	}
	s.board = s.board.Ranked(max(goodRounds, s.policy.Role.Stable))
	s.licence = s.licence.Ranked(tick)
	s.hold = s.hold.Ranked(tick)
	if s.role = s.role.Ranked(tick); s.Idles() {
		s.role = role.New(s.policy.Role, role.Row{})
		s.passive, s.ready, s.healthy = router.NoServer, false, false
	}
	later := func(t router.Instant) router.Instant {
		if d := router.Instant(tick); t > 0 && t != router.Never {
			return (t + d - 1) / d * d
		}
		return t
	}
	s.retryAt, s.round.by = later(s.retryAt), later(s.round.by)
	for i := range s.idle {
		s.idle[i].at = later(s.idle[i].at)
	}
	return s
}

// LowestCSeq is the lowest CSeq of user x that s still reckons with.
func (s *State) LowestCSeq(x router.Server) uint32 { return s.licence.LowestCSeq(x) }

// LeaseOf is the number of the open Ask in a canonical State.
const LeaseOf = lease.CanonAsk
