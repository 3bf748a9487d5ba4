package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/licence"
	"releve/router/role"
)

// kind of a fault, or of an operator's act.
type kind uint8

const (
	serverFails kind = iota
	bothFail
	serverFreezes
	serverRestarts // quickly, its calls lost
	ipbxSilent
	ipbxRestarts
	wrongPassword
	registrarRefuses
	registrarDeaf
	linkCut
	linkBursts
	linkLingers
	nodeIsolated
	storeInTrouble
	nodeCrashes
	nodePauses
	wallSteps
	surge
	proberFull
	moveAtRefresh // an operator moves the licence while a refresh is under way, late and out of order
	storeCut
	peerCut
	addressMoves
	addressTwice
	databaseJumps
	operates
	maintenance
	kinds
)

var kindText = [...]string{
	"server fails", "both servers fail", "server freezes", "server restarts", "ipbx silent", "ipbx restarts", "wrong password",
	"registrar refuses", "registrar deaf", "link cut", "link loses in bursts", "link delays and reorders", "node isolated",
	"store in trouble", "node crashes", "node pauses", "wall clock steps", "surge of calls", "prober has no room", "move at a refresh",
	"node cut from the store", "nodes cut from one another", "address moves", "address claimed twice", "database's clock jumps",
	"operator acts", "maintenance",
}

// pairs: the kinds that take two nodes.
func (k kind) pairs() bool { return k >= storeCut && k <= databaseJumps }

// fault is one entry of the plan.
type fault struct {
	kind    kind
	from    router.Instant
	lasts   time.Duration
	node    int // everywhere: every one of them, where that makes sense
	server  router.Server
	mode    mode
	ipbx    uint8
	link    int
	keeps   bool // ipbxRestarts: the bindings; nodePauses: the clock stands still
	one     int  // linkCut: direction, or both
	trouble storeTrouble
	crash   crashPlan
	command role.Command
	force   bool
	size    int
	status  uint16
}

func (f *fault) String() string {
	return fmt.Sprintf("%s at %.3f for %v (node %d, server %v %s, ipbx %d, link %d/%d, command %d, crash %+v, size %d)",
		kindText[f.kind], time.Duration(f.from).Seconds(), f.lasts, f.node, f.server, modeText[f.mode], f.ipbx, f.link, f.one, f.command, f.crash, f.size)
}

// drawPlan draws the faults of an episode: some about one moment, so that they
// meet, others on their own. At least one is a fault.
func drawPlan(r *rand.Rand, s *setting) []fault {
	focus := between(r, firstFault+20*time.Second, healAt-100*time.Second)
	plan := []fault{drawFault(r, s, mainKind(r, s), focus)}
	for range r.IntN(5) {
		at := between(r, firstFault, healAt-10*time.Second)
		if r.IntN(3) > 0 {
			at = max(firstFault, focus+between(r, -5*time.Second, 25*time.Second))
		}
		plan = append(plan, drawFault(r, s, moreKind(r, s), at))
	}
	slices.SortStableFunc(plan, func(a, b fault) int { return int(a.from - b.from) })
	return plan
}

func mainKind(r *rand.Rand, s *setting) kind {
	switch n := r.IntN(20); {
	case n < 10:
		return serverFails
	case n < 12:
		return bothFail
	case n < 14:
		return linkCut
	case n < 15:
		return surge
	}
	return anyKind(r, s, operates) // not an operator's act
}

func moreKind(r *rand.Rand, s *setting) kind {
	switch n := r.IntN(10); {
	case n < 2:
		return nodeCrashes
	case n < 3:
		return storeInTrouble
	case n < 4:
		return moveAtRefresh
	}
	return anyKind(r, s, kinds)
}

// anyKind is one below limit that the site can have.
func anyKind(r *rand.Rand, s *setting, limit kind) kind {
	for {
		if k := kind(r.IntN(int(limit))); s.nodes > 1 || !k.pairs() {
			return k
		}
	}
}

