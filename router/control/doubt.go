package control

import (
	"time"

	"releve/health"
	"releve/router"
)

// This node was away: its timers came late, or its machine was paused. What was
// under way then proves nothing against anybody: an answer may have come while
// nobody looked, and the time-out that is handled now was not waited for. What
// speaks for a server counts all the same.
//
//	away ──► Self(on): the running round ends as SELF_SICK, and the verification with it
//	  │        results of what began before: void when they accuse
//	  └──────► Self(off), later: the next round begins from nothing
//
// The owner tells it before it hands over anything else (each time anew while it
// lasts).

// doubt is when this node last came back. Comparable.
type doubt struct {
	ever bool
	back router.Instant // Mono
}

// longestProbe bounds what may have begun before the node came back, for Canon:
// beyond it nothing is under way any more. Our choice, far above any time-out.
const longestProbe = time.Minute

// doubted: this node is sick, or no more. What a test call met while it was proves
// nothing.
func (s *State) doubted(now router.Clock, sick bool, out []Effect) []Effect {
	s.board.Self(sick)
	if s.policy.Health.CallProbe {
		s.calls.doubt, s.calls.ever = now.Mono, true
	}
	if !sick {
		return out
	}
	s.doubt = doubt{true, now.Mono}
	if s.round.number != 0 {
		out = s.judge(now, out)
	}
	return out
}

// void reports whether a result that took took accuses somebody of what happened
// while this node was away.
func (s *State) void(now router.Clock, took time.Duration) bool {
	return s.doubt.ever && now.Mono.Add(-took) < s.doubt.back
}

// probedServer enters the result of OPTIONS. One that spans our absence counts
// when it was answered, and its time says nothing; one that our own side could
// not send says so.
func (s *State) probedServer(now router.Clock, e Event) {
	switch away := s.void(now, e.RTT); {
	case away && e.Evidence != router.OK && e.Evidence != router.Busy:
		return
	case away:
		e.RTT = 0
	}
	s.board.Own(e.Server, e.On)
	s.board.Probe(now.Mono, e.Server, e.Evidence, e.RTT)
	if e.Host != health.Unknown || e.Round != 0 && e.Evidence == router.Silent {
		s.board.Host(now.Mono, e.Server, e.Host) // what was seen before this silence does not explain it
	}
}

// decided enters what a real call proves. While this node is sick, its late
// timers accuse every server.
func (s *State) decided(now router.Clock, e Event) {
	if s.board.Sick() && e.Evidence != router.OK && e.Evidence != router.Busy {
		return
	}
	s.board.Call(now.Mono, e.Server, e.Evidence)
}

func (d doubt) canon(now router.Instant) doubt {
	if !d.ever || now.Sub(d.back) > longestProbe {
		return doubt{}
	}
	d.back -= now
	return d
}
