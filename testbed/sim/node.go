package sim

import (
	"time"

	"releve/proxy/dialog"
	"releve/router"
	"releve/router/control"
)

// node is one Relève: its mind, the View its calls see, and its table of lines.
type node struct {
	w     *World
	index int
	seed  uint64
	state control.State
	up    bool
	life  int // counts starts; what belongs to a former life is dropped

	born      router.Instant // of this life
	lag       time.Duration  // how far Mono is behind: pauses during which it stood still
	ppm       int64          // drift of Mono
	ahead     time.Duration  // steps of the wall clock
	read      router.Elapsed // newest reading of this life
	pausedTo  router.Instant
	lastPause router.Instant
	lastBoot  router.Instant

	links   [linksOfNode]link
	alone   int             // faults that cut it off from everything
	cut     int             // … and from the store
	had     bool            // the address, when it last looked
	pending *control.Effect // a Save handed over, neither durable nor refused
	watch   watch

	events []control.Event // to be shown to the mind
	busy   bool
	next   router.Instant // when the mind wants its next tick, Mono
	armed  router.Instant // … and when it is due, real time
	crash  crashPlan

	noProbes   bool // the prober has no room …
	muteProbes bool // … and does not even say so

	pauses *fault // at an effect to come

	copy    control.Copy // what its watch of the mirror said last
	drained [router.Servers]bool

	atRefresh bool // an operator waits for the next REGISTER

	view       router.View
	waking     bool
	table      *dialog.Table
	kept       []*call // calls that want to know of a new View
	open       []*call // calls whose fork has not finished
	answered   [router.Servers]router.Instant
	lined      [router.Servers]router.Occupancy
	tickets    map[uint32]ticket // servers' REGISTERs that wait
	lastTicket uint32
	effects    [24]control.Effect
}

type alarmKey struct {
	number uint16
	server router.Server
	ipbx   uint8
}

// boot starts the process from what is stored, as soon as the store answers.
func (n *node) boot() {
	w := n.w
	if n.up {
		return
	}
	if n.cut > 0 || w.store.trouble != storeWell && w.store.trouble != storeSlow {
		w.after(time.Second, n.boot)
		return
	}
	n.up, n.life, n.lastBoot, n.had = true, n.life+1, w.now, false
	n.born, n.lag, n.armed = w.now, 0, router.Never
	n.read = router.Elapsed{Wall: n.ahead} // a life begins at zero, whatever the wall clock says
	n.ppm = w.clocks.Int64N(1001) - 500
	n.crash, n.events, n.busy = crashPlan{}, n.events[:0], false
	n.kept, n.open = n.kept[:0], n.open[:0]
	n.tickets = nil
	n.answered = [router.Servers]router.Instant{}
	n.lined = [router.Servers]router.Occupancy{}
	var limits dialog.Limits
	limits.Lines[router.Primary], limits.Lines[router.Secondary] = w.set.lines, w.set.lines
	n.table = dialog.New(limits)
	for s := router.Primary; s <= router.Secondary; s++ {
		n.table.Reconcile(s, n.life <= 1) // calls of an earlier life may live on
	}
	n.view = router.View{Active: router.Primary, Act: w.set.control.Role.Act}
	n.state = control.New(w.set.control, n.seed+uint64(n.life))
	w.note('b', uint64(n.index)<<32|uint64(n.life), w.store.version)
	if w.tracing() {
		n.logf("starts (life %d), store at version %d: %s", n.life, w.store.version, rowText(w.store.row))
	}
	n.watch.booted(w)
	n.drained = [router.Servers]bool{}
	n.feed(control.Event{Kind: control.Boot, On: true, Row: *w.store.row, Version: w.store.version})
	for x := router.Primary; x <= router.Secondary; x++ {
		n.do(n.life, func() { n.drain(x) })
	}
	n.watchMirror()
	n.watchAddress()
}

// logf writes a line of the trace about this node.
func (n *node) logf(format string, args ...any) {
	if n.w.tracing() {
		n.w.logf("node %d "+format, append([]any{n.index}, args...)...)
	}
}

// clock reads both clocks, as a node does. Mono never over-counts more than its
// drift.
func (n *node) clock() router.Clock {
	since := n.w.now.Sub(n.born)
	n.read = n.read.Next(n.drifted(since-n.lag), since+n.ahead)
	return n.read.Clock()
}

func (n *node) drifted(d time.Duration) time.Duration { return d + d*time.Duration(n.ppm)/1e6 }

// when is the first instant of real time at which Mono has reached m.
func (n *node) when(m router.Instant) router.Instant {
	d := time.Duration(m) * 1e6 / (1e6 + time.Duration(n.ppm))
	for n.drifted(d) < time.Duration(m) {
		d++
	}
	return max(n.born.Add(n.lag+d), n.w.now)
}

// do runs what arrives at the node or what one of its timers does, unless the
// process has ended since; a paused machine does it when it goes on.
func (n *node) do(life int, f func()) {
	switch {
	case !n.up || n.life != life:
	case n.w.now < n.pausedTo:
		n.w.at(n.pausedTo, func() { n.do(life, f) })
	default:
		f()
	}
}

// timer runs f when Mono has advanced by d.
func (n *node) timer(d time.Duration, f func()) {
	life := n.life
	n.w.after(d, func() { n.do(life, f) })
}

// feed shows the mind an event and performs what it decides, until it wants no
// more. The process may die between any two effects.
func (n *node) feed(e control.Event) {
	n.events = append(n.events, e)
	if n.busy || !n.up {
		return
	}
	n.busy = true
	for i := 0; i < len(n.events); i++ {
		if i > 2000 {
			n.w.broken("the mind does not come to rest")
			break
		}
		if !n.step(n.events[i]) {
			return
		}
	}
	n.events, n.busy = n.events[:0], false
	n.arm()
}

