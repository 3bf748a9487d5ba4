package notify

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// worker serves one receiver: the only goroutine that uses its Sink.
//
//	queue ── Gather, Rate ──► Send ──► taken: next
//	                           ├──► failed: pause 1 s, 2 s, … 60 s, the same again
//	                           └──► refused for good, three times: the newest one alone (suspect.go)
type worker struct {
	Receiver
	d     *Dispatcher
	q     *queue
	tests chan trial
	end   context.CancelFunc
	life  context.Context
	begun bool // guarded by d.mu
	done  chan struct{}

	dropping, toldDropping bool // of keep

	// Owned by run.
	failures int
	retry    time.Time // not before
	tried    time.Time // the newest Send
	suspect  suspicion
	sends    []time.Time
	told     bool // Failing was called
	down     bool

	mu    sync.Mutex
	shown struct {
		down  bool
		cause string
	}
}

// trial is a test that waits for the worker.
type trial struct {
	ctx    context.Context
	notice Notice
	result chan<- result
}

type result struct {
	answer string
	err    error
}

func newWorker(d *Dispatcher, r Receiver, q *queue) *worker {
	if r.Most <= 0 {
		r.Most = DefaultMost
	}
	if r.Deadline <= 0 {
		r.Deadline = DefaultDeadline
	}
	w := &worker{Receiver: r, d: d, q: q, tests: make(chan trial), done: make(chan struct{})}
	w.life, w.end = context.WithCancel(d.life)
	return w
}

// start runs the worker, once.
func (w *worker) start() {
	if !w.begun {
		w.begun = true
		go func() { defer close(w.done); w.run() }()
	}
}

// stop ends the worker and waits for it.
func (w *worker) stop() {
	w.end()
	w.d.mu.Lock()
	begun := w.begun
	w.begun = true // never from here on
	w.d.mu.Unlock()
	if begun {
		<-w.done
	}
}

func (w *worker) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.life.Done():
			return
		case t := <-w.tests:
			t.result <- w.try(t)
		case <-w.q.wake:
		case <-timer.C:
		}
		timer.Reset(w.turn(time.Now()))
	}
}

// idle is how long a worker sleeps that nobody wakes.
const idle = time.Hour

// turn sends what is due and returns how long to sleep.
func (w *worker) turn(now time.Time) time.Duration {
	due, ok := w.due(now)
	if !ok {
		return idle
	}
	if pause := due.Sub(now); pause > 0 {
		return pause
	}
	w.sends = append(w.sends, now)
	w.sends = w.sends[max(0, len(w.sends)-max(1, w.Rate)):]
	w.tried = now
	if w.suspect.ask(w.failures, w.q.length()) {
		w.concluded(w.askNewest())
		return 0
	}
	err := w.send(w.life, w.q.front(w.suspect.most(w.Most)))
	if w.life.Err() != nil && err != nil {
		w.q.settle(false) // stopped: neither taken nor refused
		return idle
	}
	w.q.settle(err == nil)
	if w.suspect.concluded(err, w.q.length()) {
		w.giveUp(err)
		err = nil // it is the notice that is refused, not all of them
	}
	w.d.mark()
	w.concluded(err)
	return 0
}

// due is when the next Send may begin; false: nothing waits.
func (w *worker) due(now time.Time) (time.Time, bool) {
	oldest, urgent, ok := w.q.oldest()
	if !ok {
		return now, false
	}
	at := oldest.Add(w.Gather)
	if w.failures > 0 && w.retry.After(at) {
		at = w.retry
		if soon := w.tried.Add(longestPause); w.q.newest().After(w.tried) && soon.Before(at) {
			at = soon // a refusal for good may not hold for what came since
		}
	}
	if w.Rate > 0 && len(w.sends) >= w.Rate && !urgent && w.failures == 0 {
		if free := w.sends[0].Add(RateWindow); free.After(at) {
			at = free
		}
	}
	return at, true
}

// concluded notes how a Send ended, and says so when that is new.
func (w *worker) concluded(err error) {
	was := w.down
	if err == nil {
		w.failures, w.down = 0, false
	} else {
		w.failures++
		w.retry = time.Now().Add(pauseAfter(w.failures, err))
		w.down = w.failures >= downAfter
	}
	w.mu.Lock()
	w.shown.down, w.shown.cause = w.down, ""
	if err != nil {
		w.shown.cause = oneLine(err.Error())
	}
	w.mu.Unlock()
	if was == w.down && (w.told || err != nil) {
		return
	}
	w.told = true
	switch {
	case w.down:
		w.d.log.Warn("a receiver of alarms does not take them", "receiver", w.Name, "error", err)
	case was:
		w.d.log.Info("a receiver of alarms takes them again", "receiver", w.Name)
	}
	if w.d.o.Failing != nil {
		w.d.o.Failing(w.Name, w.down, err)
	}
}

// pauseAfter is how long to wait after n failures in a row.
func pauseAfter(n int, err error) time.Duration {
	var later *Later
	if errors.As(err, &later) && later.After > firstPause {
		return min(MaxLater, later.After)
	}
	if errors.Is(err, ErrPermanent) && n >= downAfter {
		return seldomPause
	}
	return min(longestPause, firstPause<<min(n-1, 10))
}

// send is one Send within its deadline. A Sink that panics has failed.
func (w *worker) send(ctx context.Context, notices []Notice) (err error) {
	ctx, cancel := context.WithTimeout(ctx, w.Deadline)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			w.d.log.Error("a receiver's fault was caught", "receiver", w.Name, "what", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal fault: %v", r)
		}
	}()
	return w.Sink.Send(ctx, notices)
}

// try performs a test. One that goes well ends a pause: the receiver is back.
func (w *worker) try(t trial) result {
	if err := t.ctx.Err(); err != nil {
		return result{err: err}
	}
	ctx, cancel := w.life, context.CancelFunc(func() {})
	if deadline, ok := t.ctx.Deadline(); ok { // a moment before, so that who asked hears where it stood still
		ctx, cancel = context.WithDeadline(w.life, deadline.Add(-lastWord))
	}
	defer cancel()
	err := w.send(ctx, []Notice{t.notice})
	if err != nil {
		return result{err: err}
	}
	if w.failures > 0 {
		w.retry = time.Time{}
		w.concluded(nil)
	}
	r := result{}
	if a, ok := w.Sink.(Answerer); ok {
		r.answer = oneLine(a.Answer())
	}
	return r
}

// lastWord is how long before the end of a test its Send ends.
const lastWord = 300 * time.Millisecond

// test asks the worker for a test and waits for its end.
func (w *worker) test(ctx context.Context, n Notice) (string, error) {
	done := make(chan result, 1)
	select {
	case w.tests <- trial{ctx, n, done}:
	case <-w.life.Done():
		return "", errors.New("the receiver was changed meanwhile: ask again")
	case <-ctx.Done():
		return "", fmt.Errorf("an earlier sending is still under way: ask again in a minute (%w)", ctx.Err())
	}
	select {
	case r := <-done:
		return r.answer, r.err
	case <-w.done:
		return "", errors.New("the receiver was changed meanwhile: ask again")
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (w *worker) state() State {
	w.q.mu.Lock()
	s := State{Name: w.Name, Waiting: len(w.q.list), Counts: w.q.count}
	w.q.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Down, s.Cause = w.shown.down, w.shown.cause
	return s
}

// oneLine keeps what a receiver said to one line of bounded length.
func oneLine(s string) string {
	const most = 300
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
