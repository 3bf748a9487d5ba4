package role

import (
	"time"

	"releve/router"
)

// Implementation constants; our choices.
const (
	retryRound = 5 * time.Second // start to start of rounds while both are down
	retrySave  = time.Second     // after a save whose outcome is not known
	roundsMax  = 250             // where the counts of rounds stop
)

// OrderFor is how long after an operator's order for a switchover or a return its
// intent must be stored for it to be carried out. Our choice: two tries of a slow
// store; later nobody expects it any more. Maintenance is no change of role: it
// comes late rather than not at all.
const OrderFor = 10 * time.Second

// Alarm numbers, as in package health/alarm.
const (
	alarmNobody   = 1002 // neither server serves
	alarmSwitched = 1005 // an automatic switchover was made
	alarmReturn   = 1006 // the return is possible
	alarmStore    = 1021 // the store does not answer
)

// intent is what a save in flight is for.
type intent uint8

const (
	none   intent = iota
	begin         // the moving row
	finish        // the resting row after Bound
	undo          // the resting row after a move that was given up, or never begun
	freeze        // maintenance
)

// State is the role machine. Make it with New. Comparable; a copy is a state of
// its own. Instants are Mono unless they say High.
type State struct {
	policy Policy
	lease  bool

	row    Row          // durable
	rest   Row          // the last resting row: where an undo leads
	phase  router.Phase // Normal, OnSecondary, Switching, Returning or BothDown
	active router.Server

	intent  intent
	want    Row            // with intent: the row being saved
	unsure  bool           // the store does not answer
	saveAt  router.Instant // with saveDue: when to save want again
	saveDue bool
	orderBy router.Instant // High; with begin by an operator: not carried out from then on

	verifying    bool
	verification uint64
	began        router.Instant // while verifying: since when
	inRound      bool
	round        uint64         // number of the newest round
	nextRound    router.Instant // while verifying or BothDown, and no round is out
	k, solid     uint8          // switchable rounds in a row; those of them that are not DEAD_ALONE
	of           uint8          // rounds needed, as shown
	latest       router.Verdict // of the newest switchable round
	told         bool           // "would have switched" is in the journal

	ruling  router.Ruling
	ruledAt router.Instant
	verdict router.Verdict // behind ruling

	ready, healthy bool           // the passive server
	failed         bool           // the primary was left because it failed
	failedAt       router.Instant // when
	returnable     bool           // alarmReturn is on
}

var _ map[State]struct{} // comparable: the explorer and the simulator keep states in sets

// New returns the machine as the stored row left it. Nothing is decided before
// LeaseWon; a single node gets it at boot.
func New(p Policy, r Row) State {
	s := State{policy: p}
	s.adopt(r)
	return s
}

// Reconfigure goes on under p: what was counted so far counts by it.
func (s *State) Reconfigure(p Policy) { s.policy = p }

// adopt takes the stored row for the truth. The instant of an older failure is
// not known: ReturnWait counts from the start of the process.
func (s *State) adopt(r Row) {
	if r.Active == router.NoServer {
		r.Active = router.Primary
		r.Epoch = max(r.Epoch, 1)
	}
	switch r.Phase {
	case router.Switching, router.Returning:
		s.phase = r.Phase
		s.rest = Row{Phase: resting(r.Active), Active: r.Active, Epoch: r.Epoch, Reason: r.Reason}
	default:
		r.Phase = resting(r.Active)
		s.phase, s.rest = r.Phase, r
	}
	s.row, s.active = r, r.Active
	s.failed = r.Active == router.Secondary && (r.Reason != router.ReasonOperator || r.Phase == router.Returning)
	s.failedAt = 0
}

// resting is the phase in which a server serves and nothing runs.
func resting(active router.Server) router.Phase {
	if active == router.Secondary {
		return router.OnSecondary
	}
	return router.Normal
}

func (s *State) atRest() bool { return s.phase == router.Normal || s.phase == router.OnSecondary }

