package licence

import (
	"time"

	"releve/router"
)

// Wait names what a State waits for; it goes unchanged to the licence verb.
type Wait string

// The waits, the first that applies.
const (
	WaitNothing     Wait = ""
	WaitLease       Wait = "lease"       // this node may not act
	WaitSave        Wait = "store"       // the intent is being saved
	WaitAnswer      Wait = "answer"      // of the IPBX
	WaitOutstanding Wait = "outstanding" // an unanswered REGISTER may still arrive
	WaitFence       Wait = "fence"       // proof of absence, or the fence, whichever comes first
	WaitRetry       Wait = "retry"       // the next attempt
)

// Binding is one user at one IPBX as last stated.
type Binding struct {
	Possible  bool          // a binding may exist
	Up        bool          // the IPBX said so and it has not expired
	Granted   time.Duration // by the last 2xx; 0: none
	Remaining time.Duration // until the IPBX forgets it; 0 when not Up
	Fence     time.Duration // until no binding can exist; 0 when not Possible
	Foreign   uint8         // Contacts that are not ours, in the last list
	Refused   bool          // AlarmRefused stands
	Unkept    bool          // AlarmUnkept stands
	Overlap   bool          // AlarmOverlap stands …
	Lasts     time.Duration // … and since when
	Elsewhere time.Duration // until no binding can exist at a former registrar of this place; 0: none does
	Proves    bool          // a list of this registrar without this user proves its absence
}

// Status is a picture for people.
type Status struct {
	Mode     Mode
	Phase    Phase
	Holder   router.Server
	Leaving  router.Server
	Epoch    uint64
	Waits    Wait
	Fence    time.Duration // the longest of the user that leaves; 0: none
	IPBXs    uint8
	Proves   [MaxIPBX]bool          // its lists prove the absence of who is registered, or leaves
	Grants   [MaxIPBX]time.Duration // the longest grant reckoned with
	Learnt   [MaxIPBX]time.Duration // the longest grant seen, where that is it; 0: the configuration's
	Bindings [router.Servers][MaxIPBX]Binding
	Own      [router.Servers]bool // mode gate: this server is registered here
	Keeps    bool                 // the store does not answer: what is bound is kept alive, nothing moves
}

// Status returns the picture at now.
func (s State) Status(now router.Clock) Status {
	v := Status{
		Mode: s.p.Mode, Phase: s.r.Phase, Holder: s.r.Holder, Leaving: s.r.Leaving,
		Epoch: s.r.Epoch, IPBXs: s.p.IPBXs, Waits: s.waits(now), Keeps: s.keep,
	}
	for i := range v.Grants {
		if v.Grants[i] = s.cover(i); s.r.Learnt[i] > 0 && (s.learns(i) || s.r.Learnt[i] > s.stated(i)) {
			v.Learnt[i] = v.Grants[i]
		}
	}
	who := s.subject()
	v.Fence = s.formerFence(now, who)
	if s.r.Leaving != router.NoServer {
		who = s.r.Leaving
	}
	v.Proves = s.r.Shown[who]
	for x := router.Primary; x <= router.Secondary; x++ {
		v.Own[x] = s.own[x].on
		for i := range s.line[x] {
			v.Bindings[x][i] = s.binding(now, x, i)
			if x == s.r.Leaving {
				v.Fence = max(v.Fence, v.Bindings[x][i].Fence, v.Bindings[x][i].Elsewhere)
			}
		}
	}
	return v
}

func (s *State) binding(now router.Clock, x router.Server, i int) Binding {
	l := s.line[x][i]
	b := Binding{
		Possible: s.r.Possible[x][i], Up: l.up, Granted: l.granted,
		Foreign: l.foreign, Refused: l.refused == raised, Unkept: l.lost == raised, Overlap: l.overlap == raised, Proves: s.r.Shown[x][i],
	}
	if b.Overlap {
		b.Lasts = now.Mono.Sub(l.since)
	}
	if s.r.Elsewhere[x][i] {
		b.Elsewhere = time.Duration(rebase(l.elsewhere, now))
	}
	if b.Up {
		b.Remaining = time.Duration(rebase(l.upUntil, now))
	}
	if b.Possible {
		b.Fence = time.Duration(rebase(l.bound, now))
	}
	return b
}

func (s *State) waits(now router.Clock) Wait {
	switch {
	case !s.acts:
		return WaitLease
	case s.former(s.subject()):
		return WaitFence
	case s.r.Phase == Idle || s.r.Phase == Bound && s.announced:
		return WaitNothing
	case s.open || s.doubt:
		return WaitSave
	case leaving(s.r.Phase):
		return s.waitsFor(now, s.r.Leaving, WaitFence)
	}
	return s.waitsFor(now, s.r.Holder, WaitRetry)
}

func (s *State) waitsFor(now router.Clock, x router.Server, otherwise Wait) Wait {
	wait := otherwise
	for i, l := range s.line[x] {
		switch {
		case l.state == sent:
			return WaitAnswer
		case s.r.Possible[x][i] && l.dead > now.Mono && leaving(s.r.Phase):
			wait = WaitOutstanding
		}
	}
	return wait
}