// refreshes: a REGISTER leaves. When a move is wanted at a refresh, its copies
// will linger, and the move comes before they are dead.
func (w *World) refreshes(n *node, f *licence.Effect) {
	if !n.atRefresh || f.Request != licence.Register {
		return
	}
	n.atRefresh = false
	l := &n.links[linkOfIPBX(f.IPBX)]
	l.stuck++
	w.after(between(w.clocks, 500*time.Millisecond, 4*time.Second), func() { l.stuck = max(l.stuck-1, 0) })
	command := role.Switchover
	if n.state.View().Active == router.Secondary {
		command = role.Return
	}
	move := between(w.clocks, 0, 6*time.Second)
	if !n.shared() && chance(w.clocks, 0.3) { // the process dies before it hears of it
		life := n.life
		w.after(between(w.clocks, 0, 500*time.Millisecond), func() {
			if n.up && n.life == life && w.now < w.set.heal {
				n.die()
				w.after(between(w.clocks, 50*time.Millisecond, time.Second), n.boot)
			}
		})
		move = between(w.clocks, 1500*time.Millisecond, 4*time.Second)
	}
	w.after(move, func() {
		if w.now < w.set.heal {
			w.operate(command, true)
		}
	})
}

func drawFault(r *rand.Rand, s *setting, k kind, at time.Duration) fault {
	f := fault{kind: k, from: router.Instant(at), node: drawNode(r, s), server: pick(r, router.Primary, router.Primary, router.Primary, router.Secondary)}
	f.lasts = pick(r, between(r, time.Second, 8*time.Second), between(r, 5*time.Second, 40*time.Second), between(r, 30*time.Second, 3*time.Minute))
	f.mode = pick(r, refuses, refuses, dead, dead, hung, grayMute, grayRings, gray486, gray500, grayMost, graySilent, graySilent, broken500, graySome, slow, busy503)
	f.ipbx = uint8(r.IntN(int(s.policy.IPBXs)))
	f.link = pick(r, linkOfServer(router.Primary), linkOfServer(router.Primary), linkOfServer(router.Secondary), linkOfIPBX(f.ipbx))
	f.one, f.keeps, f.force = r.IntN(4), r.IntN(2) == 0, r.IntN(2) == 0
	f.trouble = 1 + storeTrouble(r.IntN(int(storeTroubles)-1))
	f.crash = crashPlan{armed: true, when: moment(r.IntN(int(moments))), skip: r.IntN(4)}
	f.command = pick(r, role.Switchover, role.Switchover, role.Return, role.Return, role.Verify)
	f.status = pick[uint16](r, 500, 503, 403, 404, 480)
	f.size = s.lines + r.IntN(2*s.lines)
	switch k {
	case serverFails, bothFail:
		if (f.mode >= grayMute && f.mode <= broken500) && r.IntN(2) == 0 {
			f.lasts = between(r, 80*time.Second, 3*time.Minute) // long enough to count
			f.size = 24
		}
	case serverFreezes:
		f.lasts = between(r, 500*time.Millisecond, pick(r, 5*time.Second, 30*time.Second, 120*time.Second))
	case serverRestarts:
		f.lasts, f.mode = between(r, 300*time.Millisecond, 5*time.Second), refuses
	case ipbxRestarts:
		f.lasts = between(r, t4+time.Second, 20*time.Second)
	case wrongPassword:
		f.lasts = between(r, time.Second, 40*time.Second)
	case registrarRefuses, registrarDeaf, linkLingers, storeInTrouble:
		f.lasts = min(f.lasts, time.Minute)
	case moveAtRefresh:
		f.lasts = between(r, 40*time.Second, 90*time.Second)
	case nodeCrashes:
		f.lasts = between(r, 10*time.Second, 90*time.Second) // for its moment to come
	case nodePauses:
		f.lasts = between(r, 100*time.Millisecond, pick(r, 3*time.Second, 15*time.Second, 120*time.Second))
	case linkCut, linkBursts:
		if s.nodes > 1 && r.IntN(2) == 0 {
			f.node = everywhere
		}
	}
	f.lasts = min(f.lasts, healAt-time.Second-at)
	return f
}

