package procedure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
)

// A drill, the supervised exercise:
//
//	checklist ─► announced ─► switchover ─► verified ─► held ─► return ─► verified ─► record
//	   │ refused                  │              │         │ lost call, alarm, dead server, Ctrl-C
//	   ▼                          └──────────────┴─────────┴─► return at once ─► record: broken off
//	record
//
// Every act is an operator's command, recorded as such.

// DrillOptions of an exercise.
type DrillOptions struct {
	Options
	Window string        // "02:00-04:00"; "": any time
	Hold   time.Duration // how long the secondary serves
	Limit  int           // calls in progress at most to begin
	Told   func(left time.Duration, answered, lost uint64)
}

// Journal is what a drill needs of a node besides.
type Journal interface {
	Events(ctx context.Context, since time.Time, limit int) ([]db.Event, error)
}

// The paces of a drill, our choices: a lost call is seen within a quarter of a
// second; a node that restarts is waited for.
const (
	watchEvery  = 250 * time.Millisecond
	beatEvery   = time.Second
	silentLimit = 5 * time.Second
	homeLimit   = 30 * time.Second // of a return that is refused: it is tried again
)

// drill is one exercise under way.
type drill struct {
	*performer
	d       DrillOptions
	journal Journal
	before  admin.Status // at its begin
	report  admin.DrillReport
	cause   string // why it is broken off; "": it is not
	beat    time.Time
	crowded bool // a quarter of the lines were taken: a call refused for that is nobody's fault
}

// Exercise performs a drill and has it recorded.
func Exercise(ctx context.Context, node Node, journal Journal, who Operator, d DrillOptions) (admin.Procedure, error) {
	list := Drill()
	p := &performer{node: node, who: who, o: d.Options, list: list, run: Begin(list, false)}
	inside, err := Inside(d.Window, d.Now())
	if err != nil {
		return admin.Procedure{}, err
	}
	p.facts.Window, p.facts.Inside, p.facts.Hold, p.facts.Limit = d.Window, inside, d.Hold, d.Limit
	x := &drill{performer: p, d: d, journal: journal, report: admin.DrillReport{Window: d.Window, Hold: d.Hold}}
	started := d.Now()
	if err = p.walk(ctx); err == nil && p.run.Outcome() == admin.OutcomeDone {
		err = x.hold(ctx)
	}
	return x.conclude(started, err)
}

// hold is all that comes after the checklist. The error is of the node or of the
// terminal, before anything was changed.
func (x *drill) hold(ctx context.Context) error {
	x.run.outcome = "" // the checklist was the beginning
	announce := Step{ID: "announce", Kind: Done, Need: true}
	l := x.line(announce)
	x.who.Begins(l)
	if ok, err := x.who.Confirm(ctx, l); err != nil || !ok {
		return errors.Join(err, ErrAbandoned)
	}
	if err := x.node.Exercise(ctx, admin.ExerciseNote{State: admin.ExerciseBegin, Reason: x.o.Reason}); err != nil {
		return err
	}
	x.before, x.beat = x.facts.Status, x.o.Now()
	x.who.Settled(l, x.run.Settle(announce, yes(""), "", l.Params, x.o.Now()))
	x.away(ctx)
	home := context.WithoutCancel(ctx) // what was begun is ended, whoever interrupts
	x.home(home)
	x.count(home)
	failed := x.cause != ""
	_ = x.node.Exercise(home, admin.ExerciseNote{State: admin.ExerciseEnd, Failed: failed}) // unheard: the node ends it itself
	return nil
}

// settleAs enters a step whose finding is known.
func (x *drill) settleAs(s Step, found Finding) bool {
	l := x.line(s)
	x.who.Begins(l)
	x.who.Settled(l, x.run.Settle(s, found, "", l.Params, x.o.Now()))
	return found.OK
}

// away switches over, verifies and holds, until the time is over or something
// breaks the exercise off.
func (x *drill) away(ctx context.Context) {
	began := x.o.Now()
	found, err := x.move(ctx, admin.Switchover, secondary, false)
	x.report.SwitchoverMS = float64(x.o.Now().Sub(began).Microseconds()) / 1000
	x.settleAs(Step{ID: "switch", Kind: Done, Act: Switchover}, found)
	switch {
	case ctx.Err() != nil:
		x.cause = "interrupted"
		return
	case err != nil:
		x.cause = "node-silent"
		return
	case !found.OK:
		x.cause = orElse(found.Found, "refused")
		return
	}
	for _, s := range []Step{
		{ID: "binding", Kind: Verified, Patience: Short, When: (*Facts).registers, Check: bound(secondary)},
		{ID: "to-serves", Kind: Verified, Patience: Short, Probe: secondary, Check: answers},
		{ID: "test-call", Kind: Verified, Patience: Short, Probe: secondary, When: (*Facts).callCheck, Check: testCall},
	} {
		if s.When != nil && !s.When(&x.facts) {
			continue
		}
		if !x.settleAs(s, x.await(ctx, s)) {
			x.cause = orElse(x.cause, "not-serving")
			return
		}
	}
	x.watch(ctx)
	x.settleAs(Step{ID: "hold", Kind: Verified}, when(x.cause == "", "", x.causeFound()))
}

