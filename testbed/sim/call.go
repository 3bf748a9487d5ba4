package sim

import (
	"time"

	"releve/proxy/dialog"
	"releve/proxy/fork"
	"releve/router"
	"releve/router/control"
)

// call is one call offered to the site: the caller, and the node's response
// context of it, the real fork.State.
type call struct {
	w        *World
	id       uint64
	n        *node
	life     int
	entry    router.Entry
	outgoing router.Server // who places it; NoServer: it comes from the IPBX
	pair     uint64        // caller and number
	offered  router.Instant
	talk     time.Duration
	patience time.Duration

	fork       fork.State
	begun      bool
	legs       []*leg
	queue      []fork.Event
	stepping   bool
	responding bool // the step under way is that of a response
	armed      router.Instant
	stale      bool // its node died

	keptListed bool
	keptSince  router.Instant // held or waiting since; Never: not kept
	waitSeen   bool
	holdSeen   bool
	verified   bool   // a verification ran for it
	sent       uint16 // final that went up
	dones      int
	outcome    router.Outcome
	reason     router.Reason
	metFull    bool // a server had no line for it
	hungUp     bool
	ended      bool // counted
	tries      int
}

// arrive: the INVITE reaches us, or is repeated until it does.
func (c *call) arrive() {
	w, n := c.w, c.w.entry()
	if c.outgoing == router.NoServer && w.ipbxs[0].silent() || c.outgoing != router.NoServer && w.servers[c.outgoing].mode != healthy {
		c.finish(router.OutcomeNone, "") // nobody calls
		return
	}
	gone := n.alone > 0 || c.outgoing == router.NoServer && n.links[linkOfIPBX(0)].severed()
	if !n.up || n.pausedTo > w.now || gone {
		if c.tries++; c.tries > 7 {
			c.finish(router.Lost, router.ReasonNone) // Timer B at the IPBX
			return
		}
		w.after(firstGap<<c.tries, c.arrive)
		return
	}
	c.n, c.offered, c.life, c.begun = n, w.now, n.life, true
	n.open = append(n.open, c)
	if c.outgoing == router.NoServer {
		n.feed(control.Event{Kind: control.Sight})
	}
	if !n.up {
		c.lostNode()
		return
	}
	c.route()
	w.after(c.patience, func() {
		if c.sent == 0 && !c.stale && !c.ended {
			n.do(c.life, c.cancel)
		}
	})
}

// cancel: the caller hangs up. One that we keep has his 487 at once.
func (c *call) cancel() {
	kept := c.fork.Held() || c.fork.Waiting() || c.fork.Queued()
	c.step(fork.Event{Kind: fork.Cancelled})
	if kept && c.sent == 0 && !c.stale {
		c.w.broken("call %d: its caller hung up while it was kept, and it goes on", c.id)
	}
}

// route asks router.Route and begins the response context.
func (c *call) route() {
	n, w := c.n, c.w
	now := n.clock().Mono
	v := n.view
	rc := router.Call{
		From: c.outgoing, Entry: c.entry, Manual: !w.set.fork.Automatic, HoldBudget: now.Add(holdBudget),
		Occupancy: n.table.Occupancy(v.Active, 0), AnsweredLately: c.lately(v.Active),
		Looped: c.outgoing == router.NoServer && n.table.Looped(c.pair, now),
	}
	d := router.Route(rc, v)
	if s := w.servers[v.Active]; s.inUse+s.trials >= s.lines {
		c.metFull = true // truly full, not by our count alone
	}
	if d.Action == router.Desk && d.Reason == router.ReasonHoldBudget {
		w.goals.reach(goalFenceDesk)
	}
	if w.tracing() {
		w.logf("call %d arrives (entry %v, from %v): %d %s", c.id, c.entry, c.outgoing, d.Action, d.Reason)
	}
	mode := fork.Incoming
	if c.outgoing != router.NoServer {
		mode = fork.Outgoing
	}
	c.fork = fork.New(&w.set.fork, mode, true, now)
	c.step(fork.Event{Kind: fork.Arrive, Decision: d, Entry: c.entry})
}