// View is what calls may know. MoveBy is left zero: only the licence knows it.
func (s State) View() router.View {
	v := router.View{
		Epoch: s.row.Epoch, Phase: s.phase, Active: s.active,
		Verification: s.verification, Verifying: s.verifying,
		Ruling: s.ruling, RuledAt: s.ruledAt, Verdict: s.verdict,
		Act: s.policy.Act, Round: s.shown(), Of: s.of,
	}
	switch {
	case s.row.Maintenance:
		v.Phase = router.Maintenance
	case s.verifying && s.atRest():
		v.Phase = router.Verifying
	}
	return v
}

// Next returns the instant (Mono) at which Step wants a Tick; false when it
// waits for nothing but events.
func (s *State) Next() (router.Instant, bool) {
	if !s.lease {
		return router.Never, false
	}
	next := router.Never
	if s.saveDue {
		next = min(next, s.saveAt)
	}
	if s.roundWanted() {
		next = min(next, s.nextRound)
	}
	if s.stable() && !s.returnable {
		next = min(next, s.mayReturnAt())
	}
	return next, next != router.Never
}

// roundWanted: another round will start when its time has come. None while the
// verification is confirmed and its intent is being saved.
func (s *State) roundWanted() bool {
	switch {
	case s.inRound || s.row.Maintenance:
		return false
	case s.phase == router.BothDown:
		return true
	}
	return s.verifying && !(s.intent == begin && s.confirmed())
}

// stable: on the secondary, and the primary has been good for long enough.
func (s *State) stable() bool {
	return s.phase == router.OnSecondary && !s.row.Maintenance && s.healthy
}

// ReturnAt is the instant (Mono) from which a return needs no force for the time
// since the primary's failure; 0: it never did.
func (s State) ReturnAt() router.Instant { return s.mayReturnAt() }

// mayReturnAt is when a return needs no force.
func (s *State) mayReturnAt() router.Instant {
	if !s.failed {
		return 0
	}
	return s.failedAt.Add(s.policy.ReturnWait)
}

// Round is the number of the newest round. A model explorer ranks the RoundDone
// events it holds by their distance to it.
func (s State) Round() uint64 { return s.round }

// Canon returns the state with instants rebased to now and cut where they stop
// to matter, and counters ranked: states that behave alike from now on become
// equal. It is for the model explorer; it is not to be stepped on with a clock
// that did not begin again at 0.
func (s State) Canon(now router.Clock) State {
	return s.Relative(now, min(s.row.Epoch, s.rest.Epoch))
}

// Relative is Canon with epochs relative to base.
func (s State) Relative(now router.Clock, base uint64) State {
	past := func(on bool, at router.Instant, reach time.Duration) router.Instant {
		if !on {
			return 0
		}
		return max(at-now.Mono, -router.Instant(reach))
	}
	future := func(on bool, at router.Instant) router.Instant {
		if !on {
			return 0
		}
		return max(at-now.Mono, 0)
	}
	s.nextRound = future(s.verifying || s.phase == router.BothDown, s.nextRound)
	s.saveAt = future(s.saveDue, s.saveAt)
	s.began = 0 // what comes from now on is newer
	s.ruledAt = past(s.ruling != router.NoRuling, s.ruledAt, s.policy.Spacing)
	s.failedAt = past(s.failed, s.failedAt, s.policy.ReturnWait)
	if s.orderBy = max(s.orderBy-now.High, 0); !s.ordered() {
		s.orderBy = 0
	}
	s.row.Epoch -= base
	s.rest.Epoch -= base
	if s.intent == none {
		s.want = Row{}
	} else {
		s.want.Epoch -= base
	}
	s.verification, s.round = 0, 0
	enough := s.policy.Count + s.policy.AloneExtra
	s.k, s.solid = min(s.k, enough), min(s.solid, enough)
	return s
}

// Ranked is a canonical s for an explorer in which time passes in multiples of
// tick and which looks at no alarm and no journal: waits end when they are first
// noticed.
func (s State) Ranked(tick time.Duration) State {
	d := router.Instant(tick)
	s.nextRound, s.saveAt, s.orderBy = (s.nextRound+d-1)/d*d, (s.saveAt+d-1)/d*d, (s.orderBy+d-1)/d*d
	s.returnable, s.told = false, false
	return s
}
