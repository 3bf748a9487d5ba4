// Package mirror watches a mirrored database: whether main and mirror are
// reachable and have the right roles, whether the replication runs, and how old
// what the mirror lacks is.
//
//	main ───┐ ask, every Interval, each question within Timeout
//	        ├──► Look ─► Tracker (pure: lag, Judge, damping) ─► State ─► Report
//	mirror ─┘
//
// PostgreSQL (≥ 10) is asked by its own views (pgconn); MySQL and MariaDB, and
// PostgreSQL where it is wished, by a heartbeat: a row that is written on the main
// and read on the mirror, through database/sql. Nothing else is ever changed.
//
// The lag is measured by positions, never by comparing the clocks of machines:
// the tracker remembers when the main was first seen beyond what the mirror has
// replayed (log sequence numbers; of a heartbeat, the beats). An idle main is no
// lag; a mirror that nobody can read still has one, by what it had last.
//
// A Watcher owns one goroutine that looks, two more for the length of a look, and
// one that measures sizes every few minutes. Each question ends with its deadline
// and reads no more than its bound; whatever a database does, it is reported and
// in nobody's way. Report is called by the looking goroutine. All methods are
// safe for concurrent use.
package mirror

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what is watched. A copy is kept.
type Config struct {
	Main, Mirror Database

	MaxLag   time.Duration // above it the mirror is Behind
	Interval time.Duration // between two looks, start to start
	Timeout  time.Duration // of one question to one database

	Heartbeat   string // table, created when missing; "": none is written
	Node        string // whose row of that table is ours
	Standby     string // application_name of the mirror's receiver; "": found by its address
	MaxWAL      int64  // bytes that slots may keep before that is told; 0: it is not
	MaxDatabase int64  // bytes of all databases of a server before that is told; 0: it is not

	Report func(State)     // after each look; nil: nobody is told
	Caught func(panic any) // a panic of a question; nil: it is passed on

	settle time.Duration // 0: settle; shorter in tests
}

// Database is one of the two.
type Database struct {
	URL      string // postgres:// or mysql://; a password in it is used
	Password string // instead of the URL's; "": that one
}

// measureEvery is how often sizes are measured, measureAgain how soon after one that
// could not be, measureLimit how long that may take; our choices: the server looks at
// each of its files.
const (
	measureEvery = 5 * time.Minute
	measureAgain = time.Minute
	measureLimit = 15 * time.Second
)

// retryAfter is how soon the next look follows one that failed, if Interval is
// longer: what failed is confirmed soon. Our choice.
const retryAfter = 500 * time.Millisecond

// Watcher watches until it is closed. Make it with New.
type Watcher struct {
	config Config
	main   source
	mirror source
	state  atomic.Pointer[State]
	looks  atomic.Uint64
	failed atomic.Uint64 // questions without a sound answer

	mu    sync.Mutex
	sizes [2]int64 // guarded by mu

	life context.Context
	end  context.CancelFunc
	wait sync.WaitGroup
}

// source asks one database.
type source interface {
	// ask returns what the database says, soon after ctx has ended at the latest.
	// ordinal is the beat to write, of the main.
	ask(ctx context.Context, beat uint64) Answer
	// measure returns the size of its databases in bytes, 0 when that is not known.
	measure(ctx context.Context) int64
	close()
}

// New returns a Watcher that does nothing until Start. A URL that cannot be read
// is no error: its database is reported as one that cannot be asked.
func New(c Config) *Watcher {
	seen := new(mirrorAt)
	w := &Watcher{config: c, main: newSource(&c, &c.Main, true, seen), mirror: newSource(&c, &c.Mirror, false, seen)}
	w.life, w.end = context.WithCancel(context.Background())
	w.state.Store(&State{})
	return w
}

// Start begins to watch.
func (w *Watcher) Start() {
	w.wait.Go(w.run)
	w.wait.Go(w.measure)
}

// Close ends the watch and waits until no question is open.
func (w *Watcher) Close() {
	w.end()
	w.wait.Wait()
	w.main.close()
	w.mirror.close()
}

// State is the newest; the zero State before the first look.
func (w *Watcher) State() State { return *w.state.Load() }

// Counts are the looks so far and the questions among them that had no sound
// answer.
func (w *Watcher) Counts() (looks, failed uint64) { return w.looks.Load(), w.failed.Load() }

func (w *Watcher) run() {
	tracker := NewTracker(Policy{MaxLag: w.config.MaxLag, MaxWAL: w.config.MaxWAL, MaxDatabase: w.config.MaxDatabase, settle: w.config.settle})
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.life.Done():
			return
		case <-timer.C:
		}
		began := time.Now()
		l, ok := w.look()
		if w.life.Err() != nil {
			return
		}
		pause := w.config.Interval - time.Since(began)
		if ok {
			s := tracker.Look(l)
			w.state.Store(&s)
			if w.config.Report != nil {
				w.config.Report(s)
			}
			if l.Main.Reach != Up || l.Mirror.Reach != Up {
				pause = min(pause, retryAfter)
			}
		}
		timer.Reset(max(pause, 0))
	}
}

// look asks both: the main first, so that what the mirror has by then is compared
// with what the main had before; but no answer of the main is waited for longer
// than a quarter of the time. False: a panic ended it.
func (w *Watcher) look() (Look, bool) {
	l := Look{At: time.Now()}
	var asked sync.WaitGroup
	answered := make(chan struct{})
	sound := [2]bool{}
	beat := uint64(l.At.UnixMilli())
	asked.Go(func() {
		defer close(answered)
		sound[0] = w.ask(w.main, beat, &l.Main)
	})
	asked.Go(func() {
		head := time.NewTimer(w.config.Timeout / 4)
		defer head.Stop()
		select {
		case <-answered:
		case <-head.C:
		}
		sound[1] = w.ask(w.mirror, beat, &l.Mirror)
	})
	asked.Wait()
	w.looks.Add(1)
	for _, a := range []*Answer{&l.Main, &l.Mirror} {
		if a.Reach != Up {
			w.failed.Add(1)
		}
	}
	w.mu.Lock()
	l.Main.Size, l.Mirror.Size = w.sizes[0], w.sizes[1]
	w.mu.Unlock()
	return l, sound[0] && sound[1]
}

func (w *Watcher) ask(s source, beat uint64, to *Answer) (sound bool) {
	defer w.caught()
	ctx, cancel := context.WithTimeout(w.life, w.config.Timeout)
	defer cancel()
	*to = s.ask(ctx, beat)
	return true
}

// caught ends one question whose answer made us panic.
func (w *Watcher) caught() {
	if w.config.Caught == nil {
		return
	}
	if r := recover(); r != nil {
		w.config.Caught(r)
	}
}

// measure asks for sizes now and then, by connections of its own.
func (w *Watcher) measure() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.life.Done():
			return
		case <-timer.C:
		}
		pause := measureEvery
		for i, s := range []source{w.main, w.mirror} {
			size := w.sizeOf(s)
			if size == 0 {
				pause = measureAgain
			}
			w.mu.Lock()
			w.sizes[i] = size
			w.mu.Unlock()
		}
		timer.Reset(pause)
	}
}

func (w *Watcher) sizeOf(s source) int64 {
	defer w.caught()
	ctx, cancel := context.WithTimeout(w.life, measureLimit)
	defer cancel()
	return s.measure(ctx)
}
