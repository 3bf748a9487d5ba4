package interop

import (
	"context"
	"fmt"
	"regexp"
	"time"
)

// event is what a program is expected to report.
type event string

const (
	ready       event = "started"
	registered  event = "registered"
	ringing     event = "the far end rings"
	incoming    event = "a call comes in"
	established event = "a call is established"
	holding     event = "its hold was accepted"
	resuming    event = "its resume was accepted"
	held        event = "the far end holds the call"
	resumed     event = "the far end resumes the call"
	transferred event = "the transfer is done"
	ended       event = "a call has ended"
)

// agent is one program in one seat: what a person at it would do. A method
// returns when the program was told; what came of it is asked with saw.
type agent interface {
	self() *process
	dial(uri string) error
	auto(on bool) error // answers calls by itself
	hangup() error      // the present call, also one that still rings
	hold() error
	resume() error
	transfer(uri string) error // blind
	consult(uri string) error  // a second call, the first on hold
	complete() error           // the attended transfer of the first to the second
	says(event) *regexp.Regexp // how it words an event; nil: it says nothing
}

// step is a moment to look behind.
type step struct {
	marks map[agent]int
}

// now marks the present end of what every agent said.
func (w *World) now() step {
	s := step{make(map[agent]int)}
	for _, a := range w.agents() {
		s.marks[a] = a.self().said.mark()
	}
	return s
}

// eventLimit is how long an event may take.
const eventLimit = 8 * time.Second

// saw waits until a reports e after the step.
func (s step) saw(ctx context.Context, a agent, e event) error {
	return s.within(ctx, eventLimit, a, e)
}

func (s step) within(ctx context.Context, limit time.Duration, a agent, e event) error {
	words := a.says(e)
	if words == nil {
		return fmt.Errorf("%s never says that %s: the row must not ask it", a.self().name, e)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := a.self().said.wait(ctx, s.marks[a], words); err != nil {
		return fmt.Errorf("%s does not report that %s: %w", a.self().name, e, err)
	}
	return nil
}

// never fails when a has reported e after the step.
func (s step) never(a agent, e event) error {
	if words := a.says(e); words != nil && words.MatchString(a.self().said.since(s.marks[a])) {
		return fmt.Errorf("%s reports that %s", a.self().name, e)
	}
	return nil
}

// onHold waits until a second call has put the first on hold, in the words of
// both: REFER while the re-INVITE is open is lost by some.
func (s step) onHold(ctx context.Context, actor, kept agent) error {
	if kept.says(held) != nil {
		if err := s.saw(ctx, kept, held); err != nil {
			return err
		}
	}
	return s.saw(ctx, actor, holding)
}
