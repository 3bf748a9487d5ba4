package control

import (
	"time"

	"releve/health"
	"releve/router"
	"releve/router/licence"
	"releve/router/role"
)

// The targets of idle probing: both servers, then the IPBXs.
const (
	idlePrimary = iota
	idleSecondary
	idleIPBX
	idleTargets = idleIPBX + MaxIPBX
	peerTarget  = idleTargets // a witness of rounds, never probed idly
)

type idleProbe struct {
	cadence health.Cadence
	at      router.Instant
}

// round is one verification round in progress: the active server, and with it
// the other one and the IPBXs, so that our own isolation is not taken for the
// server's death.
type round struct {
	number   uint64 // 0: none
	target   router.Server
	awaiting uint8          // bit set of idle targets
	by       router.Instant // Mono: what is not there then is no evidence
	rtt      time.Duration  // of the target's OPTIONS; 0: no answer yet
}

// roundGrace is what a round is given beyond its spacing: two time-outs of a
// probe. Our choice.
const roundGrace = 2 * time.Second

// startRound probes the target and its witnesses at once.
func (s *State) startRound(now router.Clock, f role.Effect, out []Effect) []Effect {
	s.round = round{number: f.Round, target: f.Server, by: now.Mono.Add(s.policy.Role.Spacing + roundGrace)}
	for i := range s.idle {
		if s.expected(i) {
			s.round.awaiting |= 1 << i
			out = s.probe(now, i, f.Round, out)
		}
	}
	if s.policy.Peer {
		s.round.awaiting |= 1 << peerTarget
		out = append(out, Effect{Kind: AskPeer, Server: f.Server, Round: f.Round})
	}
	return out
}

// expected reports whether target i takes part in a round.
func (s *State) expected(i int) bool {
	if i == idleSecondary && s.policy.Absent && !s.board.Known[router.Secondary] && s.role.View().Active != router.Secondary {
		return false
	}
	return s.followed(i)
}

// followed reports whether target i is probed idly. A secondary that may be off
// the network is, too: an operator who has started it shall find it ready.
func (s *State) followed(i int) bool {
	switch i {
	case idlePrimary:
		return true
	case idleSecondary:
		return s.policy.Secondary
	}
	return i-idleIPBX < int(s.policy.IPBXs)
}

func (s *State) probe(now router.Clock, i int, number uint64, out []Effect) []Effect {
	s.idle[i].at = s.idle[i].cadence.Next(now.Mono, s.policy.Health.Interval)
	if i >= idleIPBX {
		return append(out, Effect{Kind: ProbeIPBX, IPBX: uint8(i - idleIPBX), Round: number})
	}
	return append(out, Effect{Kind: Probe, Server: serverOf(i), Round: number})
}

func serverOf(i int) router.Server {
	if i == idlePrimary {
		return router.Primary
	}
	return router.Secondary
}

// tick does what is due by the clock.
func (s *State) tick(now router.Clock, out []Effect) []Effect {
	out = s.saveAgain(now, out)
	out = s.overdue(now, out)
	for i := range s.idle {
		if s.followed(i) && s.idle[i].at <= now.Mono {
			out = s.probe(now, i, 0, out)
		}
	}
	out = s.licenceStep(now, licence.Event{Kind: licence.Tick}, out)
	return s.roleStep(now, role.Event{Kind: role.Tick}, out)
}

func (s *State) nextIdle() router.Instant {
	next := router.Never
	for i := range s.idle {
		if s.followed(i) {
			next = min(next, s.idle[i].at)
		}
	}
	return next
}

// probed enters the result of a probe of a server.
func (s *State) probed(now router.Clock, e Event, out []Effect) []Effect {
	if e.Site != 0 && e.Site != s.policy.Site[e.Server] {
		if e.Round != 0 && e.Round == s.round.number {
			return s.reported(now, 1<<(int(e.Server)-1), out)
		}
		return out
	}
	s.probedServer(now, e)
	s.alarms.count(e.Server, now, s)
	if e.Round != 0 && e.Round == s.round.number {
		if e.Server == s.round.target && e.Evidence != router.Silent && e.Evidence != router.Refused {
			s.round.rtt = e.RTT
		}
		return s.reported(now, 1<<(int(e.Server)-1), out)
	}
	// Idle probing alone may start a verification: when it fails, and when calls
	// have failed for so long that it would count (a call refused with 404 goes
	// back as it is and overflows nowhere). A result of a round that was given up
	// may not.
	if e.Round == 0 && e.Server == s.role.View().Active && s.board.Known[e.Server] && !s.void(now, e.RTT) && (failed(e.Evidence) || s.persists(now, e.Server)) {
		out = s.roleStep(now, role.Event{Kind: role.Overflow, Server: e.Server}, out)
	}
	return out
}

// persists reports whether a server answers OPTIONS and has served badly for so
// long that a round would count.
func (s *State) persists(now router.Clock, server router.Server) bool {
	facts := s.board.Facts(now.Mono, server, s.policy.Health)
	v, _ := health.Judge(facts)
	return facts.Persists() && (v == router.VerdictGray && s.policy.Role.Gray || v == router.VerdictDegraded && s.policy.Role.Degraded)
}

func failed(e router.Evidence) bool {
	return e == router.Silent || e == router.Refused || e == router.Err
}

