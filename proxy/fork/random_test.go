package fork

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"releve/router"
)

// watch holds a trace against what must be true of every response context.
type watch struct {
	invite            bool
	started           int
	finals            [MaxBranches]uint16 // non-2xx final fed to each branch
	givenUp           [MaxBranches]int
	refusals, answers int // finals that went up: non-2xx, 2xx
	dones             int
	held, waits       bool
	cancelled         bool
	sixth             bool // a 6xx that counted came
}

// effects checks the effects of one step; in is its input.
func (w *watch) effects(in Event, fx []Effect) error {
	passed2xx := 0
	for _, f := range fx {
		if err := w.effect(in, f); err != nil {
			return err
		}
		if (f.Kind == Relay || f.Kind == Release) && f.Status/100 == 2 {
			passed2xx++
		}
	}
	if in.Kind == Response && in.Status/100 == 2 && w.invite && int(in.Branch) < w.started && passed2xx != 1 {
		return fmt.Errorf("a 2xx was passed on %d times", passed2xx)
	}
	if len(fx) > 16 {
		return fmt.Errorf("%d effects in one step", len(fx))
	}
	return nil
}

func (w *watch) effect(in Event, f Effect) error {
	switch f.Kind {
	case Start, Hold, Wait, Pace:
		if w.dones > 0 || w.cancelled || w.sixth && f.Kind == Start {
			return fmt.Errorf("%v after done, cancel or 6xx", describe(f))
		}
	case Cancel, Abandon:
		if w.dones > 0 || !w.invite || int(f.Branch) >= w.started {
			return fmt.Errorf("%v cannot be", describe(f))
		}
		w.givenUp[f.Branch]++
	}
	switch f.Kind {
	case Start:
		if int(f.Branch) != w.started || f.Target == ToNone {
			return fmt.Errorf("%v is not branch %d", describe(f), w.started)
		}
		w.started++
	case Hold, Unhold:
		if w.held == (f.Kind == Hold) {
			return fmt.Errorf("%v twice", describe(f))
		}
		w.held = f.Kind == Hold
	case Wait:
		if w.waits {
			return fmt.Errorf("waits twice")
		}
		w.waits = true
	case Leave:
		if !w.waits && in.Kind != Turn {
			return fmt.Errorf("leaves a list it is not on")
		}
		w.waits = false
	case Relay, Reply:
		return w.up(in, f)
	case Release:
		if w.answers+w.refusals == 0 {
			return fmt.Errorf("releases a 2xx while nothing final is up")
		}
	case Done:
		w.dones++
	}
	return nil
}

// up checks what goes upstream.
func (w *watch) up(in Event, f Effect) error {
	if f.Status == 503 || f.Status == 100 || f.Kind == Reply && f.Status/100 == 2 {
		return fmt.Errorf("%v may not go up", describe(f))
	}
	final := f.Status >= 200
	if f.Kind == Relay && (!final || f.Status/100 == 2) && (in.Kind != Response || in.Branch != f.Branch || in.Status != f.Status) {
		return fmt.Errorf("%v is not the response in hand", describe(f))
	}
	if f.Kind == Relay && !final && w.givenUp[f.Branch] > 0 {
		return fmt.Errorf("%v of a branch that was given up", describe(f))
	}
	if f.Kind == Relay && f.Status >= 300 && w.finals[f.Branch] != f.Status {
		return fmt.Errorf("%v, but that branch ended with %d", describe(f), w.finals[f.Branch])
	}
	switch {
	case w.refusals > 0, !final && w.answers > 0, f.Status >= 300 && w.answers > 0:
		return fmt.Errorf("%v after a final", describe(f))
	case f.Status >= 300:
		w.refusals++
	case final:
		w.answers++
	}
	return nil
}

// TestRandom plays seeded random sequences of events over all modes and
// policies, with the clocks firing on time, and checks every trace.
func TestRandom(t *testing.T) {
	outcomes := map[router.Outcome]int{}
	for seed := range uint64(30_000) {
		r := rand.New(rand.NewPCG(seed, 27))
		g := newGame(r)
		if err := g.play(); err != nil {
			t.Fatalf("seed %d, mode %d, invite %v: %v\n%s", seed, g.mode, g.w.invite, err, g.log.String())
		}
		outcomes[g.outcome]++
	}
	// A sweep that never reaches an outcome proves nothing about it.
	for _, o := range []router.Outcome{router.Answered, router.Dissuaded, router.Cancelled, router.Rescued, router.RefusedByPeer, router.Failed} {
		if outcomes[o] < 100 {
			t.Errorf("outcome %v reached %d times only", o, outcomes[o])
		}
	}
}

