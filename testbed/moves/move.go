package moves

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Move is what became of one move of the licence.
type Move struct {
	World   int
	Setting string
	Trouble string
	To      string        // the server that became active
	Took    time.Duration // from the command until the registrar first bound its user; 0: not seen
	Gap     time.Duration // no user bound, from the command to the end
	Waited  time.Duration // the longest that the first REGISTER of its user was held back, since the command or a start of Relève
	Stated  time.Duration // what config check said
	Plain   bool          // nothing was disturbed, and Relève has the passwords
	Answers bool          // the IPBX answered all along
	Ended   bool
	Failure string // why not
}

// fenced is a move that waited for a fence, or for an answer that never came;
// our choice: proof takes milliseconds.
func (m Move) fenced() bool { return m.Waited > 2*time.Second }

// choose draws the next trouble that fits a move to this server.
func (w *world) choose(to int) *trouble {
	for {
		for i, t := range w.left {
			if (t.fits == nil || t.fits(w)) && (!t.automat || to == 1) {
				w.left = append(w.left[:i:i], w.left[i+1:]...)
				return t
			}
		}
		w.shuffle()
	}
}

// shuffle makes a new deck.
func (w *world) shuffle() {
	w.left = nil
	all := troubles()
	for _, name := range w.deck {
		for _, t := range all {
			if t.name == name {
				w.left = append(w.left, t)
			}
		}
	}
	if w.deck != nil {
		w.deck = nil // once
		return
	}
	for _, t := range all {
		for range t.weight {
			w.left = append(w.left, t)
		}
	}
	w.random.Shuffle(len(w.left), func(i, j int) { w.left[i], w.left[j] = w.left[j], w.left[i] })
}

// move gives the licence to server to, under trouble t, and waits for the end.
func (w *world) move(ctx context.Context, to int, t *trouble) (m Move) {
	m = Move{
		World: w.world, Setting: w.setting.String(), Trouble: t.name, To: roles[to], Stated: w.stated,
		Plain: t.name == "none" && w.mode != gatePasses, Answers: !t.deaf,
	}
	fail := func(err error) Move {
		m.Failure = err.Error() + "\n" + w.picture(ctx)
		return m
	}
	if err := w.settled(ctx, 1-to); err != nil {
		return fail(fmt.Errorf("before the move: %w", err))
	}
	if t.before != nil {
		if err := t.before(ctx, w); err != nil {
			return fail(err)
		}
	}
	if t.net != nil {
		w.relay.set(t.net(w))
	}
	w.relay.watch()
	w.bases, w.idle = nil, true
	began := time.Now()
	err := w.follow(ctx, to, t, began)
	ended := time.Now()
	m.measure(w, to, began, ended)
	if err != nil {
		return fail(err)
	}
	m.Ended = true
	w.relay.set(network{})
	if t.heal != nil {
		if err := t.heal(ctx, w); err != nil {
			return fail(err)
		}
	}
	return m
}

// follow is a move while it lasts: the steps of the trouble come in their time,
// and the end is not before the last of them.
func (w *world) follow(ctx context.Context, to int, t *trouble, began time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var steps []step
	if t.steps != nil {
		steps = t.steps(w)
	}
	said := make(chan struct{}, 1) // the verb has ended, or none was given
	said <- struct{}{}
	var deadline time.Time
	for {
		for len(steps) > 0 && time.Since(began) >= steps[0].at {
			if err := steps[0].do(ctx); err != nil {
				return err
			}
			steps = steps[1:]
		}
		there := w.look(ctx, to, t, said)
		wait := tick
		switch {
		case len(steps) > 0:
			wait = min(wait, max(steps[0].at-time.Since(began), 0))
		case there:
			return nil
		case deadline.IsZero():
			deadline = time.Now().Add(2*patience + 3*w.stated)
		case time.Now().After(deadline):
			return errors.New("the move does not end")
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// look says whether the move has ended. A command that was lost is given again,
// as an operator would who looks at the status.
func (w *world) look(ctx context.Context, to int, t *trouble, said chan struct{}) bool {
	s, err := w.status(ctx)
	switch {
	case err != nil: // it answers soon, or the deadline comes
	case s.rests(to):
		return w.alone(to)
	case s.moves() && w.idle:
		w.idle, w.bases = false, append(w.bases, time.Now())
	case s.still() && !t.automat:
		select {
		case <-said:
			w.command(ctx, to, said)
		default: // the verb is under way
		}
	}
	return false
}

// command runs the verb in the background; its end is told on said.
func (w *world) command(ctx context.Context, to int, said chan<- struct{}) {
	verb := []string{"switchover"}
	if to == 0 {
		verb = []string{"return", "--force"}
	}
	verb = append(verb, "--yes", "--reason", "moves", "--wait", "1h")
	w.idle, w.bases = false, append(w.bases, time.Now())
	n := w.releve
	go func() {
		_, _ = n.Verb(ctx, verb...) // refused, or its node was killed: the state is looked at again
		_ = pause(ctx, 5*tick)
		said <- struct{}{}
	}()
}

// measure reads what the registrar and the relay saw of the move.
func (m *Move) measure(w *world, to int, began, ended time.Time) {
	spans, _ := w.reg.spans() // what is missing fails the run at its end
	if at, ok := boundAfter(spans, users[to], began); ok {
		m.Took = at.Sub(began)
	}
	m.Gap = unbound(spans, began, ended)
	claims := w.relay.seen()
	for i, base := range w.bases {
		next := ended
		if i+1 < len(w.bases) {
			next = w.bases[i+1]
		}
		for _, c := range claims {
			if c.user == users[to] && !c.at.Before(base) && c.at.Before(next) {
				m.Waited = max(m.Waited, c.at.Sub(base))
				break
			}
		}
	}
}
