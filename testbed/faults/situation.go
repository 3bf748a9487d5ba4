package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"releve/testbed/ipbx"
)

// Truth is what is right in a situation.
type Truth string

// MustSwitch: the primary does not serve, and the secondary would. MustNot: the
// primary serves, or nothing would be gained. May: a reasonable engineer could
// argue either way; only lost calls count.
const (
	MustSwitch Truth = "must"
	MustNot    Truth = "must not"
	May        Truth = "may"
)

// situation is one row of the corpus.
type situation struct {
	name  string
	state string // what is true of the primary, for the confusion table
	truth Truth
	// verdicts are those that name the state; one of them must be reached.
	verdicts []string
	set      settings
	// notBefore: a switchover earlier than that after the fault is wrong (it has
	// to last).
	notBefore time.Duration
	// within: a call that the secondary serves later than that after the fault is
	// a missed switchover. 0: standard.
	within time.Duration
	short  bool // one of the short form
	// only: why a peer has nothing to show here; empty: it runs there too.
	only   string
	script func(ctx context.Context, w *world) error
}

// standardWithin bounds the wait for the secondary; the bars of detection are
// measured apart (detect.go). Our choice: a starved machine is not a missed
// switchover.
const standardWithin = 20 * time.Second

// outcome is what a situation came to.
type outcome struct {
	*situation
	hop string

	switchovers int
	early       bool // before notBefore
	wrong       bool
	missed      bool
	bindings    int // the most that the registrar held at once of the two users
	verdict     string
	seen        []string
	expected    bool          // one of situation.verdicts was reached
	toVerdict   time.Duration // fault to the first of them; 0: never
	toServed    time.Duration // fault to the first call that the secondary answered; 0: none
	calls       Calls
	lost        []string
	err         error // the situation could not be brought about or read
	took        time.Duration
}

// warm is how long calls run before the fault, and after it was healed.
const warm = 2500 * time.Millisecond

// play runs one situation against one hop.
func (c *corpus) play(ctx context.Context, s *situation, h hop, name string, seed uint64) (o outcome) {
	began := time.Now()
	o = outcome{situation: s, hop: name}
	defer func() { o.took = time.Since(began) }()
	ctx, cancel := context.WithTimeoutCause(ctx, playLimit, fmt.Errorf("a situation took longer than %s", playLimit))
	defer cancel()
	dir, err := os.MkdirTemp(c.dir, "world-")
	if err != nil {
		o.err = err
		return o
	}
	w, err := openWorld(ctx, c.Self, dir, s.set, h, seed)
	if err != nil {
		o.err = err
		return o
	}
	err = w.act(ctx, s)
	o.calls, o.lost = w.settle(ctx)
	o.err = errors.Join(err, o.read(ctx, w))
	if o.err != nil {
		o.err = fmt.Errorf("%w; the hop said:\n%s", o.err, h.log())
	}
	o.err = errors.Join(o.err, w.close())
	return o
}

const playLimit = 4 * time.Minute

// act runs the calls around the script.
func (w *world) act(ctx context.Context, s *situation) error {
	w.began = time.Now()
	stop := w.load(ctx)
	err := pause(ctx, warm)
	if err == nil {
		err = s.script(ctx, w)
	}
	if err == nil && !w.healed.IsZero() {
		err = pause(ctx, warm)
	}
	return errors.Join(err, stop())
}

// read takes from the parties what happened.
func (o *outcome) read(ctx context.Context, w *world) (err error) {
	if o.switchovers, err = w.hop.moved(ctx, w); err != nil {
		return err
	}
	all, err := w.hop.verdicts(ctx, w)
	if err != nil {
		return err
	}
	var overlap ipbx.Overlap
	if err := w.ipbx.Do(ctx, "overlap", map[string][]string{"users": {user1, user2}}, &overlap); err != nil {
		return err
	}
	o.bindings = overlap.Bindings
	if at, ok := w.book.firstBy(nameSecondary, w.began); ok {
		o.toServed = at.Sub(w.faulted)
	}
	truth := o.truth
	if w.may {
		truth = May
	}
	o.judge(truth, all, w.faulted, w.healed)
	return nil
}

// judge holds what happened against the truth. Pure.
func (o *outcome) judge(truth Truth, all []said, from, to time.Time) {
	if to.IsZero() {
		to = from.Add(playLimit)
	}
	var switchedAt time.Time
	spent := map[string]time.Duration{}
	all = inForce(all, from)
	for i, s := range all {
		if s.switched && switchedAt.IsZero() {
			switchedAt = s.at
		}
		if s.switched {
			continue
		}
		if !slices.Contains(o.seen, s.verdict) {
			o.seen = append(o.seen, s.verdict)
		}
		if slices.Contains(o.verdicts, s.verdict) && o.toVerdict == 0 {
			o.toVerdict = max(s.at.Sub(from), time.Microsecond) // 0 is never
		}
		if s.noted {
			continue
		}
		next := to
		if i+1 < len(all) && all[i+1].at.Before(to) {
			next = all[i+1].at
		}
		if s.at.Before(to) {
			spent[s.verdict] += next.Sub(s.at)
		}
	}
	o.verdict = longest(spent)
	for _, s := range all {
		if s.switched {
			o.verdict = s.verdict
			break
		}
	}
	o.expected = len(o.verdicts) == 0 || o.hop == hopKamailio || slices.ContainsFunc(o.seen, func(v string) bool { return slices.Contains(o.verdicts, v) })
	o.early = o.hop != hopKamailio && !switchedAt.IsZero() && switchedAt.Sub(from) < o.notBefore
	within := o.within
	if within == 0 {
		within = standardWithin
	}
	switch truth {
	case MustNot:
		o.wrong = o.switchovers > 0
	case MustSwitch:
		o.missed = o.switchovers == 0 || o.toServed <= 0 || o.toServed > within
		o.wrong = o.early || o.switchovers > 1
	}
}

// inForce drops what was said before an instant, but the last of it, which was
// still so then.
func inForce(all []said, from time.Time) []said {
	i, _ := slices.BinarySearchFunc(all, from, func(s said, t time.Time) int { return s.at.Compare(t) })
	if i == 0 || all[i-1].switched {
		return all[i:]
	}
	all = slices.Clone(all[i-1:])
	all[0].at = from
	return all
}

func longest(spent map[string]time.Duration) (most string) {
	for v, d := range spent {
		if most == "" || d > spent[most] || d == spent[most] && v < most {
			most = v
		}
	}
	return most
}

// failed: what the corpus exists to find.
func (o *outcome) failed() bool {
	return o.err != nil || o.wrong || o.missed || o.calls.Lost > 0 || o.bindings > 1
}

func (o *outcome) said() string { return strings.Join(o.seen, " ") }
