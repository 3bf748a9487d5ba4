package probe

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"releve/health"
	"releve/router"
)

// maxPlugins is how many plugins run at once, our choice: a check that finds no
// room within its time-out is Unknown, and counted.
const maxPlugins = 8

// Plan is what a Runner runs. Immutable.
type Plan struct {
	Checks [router.Servers][]Check
	// Target is where a server is now; false: no address is known, nothing is run.
	Target func(router.Server) (Target, bool)
	// Report is told, from a watch's goroutine, what a run outside any round
	// proves of a server's host.
	Report func(router.Server, health.Presence)
	// Done is told the result of every run; nil: nobody.
	Done func(router.Server, Result)
	// Caught is told a panic in a check, which ends that run alone; nil: it goes on.
	Caught func(any)
}

// Runner runs the checks of both servers, each at its interval and whenever a
// round or an operator asks.
type Runner struct {
	plan    Plan
	plugins chan struct{}
	shed    atomic.Uint64
	life    context.Context
	end     context.CancelFunc
	wait    sync.WaitGroup

	mu      sync.Mutex
	watches [router.Servers][]*watch // guarded by mu: what is in them
	ended   *sync.Cond               // a run has ended
}

// watch is one check of one server.
type watch struct {
	check  *Check
	kick   chan struct{} // room for one
	begun  uint64        // runs that began
	done   uint64        // number of the run that result is of; 0: none ended
	result Result
	last   time.Time // when the result last was OK or Warning; zero: never
	runs   [len(stateNames)]uint64
}

var stateNames = [...]State{OK, Warning, Failed, Unknown}

// NewRunner returns a Runner that runs nothing until Start.
func NewRunner(p Plan) *Runner {
	r := &Runner{plan: p, plugins: make(chan struct{}, maxPlugins)}
	r.life, r.end = context.WithCancel(context.Background())
	r.ended = sync.NewCond(&r.mu)
	for s := range p.Checks {
		for i := range p.Checks[s] {
			r.watches[s] = append(r.watches[s], &watch{check: &p.Checks[s][i], kick: make(chan struct{}, 1)})
		}
	}
	return r
}

// Start begins to run the checks. Close ends what it started and waits for it.
func (r *Runner) Start() {
	for s := range r.watches {
		for _, w := range r.watches[s] {
			r.wait.Go(func() { r.follow(router.Server(s), w) })
		}
	}
}

// Close ends every run and waits for their goroutines.
func (r *Runner) Close() {
	r.end()
	r.wait.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended.Broadcast()
}

// Shed counts the plugins that found no room among maxPlugins.
func (r *Runner) Shed() uint64 { return r.shed.Load() }

// Running is how many plugins run now, of how many that may.
func (r *Runner) Running() (now, most int) { return len(r.plugins), maxPlugins }

// follow is the loop of one watch.
func (r *Runner) follow(s router.Server, w *watch) {
	timer := time.NewTimer(0) // at once: a node that starts knows nothing
	defer timer.Stop()
	for {
		select {
		case <-r.life.Done():
			return
		case <-w.kick:
		case <-timer.C:
		}
		r.once(s, w)
		timer.Reset(spread(w.check.Every))
	}
}

// spread is d ± 20 %, so that checks do not beat together.
func spread(d time.Duration) time.Duration {
	return d - d/5 + rand.N(2*d/5+1)
}

// once runs w and keeps what it says.
func (r *Runner) once(s router.Server, w *watch) {
	r.mu.Lock()
	w.begun++
	r.mu.Unlock()
	result := r.run(s, w.check)
	if r.life.Err() != nil {
		return
	}
	r.mu.Lock()
	w.done, w.result = w.begun, result
	w.runs[result.State]++
	if result.State <= Warning {
		w.last = result.At
	}
	proves, is := r.proves(s, result)
	r.ended.Broadcast()
	r.mu.Unlock()
	if is && r.plan.Report != nil {
		r.plan.Report(s, proves)
	}
	if r.plan.Done != nil {
		r.plan.Done(s, result)
	}
}