// ipbxProbed enters the result of a probe of an IPBX.
func (s *State) ipbxProbed(now router.Clock, e Event, out []Effect) []Effect {
	if e.Evidence == router.OK || e.Evidence == router.Refused {
		s.board.SightIPBX(now.Mono, e.IPBX, true) // a refusal is sight of its host
	} else if !s.void(now, e.RTT) {
		s.board.IPBXSilent(now.Mono, e.IPBX, e.RTT)
	}
	s.alarms.countIPBX(e, s)
	if e.Round != 0 && e.Round == s.round.number {
		out = s.reported(now, 1<<(idleIPBX+int(e.IPBX)), out)
	}
	return out
}

// peerSaw enters how the other node sees a server.
func (s *State) peerSaw(now router.Clock, e Event, out []Effect) []Effect {
	s.board.Peer(now.Mono, e.Server, e.Host)
	if e.Round != 0 && e.Round == s.round.number {
		out = s.reported(now, 1<<peerTarget, out)
	}
	return out
}

// Sees is what this node tells the other one about a server: whether it answers
// here; Unknown while it was never good, or has not been probed lately.
func (s *State) Sees(now router.Clock, server router.Server) health.Presence {
	switch s.board.Facts(now.Mono, server, s.policy.Health).SIP {
	case router.OK, router.Busy, router.Err:
		return health.Up
	case router.Silent, router.Refused:
		return health.Down
	}
	return health.Unknown
}

// reported counts the results of the running round. It is judged with the last
// one, or as soon as its target has answered and is well: witnesses could only
// say why a silence is not its own, and callers wait.
func (s *State) reported(now router.Clock, bit uint8, out []Effect) []Effect {
	s.round.awaiting &^= bit
	if s.round.awaiting == 0 {
		return s.judge(now, out)
	}
	if bit == 1<<(int(s.round.target)-1) {
		if verdict, _ := s.Judged(now, s.round.target); verdict.Functional() {
			return s.judge(now, out)
		}
	}
	return out
}

// judge ends the running round.
func (s *State) judge(now router.Clock, out []Effect) []Effect {
	r := s.round
	s.round = round{}
	facts := s.board.Facts(now.Mono, r.target, s.policy.Health)
	verdict, rule := health.Judge(facts)
	out = append(out, Effect{Kind: Record, Server: r.target, Verdict: verdict, Rule: rule, Round: r.number, Facts: facts, RTT: r.rtt, Reason: ReasonRound, Phase: s.role.View().Phase})
	return s.roleStep(now, role.Event{Kind: role.RoundDone, Round: r.number, Verdict: verdict, Lasting: facts.Persists()}, out)
}

// overdue ends a round whose results never came: a probe that was not made (an
// agent with no room) proves nothing of a server.
func (s *State) overdue(now router.Clock, out []Effect) []Effect {
	if s.round.number == 0 || now.Mono < s.round.by {
		return out
	}
	for i := idlePrimary; i <= idleSecondary; i++ {
		if s.round.awaiting&(1<<i) != 0 {
			s.board.Probe(now.Mono, serverOf(i), router.NoEvidence, 0)
		}
	}
	if s.round.awaiting&(1<<peerTarget) != 0 {
		s.board.Peer(now.Mono, s.round.target, health.Unknown)
	}
	return s.judge(now, out)
}

// roundBy is when the running round is overdue.
func (s *State) roundBy() router.Instant {
	if s.round.number == 0 {
		return router.Never
	}
	return s.round.by
}

// ReasonRound marks the journal line of one judged round.
const ReasonRound router.Reason = "round-judged"

// Judged is the present verdict about a server, without a round.
func (s *State) Judged(now router.Clock, server router.Server) (router.Verdict, health.Rule) {
	return health.Judge(s.board.Facts(now.Mono, server, s.policy.Health))
}

// goodRounds make a server ready to take over.
const goodRounds = 2

// readiness tells the role machine when the passive server could take over: two
// good rounds, an IPBX that is seen, no operator who drains it, and, of the
// secondary, a mirror that does not lag. Health for a return: five.
func (s *State) readiness(now router.Clock, out []Effect) []Effect {
	passive := s.role.View().Active.Other()
	good := s.board.Good(now.Mono, passive, s.policy.Health)
	unseen := s.board.IPBXUnseen(now.Mono, s.policy.Health)
	ready := s.policy.Secondary && good >= goodRounds && !unseen && (!s.drained[passive] || mutant == 50) && !s.stale(passive)
	healthy := ready && good >= s.policy.Role.Stable
	if ready == s.ready && healthy == s.healthy && passive == s.passive {
		return out
	}
	s.passive, s.ready, s.healthy = passive, ready, healthy
	return s.roleStep(now, role.Event{Kind: role.Ready, Server: passive, Ready: ready, Healthy: healthy}, out)
}

// Good is the number of good rounds of a server in a row.
func (s *State) Good(now router.Clock, server router.Server) uint8 {
	return s.board.Good(now.Mono, server, s.policy.Health)
}

// Host is what the checks prove of a server's host.
func (s *State) Host(now router.Clock, server router.Server) health.Presence {
	return s.board.Facts(now.Mono, server, s.policy.Health).Host
}

// ReturnAt is when a return needs no force for the time since the primary's
// failure, Mono; 0: it never did.
func (s *State) ReturnAt() router.Instant { return s.role.ReturnAt() }

// Ready reports whether the passive server may take over.
func (s *State) Ready() bool { return s.ready }
