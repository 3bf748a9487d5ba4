package app

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/web"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/health/probe"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// sampleEvery is how often the proxy's counters are shown to the mind.
const sampleEvery = time.Second

// maxJobs bounds what waits to be done outside a lock; more is refused and counted.
const maxJobs = 1024

// mind runs the control loop: one goroutine owns the state.
//
//	operators, boot ── asks ────┐
//	saves, REGISTERs, probes ── results ──┼─► loop ─► control.Step ─► perform
//	proxy's hooks ───── flags ──┤            ▲
//	proxy's counters ── sample ─┘            └── its own timer
//
// Others hand it events and read the picture that it leaves under mu.
type mind struct {
	app   *App
	clock *clock

	// Owned by the loop.
	state      control.State
	booted     bool
	seen       sample
	overflowed bool          // an overflow is being stepped
	left       router.Server // whose registration at Relève ended in this step (mode gate)
	awake      awake
	bound      binding              // what the journal knows of the licence
	silent     [router.Servers]bool // the alarm about this server stands
	told       struct{ nobody, stuck, oldData, exercise, overdue edge }
	ordered    *admin.Command // the operator's act that has not shown in the view yet
	changing   *changing      // a reload that waits for a registration to be removed; nil: none
	counted    counted
	net        netwatch

	asks     chan request
	results  results
	saves    chan control.Effect
	jobs     chan func()
	refused  atomic.Uint64 // jobs that found no room
	wake     chan struct{}
	flags    flags
	callers  callers
	refusals refusals

	registers [router.Servers]registering
	losses    [router.Servers]losses
	runner    atomic.Pointer[probe.Runner] // replaced by a reload

	life     context.Context // ends the loops
	frozen   chan struct{}   // closed: a panic ended the decisions
	freezing sync.Once
	end      context.CancelFunc
	wait     sync.WaitGroup
	restored chan struct{} // closed when the stored state and alarms were read
	gaveUp   atomic.Bool   // another node has the store: this one decides nothing more

	mu            sync.Mutex // guards what other goroutines read
	status        snapshot
	alarms        *alarm.Table
	telling       telling
	troubles      trouble
	storeCause    string // of the newest of troubles
	last          [router.Servers]probed
	lastRefused   web.Told                       // at the alarm screen
	failures      map[string]int                 // failures of a check in a row, by the object of its alarm
	roundChecks   [router.Servers][]probe.Result // of the newest round
	stateSince    [router.Servers]time.Time
	view          router.View
	viewedOnce    bool
	activeSince   time.Time
	moveBegan     time.Time
	verifications uint64
	switchovers   uint64
	reconciled    *time.Timer
	answerer      [licence.MaxIPBX]netip.AddrPort // who answers a REGISTER
	suspected     [router.Servers]time.Time       // when its calls were last looked at out of turn
}

// request is one event and where its effects are wanted.
type request struct {
	event control.Event
	order *admin.Command // whose event it is; nil: nobody's
	do    func()         // instead of an event
	reply chan []control.Effect
}

// flags are set under a shard's lock and read by the loop: coalesced by nature.
type flags struct {
	overflow [router.Servers]atomic.Bool
	served   [router.Servers]atomic.Bool
	passive  [router.Servers]atomic.Bool
	fault    atomic.Pointer[fault]
}

// callers is what calls leave for the alarms; written under a shard's lock.
type callers struct {
	turnedAway     atomic.Uint64
	misprovisioned atomic.Bool // an alarm about a service number may stand
	stranger       atomic.Pointer[netip.Addr]
}

func newMind(a *App) *mind {
	m := &mind{
		app: a, asks: make(chan request), saves: make(chan control.Effect, 1), wake: make(chan struct{}, 1),
		jobs: make(chan func(), maxJobs), restored: make(chan struct{}), frozen: make(chan struct{}), alarms: alarm.NewTable(0),
		failures: make(map[string]int),
	}
	m.telling = telling{herald: heraldOf(a), wake: make(chan struct{}, 1), store: make(chan struct{}, 1)}
	m.life, m.end = context.WithCancel(context.Background())
	m.state = control.New(a.controlPolicy(), uint64(time.Now().UnixNano()))
	m.status.view = m.firstView()
	return m
}

// firstView is what calls are routed by until the mind has read the store.
func (m *mind) firstView() router.View {
	return router.View{Active: router.Primary, Act: m.app.cfg().Verification.Act}
}

// run is the loop; one select on purpose. A panic freezes it.
func (m *mind) run() {
	sample := time.NewTicker(sampleEvery)
	defer sample.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var asked request
		var tick time.Time // when the sample was due that came; zero: none
		due := false
		select {
		case <-m.life.Done():
			return
		case <-m.frozen:
			m.keepFrozen(sample.C)
			return
		case asked = <-m.asks:
		case <-m.wake:
		case tick = <-sample.C:
		case <-timer.C:
			due = true
		}
		m.decide(func() {
			m.doubt(tick)
			if !tick.IsZero() {
				m.look()
			}
			m.turn(asked, due)
			timer.Reset(m.pause())
		})
	}
}

// turn steps what there is.
func (m *mind) turn(asked request, due bool) {
	if due {
		m.step(control.Event{Kind: control.Tick})
	}
	for _, e := range m.results.take() {
		m.step(e)
	}
	m.flagged()
	m.changeOn()
	if asked.reply == nil {
		m.picture()
		return
	}
	effects := m.obey(asked)
	m.picture() // who asked may look at once
	asked.reply <- effects
}

// minPause keeps the loop from spinning, whatever the state asks for.
const minPause = time.Millisecond

