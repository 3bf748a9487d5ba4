package licence

import (
	"time"

	"releve/router"
)

// The timings that are not configured.
const (
	t4         = 5 * time.Second  // a message lives no longer, RFC 3261 §17.1.2.2 table 4
	unregEvery = 5 * time.Second  // un-REGISTER while the fence runs, after the first three
	unregFast  = 3                // tries within one Txn
	fetchEvery = 30 * time.Second // an address-of-record …
	fetchAgain = 10 * time.Second // … and after a fetch that failed, so that one lost still leaves an alarm within a minute
	lookWrong  = 2 * time.Minute  // … and after one whose password was refused
	lookBeyond = 40 * time.Second // a user refreshed less often than that is fetched, too: its 2xx come too seldom
	saveAgain  = 5 * time.Second  // longest wait before a failed Save is repeated
	saveLimit  = 10 * time.Second // a Save without outcome counts as unknown
	maxAuths   = 2                // answers to challenges per request
	maxRetry   = 60 * time.Second // longest Retry-After honoured
	firstWrong = 30 * time.Second // back-off of a wrong password …
	lastWrong  = 30 * time.Minute // … and its cap
	last403    = 5 * time.Minute  // the cap after a 403: it may be another's fault, and mended
	lastBusy   = 5 * time.Minute  // the cap after a 408 or 5xx, which says that it passes, and of a fetch
	// lastRefusal is the cap after any other refusal (RFC 5626 §4.5).
	lastRefusal = 30 * time.Minute
	quick       = 3 // tries before the back-off of 30 s begins
	maxFails    = 8 // counters stop here
)

// reserve is how far the stored CSeq runs ahead of the one in use, so that the
// registration outlives a store that is down: 128 refreshes with a challenge
// each, an hour at 60 s (our choice).
const reserve = 256

// request states.
const (
	free    uint8 = iota // none
	planned              // its row is being saved
	sent                 // awaits its final
)

// line is one user at one IPBX. Instants are Mono.
type line struct {
	state    uint8
	req      Request
	cseq     uint32
	auth     bool           // answer the remembered challenge
	auths    uint8          // challenges answered for this request
	provable bool           // sent when no earlier REGISTER could arrive any more
	by       router.Instant // the sent request is dead
	next     router.Instant // no request before
	dead     router.Instant // unanswered REGISTERs are dead
	bound    router.Instant // the last binding has expired (boundUntil); while Possible
	clean    bool           // every REGISTER since Possible was set was refused for good, or not sent

	up       bool // the last 2xx said bound
	granted  time.Duration
	upUntil  router.Instant
	lapse    router.Instant // AlarmLapsing
	tries    uint8          // un-REGISTERs of this move
	fails    uint8          // time-outs in a row
	refusals uint8          // in a row
	busies   uint8          // 408 and 5xx in a row
	wrongs   uint8
	foreign  uint8
	unkept   bool           // the last 2xx had a list without us
	stray    bool           // the passive user is bound with our Contact
	checked  bool           // the passive user's bindings were asked for in this Confirm
	look     router.Instant // the active user's bindings are fetched; Never: its refreshes show them soon enough

	elsewhere router.Instant // the last binding at a former registrar has expired; with Row.Elsewhere
	since     router.Instant // AlarmOverlap stands
	pass      pass           // mode gate: the server's REGISTER that waits

	refused, lapsing, overlap, lost, longer edge // alarms told
}

// edge is what was last told of an alarm. Nothing was told since the start: a
// former life may have raised it, so the first thing known is told either way.
type edge uint8

const (
	untold edge = iota
	cleared
	raised
)

// State is the licence machine of one node. The zero State does nothing; make
// one with New. Not safe for concurrent use.
type State struct {
	p    Policy
	acts bool // booted, and holds the lease
	keep bool // acts, but only to refresh what is bound

	leave [MaxIPBX]bool // nothing stays bound there: see Leave

	r     Row  // as it should be
	sure  Row  // what the store holds at least, whatever save was lost; Holder NoServer: torn
	asked Row  // in the open Save
	open  bool // a Save is open
	doubt bool // the outcome of the last Save is unknown

	saveBy  router.Instant // the open Save counts as unknown; or, when none is open, the earliest next one
	unsaved uint8          // failed Saves in a row

	used      [router.Servers]uint32 // CSeq
	announced bool                   // BoundNow was said for this move
	asks      [MaxIPBX]time.Duration // raised by 423; 0: Policy.Expires
	line      [router.Servers][MaxIPBX]line
	own       [router.Servers]own // mode gate: the servers' registrations here
}

