package sim

import (
	"math/rand/v2"
	"time"

	"releve/health"
	"releve/proxy/fork"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
	"releve/router/role"
)

// The times of an episode. Faults begin and end before heal; from then on
// nothing is wrong, and within the bound all must be well.
const (
	firstFault = 20 * time.Second
	healAt     = 5 * time.Minute
	atLeast    = 10 * time.Minute // simulated, per episode
	minCalls   = 24
	grace      = 200 * time.Second // beyond the fence: back-off of a wrong password, rounds, probes
	drain      = 2 * time.Minute   // after the last call is offered
	holdBudget = 20 * time.Second
)

// setting is the site of one episode. Swarm: each draws its own.
type setting struct {
	nodes       int
	policy      licence.Policy
	control     control.Policy
	fork        fork.Policy
	lines       int
	loss        float64 // everywhere, always
	hostCheck   bool    // tcp checks are configured
	auth        bool    // the registrars challenge
	rewrites    bool    // our Contact comes back beyond recognition
	omits       bool    // their 2xx lists no bindings
	tooBrief    time.Duration
	grants      time.Duration // whatever was asked for; 0: as asked
	overflow    float64       // share of calls on the overflow entry
	calls       int
	outgoing    int
	talk        time.Duration // mean length of a call
	hour        hour
	strangers   int  // callers
	registering bool // the servers register through us
	returns     bool // an operator returns to the primary in the end
	grave       bool // after the faults the primary is dead for good
	heal, end   router.Instant
}

// draw draws a setting.
func draw(r *rand.Rand) setting {
	s := setting{
		strangers: 40,
		policy: licence.Policy{
			Mode:  pick(r, licence.Pair, licence.Pair, licence.Pair, licence.Pair, licence.Gate, licence.Hold, licence.Trunk),
			IPBXs: pick[uint8](r, 1, 1, 2), Expires: time.Minute, Txn: 4 * time.Second,
			MaxGrant: pick(r, 60*time.Second, 60*time.Second, 120*time.Second, 180*time.Second),
		},
		lines: 6 + r.IntN(8), loss: pick(r, 0, 0.005, 0.02, 0.05), hostCheck: r.IntN(4) == 0,
		auth: r.IntN(2) == 0, omits: r.IntN(5) == 0, overflow: pick(r, 0, 0, 0.3),
		calls: minCalls + r.IntN(24), outgoing: r.IntN(6), talk: pick(r, 30*time.Second, 60*time.Second, 100*time.Second),
		returns: r.IntN(3) == 0,
	}
	s.policy.Slack = time.Second + s.policy.MaxGrant/1000
	s.policy.NoFetch = r.IntN(4) == 0
	if r.IntN(6) == 0 {
		s.tooBrief = s.policy.MaxGrant
	}
	if r.IntN(3) == 0 {
		s.grants = between(r, 30*time.Second, s.policy.MaxGrant)
	}
	if r.IntN(10) == 0 && !s.omits && !s.rewrites {
		s.grants = s.policy.MaxGrant + between(r, time.Second, s.policy.MaxGrant/2) // longer than anybody said
	}
	if s.rewrites = !s.omits && r.IntN(12) == 0; (s.omits || s.rewrites) && s.grants > 0 {
		s.grants = max(min(s.grants, s.policy.MaxGrant), s.policy.Expires, s.tooBrief) // shortened unseen, a binding would lapse
	}
	if s.policy.Mode == licence.Gate && r.IntN(2) == 0 {
		s.policy.NoPassword = [router.Servers]bool{router.Primary: true, router.Secondary: true}
	}
	if r.IntN(4) == 0 && s.grants == 0 { // nobody said what these IPBXs grant
		s.policy.Learn = true
	}
	s.registering = s.policy.NoPassword != [router.Servers]bool{} || s.policy.Mode != licence.Trunk && r.IntN(4) == 0
	if r.IntN(3) == 0 {
		s.hour = hour{
			from: between(r, 10*time.Second, healAt-time.Minute), lasts: between(r, time.Minute, 3*time.Minute),
			load: 0.7 + r.Float64(),
		}
	}
	s.heal = router.Instant(healAt)
	s.end = s.heal.Add(max(s.longest()+grace+drain, atLeast-healAt))
	s.nodes = 1 + r.IntN(2)
	s.drawPolicies(r)
	s.drawLevel(r)
	return s
}

// drawLevel: a mirror is watched where switchovers are automatic; at the level
// backup the secondary may be off the network.
func (s *setting) drawLevel(r *rand.Rand) {
	automatic := s.control.Role.Automatic
	s.control.Mirror = automatic && r.IntN(2) == 0
	s.control.Absent = !automatic && r.IntN(2) == 0
	if s.grave = automatic && s.control.Role.Act && r.IntN(8) == 0; s.grave {
		s.returns = false
	}
}

// longest is how long a binding of the site can last.
func (s *setting) longest() time.Duration { return max(s.policy.MaxGrant, s.grants) }

func (s *setting) drawPolicies(r *rand.Rand) {
	spacing := pick(r, time.Second, 2*time.Second)
	s.control = control.Policy{
		Role: role.Policy{
			Count: pick[uint8](r, 3, 3, 3, 2, 4), AloneExtra: 2, Spacing: spacing, Dead: true, Gray: true, Degraded: true,
			Act: r.IntN(16) != 0, Automatic: r.IntN(16) != 0, ReturnWait: 15 * time.Minute, Stable: 5,
		},
		Licence: s.policy, Secondary: true, IPBXs: s.policy.IPBXs,
		Health: health.Policy{Interval: pick(r, 5*time.Second, 10*time.Second, 10*time.Second), Lasting: time.Minute},
	}
	if r.IntN(3) == 0 {
		s.control.Health.CallProbe = true
		s.control.Calls = control.CallPolicy{Every: pick(r, time.Minute, time.Minute, 5*time.Minute), Suspect: 20 * time.Second, Passive: r.IntN(2) == 0}
	}
	if s.nodes > 1 {
		s.control.Lease = drawLease(pick(r, 6*time.Second, 12*time.Second, 24*time.Second))
		s.control.Peer = r.IntN(8) != 0
	}
	s.fork = fork.Policy{
		ProgressTimeout: 2 * time.Second, AnswerTimeout: 8 * time.Second, HoldBudget: holdBudget, TimerC: 200 * time.Second,
		Round: spacing, HoldSignal: pick[uint16](r, 0, 0, 180, 183), Requeue: r.IntN(4) > 0, RejectStatus: 486,
		Automatic: s.control.Role.Automatic, Rescue: r.IntN(3) > 0, IPBXs: s.policy.IPBXs,
	}
}