// run is one run, with room for it; a panic ends it alone.
func (r *Runner) run(s router.Server, c *Check) (result Result) {
	began := time.Now()
	unknown := func(note string) Result {
		return Result{Name: c.Name, Type: c.Type, State: Unknown, At: time.Now(), Took: time.Since(began), Note: note}
	}
	defer func() {
		if p := recover(); p != nil {
			if r.plan.Caught == nil {
				panic(p)
			}
			r.plan.Caught(p)
			result = unknown("an internal fault ended this check")
		}
	}()
	target, ok := r.plan.Target(s)
	if !ok {
		return unknown("no address of the server is known")
	}
	if c.Type == "exec" {
		limit := time.NewTimer(c.Timeout)
		defer limit.Stop()
		select {
		case r.plugins <- struct{}{}:
			defer func() { <-r.plugins }()
		case <-limit.C:
			r.shed.Add(1)
			return unknown("too many plugins run at once")
		case <-r.life.Done():
		}
	}
	return c.Run(r.life, target)
}

// proves is what the newest result, outside any round, proves of the host. Up
// proves it; the rest does when no other check of the last while says Up: an
// older one must not cover a newer silence, nor the other way round. Called
// with mu held.
func (r *Runner) proves(s router.Server, newest Result) (health.Presence, bool) {
	if newest.Up == health.Up {
		return health.Up, true
	}
	results := make([]Result, 0, len(r.watches[s]))
	for _, w := range r.watches[s] {
		results = append(results, w.fresh())
	}
	together := Together(results)
	return together, together != health.Up
}

// Together is what results prove: Up when one is up, Down when one is down and
// none up, Unknown when none could tell (or there is none).
func Together(results []Result) health.Presence {
	sum := health.Unknown
	for _, r := range results {
		switch r.Up {
		case health.Up:
			return health.Up
		case health.Down:
			sum = health.Down
		}
	}
	return sum
}

// fresh is the newest result, Unknown when it is older than 3 × Every. Called
// with mu held.
func (w *watch) fresh() Result {
	r := w.result
	r.Name, r.Type = w.check.Name, w.check.Type
	switch {
	case r.At.IsZero():
		r.State, r.Up, r.Note = Unknown, health.Unknown, "not run yet"
	case time.Since(r.At) > 3*w.check.Every:
		r.State, r.Up, r.Note = Unknown, health.Unknown, "stale: "+r.Note
	}
	return r
}

// Latest returns the newest result of each check of a server, in order. A stale
// one is Unknown.
func (r *Runner) Latest(s router.Server) []Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Result, 0, len(r.watches[s]))
	for _, w := range r.watches[s] {
		out = append(out, w.fresh())
	}
	return out
}

// Counts returns how often each check of a server ended in each State, in the
// order of Latest.
func (r *Runner) Counts(s router.Server) [][4]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([][4]uint64, 0, len(r.watches[s]))
	for _, w := range r.watches[s] {
		out = append(out, w.runs)
	}
	return out
}

// Round is the runs of one verification round.
type Round struct {
	runner *Runner
	server router.Server
	want   []uint64 // by watch: the first run that is of this round
}

// Round has every check of a server run now and returns at once. A run under
// way began before the round and is not of it: the check runs again after.
func (r *Runner) Round(s router.Server) Round {
	r.mu.Lock()
	defer r.mu.Unlock()
	round := Round{runner: r, server: s}
	for _, w := range r.watches[s] {
		round.want = append(round.want, w.begun+1)
		select {
		case w.kick <- struct{}{}:
		default: // it runs again anyway
		}
	}
	return round
}

// Any reports whether there is a check to wait for.
func (a Round) Any() bool { return len(a.want) > 0 }

// Results returns what the round's runs say by now, without waiting: one that
// has not ended is Unknown.
func (a Round) Results() (health.Presence, []Result) {
	if a.runner == nil {
		return health.Unknown, nil
	}
	a.runner.mu.Lock()
	defer a.runner.mu.Unlock()
	out, _ := a.results()
	return Together(out), out
}

func (a Round) results() (out []Result, all bool) {
	all = true
	for i, w := range a.runner.watches[a.server] {
		if w.done >= a.want[i] {
			out = append(out, w.result)
			continue
		}
		all = false
		out = append(out, Result{
			Name: w.check.Name, Type: w.check.Type, State: Unknown, Note: "no result by the end of the round",
		})
	}
	return out, all
}

// Wait waits until every run of the round has ended, or ctx has, and returns
// Results.
func (a Round) Wait(ctx context.Context) (health.Presence, []Result) {
	if a.runner == nil {
		return health.Unknown, nil
	}
	r := a.runner
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended.Broadcast()
	})
	defer stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		out, all := a.results()
		if all || ctx.Err() != nil || r.life.Err() != nil {
			return Together(out), out
		}
		r.ended.Wait()
	}
}
