package procedure

import (
	"context"
	"errors"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/router"
)

// ErrAbandoned: the operator ends the procedure.
var ErrAbandoned = errors.New("the operator abandons the procedure")

// Node is what performing needs of a node: the admin API.
type Node interface {
	Status(ctx context.Context) (admin.Status, error)
	Licence(ctx context.Context) (admin.Licence, error)
	Probe(ctx context.Context, server string) (admin.Probe, error)
	Calls(ctx context.Context, filter string, limit int) ([]admin.CallInfo, error)
	Command(ctx context.Context, c admin.Command) (admin.Result, error)
	RecordProcedure(ctx context.Context, p admin.Procedure) (admin.Procedure, error)
	Exercise(ctx context.Context, n admin.ExerciseNote) error
}

// Line is a step as it is shown: its number among those of the list, and what its
// sentence names.
type Line struct {
	Step
	Number int
	Params map[string]string
}

// Answer is an operator's. Given: there was one at all.
type Answer struct {
	Given   bool
	Yes     bool
	Comment string
}

// Operator is who performs: at a terminal, or by a file of answers.
type Operator interface {
	// Begins shows a step before it is settled.
	Begins(l Line)
	// Ask asks the question of a step; ErrAbandoned ends the run.
	Ask(ctx context.Context, l Line) (Answer, error)
	// Confirm asks before Relève changes something; false abandons.
	Confirm(ctx context.Context, l Line) (bool, error)
	// Settled shows how the step came out.
	Settled(l Line, s admin.ProcedureStep)
}

// Options of a run. Durations bound the waits of Patience; 0: looked at once.
type Options struct {
	Reason string
	Force  bool
	Wait   time.Duration // Short
	Calls  time.Duration // Calls
	Call   time.Duration // Call
	Quiet  int           // of a return; below 0: not asked for
	Copied time.Time     // of a copy
	Now    func() time.Time
}

// lookAgain is how long is waited between two looks at a step.
const lookAgain = 200 * time.Millisecond

// performer is one run under way.
type performer struct {
	node    Node
	who     Operator
	o       Options
	list    Checklist
	run     *Run
	facts   Facts
	changed time.Time // when the change of role was sent, by the node's clock
	number  int
}

// Perform walks through a checklist and has the node record how it went. The
// error is of the node or of the operator's terminal; the record is returned all
// the same, and was kept unless its ID is empty.
func Perform(ctx context.Context, node Node, who Operator, list Checklist, o Options) (admin.Procedure, error) {
	p := &performer{node: node, who: who, o: o, list: list, run: Begin(list, o.Force)}
	p.facts.Quiet, p.facts.Copied = o.Quiet, o.Copied
	started := o.Now()
	err := p.walk(ctx)
	return p.record(started, err)
}

// recordLimit bounds the last word to the node, also after an interrupt.
const recordLimit = 10 * time.Second

func (p *performer) record(started time.Time, err error) (admin.Procedure, error) {
	switch {
	case errors.Is(err, ErrAbandoned), errors.Is(err, context.Canceled):
		p.run.Abandon()
		err = nil
	case err != nil && p.run.Outcome() == "":
		p.run.Fail()
	}
	out := p.run.Record(p.o.Reason, started, p.o.Now())
	if out.Name == admin.ProcedureCopy && out.Outcome == admin.OutcomeDone {
		out.Copied = p.facts.Copied.UTC()
	}
	return p.keep(out, err)
}

func (p *performer) keep(out admin.Procedure, err error) (admin.Procedure, error) {
	ctx, cancel := context.WithTimeout(context.Background(), recordLimit)
	defer cancel()
	kept, kerr := p.node.RecordProcedure(ctx, out)
	if kerr != nil {
		return out, errors.Join(err, kerr)
	}
	return kept, err
}

func (p *performer) walk(ctx context.Context) error {
	for {
		if err := p.look(ctx); err != nil {
			return err
		}
		s, ok := p.run.Next(&p.facts)
		if !ok {
			return nil
		}
		if err := p.step(ctx, s); err != nil {
			return err
		}
	}
}

// step settles one.
func (p *performer) step(ctx context.Context, s Step) error {
	l := p.line(s)
	p.who.Begins(l)
	found, comment, err := p.settle(ctx, l)
	if err != nil {
		return err
	}
	p.who.Settled(l, p.run.Settle(s, found, comment, l.Params, p.o.Now()))
	return nil
}

// line numbers a step, and keeps of the words only those that its sentence names.
func (p *performer) line(s Step) Line {
	p.number++
	all, named := p.list.Params(&p.facts), map[string]string{}
	for _, name := range text.StepNames(s.ID) {
		named[name] = all[name]
	}
	return Line{Step: s, Number: p.number, Params: named}
}