// pause is how long the loop may sleep.
func (m *mind) pause() time.Duration {
	next, ok := m.state.Next()
	if !ok {
		return m.longestPause()
	}
	now := m.clock.now().Mono
	m.awake.due = max(next, now)
	return min(max(next.Sub(now), minPause), m.longestPause())
}

// step gives the mind one event and performs what it decides.
func (m *mind) step(e control.Event) []control.Effect {
	var room [16]control.Effect
	if e.Kind != control.Self && m.awake.overslept() { // within a turn, too
		m.doubt(time.Time{})
	}
	now := m.clock.now()
	effects := m.state.Step(now, e, room[:0])
	m.left = router.NoServer
	m.booted = m.booted || e.Kind == control.Boot
	m.moved(m.state.Licence(now)) // before the role that waited for it
	for i := range effects {
		m.perform(&effects[i])
	}
	return effects
}

// post hands the loop the result of an effect; it is never lost, and never blocks.
func (m *mind) post(e control.Event) {
	m.results.add(e)
	m.signal()
}

// errStopping: the loop has ended.
var errStopping = errors.New("releve is stopping: ask again when it has started")

// ask gives the loop an event and waits for its effects.
func (m *mind) ask(ctx context.Context, e control.Event) ([]control.Effect, error) {
	return m.request(ctx, request{event: e, reply: make(chan []control.Effect, 1)})
}

func (m *mind) request(ctx context.Context, r request) ([]control.Effect, error) {
	select {
	case m.asks <- r:
	case <-m.frozen:
		return nil, errFrozen
	case <-m.life.Done():
		return nil, errStopping
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case effects := <-r.reply:
		return effects, nil
	case <-m.frozen:
		return nil, errFrozen
	case <-m.life.Done():
		return nil, errStopping
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *mind) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// The hooks of the proxy: under a shard's lock, so they only set a flag.

func (m *mind) overflow(s router.Server)    { m.flags.overflow[s].Store(true); m.signal() }
func (m *mind) served(s router.Server)      { m.flags.served[s].Store(true); m.signal() }
func (m *mind) passiveCall(s router.Server) { m.flags.passive[s].Store(true); m.signal() }
func (m *mind) fault(what, call string)     { m.flags.fault.Store(&fault{what, call}); m.signal() }

// flagged shows the mind what the hooks left.
func (m *mind) flagged() {
	for s := router.Primary; s <= router.Secondary; s++ {
		if m.flags.served[s].Swap(false) {
			at := m.app.proxy.Stats.ServedAt[s].Load()
			m.step(control.Event{Kind: control.Answered, Server: s, At: router.Instant(at)})
		}
		if m.flags.overflow[s].Swap(false) {
			m.sample()
			m.overflowed = true
			m.step(control.Event{Kind: control.Overflow, Server: s})
			m.overflowed = false
		}
		if m.flags.passive[s].Swap(false) {
			m.raise(alarm.PassiveCalls, s.String())
		}
	}
	m.faulted()
}

// faulted tells of the panic that was caught last.
func (m *mind) faulted() {
	if f := m.flags.fault.Swap(nil); f != nil {
		m.app.log.Error("a fault was caught", "call", f.call, "what", f.what)
		m.raise(alarm.InternalFault, node)
		m.app.event(text.EventInternalFault, map[string]string{"cause": firstLine(f.what), "call": f.call})
	}
}

// later runs f outside any lock, in order; bounded.
func (m *mind) later(f func()) {
	select {
	case m.jobs <- f:
	default:
		m.refused.Add(1)
	}
}

// fault is a panic that was caught.
type fault struct{ what, call string }

// do does one job. Jobs read what came from outside: a panic ends the job alone.
func (m *mind) do(f func()) {
	defer func() {
		if r := recover(); r != nil {
			m.app.proxy.Caught(r, "")
		}
	}()
	f()
}

// worker does the jobs, at the end those that are left: an ACK that was owed.
func (m *mind) worker() {
	for {
		select {
		case f := <-m.jobs:
			m.do(f)
			continue
		case <-m.life.Done():
		}
		for {
			select {
			case f := <-m.jobs:
				m.do(f)
			default:
				return
			}
		}
	}
}

// background starts the loops; the returned function ends them. The agent is
// closed before its results are waited for: nothing is sent any more, and no
// REGISTER is repeated while the rest ends.
func (a *App) background() func() {
	m := a.mind
	looped := make(chan struct{})
	m.wait.Go(func() { defer close(looped); m.run() })
	m.wait.Go(func() { m.decide(m.saver) }) // without it nothing that is decided holds
	m.wait.Go(func() { m.do(m.keepAlarms) })
	told := make(chan struct{})
	m.wait.Go(func() { defer close(told); m.do(m.tellNotices) })
	m.wait.Go(func() { m.do(func() { m.storeNotices(told) }) })
	m.wait.Go(func() { m.do(m.watchStore) })
	m.wait.Go(func() { m.do(a.watchCalls) })
	m.wait.Go(func() {
		m.do(func() {
			a.records.run(m.life, a.store, func(on bool, err error) { m.troubled(recordsClosed, on, err) })
		})
	})
	working := make(chan struct{})
	go func() { defer close(working); m.worker() }()
	return func() {
		m.mu.Lock()
		if m.reconciled != nil {
			m.reconciled.Stop()
		}
		m.mu.Unlock()
		a.event(text.EventStopped, nil)
		m.end()
		<-working
		<-looped // no test call begins any more
		a.tests.wait.Wait()
		a.agent.Close()
		m.wait.Wait()
	}
}