type game struct {
	r       *rand.Rand
	mode    Mode
	p       Policy
	s       State
	view    router.View
	occ     router.Occupancy
	now     router.Instant
	w       watch
	log     strings.Builder
	outcome router.Outcome
	out     [16]Effect
	taken   bool // the list took the call off with this event
}

func newGame(r *rand.Rand) *game {
	g := &game{r: r, mode: Mode(r.IntN(5)), p: defaults(), view: normal}
	if g.mode > Single {
		g.mode = Incoming // the mode with the most to prove
	}
	g.w.invite = g.mode != Single || r.IntN(2) == 0
	g.p.Rescue, g.p.Requeue, g.p.Automatic = r.IntN(2) == 0, r.IntN(4) > 0, r.IntN(5) > 0
	g.p.HoldSignal = []uint16{0, 180, 182, 183}[r.IntN(4)]
	g.p.Late = LateAnswer(r.IntN(2))
	g.p.IPBXs = uint8(r.IntN(4))
	if r.IntN(4) == 0 {
		g.p.HoldBudget = 5 * time.Minute // room for every branch there is
	}
	g.think()
	return g
}

// think moves the node's mind: mostly as the role machine does, at times wildly.
func (g *game) think() {
	v, r := &g.view, g.r
	switch r.IntN(8) {
	case 0:
		v.Phase = router.Phase(r.IntN(int(router.Maintenance) + 1))
	case 1:
		v.Active = router.Server(r.IntN(3))
	case 2:
		v.Act = r.IntN(4) > 0
	case 3, 4:
		v.Phase, v.Verifying, v.Ruling, v.Act = router.Verifying, true, router.NoRuling, true
		v.Verification++
	default:
		v.Verification += uint64(r.IntN(2))
		v.Verifying, v.Ruling, v.RuledAt = false, router.Ruling(r.IntN(5)), g.now
		v.Phase = map[router.Ruling]router.Phase{
			router.RuleSwitching: router.Switching, router.RuleDeliver: router.OnSecondary, router.RuleRescue: router.BothDown,
		}[v.Ruling]
		v.Active = router.Primary
		if v.Ruling == router.RuleDeliver {
			v.Active = router.Secondary
		}
	}
	if v.Ruling == router.RuleSwitching && r.IntN(2) == 0 {
		v.Verdict = router.VerdictDeadApp
		return
	}
	v.Verdict = router.Verdict(r.IntN(int(router.VerdictSelfSick) + 1))
	g.occ = router.Occupancy(r.IntN(router.Occupancies))
}

func (g *game) play() error {
	g.s = New(&g.p, g.mode, g.w.invite, 0)
	e := Event{Kind: Arrive, Entry: router.Entry(g.r.IntN(2)), First: Target(g.r.IntN(9)), Reliable18x: g.r.IntN(3) == 0}
	e.ServiceNumber = g.r.IntN(2) == 0
	if g.mode != Single {
		call := router.Call{Entry: e.Entry, Occupancy: g.occ, AnsweredLately: true, Manual: !g.p.Automatic, Looped: g.r.IntN(10) == 0, Replaces: g.r.IntN(10) == 0}
		if g.mode == Outgoing {
			call.From = router.Server(1 + g.r.IntN(2))
		}
		e.Decision = router.Route(call, g.view)
	}
	if err := g.step(e); err != nil {
		return err
	}
	for range 4 + g.r.IntN(24) {
		until := g.now.Add(time.Duration(g.r.Int64N(int64([]time.Duration{time.Second, 4 * time.Second, 30 * time.Second}[g.r.IntN(3)]))))
		if err := g.clocks(until); err != nil {
			return err
		}
		g.now = until
		if err := g.step(g.event()); err != nil {
			return err
		}
	}
	return g.end()
}

