package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Receiver is a Sink with how it is used.
type Receiver struct {
	Name     string // unique among the receivers
	Sink     Sink
	Takes    func(Notice) bool // nil: all of them
	Gather   time.Duration     // what comes within it goes in one Send; 0: nothing is waited for
	Most     int               // notices in one Send; 0: DefaultMost
	Rate     int               // Sends in RateWindow, an urgent notice goes all the same; 0: no limit
	Deadline time.Duration     // of one Send; 0: DefaultDeadline

	// Settings is what the Sink was made of: a Receiver that comes again with the
	// same name and Settings goes on undisturbed.
	Settings string
}

// Our choices.
const (
	DefaultMost     = 200
	DefaultDeadline = 10 * time.Second
	RateWindow      = 10 * time.Minute
	firstPause      = time.Second
	longestPause    = time.Minute
	seldomPause     = 10 * time.Minute // after a refusal for good
	downAfter       = 3                // failures in a row
)

// Options of a Dispatcher.
type Options struct {
	Dir string       // where queues are kept; made when absent
	Log *slog.Logger // nil: discarded

	// Failing tells that a receiver fails again and again (err says why), or
	// takes what it is sent again. Dropping tells that its queue was full, and
	// that it is empty again. Both are called without any lock held, by a
	// goroutine of the Dispatcher, each on a change and once after the start.
	Failing  func(name string, on bool, err error)
	Dropping func(name string, on bool)
}

// Dispatcher tells notices to receivers, each by a goroutine of its own: one that
// hangs delays itself alone.
//
//	Tell ──► queue of each receiver that takes it ──► Send, until it is taken
//	             └──► its file (atomic, synced): kill -9 loses nothing
//
// A notice is sent at least once and in order; after a crash, or an error in the
// middle, the same ID may come again. All methods are safe for concurrent use;
// none but Set, Test, Save and Close waits for anything.
type Dispatcher struct {
	o     Options
	log   *slog.Logger
	life  context.Context
	end   context.CancelFunc
	wait  sync.WaitGroup
	dirty chan struct{} // has one place

	saving sync.Mutex // one save at a time; guards saved and broken
	saved  map[string]uint64
	broken bool

	setting sync.Mutex // one Set at a time

	mu      sync.Mutex // guards what follows
	left    map[string][]Notice
	workers []*worker
	early   []Notice // told before the first Set
	set     bool
	closed  bool
}

// Open reads what an earlier run left; the receivers come with Set. The error is
// about a directory or a file that cannot be used: the Dispatcher works, and
// keeps in memory alone what it cannot write.
func Open(o Options) (*Dispatcher, error) {
	d := &Dispatcher{o: o, log: o.Log, dirty: make(chan struct{}, 1), saved: map[string]uint64{}}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.life, d.end = context.WithCancel(context.Background())
	err := os.MkdirAll(o.Dir, 0o750)
	var rerr error
	d.left, rerr = read(o.Dir)
	d.wait.Go(d.keep)
	return d, errors.Join(err, rerr)
}

// Set replaces the receivers. What waits for one of the same name is kept; what
// waits for one that is gone is forgotten.
func (d *Dispatcher) Set(receivers []Receiver) {
	d.setting.Lock()
	defer d.setting.Unlock()
	d.mu.Lock()
	before := d.workers
	d.mu.Unlock()
	next := make([]*worker, 0, len(receivers))
	var stopped []*worker
	for _, r := range receivers {
		i := slices.IndexFunc(before, func(w *worker) bool { return w.Name == r.Name })
		switch {
		case i >= 0 && before[i].Settings == r.Settings && r.Settings != "":
			next = append(next, before[i])
			continue
		case i >= 0:
			before[i].stop() // its Sink is used by nobody from here on
			stopped = append(stopped, before[i])
			next = append(next, newWorker(d, r, before[i].q))
		default:
			q := newQueue(r.Name)
			d.mu.Lock()
			q.add(time.Time{}, d.left[r.Name])
			q.count = Counts{}
			delete(d.left, r.Name)
			d.mu.Unlock()
			next = append(next, newWorker(d, r, q))
		}
	}
	var gone []string
	for _, w := range before {
		if !slices.Contains(next, w) && !slices.Contains(stopped, w) {
			w.stop()
			gone = append(gone, w.Name)
		}
	}
	d.begin(next)
	for _, name := range gone { // once nobody saves its queue any more
		d.forget(name)
	}
}