// step is false when the process died.
func (n *node) step(e control.Event) bool {
	due := n.due(e)
	effects := n.state.Step(n.clock(), e, n.effects[:0])
	n.watch.stepped(n, e, effects, due)
	for i := range effects {
		if n.crash.strikes(n, &effects[i]) {
			n.die()
			return false
		}
		n.perform(&effects[i])
		n.pauseAt(&effects[i])
	}
	return n.w.fail == ""
}

// arm files the next tick of the mind.
func (n *node) arm() {
	next, ok := n.state.Next()
	if n.next = next; !ok {
		n.next = router.Never
		return
	}
	at := n.when(next)
	if at >= n.armed && n.armed >= n.w.now {
		return
	}
	n.armed = at
	life := n.life
	n.w.at(at, func() { n.do(life, n.tick) })
}

func (n *node) tick() {
	n.armed = router.Never
	if n.next <= n.clock().Mono {
		n.feed(control.Event{Kind: control.Tick})
		if n.up && n.next <= n.clock().Mono {
			n.w.broken("a tick leaves the mind's deadline due: it would spin")
		}
		return
	}
	n.arm()
}

func (n *node) perform(f *control.Effect) {
	w := n.w
	w.note('e', uint64(n.index)<<48|uint64(f.Kind)<<32|uint64(f.Server)<<16|uint64(f.Alarm), f.Round^f.Version<<8)
	switch f.Kind {
	case control.Probe:
		n.probe(f.Server, f.Round)
	case control.ProbeIPBX:
		n.probeIPBX(f.IPBX, f.Round)
	case control.Save:
		w.store.save(n, f)
	case control.Register:
		n.register(&f.Register)
	case control.Publish:
		n.publish(f.View)
	case control.Alarm:
		n.alarmed(f)
		n.logf("alarm %d about %v, ipbx %d: %v", f.Alarm, f.Server, f.IPBX, f.On)
	case control.Record:
		n.logf("journal: %s %v %v %d/%d epoch %d", f.Reason, f.Server, f.Verdict, f.K, f.N, f.Epoch)
	case control.Reply:
		n.reply(&f.Register)
	case control.Own:
		w.goals.reach(goalOwn)
		n.logf("%v is registered here: %v", f.Server, f.On)
	case control.AskLease:
		w.store.lease(n, f.Lease)
	case control.PlaceCall:
		n.testCall(f.Server)
	case control.AskPeer:
		n.askPeer(f.Server, f.Round)
	case control.Refuse:
		n.logf("refused: %s", f.Reason)
	}
}

func (n *node) alarmed(f *control.Effect) {
	k := alarmKey{f.Alarm, f.Server, f.IPBX}
	if _, on := n.w.alarms[k]; on == f.On {
		return
	}
	if f.On {
		n.w.alarms[k] = n.w.now
		return
	}
	delete(n.w.alarms, k)
}

// publish swaps the View and wakes the calls that wait for it, a moment later.
func (n *node) publish(v router.View) {
	w := n.w
	w.note('v', v.Epoch<<16|uint64(v.Phase)<<8|uint64(v.Active), uint64(v.Ruling)<<32|v.Verification)
	if w.tracing() && (v.Phase != n.view.Phase || v.Ruling != n.view.Ruling || v.Verification != n.view.Verification || v.Round != n.view.Round) {
		n.logf("view: %v, %v active, epoch %d, verification %d (%d/%d) ruling %v %v", v.Phase, v.Active, v.Epoch, v.Verification, v.Round, v.Of, v.Ruling, v.Verdict)
	}
	n.watch.published(n, v)
	n.view = v
	if n.waking {
		return
	}
	n.waking = true
	n.timer(between(w.clocks, 0, time.Millisecond), n.wake)
}

func (n *node) wake() {
	n.waking = false
	kept := n.kept
	n.kept = nil
	for _, c := range kept {
		c.keptListed = false
		c.ruled()
	}
}

// die ends the process at once: calls that were not answered are lost, servers
// and IPBX find out by their own clocks.
func (n *node) die() {
	w := n.w
	w.note('d', uint64(n.index)<<32|uint64(n.life), 0)
	n.logf("dies")
	n.watch.died(n)
	w.store.abandoned(n)
	if n.crash.armed && w.now < w.set.heal {
		w.after(between(w.clocks, 100*time.Millisecond, 12*time.Second), n.boot)
	}
	n.up, n.busy, n.waking = false, false, false
	for _, c := range n.open {
		c.lostNode()
	}
	n.open, n.kept = n.open[:0], n.kept[:0]
	w.addressFollows()
}

// pause stops the machine for d. Its monotonic clock may stand still meanwhile.
func (n *node) pause(d time.Duration, stands bool) {
	w := n.w
	until, from := w.now.Add(d), max(w.now, n.pausedTo)
	if !n.up || until <= from {
		return // it sleeps for longer already
	}
	if stands {
		n.lag += until.Sub(from)
	}
	n.pausedTo, n.lastPause = until, until
	w.goals.reach(goalPause)
	w.addressFollows()
	n.logf("pauses for %v, its clock %s", d, map[bool]string{true: "stands still", false: "runs on"}[stands])
	n.armed = router.Never
	life := n.life
	late := d > 500*time.Millisecond && !stands
	w.at(n.pausedTo, func() {
		n.do(life, func() {
			if late { // its own ticker came late: it doubts itself for a while
				n.feed(control.Event{Kind: control.Self, On: true})
				n.timer(5*time.Second, func() { n.feed(control.Event{Kind: control.Self}) })
			}
			n.arm()
			for _, c := range n.open {
				c.arm()
			}
		})
	})
}
