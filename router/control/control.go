// Package control is one node's mind: evidence → Judge → role → licence. It is
// the only composer of those rooms, and the same code runs in the node, in the
// simulator and in the explorer.
//
//	events ─► Board ─► Facts ─► Judge ─► role ─► licence ─► effects
//	             ▲                         │        │
//	             └── rounds (Probe) ◄──────┘        └─► Save (write-ahead), Register
//
// State is flat and comparable; the clock is an argument. One owner steps it;
// never used concurrently. What role and licence want to keep is one Row, saved
// as a whole under one version: one save is in flight at a time, and each
// machine goes on only when the durable row is the one it asked for.
//
// Two nodes (Policy.Lease.Shared). The lease machine says whether this node may
// act; each step looks at it first. Not holding it, the mind probes, knows the
// stored roles as the store last told them, and decides, stores and sends
// nothing. Keeping it while the store is silent, it refreshes what is bound and
// no more. Whatever is sent ends by NotAfter with the permission at the latest,
// and whatever is stored carries the lease's epoch and is refused by the store
// when another node has taken it since.
package control

import (
	"releve/health"
	"releve/router"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// MaxIPBX bounds the IPBXs of a site, gateways included; the first licence.MaxIPBX
// at most are registered at.
const MaxIPBX = health.MaxIPBX

// State is the mind. Make one with New, give it Boot first.
type State struct {
	policy  Policy
	board   health.Board
	role    role.State
	licence licence.State
	booted  bool

	hold     lease.State
	lease    bool          // this node may decide: only then is anything saved
	winning  bool          // the lease was won, and a save of the former one is under way
	want     Row           // what the machines asked to keep
	durable  Row           // as stored
	inflight Row           // being saved
	bindTo   router.Server // whom the licence machine was last told to bind
	saving   bool
	asked    asked
	version  uint64         // of durable
	retryAt  router.Instant // of the save whose outcome is unknown; 0: none

	round   round
	doubt   doubt
	idle    [idleTargets]idleProbe
	passive router.Server // whom ready and healthy are about
	ready   bool
	healthy bool
	drained [router.Servers]bool // by an operator: no new calls, no change of role to it
	alarms  alarms
	calls   testCalls
	copy    Copy
	view    router.View
}

// asked says which machines wait for the outcome of a save.
type asked struct{ role, licence bool }

var _ map[State]struct{} // comparable: explored and simulated

// New returns a mind that knows nothing yet. seed spreads its idle probes.
func New(p Policy, seed uint64) State {
	p.Licence.Grace = p.Lease.Grace()
	s := State{policy: p, hold: lease.New(p.Lease)}
	for i := range s.idle {
		s.idle[i].cadence.Seed = seed + uint64(i)*0x9e3779b97f4a7c15
	}
	for i := range s.calls.server {
		if p.Health.CallProbe {
			s.calls.server[i].cadence.Seed = seed + uint64(idleTargets+i)*0x9e3779b97f4a7c15
		}
	}
	return s
}

// Step takes one event and appends what is to be done to out.
func (s *State) Step(now router.Clock, e Event, out []Effect) []Effect {
	if e.Kind == Boot {
		return s.boot(now, e, out)
	}
	if !s.booted {
		return out
	}
	if s.policy.Lease.Shared {
		out = s.leaseStep(now, leaseEvent(e), e, out)
	}
	switch e.Kind {
	case Tick:
		out = s.tick(now, out)
	case Overflow:
		out = s.overflow(now, e.Server, out)
	case ProbeDone:
		out = s.probed(now, e, out)
	case IPBXProbe:
		out = s.ipbxProbed(now, e, out)
	case Evidence:
		s.decided(now, e)
	case Answered:
		out = s.answered(now, e, out)
	case Host:
		if e.Host == health.Up || !s.board.Sick() {
			s.board.Host(now.Mono, e.Server, e.Host)
		}
	case Restarted:
		s.board.Restarted(now.Mono, e.Server)
	case Sight:
		s.board.SightIPBX(now.Mono, e.IPBX, false)
	case Lines:
		s.board.Lines(e.Server, e.Occupancy)
	case Self:
		out = s.doubted(now, e.On, out)
	case Operate:
		out = s.operate(now, e, out)
	case Registrar:
		out = s.licenceStep(now, e.Register, out)
	case Saved:
		out = s.saved(now, e.Version, out)
	case SaveFailed:
		out = s.saveFailed(now, e.Version, out)
	case Lease:
		out = s.leased(now, e, out)
	case PeerSaw:
		out = s.peerSaw(now, e, out)
	case CallDone:
		out = s.called(now, e, out)
	case Drain:
		out = s.drain(now, e, out)
	case Mirror:
		out = s.mirrored(now, e.Copy, out)
	case LeaseDone, Address, Yield: // done
	}
	switch e.Kind {
	case Tick, ProbeDone, IPBXProbe, Self, CallDone, Mirror:
		out = s.watch(now, s.placeCalls(now, out))
	}
	return s.settle(now, out)
}

// settle does what follows from any event: readiness, the holder of the
// licence, one save, one view.
func (s *State) settle(now router.Clock, out []Effect) []Effect {
	out = s.readiness(now, out)
	out = s.giveUp(now, out)
	out = s.follow(now, out)
	out = s.save(now, out)
	if v := s.currentView(); v != s.view {
		s.view = v
		out = append(out, Effect{Kind: Publish, View: v})
	}
	return out
}

// giveUp takes a move back that waits, for the IPBX or for a server that registers
// itself, while its sense is gone: the server it is for is not ready any more, and
// the other one has been good for as long as a return wants. Our choice: neither an
// hour-long fence nor a server that died meanwhile may keep a site from the one that
// works. A switchover that an operator asked for stays; a return stays until nothing
// answers at the primary, and everywhere but at the level that also switches by itself.
func (s *State) giveUp(now router.Clock, out []Effect) []Effect {
	v := s.role.View()
	to := v.Active.Other()
	automatic := v.Phase == router.Switching && v.Verdict.Switchable()
	switch {
	case v.Phase != router.Switching && v.Phase != router.Returning, s.ready:
		return out
	case s.board.Good(now.Mono, v.Active, s.policy.Health) < s.policy.Role.Stable:
		return out
	case !automatic && !(v.Phase == router.Returning && s.policy.Role.Automatic && s.board.Away(to)):
		return out
	}
	return s.roleStep(now, role.Event{Kind: role.MoveFailed, Server: to}, out)
}

// currentView is the role machine's view with the end of a licence move.
func (s *State) currentView() router.View {
	v := s.role.View()
	v.Drained = s.drained
	if v.Phase == router.Switching || v.Phase == router.Returning {
		v.MoveBy = s.licence.MoveBy()
	}
	return v
}

// operate: a site with one server has nobody to switch over to, whatever force
// is used. Nor is a role given to a drained server, our choice: it would serve
// nobody, and to lift the mark is one command.
func (s *State) operate(now router.Clock, e Event, out []Effect) []Effect {
	if e.Command == role.Switchover && !s.policy.Secondary {
		return append(out, Effect{Kind: Refuse, Reason: router.ReasonOneServer, Command: e.Command})
	}
	moves := e.Command == role.Switchover || e.Command == role.Return
	if moves && s.drained[s.role.View().Active.Other()] {
		return append(out, Effect{Kind: Refuse, Reason: router.ReasonDrained, Command: e.Command})
	}
	return s.roleStep(now, role.Event{Kind: role.Operator, Command: e.Command, Force: e.Force}, out)
}

// drain marks a server, or lifts the mark: readiness and view follow in settle.
func (s *State) drain(now router.Clock, e Event, out []Effect) []Effect {
	s.drained[e.Server] = e.On || mutant == 55 && s.drained[e.Server]
	if mutant == 52 && e.On && e.Server == router.Primary {
		return s.roleStep(now, role.Event{Kind: role.Operator, Command: role.Switchover, Force: true}, out)
	}
	return out
}

// overflow: the active server did not take a call. One that another server did
// not take was held before the roles changed; the ruling of that change is for
// it, and the server that is active now is not in question.
func (s *State) overflow(now router.Clock, server router.Server, out []Effect) []Effect {
	if server != s.role.View().Active {
		return out
	}
	return s.roleStep(now, role.Event{Kind: role.Overflow, Server: server}, out)
}

// follow binds the active server's user when nobody else asked for it: at the
// first start, and after a row was stored before its licence.
func (s *State) follow(now router.Clock, out []Effect) []Effect {
	v := s.role.View()
	if v.Phase == router.Switching || v.Phase == router.Returning || s.bindTo == v.Active {
		return out
	}
	return s.move(now, v.Active, v.Epoch, out)
}

func (s *State) move(now router.Clock, to router.Server, epoch uint64, out []Effect) []Effect {
	s.bindTo = to
	return s.licenceStep(now, licence.Event{Kind: licence.Move, To: to, Epoch: epoch}, out)
}

// roleStep feeds the role machine and performs its effects.
func (s *State) roleStep(now router.Clock, e role.Event, out []Effect) []Effect {
	var room [8]role.Effect
	for _, f := range s.role.Step(now, e, room[:0]) {
		out = s.roleEffect(now, f, out)
	}
	return out
}

func (s *State) roleEffect(now router.Clock, f role.Effect, out []Effect) []Effect {
	switch f.Kind {
	case role.StartRound:
		out = s.startRound(now, f, out)
	case role.MoveLicence:
		out = s.move(now, f.Server, f.Epoch, out)
	case role.Save:
		s.want.Role, s.asked.role = f.Row, true
	case role.Alarm:
		out = append(out, Effect{Kind: Alarm, Server: f.Server, Alarm: f.Alarm, On: f.On, Reason: f.Reason})
	case role.Record:
		out = append(out, Effect{
			Kind: Record, Server: f.Server, Verdict: f.Verdict, Reason: f.Reason, Epoch: f.Epoch, K: f.K, N: f.N,
			Phase: s.role.View().Phase, Command: f.Command,
		})
	case role.Refuse:
		out = append(out, Effect{Kind: Refuse, Reason: f.Reason, Command: f.Command})
	}
	return out // Rule is read from the state, in settle
}

// licenceStep feeds the licence machine and performs its effects.
func (s *State) licenceStep(now router.Clock, e licence.Event, out []Effect) []Effect {
	var room [8]licence.Effect
	return s.licenceEffects(now, s.licence.Step(now, e, room[:0]), out)
}

func (s *State) licenceEffects(now router.Clock, effects []licence.Effect, out []Effect) []Effect {
	for _, f := range effects {
		switch f.Kind {
		case licence.Send:
			out = append(out, Effect{Kind: Register, Register: s.limited(f)})
		case licence.Reply:
			out = append(out, Effect{Kind: Reply, Server: f.User, IPBX: f.IPBX, Register: f})
		case licence.Own:
			out = s.owned(now, f, out)
		case licence.Save:
			s.want.Licence, s.asked.licence = f.Row, true
		case licence.BoundNow:
			out = s.roleStep(now, role.Event{Kind: role.Bound, Server: f.User}, out)
		case licence.Alarm:
			out = append(out, Effect{Kind: Alarm, Server: f.User, IPBX: f.IPBX, Alarm: f.Alarm, On: f.On, Reason: f.Reason, Foreign: f.Foreign, Lasted: f.Lasted})
		}
	}
	return out
}

// limited: nothing is transmitted when this node may act no more.
func (s *State) limited(f licence.Effect) licence.Effect {
	if s.policy.Lease.Shared && f.NotAfter != router.Never {
		f.NotAfter = min(f.NotAfter, s.hold.Until())
	}
	return f
}

// owned: a server began or ceased to register here. The active one's
// disappearance is what a silent probe is: a reason to look, never a verdict.
func (s *State) owned(now router.Clock, f licence.Effect, out []Effect) []Effect {
	out = append(out, Effect{Kind: Own, Server: f.User, On: f.On})
	if f.On || f.User != s.role.View().Active || !s.board.Known[f.User] {
		return out
	}
	return s.roleStep(now, role.Event{Kind: role.Overflow, Server: f.User}, out)
}

// answered: a real call was answered; it ends a verification of that server.
func (s *State) answered(now router.Clock, e Event, out []Effect) []Effect {
	at := now.Mono
	if e.At != 0 {
		at = min(at, e.At)
	}
	s.board.Answered(at, e.Server)
	if e.Server == s.role.View().Active && !s.board.Mute(now.Mono, e.Server) {
		out = s.roleStep(now, role.Event{Kind: role.Alive, Server: e.Server, At: at}, out)
	}
	return out
}

// Next is the earliest deadline (Mono) of the mind.
func (s *State) Next() (router.Instant, bool) {
	if !s.booted {
		return router.Never, false
	}
	next := min(s.nextIdle(), s.roundBy(), s.nextCall())
	if s.retryAt != 0 && (s.lease || s.winning) {
		next = min(next, s.retryAt)
	}
	if d, ok := s.hold.Next(); ok {
		next = min(next, d)
	}
	if d, ok := s.role.Next(); ok {
		next = min(next, d)
	}
	if d, ok := s.licence.Next(); ok {
		next = min(next, d)
	}
	return next, next != router.Never
}

// View is what the call path is told.
func (s *State) View() router.View { return s.view }

// Row is what the mind would have durable now.
func (s *State) Row() Row {
	r := s.want
	r.Copy = s.copy
	r.Known, r.Heard, r.HostKnown = s.board.Known, s.board.Heard, s.board.HostKnown
	return r
}

// Licence is a picture of the licence machine for people.
func (s *State) Licence(now router.Clock) licence.Status { return s.licence.Status(now) }

// Holds reports whether this node may decide at now.
func (s *State) Holds(now router.Clock) bool {
	return s.lease && (!s.policy.Lease.Shared || s.hold.Holds(now))
}

// Stored is what is durable, with its version.
func (s *State) Stored() (Row, uint64) { return s.durable, s.version }