func (c *call) lately(x router.Server) bool {
	at := c.n.answered[x]
	return at != 0 && c.n.clock().Mono.Sub(at) < time.Second
}

// step feeds the fork and performs what it decides, until it wants no more.
func (c *call) step(e fork.Event) {
	n := c.n
	if c.stale || n.life != c.life || !n.up {
		return
	}
	c.queue = append(c.queue, e)
	if c.stepping {
		return
	}
	c.stepping = true
	outer := c.w.inCall // of another call, which this one interrupts
	c.w.inCall = true
	for i := 0; i < len(c.queue) && !c.stale; i++ {
		e := c.queue[i]
		e.View = n.view
		e.Occupancy = n.table.Occupancy(n.view.Active, c.linesOf(n.view.Active))
		e.AnsweredLately = c.lately(n.view.Active)
		room := c.w.effects[:0]
		if outer {
			room = nil
		}
		c.responding = e.Kind == fork.Response
		effects := c.fork.Step(n.clock().Mono, &e, &c.w.set.fork, room)
		for j := range effects {
			if n.crash.strikesCall(n) {
				n.die()
			}
			if c.stale { // its node died
				break
			}
			c.perform(&effects[j])
		}
	}
	c.queue, c.stepping, c.w.inCall = c.queue[:0], false, outer
	if c.stale {
		return
	}
	c.w.check.kept(c)
	if c.fork.Kept() && !c.keptListed {
		c.keptListed = true
		n.kept = append(n.kept, c)
	}
	c.arm()
	n.showLines()
}

func (c *call) linesOf(x router.Server) int {
	held := 0
	for _, l := range c.legs {
		if l.reserved == x {
			held++
		}
	}
	return held
}

// showLines tells the mind how full the servers are, when that changed.
func (n *node) showLines() {
	for x := router.Primary; x <= router.Secondary; x++ {
		if o := n.table.Occupancy(x, 0); o != n.lined[x] {
			n.lined[x] = o
			n.feed(control.Event{Kind: control.Lines, Server: x, Occupancy: o})
		}
	}
}

// arm files the next clock of the fork.
func (c *call) arm() {
	next := c.fork.Next()
	if next == router.Never || c.stale {
		return
	}
	at := c.n.when(next)
	if at >= c.armed && c.armed >= c.w.now {
		return
	}
	c.armed = at
	c.w.at(at, func() { c.n.do(c.life, c.tick) })
}

func (c *call) tick() {
	c.armed = router.Never
	if c.stale {
		return
	}
	if next := c.fork.Next(); next <= c.n.clock().Mono {
		c.step(fork.Event{Kind: fork.Tick})
		return
	}
	c.arm()
}

// ruled shows the call a new View.
func (c *call) ruled() {
	if !c.fork.Finished() {
		c.step(fork.Event{Kind: fork.Ruled})
	}
}

