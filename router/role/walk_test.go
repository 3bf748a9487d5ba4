package role

import (
	"math/rand/v2"
	"testing"
	"time"

	"releve/router"
)

// walker is a shell that fails at random: saves get lost or are not answered,
// rounds come late, operators type anything, the node restarts. It keeps its
// own count of what was proven, and compares.
type walker struct {
	t       *testing.T
	rng     *rand.Rand
	state   State
	policy  Policy
	now     router.Instant
	durable Row
	save    Row // asked, not answered; zero: none
	round   uint64
	moving  router.Server // asked of the licence

	k, solid  uint8 // switchable rounds in a row, as the walker saw them
	newRound  bool  // the newest round has no result yet
	command   Command
	lastEpoch uint64
	lastSeen  uint64
	switched  map[router.Reason]int
	returned  int
}

func newWalker(t *testing.T, seed uint64) *walker {
	w := &walker{t: t, rng: rand.New(rand.NewPCG(seed, 2)), policy: defaults(), switched: map[router.Reason]int{}}
	w.policy.Count = uint8(1 + w.rng.IntN(4))
	w.policy.AloneExtra = uint8(w.rng.IntN(3))
	w.policy.ReturnWait = time.Minute
	w.restart()
	return w
}

func (w *walker) restart() {
	w.state = New(w.policy, w.durable)
	w.save, w.newRound, w.k, w.solid, w.command, w.lastSeen = Row{}, false, 0, 0, 0, 0
	w.step(Event{Kind: LeaseWon, Row: w.durable})
}

func (w *walker) step(e Event) {
	counted := e.Kind == RoundDone && w.newRound && e.Round == w.round
	if counted {
		w.newRound = false
		w.count(e)
	}
	if e.Kind == Alive && (e.Server == router.NoServer || e.Server == w.state.View().Active) {
		w.k, w.solid = 0, 0
	}
	if e.Kind == Operator {
		w.command = e.Command
	}
	before := w.state.View()
	for _, f := range w.state.Step(router.Clock{Mono: w.now, High: w.now}, e, nil) {
		w.effect(e, before, f)
	}
	v := w.state.View()
	if v.Epoch < w.lastEpoch {
		w.t.Fatalf("epoch went from %d to %d", w.lastEpoch, v.Epoch)
	}
	if v.Verification < w.lastSeen {
		w.t.Fatalf("verification went from %d to %d", w.lastSeen, v.Verification)
	}
	if v.Verifying != (v.Ruling == router.NoRuling) && v.Verification > 0 {
		w.t.Fatalf("verifying %v with ruling %v", v.Verifying, v.Ruling)
	}
	if v.Active != before.Active && e.Kind != Saved && e.Kind != SaveUnknown && e.Kind != LeaseWon {
		w.t.Fatalf("event %d changed the active server", e.Kind)
	}
	w.lastEpoch, w.lastSeen = v.Epoch, v.Verification
	if c := w.state.Canon(router.Clock{Mono: w.now}); c.Canon(router.Clock{}) != c {
		w.t.Fatal("Canon of a canonical state is another one")
	}
}

func (w *walker) count(e Event) {
	switch v := e.Verdict; {
	case v == router.VerdictDeadAlone:
		w.k++
	case v.Dead() || e.Lasting && (v == router.VerdictGray || v == router.VerdictDegraded):
		w.k++
		w.solid++
	default:
		w.k, w.solid = 0, 0
	}
}

func (w *walker) effect(e Event, before router.View, f Effect) {
	switch f.Kind {
	case StartRound:
		if f.K == 0 {
			w.k, w.solid = 0, 0
		}
		if f.Server != before.Active && e.Kind != Saved {
			w.t.Fatalf("a round of %v while %v is active", f.Server, before.Active)
		}
		w.round, w.newRound = f.Round, true
	case Save:
		w.checkSave(e, f.Row)
		w.save = f.Row
	case MoveLicence:
		if e.Kind != Saved && e.Kind != LeaseWon {
			w.t.Fatalf("event %d moved the licence", e.Kind)
		}
		if f.Epoch != max(w.durable.Epoch, 1) {
			w.t.Fatalf("the licence moves as epoch %d, durable is %d", f.Epoch, w.durable.Epoch)
		}
		if proven := w.solid >= w.policy.Count || w.k >= w.policy.Count+w.policy.AloneExtra; e.Kind == Saved &&
			w.durable.Phase == router.Switching && w.durable.Reason == router.ReasonConfirmed && !proven {
			w.t.Fatalf("the licence moves though the server was seen alive: %d rounds", w.k)
		}
		w.moving = f.Server
	}
}