// begin puts the workers in place, and tells them what came before them.
func (d *Dispatcher) begin(next []*worker) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return
	}
	d.workers = next
	early, first := d.early, !d.set
	d.early, d.set = nil, true
	gone := d.left
	d.left = map[string][]Notice{}
	for _, w := range next {
		w.start()
	}
	d.mu.Unlock()
	for name, notices := range gone {
		d.log.Warn("a receiver is no longer configured, what waited for it is forgotten", "receiver", name, "notices", len(notices))
		d.forget(name)
	}
	if first {
		d.Tell(early...)
	}
	d.mark()
}

// forget removes the file of a receiver that is gone.
func (d *Dispatcher) forget(name string) {
	d.saving.Lock()
	defer d.saving.Unlock()
	delete(d.saved, name)
	if err := write(d.o.Dir, name, nil); err != nil {
		d.log.Error("remove the queue of a receiver that is gone", "receiver", name, "error", err)
	}
}

// Tell gives notices to each receiver that takes them. It never blocks and
// touches no file: Save tells when they are on disk.
func (d *Dispatcher) Tell(notices ...Notice) {
	if len(notices) == 0 {
		return
	}
	d.mu.Lock()
	if !d.set {
		d.early = append(d.early, notices...)
		d.early = d.early[max(0, len(d.early)-Limit):]
	}
	workers := d.workers
	d.mu.Unlock()
	now := time.Now()
	for _, w := range workers {
		var mine []Notice
		for _, n := range notices {
			if w.Takes == nil || w.Takes(n) {
				mine = append(mine, n)
			}
		}
		if len(mine) > 0 {
			w.q.add(now, mine)
		}
	}
	d.mark()
}

func (d *Dispatcher) mark() {
	select {
	case d.dirty <- struct{}{}:
	default:
	}
}

// keep writes the queues when they changed, and tells of those that were full.
func (d *Dispatcher) keep() {
	for {
		select {
		case <-d.life.Done():
			return
		case <-d.dirty:
		}
		_ = d.Save() // logged
		for _, w := range d.inPlace() {
			if on := w.q.filled(); on != w.dropping || !w.toldDropping {
				w.dropping, w.toldDropping = on, true
				if d.o.Dropping != nil {
					d.o.Dropping(w.Name, on)
				}
			}
		}
	}
}

// Save writes what has changed and returns when it is durable, or cannot be.
func (d *Dispatcher) Save() error {
	d.saving.Lock()
	defer d.saving.Unlock()
	var errs error
	for _, w := range d.inPlace() {
		notices, version := w.q.snapshot()
		if done, ok := d.saved[w.Name]; ok && done == version {
			continue
		}
		if err := write(d.o.Dir, w.Name, notices); err != nil {
			errs = errors.Join(errs, fmt.Errorf("keep the notices for %s in %s: %w", w.Name, d.o.Dir, err))
			continue
		}
		d.saved[w.Name] = version
	}
	if broken := errs != nil; broken != d.broken {
		d.broken = broken
		if broken {
			d.log.Error("notices are kept in memory alone", "error", errs)
		} else {
			d.log.Info("notices are kept on disk again", "directory", filepath.Clean(d.o.Dir))
		}
	}
	return errs
}

// inPlace are the workers.
func (d *Dispatcher) inPlace() []*worker {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.workers
}

// Names are the receivers, in their order.
func (d *Dispatcher) Names() []string {
	var names []string
	for _, w := range d.inPlace() {
		names = append(names, w.Name)
	}
	return names
}

// ErrNoReceiver: there is no receiver of that name.
var ErrNoReceiver = errors.New("no such receiver")

// Test sends one notice to a receiver, beside its queue, whatever it takes
// otherwise, and returns what was said.
func (d *Dispatcher) Test(ctx context.Context, name string, n Notice) (answer string, err error) {
	for _, w := range d.inPlace() {
		if w.Name == name {
			return w.test(ctx, n)
		}
	}
	return "", ErrNoReceiver
}

// State is what a receiver does now.
type State struct {
	Name    string
	Waiting int
	Counts
	Down  bool   // failing again and again
	Cause string // of the newest failure; "": the newest Send went well
}

// States returns the state of each receiver, in their order.
func (d *Dispatcher) States() []State {
	var out []State
	for _, w := range d.inPlace() {
		out = append(out, w.state())
	}
	return out
}

// Close ends the sending and keeps what waits.
func (d *Dispatcher) Close() {
	d.mu.Lock()
	d.closed = true
	workers := d.workers
	d.mu.Unlock()
	d.end()
	for _, w := range workers {
		w.stop()
	}
	d.wait.Wait()
	_ = d.Save() // logged
}