var _ map[State]struct{} // comparable: the explorer hashes it

// New returns the machine for p with row r; it does nothing before Boot or
// LeaseWon. Any Policy is accepted: IPBXs is held to 1–MaxIPBX, a user without a
// password is one of mode gate only.
func New(p Policy, r Row) State {
	return State{p: p.normal(), r: r, sure: r, used: r.CSeq}
}

// Step takes one event and appends what is to be done, in order.
func (s *State) Step(now router.Clock, e Event, out []Effect) []Effect {
	switch e.Kind {
	case Boot:
		s.boot(now, e.Row)
	case LeaseWon:
		s.leaseWon(now, e.Row)
	case LeaseLost:
		out = s.leaseLost(out)
	case Keep:
		s.keeps()
	case ServerRegister:
		out = s.serverRegister(now, e, out)
	case Saved:
		out = s.saved(now, e.Row, out)
	case SaveUnknown:
		out = s.saveUnknown(now, out)
	case Move:
		s.move(now, e)
	case Answer:
		out = s.answer(now, e, out)
	case TimedOut:
		out = s.timedOut(now, e, out)
	case Restarted:
		s.restarted(now, e.IPBX)
	case Tick:
	}
	if !s.acts {
		return out
	}
	out = s.expire(now, out)
	if s.keep {
		s.plan(now)
		return s.settlePasses(now, s.send(now, out))
	}
	s.advance(now)
	s.plan(now)
	if mutant == 1 {
		out = s.send(now, out)
	}
	out = s.save(now, out)
	return s.announce(s.settlePasses(now, out))
}

// exclusive says whether two users exclude each other, so that a move costs
// break → prove → make.
func (s *State) exclusive() bool { return s.p.Mode == Pair || s.p.Mode == Gate }

// subject is the user that shall be registered: in Hold always the one in the
// primary's place.
func (s *State) subject() router.Server {
	switch {
	case s.exclusive():
		return s.r.Holder
	case s.p.Mode == Hold && s.r.Holder != router.NoServer:
		return router.Primary
	}
	return router.NoServer
}

// absent says that no binding of user x can exist at any IPBX.
func (s *State) absent(x router.Server) bool {
	return s.r.Possible[x] == [MaxIPBX]bool{} && s.r.Elsewhere[x] == [MaxIPBX]bool{}
}

// passes says that user x is registered by its server's own Authorization.
func (s *State) passes(x router.Server) bool { return s.p.NoPassword[x] }

func leaving(p Phase) bool { return p == Drain || p == Unreg }

// move sets the goal; the latest wins. Whoever may be bound must be gone first,
// in either direction.
func (s *State) move(now router.Clock, e Event) {
	if !s.acts || s.keep || e.To == router.NoServer || e.Epoch < s.r.Epoch {
		return
	}
	s.r.Epoch, s.announced = e.Epoch, false
	if e.To == s.r.Holder && s.r.Phase != Idle {
		return
	}
	s.r.Holder, s.r.Leaving, s.r.Phase = e.To, router.NoServer, Claim
	if !s.exclusive() {
		s.r.Phase = Bound
		return
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range s.line[x] {
			s.drop(x, i)
			l := &s.line[x][i]
			l.next, l.tries, l.fails, l.refusals, l.busies, l.wrongs, l.auth = now.Mono, 0, 0, 0, 0, 0, false
			l.stray, l.checked = false, false
		}
	}
	if !s.absent(e.To.Other()) {
		s.r.Leaving, s.r.Phase = e.To.Other(), Drain
	}
}

// drop forgets a planned request; its CSeq stays used.
func (s *State) drop(x router.Server, i int) {
	l := &s.line[x][i]
	if l.state != planned {
		return
	}
	l.state = free
	if l.req == Register {
		s.unclaim(x, i)
	}
}

// unclaim withdraws Possible when nothing that was sent can have bound.
func (s *State) unclaim(x router.Server, i int) {
	if s.line[x][i].clean {
		s.r.Possible[x][i] = false
	}
}