// drawNode: mostly the node that acts as long as nothing is wrong.
func drawNode(r *rand.Rand, s *setting) int {
	if s.nodes > 1 && r.IntN(3) == 0 {
		return 1
	}
	return 0
}

// begin starts a fault.
func (w *World) begin(f *fault) {
	w.note('F', uint64(f.kind), uint64(f.lasts))
	if w.tracing() {
		w.logf("FAULT %v", f)
	}
	w.goals.reach(goalFault(f.kind))
	n := w.nodes[f.node%maxNodes]
	switch f.kind {
	case serverFails, serverRestarts:
		w.failServer(f, f.server)
	case bothFail:
		w.failServer(f, router.Primary)
		w.failServer(f, router.Secondary)
	case serverFreezes:
		s := w.servers[f.server]
		s.frozenTo = w.now.Add(f.lasts)
		s.excuse(everywhere)
	case ipbxSilent:
		w.ipbxs[f.ipbx].mute++
	case ipbxRestarts:
		w.ipbxs[f.ipbx].mute++
		w.ipbxs[f.ipbx].restart(f.keeps)
	case wrongPassword:
		w.ipbxs[f.ipbx].wrong++
	case registrarRefuses:
		w.ipbxs[f.ipbx].status = f.status
	case registrarDeaf:
		w.ipbxs[f.ipbx].deaf++
	case linkCut, linkBursts, linkLingers:
		w.troubleLinks(f, 1)
	case nodeIsolated:
		w.isolate(n, 1)
	case storeInTrouble:
		w.store.trouble = f.trouble
	case nodeCrashes:
		n.crash = f.crash
	case nodePauses:
		if n.pauses = f; f.one > 1 { // else at an effect to come
			n.pauses = nil
			n.pause(f.lasts, f.keeps)
		}
	case wallSteps:
		n.ahead = between(w.clocks, -time.Hour, time.Hour)
	case surge:
		w.surge(f)
	case proberFull:
		n.noProbes, n.muteProbes = true, f.keeps
	case moveAtRefresh:
		n.atRefresh = true
	case operates:
		w.operate(f.command, f.force)
	case maintenance:
		w.operate(role.MaintenanceStart, false)
	default:
		w.beginPair(f, n)
	}
}

// beginPair starts a fault that only two nodes have.
func (w *World) beginPair(f *fault, n *node) {
	switch f.kind {
	case storeCut:
		n.cut++
	case peerCut:
		w.between.cut(f.one, 1)
	case addressMoves:
		if n.well() && n.other().well() {
			w.moveAddress()
		}
	case addressTwice:
		w.twice = true
	case databaseJumps:
		w.store.until, w.store.jumped = w.now, true
	}
}

func (w *World) failServer(f *fault, x router.Server) {
	s := w.servers[x]
	s.become(f.mode)
	if f.mode.faulty() {
		s.excuse(everywhere)
	}
	if f.size == 24 { // a gray server is found out by its calls
		for i := range f.size {
			w.offer(w.now.Add(time.Duration(i)*4*time.Second), router.NoServer)
		}
	}
}

func (w *World) surge(f *fault) {
	for range f.size {
		w.offer(w.now.Add(between(w.load, 0, 6*time.Second)), router.NoServer)
	}
}

// troubleLinks adds (by 1) or takes away (by -1) what a fault does to a link of
// one node, or of each.
func (w *World) troubleLinks(f *fault, by int) {
	for _, n := range w.nodes {
		if f.node != everywhere && f.node != n.index {
			continue
		}
		l := &n.links[f.link]
		switch {
		case f.kind == linkBursts:
			l.bursts += by
		case f.kind == linkLingers && !isServer(f.link):
			l.lingering += by
		case f.kind == linkCut:
			l.cut(f.one, by)
		}
	}
	if !isServer(f.link) {
		return
	}
	if s := w.servers[f.link]; by > 0 {
		s.excuse(f.node)
	} else {
		s.forgive(f.node)
	}
}