func (p *performer) settle(ctx context.Context, l Line) (Finding, string, error) {
	switch l.Kind {
	case Asked:
		a, err := p.who.Ask(ctx, l)
		if !a.Given {
			return no("word=not-asked"), "", err
		}
		return Finding{OK: a.Yes}, a.Comment, err
	case Done:
		ok, err := p.who.Confirm(ctx, l)
		if err != nil || !ok {
			return Finding{}, "", errors.Join(err, ErrAbandoned)
		}
		found, err := p.act(ctx, l.Step)
		return found, "", err
	case Told:
		if l.Check == nil {
			return yes(""), "", nil
		}
		return l.Check(&p.facts), "", nil
	}
	found, err := p.verify(ctx, l.Step)
	return found, "", err
}

// verify looks until it holds or the patience of the step is spent.
func (p *performer) verify(ctx context.Context, s Step) (Finding, error) {
	wait := [...]time.Duration{Once: 0, Short: p.o.Wait, Calls: p.o.Calls, Call: p.o.Call}[s.Patience]
	late := time.NewTimer(wait)
	defer late.Stop()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		if err := p.inspect(ctx, s); err != nil {
			return Finding{}, err
		}
		found := s.Check(&p.facts)
		if found.OK || wait == 0 {
			return found, nil
		}
		select {
		case <-ctx.Done():
			return found, ctx.Err()
		case <-late.C:
			return found, nil
		case <-tick.C:
		}
	}
}

// inspect refreshes what the step looks at.
func (p *performer) inspect(ctx context.Context, s Step) (err error) {
	p.facts.Probe = admin.Probe{}
	if s.Probe != "" {
		if p.facts.Probe, err = p.node.Probe(ctx, s.Probe); err != nil {
			return err
		}
	}
	if s.Calls != "" {
		if p.facts.Served, err = p.servedBy(ctx, s.Calls); err != nil {
			return err
		}
	}
	return p.look(ctx)
}

func (p *performer) look(ctx context.Context) (err error) {
	if p.facts.Status, err = p.node.Status(ctx); err != nil {
		return err
	}
	p.facts.Mirror = p.facts.Status.Mirror
	p.facts.Licence, err = p.node.Licence(ctx)
	return err
}

// newest is how many calls are looked through for one that was answered.
const newest = 200

// servedBy: a call that began after the change was answered by that server.
func (p *performer) servedBy(ctx context.Context, role string) (bool, error) {
	n, err := p.answeredBy(ctx, role)
	return n > 0, err
}

// answeredBy counts the calls since the change that a server answered, of the
// newest ones.
func (p *performer) answeredBy(ctx context.Context, role string) (n int, err error) {
	if p.changed.IsZero() {
		return 0, nil
	}
	calls, err := p.node.Calls(ctx, "", newest)
	for _, c := range calls {
		answered := c.Live || c.Outcome == "answered"
		if c.Server == role && answered && !c.Outgoing && c.Started.After(p.changed) {
			n++
		}
	}
	return n, err
}

// act does what a step of kind Done is for.
func (p *performer) act(ctx context.Context, s Step) (Finding, error) {
	switch s.Act {
	case Switchover:
		return p.move(ctx, admin.Switchover, secondary, p.run.Forced())
	case Return:
		return p.move(ctx, admin.Return, primary, p.run.Forced())
	case Undrain:
		r, err := p.node.Command(ctx, admin.Command{Name: admin.DrainStop, Server: p.list.Server, Reason: p.o.Reason})
		return when(r.Accepted || r.Already, "", "reason="+string(r.Reason)), err
	case Copy: // noted with the record
		return yes(""), nil
	}
	return no(""), nil
}

// moveMargin is how much longer than the worst move a change of role may take.
const moveMargin = 30 * time.Second

// move changes the role and follows it to its end.
func (p *performer) move(ctx context.Context, command, to string, force bool) (Finding, error) {
	began, active, epoch := p.o.Now(), p.facts.Status.Active, p.facts.Status.Epoch
	p.changed = p.facts.Status.Now
	r, err := p.node.Command(ctx, admin.Command{Name: command, Force: force, Reason: p.o.Reason, ExpectedActive: active})
	switch {
	case err != nil:
		return Finding{}, err
	case r.Already:
		return yes("active=" + p.facts.server(to).Name), nil
	case !r.Accepted:
		return no("reason=" + string(r.Reason)), nil
	}
	p.run.Started()
	late := time.NewTimer(p.facts.Licence.WorstMove + moveMargin)
	defer late.Stop()
	tick := time.NewTicker(lookAgain / 4)
	defer tick.Stop()
	for {
		if p.facts.Status, err = p.node.Status(ctx); err != nil {
			return Finding{}, err
		}
		s := &p.facts.Status
		moves := s.Phase == "switching" || s.Phase == "returning"
		switch {
		case s.Active == to && !moves:
			return yes("took=" + took(p.o.Now().Sub(began))), nil
		case !moves && s.Epoch >= epoch+2: // begun and taken back
			return no("reason=" + string(router.ReasonMoveFailed)), nil
		}
		select {
		case <-ctx.Done():
			return Finding{}, ctx.Err()
		case <-late.C:
			return no("word=moving"), nil
		case <-tick.C:
		}
	}
}