func (c *call) perform(f *fork.Effect) {
	n, w := c.n, c.w
	w.note('f', c.id<<16|uint64(f.Kind)<<8|uint64(f.Target), uint64(f.Status)<<8|uint64(f.Branch))
	if w.tracing() {
		w.logf("call %d: %s branch %d target %d status %d %s", c.id, forkText[f.Kind], f.Branch, f.Target, f.Status, f.Reason)
	}
	switch f.Kind {
	case fork.Start:
		w.check.started(c, f)
		c.start(f.Branch, f.Target)
	case fork.Cancel:
		c.legs[f.Branch].cancelled()
	case fork.Abandon:
		c.legs[f.Branch].abandon()
	case fork.Relay:
		c.relayed(f)
	case fork.Reply:
		c.up(f.Status)
	case fork.Hold:
		c.holdSeen = true
		server := n.view.Active
		n.timer(between(w.clocks, 0, time.Millisecond), func() {
			n.feed(control.Event{Kind: control.Overflow, Server: server})
			c.overflows()
		})
		c.queue = append(c.queue, fork.Event{Kind: fork.Ruled})
	case fork.Wait:
		c.wait(f)
	case fork.Pace:
		c.queue = append(c.queue, fork.Event{Kind: fork.Turn, NotBefore: n.table.Pace(serverOf(f.Target), n.clock().Mono)})
	case fork.Leave:
		n.table.Leave(c.waiter())
	case fork.Release:
		w.goals.reach(goalLateAnswer)
		c.bye(c.legs[f.Branch])
	case fork.Report:
		if x := serverOf(f.Target); x != router.NoServer {
			n.feed(control.Event{Kind: control.Evidence, Server: x, Evidence: f.Evidence})
			if f.Evidence == router.Busy && c.responding { // its own word: it is alive
				n.feed(control.Event{Kind: control.Answered, Server: x})
			}
		}
	case fork.Done:
		c.dones++
		w.check.done(c, f)
		n.closed(c)
		if f.Outcome == router.Dissuaded {
			n.table.Dissuaded(c.pair, n.clock().Mono)
		}
		c.finish(f.Outcome, f.Reason)
	}
}

func (c *call) waiter() dialog.Waiter { return dialog.Waiter{Context: c.id} }

func (c *call) wait(f *fork.Effect) {
	n, x := c.n, serverOf(f.Target)
	c.waitSeen = true
	if !n.table.Wait(c.waiter(), x, f.NotBefore) {
		c.queue = append(c.queue, fork.Event{Kind: fork.NoTurn})
		return
	}
	life := n.life
	c.w.at(n.when(max(f.NotBefore, n.clock().Mono)), func() {
		n.do(life, func() { n.give(n.table.Poll(x, n.clock().Mono)) })
	})
}

// give offers reserved lines to the calls whose turn it is.
func (n *node) give(grants []dialog.Grant) {
	for _, g := range grants {
		c := n.w.calls[g.Waiter.Context-1]
		life := n.life
		n.w.after(0, func() {
			n.do(life, func() {
				c.step(fork.Event{Kind: fork.Turn})
				n.give(n.table.Release(g.Server, n.clock().Mono)) // the branch took a line of its own
			})
		})
	}
}

// relayed sends the response of a branch up.
func (c *call) relayed(f *fork.Effect) {
	c.up(f.Status)
	if f.Status/100 != 2 || c.hungUp {
		return
	}
	c.hungUp = true
	l := c.legs[f.Branch]
	c.w.after(c.talk, func() { c.bye(l) })
}

// bye ends an answered leg; in-dialog requests need no state of ours.
func (c *call) bye(l *leg) {
	l.hangUp()
	c.n.do(c.life, func() {
		l.freeLine()
		c.n.showLines()
	})
}

// up is a response that went to the caller.
func (c *call) up(status uint16) {
	if status < 200 {
		return
	}
	if c.sent != 0 && (c.sent/100 != 2 || status/100 != 2) {
		c.w.broken("call %d: final %d went up after %d", c.id, status, c.sent)
	}
	c.sent = status
}

// lostNode: the process that had the call is gone.
func (c *call) lostNode() {
	c.stale = true
	if c.ended {
		return
	}
	c.w.goals.reach(goalCallLostWithNode)
	c.finish(router.Lost, router.ReasonRestarted)
}

// closed takes a finished call off the list.
func (n *node) closed(c *call) {
	for i, o := range n.open {
		if o == c {
			n.open = append(n.open[:i], n.open[i+1:]...)
			return
		}
	}
}

// finish counts the call once.
func (c *call) finish(o router.Outcome, why router.Reason) {
	if c.ended {
		c.w.broken("call %d ended twice: %v (%s), then %v (%s)", c.id, c.outcome, c.reason, o, why)
	}
	c.ended, c.outcome, c.reason = true, o, why
	c.w.note('c', c.id, uint64(o))
	if c.w.tracing() {
		c.w.logf("call %d ends: %v %s", c.id, o, why)
	}
	c.w.goals.call(c)
	c.w.busy.count(c)
}