// checkSave: roles change on N rounds or a command, and return on a command.
func (w *walker) checkSave(e Event, r Row) {
	if r.Epoch < w.durable.Epoch {
		w.t.Fatalf("saves epoch %d after %d", r.Epoch, w.durable.Epoch)
	}
	repeat := r == w.save
	switch {
	case r.Phase == router.Returning && !repeat:
		if e.Kind != Operator || e.Command != Return {
			w.t.Fatalf("event %d began a return", e.Kind)
		}
		w.returned++
	case r.Phase == router.Switching && r.Reason == router.ReasonOperator && !repeat:
		if e.Kind != Operator || e.Command != Switchover {
			w.t.Fatalf("event %d began an operator's switchover", e.Kind)
		}
		w.switched[r.Reason]++
	case r.Phase == router.Switching && !repeat:
		if w.solid < w.policy.Count && w.k < w.policy.Count+w.policy.AloneExtra {
			w.t.Fatalf("switchover after %d rounds (%d with a witness), N = %d + %d", w.k, w.solid, w.policy.Count, w.policy.AloneExtra)
		}
		if e.Kind == RoundDone && !e.Verdict.Switchable() {
			w.t.Fatalf("%v began a switchover", e.Verdict)
		}
		if before := w.state.View(); before.Active != router.Primary {
			w.t.Fatal("an automatic switchover away from the secondary")
		}
		w.switched[r.Reason]++
	}
}

// random plays one random event.
func (w *walker) random() {
	w.now = w.now.Add(time.Duration(w.rng.IntN(3000)) * time.Millisecond)
	switch n := w.rng.IntN(100); {
	case n < 12:
		w.step(Event{Kind: Overflow})
	case n < 45:
		w.roundResult(w.rng.IntN(4) != 0)
	case n < 50:
		w.step(Event{Kind: Alive, Server: []router.Server{router.NoServer, router.Primary, router.Secondary}[w.rng.IntN(3)]})
	case n < 60:
		ready := w.rng.IntN(4) != 0
		w.step(Event{Kind: Ready, Ready: ready, Healthy: ready && w.rng.IntN(2) == 0})
	case n < 64:
		w.step(Event{Kind: Operator, Command: Command(1 + w.rng.IntN(5)), Force: w.rng.IntN(4) == 0})
	case n < 82:
		w.answerSave()
	case n < 90:
		w.step(Event{Kind: Bound, Server: w.moving})
	case n < 92:
		w.step(Event{Kind: MoveFailed})
	case n < 93:
		w.step(Event{Kind: LeaseLost})
		w.step(Event{Kind: LeaseWon, Row: w.durable})
		w.save, w.newRound, w.k, w.solid = Row{}, false, 0, 0
	case n < 94:
		if w.save != (Row{}) && w.rng.IntN(2) == 0 {
			w.durable = w.save // stored, but nobody heard of it
		}
		w.restart()
	default:
		w.step(Event{Kind: Tick})
	}
}

func (w *walker) roundResult(dead bool) {
	v := router.Verdict(w.rng.IntN(int(router.VerdictSelfSick) + 1))
	if dead {
		v = []router.Verdict{router.VerdictDeadApp, router.VerdictDeadHost, router.VerdictDeadAlone, router.VerdictGray}[w.rng.IntN(4)]
	}
	w.step(Event{Kind: RoundDone, Round: w.round - uint64(w.rng.IntN(8)/7), Verdict: v, Lasting: w.rng.IntN(3) != 0})
}

func (w *walker) answerSave() {
	if w.save == (Row{}) {
		return
	}
	if w.rng.IntN(4) == 0 {
		if w.rng.IntN(2) == 0 {
			w.durable = w.save
		}
		w.step(Event{Kind: SaveUnknown})
		return
	}
	row := w.save
	w.durable, w.save = row, Row{}
	w.step(Event{Kind: Saved, Row: row})
}

