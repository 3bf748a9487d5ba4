package control

import (
	"releve/router"
	"releve/router/lease"
	"releve/router/licence"
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

// Effect returns f, an effect of a State with base b taken out, as the State
// itself would have given it.
func (b Base) Effect(f Effect) Effect {
	switch f.Kind {
	case Save:
		f.Row.Licence.Epoch += b.Licence.Epoch
		f.Row.Role.Epoch += b.Licence.Epoch
		for x := range f.Row.Licence.CSeq {
			f.Row.Licence.CSeq[x] += b.Licence.CSeq[x]
		}
		f.Version += b.Version
		f.Epoch += b.Lease
	case Register:
		f.Register.CSeq += b.Licence.CSeq[f.Register.User]
	case AskLease:
		f.Lease.Epoch += b.Lease
	}
	return f
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

// Ranked is s without what an explorer does not look at: what only alarms know,
// good rounds beyond those that a rule asks for, and round-trip times. What the
// alarm about a silent IPBX knows stays, for its end is told to the licence.
func (s State) Ranked() State {
	seen := s.alarms
	s.alarms = alarms{ipbx: seen.ipbx, unseen: seen.unseen}
	for i, e := range s.alarms.ipbx {
		if e == cleared {
			s.alarms.ipbx[i] = untold
		}
	}
	s.board = s.board.Ranked(max(goodRounds, s.policy.Role.Stable))
	return s
}

// LeaseOf is the number of the open Ask in a canonical State.
const LeaseOf = lease.CanonAsk