// await looks at a step until it holds, its patience is spent, or something breaks
// the exercise off meanwhile.
func (x *drill) await(ctx context.Context, s Step) Finding {
	for end := x.o.Now().Add(x.o.Wait); ; x.pause(ctx) {
		err := x.inspect(ctx, s)
		found := no("word=unknown")
		if err == nil {
			found = s.Check(&x.facts)
			x.cause = x.broken(ctx)
		} else if ctx.Err() != nil {
			x.cause = "interrupted"
		}
		if found.OK || x.cause != "" || !x.o.Now().Before(end) {
			return found
		}
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// causeFound is the cause as a finding.
func (x *drill) causeFound() string {
	if strings.Contains(x.cause, "=") {
		return x.cause
	}
	return ""
}

// watch holds until the time is over; x.cause says why not.
func (x *drill) watch(ctx context.Context) {
	end := x.o.Now().Add(x.d.Hold)
	silent := time.Time{}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		now := x.o.Now()
		switch err := x.look(ctx); {
		case err == nil:
			silent = time.Time{}
			if x.cause = x.broken(ctx); x.cause != "" {
				return
			}
			x.alive(ctx, now, end)
		case ctx.Err() != nil:
		case silent.IsZero():
			silent = now
		case now.Sub(silent) > silentLimit:
			x.cause = "node-silent"
			return
		}
		if !now.Before(end) && silent.IsZero() {
			return
		}
		select {
		case <-ctx.Done():
			x.cause = "interrupted"
			return
		case <-tick.C:
		}
	}
}

// alive tells the node and the terminal once a second that the exercise goes on.
func (x *drill) alive(ctx context.Context, now, end time.Time) {
	if now.Sub(x.beat) < beatEvery {
		return
	}
	x.beat = now
	_ = x.node.Exercise(ctx, admin.ExerciseNote{State: admin.ExerciseBeat}) // the next one is a second away
	n, was := &x.facts.Status.Counters, &x.before.Counters
	x.d.Told(max(end.Sub(now), 0), n.Answered-was.Answered, x.lost())
}

// lost counts the callers who were not served by our fault since the begin. Our
// choice: one who was sent away while the active server was far from full counts.
func (x *drill) lost() uint64 {
	n, was := &x.facts.Status.Counters, &x.before.Counters
	active := x.facts.server(x.facts.Status.Active)
	x.crowded = x.crowded || active.Reserved*4 >= active.Lines
	lost := n.Lost + n.Failed - was.Lost - was.Failed
	if !x.crowded {
		lost += n.Dissuaded - was.Dissuaded
	}
	return lost
}

// broken says why the exercise cannot go on; "": it can.
func (x *drill) broken(ctx context.Context) string {
	s := &x.facts.Status
	server := x.facts.server(secondary)
	switch {
	case ctx.Err() != nil:
		return "interrupted"
	case !s.Started.Equal(x.before.Started):
		return "node-silent" // it was restarted: what it counted is gone
	case x.lost() > 0:
		return "lost-call"
	case strings.HasPrefix(server.Verdict, "DEAD") || server.State == admin.StateDown:
		return "dead-server"
	case s.Active != secondary || s.Phase == "both-down" || s.Phase == "maintenance":
		return "moved"
	}
	for _, a := range s.Alarms {
		known := slices.ContainsFunc(x.before.Alarms, func(b db.Alarm) bool { return a.Number == b.Number && a.Object == b.Object })
		grave := a.Severity == "critical" || a.Severity == "major"
		if grave && a.Cleared.IsZero() && !known && a.Number != 1019 {
			return fmt.Sprint("alarm=", a.Number)
		}
	}
	return ""
}

// home returns: in good order when the time is over, at once when it was broken
// off. The primary served a moment ago, so a refusal for the time that has to
// pass since a failure is overridden.
func (x *drill) home(ctx context.Context) {
	for x.look(ctx) != nil || x.facts.Status.Phase == "switching" {
		if !x.patient(ctx, homeLimit) {
			x.report.OnSecondary = true
			return
		}
	}
	if x.facts.Status.Active == primary && x.facts.Status.Phase != "returning" {
		return // never left it
	}
	began := x.o.Now()
	found, err := x.move(ctx, admin.Return, primary, false)
	for until := began.Add(homeLimit); (err != nil || !found.OK) && x.o.Now().Before(until); {
		x.pause(ctx)
		if x.look(ctx) == nil {
			found, err = x.move(ctx, admin.Return, primary, true)
		}
	}
	x.report.ReturnMS = float64(x.o.Now().Sub(began).Microseconds()) / 1000
	x.report.OnSecondary = !x.settleAs(Step{ID: "drill-return", Kind: Done, Act: Return}, found)
	if x.report.OnSecondary {
		x.cause = orElse(x.cause, "refused")
		return
	}
	for _, s := range []Step{
		{ID: "binding-back", Kind: Verified, Patience: Short, When: (*Facts).registers, Check: bound(primary)},
		{ID: "from-serves", Kind: Verified, Patience: Short, Probe: primary, Check: answers},
	} {
		if s.When != nil && !s.When(&x.facts) {
			continue
		}
		if found, err := x.verify(ctx, s); err != nil || !x.settleAs(s, found) {
			x.cause = orElse(x.cause, "not-serving")
		}
	}
}

func (x *drill) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(watchEvery):
	}
}

