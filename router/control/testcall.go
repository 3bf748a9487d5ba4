package control

import (
	"time"

	"releve/health"
	"releve/router"
	"releve/router/role"
)

// CallPolicy says when test calls are placed.
type CallPolicy struct {
	Every   time.Duration // while all is well
	Suspect time.Duration // during a verification, and while the server is GRAY, DEGRADED or failed its last one
	Passive bool          // the passive server answers test calls, too
}

// testCalls is when the servers are called. Zero where none is configured.
type testCalls struct {
	server [router.Servers]testCall
	doubt  router.Instant // Mono, the newest instant at which this node was sick; with ever
	ever   bool
}

type testCall struct {
	cadence health.Cadence
	began   router.Instant // of the newest; with called
	next    router.Instant // by the cadence
	called  bool
	out     bool // under way
	failed  bool // the newest that proved something was a failure
}

// callOverdue is when a test call that nobody ended is forgotten; our choice, beyond
// any of its own limits.
const callOverdue = 2 * time.Minute

// callable reports whether test calls of a server are due at all: one that was seen,
// and serves or is said to answer them while it does not.
func (s *State) callable(x router.Server) bool {
	return s.policy.Health.CallProbe && s.lease && s.board.Known[x] &&
		(x == s.role.View().Active || s.policy.Calls.Passive && s.policy.Secondary)
}

// suspect: something is wrong with the server, or may be.
func (s *State) suspect(now router.Clock, x router.Server) bool {
	v := s.role.View()
	if v.Verifying && x == v.Active || s.calls.server[x].failed {
		return true
	}
	verdict, _ := s.Judged(now, x)
	return verdict == router.VerdictGray || verdict == router.VerdictDegraded
}

// placeCalls places the test calls that are due. A server that becomes suspect is
// called at once, unless it was lately.
func (s *State) placeCalls(now router.Clock, out []Effect) []Effect {
	for x := router.Primary; x <= router.Secondary; x++ {
		c := &s.calls.server[x]
		if !s.callable(x) {
			continue
		}
		if c.out && now.Mono.Sub(c.began) < callOverdue {
			continue
		}
		if c.out = false; c.called && s.suspect(now, x) {
			c.next = min(c.next, c.began.Add(s.policy.Calls.Suspect))
		}
		if c.called && now.Mono < c.next {
			continue
		}
		c.called, c.out, c.began = true, true, now.Mono
		c.next = c.cadence.Next(now.Mono, s.policy.Calls.Every)
		out = append(out, Effect{Kind: PlaceCall, Server: x})
	}
	return out
}

// nextCall is when placeCalls has something to do.
func (s *State) nextCall() router.Instant {
	next := router.Never
	for x := router.Primary; x <= router.Secondary; x++ {
		switch c := &s.calls.server[x]; {
		case !s.callable(x):
		case c.out:
			next = min(next, c.began.Add(callOverdue))
		default:
			next = min(next, c.next)
		}
	}
	return next
}

// called enters the result of a test call. A good one is proof of life; a failure
// that has lasted starts a verification, as a silent probe does.
func (s *State) called(now router.Clock, e Event, out []Effect) []Effect {
	c := &s.calls.server[e.Server]
	c.out = false
	if s.calls.ever && s.calls.doubt >= now.Mono.Add(-e.RTT) || e.Call == health.CallUnknown {
		return out
	}
	s.board.CallProbe(now.Mono, e.Server, e.Call)
	c.failed = e.Call != health.CallGood && e.Call != health.CallBusy
	if e.Server != s.role.View().Active {
		return out
	}
	if e.Call == health.CallGood {
		return s.roleStep(now, role.Event{Kind: role.Alive, Server: e.Server}, out)
	}
	facts := s.board.Facts(now.Mono, e.Server, s.policy.Health)
	if verdict, _ := health.Judge(facts); facts.Persists() && (verdict == router.VerdictGray || verdict == router.VerdictDegraded) {
		out = s.roleStep(now, role.Event{Kind: role.Overflow, Server: e.Server}, out)
	}
	return out
}

// canon moves now to zero; what is too old to matter is cut off.
func (t testCalls) canon(now router.Instant, p CallPolicy) testCalls {
	for i := range t.server {
		c := &t.server[i]
		if c.cadence.Seed = 0; c.called {
			c.next, c.began = max(c.next-now, 0), max(c.began-now, -router.Instant(max(callOverdue, p.Suspect)))
		}
	}
	if t.ever {
		t.doubt = max(t.doubt-now, -router.Instant(callOverdue))
	}
	return t
}