// event invents one; branch numbers may be wrong, any order may come.
func (g *game) event() Event {
	r := g.r
	e := Event{Branch: uint8(r.IntN(g.w.started + 1)), RetryAfter: r.IntN(3) == 0}
	switch r.IntN(15) {
	case 14:
		e.Kind = []EventKind{Cancelled, Ruled, Tick}[r.IntN(3)]
	case 0:
		e.Kind, e.Happening = TransportFailed, []router.Happening{router.PortRefused, router.Unreachable, router.TLSFailed}[r.IntN(3)]
	case 1:
		e.Kind = TimedOut
	case 2, 3, 4:
		g.think()
		e.Kind = Ruled
	case 5, 6:
		e.Kind = Turn
		if !g.w.waits && r.IntN(4) > 0 {
			e.Kind = Ruled
		}
		if g.s.Queued() {
			e.NotBefore = g.now + router.Instant(r.Int64N(int64(30*time.Second))) - router.Instant(10*time.Second)
		}
	case 7:
		e.Kind = []EventKind{NoTurn, Tick, Arrive}[r.IntN(3)]
		if e.Kind == NoTurn && !g.w.waits {
			e.Kind = Tick
		}
	case 8, 9:
		e.Kind, e.Status = Response, []uint16{100, 180, 183, 199}[r.IntN(4)]
	case 10:
		e.Kind, e.Status = Response, []uint16{200, 202, 299}[r.IntN(3)]
	default:
		e.Kind, e.Status = Response, []uint16{302, 401, 403, 404, 408, 480, 486, 487, 500, 502, 503, 503, 504, 600, 603, 699, 0, 700}[r.IntN(18)]
	}
	return e
}

func (g *game) step(e Event) error {
	e.View, e.Occupancy, e.AnsweredLately = g.view, g.occ, true
	b := e.Branch
	counted := e.Kind == Response && int(b) < g.w.started && !g.s.Ended(b) && e.Status >= 300 && e.Status <= 699
	if counted {
		g.w.finals[b] = e.Status
	}
	if counted && e.Status >= 600 && !g.s.GivenUp(b) {
		g.w.sixth = true
	}
	if (e.Kind == Turn || e.Kind == NoTurn) && g.s.Waiting() {
		g.taken = true
	}
	fmt.Fprintf(&g.log, "%v kind %d branch %d status %d; view %v %v n=%d %v\n", time.Duration(g.now), e.Kind, b, e.Status, g.view.Phase, g.view.Ruling, g.view.Verification, g.view.Active)
	fx := g.s.Step(g.now, &e, &g.p, g.out[:0])
	for _, f := range fx {
		fmt.Fprintf(&g.log, "\t%s\n", describe(f))
		if f.Kind == Done {
			g.outcome = f.Outcome
		}
	}
	if err := g.w.effects(e, fx); err != nil {
		return err
	}
	if g.taken {
		g.taken, g.w.waits = false, false
	}
	if e.Kind == Cancelled && g.w.invite && g.w.dones == 0 {
		g.w.cancelled = true
	}
	return g.state()
}

// state checks what the State says of itself.
func (g *game) state() error {
	s := &g.s
	switch {
	case s.Held() != g.w.held || s.Waiting() != g.w.waits && !s.Finished():
		return fmt.Errorf("held %v waiting %v differ from the trace", s.Held(), s.Waiting())
	case s.Finished() != (g.w.dones == 1) || g.w.dones > 1:
		return fmt.Errorf("%d done, finished %v", g.w.dones, s.Finished())
	case s.Final() != (g.w.answers+g.w.refusals > 0):
		return fmt.Errorf("final %v differs from the trace", s.Final())
	case s.Finished() && !s.Final() && g.w.invite:
		return fmt.Errorf("an INVITE ended without a final")
	case (s.Held() || s.Waiting() || s.Queued()) && (s.budget == router.Never || g.now > s.budget):
		return fmt.Errorf("kept beyond the budget")
	}
	if !s.Finished() {
		return nil
	}
	for i := range s.n {
		winner, won := s.Winner()
		if !s.Ended(i) && !s.GivenUp(i) && (!won || winner != i) {
			return fmt.Errorf("branch %d is left pending", i)
		}
	}
	return nil
}

// clocks fires what is due up to the instant.
func (g *game) clocks(until router.Instant) error {
	for n := 0; g.s.Next() <= until; n++ {
		if n > 50 {
			return fmt.Errorf("the clocks never rest")
		}
		g.now = max(g.now, g.s.Next())
		if err := g.step(Event{Kind: Tick, Branch: none}); err != nil {
			return err
		}
	}
	return nil
}

// end lets time pass: clocks fire, transactions without a final time out (as
// package transaction promises). The context must finish.
func (g *game) end() error {
	for range 40 {
		if err := g.clocks(router.Never - 1); err != nil {
			return err
		}
		if g.s.Finished() {
			return nil
		}
		for b := range g.s.n {
			if !g.s.Ended(b) {
				if err := g.step(Event{Kind: TimedOut, Branch: b}); err != nil {
					return err
				}
			}
		}
	}
	return fmt.Errorf("it never ends")
}