// patient waits a moment, unless limit has passed since the beat.
func (x *drill) patient(ctx context.Context, limit time.Duration) bool {
	x.pause(ctx)
	return x.o.Now().Sub(x.beat) < limit
}

// count reads what happened to the callers.
func (x *drill) count(ctx context.Context) {
	if x.look(ctx) != nil {
		x.cause = orElse(x.cause, "node-silent")
		return
	}
	n, was, r := &x.facts.Status.Counters, &x.before.Counters, &x.report
	if x.facts.Status.Started.Equal(x.before.Started) {
		r.Offered, r.Answered, r.Dissuaded, r.Cancelled = n.Offered-was.Offered, n.Answered-was.Answered, n.Dissuaded-was.Dissuaded, n.Cancelled-was.Cancelled
		r.Held = n.Held - was.Held
		r.Rescued, r.Refused, r.Failed, r.Lost = n.Rescued-was.Rescued, n.Refused-was.Refused, n.Failed-was.Failed, n.Lost-was.Lost
	}
	x.changed = x.before.Now
	r.BySecondary, _ = x.answeredBy(ctx, secondary) // 0 where the records cannot be read
	r.LicenceMS = x.licenceMove(ctx)
	if !x.settleAs(Step{ID: "final-calls", Kind: Verified}, when(x.lost() == 0, "", "calls="+fmt.Sprint(x.lost()))) {
		x.cause = orElse(x.cause, "lost-call")
	}
}

// licenceMove is the longest move of the registration since the begin, in ms.
func (x *drill) licenceMove(ctx context.Context) (longest float64) {
	events, err := x.journal.Events(ctx, x.before.Now, newest)
	if err != nil {
		return 0
	}
	for _, e := range events {
		if d, err := time.ParseDuration(e.Params["duration"]); err == nil && e.Code == text.EventLicenceMoved {
			longest = max(longest, float64(d.Microseconds())/1000)
		}
	}
	return longest
}

// conclude writes the record.
func (x *drill) conclude(started time.Time, err error) (admin.Procedure, error) {
	x.report.Cause = x.cause
	switch {
	case errors.Is(err, ErrAbandoned), errors.Is(err, context.Canceled):
		x.run.Abandon()
		err = nil
	case err != nil:
		x.run.Fail()
	case x.run.Outcome() == admin.OutcomeRefused:
	case x.cause == "":
		x.run.outcome = admin.OutcomeDone
	case x.report.OnSecondary:
		x.run.outcome = admin.OutcomeFailed
	default:
		x.run.Abort()
	}
	out := x.run.Record(x.o.Reason, started, x.o.Now())
	if !x.before.Now.IsZero() {
		out.Drill = &x.report
	}
	return x.keep(out, err)
}

// ErrWindow: the window is not HH:MM-HH:MM.
var ErrWindow = errors.New("a window is HH:MM-HH:MM")

// Inside reports whether now is within a window of the day, which may span
// midnight; "" is the whole day.
func Inside(window string, now time.Time) (bool, error) {
	if window == "" {
		return true, nil
	}
	from, to, ok := strings.Cut(window, "-")
	begin, err1 := time.Parse("15:04", strings.TrimSpace(from))
	end, err2 := time.Parse("15:04", strings.TrimSpace(to))
	if !ok || err1 != nil || err2 != nil {
		return false, ErrWindow
	}
	minute := func(t time.Time) int { return t.Hour()*60 + t.Minute() }
	b, e, n := minute(begin), minute(end), minute(now)
	if b <= e {
		return b <= n && n < e, nil
	}
	return n >= b || n < e, nil
}