func (w *World) operate(c role.Command, force bool) {
	n := w.holder()
	if n == nil {
		n = w.entry()
	}
	if n.up && n.pausedTo <= w.now {
		n.logf("operator: command %d force %v", c, force)
		n.feed(control.Event{Kind: control.Operate, Command: c, Force: force})
	}
}

// pauseAt pauses the machine right after an effect: what it asked for is under
// way, and the answer finds it asleep.
func (n *node) pauseAt(f *control.Effect) {
	p := n.pauses
	if p == nil || n.w.now < n.pausedTo || f.Kind != [...]control.EffectKind{control.AskLease, control.Save, control.Register, control.Probe}[int(p.size)%4] {
		return
	}
	n.pauses = nil
	n.pause(min(p.lasts, n.w.set.heal.Sub(n.w.now)), p.keeps)
}

// finish ends a fault.
func (w *World) finish(f *fault) {
	if w.now >= w.set.heal {
		return
	}
	n := w.nodes[f.node%maxNodes]
	switch f.kind {
	case serverFails, serverRestarts:
		w.mendServer(f, f.server)
	case bothFail:
		w.mendServer(f, router.Primary)
		w.mendServer(f, router.Secondary)
	case serverFreezes:
		w.servers[f.server].forgive(everywhere)
	case ipbxSilent, ipbxRestarts:
		w.ipbxs[f.ipbx].mute--
	case wrongPassword:
		w.ipbxs[f.ipbx].wrong--
	case registrarRefuses:
		w.ipbxs[f.ipbx].status = 0
	case registrarDeaf:
		w.ipbxs[f.ipbx].deaf--
	case linkCut, linkBursts, linkLingers:
		w.troubleLinks(f, -1)
	case nodeIsolated:
		w.isolate(n, -1)
	case moveAtRefresh:
		n.atRefresh = false
	case storeInTrouble:
		w.store.trouble = storeWell
	case proberFull:
		n.noProbes = false
	case nodePauses:
		n.pauses = nil
	case nodeCrashes:
		if n.up && n.crash.armed {
			n.die() // its moment never came
		}
	case maintenance:
		w.operate(role.MaintenanceStop, false)
	case storeCut:
		n.cut--
	case peerCut:
		w.between.cut(f.one, -1)
		w.betweenCutTo = w.now
	case addressTwice:
		w.twice = false
	}
}

func (w *World) mendServer(f *fault, x router.Server) {
	s := w.servers[x]
	if s.mode == f.mode {
		s.become(healthy)
	}
	if f.mode.faulty() {
		s.forgive(everywhere)
	}
}

// heal ends every fault there is.
func (w *World) heal() {
	w.logf("all faults end")
	w.note('H', 0, 0)
	for x := router.Primary; x <= router.Secondary; x++ {
		s := w.servers[x]
		if s.mode != healthy {
			s.become(healthy)
		}
		s.frozenTo = 0
		for i := range s.ground {
			s.ground[i].faults = 1
			s.forgive(i)
		}
	}
	for _, b := range w.ipbxs {
		b.mute, b.wrong, b.deaf, b.status = 0, 0, 0, 0
	}
	w.store.trouble, w.twice, w.between, w.betweenCutTo = storeWell, false, link{}, w.now
	for _, n := range w.nodes {
		n.links, n.alone, n.cut = [linksOfNode]link{}, 0, 0
		n.crash, n.pauses, n.noProbes, n.atRefresh = crashPlan{}, nil, false, false
		n.boot()
	}
	w.addressFollows()
	w.after(20*time.Second, func() {
		if n := w.holder(); n != nil && n.state.Row().Role.Maintenance {
			w.operate(role.MaintenanceStop, false)
		}
	})
	if w.set.returns {
		w.after(time.Minute, func() { w.operate(role.Return, true) })
	}
}