func (s *State) restarted(now router.Clock, ipbx uint8) {
	if ipbx >= MaxIPBX {
		return
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		l := &s.line[x][ipbx]
		l.next, l.fails, l.refusals, l.busies, l.up = now.Mono, 0, 0, 0, false
	}
}

// expire lets time do its work: requests without an outcome, fences, lapses.
func (s *State) expire(now router.Clock, out []Effect) []Effect {
	subject := s.subject()
	for x := router.Primary; x <= router.Secondary; x++ {
		out = s.ownExpires(now, x, out)
		for i := range s.line[x] {
			l := &s.line[x][i]
			if l.state == sent && l.by <= now.Mono {
				out = s.unanswered(now, x, i, out)
			}
			out = s.overdue(now, x, i, out)
			if (x != subject || s.leave[i]) && s.r.Possible[x][i] && l.bound <= now.Mono {
				s.r.Possible[x][i], l.up, l.granted = false, false, 0 // FENCE
			}
			if s.r.Elsewhere[x][i] && l.elsewhere <= now.Mono {
				s.r.Elsewhere[x][i], s.r.Former[x][i] = false, false
			}
			if l.up && l.upUntil <= now.Mono {
				l.up = false
			}
			if i >= int(s.p.IPBXs) {
				continue
			}
			if x == subject && l.granted > 0 && l.lapse <= now.Mono {
				out = alarm(out, &l.lapsing, AlarmLapsing, x, i, true)
			} else if x != subject {
				out = alarm(out, &l.lapsing, AlarmLapsing, x, i, false)
				out = alarm(out, &l.lost, AlarmUnkept, x, i, false)
				out = alarm(out, &l.longer, AlarmGrant, x, i, false)
			}
			if _, owed := s.wanted(x, i); !owed && x != subject && s.absent(x) {
				out = alarm(out, &l.refused, AlarmRefused, x, i, false) // nothing is asked that could be refused
			}
		}
	}
	return out
}

// advance moves the phase as far as the facts allow.
func (s *State) advance(now router.Clock) {
	if !s.exclusive() || s.r.Holder == router.NoServer {
		return
	}
	if s.r.Phase == Drain && !s.registering(s.r.Leaving) {
		s.r.Phase = Unreg
	}
	if s.r.Phase == Unreg && s.absent(s.r.Leaving) {
		s.r.Phase, s.r.Leaving = Claim, router.NoServer
	}
	if s.r.Phase == Claim && s.up(s.r.Holder) {
		s.r.Phase = Confirm
		for i := range s.line[0] {
			l := &s.line[s.r.Holder.Other()][i]
			l.checked, l.next = false, now.Mono
		}
	}
	if s.r.Phase == Confirm && s.checked(s.r.Holder.Other()) {
		s.r.Phase = Bound
	}
}

func (s *State) registering(x router.Server) bool {
	for _, l := range s.line[x] {
		if l.state == sent && l.req == Register {
			return true
		}
	}
	return false
}

func (s *State) up(x router.Server) bool {
	for _, l := range s.line[x] {
		if l.up {
			return true
		}
	}
	return false
}

func (s *State) checked(x router.Server) bool {
	for i := range int(s.p.IPBXs) {
		if !s.line[x][i].checked && s.fetches(x) {
			return false
		}
	}
	return true
}

// announce says BoundNow once per move, when the row that says so is durable.
func (s *State) announce(out []Effect) []Effect {
	done := s.r.Phase == Bound || s.r.Phase == Confirm
	if !done || s.announced || s.sure.Holder != s.r.Holder || s.sure.Epoch != s.r.Epoch || leaving(s.sure.Phase) {
		return out
	}
	s.announced = true
	return append(out, Effect{Kind: BoundNow, User: s.r.Holder, Epoch: s.r.Epoch})
}

// alarm appends a raise or a clear when it changes something.
func alarm(out []Effect, told *edge, number uint16, x router.Server, i int, on bool) []Effect {
	want := cleared
	if on {
		want = raised
	}
	if *told == want {
		return out
	}
	*told = want
	return append(out, Effect{Kind: Alarm, Alarm: number, User: x, IPBX: uint8(i), On: on})
}