// settle: every fault ends. A call held now must get a ruling, and a move must
// end, within bounded time.
func (w *walker) settle() {
	v := w.state.View()
	need := v.Verification
	if !v.Verifying {
		need++
	}
	w.step(Event{Kind: Overflow})
	w.step(Event{Kind: Ready, Ready: true, Healthy: true})
	for range 200 {
		v = w.state.View()
		moving := w.durable.Phase == router.Switching || w.durable.Phase == router.Returning
		final := v.Ruling == router.RuleDissuade || v.Ruling == router.RuleDeliver || v.Ruling == router.RuleRescue
		if final && v.Verification >= need && !moving && w.save == (Row{}) {
			return
		}
		w.now = w.now.Add(500 * time.Millisecond)
		switch {
		case w.save != (Row{}):
			w.durable = w.save
			w.save = Row{}
			w.step(Event{Kind: Saved, Row: w.durable})
		case moving:
			w.step(Event{Kind: Bound, Server: w.durable.Active.Other()})
		case w.newRound:
			w.step(Event{Kind: RoundDone, Round: w.round, Verdict: router.VerdictDeadApp})
		default:
			w.step(Event{Kind: Tick})
		}
	}
	w.t.Fatalf("nothing settles: %+v, stored %+v, needs %d", v, w.durable, need)
}

func TestRandomWalks(t *testing.T) {
	automatic, commanded, returned := 0, 0, 0
	for seed := range uint64(400) {
		w := newWalker(t, seed)
		for range 400 {
			w.random()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		w.settle()
		automatic += w.switched[router.ReasonConfirmed]
		commanded += w.switched[router.ReasonOperator]
		returned += w.returned
	}
	t.Logf("%d automatic switchovers, %d commanded, %d returns", automatic, commanded, returned)
	if automatic < 200 || commanded < 50 || returned < 50 {
		t.Errorf("the walks prove little: %d automatic, %d commanded, %d returns", automatic, commanded, returned)
	}
}

// The same events, later and under another epoch, lead to the same canonical
// state.
func TestCanonForgetsWhen(t *testing.T) {
	const shift = router.Instant(time.Hour)
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		early, late := New(defaults(), Row{Phase: router.Normal, Active: router.Primary, Epoch: 3}), New(defaults(), Row{Phase: router.Normal, Active: router.Primary, Epoch: 90})
		now := router.Instant(0)
		var saveEarly, saveLate Row
		for range 300 {
			now = now.Add(time.Duration(rng.IntN(2500)) * time.Millisecond)
			e := Event{Kind: EventKind(rng.IntN(int(Alive) + 1)), Ready: rng.IntN(3) > 0, Server: router.Secondary, Round: early.Round(), Lasting: true}
			e.Verdict = []router.Verdict{router.VerdictDeadApp, router.VerdictGray, router.VerdictHealthy}[rng.IntN(8)/3]
			e.Healthy = e.Ready
			if e.Kind == Operator {
				e.Command = Command(1 + rng.IntN(5))
			}
			e.Row = saveEarly
			if e.Kind == LeaseWon || e.Kind == LeaseLost {
				e = Event{Kind: LeaseWon}
			}
			other := e
			other.Round = late.Round()
			if e.Kind == Saved {
				other.Row = saveLate
			}
			for _, f := range early.Step(router.Clock{Mono: now}, e, nil) {
				if f.Kind == Save {
					saveEarly = f.Row
				}
			}
			for _, f := range late.Step(router.Clock{Mono: now + shift}, other, nil) {
				if f.Kind == Save {
					saveLate = f.Row
				}
			}
			a, b := early.Canon(router.Clock{Mono: now}), late.Canon(router.Clock{Mono: now + shift})
			if a != b {
				t.Fatalf("seed %d, event %d:\n%+v\n%+v", seed, e.Kind, a, b)
			}
		}
	}
}

func TestAssertion(t *testing.T) {
	s := New(defaults(), Row{})
	defer func() {
		if recover() == nil {
			t.Error("a switchover that nothing confirms was begun")
		}
	}()
	s.begin(router.Switching, router.ReasonConfirmed, nil)
}
