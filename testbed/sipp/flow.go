package sipp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Flow is one situation, from an empty directory to the checks at its end.
type Flow struct {
	Name      string
	Site      Site
	Primary   Script // none: answers
	Secondary Script
	Desk      Script // the IPBX's own address, where rescued and outgoing calls arrive
	Alone     bool   // does not wait until the secondary is ready
	// NonceLife, MinExpires: of the registrar of Site.Registration.
	NonceLife, MinExpires time.Duration

	// Play is what happens; nil: Calls one after the other.
	Play  func(ctx context.Context, w *World) error
	Calls []Script

	Want          []string // a record of each call: outcome, reason, server, status; in any order
	Saw           []Count
	Switchovers   int
	Verifications *int // nil: any number
}

// Count is how many messages a party must have seen.
type Count struct {
	Party       string
	Sent        bool
	Line        string // how the first line begins
	With        string // a part of the message
	Least, Most int
}

// flowLimit is the longest a flow may take.
const flowLimit = 60 * time.Second

// run plays the flow and returns what was wrong, with what the parties left.
func (f *Flow) run(ctx context.Context, binary string, run, n int) (err error) {
	ctx, cancel := context.WithTimeout(ctx, flowLimit)
	defer cancel()
	w, err := newWorld(f, binary, run, n)
	if w != nil {
		defer func() { w.close(err != nil) }()
	}
	if err != nil {
		return err
	}
	if err = f.steps(ctx, w); err != nil {
		return fmt.Errorf("%w\n--- end of releve's log (%s)\n%s", err, w.dir, w.logTail())
	}
	return nil
}

func (f *Flow) steps(ctx context.Context, w *World) error {
	if err := w.populate(ctx); err != nil {
		return err
	}
	play := f.Play
	if play == nil {
		play = inTurn
	}
	if err := play(ctx, w); err != nil {
		return err
	}
	return errors.Join(w.settled(ctx), w.leave(ctx), w.messages(), w.quiet())
}

func inTurn(ctx context.Context, w *World) error {
	for _, s := range w.flow.Calls {
		if err := w.call(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
